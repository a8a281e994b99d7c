"""TFLite Metadata: how a .tflite file describes itself to Android's libraries.

MediaPipe's AudioClassifier and the Task Library read sample rate, channels and labels from it;
Android Studio shows it. It is a separate FlatBuffer (file identifier M001) in a buffer of the model
named TFLITE_METADATA. The files it names are in a zip archive appended to the model, which works
because an archive is read from its end and a model from its beginning.

Slots are those of metadata_schema.fbs, which ships with MediaPipe (mediapipe/tasks/metadata).
"""

import dataclasses
import io
import zipfile
from collections.abc import Sequence

import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from edge_tf.conversion.tflite import tflite_edit
from edge_tf.errors import UserError

MODEL_ENTRY = b"TFLITE_METADATA"
_IDENTIFIER = b"M001"
# The oldest reader that supports audio properties.
_MIN_PARSER_VERSION = "1.3.0"

# AssociatedFileType
FILE_OF_OTHER_KIND = 0
FILE_OF_LABELS = 2

# ContentProperties
_FEATURES = 1
_AUDIO = 4

# Entries of a zip archive have a date; a fixed one keeps the bytes the same.
_DATE = (1980, 1, 1, 0, 0, 0)


@dataclasses.dataclass(frozen=True)
class AssociatedFile:
    """A file bundled with a model.

    Attributes:
      name: within the archive.
      description: for humans.
      content: its bytes.
      kind: FILE_OF_LABELS, one label per line in the order of the scores; or FILE_OF_OTHER_KIND.
    """

    name: str
    description: str
    content: bytes
    kind: int = FILE_OF_OTHER_KIND


@dataclasses.dataclass(frozen=True)
class Audio:
    """An audio input."""

    sample_rate: int
    channels: int = 1


@dataclasses.dataclass(frozen=True)
class TensorMetadata:
    """One input or output.

    Attributes:
      name, description: for humans; code that Android Studio generates also uses the name.
      value_range: smallest and largest real value.
      audio: set for audio; None for features.
      files: files that explain it.
    """

    name: str
    description: str
    value_range: tuple[float, float]
    audio: Audio | None = None
    files: Sequence[AssociatedFile] = ()


@dataclasses.dataclass(frozen=True)
class ModelMetadata:
    """Description of a model with one input and one output."""

    name: str
    description: str
    version: str
    given: TensorMetadata
    result: TensorMetadata


def label_file(labels: Sequence[str]) -> AssociatedFile:
    """labels.txt for the scores.

    Raises:
      UserError: there are no labels, two are the same, or one is not a single line.
    """
    if not labels:
        raise UserError("a model for Android needs labels", "train with at least two classes")
    repeated = next((label for at, label in enumerate(labels) if label in labels[:at]), None)
    if repeated is not None:
        raise UserError(
            f"two classes have the label '{repeated}', so an app could not tell them apart",
            "give each its own name in labels.txt",
        )
    broken = next((label for label in labels if label.splitlines() != [label]), None)
    if broken is not None:
        raise UserError(
            f"the label {broken!r:.60} is not one line of text", "rename it in labels.txt"
        )
    content = "".join(f"{label}\n" for label in labels).encode("utf-8")
    text = "One label a line, in the order of the scores."
    return AssociatedFile("labels.txt", text, content, FILE_OF_LABELS)


def attach(model: bytes, metadata: ModelMetadata) -> bytes:
    """The same model with its metadata added or replaced, and its files appended.

    Raises:
      UserError: two different files have the same name.
    """
    edited = tflite_edit.unpack(model)
    packed = np.frombuffer(_pack(metadata), np.uint8)
    entries = [entry for entry in edited.metadata or [] if entry.name != MODEL_ENTRY]
    entry, buffer = schema.MetadataT(), schema.BufferT()
    entry.name, entry.buffer, buffer.data = MODEL_ENTRY, len(edited.buffers), packed
    edited.metadata = [*entries, entry]
    edited.buffers.append(buffer)
    return _with_files(tflite_edit.pack(edited, alignment=16), metadata)


def _with_files(model: bytes, metadata: ModelMetadata) -> bytes:
    files: dict[str, bytes] = {}
    for file in (*metadata.given.files, *metadata.result.files):
        if files.setdefault(file.name, file.content) != file.content:
            raise UserError(f"two files of the model are named {file.name}", "rename one")
    whole = io.BytesIO(model)
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), content)
    return whole.getvalue()


# The FlatBuffer. Children are written before the table that refers to them.


def _pack(metadata: ModelMetadata) -> bytes:
    builder = flatbuffers.Builder(1024)
    name, description = _text(builder, metadata.name), _text(builder, metadata.description)
    version, parser = _text(builder, metadata.version), _text(builder, _MIN_PARSER_VERSION)
    given = _vector(builder, [_tensor(builder, metadata.given)])
    result = _vector(builder, [_tensor(builder, metadata.result)])
    graph = _vector(builder, [_table(builder, 10, {2: given, 3: result})])
    root = _table(builder, 8, {0: name, 1: description, 2: version, 3: graph, 7: parser})
    builder.Finish(root, _IDENTIFIER)
    return bytes(builder.Output())


def _tensor(builder: flatbuffers.Builder, tensor: TensorMetadata) -> int:
    name, description = _text(builder, tensor.name), _text(builder, tensor.description)
    content, stats = _content(builder, tensor.audio), _stats(builder, *tensor.value_range)
    slots = {0: name, 1: description, 3: content, 5: stats}
    if tensor.files:
        slots[6] = _vector(builder, [_file(builder, file) for file in tensor.files])
    return _table(builder, 7, slots)


def _content(builder: flatbuffers.Builder, audio: Audio | None) -> int:
    builder.StartObject(0 if audio is None else 2)
    if audio is not None:
        builder.PrependUint32Slot(0, audio.sample_rate, 0)
        builder.PrependUint32Slot(1, audio.channels, 0)
    properties = builder.EndObject()
    builder.StartObject(3)
    builder.PrependUint8Slot(0, _FEATURES if audio is None else _AUDIO, 0)
    builder.PrependUOffsetTRelativeSlot(1, properties, 0)
    return int(builder.EndObject())


def _stats(builder: flatbuffers.Builder, low: float, high: float) -> int:
    limits = [builder.CreateNumpyVector(np.array([value], "<f4")) for value in (high, low)]
    return _table(builder, 2, dict(enumerate(limits)))


def _file(builder: flatbuffers.Builder, file: AssociatedFile) -> int:
    name, description = _text(builder, file.name), _text(builder, file.description)
    builder.StartObject(5)
    builder.PrependUOffsetTRelativeSlot(0, name, 0)
    builder.PrependUOffsetTRelativeSlot(1, description, 0)
    builder.PrependInt8Slot(2, file.kind, 0)
    return int(builder.EndObject())


def _table(builder: flatbuffers.Builder, fields: int, slots: dict[int, int]) -> int:
    """A table of `fields` fields; all given ones are offsets."""
    builder.StartObject(fields)
    for slot, offset in slots.items():
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    return int(builder.EndObject())


def _vector(builder: flatbuffers.Builder, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _text(builder: flatbuffers.Builder, text: str) -> int:
    return int(builder.CreateString(text))
