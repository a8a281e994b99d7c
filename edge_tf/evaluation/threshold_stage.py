"""Chooses a few-shot run's threshold on its validation clips, and keeps it in recogniser.json."""

import tflite_model
from edge_tf import run_dir, tflite_runtime
from edge_tf.data.run_data import RunData
from edge_tf.evaluation.hops.few_shot import Threshold
from edge_tf.fewshot import dummies_file, episodes, recogniser_file, threshold
from edge_tf.fewshot.integer import IntegerRecogniser
from edge_tf.fewshot.recogniser_file import RecogniserFile
from firmware_export import packing


def choose(run: run_dir.RunDirectory, data: RunData, accepted: float) -> Threshold:
    """Chooses it for the int8 network, and writes recogniser.json.

    Args:
      run: a run whose conversion has finished.
      data: its data.
      accepted: largest share of unknown queries that may be taken for a word.

    Raises:
      UserError: a file of the run is missing, or a word has too few validation clips.
    """
    path = run.require_int8()
    model = path.read_bytes()
    output = tflite_model.parse(model, str(path)).outputs[0]
    scale, zero_point = output.scales[0], output.zero_points[0]
    clips = data.clips("validation")
    words = episodes.Words(clips.labels, clips.names, data.labels, episodes.VALIDATION_SHAPE)
    drawn = words.draw(episodes.VALIDATION_SEED, 0, episodes.VALIDATION_EPISODES)
    made = tflite_runtime.run_int8(model, data.features(clips.samples), name="validation")
    recogniser = IntegerRecogniser.of(dummies_file.recogniser_of(run), scale, zero_point)
    chosen = threshold.choose(made.values, drawn, recogniser, accepted)
    content = RecogniserFile(
        model_sha256=packing.sha256(model),
        shots=episodes.VALIDATION_SHAPE.shots,
        words=words.words,
        chosen=chosen,
    )
    recogniser_file.save(run, content)
    return Threshold(chosen.score, scale, zero_point)
