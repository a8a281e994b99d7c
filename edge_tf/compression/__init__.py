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
      prunes: it has a phase with a sparsity.
    """

    module: str
    needs_teacher: bool = False
    peak_rate: float = 0.05
    prunes: bool = False


RECIPES: Mapping[str, Recipe] = {
    "prune": Recipe("prune", prunes=True),
    "qat": Recipe("qat", peak_rate=0.005),
    "prune_qat": Recipe("prune_qat", prunes=True),
    "distill": Recipe("distill", needs_teacher=True),
    "causal": Recipe("causal", needs_teacher=True, peak_rate=0.02),
    "pqk": Recipe("pqk", prunes=True),
    "qkd": Recipe("qkd", needs_teacher=True),
    "psg": Recipe("psg"),
    "finetune": Recipe("finetune"),
}
