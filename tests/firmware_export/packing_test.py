"""What all exported folders have in common."""

from pathlib import Path

from firmware_export import packing


def test_the_license_is_that_of_the_project():
    assert packing.license_text() == (Path(__file__).parents[2] / "LICENSE").read_bytes()
