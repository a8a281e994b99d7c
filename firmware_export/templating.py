"""The Jinja settings of all generated files: a missing value is an error, blocks leave no lines."""

import functools
from pathlib import Path

import jinja2

from firmware_export import c_layout

FOLDER = Path(__file__).with_name("templates")


@functools.cache
def environment(*folders: str) -> jinja2.Environment:
    """Templates from folders of templates/; an earlier folder takes precedence.

    Made once, since templates are compiled on first use, which takes longer than rendering them.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([FOLDER / folder for folder in folders]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    for layout in (c_layout.comment, c_layout.lines, c_layout.member, c_layout.call):
        environment.filters[f"c_{layout.__name__}"] = layout
    return environment
