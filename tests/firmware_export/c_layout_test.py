"""Lines of generated C: none too long, nothing lost, no comment that ends early."""

import pytest

from firmware_export import c_layout


def test_a_short_comment_is_one_line():
    assert c_layout.comment("a table") == "/* a table */"


@pytest.mark.parametrize("indent", [0, 4])
@pytest.mark.parametrize("words", range(1, 60))
def test_a_long_comment_is_broken_and_closed(words: int, indent: int):
    text = " ".join(f"word{number}" for number in range(words))
    found = (" " * indent + c_layout.comment(text, indent)).split("\n")
    assert all(len(line) <= 100 for line in found)
    assert found[-1].endswith(" */") and found[-1].strip() != "*/"
    assert all(line.startswith(" " * indent + " * ") for line in found[1:])
    assert "".join(found).count("*/") == 1
    inside = " ".join(line.strip().removeprefix("/").removeprefix("* ") for line in found)
    assert inside.removesuffix(" */") == text


def test_a_comment_cannot_be_ended_from_inside():
    assert c_layout.comment("a */ b\n\tc") == "/* a * / b c */"


def test_lines_within_a_comment():
    assert c_layout.lines("short") == "short"
    first, second = c_layout.lines("word " * 25).split("\n")
    assert len(first) <= 97 and second.startswith(" * word")


def test_arguments_stand_below_each_other():
    arguments = ", ".join(f"arena + {number}" for number in range(1000, 1010))
    found = ("  " + c_layout.call(f"edge_add({arguments});", 2)).split("\n")
    assert len(found) == 2
    assert all(len(line) <= 100 for line in found)
    assert found[1].startswith(" " * len("  edge_add(") + "arena")
    assert " ".join(line.strip() for line in found) == f"edge_add({arguments});"


def test_a_call_that_fits_is_left_alone():
    text = f"f({'x' * 96});"
    assert c_layout.call(text) == text and "\n" not in c_layout.call(text)


def test_members_of_a_member():
    assert c_layout.member(".shape = {.a = 1, .b = {2, 3}}", 4) == ".shape = {.a = 1, .b = {2, 3}},"
    inner = ", ".join(f".member_{number} = {number}" for number in range(8))
    found = c_layout.member(f".add = {{{inner}}}", 4).split("\n")
    assert len(found) == 8
    assert found[0] == ".add = {.member_0 = 0,"
    assert found[-1] == " " * len("    .add = {") + ".member_7 = 7},"
