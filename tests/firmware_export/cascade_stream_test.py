"""An exported folder with two stages hears what NumPy hears: on this machine, on a Cortex-M4.

Both networks are small and learned nothing; thresholds are such that some hits are told, some not.
"""

import dataclasses
import functools
import json
from pathlib import Path

import numpy as np
import pytest
import tf_keras as keras

import tflite_model
from edge_tf.conversion import int8
from edge_tf.conversion.tflite import streaming
from edge_tf.engines import sound_streams
from edge_tf.engines.sound_streams import CStream, PythonStream
from edge_tf.engines.streaming import tflite_micro_frames
from edge_tf.models import bc_resnet
from firmware_export.errors import ExportError
from firmware_export.linkage import Linkage
from firmware_export.oracle import micro
from firmware_export.runtime.detector import DetectorConfig
from firmware_export.runtime.second_stage import Second, SecondConfig
from firmware_export.standalone import package
from firmware_export.standalone.spotting import Spotting
from tests import shared
from tests.edge_tf.engines.sound_streams_test import LABELS, check_equal, heard
from tests.edge_tf.engines.streaming_test import (
    FRAMES,
    FRONTEND,
    converted,
    noise,
    sharp_network,
    sound_features,
)
from tests.firmware_export import several
from tests.firmware_export.c_style_test import check_export
from tests.firmware_export.litert_golden import golden_of
from tests.firmware_export.spotters import detections_on

FIRST = DetectorConfig(smoothing=3, threshold=0.3, refractory_hops=60, background=LABELS[:1])
CONFIG = SecondConfig(threshold=0.35, smoothing=4, past=FRAMES + 9, patience=12, pace=5)
SECONDS = 12


@functools.cache
def second_model() -> bytes:
    """Another network, wider, with scales of its own; every class is the best of some sounds."""
    keras.utils.set_random_seed(1)
    model = bc_resnet.build(0.5, len(LABELS), (40, FRAMES, 1), lookahead=0)
    features = 0.8 * sound_features(seed=11)  # so that its input has another scale
    logits = model(features, training=False).numpy()
    kernel, bias = model.get_layer("classifier").get_weights()
    gain = 4 / logits.std(axis=0)
    model.get_layer("classifier").set_weights([kernel * gain, (bias - logits.mean(axis=0)) * gain])
    return streaming.rewrite(int8.convert(model, features, "device")).data


def spotting(**changes: object) -> Spotting:
    config = dataclasses.replace(CONFIG, **changes)
    return Spotting(LABELS, FRONTEND.to_dict(), FIRST, second=Second(second_model(), config, 20.0))


def reference(config: SecondConfig = CONFIG) -> PythonStream:
    """In Python, with TFLite Micro's interpreter for both networks."""
    shared.need_tflite_micro()
    model = converted()[1]
    stage = sound_streams.second_stage(
        Second(second_model(), config), tflite_micro_frames(second_model()), model, FRONTEND
    )
    frames = tflite_micro_frames(model)
    return PythonStream(frames, model, FRONTEND, FIRST, LABELS, is_float=False, second=stage)


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return noise(SECONDS, seed=21)


def test_the_networks_differ_in_all_that_could_be_mixed_up():
    first, second = (tflite_model.parse(model) for model in (converted()[1], second_model()))
    for ours, theirs in ((first.inputs, second.inputs), (first.outputs, second.outputs)):
        assert ours[0].scales != theirs[0].scales
    assert sharp_network().count_params() * 2 < 20_000


