"""Kokoro: voices, blends and takes; its integer convolutions in float give the same sums."""

import importlib
from pathlib import Path

import numpy as np
import pytest

from edge_tf.audio import simulation
from edge_tf.data.synthesis.voices import kokoro
from edge_tf.data.synthesis.voices.kokoro import KokoroVoices
from edge_tf.errors import UserError

KOKORO = KokoroVoices()


@pytest.fixture
def installed() -> None:
    if reason := KOKORO.missing():
        pytest.skip(reason)


@pytest.mark.usefixtures("installed")
def test_voices_and_their_languages():
    voices = {voice.name: voice for voice in KOKORO.voices("en")}
    assert len(voices) == 54
    assert [name[0] in "ab" for name in voices] == [True] * 28 + [False] * 26
    assert (voices["af_heart"].sex, voices["af_heart"].language) == ("female", "en-us")
    assert (voices["bm_george"].sex, voices["bm_george"].language) == ("male", "en-gb")
    assert (voices["jm_kumo"].sex, voices["jm_kumo"].language) == ("male", "en-us")
    british = KOKORO.voices("en-gb")
    assert {voice.language for voice in british} == {"en-gb"} and len(british) == 54
    assert [voice.name[0] == "b" for voice in british] == [True] * 8 + [False] * 46
    french = KOKORO.voices("fr")
    assert french[0].name == "ff_siwis" and len(french) == 54
    assert {voice.language for voice in french} == {"fr"}
    assert KOKORO.voices("ja") == KOKORO.voices("zh") == KOKORO.voices("xx") == []


@pytest.mark.usefixtures("installed")
def test_a_blend_lies_between_its_voices():
    first, second = KOKORO.voices("en-us")[:2]
    blend = KOKORO.blend(first, second, 0.25)
    assert blend.timbres == (first.name, second.name)
    wanted = 0.75 * kokoro._style(first.name) + 0.25 * kokoro._style(second.name)
    np.testing.assert_allclose(kokoro._blended(blend.name), wanted, atol=1e-6)
    np.testing.assert_allclose(
        kokoro._blended(KOKORO.blend(first, second, 0.0).name), kokoro._style(first.name)
    )


@pytest.mark.usefixtures("installed")
def test_takes_are_speech_and_depend_on_their_arguments_alone():
    """Two takes: each costs seconds."""
    voice = KOKORO.voices("en-us")[0]
    first, again = (KOKORO.render("computer.", voice, 1, rate=1.5, pitch=1.1) for _ in range(2))
    assert 1.0 > len(simulation.trim_silence(first, 16000)) / 16000 > 0.3
    assert first.dtype == np.float32 and 0.1 < np.abs(first).max() <= 1
    np.testing.assert_array_equal(first, again)


def test_what_is_missing_is_named_with_the_remedy(monkeypatch, tmp_path):
    monkeypatch.setenv(kokoro.FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.setattr(kokoro.importlib.util, "find_spec", lambda _: object())
    assert KOKORO.missing() == f"the neural voices are not in {tmp_path}; run: make voices"
    monkeypatch.setattr(kokoro.importlib.util, "find_spec", lambda _: None)
    assert "need onnx, which is not installed; run: make voices" in KOKORO.missing()
    with pytest.raises(UserError, match="run: make voices"):
        KOKORO.voices("en")


def test_a_damaged_voice_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv(kokoro.FOLDER_VARIABLE, str(tmp_path))
    Path(tmp_path / "af_torn.bin").write_bytes(b"123")
    with pytest.raises(UserError, match=r"af_torn\.bin is damaged; run: make voices"):
        kokoro._style("af_torn")
    with pytest.raises(ValueError, match="no voice 'af_none'"):
        kokoro._style("af_none")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("has_zero_points", [True, False])
def test_float_convolutions_give_the_integers(has_zero_points):
    onnx = importlib.import_module("onnx")
    onnxruntime = importlib.import_module("onnxruntime")
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 256, (5, 3, 7), np.uint8)
    inputs = ["x", "w", "x_zero", "w_zero"] if has_zero_points else ["x", "w"]
    node = onnx.helper.make_node("ConvInteger", inputs, ["y"], pads=[3, 3])
    tensors = {"w": weights, "x_zero": np.uint8(131), "w_zero": np.uint8(120)}
    graph = onnx.helper.make_graph(
        [node],
        "one",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.UINT8, [1, 3, None])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.INT32, [1, 5, None])],
        [onnx.numpy_helper.from_array(np.asarray(v), k) for k, v in tensors.items()],
    )
    opset = onnx.helper.make_opsetid("", 13)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()
    x = rng.integers(0, 256, (1, 3, 50), np.uint8)
    rewritten = kokoro.with_float_convolutions(model)
    assert b"ConvInteger" in model and b"ConvInteger" not in rewritten
    results = [
        onnxruntime.InferenceSession(m, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
        for m in (model, rewritten)
    ]
    np.testing.assert_array_equal(*results)
