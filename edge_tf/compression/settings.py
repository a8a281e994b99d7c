"""What the user asks of a compression."""

import dataclasses
import math
from typing import Any

from edge_tf.compression import KINDS, PRUNE_BY, RECIPES
from edge_tf.errors import UserError

FEATURES = ("none", "factor", "overhaul")


@dataclasses.dataclass(frozen=True)
class Settings:
    """Flags of pipelines.compress.

    Attributes:
      recipes: names of RECIPES, applied one after the other.
      epochs: of all phases together.
      sparsity: share of zeros in each pruned kernel, for recipes that prune.
      target_nonzero_kb: the int8 file shall have so many KB of 1,024 bytes of parameters that are
        not zero; the sparsity is chosen for it. 0: the sparsity is the user's.
      graph: form of that int8 file, one of conversion's.
      prune: which kernels, some of KINDS.
      prune_by: one of PRUNE_BY.
      temperature: of distillation.
      distill_weight: share of the teacher's logits in the loss, 0 to 1.
      distill_features: "none", "factor" (arXiv:1802.04977) or "overhaul" (arXiv:1904.01866).
      bits: of psg's grid.
      batch_size, seed: as in training.
      peak_rate: highest learning rate; it rises once and falls over all phases. 0: the highest that
        one of the recipes has by default.
      teacher: what the teacher run's weights are (a digest), None without one.

    Raises:
      UserError: a value out of range, an unknown recipe, a teacher that is missing.
    """

    recipes: tuple[str, ...]
    epochs: int = 10
    sparsity: float = 0.8
    target_nonzero_kb: float = 0.0
    graph: str = "device"
    prune: tuple[str, ...] = ("pointwise", "stem")
    prune_by: str = "layer"
    temperature: float = 2.0
    distill_weight: float = 0.5
    distill_features: str = "none"
    bits: int = 4
    batch_size: int = 100
    peak_rate: float = 0.0
    seed: int = 0
    teacher: str | None = None

    def __post_init__(self) -> None:
        unknown = [name for name in self.recipes if name not in RECIPES]
        if unknown or not self.recipes:
            raise UserError(
                f"--recipe has '{unknown[0] if unknown else ''}'",
                f"choose from {', '.join(RECIPES)}; a chain is written prune,qat",
            )
        if not 0.0 <= self.sparsity < 1.0:
            raise UserError(
                f"--sparsity={self.sparsity:g} is not in [0, 1)", "0.8 sets 80 % to zero"
            )
        unknown = [kind for kind in self.prune if kind not in KINDS]
        if unknown or not self.prune:
            told = f"--prune has '{unknown[0]}'" if unknown else "--prune names no kernels"
            raise UserError(told, f"choose from {', '.join(KINDS)}")
        if self.prune_by not in PRUNE_BY:
            raise UserError(
                f"--prune_by={self.prune_by} is unknown", f"choose {' or '.join(PRUNE_BY)}"
            )
        if not 0.0 <= self.target_nonzero_kb < math.inf:
            raise UserError(
                f"--target_nonzero_kb={self.target_nonzero_kb:g} must be above 0", "or leave it out"
            )
        if self.target_nonzero_kb and "depthwise" in self.prune:
            # Conversion adds copies of them up, so that their zeros are no zeros of the file.
            raise UserError(
                "--target_nonzero_kb cannot be met by depthwise kernels",
                "leave depthwise out of --prune",
            )
        if self.peak_rate == 0.0:
            rates = [RECIPES[name].peak_rate for name in self.recipes]
            object.__setattr__(self, "peak_rate", max(rates))
        if self.epochs < 1 or self.batch_size < 2 or not 0 < self.peak_rate < math.inf:
            raise UserError("--epochs must be at least 1, --batch_size 2, --peak_rate not negative")
        if self.distill_features not in FEATURES:
            raise UserError(
                f"--distill_features={self.distill_features} is unknown",
                f"choose one of {', '.join(FEATURES)}",
            )
        if not self.temperature > 0 or not 0.0 <= self.distill_weight <= 1.0:
            raise UserError("--temperature must be above 0, --distill_weight in 0 to 1")
        if not 2 <= self.bits <= 8:
            raise UserError(f"--bits={self.bits} is not in 2 to 8", "4 is what psg is made for")
        missing = [name for name in self.recipes if RECIPES[name].needs_teacher]
        if missing and self.teacher is None:
            raise UserError(
                f"--recipe={missing[0]} needs a teacher", "name a larger run: --teacher_run=RUN2"
            )
        if self.distill_features != "none" and self.teacher is None:
            raise UserError("--distill_features needs a teacher", "add --teacher_run=RUN2")

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            **dataclasses.asdict(self),
            "recipes": list(self.recipes),
            "prune": list(self.prune),
        }
