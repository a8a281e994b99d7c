"""Pruning across kernels by LAMP: each keeps the weights it needs, not the same share.

Layer-adaptive magnitude-based pruning (arXiv:2010.07611, sec. 3, eq. 1). The score of a weight w
is w^2 over the sum of v^2 of all weights v of its kernel that are not smaller; the weights
with the lowest scores go, wherever they are. The largest of each kernel has score 1, so no kernel
is emptied. A factor on a whole kernel, which the norm after it undoes, changes nothing.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

# A TFMOT pruning schedule: from the step to whether to prune now, and the sparsity.
Schedule = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


def scores(kernel: tf.Tensor) -> tf.Tensor:
    """LAMP scores, (weights,) in the kernel's order: 0 for a zero weight, at most 1."""
    squares = tf.reshape(tf.square(kernel), [-1])
    order = tf.argsort(squares, direction="DESCENDING", stable=True)
    falling = tf.gather(squares, order)
    shares = tf.math.divide_no_nan(falling, tf.cumsum(falling))
    return tf.scatter_nd(order[:, tf.newaxis], shares, tf.shape(squares))


class LampPruning:
    """Updates masks so that all kernels together have the sparsity of the schedule.

    Args:
      step: returns the step number.
      kernels: kernels to prune, zero where already pruned.
      masks: one variable per kernel, of the same shape.
      schedule: when to prune, and to which sparsity.
    """

    def __init__(
        self,
        step: Callable[[], tf.Variable],
        kernels: Sequence[tf.Variable],
        masks: Sequence[tf.Variable],
        schedule: Schedule,
    ) -> None:
        self._step, self._schedule = step, schedule
        self._kernels, self._masks = list(kernels), list(masks)

    def conditional_mask_update(self) -> tf.Operation:
        """Updates the masks if they are due."""
        due, sparsity = self._schedule(self._step())
        return tf.cond(due, lambda: self._update(sparsity), tf.no_op)

    def _update(self, sparsity: tf.Tensor) -> tf.Operation:
        found = [scores(kernel) for kernel in self._kernels]
        together = tf.concat(found, axis=0)
        count = tf.cast(tf.size(together), tf.float32)
        kept = tf.cast(tf.maximum(tf.round(count * (1.0 - sparsity)), 1.0), tf.int32)
        # By rank, not by threshold: with ties, a threshold would keep too many.
        order = tf.argsort(together, direction="DESCENDING", stable=True)[:kept]
        flat = tf.scatter_nd(
            order[:, tf.newaxis], tf.ones([kept], together.dtype), tf.shape(together)
        )
        parts = tf.split(flat, [one.shape[0] for one in found])
        return tf.group(
            *(
                mask.assign(tf.reshape(part, mask.shape))
                for mask, part in zip(self._masks, parts, strict=True)
            )
        )
