"""A model between the file and C: tensors, ops, the calls that ops become, places in memory."""