@pytest.mark.parametrize("pace", [5, 2, 200])
def test_c_hears_what_python_hears(sound, pace):
    words = spotting(pace=pace)
    python = reference(dataclasses.replace(CONFIG, pace=pace))
    c = CStream(converted()[1], words)
    try:
        found, wanted = heard(c, sound, [1_777]), heard(python, sound, [5_000])
        check_equal(found, wanted)
        c.restart()
        python.restart()
        check_equal(heard(c, sound, [333]), wanted)
        check_equal(heard(python, sound, [16_000]), wanted)
    finally:
        c.close()
    frames = tflite_micro_frames(converted()[1])
    one = PythonStream(frames, converted()[1], FRONTEND, FIRST, LABELS, is_float=False)
    alone = heard(one, sound, [5_000])
    np.testing.assert_array_equal(found.logits, alone.logits)
    told, hits = (found.detected >= 0).sum(), (alone.detected >= 0).sum()
    assert 0 < told < hits, (told, hits)


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported folder, as users get it."""
    return exported(tmp_path_factory.mktemp("cascade") / "firmware", Linkage())


def exported(out: Path, linkage: Linkage) -> Path:
    window, form = converted()
    with pytest.MonkeyPatch.context() as patch:  # package_test.py tests that check
        patch.setattr(micro, "run", lambda *_: None)
        package.export(
            window,
            out,
            "1.2.3",
            spotting=spotting(),
            golden=golden_of(window, clips=2),
            streaming=form,
            linkage=linkage,
        )
    return out


def in_numpy(sound: np.ndarray) -> list[tuple[int, int]]:
    """The same in Python: a frame is there with the first sample of its hop."""
    found = heard(reference(), sound, [16_000]).detected
    return [(int(found[frame]), 160 * int(frame) + 1) for frame in np.flatnonzero(found >= 0)]


def test_a_spotter_hides_both_stages(firmware, sound, tmp_path):
    wanted = in_numpy(sound)
    assert len(wanted) > 2
    found = detections_on("host", firmware, sound, tmp_path)
    assert [(label, samples // 160) for label, samples in found] == [
        (label, samples // 160) for label, samples in wanted
    ]


@pytest.mark.firmware
@pytest.mark.parametrize("name", ["cortex-m4"])
def test_a_board_hears_the_same(firmware, sound, name, tmp_path):
    (tmp_path / "host").mkdir()
    (tmp_path / name).mkdir()
    there = detections_on(name, firmware, sound, tmp_path / name)
    assert there and there == detections_on("host", firmware, sound, tmp_path / "host")


def test_two_cascades_link_into_one_firmware(tmp_path):
    """No symbol is in both but those of kernels, which each has under a name of its own."""
    folders = [exported(tmp_path / name, Linkage(name)) for name in ("lamp", "door")]
    defined = [
        {name for name, kind in several.symbols(several.compiled(folder)).items() if kind in "TDBR"}
        for folder in folders
    ]
    assert "lamp_second_model_push_frame" in defined[0] and not defined[0] & defined[1]
    assert "door_second_stage_push" in defined[1]
    own = [*(folders[0] / "src").glob("lamp_s*.[ch]")]
    assert folders[0] / "src" / "lamp_second_stage.h" in own
    for path in own:
        assert max(map(len, path.read_text(encoding="utf-8").splitlines())) <= 100, path


def test_its_c_has_the_style_of_all_c(firmware):
    check_export(firmware)


def test_manifest_and_readme_tell_both(firmware):
    manifest = json.loads((firmware / "manifest.json").read_text(encoding="utf-8"))
    stage, ram = manifest["second_stage"], manifest["memory"]["ram"]
    assert stage["config"] == CONFIG.to_dict() and stage["hits_per_hour"] == 20.0
    assert ram["second stage's network"] == stage["arena_bytes"] > 1_000
    assert ram["second stage's frames"] > 40 * CONFIG.past
    m4 = next(part for part in manifest["load"]["parts"] if part["part"] == "nRF52840")
    second = m4["second"]
    frame = second["per_hit"] // (CONFIG.past + CONFIG.patience)
    first = second["busiest"] - 100 * CONFIG.pace * frame
    assert m4["instructions_per_second"] == first + round(second["per_hit"] * 20 / 3_600)
    assert (second["first_answer_s"], second["last_answer_s"]) == (0.09, 0.12)
    readme = (firmware / "README.md").read_text(encoding="utf-8")
    assert "### The second stage" in readme and "`src/second_model.h`" in readme
    assert "SPOTTER_FRAMES" not in readme + (firmware / "src" / "spotter.h").read_text()


@pytest.mark.parametrize(
    ("change", "linkage", "is_streaming", "message"),
    [
        ({}, Linkage(arena="external"), True, "buffer of its own: leave out --arena=external"),
        ({}, Linkage(), False, "a second stage hears streams"),
        ({}, Linkage("second"), True, "--prefix=second is what the second stage is called: give a"),
        ({"past": FRAMES - 1}, Linkage(), True, "past=40 frames are less than its window of 41"),
        ({"patience": 61}, Linkage(), True, "give the detector refractory_hops=61 or more"),
    ],
)
def test_what_it_cannot_be_is_refused_in_a_line(change, linkage, is_streaming, message, tmp_path):
    window, form = converted()
    with pytest.raises(ExportError, match=message) as caught:
        package.export(
            window,
            tmp_path / "out",
            "1.2.3",
            spotting=spotting(**change),
            streaming=form if is_streaming else None,
            linkage=linkage,
        )
    assert "\n" not in str(caught.value) and not (tmp_path / "out").exists()


def test_a_network_of_other_words_is_refused_by_name(tmp_path):
    other = Spotting(
        (*LABELS, "more"),
        FRONTEND.to_dict(),
        FIRST,
        second=Second(second_model(), CONFIG, name="second.tflite"),
    )
    with pytest.raises(ExportError, match=r"second\.tflite: the model outputs \(1, 5\), but"):
        package.export(
            converted()[0], tmp_path / "out", "1", spotting=other, streaming=converted()[1]
        )
