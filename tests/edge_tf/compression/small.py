"""A small model of every kind of layer, data for it, and phases run by hand."""

from collections.abc import Sequence

import numpy as np
import tf_keras as keras

from edge_tf.compression import phase_step, pruning, quantization
from edge_tf.compression.network import Network, State
from edge_tf.compression.phase import Phase
from edge_tf.compression.settings import Settings
from edge_tf.training.step import seed_everything
from tests.edge_tf.conversion.conversion_fixtures import SHAPE, block_model

CLASSES = 4


def clips(count: int = 24, shape: Sequence[int] = SHAPE, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, *shape)).astype(np.float32)


def labels(count: int = 24, classes: int = CLASSES) -> np.ndarray:
    """Probabilities, (count, classes), as training batches have them."""
    return np.eye(classes, dtype=np.float32)[np.arange(count) % classes]


def quantized(model: keras.Model | None = None, masks: dict | None = None) -> Network:
    seed_everything(0)
    model = model or block_model()
    features = clips(shape=model.input_shape[1:])
    return Network(State(model, masks or {}, quantization.calibrated(model, features)), True)


def revived(model: keras.Model, masks: dict[str, np.ndarray]) -> Network:
    """As PQK's second phase begins: masked, but with all weights as they were."""
    network = quantized(model, masks)
    network.masks.revive({name: model.get_layer(name).get_weights()[0] for name in masks})
    return network


def half_masks(model: keras.Model) -> dict[str, np.ndarray]:
    """About half of the weights of each pointwise and stem kernel, by chance."""
    rng = np.random.default_rng(1)
    names = pruning.chosen(model, ("pointwise", "stem"))
    shapes = {name: model.get_layer(name).get_weights()[0].shape for name in names}
    return {name: (rng.random(shape) < 0.5).astype(np.float32) for name, shape in shapes.items()}


def run_recipe(
    model: keras.Model, settings: Settings, teacher: keras.Model | None = None, steps: int = 5
) -> State:
    """All phases of a chain on a few batches, as the stage runs them on a data set."""
    state = State(model)
    x, y = clips(shape=model.input_shape[1:]), labels(classes=model.output_shape[1])
    chain = [phase for name in settings.recipes for phase in phase_step.phases_of(name, settings)]
    for phase in chain:
        seed_everything(settings.seed)
        network = phase_step.network(phase, state, lambda: x)
        parts = parts_of(phase, network, settings, teacher, steps)
        for _ in range(steps):
            parts.step(x, y, settings.peak_rate)
        state = parts.state(network, state)
    return state


def parts_of(
    phase: Phase,
    network: Network,
    settings: Settings,
    teacher: keras.Model | None = None,
    steps: int = 5,
) -> phase_step.Parts:
    names = []
    if phase.sparsity is not None:
        kinds = settings.prune
        layers = [getattr(layer, "layer", layer) for layer in network.model.layers]
        names = [layer.name for layer in layers if pruning.kind(layer) in kinds]
    return phase_step.parts(phase, network, settings, names, teacher, 1, steps)
