"""Boards that exported C runs on, emulated microcontrollers and the host: building and running."""
