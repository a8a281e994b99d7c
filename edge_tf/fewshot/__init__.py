"""Keywords learnt from a few takes: episodes, the recogniser, and how it is judged. NumPy only."""
