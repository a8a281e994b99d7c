"""The stages as command-line programs: python -m pipelines.STAGE --help."""
