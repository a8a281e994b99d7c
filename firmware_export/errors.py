"""The error of this package that a user can fix."""


class ExportError(Exception):
    """A file cannot be exported; the message is one line: what is wrong and how to fix it."""


# Of a tensor with unknown dimensions. Keras' batch_shape does not fix them in a SavedModel.
FIX_SHAPE = (
    "fix it with TFLiteConverter.from_concrete_functions([tf.function(model)"
    ".get_concrete_function(tf.TensorSpec(SHAPE))], model)"
)
