"""The run directory: what one stage passes to the next.

config.json        how it was made: flags, data fingerprint, versions and seed of each stage
takes/, windows/   what a wake word was trained on, and clips cut from it (train --task=wake)
labels.txt         one label per line, in the order of the logits; of --task=fewshot, all words
frontend.json      FrontendConfig, and after conversion the quantization of the model's input
history.json       one record per epoch       (train)
clips.json         the clips of each split, with hashes of their sound (train)
float.keras        the trained model            (train)
translator.keras   from one recording device to others, with --device_translation (train)
compressed.keras   the same after compression  (compress)
quantization.json  ranges of activations that it was trained with (compress, if quantized)
compression/       its checkpoints and history (compress)
model_int8.tflite  the fully-int8 model         (convert)
model_streaming.tflite  the same, one frame at a time, of a run for streams (convert)
device_graph.npz   its graph in float, and the node of each tensor (convert)
golden.npz         a few clips, their int8 features and logits (convert)
dummies.npz        what generates dummy prototypes (train --task=fewshot --method=dproto)
report.json/.html  the hop table                (evaluate)
predictions.npz    logits of every hop and test clip (evaluate)
detector.json      when a word is detected      (evaluate --stream)
recogniser.json    from which score on a sound is a learnt word (evaluate, of --task=fewshot)
firmware/          what goes to the device      (export_firmware)
android/           what goes into an app        (export_android)
.lock              while a stage writes: its process (run_lock.py)
"""

import contextlib
import datetime
import hashlib
import importlib.metadata
import platform
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from edge_tf import __version__, files, keras_file, records, run_lock, run_place
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.errors import UserError
from edge_tf.records import JsonObject
from edge_tf.run_records import CompressRecord, ConvertRecord, StageRecord, TrainRecord
from edge_tf.settings import Graph

Stage = TypeVar("Stage", bound=StageRecord)

FORMAT_VERSION = 1

FLOAT_MODEL = "float.keras"
COMPRESSED_MODEL = "compressed.keras"
QUANTIZATION = "quantization.json"
COMPRESSION = "compression"
INT8_MODEL = "model_int8.tflite"
STREAMING_MODEL = "model_streaming.tflite"
FRONTEND = "frontend.json"
LABELS = "labels.txt"
HISTORY = "history.json"
CLIPS = "clips.json"
DEVICE_GRAPH = "device_graph.npz"
GOLDEN = "golden.npz"
DUMMIES = "dummies.npz"
RECOGNISER = "recogniser.json"
TAKES = "takes"
WINDOWS = "windows"
REPORT_JSON = "report.json"
REPORT_HTML = "report.html"
PREDICTIONS = "predictions.npz"
FIRMWARE = "firmware"
FIRMWARE_C = "firmware_c"
ANDROID = "android"

_MADE_BY = {
    "config.json": "train",
    FLOAT_MODEL: "train",
    FRONTEND: "train",
    LABELS: "train",
    HISTORY: "train",
    CLIPS: "train",
    COMPRESSED_MODEL: "compress",
    QUANTIZATION: "compress",
    INT8_MODEL: "convert",
    STREAMING_MODEL: "convert",
    GOLDEN: "convert",
    DUMMIES: "train",
    RECOGNISER: "evaluate",
    REPORT_JSON: "evaluate",
    REPORT_HTML: "evaluate",
    PREDICTIONS: "evaluate",
    FIRMWARE: "export_firmware",
    FIRMWARE_C: "export_firmware --flavor=standalone",
    ANDROID: "export_android",
}

_MOST_LABEL_BYTES = 1 << 20
_FOLDERS = (FIRMWARE, FIRMWARE_C, ANDROID, COMPRESSION)

_PACKAGES = (
    "tensorflow",
    "tf-keras",
    "tensorflow-model-optimization",
    "tensorflow-io",
    "soundfile",
    "tflite-micro",
    "ai-edge-litert",
    "numpy",
)


def package_versions() -> dict[str, str]:
    """Versions of the packages that results depend on; missing packages are left out."""
    versions = {"python": platform.python_version(), "edge_tf": __version__}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


