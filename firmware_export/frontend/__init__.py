"""The integer log-mel front-end: tables shared by its C and its NumPy reference."""
