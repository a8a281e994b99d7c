"""Flags of training: network, front-end, augmentation, recipe, and the defaults of each task.

A flag that is not given takes the default of model and task; see edge_tf/models/spec.py.
"""

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from absl import flags

from edge_tf.data import tasks
from edge_tf.data.sampling import LEAST_STEPS
from edge_tf.models import DEFAULT_MODELS, MODELS
from edge_tf.models.spec import SCENES, WORDS, ModelSpec
from edge_tf.settings import INNER_PLACES, NORM_PLACES
from firmware_export.frontend.config import NORMALIZATIONS, PADDINGS
from pipelines import help_text
from pipelines.help_text import Group

if TYPE_CHECKING:
    from pathlib import Path

    from edge_tf.audio.augmentation_config import AugmentationConfig
    from edge_tf.audio.frontend_config import FrontendConfig
    from edge_tf.settings import ModelConfig, TrainingSettings
    from firmware_export.frontend.config import Normalization

FLAGS = flags.FLAGS
_AUGMENTATION = ("device_augmentation", "equalizer_augmentation", "device_translation")


def define() -> None:
    """Defines the flags."""
    _define_model()
    _define_recipe()
    _define_frontend()
    _define_augmentation()


@help_text.group(Group.NETWORK)
def _define_model() -> None:
    flags.DEFINE_enum(
        "model",
        None,
        list(MODELS),
        f"Architecture. Default: {DEFAULT_MODELS['words']}; for scenes {DEFAULT_MODELS['scenes']}.",
    )
    widths = " or ".join(name for name, spec in MODELS.items() if "tau" in spec.settings)
    flags.DEFINE_float("tau", 1.0, f"Width multiplier of {widths}; published: 1, 1.5, 2, 3, 6, 8.")
    flags.register_validator("tau", lambda tau: 0.25 <= tau <= 64, message="must be in 0.25 to 64")
    flags.DEFINE_boolean(
        "streaming",
        None,
        "Train a causal network for streams, which computes each frame once: no convolution over "
        "time reads future frames. --nostreaming: for whole windows. Default: for words "
        "--streaming, if the network has such a form; for scenes --nostreaming.",
    )
    flags.DEFINE_integer(
        "lookahead",
        0,
        "For streams: future frames that the network may read; each adds a hop of latency.",
        lower_bound=0,
    )
    flags.DEFINE_enum(
        "norm",
        None,
        NORMALIZATIONS,
        "Normalization against differences between microphones: residual (ResNorm) or relaxed "
        f"(RFN). {_defaults('norm')}.",
    )
    flags.DEFINE_float(
        "norm_lambda", None, "Lambda of --norm. Default: 0.1 for residual, 0.5 for relaxed."
    )
    flags.DEFINE_list(
        "norm_at",
        ["frontend"],
        "<PLACE,...>: Where to apply --norm: frontend (integer arithmetic before the network), "
        "input (the same as ops of its graph), stages (after each stage of bc_resnet_asc).",
    )


@help_text.group(Group.TRAINING)
def _define_recipe() -> None:
    flags.DEFINE_integer(
        "epochs",
        None,
        f"Passes over the training clips. {_defaults('epochs')}, each of at least {LEAST_STEPS} "
        "steps, in several passes over a small set.",
        lower_bound=1,
    )
    flags.DEFINE_integer(
        "batch_size",
        None,
        f"Clips per training step. {_defaults('batch_size')}.",
        lower_bound=2,
    )
    flags.DEFINE_float(
        "peak_rate",
        None,
        f"Peak learning rate, reached after the warm-up. {_defaults('peak_rate')}.",
    )
    flags.register_validator(
        "peak_rate", lambda rate: rate is None or 0 < rate < math.inf, message="must be above 0"
    )
    flags.DEFINE_integer(
        "seed",
        0,
        "Seed of initial weights, clip order, augmentation and dropout.",
        lower_bound=0,
    )


