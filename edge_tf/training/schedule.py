"""The learning rate of BC-ResNet's recipe (arXiv:2106.04140, sec. 4.1)."""

import math


def warmup_epochs(epochs: int) -> float:
    """Epochs of warm-up: from 100 epochs on, 5 (as published, for 200); below that, a 20th."""
    return min(5.0, epochs / 20.0)


def learning_rate(step: int, total_steps: int, warmup_steps: int, peak: float) -> float:
    """Linear from 0 to `peak` over the warm-up, then half a cosine down to 0.

    Args:
      step: number of this step, from 1.
      total_steps: steps of the whole training.
      warmup_steps: steps of the warm-up, below total_steps.
      peak: the highest rate.
    """
    if step < warmup_steps:
        return peak * step / warmup_steps
    progress = (step - warmup_steps) / max(1, total_steps - warmup_steps)
    return 0.5 * peak * (1.0 + math.cos(math.pi * progress))
