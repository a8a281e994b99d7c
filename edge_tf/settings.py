"""User settings as stored in a run's config.json: data, network, training, compression.

Flags become these dataclasses, and stages after training read them back. No TensorFlow needed.
"""

import dataclasses
from typing import Literal, get_args

from edge_tf.audio.frontend_config import Normalization
from edge_tf.errors import UserError
from edge_tf.records import later

# What is classified; selects the default model and training settings (edge_tf/data/tasks.py).
Domain = Literal["words", "scenes"]
Optimizer = Literal["sgd", "adam"]

# Where a norm can be inside a network, and where --norm_at can put it.
InnerPlace = Literal["input", "stages"]
NormPlace = Literal["frontend", "input", "stages"]
INNER_PLACES: tuple[InnerPlace, ...] = get_args(InnerPlace)
NORM_PLACES: tuple[NormPlace, ...] = get_args(NormPlace)

# Forms of an int8 graph. device: rewritten to use few, cheap ops; plain: Keras' ops.
Graph = Literal["device", "plain"]
GRAPHS: tuple[Graph, ...] = get_args(Graph)

# Kinds of kernels that pruning distinguishes; see compression.pruning.kind.
PruneKind = Literal["pointwise", "stem", "depthwise"]
# Weights of smallest magnitude are pruned per kernel, or over all kernels together.
PruneBy = Literal["layer", "network"]
# Losses on a teacher's inner features: arXiv:1802.04977, arXiv:1904.01866.
DistillFeatures = Literal["none", "factor", "overhaul"]
PRUNE_KINDS: tuple[PruneKind, ...] = get_args(PruneKind)
PRUNE_BY: tuple[PruneBy, ...] = get_args(PruneBy)
DISTILL_FEATURES: tuple[DistillFeatures, ...] = get_args(DistillFeatures)


# How an embedding network is trained (edge_tf/training/fewshot): arXiv:1703.05175, 2206.13691 and,
# for triplets, 2306.02161.
FewShotMethod = Literal["proto", "dproto", "triplet"]
FEW_SHOT_METHODS: tuple[FewShotMethod, ...] = get_args(FewShotMethod)

# How a folder of words is read: 2 since there are _unknown_ as a folder, other formats, other names
# of _background_noise_, silent recordings left out, and noise made where there is none.
FOLDER_RULES = 2


@dataclasses.dataclass(frozen=True)
class DataFlags:
    """Which data a run was trained on.

    Attributes:
      data_dir: folder of the data, absolute.
      task: name of a task in edge_tf.data.tasks.
      words: the keywords of the task "words"; empty: every folder is one.
      split_lists: folder of lists to follow, or None.
      test_dir: official test set, or None.
      data_seed: seed of random choices.
      fold, simulated_devices: for scenes; None for words.
      clip_ms: length of the clips of silence.
      unknown_share: clips of other words, as a multiple of a word's; None: many.
      speaker_pattern: where a clip's path names its speaker; "": as in Speech Commands.
      background: further labels that detectors do not report.
      rules: FOLDER_RULES at the time of the training.
      auxiliary: for fewshot: folders of further words to train on, absolute.
    """

    data_dir: str
    task: str
    words: tuple[str, ...]
    split_lists: str | None
    test_dir: str | None
    data_seed: int
    fold: int | None = later(None)
    simulated_devices: int | None = later(None)
    clip_ms: int = later(1000)
    unknown_share: float | None = later(1.0)
    speaker_pattern: str = later("")
    background: tuple[str, ...] = later(())
    rules: int = later(1)
    auxiliary: tuple[str, ...] = later(())


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Which model, and arguments of its build function.

    Attributes:
      name: a model of edge_tf.models.
      tau: width multiplier.
      lookahead: future frames that a streaming model reads; None: a model for whole windows.
      norm, norm_places, norm_lambda, mix_style: see bc_resnet_asc.
      embedding: without its classifier: outputs are embeddings, no logits of labels.
    """

    name: str = "bc_resnet"
    tau: float = 1.0
    lookahead: int | None = later(None)
    norm: Normalization = later("none")
    norm_places: tuple[InnerPlace, ...] = later(())
    norm_lambda: float | None = later(None)
    mix_style: float = later(0.0)
    embedding: bool = later(False)


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How often clips are in an epoch; the defaults: each once.

    Attributes:
      rare_share: classes with fewer clips than this share of the largest class are repeated up to
        it.
      epoch_clips: an epoch has at least so many clips, in several passes if need be.

    Raises:
      UserError: a value is out of range.
    """

    rare_share: float = 0.0
    epoch_clips: int = 0

    def __post_init__(self) -> None:
        if not 0.0 <= self.rare_share <= 1.0 or not 0 <= self.epoch_clips <= 1_000_000:
            raise UserError("sampling: rare_share must be 0 to 1, epoch_clips 0 to 1,000,000")


