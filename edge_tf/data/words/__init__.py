"""Spoken words: Speech Commands, folders of words, fixed lists."""
