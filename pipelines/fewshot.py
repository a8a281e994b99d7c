"""The task "fewshot": flags of an embedding network, and what it is trained and tested on."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from edge_tf.settings import FEW_SHOT_METHODS
from pipelines import help_text, training_flags
from pipelines.help_text import Group

if TYPE_CHECKING:
    from edge_tf.data.dataset import Dataset, Split
    from edge_tf.data.waveform_cache import Waveforms
    from edge_tf.settings import EpisodeShape, FewShotTraining, TrainingSettings
    from edge_tf.training.request import Request

FLAGS = flags.FLAGS
TASK = "fewshot"
_EPOCHS, _EPISODES, _PEAK_RATE, _AUXILIARY_CLIPS = 40, 100, 0.003, 50


@help_text.group(Group.FEW_SHOT)
def define() -> None:
    """Defines the flags of the task."""
    flags.DEFINE_enum(
        "method",
        "dproto",
        FEW_SHOT_METHODS,
        "Loss: proto (prototypical networks), dproto (the same with dummy prototypes of unknown "
        "words) or triplet.",
    )
    flags.DEFINE_list(
        "auxiliary",
        [],
        "<DIR,...>: Folders of words. A classifier of their words, besides those to validate and "
        "test on, and of the training words is trained as well and then dropped.",
    )
    flags.DEFINE_integer(
        "episodes",
        _EPISODES,
        f"Training episodes per epoch. Default --epochs: {_EPOCHS}.",
        lower_bound=1,
    )


def check() -> tuple[str, ...]:
    """Refuses flags that do not fit; needs no TensorFlow.

    Returns:
      The folders of --auxiliary, absolute.

    Raises:
      UserError: a flag has no effect, or the model no embedding.
    """
    from edge_tf.errors import UserError
    from edge_tf.models import MODELS

    if FLAGS.batch_size is not None:
        raise UserError(
            "--batch_size has no effect with --task=fewshot, whose steps are episodes",
            "leave it out",
        )
    model = MODELS[training_flags.value("model")]
    if not model.embeds:
        can = " or ".join(name for name, spec in MODELS.items() if spec.embeds)
        raise UserError(f"--model={model.name} has no embedding", f"use --model={can}")
    return tuple(str(Path(folder).resolve()) for folder in FLAGS.auxiliary)


def _shape() -> "EpisodeShape":
    from edge_tf.settings import EpisodeShape

    return EpisodeShape(ways=5, shots=5, queries=25, unknown=25)


def settings() -> "TrainingSettings":
    """The training that the flags describe."""
    from edge_tf.settings import TrainingSettings

    shape = _shape()
    clips = shape.ways * shape.shots + shape.queries + shape.unknown
    return TrainingSettings(
        FLAGS.epochs or _EPOCHS,
        clips + _AUXILIARY_CLIPS * bool(FLAGS.auxiliary),
        FLAGS.peak_rate or _PEAK_RATE,
        weight_decay=0.0,
        seed=FLAGS.seed,
        optimizer="adam",
    )


def of_clips(
    dataset: "Dataset",
) -> "Callable[[Mapping[Split, Waveforms]], FewShotTraining]":
    """Maps the decoded clips of a data set to how it is trained and tested.

    The result raises UserError if a word has too few clips.
    """
    from edge_tf.fewshot import episodes
    from edge_tf.settings import FewShotTraining

    def made(clips: "Mapping[Split, Waveforms]") -> FewShotTraining:
        testing = clips["testing"]
        words = sum(count > 0 for count in dataset.counts("training").values())
        return FewShotTraining(
            method=FLAGS.method,
            shape=_shape(),
            steps=FLAGS.episodes,
            test_digest=episodes.of_test(testing.labels, testing.names, dataset.labels).digest,
            auxiliary_classes=words if FLAGS.auxiliary else 0,
            auxiliary_clips=_AUXILIARY_CLIPS if FLAGS.auxiliary else 0,
        )

    return made


def tested_on(asked: "Request") -> str:
    """One line on the episodes of the test."""
    from edge_tf.fewshot import episodes

    fewshot = asked.record.fewshot
    assert fewshot is not None
    counts = asked.dataset.counts("testing")
    words = ", ".join(word for word, count in counts.items() if count)
    shape = episodes.TEST_SHAPE
    shots = ", ".join(map(str, episodes.TEST_SHOTS))
    return (
        f"tested on {episodes.TEST_EPISODES:,} episodes (seed {episodes.TEST_SEED}, digest "
        f"{fewshot.test_digest[:12]}): {shape.ways} of {words}; "
        f"{shots} takes of each, {shape.queries} known and {shape.unknown} unknown queries"
    )
