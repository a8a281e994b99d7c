"""Where a model runs. A new engine is a file here and a line in evaluation/hops/lineup.py."""
