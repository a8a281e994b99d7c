"""Settings of a compression, checked."""

import dataclasses
import math

from edge_tf.compression import RECIPES
from edge_tf.errors import UserError
from edge_tf.settings import DISTILL_FEATURES, PRUNE_BY, PRUNE_KINDS, CompressionSettings


@dataclasses.dataclass(frozen=True)
class Settings(CompressionSettings):
    """The flags of pipelines.compress.

    Raises:
      UserError: a value out of range, an unknown recipe or a missing teacher.
    """

    def __post_init__(self) -> None:
        unknown: list[str] = [name for name in self.recipes if name not in RECIPES]
        if unknown or not self.recipes:
            raise UserError(
                f"--recipe has '{unknown[0] if unknown else ''}'",
                f"choose from {', '.join(RECIPES)}; a chain is written prune,qat",
            )
        if not 0.0 <= self.sparsity < 1.0:
            raise UserError(
                f"--sparsity={self.sparsity:g} is not in [0, 1)", "0.8 sets 80 % to zero"
            )
        unknown = [kind for kind in self.prune if kind not in PRUNE_KINDS]
        if unknown or not self.prune:
            cause = f"--prune has '{unknown[0]}'" if unknown else "--prune names no kernels"
            raise UserError(cause, f"choose from {', '.join(PRUNE_KINDS)}")
        if self.prune_by not in PRUNE_BY:
            raise UserError(
                f"--prune_by={self.prune_by} is unknown", f"choose {' or '.join(PRUNE_BY)}"
            )
        if not 0.0 <= self.target_nonzero_kb < math.inf:
            raise UserError(
                f"--target_nonzero_kb={self.target_nonzero_kb:g} must be above 0", "or leave it out"
            )
        if self.target_nonzero_kb and "depthwise" in self.prune:
            # Conversion sums copies of them, so their zeros are not zeros in the file.
            raise UserError(
                "--target_nonzero_kb cannot be met by depthwise kernels",
                "leave depthwise out of --prune",
            )
        if self.peak_rate == 0.0:
            rates = [RECIPES[name].peak_rate for name in self.recipes]
            object.__setattr__(self, "peak_rate", max(rates))
        if self.epochs < 1 or self.batch_size < 2 or not 0 < self.peak_rate < math.inf:
            raise UserError("--epochs must be at least 1, --batch_size 2, --peak_rate not negative")
        if self.distill_features not in DISTILL_FEATURES:
            raise UserError(
                f"--distill_features={self.distill_features} is unknown",
                f"choose one of {', '.join(DISTILL_FEATURES)}",
            )
        if not self.temperature > 0 or not 0.0 <= self.distill_weight <= 1.0:
            raise UserError("--temperature must be above 0, --distill_weight in 0 to 1")
        if not 2 <= self.bits <= 8:
            raise UserError(f"--bits={self.bits} is not in 2 to 8", "psg is designed for 4")
        missing = [name for name in self.recipes if RECIPES[name].needs_teacher]
        if missing and self.teacher is None:
            raise UserError(
                f"--recipe={missing[0]} needs a teacher", "name a larger run: --teacher_run=RUN2"
            )
        if self.distill_features != "none" and self.teacher is None:
            raise UserError("--distill_features needs a teacher", "add --teacher_run=RUN2")
