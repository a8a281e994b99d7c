"""Exported firmware hears a wake word in a stream: on a Cortex-M4 with the host's bytes.

The network is a small BC-ResNet for streams, trained here for some seconds on a made-up word, three
rising tones: enough to tell it from other sound, so that a detection is one.
"""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tf_keras as keras

from edge_tf.audio import fixed_point
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.conversion import int8
from edge_tf.conversion.tflite import streaming
from edge_tf.models import bc_resnet
from firmware_export.oracle import micro
from firmware_export.runtime.detector import DetectorConfig
from firmware_export.standalone import package
from firmware_export.standalone.spotting import Spotting
from tests.edge_tf.data.streams.wake_folders import OTHER_HZ, WORD_HZ, melody
from tests.firmware_export.litert_golden import golden_of
from tests.firmware_export.spotters import detections_on

FRAMES, RATE, WORD_S = 41, 16_000, 0.39
FRONTEND = FrontendConfig(clip_samples=(FRAMES - 1) * 160)
LABELS = ("_unknown_", "lamp")
DETECTOR = DetectorConfig(
    smoothing=5, threshold=0.6, rearm=0.4, refractory_hops=60, background=LABELS[:1]
)
WORDS_AT = (1.2, 4.1)  # seconds
SCALE, ZERO_POINT = 0.08, 45


def word(seed: int) -> np.ndarray:
    return melody(WORD_HZ, WORD_S, seed)


def windows() -> tuple[np.ndarray, np.ndarray]:
    """Clips of a window's length, int16, and whether the word ends at their end."""
    rng = np.random.default_rng(0)
    clips, is_word = [], []
    for number in range(300):
        sound = rng.normal(0, 10 ** rng.uniform(0, 2.5), 4 * FRONTEND.clip_samples)
        kind = number % 5
        end = rng.integers(0, 3 * 160 if kind == 0 else 6_000)
        given = (
            word(number),
            word(number)[::-1],
            melody(OTHER_HZ, WORD_S, number),
            np.zeros(1),
            word(number)[: rng.integers(1_000, 4_000)],
        )[kind]
        at = len(sound) - end - len(given)
        sound[at : at + len(given)] += given * 10 ** rng.uniform(-0.2, 0.2)
        clips.append(sound[-FRONTEND.clip_samples :])
        is_word.append(kind == 0)
    return np.stack(clips).clip(-32_768, 32_767).astype(np.int16), np.array(is_word)


def trained() -> keras.Model:
    """A network that tells the word from the rest, after some seconds of training."""
    keras.utils.set_random_seed(0)
    model = bc_resnet.build(0.5, len(LABELS), (40, FRAMES, 1), lookahead=0)
    for layer in model.submodules:
        if hasattr(layer, "momentum"):
            layer.momentum = 0.9  # so few steps would not reach the statistics
    clips, is_word = windows()
    model.compile(
        keras.optimizers.legacy.Adam(0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.fit(features_of(clips), is_word.astype(np.int32), batch_size=30, epochs=14, verbose=0)
    return model


def features_of(clips: np.ndarray) -> np.ndarray:
    """Log-mel features, float32, as the integer front-end makes them."""
    steps = fixed_point.log_mel(clips, FRONTEND, SCALE, ZERO_POINT).astype(np.float32)
    return (steps - ZERO_POINT) * np.float32(SCALE)


def stream() -> np.ndarray:
    """Six seconds: the word twice, and what is like it, in faint noise."""
    sound = np.random.default_rng(7).normal(0, 20, 6 * RATE)
    for at, given in (
        *((at, word(1_000 + number)) for number, at in enumerate(WORDS_AT)),
        (2.4, melody(OTHER_HZ, WORD_S, 2_000)),
        (3.1, word(2_001)[::-1]),
        (5.3, melody(OTHER_HZ, WORD_S, 2_002)),
    ):
        start = round(at * RATE)
        sound[start : start + len(given)] += given
    return sound.round().clip(-32_768, 32_767).astype(np.int16)


@dataclasses.dataclass(frozen=True)
class Heard:
    """What wake_stream.c made of the stream: detections as (class, seconds), and all bytes."""

    detections: list[tuple[int, float]]
    records: bytes


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported folder, as users get it."""
    window = int8.convert(trained(), features_of(windows()[0][::2]), "device")
    out = tmp_path_factory.mktemp("wake") / "firmware"
    with pytest.MonkeyPatch.context() as patch:  # package_test.py tests that check
        patch.setattr(micro, "run", lambda *_: None)
        package.export(
            window,
            out,
            "1.2.3",
            spotting=Spotting(LABELS, FRONTEND.to_dict(), DETECTOR),
            golden=golden_of(window, clips=2),
            streaming=streaming.rewrite(window).data,
        )
    return out


def heard_on(name: str, firmware: Path, folder: Path) -> Heard:
    """The folder's front-end, network and detector on a board, compiled with spotter.c."""
    found = detections_on(name, firmware, stream(), folder)
    detections = [(label, samples / RATE) for label, samples in found]
    return Heard(detections, (folder / "heard.bin").read_bytes())


@pytest.fixture(scope="module")
def on_host(firmware: Path, tmp_path_factory: pytest.TempPathFactory) -> Heard:
    return heard_on("host", firmware, tmp_path_factory.mktemp("host"))


def test_each_word_is_heard_once_at_its_end(on_host: Heard):
    """And nothing of what is like it; a decision comes within a quarter of a second."""
    assert [label for label, _ in on_host.detections] == [1, 1]
    for (_, heard), begins in zip(on_host.detections, WORDS_AT, strict=True):
        assert begins + WORD_S / 2 < heard < begins + WORD_S + 0.25


def test_every_frame_has_a_record(on_host: Heard):
    records = np.frombuffer(on_host.records, np.uint8).reshape(-1, 3 * len(LABELS))
    assert len(records) == 6 * RATE // 160
    assert len(np.unique(records[:, : len(LABELS)], axis=0)) > 50


@pytest.mark.firmware
@pytest.mark.parametrize("name", ["cortex-m4", "xtensa"])
def test_a_board_hears_the_same(firmware: Path, on_host: Heard, name: str, tmp_path: Path):
    """Every logit, every score and every detection, at the same sample."""
    there = heard_on(name, firmware, tmp_path)
    assert there.detections == on_host.detections
    assert there.records == on_host.records
