"""What a device needs of a run to learn words and to find them."""

import tflite_model
from edge_tf import run_dir
from edge_tf.errors import UserError
from edge_tf.fewshot import dummies_file, recogniser_file
from edge_tf.fewshot.integer import IntegerRecogniser
from firmware_export.frontend.config import LogMel
from firmware_export.runtime import words
from firmware_export.runtime.detector import frames_between
from firmware_export.runtime.learning import Learning

_DECISIONS_PER_SECOND = 30


def decision_frames(run: run_dir.RunDirectory, streaming: bool) -> int:
    """Frames from one decision to the next, unless it is asked for otherwise.

    Args:
      run: the run.
      streaming: one frame per inference: some 30 decisions a second. Else ten windows.
    """
    config = run.frontend()
    if not streaming:
        return frames_between(config.sample_rate, config.hop)
    return max(1, round(config.sample_rate / config.hop / _DECISIONS_PER_SECOND))


def learning(run: run_dir.RunDirectory, streaming: bool, frames: int | None = None) -> Learning:
    """Recogniser, limits and thresholds of a run of --task=fewshot.

    Args:
      run: converted and evaluated.
      streaming: of the network's streaming form.
      frames: from one decision to the next; None: see `decision_frames`.

    Raises:
      UserError: a file of the run is missing or damaged.
      ExportError: a device cannot compute such features.
    """
    chosen = recogniser_file.load(run)
    model = run.require_int8().read_bytes()
    path = run.require_streaming() if streaming else run.require_int8()
    info, whole = (tflite_model.parse(data) for data in (path.read_bytes(), model))
    given, output = info.inputs[0], info.outputs[0]
    grids = [(end.scales, end.zero_points) for end in (output, whole.outputs[0])]
    if grids[0] != grids[1]:
        raise UserError(
            f"the two forms of the network in {run.path} have other scales",
            f"make them again with: {run.command_of('convert')}",
        )
    scale, zero_point = output.scales[0], output.zero_points[0]
    recogniser = IntegerRecogniser.of(dummies_file.recogniser_of(run), scale, zero_point)
    text = chosen.text()
    return Learning.of(
        recogniser=recogniser.device,
        size=output.byte_size,
        identity=words.identity_of(model),
        frontend=LogMel.from_dict(run.frontend().to_dict()),
        scale=given.scales[0],
        frames=frames or decision_frames(run, streaming),
        threshold=chosen.chosen.score,
        unlike=chosen.chosen.unlike,
        about=f"The threshold was {text}.",
    )
