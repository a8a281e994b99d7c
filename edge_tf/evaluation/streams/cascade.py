"""Chooses a detector of two stages: how loose the first is, and what the second asks for."""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

import tflite_model
from edge_tf import progress
from edge_tf.audio import fixed_point
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.engines.base import UnavailableError
from edge_tf.engines.streaming import tflite_micro_frames
from edge_tf.errors import UserError
from edge_tf.evaluation.streams import stream_metrics
from edge_tf.evaluation.streams.asking import Asked, Network
from edge_tf.evaluation.streams.judging import HeardPart, Listening
from edge_tf.evaluation.streams.stream_metrics import Point
from edge_tf.evaluation.streams.wake_parts import SoundPart
from firmware_export import children
from firmware_export.boards import clips, programs, toolchain
from firmware_export.boards.board import HOST
from firmware_export.runtime import second_stage
from firmware_export.runtime.detector import DetectorConfig
from firmware_export.runtime.second_stage import SecondConfig

SMOOTHINGS = (1, 5, 20)
PATIENCE_S = 0.5
_BLOCK = 100  # hits in a run of the network


@dataclasses.dataclass(frozen=True)
class Stages:
    """What both stages are, whatever their settings.

    Attributes:
      first, second: .tflite files of the streaming forms.
      frontend: of both.
      past, pace: of the second; see SecondConfig.
    """

    first: bytes
    second: bytes
    frontend: FrontendConfig
    past: int
    pace: int

    @property
    def patience(self) -> int:
        """Frames after a hit with which it may still say yes."""
        return round(PATIENCE_S * self.frontend.sample_rate / self.frontend.hop)

    def config(self, smoothing: int, threshold: float) -> SecondConfig:
        """Settings of the second stage."""
        return SecondConfig(threshold, smoothing, self.past, self.patience, self.pace)

    def first_config(self, config: DetectorConfig) -> DetectorConfig:
        """The first stage's detector, with a pause that is no shorter than the second's answer."""
        longest = self.config(1, 0.5).longest
        return dataclasses.replace(config, refractory_hops=max(config.refractory_hops, longest))

    def asked(self, parts: Sequence[SoundPart], heard: Network) -> Asked:
        """The second stage, whose network is `heard`, beside some sound."""
        info = tflite_model.parse(self.second, "the second stage's model")
        given = tflite_model.parse(self.first, "the first stage's model").inputs[0]
        scale, zero_point = given.scales[0], given.zero_points[0]
        own = info.inputs[0]
        table = second_stage.feature_table(scale, zero_point, own.scales[0], own.zero_points[0])
        features = [
            table[_features(part.samples, self.frontend, scale, zero_point).astype(int) + 128]
            for part in parts
        ]
        return Asked(
            features,
            heard,
            info.outputs[0].scales[0],
            self.frontend.num_frames,
            self.past,
            self.patience,
        )


@dataclasses.dataclass(frozen=True)
class Chosen:
    """A pair of stages.

    Attributes:
      on: the chosen setting where it was chosen.
      tested: the same on test sound.
      points: the same first stage with all settings of the second, on test sound.
    """

    on: Point
    tested: Point
    points: Sequence[Point]


def choose(
    stages: Stages,
    listening: Listening,
    alone: Sequence[Point],
    validation: tuple[Sequence[SoundPart], Sequence[HeardPart]],
    testing: tuple[Sequence[SoundPart], Sequence[HeardPart]],
    thresholds: Sequence[float],
    hits_per_hour: float,
    most_per_hour: float,
) -> Chosen:
    """Chooses both stages' settings on validation sound, and tests them once.

    First the first stage, which may have so many hits an hour; then, with it, the second, so that
    the fewest words are missed at the aim.

    Args:
      stages: the pair.
      listening: how the first stage heard.
      alone: all settings of the first stage alone, on validation sound.
      validation, testing: sound, and what the first stage heard in it.
      thresholds: of the second stage, to try.
      hits_per_hour: hits an hour that the first stage may have in sound without words.
      most_per_hour: false accepts an hour that the pair may have.
    """
    first = stages.first_config(loosest(alone, hits_per_hour).config)
    seconds = [stages.config(mean, least) for mean in SMOOTHINGS for least in thresholds]
    with network(stages.second) as heard:
        asked = stages.asked(validation[0], heard)
        pairs = stream_metrics.pairs(validation[1], listening, first, seconds, asked)
        on = stream_metrics.choose(pairs, most_per_hour)
        asked = stages.asked(testing[0], heard)
        points = stream_metrics.pairs(testing[1], listening, first, seconds, asked)
    tested = next(point for point in points if point.second == on.second)
    return Chosen(on, tested, points)


def loosest(points: Sequence[Point], hits_per_hour: float) -> Point:
    """The first stage's setting: the fewest false rejects at so many false accepts an hour.

    Of equal ones that with the lowest threshold, and then the shortest smoothing: validation words
    are easier than life's, and the second stage is there to say no.
    """
    fewest = stream_metrics.choose(points, hits_per_hour)
    most = max(hits_per_hour, fewest.total.per_hour)
    equal = [p for p in points if p.missed == fewest.missed and p.total.per_hour <= most]
    return min(equal, key=lambda p: (p.config.threshold, p.config.smoothing, p.config.rearm_score))


@contextlib.contextmanager
def network(model: bytes) -> Iterator[Network]:
    """The second stage's network on frames of hits: as exported C, else in TFLite Micro.

    Raises:
      UserError: neither runs here.
    """
    if toolchain.missing_packages([HOST]):
        yield _in_tflite_micro(model)
        return
    with children.folder() as folder:
        built = programs.build(model, HOST, folder, streaming=True)

        def heard(features: np.ndarray) -> np.ndarray:
            parts = []
            for at in progress.bar(range(0, len(features), _BLOCK), desc="hits", unit="block"):
                block = features[at : at + _BLOCK]
                ran = clips.run_features(built, block, folder / "run", every=1, count=False)
                parts.append(ran.logits.reshape(*block.shape[:2], -1))
            return np.concatenate(parts)

        yield heard


def _in_tflite_micro(model: bytes) -> Network:
    try:
        frames = tflite_micro_frames(model)
    except UnavailableError as error:
        raise UserError(str(error), "install gcc, to run the exported C") from None

    def heard(hit: np.ndarray) -> np.ndarray:
        frames.reset()
        return frames.push(hit)

    return lambda features: np.stack([heard(hit) for hit in features])


def _features(
    samples: np.ndarray, config: FrontendConfig, scale: float, zero_point: int
) -> np.ndarray:
    stream = fixed_point.FrameStream(config, scale, zero_point)
    second = config.sample_rate
    return np.concatenate(
        [stream.push(samples[at : at + second]) for at in range(0, len(samples), second)]
    )
