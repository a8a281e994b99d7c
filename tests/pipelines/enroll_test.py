"""pipelines.enroll as a user starts it, and a firmware of the same run that loads what it wrote."""

from pathlib import Path

import numpy as np
import pytest

from edge_tf.audio import wav_bytes
from edge_tf.run_dir import RunDirectory
from firmware_export.runtime.words import Words
from pipelines import export_firmware
from tests.firmware_export import learners
from tests.firmware_export.runtime.enroller_c_test import HIGH, LOW, spoken
from tests.firmware_export.standalone.exports import build_with_cmake
from tests.firmware_export.standalone.exports import run as run_program
from tests.pipelines import learning_run
from tests.pipelines.starting import start

GOOD = [spoken(*LOW, seed=seed) for seed in (1, 2, 3)]
BAD = {
    "quiet": (spoken(seed=4), "refused: nothing stands out of the background"),
    "short": (spoken(*LOW, seed=5)[:12_000], "refused: less sound than the network's window"),
    "loud": (spoken(*LOW, seed=6, gain=0.6), "refused: too loud for the microphone"),
    "cut": (spoken(*LOW, seed=7, seconds=2.0)[14_000:], "refused: the word touches the beginning"),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunDirectory:
    return learning_run.make(tmp_path_factory.mktemp("enroll") / "run")


def files_of(folder: Path, takes: dict[str, np.ndarray]) -> str:
    for name, pcm in takes.items():
        (folder / f"{name}.wav").write_bytes(wav_bytes.encode(pcm, 16_000))
    return ",".join(str(folder / f"{name}.wav") for name in takes)


def enroll(run: RunDirectory, *flags: str, status: int = 0) -> tuple[str, str]:
    done = start("enroll", f"--run_dir={run.path}", *flags)
    assert done.returncode == status, done.stderr
    return done.stdout, done.stderr


def test_words_come_and_go_and_the_others_stay_as_they_are(run, tmp_path):
    good = {f"g{number}": pcm for number, pcm in enumerate(GOOD)}
    wav = files_of(tmp_path, good | {"quiet": BAD["quiet"][0]})
    into = tmp_path / "my.words"
    out, _ = enroll(run, "--word=lights", f"--wav={wav}", f"--into={into}")
    lines = out.splitlines()
    assert [line.endswith(": taken") for line in lines] == [True, True, True, False, False]
    assert lines[3].endswith(f"quiet.wav: {BAD['quiet'][1]}")
    assert lines[4] == f"{into}: 64 bytes, words: lights"
    first = into.read_bytes()
    high = files_of(tmp_path, {f"h{at}": spoken(*HIGH, seed=at) for at in (11, 12, 13)})
    header = tmp_path / "my_words.h"
    enroll(run, "--word=door", f"--wav={high}", f"--into={into}", f"--header={header}")
    assert into.read_bytes()[28:60] == first[28:60]
    assert "static const uint8_t my_words[96]" in header.read_text()
    out, _ = enroll(run, "--remove=door", f"--into={into}")
    assert into.read_bytes() == first and out.endswith("words: lights\n")


def test_the_blob_is_that_of_a_device(run, tmp_path):
    """The Python of the C's own test, from the same network."""
    takes = {str(at): pcm for at, pcm in enumerate(learners.TAKES)}
    out, _ = enroll(run, "--word=lights", f"--wav={files_of(tmp_path, takes)}", "--least_takes=2")
    verdicts, words, _ = learners.expected(learners.model(), True)
    assert [": taken" in line for line in out.splitlines()[:3]] == [v == "TAKEN" for v in verdicts]
    assert (run / "learnt.words").read_bytes() == words.to_bytes()


def test_too_few_good_takes_are_one_line_each_and_status_2(run, tmp_path):
    takes = {name: pcm for name, (pcm, _) in BAD.items()}
    wav = files_of(tmp_path, {"good": GOOD[0], **takes, "other": spoken(*HIGH, seed=11)})
    into = tmp_path / "my.words"
    out, error = enroll(run, "--word=lights", f"--wav={wav}", f"--into={into}", status=2)
    said = dict(line.rsplit("/", 1)[1].split(": ", 1) for line in out.splitlines())
    assert said["good.wav"] == "taken"
    for name, (_, why) in BAD.items():
        assert said[f"{name}.wav"].startswith(why)
    assert said["other.wav"] == "refused: the takes before it sound otherwise"
    assert error == (
        "error: 1 of 6 takes are good, --least_takes=3; record others; nothing was written\n"
    )
    assert not into.exists()


def test_what_was_done_to_a_sound_is_said(run, tmp_path):
    (tmp_path / "slow.wav").write_bytes(wav_bytes.encode(GOOD[0][::2], 8_000))
    wav = f"--wav={tmp_path / 'slow.wav'}"
    _, error = enroll(run, "--word=a", wav, f"--into={tmp_path / 'w'}", "--least_takes=1")
    assert f"note: {tmp_path / 'slow.wav'}: resampled\n" in error


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((), "--word is missing; give the word to learn"),
        (("--word=a",), "--wav is missing"),
        (("--wav=a.wav",), "--word is missing; give the word that --wav has takes of"),
        (("--word=" + "a" * 16, "--wav=a.wav"), "cannot be the name of a word; use 1 to 15 bytes"),
        (("--remove=door", "--into={}/none"), "there is no word 'door'; the words are: none"),
        (("--word=a", "--wav={}/none.wav"), "none.wav"),
        (("--word=a", "--wav=a.wav", "--into={}/junk"), "junk cannot be used: it is no file of"),
    ],
)
def test_what_cannot_be_done_is_one_line(run, tmp_path, flags, message):
    (tmp_path / "junk").write_bytes(b"junk" * 20)
    _, error = enroll(run, *(flag.format(tmp_path) for flag in flags), status=2)
    assert message in error and error.count("\n") == 1


