"""The graph's ops, one module per family: everything about an op is in one place.

A module has the class of the op (how it is lowered to calls of C kernels, and what passes may ask),
functions that read it from a .tflite, and OPS: one rule per op of the file; () if only passes make
the op. What families share is in ops/shared.
"""
