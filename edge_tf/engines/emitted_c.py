"""The model as plain C: on the host, and on emulated microcontrollers."""

import numpy as np

import tflite_model
from edge_tf.engines.base import Outputs, Start, UnavailableError
from edge_tf.tflite_runtime import quantize
from firmware_export import children
from firmware_export.boards import clips, programs, toolchain
from firmware_export.boards.board import Board
from firmware_export.boards.building import DoesNotFitError
from firmware_export.errors import ExportError
from firmware_export.standalone import compiler
from firmware_export.standalone.spotting import Spotting

_TIMEOUT_S = 1800.0


class EmittedC:
    """The C of the standalone export, compiled and run.

    Attributes:
      start: "features": quantized features go straight into the model; "waveform": 16-bit samples
        go through front-end, model and detector in one program.
      most_clips: maximum number of clips, since emulation is slow; 0: no limit.
    """

    bit_exact = True

    def __init__(
        self,
        model: bytes,
        board: Board,
        spotting: Spotting | None = None,
        start: Start = "features",
        streaming: bool = False,
    ) -> None:
        """
        Args:
          model: an int8 .tflite file.
          board: where it runs.
          spotting: labels and front-end; needed to start from the waveform.
          start: kind of input.
          streaming: the model is in streaming form: each clip is pushed in frame by frame, and its
            logits are those after its last frame.
        """
        self._model = model
        self._board = board
        self._spotting = spotting if start == "waveform" else None
        self.start = start
        self._streaming = streaming
        word = board.name.replace("-", "_")
        self.id = f"emitted_c_{word}" + ("_pcm" if start == "waveform" else "")
        self.id += "_streaming" if streaming else ""
        self.name = f"Emitted C, {board.label}" + (" (waveform)" if start == "waveform" else "")
        self.name += ", streaming" if streaming else ""
        self.most_clips = board.most_clips

    def run(self, clips_in: np.ndarray) -> Outputs:
        """Runs all clips in one program.

        Args:
          clips_in: (clips, mel_bands, frames, 1) float32, or (clips, samples) int16.
        """
        board = self._board
        missing = toolchain.missing_packages([board])
        if missing:
            raise UnavailableError(f"apt-get install {' '.join(missing)}")
        info = tflite_model.parse(self._model, "the int8 model")
        source, logits = info.inputs[0], info.outputs[0]
        try:
            compiler.compile(info, streaming=self._streaming)
        except ExportError as error:
            raise UnavailableError(f"no plain C for this model: {error}") from None
        with children.folder() as folder:
            # Whether it fits a part is checked by the export; here it only has to run.
            flash_kb, ram_kb = board.memory_kb
            try:
                built = programs.build(
                    self._model,
                    board,
                    folder,
                    self._spotting,
                    streaming=self._streaming,
                    flash_kb=flash_kb,
                    ram_kb=ram_kb,
                )
            except DoesNotFitError as error:
                raise UnavailableError(f"too large for the emulated board: {error}") from None
            if self.start == "waveform":
                result = clips.run_waveforms(
                    built, clips_in, folder / "run", timeout_s=_TIMEOUT_S, count=False
                )
            else:
                features = quantize(clips_in, source.scales[0], source.zero_points[0])
                if self._streaming:
                    features = features[..., 0].transpose(0, 2, 1)
                result = clips.run_features(
                    built, features, folder / "run", timeout_s=_TIMEOUT_S, count=False
                )
        seconds = result.run.seconds / len(clips_in) if not board.is_emulated else None
        return Outputs(result.logits, logits.scales[0], logits.zero_points[0], seconds)


class IntegerFrontend:
    """LiteRT's reference kernels on the features of the integer front-end.

    It has the accuracy of a microcontroller; emitted C that starts from the waveform must match its
    bytes.
    """

    id = "litert_reference_integer"
    name = "LiteRT reference, integer front-end"
    start: Start = "waveform"
    bit_exact = False
    most_clips = 0

    def __init__(self, model: bytes, frontend: dict[str, object]) -> None:
        self._model = model
        self._frontend = frontend

    def run(self, clips_in: np.ndarray) -> Outputs:
        """clips_in: (clips, samples) int16."""
        from edge_tf.audio import fixed_point
        from edge_tf.audio.frontend_config import FrontendConfig
        from edge_tf.engines.litert import LiteRTReference

        source = tflite_model.parse(self._model, "the int8 model").inputs[0]
        scale, zero_point = source.scales[0], source.zero_points[0]
        config = FrontendConfig.from_dict(self._frontend)
        features = fixed_point.log_mel(np.asarray(clips_in), config, scale, zero_point)
        # Real numbers on the int8 grid, from which the engine's own rounding restores the features.
        real = (features.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)
        return LiteRTReference(self._model).run(real)
