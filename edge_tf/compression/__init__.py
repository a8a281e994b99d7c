"""Compression: pruning, quantization-aware training and distillation, composed to recipes."""

import dataclasses
from collections.abc import Mapping

from edge_tf.settings import RecipeName


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What there is to choose from; `phases` of the module says what it does.

    Attributes:
      module: of edge_tf.compression.recipes.
      needs_teacher: it cannot do without --teacher_run; the others can take one.
      peak_rate: highest learning rate unless the user names one.
    """

    module: str
    needs_teacher: bool = False
    peak_rate: float = 0.05


RECIPES: Mapping[RecipeName, Recipe] = {
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
