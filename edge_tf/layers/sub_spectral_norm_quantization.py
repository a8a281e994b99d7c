"""How a sub-spectral norm is quantized in quantization-aware training."""

from typing import Any

from edge_tf.layers.quantization import LayerConfig


class SubSpectralNormQuantizeConfig(LayerConfig):
    """The norm has no rounding of its own: at export it is in the convolution before it.

    Its scale multiplies each channel of that kernel, as its step does, so that rounding the kernel
    before or after is the same.

    Args:
      output: whether the norm's output is a tensor of the int8 graph. In a block of broadcasted
        residual learning it is none: mean and sum are computed from the block's input (bands.py).
    """

    def __init__(self, output: bool = True) -> None:
        super().__init__(output=output)

    def get_config(self) -> dict[str, Any]:
        return {"output": self.output}
