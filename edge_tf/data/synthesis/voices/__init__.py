"""Speech synthesizers behind one interface, a file each; registry.py lists them."""