@help_text.group(Group.FRONTEND)
def _define_frontend() -> None:
    flags.DEFINE_enum(
        "padding",
        None,
        PADDINGS,
        "Frames at the edges of a clip: causal (as a device computes them, with silence before "
        "the clip), none (the same without the frames that reach into that silence) or reflect "
        "(the published features, which need look-ahead). Default: causal; for scenes none.",
    )
    flags.DEFINE_integer(
        "mel_bands",
        None,
        f"Mel bands (features per frame). {_defaults('mel_bands')}.",
        lower_bound=1,
    )
    flags.DEFINE_integer(
        "window_ms",
        None,
        f"Window (sound per frame) in ms. {_defaults('window_ms')}.",
        lower_bound=1,
    )
    flags.DEFINE_integer(
        "hop_ms",
        None,
        f"Hop (from one frame to the next) in ms. {_defaults('hop_ms')}.",
        lower_bound=1,
    )
    flags.DEFINE_integer(
        "clip_ms",
        None,
        f"Length of the network's input in ms. Default: {WORDS.clip_ms}; for scenes as long as "
        "the clips.",
        lower_bound=100,
    )


@help_text.group(Group.AUGMENTATION)
def _define_augmentation() -> None:
    for name, text in (
        ("device_augmentation", "For scenes: share of clips filtered by a random device response."),
        ("equalizer_augmentation", "For scenes: share of clips filtered by a random smooth gain."),
        (
            "device_translation",
            "For scenes: share of clips that a trained network translates to another device.",
        ),
        (
            "mix_style",
            "For bc_resnet_asc: share of batches whose clips exchange per-frequency statistics "
            "(Freq-MixStyle).",
        ),
    ):
        flags.DEFINE_float(name, 0.0, text, lower_bound=0.0, upper_bound=1.0)
    flags.DEFINE_string(
        "device_responses",
        None,
        "<DIR>: With --device_augmentation: recorded impulse responses (WAV) to draw from.",
    )


def _defaults(name: str) -> str:
    """What a flag's help says of its default."""
    return f"Default: {getattr(WORDS, name)}; for scenes {getattr(SCENES, name)}"


def value(name: str) -> Any:
    """The value of a flag: as given, else the default of model and task."""
    given = getattr(FLAGS, name)
    if given is not None:
        return given
    domain = tasks.spec(FLAGS.task).domain
    return DEFAULT_MODELS[domain] if name == "model" else getattr(_spec().defaults[domain], name)


def _spec() -> ModelSpec:
    return MODELS[value("model")]


def streams() -> bool:
    """Whether to train for streams: as --streaming says, else as the run has begun.

    Without either, words are for streams where network and features allow it.
    """
    if FLAGS.streaming is not None:
        return bool(FLAGS.streaming)
    from edge_tf.training import request
    from pipelines import common

    begun = request.streams(common.run_directory())
    if begun is not None:
        return begun
    fits = value("norm") == "none" and value("padding") == "causal"
    return not _scenes() and _spec().build_stream is not None and fits


def _scenes() -> bool:
    return tasks.spec(FLAGS.task).domain == "scenes"


def _that_take(has: Callable[[ModelSpec], object]) -> str:
    """The flag that names a model of some kind."""
    return f"use --model={' or '.join(name for name, spec in MODELS.items() if has(spec))}"


def check() -> None:
    """Raises UserError for flags that contradict each other; needs no TensorFlow."""
    from edge_tf.errors import UserError

    spec, norm, places = _spec(), value("norm"), set(FLAGS.norm_at)
    if FLAGS.lookahead and not streams():
        raise UserError(f"--lookahead={FLAGS.lookahead} is only for streams", "add --streaming")
    if FLAGS.streaming and not spec.build_stream:
        remedy = _that_take(lambda other: other.build_stream)
        raise UserError(f"{spec.name} cannot run on streams", remedy)
    if FLAGS.streaming and value("padding") == "none":
        raise UserError("--padding=none drops frames", "use --padding=causal for streams")
    if FLAGS.lookahead > spec.most_lookahead:
        raise UserError(
            f"--lookahead={FLAGS.lookahead} is more than the model can use",
            f"give at most {spec.most_lookahead} frames",
        )
    if FLAGS.norm_lambda is not None and norm == "none":
        raise UserError("--norm_lambda needs a norm", "add --norm=residual or --norm=relaxed")
    if not places or not places <= set(NORM_PLACES):
        raise UserError(
            f"--norm_at={','.join(FLAGS.norm_at)} is not valid",
            "choose from frontend, input, stages",
        )
    if {"frontend", "input"} <= places:
        raise UserError("--norm_at=frontend,input would apply the norm twice", "leave one out")
    if norm != "none" and places - {"frontend"} and "norm" not in spec.settings:
        raise UserError(f"{spec.name} has no norms inside", "use --norm_at=frontend")
    if FLAGS.streaming and norm != "none":
        raise UserError(f"--norm={norm} needs a whole window", "give --nostreaming")
    _check_augmentation(spec)


