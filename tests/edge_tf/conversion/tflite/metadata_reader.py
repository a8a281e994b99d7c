"""Prints a model's metadata as JSON, read by the classes of MediaPipe's schema.

A program for a Python that has mediapipe: python metadata_reader.py MODEL
"""

import json
import sys
from pathlib import Path

from mediapipe.tasks.metadata import metadata_schema_py_generated as schema


def main(path: Path) -> None:
    buffer = bytearray(metadata_buffer(path.read_bytes()))
    assert schema.ModelMetadata.ModelMetadataBufferHasIdentifier(buffer, 0)
    model = schema.ModelMetadataT.InitFromObj(schema.ModelMetadata.GetRootAs(buffer, 0))
    (graph,) = model.subgraphMetadata
    print(
        json.dumps(
            {
                "name": text(model.name),
                "description": text(model.description),
                "version": text(model.version),
                "min_parser_version": text(model.minParserVersion),
                "inputs": [tensor(each) for each in graph.inputTensorMetadata],
                "outputs": [tensor(each) for each in graph.outputTensorMetadata],
            }
        )
    )


def metadata_buffer(model: bytes) -> bytes:
    """By its file identifier: the one part of the model that the schema does not describe."""
    start = model.index(b"M001") - 4
    return model[start:]


def tensor(found: schema.TensorMetadataT) -> dict:
    properties = found.content.contentProperties
    kind = type(properties).__name__.removesuffix("T")
    content = {"kind": kind}
    if kind == "AudioProperties":
        content |= {"sample_rate": properties.sampleRate, "channels": properties.channels}
    return {
        "name": text(found.name),
        "description": text(found.description),
        "content": content,
        "range": [float(found.stats.min[0]), float(found.stats.max[0])],
        "files": [
            [text(file.name), text(file.description), KINDS[file.type]]
            for file in found.associatedFiles
        ],
    }


KINDS = {number: name for name, number in vars(schema.AssociatedFileType).items() if name.isupper()}


def text(value: bytes) -> str:
    return value.decode("utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
