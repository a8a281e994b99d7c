"""Compression: pruning, quantization-aware training and distillation, composed to recipes."""

import dataclasses
import typing

from edge_tf.layers.rule import KernelKind


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


RECIPES = {
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

# Kernels that pruning tells apart; the rule of a layer says which its kernel is.
KINDS: tuple[str, ...] = typing.get_args(KernelKind)

# Where the weights of least magnitude are looked for: in each kernel, or in all together.
PRUNE_BY = ("layer", "network")
