"""LiteRT on the host: its reference kernels, which give the bytes to agree on, and XNNPACK."""

import numpy as np

from edge_tf.engines.base import Outputs, UnavailableError, quantize, run_each


class _LiteRT:
    id: str
    name: str
    bit_exact: bool
    start = "features"
    most_clips = 0
    _resolver: str

    def __init__(self, model: bytes) -> None:
        self._model = model

    def run(self, features: np.ndarray) -> Outputs:
        try:
            from ai_edge_litert import interpreter as litert
        except ImportError as error:
            raise UnavailableError(f"ai-edge-litert is not installed ({error})") from None
        interpreter = litert.Interpreter(
            model_content=self._model,
            num_threads=1,
            experimental_op_resolver_type=getattr(litert.OpResolverType, self._resolver),
        )
        interpreter.allocate_tensors()
        source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]

        def invoke(clip: np.ndarray) -> np.ndarray:
            interpreter.set_tensor(source["index"], clip)
            interpreter.invoke()
            return interpreter.get_tensor(target["index"])

        clips = quantize(features, *source["quantization"])
        logits, seconds = run_each(self.name, clips, invoke)
        scale, zero_point = target["quantization"]
        return Outputs(logits, scale, zero_point, seconds)


class LiteRTReference(_LiteRT):
    """Reference kernels: what TFLite Micro and emitted C must equal in every byte."""

    id = "litert_reference"
    name = "LiteRT reference"
    bit_exact = True
    _resolver = "BUILTIN_REF"


class LiteRTXnnpack(_LiteRT):
    """Optimized kernels, as a phone runs them; they differ by some LSB."""

    id = "litert_xnnpack"
    name = "LiteRT XNNPACK"
    bit_exact = False
    _resolver = "BUILTIN"
