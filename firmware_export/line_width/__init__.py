"""Keeps the lines of exported files within a width, whatever --prefix adds to their names."""

WIDTH = 100  # as in .clang-format
