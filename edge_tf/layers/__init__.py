"""Keras layers of audio networks, one a file. Tensors are (batch, frequency, time, channels)."""
