"""A model between the file and C: tensors, ops, the calls that ops become, the memory plan."""
