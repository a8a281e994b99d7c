"""Fuzzers of the project, for `make fuzz`: `python -m fuzzing --help`."""