@dataclasses.dataclass(frozen=True)
class TrainingSettings:
    """How to train; the defaults are BC-ResNet's published ones except for the epochs.

    Attributes:
      epochs: passes over the training clips; the last epoch's weights are the result.
      batch_size: clips per step.
      peak_rate: highest learning rate, after the warm-up.
      momentum: of SGD.
      optimizer: "sgd", as published, or "adam" (arXiv:1412.6980).
      weight_decay: w enters its own gradient with this factor, for every trainable variable,
        norms and biases included (L2, not decoupled).
      seed: for initial weights, order, augmentation and dropout.
      sampling: how often clips are in an epoch.

    Raises:
      UserError: a value is out of range.
    """

    epochs: int = 20
    batch_size: int = 100
    peak_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-3
    seed: int = 0
    sampling: Sampling = later(Sampling())
    optimizer: Optimizer = later("sgd")

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 2 or self.peak_rate <= 0:
            raise UserError("--epochs must be at least 1, --batch_size 2, --peak_rate above 0")


@dataclasses.dataclass(frozen=True)
class StreamTraining:
    """What streams were mixed of, and how they were used.

    Attributes:
      words: what is detected, in the order of labels: folders of takes, or labels of clips.
      takes: folder of dry takes, absolute; None: words are the clips of the data.
      recordings: folder of recordings of the words, absolute, or None.
      negatives: folders of other sound, absolute.
      hard_negatives: folders of sound that was taken for a word, absolute.
      steps: per epoch.
      rounds: the training is divided into so many; at the beginning of each but the first, the
        network listens to other sound, and what it takes for a word is added.
      hours: of other sound that was trained on, by kind.
      spoken: takes and recordings, or clips, of the words that were trained on.
      digest: of all this sound.
      rooms: folder of recorded impulse responses, absolute, or None.
      start_from: run whose weights the training began with, absolute, or None.
      start_digest: of that run's network.
    """

    words: tuple[str, ...]
    takes: str | None
    recordings: str | None
    negatives: tuple[str, ...]
    hard_negatives: tuple[str, ...]
    steps: int
    rounds: int
    hours: dict[str, float]
    spoken: dict[str, int]
    digest: str
    rooms: str | None = later(None)
    start_from: str | None = later(None)
    start_digest: str | None = later(None)


@dataclasses.dataclass(frozen=True)
class EpisodeShape:
    """Sizes of an episode of few-shot learning.

    Attributes:
      ways: known words.
      shots: takes of each known word.
      queries: clips of known words, spread evenly over them.
      unknown: clips of other words, spread evenly over all of these.

    Raises:
      UserError: a size is out of range.
    """

    ways: int
    shots: int
    queries: int
    unknown: int

    def __post_init__(self) -> None:
        sizes = dataclasses.astuple(self)
        if min(sizes) < 1 or max(sizes) > 10_000 or self.queries < self.ways:
            raise UserError("an episode needs a way, a shot, a query of each word and an unknown")


@dataclasses.dataclass(frozen=True)
class FewShotTraining:
    """How an embedding network was trained on episodes, and what it is tested on.

    Attributes:
      method: the loss.
      shape: of the training's episodes.
      steps: per epoch; each is one episode.
      test_digest: identity of the test's episodes (edge_tf/fewshot/episodes.py).
      dummies: of D-ProtoNets: number of dummy prototypes.
      unknown_temperature, unknown_weight: of D-ProtoNets: gamma and lambda.
      margin: of triplets, in squared distance.
      auxiliary_classes: words that the auxiliary classifier tells apart; 0: there is none.
      auxiliary_clips: per step.
      auxiliary_weight: of its loss.
    """

    method: FewShotMethod
    shape: EpisodeShape
    steps: int
    test_digest: str
    dummies: int = 3
    unknown_temperature: float = 3.0
    unknown_weight: float = 0.1
    margin: float = 1.0
    auxiliary_classes: int = 0
    auxiliary_clips: int = 50
    auxiliary_weight: float = 1.0


@dataclasses.dataclass(frozen=True)
class CompressionSettings:
    """Settings of a compression, checked by edge_tf.compression.settings.

    Attributes:
      recipes: names in edge_tf.compression.RECIPES, applied one after the other.
      epochs: total over all phases.
      sparsity: share of zeros in each pruned kernel, for recipes that prune.
      target_nonzero_kb: budget of nonzero parameters in the int8 file, in KB of 1,024 bytes; the
        sparsity is chosen to meet it. 0: the sparsity is the user's.
      graph: form of that int8 file.
      prune: kinds of kernels to prune.
      prune_by: whether magnitudes are ranked per kernel or over all kernels.
      temperature: of distillation.
      distill_weight: share of the teacher's logits in the loss, 0 to 1.
      distill_features: loss on the teacher's inner features.
      bits: bits of PSG's grid.
      batch_size, seed: as in training.
      peak_rate: highest learning rate; it rises and falls once over all phases. 0: the highest
        default of the recipes.
      teacher: digest of the teacher run's weights; None without a teacher.
    """

    recipes: tuple[str, ...]
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
