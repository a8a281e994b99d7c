"""The graph's ops, a module for each family: all that is known about an op is in one place.

A module has the class of the op (how it is lowered to calls of C kernels, and what passes may ask),
functions that read it from a .tflite, and OPS: a rule for each op of the file; () where only
passes make the op. What families share is in ops/shared.
"""
