"""A phase of a recipe: some epochs of training, and what they train."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tf_keras as keras

    from edge_tf.compression.network import Network
    from edge_tf.compression.settings import Settings
    from edge_tf.training.objective import Objective
    from edge_tf.training.step import GradientRule

MakeObjective = Callable[["Network", "keras.Model | None", "Settings", int], "Objective"]
MakeRule = Callable[["Network", "Settings"], "GradientRule"]


@dataclasses.dataclass(frozen=True)
class Phase:
    """What to train, how, and for how long.

    Attributes:
      name: for progress and checkpoints; unique within a recipe.
      share: share of the recipe's epochs, relative to the other phases.
      quantized: round like the int8 graph; else float.
      sparsity: gradually prune the kernels of the policy to it; None: keep the masks.
      revived: pruned weights get their old values back and learn; the masks stay.
      objective: makes the objective from network, teacher, settings and the phase's steps; None:
        cross-entropy, and the teacher's logits if there is a teacher.
      gradient_rule: makes the rule that changes gradients; None: plain SGD.
    """

    name: str
    share: float = 1.0
    quantized: bool = False
    sparsity: float | None = None
    revived: bool = False
    objective: MakeObjective | None = None
    gradient_rule: MakeRule | None = None


def epochs_of(recipes: list[list[Phase]], total: int) -> list[int]:
    """Epochs of each phase of a chain; recipes get equal parts, their phases by share.

    Returns:
      At least 1 each, `total` in sum; with equal fractions the later phase gets the epoch.

    Raises:
      ValueError: fewer epochs than phases.
    """
    weights = [
        phase.share / sum(other.share for other in phases) / len(recipes)
        for phases in recipes
        for phase in phases
    ]
    if total < len(weights):
        raise ValueError(f"{total} epochs for {len(weights)} phases")
    epochs = [max(1, int(total * weight)) for weight in weights]
    while sum(epochs) != total:
        step = 1 if sum(epochs) < total else -1
        shortfalls = [
            step * (total * w - e) if e + step >= 1 else float("-inf")
            for w, e in zip(weights, epochs, strict=True)
        ]
        at = max(range(len(shortfalls)), key=lambda i: (shortfalls[i], i))
        epochs[at] += step
    return epochs
