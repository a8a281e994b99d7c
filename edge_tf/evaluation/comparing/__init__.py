"""Compares runs with runs, with intervals over clips and trainings."""

from typing import Literal, get_args

# Which model of a run is compared: float.keras, compressed.keras or model_int8.tflite.
ComparedHop = Literal["keras", "compressed", "int8"]
COMPARED_HOPS: tuple[ComparedHop, ...] = get_args(ComparedHop)