def _check_augmentation(spec: ModelSpec) -> None:
    from edge_tf.errors import UserError

    given = [name for name in _AUGMENTATION if getattr(FLAGS, name)]
    if given and not _scenes():
        raise UserError(f"--{given[0]} is only for scenes", "add --task=scenes, or leave it out")
    if FLAGS.mix_style and "mix_style" not in spec.settings:
        remedy = _that_take(lambda other: "mix_style" in other.settings)
        raise UserError(f"{spec.name} does not support --mix_style", remedy)
    if FLAGS.mix_style and value("norm") != "none" and "frontend" in FLAGS.norm_at:
        raise UserError(
            "--mix_style mixes statistics that --norm in the front-end has removed",
            "leave one out, or use --norm_at=input",
        )
    if FLAGS.device_responses and not FLAGS.device_augmentation:
        raise UserError(
            "--device_responses has no effect without --device_augmentation",
            "add --device_augmentation=0.5",
        )


def model_config() -> "ModelConfig":
    """The network that the flags describe."""
    from edge_tf.settings import ModelConfig

    places = tuple(place for place in INNER_PLACES if place in FLAGS.norm_at)
    norm: Normalization = value("norm") if places else "none"
    return ModelConfig(
        value("model"),
        FLAGS.tau,
        FLAGS.lookahead if streams() else None,
        norm=norm,
        norm_places=places if norm != "none" else (),
        norm_lambda=FLAGS.norm_lambda if norm != "none" else None,
        mix_style=FLAGS.mix_style,
        embedding=FLAGS.task == "fewshot",
    )


def frontend_config(data_dir: "Path") -> "FrontendConfig":
    """The front-end that the flags describe.

    Args:
      data_dir: of scenes, whose clips have the length that --clip_ms defaults to.

    Raises:
      UserError: the front-end or the model does not support it.
    """
    from edge_tf.audio.frontend_config import FrontendConfig

    bands = value("mel_bands")
    _spec().check_mel_bands(bands)
    of_data = tasks.spec(FLAGS.task).clip_ms
    if FLAGS.clip_ms is None and of_data is not None:
        clip_ms = of_data(data_dir)
    else:
        clip_ms = value("clip_ms")
    in_front = value("norm") != "none" and "frontend" in FLAGS.norm_at
    per_ms = FrontendConfig.sample_rate // 1000
    window = value("window_ms") * per_ms
    return FrontendConfig(
        clip_samples=clip_ms * per_ms,
        window=window,
        hop=value("hop_ms") * per_ms,
        fft_size=1 << (window - 1).bit_length(),
        mel_bands=bands,
        padding=value("padding"),
        normalization=value("norm") if in_front else "none",
        norm_lambda=FLAGS.norm_lambda if in_front else None,
    )


def augmentation_config(frontend: "FrontendConfig") -> "AugmentationConfig":
    """The augmentation for the task and the model."""
    from pathlib import Path

    from edge_tf.audio.augmentation_config import AugmentationConfig

    if not _scenes():
        masks = _spec().uses_spec_augment
        return AugmentationConfig.for_bc_resnet(FLAGS.tau) if masks else AugmentationConfig()
    bands, frames, _ = frontend.feature_shape
    responses = FLAGS.device_responses
    return AugmentationConfig.for_scenes(
        bands,
        frames,
        frontend.sample_rate,
        device_probability=FLAGS.device_augmentation,
        device_responses=str(Path(responses).resolve()) if responses else "",
        equalizer_probability=FLAGS.equalizer_augmentation,
        translator_probability=FLAGS.device_translation,
    )


def training_settings(clips_per_class: "Iterable[int]") -> "TrainingSettings":
    """The training that the flags describe, for a training set with so many clips."""
    from edge_tf.data import sampling
    from edge_tf.settings import TrainingSettings

    return TrainingSettings(
        value("epochs"),
        value("batch_size"),
        value("peak_rate"),
        seed=FLAGS.seed,
        sampling=sampling.suited(clips_per_class, value("batch_size"), FLAGS.epochs is None),
    )
