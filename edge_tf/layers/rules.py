"""The rules of all layers: a new layer adds its line to RULES."""

from typing import Any

import tf_keras as keras

from edge_tf.layers.frequency_instance_norm import FrequencyInstanceNormRule
from edge_tf.layers.frequency_mix_style import FrequencyMixStyleRule
from edge_tf.layers.relaxed_instance_frequency_norm import RelaxedInstanceFrequencyNormRule
from edge_tf.layers.residual_norm import ResidualNormRule
from edge_tf.layers.rule import LayerRule
from edge_tf.layers.stock import STOCK_RULES
from edge_tf.layers.sub_spectral_norm import SubSpectralNormRule

RULES: tuple[LayerRule, ...] = (
    *STOCK_RULES,
    SubSpectralNormRule(),
    FrequencyInstanceNormRule(),
    ResidualNormRule(),
    RelaxedInstanceFrequencyNormRule(),
    FrequencyMixStyleRule(),
)
_BY_LAYER = {rule.layer: rule for rule in RULES}


def rule_of(layer: keras.layers.Layer) -> LayerRule | None:
    """The rule of a layer, or None.

    A subclass that computes something else is a different layer: Conv2DTranspose is a Conv2D.
    """
    kinds: tuple[Any, ...] = type(layer).__mro__
    for kind in kinds:
        if kind in _BY_LAYER and type(layer).call is kind.call:
            return _BY_LAYER[kind]
    return None


def kernel_of(layer: keras.layers.Layer) -> Any:
    """The kernel of a convolution, depthwise convolution or dense layer; None for any other."""
    rule = rule_of(layer)
    return None if rule is None or rule.kernel is None else getattr(layer, rule.kernel.attribute)
