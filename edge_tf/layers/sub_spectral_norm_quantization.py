"""How a sub-spectral norm is quantized in quantization-aware training."""

from typing import Any

import tf_keras as keras
from tensorflow_model_optimization.quantization.keras import QuantizeConfig
from tensorflow_model_optimization.quantization.keras.quantizers import (
    MovingAverageQuantizer,
    Quantizer,
)


@keras.saving.register_keras_serializable("edge_tf")
class SubSpectralNormQuantizeConfig(QuantizeConfig):
    """The norm has no rounding of its own: at export it is in the convolution before it.

    Its scale multiplies each channel of that kernel, as its step does, so that rounding the kernel
    before or after is the same.

    Args:
      output: whether the norm's output is a tensor of the int8 graph. In a block of broadcasted
        residual learning it is none: mean and sum are computed from the block's input (bands.py).
    """

    def __init__(self, output: bool = True) -> None:
        self.output = output

    def get_weights_and_quantizers(self, layer: keras.layers.Layer) -> list[Any]:
        return []

    def get_activations_and_quantizers(self, layer: keras.layers.Layer) -> list[Any]:
        return []

    def set_quantize_weights(self, layer: keras.layers.Layer, quantize_weights: list[Any]) -> None:
        pass

    def set_quantize_activations(
        self, layer: keras.layers.Layer, quantize_activations: list[Any]
    ) -> None:
        pass

    def get_output_quantizers(self, layer: keras.layers.Layer) -> list[Quantizer]:
        if not self.output:
            return []
        return [
            MovingAverageQuantizer(num_bits=8, per_axis=False, symmetric=False, narrow_range=False)
        ]

    def get_config(self) -> dict[str, Any]:
        return {"output": self.output}
