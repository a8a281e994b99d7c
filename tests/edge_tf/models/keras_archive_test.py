"""A .keras file that someone sends runs no code, and what training saves stays loadable."""

import functools
import io
import json
import os
import random
import shutil
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tf_keras as keras

from edge_tf.errors import UserError
from edge_tf.models import build_model, keras_archive
from edge_tf.models.loading import load

layers = keras.layers
INPUT = [["features", 0, 0, {}]]


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    """A model of a few bytes, as Keras saves it."""
    path = tmp_path_factory.mktemp("plain") / "float.keras"
    inputs = keras.Input((4, 4, 1), name="features")
    x = layers.Conv2D(2, 3, name="conv")(inputs)
    x = layers.ReLU(name="relu")(layers.BatchNormalization(name="norm")(x))
    x = layers.Dense(3, name="dense")(layers.GlobalAveragePooling2D(name="mean")(x))
    keras.Model(inputs, x, name="tiny").save(path)
    return path


def parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def written(path: Path, entries: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def _insert(layer: Any, config: Any) -> None:
    config["config"]["layers"].insert(1, layer)


def _connect(nodes: Any, config: Any) -> None:
    config["config"]["layers"][1].update(inbound_nodes=nodes)


def edited(plain: Path, path: Path, change: Callable[[Any], None]) -> Path:
    """The plain file with another config.json."""
    entries = parts(plain)
    config = json.loads(entries["config.json"])
    change(config)
    return written(path, entries | {"config.json": json.dumps(config).encode()})


def refused(path: Path, told: str) -> None:
    with pytest.raises(UserError, match=told) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(f"{path} is") and "; restore it" in message
    assert "\n" not in message and len(message) < 700


@pytest.mark.parametrize(
    ("name", "settings", "shape"),
    [
        ("bc_resnet", {"tau": 1}, (40, 101, 1)),
        ("bc_resnet", {"tau": 1, "lookahead": 5}, (40, 101, 1)),
        ("ds_cnn", {}, (40, 101, 1)),
        *(
            ("bc_resnet_asc", {"norm": norm, "norm_places": ("input", "stages")}, (64, 34, 1))
            for norm in ("none", "residual", "relaxed")
        ),
        ("bc_resnet_asc", {"mix_style": 0.5}, (64, 34, 1)),
    ],
)
def test_what_training_saves_is_loaded(name, settings, shape, tmp_path):
    if settings.get("norm") == "none":
        settings = {}
    model = build_model(name, num_classes=3, input_shape=shape, **settings)
    model.save(tmp_path / "float.keras")
    loaded = load(tmp_path / "float.keras")
    assert loaded.to_json() == model.to_json()
    for mine, theirs in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def function(module: str, name: str, nodes: Any) -> dict[str, Any]:
    return {
        "module": module,
        "class_name": "function",
        "config": name,
        "registered_name": "function",
        "name": "evil",
        "build_config": {},
        "inbound_nodes": nodes,
    }


def calling(module: str, name: str, argument: str) -> dict[str, Any]:
    return function(module, name, [[["_CONSTANT_VALUE", -1, argument, {}]]])


def test_no_config_runs_code(plain, tmp_path):
    """Each of these ran code, or imported a module, when Keras loaded it in safe mode."""
    mark = tmp_path / "mark"
    touch = f"touch {mark}"
    lambda_of_system = {
        "module": "keras.layers",
        "class_name": "Lambda",
        "registered_name": None,
        "name": "evil",
        "config": {
            "name": "evil",
            "trainable": True,
            "dtype": "float32",
            "function": {
                "module": "os",
                "class_name": "function",
                "config": "system",
                "registered_name": "function",
            },
            "function_type": "function",
            "output_shape": None,
            "output_shape_type": "raw",
            "arguments": {},
        },
        "inbound_nodes": [[["_CONSTANT_VALUE", -1, touch, {}]]],
    }
    writing = lambda_of_system | {
        "class_name": "TFOpLambda",
        "config": {"name": "evil", "dtype": "float32", "function": "io.write_file"},
        "inbound_nodes": [[["_CONSTANT_VALUE", -1, str(mark), {"contents": "x"}]]],
    }
    evil = [
        calling("os", "system", touch),
        calling("subprocess", "getoutput", touch),
        calling("tf_keras.src.saving.serialization_lib", "enable_unsafe_deserialization", ""),
        function("os", "system", [{"args": [touch], "kwargs": {}}]),
        function("subprocess", "Popen", [{"args": [["touch", str(mark)]], "kwargs": {}}]),
        lambda_of_system,
        writing,
        {"class_name": "__lambda__", "config": {"value": "x"}},
    ]
    for layer in evil:
        path = edited(
            plain,
            tmp_path / "float.keras",
            functools.partial(_insert, layer),
        )
        refused(path, "which edge_tf does not use|other entries than Keras'")
    assert not mark.exists()


def test_no_module_of_the_config_is_imported(plain, tmp_path, monkeypatch):
    (tmp_path / "stranger.py").write_text(f"open({str(tmp_path / 'mark')!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)

    def of(place: Callable[[Any], Any], **entries: Any) -> Callable[[Any], None]:
        return lambda config: place(config["config"]["layers"][1]).update(entries)

    path = tmp_path / "float.keras"
    for change, told in (
        (of(lambda layer: layer, module="stranger"), "of another origin than keras.layers"),
        (of(lambda layer: layer, registered_name="edge_tf>Delay"), "of another origin"),
        (
            of(lambda layer: layer["config"]["kernel_initializer"], module="stranger"),
            "'kernel_initializer' is not an initializer",
        ),
        (
            of(lambda layer: layer["config"], kernel_initializer=function("builtins", "print", [])),
            "'kernel_initializer' is not an initializer",
        ),
        (
            of(lambda layer: layer["config"], activation=function("stranger", "f", [])),
            "'activation'",
        ),
        (of(lambda layer: layer["config"], padding=function("stranger", "f", [])), "'padding'"),
        (of(lambda layer: layer["config"], kernel_regularizer="l2"), "is set"),
        (of(lambda layer: layer["config"], dtype={"class_name": "Policy"}), "'dtype'"),
        (of(lambda layer: layer, build_config={"a": 1}), "build_config"),
        (lambda config: config.update(module="keras.src.models"), "a model of Keras 3"),
        (lambda config: config.update(class_name="Sequential"), "not a functional model"),
        (lambda config: config.update(compile_config={"optimizer": "stranger"}), ""),
    ):
        changed = edited(plain, path, change)
        if told:
            refused(changed, told)
        else:
            assert load(changed).optimizer is None
    assert not (tmp_path / "mark").exists()


def test_layers_that_read_in_circles_or_nothing_do_not_hang(plain, tmp_path):
    path = tmp_path / "float.keras"
    for nodes, told in (
        ([[["dense", 0, 0, {}]]], "reads an unknown one"),
        ([[["conv", 0, 0, {}]]], "reads an unknown one"),
        ([[["features", 1, 0, {}]]], "several outputs"),
        ([[["features", 0, False, {}]]], "several outputs"),
        ([[["features", 0, 0, {"training": True}]]], "called otherwise"),
        ([[["features", 0, 0]]], "called otherwise"),
        ([INPUT, INPUT], "not called exactly once"),
        ([[]], "reads nothing"),
        ([], "not called exactly once"),
        (None, "not called exactly once"),
    ):
        refused(
            edited(
                plain,
                path,
                functools.partial(_connect, nodes),
            ),
            told,
        )
    refused(
        edited(
            plain,
            path,
            lambda config: config["config"]["layers"].append(config["config"]["layers"][1]),
        ),
        "is there twice",
    )


def test_other_formats_are_not_read(plain, tmp_path):
    path = tmp_path / "float.keras"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = '{"class_name": "Lambda"}'
    refused(path, "HDF5 and SavedModel are not read")
    path.unlink()
    (path / "variables").mkdir(parents=True)
    (path / "saved_model.pb").write_bytes(b"")
    refused(path, "is a folder instead of a file")
    shutil.rmtree(path)
    os.mkfifo(path)
    refused(path, "is a pipe, socket or device instead of a file")
    path.unlink()
    entries = parts(plain)
    for extra in ("../../mark", "/tmp/mark", "assets/a", "model.weights.npz"):
        refused(written(path, entries | {extra: b"x"}), "4 entries")
    named = {"model.weights.npz" if "h5" in name else name: b for name, b in entries.items()}
    refused(written(path, named), "must contain metadata.json, config.json and model.weights.h5")
    refused(written(path, entries, zipfile.ZIP_DEFLATED), "an entry is compressed")


def weights(change: Callable[[h5py.File], None]) -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file["vars/0"] = np.zeros((3, 4), np.float32)
        change(file)
    return stream.getvalue()


def test_weights_are_plain_arrays_within_the_file(tmp_path):
    keras_archive.check_weights(weights(lambda file: None))
    outside = tmp_path / "secret"
    outside.write_bytes(b"\0" * 64)
    layout = h5py.VirtualLayout((4,), np.float32)
    for change in (
        lambda file: file.update({"a": h5py.ExternalLink(str(outside), "/")}),
        lambda file: file.update({"a": h5py.SoftLink("/vars/0")}),
        lambda file: file.update({"vars/circle": file["vars"]}),
        lambda file: file.create_dataset("a", data=np.zeros(9, "f4"), compression="gzip"),
        lambda file: file.create_dataset("a", (10**12,), "f4", chunks=(10,)),
        lambda file: file.create_dataset("a", (10**12,), "f4"),
        lambda file: file.create_dataset("a", (4,), "f4", external=[(str(outside), 0, 16)]),
        lambda file: file.create_virtual_dataset("a", layout),
        lambda file: file.create_dataset("a", data="text"),
        lambda file: file.update({"a": np.dtype("f4")}),
    ):
        with pytest.raises(ValueError, match="its weights"):
            keras_archive.check_weights(weights(change))


def test_more_weights_than_the_file_has_are_not_allocated(plain, tmp_path):
    path = edited(
        plain,
        tmp_path / "float.keras",
        lambda config: config["config"]["layers"][-1]["config"].update(units=2_000_000_000),
    )
    tracemalloc.start()
    refused(path, "more weights than the file")
    assert tracemalloc.get_traced_memory()[1] < 100_000_000
    tracemalloc.stop()


def test_random_damage_is_one_line(plain, tmp_path):
    whole, path, rng = plain.read_bytes(), tmp_path / "float.keras", random.Random(0)
    for _ in range(100):
        content = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(content[: rng.choice([len(content), rng.randrange(len(content))])])
        try:
            load(path)
        except UserError as error:
            assert str(path) in str(error) and "\n" not in str(error)


def test_random_values_in_the_config_are_one_line(plain, tmp_path):
    """The same with right checksums: any value replaced by another."""
    entries, path, rng = parts(plain), tmp_path / "float.keras", random.Random(1)
    odd = [None, [], {}, "", "os", -1, 0, 1.5, 10**9, True, [None], ["a"], {"class_name": "Lambda"}]

    def places(value: Any) -> list[tuple[Any, Any]]:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        found = [(value, key) for key in keys]
        for key in keys:
            if isinstance(value[key], dict | list):
                found += places(value[key])
        return found

    for _ in range(100):
        config = json.loads(entries["config.json"])
        holder, key = rng.choice(places(config))
        holder[key] = rng.choice(odd)
        written(path, entries | {"config.json": json.dumps(config).encode()})
        try:
            load(path)
        except UserError as error:
            assert "\n" not in str(error)
