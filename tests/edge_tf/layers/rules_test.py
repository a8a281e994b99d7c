"""Each layer has one rule, and it is the one of the layer, not of what it is derived from."""

import importlib
import pkgutil

import pytest
import tf_keras as keras
from tf_keras.layers import ReLU

import edge_tf.layers
from edge_tf.layers.frame_history import Delay, FrameHistory, SlidingMean
from edge_tf.layers.residual_norm import ResidualNorm, ResidualNormRule
from edge_tf.layers.rules import RULES, kernel_of, rule_of
from edge_tf.layers.weighted_instance_norm import WeightedInstanceNorm

layers = keras.layers
# Those of streams run in Keras alone: the int8 file of a stream is made from that of whole windows.
WITHOUT = {FrameHistory, Delay, SlidingMean, WeightedInstanceNorm}


def own_layers() -> set[type]:
    names = [module.name for module in pkgutil.iter_modules(edge_tf.layers.__path__)]
    modules = [importlib.import_module(f"edge_tf.layers.{name}") for name in names]
    return {
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type)
        and issubclass(kind, layers.Layer)
        and kind.__module__.startswith("edge_tf.layers")
        and not kind.__name__.startswith("_")
    }


def test_each_layer_of_this_library_has_a_rule():
    assert own_layers() - WITHOUT <= {rule.layer for rule in RULES}


def test_no_layer_has_two_rules():
    kinds = [rule.layer for rule in RULES]
    assert len(kinds) == len(set(kinds))


def test_a_subclass_has_the_rule_of_its_own_computation():
    class Named(ReLU):
        pass

    class Other(ReLU):
        def call(self, inputs):
            return inputs + 1.0

    assert rule_of(Named()) is rule_of(layers.ReLU())
    assert rule_of(Other()) is None
    assert rule_of(layers.Conv2DTranspose(3, 1)) is None
    assert isinstance(rule_of(ResidualNorm()), ResidualNormRule)


@pytest.mark.parametrize(
    ("layer", "attribute", "kind"),
    [
        (layers.Conv2D(3, 1), "kernel", "pointwise"),
        (layers.Conv2D(3, (3, 1)), "kernel", "stem"),
        (layers.DepthwiseConv2D(3), "depthwise_kernel", "depthwise"),
    ],
)
def test_kernels_are_found_and_told_apart(layer, attribute, kind):
    layer.build((None, 8, 8, 2))
    assert kernel_of(layer) is getattr(layer, attribute)
    rule = rule_of(layer)
    assert rule is not None and rule.kernel_kind(layer) == kind


def test_a_layer_without_weights_has_no_kernel():
    assert kernel_of(layers.ReLU()) is None
    rule = rule_of(layers.ReLU())
    assert rule is not None and rule.kernel_kind(layers.ReLU()) is None
    assert kernel_of(layers.Flatten()) is None
