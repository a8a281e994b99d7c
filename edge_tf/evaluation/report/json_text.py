"""Converts values to types that strict JSON can represent."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def json_safe(value: Any) -> Any:
    """Converts NumPy values, paths and mappings to JSON types, NaN and infinity to None.

    Text that is not valid Unicode, such as a file name in another encoding, gets backslash escapes.
    """
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {json_safe(str(key)): json_safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(item) for item in value]
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")
