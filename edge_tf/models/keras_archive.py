"""Checks a .keras file before Keras sees it: a model that someone sends must run no code.

Keras imports whatever module and class or function config.json names, even in its safe mode, and
has older formats that are programs. So config.json must follow the grammar of what `model.save`
writes for networks of known layers (Keras' functional form, one call per layer), and is written
anew with names and modules from our own list. The HDF5 part is limited to plain arrays of numbers.
"""

import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

import h5py
import numpy as np
import tf_keras as keras

from edge_tf import arrays, files

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MOST_BYTES = 1 << 28

_MOST_CONFIG = 1 << 24
_MOST_LAYERS = 5_000
_MOST_GROUPS = 100_000
_DEEPEST = 16
_MODEL_KEYS = {"name", "trainable", "layers", "input_layers", "output_layers"}
_LAYER_KEYS = {"module", "class_name", "config", "registered_name", "name", "inbound_nodes"}
_NUMBERS = ("float32", "int32")
_ACTIVATIONS = ("linear", "relu", "swish", "silu", "sigmoid", "tanh", "softmax")
_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.\-/ ]{0,199}")
_INITIALIZER = "_initializer"
_INITIALIZERS = (
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
)

Layers = Iterable[type[keras.layers.Layer]]


def checked(content: bytes, layers: Layers) -> bytes:
    """A .keras file that is safe to load, with the model of the given one.

    Args:
      content: of the .keras file.
      layers: the classes that it may contain, Keras' own or registered ones.

    Returns:
      A zip archive of config.json, written anew, and the weights as they were.

    Raises:
      ValueError: it is not a model of known layers as `model.save` writes it; says what is wrong.
      zipfile.BadZipFile, OSError and their like: it is damaged.
    """
    if not content.startswith(b"PK"):
        raise ValueError("not a zip archive of Keras; HDF5 and SavedModel are not read")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        arrays.check_entries(entries, 3, MOST_BYTES)
        if {entry.filename for entry in entries} != {CONFIG, METADATA, WEIGHTS}:
            raise ValueError(f"it must contain {METADATA}, {CONFIG} and {WEIGHTS} alone")
        if any(entry.compress_size != entry.file_size for entry in entries):
            raise ValueError("an entry is compressed")
        if archive.getinfo(CONFIG).file_size > _MOST_CONFIG:
            raise ValueError(f"{CONFIG} has more than {_MOST_CONFIG:,} bytes")
        config = _model(files.parse_json(archive.read(CONFIG)), layers)
        weights = archive.read(WEIGHTS)
    check_weights(weights)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as safe:
        safe.writestr(METADATA, "{}")
        safe.writestr(CONFIG, json.dumps(config))
        safe.writestr(WEIGHTS, weights)
    return out.getvalue()


def _model(value: Any, layers: Layers) -> dict[str, Any]:
    """config.json, written anew."""
    _require(isinstance(value, dict), "config.json is not an object")
    module = value.get("module")
    if str(module).startswith("keras.src."):
        raise ValueError("a model of Keras 3")
    _require(value.get("class_name") == "Functional", "not a functional model")
    _require(value.get("registered_name") in ("Functional", None), "not a functional model")
    config = value.get("config")
    _require(isinstance(config, dict) and set(config) == _MODEL_KEYS, "not a functional model")
    listed = config["layers"]
    _require(isinstance(listed, list) and 0 < len(listed) <= _MOST_LAYERS, "no list of layers")
    known = {layer.__name__: layer for layer in (keras.layers.InputLayer, *layers)}
    names: set[str] = set()
    made = [_layer(layer, known, names) for layer in listed]
    ends = {end: _references(config[end], names) for end in ("input_layers", "output_layers")}
    _require(bool(ends["input_layers"] and ends["output_layers"]), "no inputs or outputs")
    return {
        "module": "tf_keras.src.engine.functional",
        "class_name": "Functional",
        "config": {
            "name": _name(config["name"]),
            "trainable": config["trainable"] is not False,
            "layers": made,
            **ends,
        },
        "registered_name": "Functional",
        "compile_config": None,
    }


def _layer(
    value: Any, known: Mapping[str, type[keras.layers.Layer]], names: set[str]
) -> dict[str, Any]:
    """A layer; `names` are of those before it, which it may read."""
    _require(isinstance(value, dict), "a layer is not an object")
    _require(set(value) - {"build_config"} == _LAYER_KEYS, "a layer has other entries than Keras'")
    kind, name = value["class_name"], _name(value["name"])
    what = f"layer {name!r}"
    if not isinstance(kind, str) or kind not in known:
        raise ValueError(f"{what} is a {str(kind)[:80]!r}, which edge_tf does not use")
    layer = known[kind]
    registered = keras.saving.get_registered_name(layer)
    own = registered != kind
    module = layer.__module__ if own else "keras.layers"
    if (value["module"], value["registered_name"]) != (module, registered if own else None):
        raise ValueError(f"{what} is a {kind} of another origin than {module}")
    _require(name not in names, f"{what} is there twice")
    config = value["config"]
    _require(isinstance(config, dict) and config.get("name") == name, f"{what} has another name")
    made = {
        "module": module,
        "class_name": kind,
        "config": {key: _setting(what, key, setting) for key, setting in config.items()},
        "registered_name": value["registered_name"],
        "name": name,
        "inbound_nodes": _nodes(value["inbound_nodes"], names, kind == "InputLayer", what),
    }
    if build := value.get("build_config"):
        _require(isinstance(build, dict) and set(build) == {"input_shape"}, f"{what}: build_config")
        made["build_config"] = {"input_shape": _plain(build["input_shape"], what)}
    names.add(name)
    return made


