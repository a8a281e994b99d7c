"""Acoustic scenes: TAU Urban Acoustic Scenes, ESC-50, folders of classes."""
