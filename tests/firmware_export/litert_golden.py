"""Golden vectors of any model, from LiteRT's reference kernels."""

import numpy as np

from firmware_export.golden import Golden


def golden_of(model: bytes, clips: int) -> Golden:
    """Random inputs and their outputs; labels count up."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    given, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    features = np.random.default_rng(2).integers(
        -128, 128, (clips, *given["shape"][1:]), dtype=np.int8
    )
    logits = []
    for clip in features:
        interpreter.set_tensor(given["index"], clip[np.newaxis])
        interpreter.invoke()
        logits.append(interpreter.get_tensor(result["index"])[0])
    stacked = np.stack(logits)
    return Golden(features, stacked, np.arange(clips) % stacked.shape[1])
