"""Where a model runs. A new device is a new file here and a line in evaluation/hops/lineup.py."""
