"""What a user asks for, as config.json of a run has it: data, network, training, compression.

Flags become these dataclasses, and stages after training read them again. They need no TensorFlow.
"""

import dataclasses
from typing import Literal, get_args

from edge_tf.audio.frontend_config import Normalization
from edge_tf.errors import UserError
from edge_tf.records import later

# What is classified: decides which model and training are the default (edge_tf/data/tasks.py).
Domain = Literal["words", "scenes"]

# Where a norm can stand inside a network, and where --norm_at can put it.
InnerPlace = Literal["input", "stages"]
NormPlace = Literal["frontend", "input", "stages"]
INNER_PLACES: tuple[InnerPlace, ...] = get_args(InnerPlace)
NORM_PLACES: tuple[NormPlace, ...] = get_args(NormPlace)

# Forms of an int8 graph. device: rewritten to need few and cheap ops; plain: the ops of Keras.
Graph = Literal["device", "plain"]
GRAPHS: tuple[Graph, ...] = get_args(Graph)

RecipeName = Literal[
    "prune", "qat", "prune_qat", "distill", "causal", "pqk", "qkd", "psg", "finetune"
]
# Kernels that pruning tells apart; compression.pruning.kind says which is which.
PruneKind = Literal["pointwise", "stem", "depthwise"]
# Where the weights of least magnitude are looked for: in each kernel, or in all together.
PruneBy = Literal["layer", "network"]
# Losses on a teacher's inner features: arXiv:1802.04977, arXiv:1904.01866.
DistillFeatures = Literal["none", "factor", "overhaul"]
PRUNE_KINDS: tuple[PruneKind, ...] = get_args(PruneKind)
PRUNE_BY: tuple[PruneBy, ...] = get_args(PruneBy)
DISTILL_FEATURES: tuple[DistillFeatures, ...] = get_args(DistillFeatures)


@dataclasses.dataclass(frozen=True)
class DataFlags:
    """Which data a run was trained on.

    Attributes:
      data_dir: folder of the data, absolute.
      task: name of one of edge_tf.data.tasks.
      words: of the task "words": the keywords; empty: every folder is one.
      split_lists: folder of lists to follow, or None.
      test_dir: official test set, or None.
      data_seed: of what is chosen at random.
      fold, simulated_devices: of scenes; None for words.
    """

    data_dir: str
    task: str
    words: tuple[str, ...]
    split_lists: str | None
    test_dir: str | None
    data_seed: int
    fold: int | None = later(None)
    simulated_devices: int | None = later(None)


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Which model, and arguments of its build function.

    Attributes:
      name: of edge_tf.models.
      tau: width multiplier.
      lookahead: of a model for streams, the future frames that it reads; None: for whole windows.
      norm, norm_places, norm_lambda, mix_style: see bc_resnet_asc.
    """

    name: str = "bc_resnet"
    tau: float = 1.0
    lookahead: int | None = later(None)
    norm: Normalization = later("none")
    norm_places: tuple[InnerPlace, ...] = later(())
    norm_lambda: float | None = later(None)
    mix_style: float = later(0.0)


@dataclasses.dataclass(frozen=True)
class TrainingSettings:
    """How to train; the defaults are BC-ResNet's published ones but for the epochs.

    Attributes:
      epochs: passes over the training clips; the last epoch's weights are the result.
      batch_size: clips per step.
      peak_rate: highest learning rate, after the warm-up.
      momentum: of SGD.
      weight_decay: w enters its own gradient with this factor, for every trainable variable,
        norms and biases included (L2, not decoupled).
      seed: of initial weights, order, augmentation and dropout.

    Raises:
      UserError: a value out of range.
    """

    epochs: int = 20
    batch_size: int = 100
    peak_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-3
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 2 or self.peak_rate <= 0:
            raise UserError("--epochs must be at least 1, --batch_size 2, --peak_rate above 0")


@dataclasses.dataclass(frozen=True)
class CompressionSettings:
    """What is asked of a compression; edge_tf.compression.settings checks it.

    Attributes:
      recipes: applied one after the other.
      epochs: of all phases together.
      sparsity: share of zeros in each pruned kernel, for recipes that prune.
      target_nonzero_kb: the int8 file shall have so many KB of 1,024 bytes of parameters that are
        not zero; the sparsity is chosen for it. 0: the sparsity is the user's.
      graph: form of that int8 file.
      prune: which kernels.
      prune_by: where the least weights are looked for.
      temperature: of distillation.
      distill_weight: share of the teacher's logits in the loss, 0 to 1.
      distill_features: loss on the teacher's inner features.
      bits: of psg's grid.
      batch_size, seed: as in training.
      peak_rate: highest learning rate; it rises once and falls over all phases. 0: the highest that
        one of the recipes has by default.
      teacher: what the teacher run's weights are (a digest), None without one.
    """

    recipes: tuple[RecipeName, ...]
    epochs: int = 10
    sparsity: float = 0.8
    target_nonzero_kb: float = 0.0
    graph: Graph = "device"
    prune: tuple[PruneKind, ...] = ("pointwise", "stem")
    prune_by: PruneBy = "layer"
    temperature: float = 2.0
    distill_weight: float = 0.5
    distill_features: DistillFeatures = "none"
    bits: int = 4
    batch_size: int = 100
    peak_rate: float = 0.0
    seed: int = 0
    teacher: str | None = None
