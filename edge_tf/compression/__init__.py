"""Compression: pruning, quantization-aware training and distillation, combined into recipes."""

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A recipe the user can choose; `phases` of its module defines what it does.

    Attributes:
      module: its name in edge_tf.compression.recipes.
      needs_teacher: it requires --teacher_run; for the others a teacher is optional.
      peak_rate: default peak learning rate.
    """

    module: str
    needs_teacher: bool = False
    peak_rate: float = 0.05


RECIPES: Mapping[str, Recipe] = {
    "prune": Recipe("prune"),
    "qat": Recipe("qat", peak_rate=0.005),
    "prune_qat": Recipe("prune_qat"),
    "distill": Recipe("distill", needs_teacher=True),
    "causal": Recipe("causal", needs_teacher=True, peak_rate=0.02),
    "pqk": Recipe("pqk"),
    "qkd": Recipe("qkd", needs_teacher=True),
    "psg": Recipe("psg"),
    "finetune": Recipe("finetune"),
}
