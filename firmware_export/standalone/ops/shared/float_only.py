"""Ops of which TFLite Micro has no int8 kernel: why they are refused, and what does the same."""

_OTHERS = "leave it out of the model, and compute it before or after"

# What to do instead, by the op's schema name.
REMEDIES = {
    "COS": _OTHERS,
    "EXP": _OTHERS,
    "GELU": "use another activation in the model, such as HARD_SWISH or RELU",
    "LOG": _OTHERS,
    "NEG": "subtract the tensor from 0, or multiply it by -1",
    "POW": "multiply the tensor with itself",
    "RELU_0_TO_1": "use MINIMUM and MAXIMUM",
    "SIN": _OTHERS,
    "SQRT": "use RSQRT, and MUL with its input",
    "SQUARE": "multiply the tensor with itself",
}