def test_a_run_without_a_threshold_says_what_makes_it(tmp_path):
    run = learning_run.make(tmp_path / "run")
    (run / "recogniser.json").unlink()
    wav = files_of(tmp_path, {"good": GOOD[0]})
    _, error = enroll(run, "--word=a", f"--wav={wav}", status=2)
    assert "recogniser.json is missing" in error and "pipelines.evaluate" in error


def test_a_firmware_loads_the_file_and_hears_its_words(run, tmp_path):
    """The exported C of the run, from the header: it is told the word's name."""
    takes = files_of(tmp_path, {str(at): pcm for at, pcm in enumerate(GOOD)})
    into, header = tmp_path / "my.words", tmp_path / "my_words.h"
    enroll(run, "--word=lights", f"--wav={takes}", f"--into={into}", f"--header={header}")
    manifest = export_firmware.export(run.path, tmp_path / "c", "standalone")
    assert manifest["learning"]["network"] == into.read_bytes()[12:28].hex()
    assert manifest["learning"]["frames_per_decision"] == 3 and manifest["streaming"]
    example = tmp_path / "c" / "examples" / "learn_words.c"
    text = example.read_text()
    changed = text.replace("  words_reset(&words);\n", '  printf("%d ", LOAD);\n')
    changed = changed.replace('#include "words.h"\n', f'#include "words.h"\n#include "{header}"\n')
    assert changed.count("LOAD") == 1
    loads = "(int)words_load(&words, my_words, sizeof my_words)"
    example.write_text(changed.replace("LOAD", loads))
    build = build_with_cmake(tmp_path / "c", tmp_path / "build")
    raw = tmp_path / "other.raw"
    spoken(*HIGH, seed=11).tofile(raw)
    sound = tmp_path / "sound.raw"
    GOOD[0].tofile(sound)
    with sound.open() as given:
        done = run_program(build / "learn_words", "door", raw, stdin=given)
    assert done.stdout.splitlines() == [f"0 {raw}: taken", "lights, distance 0"] or (
        done.stdout.startswith(f"0 {raw}: taken\nlights, distance ")
    ), done.stdout
    assert Words.from_bytes(into.read_bytes(), learners.SIZE, into.read_bytes()[12:28]).names
