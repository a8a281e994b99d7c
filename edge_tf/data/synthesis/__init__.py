"""Synthetic spoken words, made by a speech synthesizer."""
