"""Keras layers of audio networks, one per file. Tensors are (batch, frequency, time, channels)."""