def _nodes(value: Any, names: set[str], is_input: bool, what: str) -> list[Any]:
    """The one call of a layer, on outputs of layers before it; an input has none.

    Keras would search a circle of layers for ever.
    """
    if is_input:
        _require(value == [], f"{what} reads other layers")
        return []
    if not (isinstance(value, list) and len(value) == 1 and isinstance(value[0], list)):
        raise ValueError(f"{what} is not called exactly once")
    _require(bool(value[0]), f"{what} reads nothing")
    for source in value[0]:
        _require(isinstance(source, list) and source[3:] == [{}], f"{what} is called otherwise")
    return [[[*one, {}] for one in _references([s[:3] for s in value[0]], names)]]


def _references(value: Any, names: set[str]) -> list[list[Any]]:
    """First outputs of layers: [[name, 0, 0], ...]."""
    _require(isinstance(value, list), "a reference is not a list")
    for one in value:
        _require(isinstance(one, list) and len(one) == 3, "a reference is no list of three")
        _require(isinstance(one[0], str) and one[0] in names, "a layer reads an unknown one")
        _require(all(type(at) is int and at == 0 for at in one[1:]), "a layer has several outputs")
    return [[one[0], 0, 0] for one in value]


def _setting(what: str, key: str, value: Any) -> Any:
    """An argument of a layer. Objects are initializers; names of functions are activations."""
    what = f"{what}, {str(key)[:80]!r}"
    if key == "activation" and value not in _ACTIVATIONS:
        raise ValueError(f"{what}: {str(value)[:80]!r} is none of {', '.join(_ACTIVATIONS)}")
    if key == "dtype" and value not in _NUMBERS:
        raise ValueError(f"{what}: {str(value)[:80]!r} is not {' or '.join(_NUMBERS)}")
    if key.endswith(("_regularizer", "_constraint")):
        _require(value is None, f"{what} is set")
    if not key.endswith(_INITIALIZER):
        return _plain(value, what)
    _require(isinstance(value, dict), f"{what} is not an initializer of Keras")
    kind, config = value.get("class_name"), value.get("config")
    if kind not in _INITIALIZERS or value.get("module") != "keras.initializers":
        raise ValueError(f"{what} is not an initializer of Keras")
    _require(value.get("registered_name") is None, f"{what} is not an initializer of Keras")
    _require(isinstance(config, dict), f"{what} has no settings")
    return {
        "module": "keras.initializers",
        "class_name": kind,
        "config": {name: _plain(setting, what) for name, setting in config.items()},
        "registered_name": None,
    }


def _plain(value: Any, what: str, depth: int = 0) -> Any:
    """None, a truth value, a number, a short text, or lists of such."""
    if isinstance(value, list) and depth < 4 and len(value) <= 64:
        return [_plain(item, what, depth + 1) for item in value]
    if isinstance(value, str) and len(value) <= 200:
        return value
    if value is None or isinstance(value, bool | int | float):
        return value
    raise ValueError(f"{what} has a value that Keras does not write")


def _name(value: Any) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError(f"{str(value)[:80]!r} is not a name of a layer")
    return value


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def check_weights(content: bytes) -> None:
    """Checks that an HDF5 file has groups of plain arrays alone, all of them within the file.

    HDF5 can also point to other files, or to data that filters (compiled plug-ins) would unpack.

    Raises:
      ValueError: it has something else.
      OSError, RuntimeError, KeyError: it is damaged.
    """
    with h5py.File(io.BytesIO(content), "r") as file:
        _check_group(file, len(content), set(), 0)


def _check_group(group: h5py.Group, size: int, seen: set[Any], depth: int) -> None:
    here = h5py.h5o.get_info(group.id).addr
    if here in seen or depth > _DEEPEST or len(seen) > _MOST_GROUPS:
        raise ValueError("the groups of its weights are not a tree")
    seen.add(here)
    for name in group:
        if type(group.get(name, getlink=True)) is not h5py.HardLink:
            raise ValueError("its weights point to another place")
        item = group[name]
        if isinstance(item, h5py.Group):
            _check_group(item, size, seen, depth + 1)
            continue
        if not isinstance(item, h5py.Dataset):
            raise ValueError("its weights are not arrays")
        made = item.id.get_create_plist()
        plain = made.get_layout() in (h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT)
        if item.is_virtual or item.external or made.get_nfilters() or not plain:
            raise ValueError("its weights are not plain arrays")
        if item.dtype not in (np.dtype(np.float32), np.dtype(np.int32), np.dtype(np.int64)):
            raise ValueError(f"its weights are of type {item.dtype}")
        if item.nbytes > size or (item.size and item.nbytes != item.id.get_storage_size()):
            raise ValueError("its weights claim another size than they have")
