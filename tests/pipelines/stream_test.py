"""Always-on keyword spotting as a user starts it: a run for streams, what it hears and exports."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import types
import wave
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import soundfile

import tflite_model
from edge_tf.audio import encodings
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.data.words import folder_of_words
from edge_tf.engines.sound_streams import StreamResult
from edge_tf.errors import UserError
from edge_tf.run_dir import RunDirectory
from edge_tf.run_records import ExportFirmwareRecord
from edge_tf.settings import ModelConfig
from edge_tf.training import request
from firmware_export.runtime.detector import ONE
from pipelines import common, training_flags
from pipelines import stream as stream_stage
from tests.edge_tf import recorded
from tests.edge_tf.audio.wav_files import encode, tone, wav_bytes, write
from tests.pipelines.bad_input_test import refused_early, tree
from tests.pipelines.compress_test import as_trained
from tests.pipelines.starting import ROOT, start

BOARDS = ("host", "cortex_m4", "cortex_m55")
LABELS = ["_silence_", "_unknown_", "no", "stop", "yes"]
# A network of two epochs is sure of nothing: it is asked what it would guess, four times a second.
# One of five classes always has a fifth.
GUESS = {"smoothing": 3, "threshold": 0.15, "refractory_hops": 24, "background": [], "rearm": 1}


@pytest.fixture(scope="module")
def finished(real_data, tmp_path_factory):
    """A short run for streams on three words, converted and evaluated: its folder, the screen."""
    folder = tmp_path_factory.mktemp("streaming")
    run, cache = f"--run_dir={folder / 'run'}", f"--cache_dir={folder / 'cache'}"
    words = (f"--data_dir={real_data}", "--task=words", "--words=no,stop,yes", "--unknown_share=1")
    stages = {
        "train": (*words, cache, "--epochs=2", "--batch_size=20", "--tau=0.25", "--streaming"),
        "convert": (cache, "--representative_clips=40"),
        # It learns little from 40 clips a word, so no accuracy is asked for; bytes are.
        "evaluate": (
            *(cache, "--max_drop=100", "--max_clips=10", "--error_clips=0"),
            *("--stream", "--stream_minutes=2", "--max_false_accepts=500"),
        ),
    }
    printed = {}
    for stage, flags in stages.items():
        done = start(stage, run, *flags)
        assert done.returncode == 0, done.stdout + done.stderr
        printed[stage] = done.stdout
    return folder / "run", printed


@pytest.fixture(scope="module")
def guessing(finished) -> Path:
    """The same run with a detector that always detects something."""
    run, _ = finished
    copy = shutil.copytree(run, run.parent / "guessing")
    (copy / "detector.json").write_text(json.dumps({"detector": GUESS}))
    return copy


@pytest.fixture(scope="module")
def speech(real_data, tmp_path_factory) -> Path:
    """A few words in a row, a second each."""
    sounds = []
    for word in ("yes", "up", "no", "stop", "left", "yes"):
        with wave.open(str(sorted((real_data / word).glob("*.wav"))[3])) as clip:
            samples = np.frombuffer(clip.readframes(16_000), "<i2").astype(np.int16)
        sounds.append(np.pad(samples, (0, 16_000 - len(samples))))
    return write(tmp_path_factory.mktemp("speech") / "words.wav", np.concatenate(sounds) / 32_768)


def pcm_of(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        return file.readframes(file.getnframes())


def listen(run: Path, *flags: str, sound: bytes | None = None) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pipelines.stream", f"--run_dir={run}", *flags]
    return subprocess.run(command, cwd=ROOT, capture_output=True, input=sound, timeout=300)


def lines_of(done: subprocess.CompletedProcess) -> list[str]:
    """What was detected, of a listener that ended well and said how fast it was."""
    assert done.returncode == 0, done.stderr
    last = done.stderr.decode().splitlines()[-1]
    lines = done.stdout.decode().splitlines()
    assert f" s of sound, {len(lines)} detections; engine " in last
    assert last.endswith(" times real time")
    return lines


def test_convert_writes_the_streaming_form_and_records_it(finished):
    run, _ = finished
    window, stream = (
        tflite_model.read(run / f"model_{form}.tflite") for form in ("int8", "streaming")
    )
    assert window.inputs[0].shape == (1, 40, 101, 1) and len(window.inputs) == 1
    assert stream.inputs[0].shape == (1, 40, 1, 1) and stream.outputs[0].shape == (1, 5)
    states = stream.inputs[1:]
    config = json.loads((run / "config.json").read_text())
    assert config["stages"]["train"]["model"]["lookahead"] == 0
    assert config["stages"]["convert"]["streaming"] == {
        "bytes": (run / "model_streaming.tflite").stat().st_size,
        "states": len(states),
        "state_bytes": sum(state.byte_size for state in states),
        "delay_frames": 0,
        "sha256": hashlib.sha256((run / "model_streaming.tflite").read_bytes()).hexdigest(),
    }
    assert len(states) == len(stream.outputs) - 1 > 5


def test_the_hop_table_has_the_streaming_rows_with_the_bytes_of_windows(finished):
    run, printed = finished
    rows = {row["engine"]: row for row in json.loads((run / "report.json").read_text())["hops"]}
    exact = ["tflite_micro_streaming"]
    exact += [f"emitted_c_{board}{end}_streaming" for end in ("", "_pcm") for board in BOARDS]
    assert list(rows)[-len(exact) - 1 :] == ["keras_streaming", *exact]
    for name in exact:
        row = rows[name]
        assert row["bit_exact_required"]
        assert row["start"] == ("waveform" if "_pcm" in name else "features")
        assert row["name"].endswith(", streaming") and row["name"] in printed["evaluate"]
        if row["unavailable"]:
            assert "apt-get install" in row["unavailable"] or "tflite-micro" in row["unavailable"]
            continue
        assert row["differing_bytes"] == 0 and row["total_bytes"] == 5 * row["clips"] == 50
        reference = "litert_reference" + ("_integer" if "_pcm" in name else "")
        assert row["compared_to"] == rows[reference]["name"]
    assert rows["keras_streaming"]["agreement"] == 1
    assert rows["keras_streaming"]["accuracy"] == rows["keras"]["accuracy"]


def test_evaluate_chooses_the_detector_and_says_what_it_is_worth(finished):
    run, printed = finished
    heard = json.loads((run / "stream.json").read_text())
    model = (run / "model_streaming.tflite").read_bytes()
    assert heard["model_sha256"] == hashlib.sha256(model).hexdigest()
    assert heard["settings"] == {"minutes": 2.0, "most_per_hour": 500.0, "seed": 0}
    scene, chosen = heard["scene"], heard["chosen"]
    assert scene["hours"] == pytest.approx(1 / 30)
    assert scene["keywords"] == chosen["words"] > 5 and scene["other_words"] > 5
    assert sum(row["words"] for row in heard["by_snr"]) == chosen["words"]
    assert sum(row["missed"] for row in heard["by_snr"]) == chosen["missed"]
    assert chosen in heard["points"]
    assert heard["chosen_on_validation"]["smoothing"] == chosen["smoothing"]
    # 500 per hour are 16 in 2 minutes.
    assert heard["chosen_on_validation"]["false_accepts"] <= 16
    detector = json.loads((run / "detector.json").read_text())
    assert detector["about"]["test"] == chosen
    assert printed["evaluate"].splitlines()[0] == heard["verdict"] == detector["about"]["verdict"]
    assert heard["verdict"].startswith("MET: at most 500 false accepts per hour; ")
    assert sum(row["hours"] for row in heard["by_kind"]) == pytest.approx(1 / 30)
    assert sum(row["false_accepts"] for row in heard["by_kind"]) == chosen["false_accepts"]
    assert [row["kind"] for row in heard["by_kind"]] == [
        *("words, no noise", "words, noise at 20 dB")
    ]
    assert detector["about"]["met"] is heard["is_met"] is True
    gates = json.loads((run / "report.json").read_text())["gates"]
    assert [gate["verdict"] for gate in gates if "at most 500 false acc" in gate["name"]] == [
        "passed"
    ]
    assert chosen["refractory_hops"] == 101 + chosen["smoothing"]
    for key in ("smoothing", "threshold", "refractory_hops", "rearm"):
        assert detector["detector"][key] == chosen[key]
    assert f"false rejects: {chosen['missed']} of {chosen['words']}" in printed["evaluate"]
    assert json.loads((run / "report.json").read_text())["stream"] == heard


def test_the_verdict_is_the_first_line_and_decides_the_exit_status(finished, tmp_path):
    """An aim of none: met by no length of sound, and not met where any was heard."""
    run = shutil.copytree(finished[0], tmp_path / "run")
    cache = f"--cache_dir={finished[0].parent / 'cache'}"
    flags = (cache, "--max_drop=100", "--max_clips=10", "--error_clips=0", "--boards=")
    sure = json.loads((run / "stream.json").read_text())["points"]
    assert min(point["false_accepts"] for point in sure) == 0  # those that detect nothing
    done = start(
        "evaluate",
        f"--run_dir={run}",
        *flags,
        "--stream",
        "--stream_minutes=2",
        "--max_false_accepts=0",
    )
    first = done.stdout.splitlines()[0]
    about = json.loads((run / "detector.json").read_text())["about"]
    assert about["verdict"] == first
    if about["met"] is None:  # quiet where it was chosen and where it was tested
        assert first.startswith("TOO SHORT TO TELL: at most 0 false") and done.returncode == 0
    else:
        assert first.startswith("NOT MET: at most 0 false") and done.returncode == 1
        assert about["met"] is False and "at most 0 false accepts per hour" in done.stderr


def test_the_report_shows_the_stream_and_its_curve(finished):
    run, _ = finished
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "<h2>Always on</h2>" in page and 'id="chartdet"' in page
    assert "Operating curve: false rejects over maximum false accepts per hour 0 to" in page
    assert '<g class="cross">' in page


def test_all_engines_print_what_they_hear_in_a_file(guessing, speech):
    """c and tflm give the same bytes, so the same lines; keras rounds elsewhere."""
    heard = {
        engine: lines_of(listen(guessing, f"--wav={speech}", f"--engine={engine}"))
        for engine in ("c", "tflm", "keras")
    }
    assert heard["c"] == heard["tflm"]
    for lines in heard.values():
        fields = [line.split() for line in lines]
        seconds = [float(when) for when, *_ in fields]
        # The first whole window ends after a second.
        assert 1 <= seconds[0] <= 1.03 and seconds[-1] >= 5.5
        assert np.diff(seconds) == pytest.approx(0.25)
        assert {label for _, _, label, _ in fields} <= set(LABELS)
        assert all(unit == "s" and 0.15 <= float(score) <= 1 for _, unit, _, score in fields)


def test_the_same_sound_through_standard_input_gives_the_same_lines(guessing, speech):
    from_file = listen(guessing, f"--wav={speech}")
    as_pcm = listen(guessing, "--wav=-", sound=pcm_of(speech))
    as_wav = listen(guessing, "--wav=-", sound=speech.read_bytes())
    assert lines_of(as_pcm) == lines_of(as_wav) == lines_of(from_file)
    for heard, source in (
        (
            from_file,
            f"listening to {speech} (WAV (PCM_16), 16,000 Hz, 1 channel); threshold 0.15, ",
        ),
        (as_pcm, "listening to standard input (raw s16le, 16,000 Hz, 1 channel, or WAV); "),
        (as_wav, "standard input is WAV (PCM_16), 16,000 Hz, 1 channel\n"),
    ):
        assert source in heard.stderr.decode()
        assert "; first decision after 1.00 s, then 100 per second\n" in heard.stderr.decode()


def test_a_detection_is_printed_while_sound_still_comes(guessing, speech):
    """Nobody waits for the end of a microphone."""
    command = [sys.executable, "-m", "pipelines.stream", f"--run_dir={guessing}", "--wav=-"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as listening:
        assert listening.stdin is not None and listening.stdout is not None
        os.write(listening.stdin.fileno(), pcm_of(speech)[:40_000])
        assert listening.stdout.readline().split()[1] == b"s"
        assert listening.poll() is None
        listening.communicate(timeout=60)
    assert listening.returncode == 0


def test_flags_change_the_detector_of_the_run(guessing, speech):
    as_chosen = lines_of(listen(guessing, f"--wav={speech}"))
    rarely = lines_of(listen(guessing, f"--wav={speech}", "--refractory_hops=99"))
    assert len(as_chosen) in (20, 21) and len(rarely) in (5, 6) and as_chosen[0] == rarely[0]
    assert lines_of(listen(guessing, f"--wav={speech}", "--threshold=1")) == []


def test_what_fires_in_real_speech_is_saved_and_can_be_trained_on(
    guessing, speech, real_data, tmp_path
):
    """As a folder of a data set: each file is a clip, index.tsv disturbs nobody."""
    kept = tmp_path / "data" / "_unknown_"
    done = listen(guessing, f"--wav={speech}", f"--keep={kept}", "--keep_most=12", "--json")
    assert done.returncode == 0, done.stderr
    *found, summary = [json.loads(line) for line in done.stdout.splitlines()]
    assert summary["kept_detections"] == 12 and summary["kept_near_misses"] == 0
    assert summary["not_kept"] == len(found) - 12 > 0
    said = done.stderr.decode()
    assert f"note: {kept} has 12 files, --keep_most: no more are saved\n" in said
    assert f"saved 12 detections and 0 near misses in {kept}; {len(found) - 12} more" in said
    table = [line.split("\t") for line in (kept / "index.tsv").read_text().splitlines()]
    assert table[0] == ["file", "class", "score", "seconds", "kind"]
    heard = np.frombuffer(pcm_of(speech), "<i2")
    for row, event in zip(table[1:], found, strict=False):
        assert row[1:] == [
            *(event["label"], f"{event['score']:.4f}", f"{event['seconds']:.3f}", "fired")
        ]
        samples, _ = soundfile.read(kept / row[0], dtype="int16")
        end = round(event["seconds"] * 16_000)
        np.testing.assert_array_equal(samples, heard[max(0, end - 2 * 16_000 - 101 * 160) : end])
    for word in ("yes", "no"):
        shutil.copytree(real_data / word, tmp_path / "data" / word)
    dataset = folder_of_words.load(tmp_path / "data", "words")
    clips = [clip for split in dataset.splits.values() for clip in split]
    assert sum(Path(clip.path).parent.name == "_unknown_" for clip in clips) == 12


def test_near_misses_in_real_speech_are_saved(guessing, speech, tmp_path):
    """One of five classes always has a fifth: more than half of 0.35, which no guess reaches."""
    kept = tmp_path / "kept"
    done = listen(guessing, f"--wav={speech}", f"--keep={kept}", "--threshold=0.35")
    assert lines_of(done) == []
    rows = [line.split("\t") for line in (kept / "index.tsv").read_text().splitlines()[1:]]
    assert rows and len(list(kept.glob("*.wav"))) == len(rows)
    for name, _, score, seconds, kind in rows:
        assert kind == "near" and 0.175 <= float(score) < 0.35 and 1 <= float(seconds) <= 6.1
        assert soundfile.info(kept / name).frames == min(
            round(float(seconds) * 16_000), 2 * 16_000 + 101 * 160
        )
    again = listen(guessing, f"--wav={speech}", f"--keep={kept}")
    assert again.returncode == 2 and again.stdout == b""
    assert again.stderr.decode() == (
        f"error: --keep={kept} exists and is not empty; name a new folder\n"
    )


def test_a_damaged_choice_is_told(guessing, speech, tmp_path):
    run = shutil.copytree(guessing, tmp_path / "run")
    (run / "detector.json").write_text("[]")
    failed = listen(run, f"--wav={speech}")
    assert failed.returncode == 2 and failed.stderr.count(b"\n") == 1
    assert f"error: {run / 'detector.json'} describes no detector" in failed.stderr.decode()


def test_firmware_is_of_the_streaming_form_with_the_chosen_detector(finished):
    run, _ = finished
    done = start("export_firmware", f"--run_dir={run}", "--flavor=standalone")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((run / "firmware_c" / "manifest.json").read_text())
    model = (run / "model_streaming.tflite").read_bytes()
    assert manifest["streaming"]
    assert manifest["model"]["sha256"] == hashlib.sha256(model).hexdigest()
    assert manifest["memory"]["state_bytes"] > 1_000
    detector = json.loads((run / "detector.json").read_text())["detector"]
    assert manifest["detector"] == detector and manifest["detector_caveat"] == ""
    assert "does not hold" not in (run / "firmware_c" / "README.md").read_text()
    header = (run / "firmware_c" / "src" / "detector.h").read_text()
    assert f"#define DETECTOR_SMOOTHING {detector['smoothing']}\n" in header
    assert f"#define DETECTOR_REFRACTORY_HOPS {detector['refractory_hops']}\n" in header
    assert f"#define DETECTOR_REARM {round(detector['rearm'] * ONE)}\n" in header
    assert "model_push_frame" in (run / "firmware_c" / "src" / "spotter.c").read_text()
    record = RunDirectory(run).stage(ExportFirmwareRecord)
    assert record.streaming and record.flavor == "standalone"


@pytest.mark.parametrize(
    ("stage", "flags"),
    [
        ("export_firmware", ["--flavor=standalone"]),
        ("export_firmware", ["--flavor=tflm"]),
        ("export_android", []),
    ],
)
def test_an_export_says_first_and_inside_what_its_detector_lacks(finished, tmp_path, stage, flags):
    run = shutil.copytree(finished[0], tmp_path / "run")
    chosen = json.loads((run / "detector.json").read_text())
    verdict = "NOT MET: at most 0.1 false accepts per hour; 16.00 per hour where it was chosen"
    chosen["about"] |= {"met": False, "verdict": verdict}
    (run / "detector.json").write_text(json.dumps(chosen))
    done = start(stage, f"--run_dir={run}", *flags, f"--out={run / 'f'}")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[0] == (
        f"warning: the detector of {run / 'detector.json'} does not hold what was asked for "
        f"({verdict})"
    )
    readme = " ".join((run / "f" / "README.md").read_text().split())  # lines are filled
    assert f" **The detector does not hold what was asked for.** {verdict}. " in readme
    assert json.loads((run / "f" / "manifest.json").read_text())["detector_caveat"] == verdict


def test_the_firmware_for_tflite_micro_is_of_the_streaming_form_too(finished):
    """Its golden vectors were checked frame by frame at export; the detector is the chosen one."""
    run, _ = finished
    done = start("export_firmware", f"--run_dir={run}", "--flavor=tflm")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((run / "firmware" / "manifest.json").read_text())
    assert manifest["golden"]["checked"] and manifest["model"]["state_bytes"] > 1_000
    runner = (run / "firmware" / "src" / "model_runner.h").read_text()
    assert "model_runner_push_frame" in runner and "model_runner_invoke" not in runner
    detector = json.loads((run / "detector.json").read_text())["detector"]
    header = (run / "firmware" / "src" / "detector.h").read_text()
    assert f"#define DETECTOR_SMOOTHING {detector['smoothing']}\n" in header
    assert RunDirectory(run).stage(ExportFirmwareRecord).streaming


@pytest.mark.parametrize(
    ("hours", "boards"),
    [(0.02, ("cortex-m4",)), pytest.param(1, ("cortex-m4", "rv32"), marks=pytest.mark.slow)],
    ids=["a minute", "an hour"],
)
def test_every_engine_agrees_on_every_byte_for_as_long_as_it_hears(finished, hours, boards):
    """From the sound on; whole windows at 200 places. No sum drifts, no frame is lost."""
    run, _ = finished
    cache = f"--cache_dir={run.parent / 'cache'}"
    flags = (f"--stream_hours={hours}", f"--targets={','.join(boards)}", cache)
    done = start("benchmark", f"--run_dir={run}", *flags)
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    frames = round(hours * 3600 * 100) + 1
    assert counts["frames"] == frames and counts["logit_bytes"] == frames * len(LABELS)
    names = {"TFLite Micro", "C, host, from sound", "whole windows, LiteRT reference"}
    assert set(counts["engines"]) == names | {f"C, {board}, from sound" for board in boards}
    assert all(engine["differing"] == 0 for engine in counts["engines"].values())


# With an engine that finds something in every tenth frame, in this process


class EveryTenth:
    """Detects class 3 once per 0.1 s from the first whole window on."""

    def __init__(self) -> None:
        self.samples = self.frames = 0

    def push(self, pcm: np.ndarray) -> StreamResult:
        self.samples += len(pcm)
        frames = np.arange(self.frames, 1 + self.samples // 160)
        self.frames += len(frames)
        detected = np.where((frames >= 100) & (frames % 10 == 0), 3, -1)
        return StreamResult(np.zeros((len(frames), 5), np.int8), detected, 0 * frames + ONE // 2)

    def close(self) -> None: ...


@pytest.fixture
def stream(tmp_path, monkeypatch, capsys):
    """Runs the stage on bytes of standard input, or on a file; what it printed."""
    run = as_trained_for_streams(tmp_path / "run")
    (run.path / "labels.txt").write_text("\n".join(LABELS) + "\n")

    def start(wav: str | Path, sound: bytes | BinaryIO = b"", **given: object) -> tuple[str, str]:
        flags = dict.fromkeys(("raw_rate", "raw_channels", "raw_encoding"))
        flags |= dict.fromkeys(("threshold", "rearm", "smoothing", "refractory_hops"))
        flags |= {"wav": str(wav), "json": False, "engine": "c", "background_labels": []}
        flags |= {"keep": None, "keep_most": 1_000, **given}
        monkeypatch.setattr(stream_stage, "FLAGS", types.SimpleNamespace(**flags))
        monkeypatch.setattr(stream_stage.common, "run_directory", lambda: run)
        monkeypatch.setattr(stream_stage, "_open", lambda *_: EveryTenth())
        with tempfile.TemporaryFile() as file:  # more than a pipe holds
            if isinstance(sound, bytes):
                file.write(sound)
                file.seek(0)
            monkeypatch.setattr(
                sys,
                "stdin",
                types.SimpleNamespace(
                    buffer=file if isinstance(sound, bytes) else sound, fileno=file.fileno
                ),
            )
            stream_stage.main()
        return capsys.readouterr()

    return start


def test_what_it_listens_to_and_the_first_decision_are_told(stream, tmp_path):
    path = write(tmp_path / "x.wav", np.zeros((72_000, 2)), rate=48_000)
    out, err = stream(path)
    assert [line.split()[0] for line in out.splitlines()] == [
        f"{1 + tenth / 10:.2f}" for tenth in range(6)
    ]
    told = err.splitlines()
    assert told[0] == (
        f"listening to {path} (WAV (PCM_16), 48,000 Hz, 2 channels); threshold 0.6, armed again "
        "below 0.3, smoothing 20 frames (0.20 s), refractory period 121 frames (1.21 s); first "
        "decision after 1.00 s, then 100 per second"
    )
    assert told[1:-1] == [f"note: {path}: resampled", f"note: {path}: down-mixed to mono"]
    assert told[-1].startswith("1.5 s of sound, 6 detections; engine c took ")


def test_too_little_sound_for_a_decision_is_told(stream, tmp_path):
    path = write(tmp_path / "x.wav", np.zeros(15_000))
    out, err = stream(path)
    assert out == "" and f"note: {path}: ended before the first decision, after 1.00 s\n" in err
    assert "ended before" in stream("-", b"x" * 2)[1] and "ended before" in stream("-")[1]


def test_what_must_follow_a_clip_of_one_word_is_told_and_is_enough(stream, tmp_path):
    _, err = stream(write(tmp_path / "x.wav", np.zeros(17_600)))
    told = re.search("ended 11 decisions after the first window, .* 20: let (.*) s of silence", err)
    assert told is not None, err
    silence = round(16_000 * float(told[1]))
    assert silence == 9 * 160
    _, err = stream(write(tmp_path / "y.wav", np.zeros(17_600 + silence)))
    assert "note: " not in err


def test_json_is_an_object_per_detection_and_one_at_the_end(stream, tmp_path):
    path = write(tmp_path / "x.wav", np.zeros((19_200, 2)))
    out, err = stream(path, json=True)
    *found, last = map(json.loads, out.splitlines())
    assert found == [
        {"event": "detection", "seconds": seconds, "label": "stop", "score": 0.5}
        for seconds in (1.0, 1.1, 1.2)
    ]
    notes = ["down-mixed to mono"]
    assert last == {"event": "summary", "seconds": 1.2, "detections": 3, "notes": notes}
    assert "listening to" in err and "1.2 s of sound" in err


@pytest.mark.parametrize(
    ("form", "flags"),
    [
        (("<f4", 1.0), {"raw_encoding": "FLOAT_LE"}),
        (("<i4", 2**31), {"raw_encoding": "s32le"}),
        ((">i2", 2**15), {"raw_encoding": "S16_BE"}),
    ],
)
def test_raw_samples_are_what_the_flags_say(stream, form, flags):
    dtype, scale = form
    stereo = np.stack([tone(440, 48_000, 1.5)] * 2, axis=1)
    sound = (stereo * (scale - 1)).astype(dtype).tobytes()
    out, err = stream("-", sound, raw_rate=48_000, raw_channels=2, **flags)
    assert len(out.splitlines()) == 6 and "\n1.5 s of sound, " in err
    name = encodings.raw_name(flags["raw_encoding"], "")
    assert f"standard input (raw {name}, 48,000 Hz, 2 channels, or WAV)" in err


def test_a_wav_file_on_standard_input_says_what_it_is(stream):
    """48 kHz stereo taken for 16 kHz mono would last six times as long."""
    sound = wav_bytes(np.stack([tone(440, 48_000, 1.5)] * 2, axis=1), rate=48_000)
    out, err = stream("-", sound)
    assert len(out.splitlines()) == 6 and "\n1.5 s of sound, " in err
    assert "standard input is WAV (PCM_16), 48,000 Hz, 2 channels\n" in err
    with pytest.raises(UserError, match="so --raw_rate says nothing new; leave --raw_rate out"):
        stream("-", sound, raw_rate=48_000)


def test_other_files_on_standard_input_are_named_and_work_as_files(stream, tmp_path):
    path = tmp_path / "x.flac"
    soundfile.write(path, tone(440, 48_000, 1.5), 48_000)
    with pytest.raises(UserError, match=r"is FLAC, .* save it to a file and give --wav=FILE"):
        stream("-", path.read_bytes())
    assert len(stream(path)[0].splitlines()) == 6


def test_flags_of_raw_samples_and_a_file_are_refused_and_the_remedy_works(stream, tmp_path):
    path = tmp_path / "x.pcm"
    path.write_bytes(encode(tone(440, 48_000, 1.5), 16))
    with pytest.raises(UserError) as caught:
        stream(path, raw_rate=48_000)
    assert f"; pipe it (cat {path} | ... --wav=-), or leave --raw_rate out" in str(caught.value)
    assert "\n1.5 s of sound, " in stream("-", path.read_bytes(), raw_rate=48_000)[1]


def test_a_pipe_with_a_name_is_for_standard_input(stream, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(UserError, match=r"fifo is a pipe or a device; give --wav=- < /.*fifo$"):
        stream(tmp_path / "fifo")
    writer = threading.Thread(target=(tmp_path / "fifo").write_bytes, args=(bytes(48_000),))
    writer.start()
    with open(tmp_path / "fifo", "rb") as source:
        assert "\n1.5 s of sound, " in stream("-", source)[1]
    writer.join()


def test_sound_that_arrives_while_the_engine_starts_is_kept():
    out, into = os.pipe()
    with open(out) as stdin, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", stdin)
        stream_stage._enlarge_pipe()
        os.set_blocking(into, False)
        assert os.write(into, bytes(1 << 20)) > 10 * 32_000  # bytes of ten seconds
        os.close(into)


# What is trained without a flag


DEFAULTS = {
    **dict.fromkeys(("streaming", "model", "norm", "norm_lambda", "padding")),
    **{"task": "words", "lookahead": 0, "tau": 1.0, "norm_at": ["frontend"], "mix_style": 0.0},
}


@pytest.fixture
def asked(monkeypatch):
    """The network that the flags of pipelines.train ask for in a run directory."""

    def ask(run: Path, **flags: object) -> ModelConfig:
        values = types.SimpleNamespace(**{**DEFAULTS, "run_dir": str(run), **flags})
        for module in (training_flags, common):
            monkeypatch.setattr(module, "FLAGS", values)
        return training_flags.model_config()

    return ask


@pytest.mark.parametrize(
    ("flags", "lookahead"),
    [
        ({}, 0),
        ({"lookahead": 3}, 3),
        ({"streaming": False}, None),
        ({"model": "ds_cnn"}, None),
        ({"norm": "residual"}, None),
        ({"padding": "reflect"}, None),
        ({"task": "scenes"}, None),
        ({"task": "scenes", "model": "bc_resnet", "norm": "none", "padding": "causal"}, None),
    ],
)
def test_words_are_for_streams_where_that_is_possible(asked, tmp_path, flags, lookahead):
    assert asked(tmp_path / "new", **flags).lookahead == lookahead


@pytest.mark.parametrize("is_finished", [True, False])
@pytest.mark.parametrize("lookahead", [None, 0])
def test_a_training_goes_on_in_the_form_in_which_it_began(asked, tmp_path, lookahead, is_finished):
    run = RunDirectory(tmp_path / "run").create()
    begun = recorded.trained(model=ModelConfig("bc_resnet", lookahead=lookahead))
    if is_finished:
        run.record(begun)
    else:
        (run / "checkpoints").mkdir()
        state = {"fingerprint": request.settings_of(begun), "history": []}
        (run / request.CHECKPOINT_STATE).write_text(json.dumps(state))
    assert asked(run.path).lookahead == lookahead
    assert asked(run.path, streaming=True).lookahead == 0
    assert asked(run.path, streaming=False).lookahead is None


# What is refused


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--nostreaming", "--lookahead=3"), "--lookahead=3 is only for streams; add --streaming"),
        (
            ("--streaming", "--lookahead=59"),
            "59 is more than the model can use; give at most 58",
        ),
        (("--streaming", "--lookahead=-1"), "--lookahead=-1"),
        (("--streaming", "--model=ds_cnn"), "ds_cnn cannot run on streams; use --model=bc_resnet"),
    ],
)
def test_training_refuses_streams_that_cannot_be(tmp_path, flags, message):
    places = (f"--data_dir={tmp_path}", f"--run_dir={tmp_path / 'run'}")
    assert message in refused_early("train", *places, *flags)
    assert tree(tmp_path) == []


def as_trained_for_streams(path: Path, padding: str = "causal") -> RunDirectory:
    run = as_trained(path, padding=padding)
    model = ModelConfig("bc_resnet", lookahead=0)
    run.record(recorded.trained(frontend=FrontendConfig(padding=padding), model=model))
    return run


def test_a_run_for_whole_windows_cannot_listen(tmp_path):
    run = as_trained(tmp_path / "run")
    wav = write(tmp_path / "x.wav", tone(440))
    told = refused_early("stream", f"--run_dir={run.path}", f"--wav={wav}")
    assert f"{run.path} was trained for whole windows; train with --streaming" in told
    told = refused_early("export_firmware", f"--run_dir={run.path}", "--streaming")
    assert f"{run.path} was trained for whole windows; train with --streaming" in told


@pytest.mark.parametrize(("stage", "flags"), [("convert", ()), ("compress", ("--recipe=qat",))])
def test_the_stages_after_training_refuse_another_kind_of_run(tmp_path, stage, flags):
    windows = as_trained(tmp_path / "windows")
    told = refused_early(stage, f"--run_dir={windows.path}", "--streaming", *flags)
    assert f"{windows.path} was trained for whole windows; train with --streaming" in told
    streams = as_trained_for_streams(tmp_path / "streams")
    told = refused_early(stage, f"--run_dir={streams.path}", "--nostreaming", *flags)
    assert f"{streams.path} was trained for streams; train with --nostreaming" in told


def test_evaluate_refuses_a_stream_for_a_run_of_whole_windows(finished, tmp_path):
    """Which needs a whole run otherwise: its record is changed, and changed back."""
    run, _ = finished
    config, report = (run / "config.json").read_text(), (run / "report.json").read_bytes()
    assert config.count('"lookahead": 0') == 1
    try:
        (run / "config.json").write_text(config.replace('"lookahead": 0', '"lookahead": null'))
        failed = start(
            "evaluate", f"--run_dir={run}", f"--cache_dir={run.parent / 'cache'}", "--stream"
        )
    finally:
        (run / "config.json").write_text(config)
    assert failed.returncode == 2 and "Traceback" not in failed.stderr
    last = failed.stderr.splitlines()[-1]
    assert last == f"error: {run} was trained for whole windows; train with --streaming"
    assert (run / "report.json").read_bytes() == report


def test_a_front_end_that_looks_ahead_cannot_listen(tmp_path):
    run = as_trained_for_streams(tmp_path / "run", padding="reflect")
    told = refused_early("stream", f"--run_dir={run.path}", "--wav=-")
    assert "has a front-end with look-ahead; train with --padding=causal" in told


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.wav", None, "none.wav: No such file or directory; "),
        ("empty.wav", b"", "empty.wav: the file is empty; "),
        ("text.wav", b"no sound at all, but text", "text.wav: not a sound file that can be read; "),
        (".", None, ": not a file; remove it, or put a sound file there"),
    ],
)
def test_a_file_that_cannot_be_heard_is_told_at_once(tmp_path, name, content, message):
    run = as_trained_for_streams(tmp_path / "run")
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert message in refused_early("stream", f"--run_dir={run.path}", f"--wav={path}")


def test_a_run_that_was_not_converted_names_the_command(tmp_path):
    run = as_trained_for_streams(tmp_path / "run")
    wav = write(tmp_path / "x.wav", tone(440))
    failed = start("stream", f"--run_dir={run.path}", f"--wav={wav}")
    assert failed.returncode == 2 and failed.stderr.count("\n") == 1
    assert (
        "model_int8.tflite is missing; make it with: python -m pipelines.convert" in failed.stderr
    )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--threshold=2",), "threshold=2.0 is not a probability above 0"),
        (("--smoothing=0",), "smoothing=0 is not a whole number from 1"),
        (("--refractory_hops=-1",), "refractory_hops=-1 is not a whole number from 0"),
    ],
)
def test_settings_that_no_detector_has_are_refused(finished, speech, flags, message):
    run, _ = finished
    failed = listen(run, f"--wav={speech}", *flags)
    assert failed.returncode == 2 and failed.stdout == b""
    assert failed.stderr.count(b"\n") == 1 and message in failed.stderr.decode()


def test_half_a_sample_at_the_end_of_a_pipe_is_told(finished):
    run, _ = finished
    failed = listen(run, "--wav=-", sound=bytes(3_201))
    assert failed.returncode == 2
    last = failed.stderr.decode().splitlines()[-1]
    assert last.startswith("error: standard input ends with half a sample: 1 of 2 bytes; give ")
