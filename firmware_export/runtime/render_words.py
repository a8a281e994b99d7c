"""Words that a device learns as C source: words, embedder, enroller and recogniser."""

from typing import Any

from firmware_export import c_text, templating
from firmware_export.errors import ExportError
from firmware_export.frontend.config import LogMel
from firmware_export.runtime import recogniser, takes, words
from firmware_export.runtime.learning import Learning
from firmware_export.runtime.recogniser import Recogniser

WORDS = ("words.h", "words.c")
ALL = (
    *WORDS,
    *("embedder.h", "embedder.c"),
    *("enroller.h", "enroller.c"),
    *("recogniser.h", "recogniser.c"),
)


def words_sources(config: Recogniser, size: int, identity: bytes, version: str) -> dict[str, str]:
    """words.h and words.c, by name: int8 embeddings to words, and the blob of these.

    Args:
      config: its dummies, if it has some.
      size: of an embedding.
      identity: of the network.
      version: of edge_tf, for the file headers.

    Raises:
      ExportError: embeddings are too long, or not those that the dummies are for.
    """
    return _render(WORDS, _of_words(config, size, identity, version))


def sources(
    learning: Learning, frontend: LogMel, version: str, streaming: bool, external: bool = False
) -> dict[str, str]:
    """All of ALL, by name; they need frontend.h and model.h.

    Args:
      learning: limits and dummies.
      frontend: of the network.
      version: of edge_tf, for the file headers.
      streaming: the model has the streaming form.
      external: the caller gives the model's buffer.

    Raises:
      ExportError: see `words_sources`; or features need a whole window.
    """
    if frontend.normalization != "none":
        raise ExportError(
            f"words are not learnt with normalization={frontend.normalization}, whose features "
            "are known for whole windows only; train without normalization"
        )
    stream = learning.stream
    values = {
        **_of_words(learning.recogniser, learning.size, learning.identity, version),
        "streaming": streaming,
        "external": external,
        "sample_rate": frontend.sample_rate,
        "frames_between": stream.frames,
        "unlike": learning.unlike,
        "takes": learning.takes,
        "verdict": takes.Verdict,
        "full_scale": takes.FULL_SCALE,
        "stream": stream,
        "threshold_about": learning.about,
        "settle_ms": round(
            1000 * stream.settle * stream.frames * frontend.hop / frontend.sample_rate
        ),
    }
    return _render(ALL, values)


def _of_words(config: Recogniser, size: int, identity: bytes, version: str) -> dict[str, Any]:
    if not 0 < size <= recogniser.LARGEST_EMBEDDING:
        raise ExportError(
            f"an embedding of {size} values has distances that do not fit 32 bits; at most "
            f"{recogniser.LARGEST_EMBEDDING} do"
        )
    made = config.dummies
    if made is not None and len(made.hidden) != size:
        raise ExportError(f"dummies are for {len(made.hidden)} values, the embedding has {size}")
    empty = words.Words(size, identity).to_bytes()
    values: dict[str, Any] = {
        "version": version,
        "size": size,
        "most_words": words.MOST_WORDS,
        "most_takes": recogniser.MOST_TAKES,
        "name_bytes": words.NAME_BYTES,
        "head_bytes": words.HEAD_BYTES,
        "head_start": _bytes(empty[:8]),
        "network": [_bytes(identity[:8]), _bytes(identity[8:])],
        "fraction": recogniser.FRACTION,
        "largest_embedding": recogniser.LARGEST_EMBEDDING,
        "dummies": 0 if made is None else made.output_bias.shape[0],
        "temperature_one": recogniser.TEMPERATURE_ONE,
        "temperature": config.temperature,
    }
    if made is not None:
        values |= {
            "units": made.hidden.shape[1],
            "hidden_shift": made.hidden_shift,
            "output_shift": made.output_shift,
            "hidden_rows": c_text.int_rows(made.hidden, per_row=12),
            "hidden_bias_rows": c_text.int_rows(made.hidden_bias, per_row=4),
            "output_rows": c_text.int_rows(made.output, per_row=12),
            "output_bias_rows": c_text.int_rows(made.output_bias, per_row=4),
        }
    return values


def _bytes(data: bytes) -> str:
    return ", ".join(f"0x{byte:02X}" for byte in data)


def _render(names: tuple[str, ...], values: dict[str, Any]) -> dict[str, str]:
    environment = templating.environment("runtime")
    return {name: environment.get_template(f"{name}.jinja").render(values) for name in names}
