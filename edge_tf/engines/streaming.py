"""Networks that run on a stream, frame by frame, and the hops that use them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

import tflite_model
from edge_tf import models, tflite_runtime
from edge_tf.engines.base import Outputs, Start
from edge_tf.engines.tflite_micro import interpreter_of
from edge_tf.errors import UserError
from edge_tf.models import loading
from edge_tf.settings import ModelConfig
from edge_tf.tflite_runtime import quantize, run_each
from tflite_model.info import ModelInfo

if TYPE_CHECKING:
    import tf_keras as keras


class FrameByFrame(Protocol):
    """A network with state."""

    def reset(self) -> None:
        """Clears the state: no frame has been pushed."""
        ...

    def push(self, frames: np.ndarray) -> np.ndarray:
        """Accepts (n, mel_bands) frames, n >= 1; returns (n, classes) logits."""
        ...


def keras_stream(model: "keras.Model", config: ModelConfig) -> "keras.Model":
    """The streaming form of a Keras model that was built for streams, with its weights.

    Args:
      model: for whole windows.
      config: what it was built with.

    Raises:
      UserError: the model is not for streams, or was not built with these settings.
    """
    from edge_tf.models import run_model, time_axis

    build_stream = models.spec(config.name).build_stream
    can = " or ".join(name for name, spec in models.MODELS.items() if spec.build_stream)
    remedy = f"train a {can} with --streaming"
    if build_stream is None or config.lookahead is None:
        raise UserError(f"{model.name} has no streaming form", remedy)
    try:
        stream = build_stream(
            num_classes=None if config.embedding else model.output_shape[1],
            window_frames=model.input_shape[2],
            **run_model.arguments(config),
        )
        time_axis.copy_weights(model, stream)
    except (ValueError, AttributeError, IndexError) as error:
        raise UserError(
            f"{model.name} has no streaming form ({str(error).splitlines()[0]})", remedy
        ) from None
    return stream


class KerasFrames:
    """Float Keras on float32 frames, in blocks of any size."""

    def __init__(self, stream: "keras.Model") -> None:
        import tensorflow as tf

        self._stream = stream
        shape = (1, stream.input_shape[1], None, 1)
        run = tf.function(lambda x: stream(x, training=False)[0], autograph=False)
        self._run = run.get_concrete_function(tf.TensorSpec(shape, tf.float32))

    def reset(self) -> None:
        from edge_tf.models import time_axis

        time_axis.reset(self._stream)

    def push(self, frames: np.ndarray) -> np.ndarray:
        import tensorflow as tf

        block = np.ascontiguousarray(frames.T, np.float32)[np.newaxis, :, :, np.newaxis]
        logits: np.ndarray = self._run(tf.constant(block)).numpy()
        return logits


class Int8Frames:
    """An interpreter with a .tflite of the streaming form, on int8 frames.

    Args:
      info: of the file.
      invoke: maps all inputs, features and states, to all outputs.
    """

    def __init__(
        self,
        info: ModelInfo,
        invoke: Callable[[Sequence[np.ndarray]], Sequence[np.ndarray]],
    ) -> None:
        self._info, self._invoke = info, invoke
        self.reset()

    def reset(self) -> None:
        self._states = [
            np.full(state.shape, state.zero_points[0], np.int8) for state in self._info.inputs[1:]
        ]

    def push(self, frames: np.ndarray) -> np.ndarray:
        shape, logits = self._info.inputs[0].shape, []
        for frame in frames:
            outputs = self._invoke([frame.reshape(shape), *self._states])
            logits.append(outputs[0][0])
            self._states = list(outputs[1:])
        return np.stack(logits)


def tflite_micro_frames(model: bytes) -> Int8Frames:
    """TFLite Micro's interpreter with the streaming form.

    Raises:
      UnavailableError: it is not installed here.
    """
    info = tflite_model.parse(model, "the streaming model")
    interpreter = interpreter_of(model, info)

    def invoke(inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        for number, values in enumerate(inputs):
            interpreter.set_input(values, number)
        interpreter.invoke()
        return [np.array(interpreter.get_output(i)) for i in range(len(info.outputs))]

    return Int8Frames(info, invoke)


def litert_frames(model: bytes) -> Int8Frames:
    """LiteRT's reference kernels with the streaming form."""
    info = tflite_model.parse(model, "the streaming model")
    interpreter = tflite_runtime.interpreter(model, "reference")
    given = [tensor["index"] for tensor in interpreter.get_input_details()]
    made = [tensor["index"] for tensor in interpreter.get_output_details()]

    def invoke(inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        for index, values in zip(given, inputs, strict=True):
            interpreter.set_tensor(index, values)
        interpreter.invoke()
        return [interpreter.get_tensor(index) for index in made]

    return Int8Frames(info, invoke)


class KerasStreaming:
    """Float Keras, frame by frame: the hop that shows that both forms are the same network."""

    id = "keras_streaming"
    name = "Keras float, streaming"
    bit_exact = False
    start: Start = "features"
    most_clips = 20  # a call of Keras per frame: a clip takes seconds on a busy machine

    def __init__(self, path: Path, config: ModelConfig) -> None:
        self._path, self._config = path, config

    def run(self, features: np.ndarray) -> Outputs:
        stream = keras_stream(loading.load(self._path), self._config)
        frames = KerasFrames(stream)
        logits, _ = run_each(self.name, features, _last_logits(frames))
        return Outputs(logits, None, None, None)


class StreamingTFLiteMicro:
    """TFLite Micro with the streaming form, one call per frame."""

    id = "tflite_micro_streaming"
    name = "TFLite Micro, streaming"
    bit_exact = True
    start: Start = "features"
    most_clips = 400

    def __init__(self, model: bytes) -> None:
        self._model = model

    def run(self, features: np.ndarray) -> Outputs:
        frames = tflite_micro_frames(self._model)
        info = tflite_model.parse(self._model, "the streaming model")
        source, target = info.inputs[0], info.outputs[0]
        clips = quantize(features, source.scales[0], source.zero_points[0])
        logits, _ = run_each(self.name, clips, _last_logits(frames))
        return Outputs(logits, target.scales[0], target.zero_points[0], None)


def _last_logits(frames: FrameByFrame) -> Callable[[np.ndarray], Any]:
    """Maps a clip [1, bands, frames, 1] to the logits of its last frame, [1, classes]."""

    def run(clip: np.ndarray) -> np.ndarray:
        frames.reset()
        for frame in clip[0, :, :, 0].T:
            logits = frames.push(frame[np.newaxis])
        return logits[-1:]

    return run
