"""FrontendConfig: the published recipe as default, its way through JSON, and what it refuses."""

import dataclasses
import json
import math

import pytest

from edge_tf import files
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.errors import UserError

SMALL = FrontendConfig(
    sample_rate=8_000,
    clip_samples=4_000,
    window=200,
    hop=80,
    fft_size=256,
    mel_bands=10,
    low_hz=20.0,
    high_hz=4_000.0,
    log_offset=1e-3,
    padding="reflect",
)


def test_defaults_are_the_published_recipe():
    assert FrontendConfig().to_dict() == {
        "sample_rate": 16_000,
        "clip_samples": 16_000,
        "window": 480,
        "hop": 160,
        "fft_size": 512,
        "mel_bands": 40,
        "low_hz": 0.0,
        "high_hz": 8_000.0,
        "log_offset": 1e-6,
        "padding": "causal",
    }


def test_a_second_has_101_frames():
    assert FrontendConfig().num_frames == 101
    assert FrontendConfig().feature_shape == (40, 101, 1)


@pytest.mark.parametrize(("clip", "frames"), [(512, 4), (639, 4), (640, 5), (16_159, 101)])
def test_a_frame_for_every_whole_hop_and_one_at_the_start(clip, frames):
    assert FrontendConfig(clip_samples=clip).num_frames == frames


@pytest.mark.parametrize(
    "config",
    [
        FrontendConfig(),
        FrontendConfig(padding="reflect"),
        SMALL,
        FrontendConfig(normalization="residual", norm_lambda=0.25),
        FrontendConfig(normalization="relaxed"),
    ],
)
def test_round_trip_through_json(config):
    assert FrontendConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_whole_numbers_serve_as_frequencies():
    """JSON written by others has 8000 where we write 8000.0."""
    assert FrontendConfig.from_dict({**FrontendConfig().to_dict(), "high_hz": 8000}).high_hz == 8000


@pytest.mark.parametrize(("kind", "lam"), [("residual", 0.1), ("relaxed", 0.5)])
def test_lambda_is_that_of_the_paper_unless_given(kind, lam):
    config = FrontendConfig(normalization=kind)
    assert config == FrontendConfig(normalization=kind, norm_lambda=lam)
    assert config.to_dict() == {
        **FrontendConfig().to_dict(),
        "normalization": kind,
        "norm_lambda": lam,
    }
    assert FrontendConfig(normalization=kind, norm_lambda=0.0).norm_lambda == 0.0


@pytest.mark.parametrize("field", ["normalization", "norm_lambda"])
def test_from_dict_refuses_half_a_normalization(field):
    values = FrontendConfig(normalization="residual").to_dict()
    del values[field]
    with pytest.raises(UserError, match="or these plus normalization and norm_lambda"):
        FrontendConfig.from_dict(values)


def test_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        FrontendConfig().hop = 80  # type: ignore[misc]


@pytest.mark.parametrize(
    "bad",
    [
        {"padding": "centre"},
        {"padding": ""},
        {"hop": 0},
        {"hop": -160},
        {"hop": 481},  # samples between the frames would be heard by nobody
        {"window": 513},
        {"window": 0},
        {"fft_size": 16_001},
        {"fft_size": 513},  # an odd one has no bin at half the rate
        {"clip_samples": 511},
        {"low_hz": -1.0},
        {"low_hz": 8_000.0},
        {"low_hz": math.nan},
        {"high_hz": 8_000.5},
        {"high_hz": math.nan},
        {"high_hz": math.inf},
        {"sample_rate": 0},
        {"sample_rate": -16_000},
        {"sample_rate": 15_999},
        {"mel_bands": 0},
        {"log_offset": 0.0},
        {"log_offset": -1e-6},
        {"log_offset": math.nan},
        {"log_offset": math.inf},
        {"normalization": "batch"},
        {"normalization": ""},
        {"norm_lambda": 0.1},  # of what?
        {"normalization": "residual", "norm_lambda": -0.1},
        {"normalization": "relaxed", "norm_lambda": 1.1},
        {"normalization": "relaxed", "norm_lambda": math.nan},
    ],
    ids=str,
)
def test_refuses_what_gives_no_features(bad):
    with pytest.raises(UserError):
        FrontendConfig(**bad)


@pytest.mark.parametrize(
    "bad",
    [
        {"hop": "160"},
        {"hop": 160.0},
        {"hop": True},
        {"hop": None},
        {"low_hz": "0"},
        {"low_hz": False},
        {"padding": 1},
        {"padding": None},
        {"normalization": 1},
        {"normalization": None},
        {"norm_lambda": "0.1"},
        {"norm_lambda": True},
        {"norm_lambda": None},
    ],
    ids=str,
)
def test_from_dict_refuses_another_type_and_names_the_field(bad):
    (field,) = bad
    with pytest.raises(UserError, match=f"given: .*{field}="):
        values = FrontendConfig(normalization="residual").to_dict()
        FrontendConfig.from_dict({**values, **bad}, "given")


@pytest.mark.parametrize("values", [None, [], "log-mel", 7])
def test_from_dict_refuses_what_is_not_a_dict(values):
    with pytest.raises(UserError, match="given must have exactly the fields"):
        FrontendConfig.from_dict(values, "given")


@pytest.mark.parametrize("field", FrontendConfig().to_dict())
def test_from_dict_refuses_a_missing_field(field):
    """A default that changes later must not change what an old run means."""
    values = FrontendConfig().to_dict()
    del values[field]
    with pytest.raises(UserError, match="exactly the fields"):
        FrontendConfig.from_dict(values)


def test_from_dict_refuses_an_unknown_field():
    with pytest.raises(UserError, match="exactly the fields"):
        FrontendConfig.from_dict({**FrontendConfig().to_dict(), "preemphasis": 0.97})


def test_load_reads_the_frontend_entry_and_leaves_the_rest(tmp_path):
    path = tmp_path / "frontend.json"
    files.write_json(path, {"frontend": SMALL.to_dict(), "input": {"scale": 0.1, "zero_point": 3}})
    assert FrontendConfig.load(path) == SMALL


@pytest.mark.parametrize("document", [{}, {"hop": 160}, [], None, "frontend"])
def test_load_refuses_json_without_a_front_end(tmp_path, document):
    path = tmp_path / "frontend.json"
    files.write_json(path, document)
    with pytest.raises(UserError, match=f"{path} has no 'frontend' entry"):
        FrontendConfig.load(path)


@pytest.mark.parametrize("text", ["", "{", "not json", "\x00"])
def test_load_refuses_what_is_not_json(tmp_path, text):
    path = tmp_path / "frontend.json"
    path.write_text(text)
    with pytest.raises(UserError, match=str(path)):
        FrontendConfig.load(path)


@pytest.mark.parametrize("bad", [{"hop": "160"}, {"hop": 0}, {"padding": "centre"}], ids=str)
def test_load_names_the_file_with_a_bad_field(tmp_path, bad):
    path = tmp_path / "frontend.json"
    files.write_json(path, {"frontend": {**FrontendConfig().to_dict(), **bad}})
    with pytest.raises(UserError, match=str(path)):
        FrontendConfig.load(path)
