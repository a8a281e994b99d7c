"""Pruning across kernels by LAMP: each keeps what it needs, not each the same share.

Layer-adaptive magnitude-based pruning (arXiv:2010.07611, sec. 3, eq. 1). The score of a weight w
is w^2 over the sum of v^2 of all weights v of its kernel that are not smaller; the weights of
least score go, wherever they are. The largest of each kernel has the score 1, so that none is
emptied, and a factor on a whole kernel, which the norm behind undoes, changes nothing.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

# What a pruning schedule of TFMOT is asked: at this step, is it time, and for which sparsity.
Schedule = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


def scores(kernel: tf.Tensor) -> tf.Tensor:
    """LAMP scores, (weights,) in the kernel's order: 0 for a weight that is zero, 1 at most."""
    squares = tf.reshape(tf.square(kernel), [-1])
    order = tf.argsort(squares, direction="DESCENDING", stable=True)
    falling = tf.gather(squares, order)
    shares = tf.math.divide_no_nan(falling, tf.cumsum(falling))
    return tf.scatter_nd(order[:, tf.newaxis], shares, tf.shape(squares))


class LampPruning:
    """Renews masks so that all kernels together have the sparsity of the schedule.

    Args:
      step: gives the number of the step.
      kernels: that are pruned, zero where they are pruned already.
      masks: a variable of the same shape each.
      schedule: when, and to what.
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
        """Renews the masks if it is time."""
        due, sparsity = self._schedule(self._step())
        return tf.cond(due, lambda: self._update(sparsity), tf.no_op)

    def _update(self, sparsity: tf.Tensor) -> tf.Operation:
        found = [scores(kernel) for kernel in self._kernels]
        together = tf.concat(found, axis=0)
        count = tf.cast(tf.size(together), tf.float32)
        kept = tf.cast(tf.maximum(tf.round(count * (1.0 - sparsity)), 1.0), tf.int32)
        # By rank, not by threshold: of equal scores no more stay than there is room for.
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
