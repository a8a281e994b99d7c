"""Spoken words that nobody recorded, made by a synthesizer."""
