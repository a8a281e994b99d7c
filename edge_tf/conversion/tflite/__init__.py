"""Edits of finished .tflite files: order, names, metadata, streaming and waveform forms."""
