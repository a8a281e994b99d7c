"""The comment above a constant array: its layer, shape and type."""

import re

from firmware_export.standalone.graph.calls import Array

_LONGEST = 56
# What converters call constants without a name.
_NAMELESS = re.compile(r"(t\d+|(tfl|arith)\.\w+)?(#\d+)?")


def about(array: Array, source: str) -> str:
    """One line of safe characters: "conv2d_3/depthwise_kernel: 3x3x16, int8, per channel".

    Names are the file's, which may contain anything. Without a name, the op's number and kind are
    used: "weights of op 4 DEPTHWISE_CONV_2D: 3x3x16, int8, per channel".

    Args:
      array: a constant.
      source: the op that it is for, "op 4 DEPTHWISE_CONV_2D"; for a shared array, the first one.
    """
    shape = "x".join(str(size) for size in array.shape or array.values.shape)
    facts = f"{shape}, {array.values.dtype}"
    name = ""
    if array.origin is not None:
        name = _plain(array.origin.name)
        if array.name == "weights":
            facts += ", per channel" if len(array.origin.scales) > 1 else ", per tensor"
    return f"{name or f'{array.name} of {_shortened(source)}'}: {facts}"


def _plain(name: str) -> str:
    """A name that cannot end a comment, move a cursor or fill the line; "" if it has no meaning."""
    first = name.split(";")[0]  # of layers that were fused into one
    if _NAMELESS.fullmatch(first):
        return ""
    return _shortened(re.sub(r"[^A-Za-z0-9_./:#-]", "_", first))


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"...{text[3 - _LONGEST :]}"
