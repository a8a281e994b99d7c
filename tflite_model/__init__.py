"""Reads int8 .tflite files without TensorFlow: tensors, ops, options, sizes, sparsity.

info = tflite_model.read("model_int8.tflite")
"""

from tflite_model.reader import parse, read

__all__ = ["parse", "read"]
