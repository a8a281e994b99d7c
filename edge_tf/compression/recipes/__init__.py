"""The recipes, a file each: `phases(settings)` says what is trained, one after the other."""
