"""Boards for exported C: emulated microcontrollers and the host; building for them, running."""
