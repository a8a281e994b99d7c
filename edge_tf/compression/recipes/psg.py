"""psg: fine-tunes to weights that survive plain rounding (position-scaled gradients)."""

import tensorflow as tf

from edge_tf.compression.network import Network
from edge_tf.compression.phase import Phase
from edge_tf.compression.position_scaling import grid, scaled_gradient
from edge_tf.compression.settings import Settings
from edge_tf.training.step import GradientRule

# The published strength, 150 at 4 bits, suits weights of one size. Here it is relative to the step
# of each kernel: a weight half a step from its grid point learns _STRENGTH / 2 times as fast as
# with SGD.
_STRENGTH = 4.0


def phases(settings: Settings) -> list[Phase]:
    return [Phase("psg", gradient_rule=_rule)]


def _rule(network: Network, settings: Settings) -> GradientRule:
    kernels = {kernel.ref() for kernel in network.masks.kernels.values()}

    def scaled(variable: tf.Variable, gradient: tf.Tensor) -> tf.Tensor:
        if variable.ref() not in kernels:
            return gradient
        step = tf.maximum(grid(variable, settings.bits), 1e-12)
        return scaled_gradient(gradient, variable, settings.bits, _STRENGTH / step)

    return scaled
