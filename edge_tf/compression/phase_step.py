"""From a phase's description to the network it trains and the step that trains it."""

import dataclasses
import importlib
from collections.abc import Callable, Sequence

import numpy as np
import tf_keras as keras

from edge_tf.compression import RECIPES, pruning, quantization
from edge_tf.compression.network import Network, State
from edge_tf.compression.objectives import FromTeacher
from edge_tf.compression.phase import Phase
from edge_tf.compression.settings import Settings
from edge_tf.compression.teaching import factor_transfer, overhaul
from edge_tf.compression.teaching.distillation import FeatureLoss
from edge_tf.settings import TrainingSettings
from edge_tf.training.objective import CrossEntropy, Objective
from edge_tf.training.step import SgdStep

# Factors of the losses on features; those of the papers (arXiv:1802.04977, arXiv:1904.01866).
_FEATURE_WEIGHTS = {"factor": 500.0, "overhaul": 1.0}


def phases_of(recipe: str, settings: Settings) -> list[Phase]:
    """The phases of a recipe in RECIPES, in order."""
    module = importlib.import_module(f"edge_tf.compression.recipes.{RECIPES[recipe].module}")
    return list(module.phases(settings))


def network(phase: Phase, state: State, clips: Callable[[], np.ndarray]) -> Network:
    """The network of a phase, from the state that the previous phase left.

    A network that is quantized for the first time starts with the ranges of the float model.

    Args:
      phase: the next phase.
      state: the state so far.
      clips: returns representative features (n, mel_bands, frames, 1); called only if needed.
    """
    if phase.quantized and state.ranges is None:
        ranges = quantization.calibrated(state.model, clips())
        state = dataclasses.replace(state, ranges=ranges)
    made = Network(state, phase.quantized)
    if phase.revived:
        made.masks.revive(state.pruned)
    return made


@dataclasses.dataclass(frozen=True)
class Parts:
    """The parts that train a phase.

    Attributes:
      step: for the training loop.
      features: a loss to prepare before training, or None.
      gradual: the pruning during the phase, or None.
    """

    step: SgdStep
    features: FeatureLoss | None
    gradual: pruning.GradualPruning | None

    def state(self, network: Network, before: State) -> State:
        """The state after the phase, from the trained network and the state before."""
        pruned = {**before.pruned, **(self.gradual.last_values() if self.gradual else {})}
        return dataclasses.replace(network.state(), pruned=pruned)


def parts(
    phase: Phase,
    network: Network,
    settings: Settings,
    names: Sequence[str],
    teacher: keras.Model | None,
    epochs: int,
    steps: int,
) -> Parts:
    """The parts that train a phase.

    Args:
      phase: what to train, and how.
      network: the phase's network.
      settings: the user's.
      names: layers to prune.
      teacher: float Keras model or None.
      epochs: epochs of the phase.
      steps: steps of the phase.
    """
    objective, features = _objective(phase, network, settings, teacher, steps)
    gradual = None
    if phase.sparsity is not None:
        gradual = pruning.GradualPruning(
            network.masks, names, phase.sparsity, steps, settings.prune_by
        )

    def after_update() -> None:
        if gradual is not None:
            gradual.update()
        elif not phase.revived:
            network.masks.apply()

    step = SgdStep(
        network.model,
        TrainingSettings(epochs, settings.batch_size, settings.peak_rate, seed=settings.seed),
        objective,
        phase.gradient_rule(network, settings) if phase.gradient_rule else None,
        after_update,
        {**network.trackables(), **(gradual.trackables() if gradual else {})},
    )
    return Parts(step, features, gradual)


def _objective(
    phase: Phase, network: Network, settings: Settings, teacher: keras.Model | None, steps: int
) -> tuple[Objective, FeatureLoss | None]:
    if phase.objective is not None:
        return phase.objective(network, teacher, settings, steps), None
    if teacher is None:
        return CrossEntropy(network.model), None
    name = settings.distill_features
    features: FeatureLoss | None = None
    if name == "factor":
        features = factor_transfer.FactorTransfer.for_models(network.model, teacher)
    elif name == "overhaul":
        features = overhaul.Overhaul.for_models(network.model, teacher)
    objective = FromTeacher(
        network,
        teacher,
        settings.temperature,
        settings.distill_weight,
        features,
        _FEATURE_WEIGHTS.get(name, 0.0),
    )
    return objective, features