class RunDirectory:
    """One run on disk. Reading checks that a file exists; writing is atomic."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def create(self) -> "RunDirectory":
        """Creates the folder, and config.json if it is new. Raises UserError if it is not a run."""
        self.check()
        if not (self / "config.json").exists():
            files.write_json(self / "config.json", {"format_version": FORMAT_VERSION, "stages": {}})
        return self

    def check(self) -> None:
        """Raises UserError unless this is a run of this version, or could become one."""
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"--run_dir={self.path} is a file", "choose a folder")
        if (self / "config.json").exists():
            self.config()
            return
        if self.path.is_dir() and any(p for p in self.path.iterdir() if p.name[0] != "."):
            raise UserError(
                f"--run_dir={self.path} has files but no config.json, so it is not a run",
                "choose a new folder",
            )

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """For a stage that writes: no other process does meanwhile; see run_lock.hold.

        Raises:
          UserError: another process has it, or there is no room or right to write, which should not
            come out after hours of work.
        """
        self.check()
        run_place.check_writable(self.path)
        with run_lock.hold(self.path):
            run_place.remove_half_written(self.path)
            yield

    def require(self, name: str) -> Path:
        """Path of a file that an earlier stage wrote.

        Raises:
          UserError: it is missing; the message names the command that makes it.
        """
        if not self.path.is_dir():
            raise UserError(
                f"--run_dir={self.path} does not exist",
                f"make it with: {self.command_of('train')}",
            )
        if name != "config.json":
            self.config()
        if not (self / name).exists():
            stage = _MADE_BY.get(name, "run")
            raise UserError(
                f"{self / name} is missing",
                f"make it with: {self.command_of(stage)}",
            )
        if name not in _FOLDERS:
            files.check_regular(self / name)
        return self / name

    def model_to_convert(self) -> Path:
        """The compressed model if there is one, else the float model.

        Raises:
          UserError: neither exists.
        """
        compressed = self / COMPRESSED_MODEL
        return compressed if compressed.exists() else self.require(FLOAT_MODEL)

    def require_int8(self) -> Path:
        """model_int8.tflite as the conversion wrote it, if it was made from the current model.

        Raises:
          UserError: it is missing or was changed, or the model has been trained or compressed
            since.
        """
        path = self.require(INT8_MODEL)
        converted = self.find(ConvertRecord)
        self._check_hash(path, converted.sha256 if converted else None)
        source = self / (COMPRESSED_MODEL if (self / COMPRESSED_MODEL).exists() else FLOAT_MODEL)
        if converted is None or not source.exists():
            return path
        if not keras_file.is_model(source, converted.source_sha256):
            raise UserError(
                f"{path} was not made from {source}", f"run: {self.command_of('convert')}"
            )
        return path

    def require_streaming(self) -> Path:
        """model_streaming.tflite, under the same conditions; see `require_int8`."""
        self.require_int8()
        path = self.require(STREAMING_MODEL)
        converted = self.find(ConvertRecord)
        facts = converted.streaming if converted else None
        self._check_hash(path, facts.sha256 if facts else None)
        return path

    def _check_hash(self, path: Path, recorded: str | None) -> None:
        """Raises UserError if a file is not the one that the conversion wrote."""
        if recorded and recorded != hashlib.sha256(path.read_bytes()).hexdigest():
            raise UserError(
                f"{path} has changed since the conversion wrote it",
                f"restore it, or make it again with: {self.command_of('convert')}",
            )

    def frontend(self) -> FrontendConfig:
        """The front-end in frontend.json, which must be the one of the training.

        Raises:
          UserError: it is missing, is not a front-end or differs; the message names the fields.
        """
        path = self.require(FRONTEND)
        config = FrontendConfig.load(path)
        trained = self.find(TrainRecord)
        if trained is not None and trained.frontend != config:
            now, then = vars(config), vars(trained.frontend)
            fields = [name for name in now if now[name] != then[name]]
            raise UserError(
                f"{path} has {', '.join(f'{name}={now[name]}' for name in fields)}, but the "
                f"training of {self / 'config.json'} had "
                f"{', '.join(f'{name}={then[name]}' for name in fields)}",
                "put the values of the training back, or train into a new --run_dir",
            )
        return config

    def lookahead(self) -> int | None:
        """Future frames that a streaming model reads; None for a model for whole windows."""
        trained = self.find(TrainRecord)
        return None if trained is None else trained.model.lookahead

    def target_nonzero_kb(self) -> float | None:
        """Budget of nonzero parameters in KB that the model was compressed to; None: no budget."""
        if not (self / COMPRESSED_MODEL).exists():
            return None
        compressed = self.find(CompressRecord)
        return (compressed.target_nonzero_kb or None) if compressed else None

    def graph(self) -> Graph:
        """The default form that the model is converted to.

        With a budget it is the form in which the bytes were counted.
        """
        if self.target_nonzero_kb() is None:
            return "device"
        return self.stage(CompressRecord).graph

    def config(self) -> JsonObject:
        """config.json, its stages as parsed JSON.

        Raises:
          UserError: it has another format version or is not ours.
        """
        path = self.require("config.json")
        config = files.read_json(path)
        version = config.get("format_version") if isinstance(config, dict) else None
        if version != FORMAT_VERSION or not isinstance(config.get("stages"), dict):
            raise UserError(
                f"{path} has format_version {version!r:.60}, but this edge_tf reads "
                f"{FORMAT_VERSION}",
                "use the edge_tf that made it, or train into a new --run_dir",
            )
        return config

    def find(self, kind: type[Stage]) -> Stage | None:
        """A stage's record; None if the stage has not run.

        Raises:
          UserError: the entry is not a valid record.
        """
        stages = self.config()["stages"]
        if kind.STAGE not in stages:
            return None
        where = f"{self / 'config.json'}, stage {kind.STAGE}"
        remedy = f"restore it, or run again: {self.command_of(kind.STAGE)}"
        return records.from_json(stages[kind.STAGE], kind, where, remedy)

    def stage(self, kind: type[Stage]) -> Stage:
        """A stage's record. Raises UserError if the stage has not run."""
        found = self.find(kind)
        if found is None:
            raise UserError(
                f"{self.path} has no finished stage '{kind.STAGE}'",
                f"run: {self.command_of(kind.STAGE)}",
            )
        return found

    def record(self, record: StageRecord) -> None:
        """Writes a stage's record to config.json, with versions and the date."""
        config = self.config()
        now = datetime.datetime.now(datetime.timezone.utc)
        config["stages"][record.STAGE] = {
            **records.to_json(record),
            "versions": package_versions(),
            "finished": now.isoformat(timespec="seconds"),
        }
        files.write_json(self / "config.json", config)

    def hashes(self, *names: str) -> dict[str, str]:
        """SHA-256 of files, for a stage's record; those that do not exist are left out."""
        return {
            name: hashlib.sha256(files.read_bytes(self / name)).hexdigest()
            for name in names
            if (self / name).exists()
        }

    def is_unchanged(self, record: StageRecord, *needed: str, older: bool = False) -> bool:
        """Whether the files of a stage are still as it wrote them.

        Args:
          record: of the stage.
          needed: files that it always writes.
          older: accept an older run, which has no hashes, if these are there and models whole.
        """
        if record.files is None:
            return older and all(
                (self / name).is_file()
                and (not name.endswith(".keras") or keras_file.is_whole(self / name))
                for name in needed
            )
        return set(needed) <= set(record.files) and all(
            name == Path(name).name
            and (self / name).is_file()
            and self.hashes(name)[name] == digest
            for name, digest in record.files.items()
        )

    def embeds(self) -> bool:
        """Whether it is a run of --task=fewshot: outputs are embeddings, no logits of labels."""
        trained = self.find(TrainRecord) if (self / "config.json").exists() else None
        return trained is not None and trained.model.embedding

    def refuse_embedding(self, what: str) -> None:
        """Raises UserError if the network's outputs are embeddings, no logits of labels.

        Args:
          what: needs logits, such as "pipelines.stream".
        """
        if self.embeds():
            raise UserError(
                f"{self.path} is a run of --task=fewshot, whose network has no classes: {what} "
                "does not take it",
                "use pipelines.convert and pipelines.evaluate, or a run of another task",
            )

    def labels(self) -> list[str]:
        """Labels in the order of the logits."""
        path = self.require(LABELS)
        try:
            labels = (
                files.read_bytes(path, _MOST_LABEL_BYTES)
                .decode("utf-8")
                .removesuffix("\n")
                .split("\n")
            )
        except UnicodeDecodeError:
            labels = []
        if len(labels) < 2 or len(set(labels)) != len(labels) or not all(labels):
            raise UserError(
                f"{path} must contain at least two different labels, one per line",
                f"make it with: {self.command_of('train')}",
            )
        return labels

    def command_of(self, stage: str) -> str:
        """The command that runs a stage of this run."""
        return f"python -m pipelines.{stage} --run_dir={shlex.quote(str(self.path))}"
