"""The codec: what is written comes back, older files load, and what does not fit is named."""

import dataclasses
import json
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_tf import files, records
from edge_tf.errors import UserError
from edge_tf.records import later


@dataclasses.dataclass(frozen=True)
class Inner:
    name: str
    size: float = 1.0

    def __post_init__(self) -> None:
        if self.size < 0:
            raise UserError(f"size={self.size:g} is below 0", "give a larger one")


@dataclasses.dataclass(frozen=True)
class Outer:
    count: int
    kind: Literal["a", "b"] = "a"
    names: tuple[str, ...] = ()
    inner: Inner | None = None
    parts: tuple[Inner, ...] = ()
    shares: dict[str, float | None] = dataclasses.field(default_factory=dict)
    added: float = later(0.5)


NAMES = st.text(max_size=5)
INNERS = st.builds(Inner, NAMES, st.floats(0, 1e6))
OUTERS = st.builds(
    Outer,
    st.integers(-(2**53), 2**53),
    st.sampled_from(["a", "b"]),
    st.lists(NAMES).map(tuple),
    st.none() | INNERS,
    st.lists(INNERS).map(tuple),
    st.dictionaries(NAMES, st.none() | st.floats(allow_nan=False)),
    st.sampled_from([0.5, 0.25]),
)


@given(OUTERS)
def test_what_is_written_comes_back(record):
    text = json.dumps(records.to_json(record))
    assert records.from_json(json.loads(text), Outer, "x") == record


def test_fields_are_written_in_their_order_and_later_ones_if_they_say_something():
    record = Outer(1, inner=Inner("i"))
    written = records.to_json(record)
    assert list(written) == ["count", "kind", "names", "inner", "parts", "shares"]
    assert written["inner"] == {"name": "i", "size": 1.0} and written["names"] == []
    assert records.to_json(dataclasses.replace(record, added=0.25))["added"] == 0.25
    assert records.to_json([record, {"x": (record,)}]) == [written, {"x": [written]}]


def test_what_an_older_version_did_not_write_has_its_default_and_more_is_left_alone():
    assert records.from_json({"count": 1, "mood": "good"}, Outer, "x") == Outer(1)
    assert records.from_json({"count": 1, "inner": {"name": "i", "size": 2}}, Outer, "x") == Outer(
        1, inner=Inner("i", 2.0)
    )
    assert records.from_json([{"count": 1}], list[Outer], "x") == [Outer(1)]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({}, "x: Object missing required field `count`"),
        ([], "x: Expected `object`, got `array`"),
        (None, "x: Expected `object`, got `null`"),
        ({"count": "1"}, "x: count='1': Expected `int`, got `str`"),
        ({"count": True}, "x: count=True: Expected `int`, got `bool`"),
        ({"count": 1.5}, "x: count=1.5: Expected `int`, got `float`"),
        ({"count": 1, "kind": "c"}, "x: kind='c': Invalid enum value 'c'"),
        ({"count": 1, "names": ["a", 2]}, "x: names[1]=2: Expected `str`, got `int`"),
        ({"count": 1, "names": "a"}, "x: names='a': Expected `array`, got `str`"),
        ({"count": 1, "inner": {"name": 1}}, "x: inner.name=1: Expected `str`, got `int`"),
        ({"count": 1, "inner": {}}, "x: inner: Object missing required field `name`"),
        ({"count": 1, "parts": [{"name": []}]}, "x: parts[0].name: Expected `str`, got `array`"),
        ({"count": 1, "shares": {"a": "b"}}, "x: shares[...]: Expected `float | null`, got `str`"),
    ],
)
def test_what_does_not_fit_is_named_with_its_value(value, told):
    with pytest.raises(UserError) as caught:
        records.from_json(value, Outer, "x", "mend it")
    assert str(caught.value) == f"{told}; mend it"


def test_what_a_dataclass_itself_refuses_is_named_with_the_place():
    with pytest.raises(UserError, match=r"^x: size=-1 is below 0; give a larger one$"):
        records.from_json({"count": 1, "inner": {"name": "i", "size": -1}}, Outer, "x")


def test_files(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, records.to_json(Outer(3)))
    assert records.load(path, Outer) == Outer(3)
    path.write_text("{")
    with pytest.raises(UserError, match=f"{path} is not valid JSON"):
        records.load(path, Outer)
    path.write_text("7")
    with pytest.raises(UserError, match=f"{path}: Expected `object`, got `int`; restore it or"):
        records.load(path, Outer)


def test_unknown_keys_can_be_refused():
    records.refuse_unknown({"name": 1}, Inner, "x", "mend it")
    with pytest.raises(UserError, match=r"^x: unknown colour; mend it$"):
        records.refuse_unknown({"name": 1, "colour": 2}, Inner, "x", "mend it")
