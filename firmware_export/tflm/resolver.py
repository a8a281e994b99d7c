"""Methods of TFLite Micro's MicroMutableOpResolver that register the ops of a model."""

from firmware_export.errors import ExportError
from tflite_model.info import ModelInfo
from tflite_model.names import printable

# Builtin ops that MicroMutableOpResolver has an Add method for.
_SUPPORTED = frozenset(
    """
    ABS ADD ADD_N ARG_MAX ARG_MIN ASSIGN_VARIABLE AVERAGE_POOL_2D BATCH_MATMUL BATCH_TO_SPACE_ND
    BROADCAST_ARGS BROADCAST_TO CALL_ONCE CAST CEIL CONCATENATION CONV_2D COS CUMSUM
    DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE DIV DYNAMIC_UPDATE_SLICE ELU EMBEDDING_LOOKUP
    EQUAL EXP EXPAND_DIMS FILL FLOOR FLOOR_DIV FLOOR_MOD FULLY_CONNECTED GATHER GATHER_ND
    GREATER GREATER_EQUAL HARD_SWISH IF L2_NORMALIZATION L2_POOL_2D LEAKY_RELU LESS LESS_EQUAL
    LOG LOGICAL_AND LOGICAL_NOT LOGICAL_OR LOGISTIC LOG_SOFTMAX MAXIMUM MAX_POOL_2D MEAN MINIMUM
    MIRROR_PAD MUL NEG NOT_EQUAL PACK PAD PADV2 PRELU QUANTIZE READ_VARIABLE REDUCE_ALL
    REDUCE_MAX REDUCE_MIN RELU RELU6 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR REVERSE_V2
    ROUND RSQRT SELECT_V2 SHAPE SIN SLICE SOFTMAX SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V
    SQRT SQUARE SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM SVDF TANH TRANSPOSE
    TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK VAR_HANDLE WHILE ZEROS_LIKE
    """.split()
)

# Add methods that are not named as the op in camel case.
_IRREGULAR = {
    "AVERAGE_POOL_2D": "AddAveragePool2D",
    "BATCH_MATMUL": "AddBatchMatMul",
    "CONV_2D": "AddConv2D",
    "CUMSUM": "AddCumSum",
    "DEPTHWISE_CONV_2D": "AddDepthwiseConv2D",
    "L2_POOL_2D": "AddL2Pool2D",
    "MAX_POOL_2D": "AddMaxPool2D",
    "PADV2": "AddPadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM",
}


def has(op: str) -> bool:
    """Whether TFLite Micro has a builtin op."""
    return op in _SUPPORTED


def add_method(op: str) -> str:
    """Name of the method that registers a builtin op: "CONV_2D" -> "AddConv2D".

    Raises:
      ExportError: TFLite Micro does not have the op.
    """
    if not has(op):
        raise ExportError(f"TFLite Micro has no kernel for {op}; change the model to avoid it")
    return _IRREGULAR.get(op) or "Add" + "".join(part.capitalize() for part in op.split("_"))


def add_methods(model: ModelInfo) -> list[str]:
    """Methods that register every op of the model, each once, by name.

    Raises:
      ExportError: an op that TFLite Micro does not have, or a custom op; the message names the
        op and its place in the graph.
    """
    methods = set()
    for op in model.ops:
        where = f"op {op.index} of the model"
        if op.is_custom:
            raise ExportError(
                f"{where} is the custom op '{printable(op.custom_name)}', which TFLite Micro has "
                "no kernel for; convert the model with builtin ops only"
            )
        try:
            methods.add(add_method(op.name))
        except ExportError as error:
            raise ExportError(f"{where}: {error}") from None
    return sorted(methods)
