"""Streams mixed on the fly from words, other sound, noise and rooms: what a wake word trains on."""
