"""Jinja as all generated files use it: a missing value is an error, blocks leave no lines."""

from pathlib import Path

import jinja2

FOLDER = Path(__file__).with_name("templates")


def environment(*folders: str) -> jinja2.Environment:
    """Templates of some folders of templates/; what an earlier one has, it has first."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([FOLDER / folder for folder in folders]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
