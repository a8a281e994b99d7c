"""The recipes, one file each: `phases(settings)` returns the phases to train, in order."""
