"""The stages as absl binaries: python -m pipelines.<stage> --help."""
