"""Flags of a training: network, front-end, augmentation, recipe, and what a task asks for.

A flag that is not given has the value that suits model and task; see edge_tf/models/spec.py.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from absl import flags

from edge_tf.models import DEFAULT_MODELS, MODELS
from edge_tf.models.spec import SCENES, WORDS, ModelSpec, Task

if TYPE_CHECKING:
    from pathlib import Path

    from edge_tf.audio.augmentation import AugmentationConfig
    from edge_tf.audio.frontend_config import FrontendConfig
    from edge_tf.models.config import ModelConfig
    from edge_tf.training.step import Recipe

flags.disclaim_key_flags()

FLAGS = flags.FLAGS
_AUGMENTATION = ("device_augmentation", "equalizer_augmentation", "device_translation")


def define() -> None:
    """Defines the flags."""
    _define_model()
    _define_recipe()
    _define_frontend()
    _define_augmentation()


def _define_model() -> None:
    flags.DEFINE_enum(
        "model",
        None,
        list(MODELS),
        f"Which network; default {DEFAULT_MODELS['words']}, for scenes {DEFAULT_MODELS['scenes']}.",
    )
    widths = " or ".join(name for name, spec in MODELS.items() if "tau" in spec.settings)
    flags.DEFINE_float("tau", 1.0, f"Width of {widths}; published: 1, 1.5, 2, 3, 6, 8.")
    flags.register_validator("tau", lambda tau: 0.25 <= tau <= 64, message="must be in 0.25 to 64")
    flags.DEFINE_boolean(
        "streaming", False, "Train for streams: no convolution over time reads frames to come."
    )
    flags.DEFINE_integer(
        "lookahead",
        0,
        "With --streaming: frames to come that may be read all the same.",
        lower_bound=0,
    )
    flags.DEFINE_enum(
        "norm",
        None,
        ["none", "residual", "relaxed"],
        f"Against unlike microphones: ResNorm or RFN; {_defaults('norm')}.",
    )
    flags.DEFINE_float("norm_lambda", None, "Of --norm; default 0.1 for residual, 0.5 for relaxed.")
    flags.DEFINE_list(
        "norm_at",
        ["frontend"],
        "Where --norm stands: frontend (integers in front of the network), input (the same as ops "
        "of its graph), stages (behind each stage of bc_resnet_asc).",
    )


def _define_recipe() -> None:
    flags.DEFINE_integer(
        "epochs",
        None,
        f"Passes over the training clips; {_defaults('epochs')}.",
        lower_bound=1,
    )
    flags.DEFINE_integer(
        "batch_size", None, f"Clips a step; {_defaults('batch_size')}.", lower_bound=2
    )
    flags.DEFINE_float(
        "peak_rate",
        None,
        f"Highest learning rate, after the warm-up; {_defaults('peak_rate')}.",
    )
    flags.register_validator(
        "peak_rate", lambda rate: rate is None or 0 < rate < math.inf, message="must be above 0"
    )
    flags.DEFINE_integer("seed", 0, "Initial weights, order, augmentation, dropout.", lower_bound=0)


def _define_frontend() -> None:
    flags.DEFINE_enum(
        "padding",
        None,
        ["causal", "none", "reflect"],
        "Front-end: 'causal' is what a device computes, with silence before the clip; 'none' the "
        "same without the frames that reach there; 'reflect' the published features. Default "
        "causal, for scenes none.",
    )
    flags.DEFINE_integer(
        "mel_bands",
        None,
        f"Front-end: features of a frame; {_defaults('mel_bands')}.",
        lower_bound=1,
    )
    flags.DEFINE_integer(
        "window_ms",
        None,
        f"Front-end: sound that a frame is made of; {_defaults('window_ms')}.",
        lower_bound=1,
    )
    flags.DEFINE_integer(
        "hop_ms",
        None,
        f"Front-end: from one frame to the next; {_defaults('hop_ms')}.",
        lower_bound=1,
    )
    flags.DEFINE_integer(
        "clip_ms",
        None,
        f"Length of the model's input; default {WORDS.clip_ms}, for scenes that of the clips.",
        lower_bound=100,
    )


def _define_augmentation() -> None:
    for name, of in (
        ("device_augmentation", "clips that are heard through a random device"),
        ("equalizer_augmentation", "clips that get a random smooth gain over frequency"),
        ("device_translation", "clips that a trained network translates to another device"),
        ("mix_style", "batches whose clips exchange statistics of frequencies (Freq-MixStyle)"),
    ):
        flags.DEFINE_float(name, 0.0, f"Scenes: share of {of}.", lower_bound=0.0, upper_bound=1.0)
    flags.DEFINE_string(
        "device_responses",
        None,
        "With --device_augmentation: folder of recorded impulse responses (WAV) to draw from.",
    )


def _defaults(name: str) -> str:
    """What a flag's help says of its default."""
    return f"default {getattr(WORDS, name)}, for scenes {getattr(SCENES, name)}"


def value(name: str) -> Any:
    """Of a flag: as given, else as model and task ask for."""
    given = getattr(FLAGS, name)
    if given is not None:
        return given
    task: Task = "scenes" if _scenes() else "words"
    return DEFAULT_MODELS[task] if name == "model" else getattr(_spec().defaults[task], name)


def _spec() -> ModelSpec:
    return MODELS[value("model")]


def _scenes() -> bool:
    return bool(FLAGS.task == "scenes")


def _that_take(has: Callable[[ModelSpec], object]) -> str:
    """The flag that names a model of some kind."""
    return f"use --model={' or '.join(name for name, spec in MODELS.items() if has(spec))}"


def check() -> None:
    """Raises UserError for flags that contradict each other; needs no TensorFlow."""
    from edge_tf.errors import UserError

    spec, norm, places = _spec(), value("norm"), set(FLAGS.norm_at)
    if FLAGS.lookahead and not FLAGS.streaming:
        raise UserError(f"--lookahead={FLAGS.lookahead} is of streams", "add --streaming")
    if FLAGS.streaming and not spec.build_stream:
        remedy = _that_take(lambda other: other.build_stream)
        raise UserError(f"{spec.name} cannot run on streams", remedy)
    if FLAGS.streaming and value("padding") == "none":
        raise UserError("--padding=none leaves frames out", "use --padding=causal for streams")
    if FLAGS.lookahead > spec.most_lookahead:
        raise UserError(
            f"--lookahead={FLAGS.lookahead} is more than the model can read",
            f"it has use for {spec.most_lookahead} frames at the most",
        )
    if FLAGS.norm_lambda is not None and norm == "none":
        raise UserError("--norm_lambda is of a norm", "add --norm=residual or relaxed")
    if not places or not places <= {"frontend", "input", "stages"}:
        raise UserError(
            f"--norm_at={','.join(FLAGS.norm_at)} is no place", "name frontend, input or stages"
        )
    if {"frontend", "input"} <= places:
        raise UserError("--norm_at=frontend,input would do the same twice", "leave one out")
    if norm != "none" and places - {"frontend"} and "norm" not in spec.settings:
        raise UserError(f"{spec.name} has no norms within", "use --norm_at=frontend")
    if FLAGS.streaming and norm != "none":
        raise UserError(f"--norm={norm} needs a whole window", "leave out --streaming")
    _check_augmentation(spec)


def _check_augmentation(spec: ModelSpec) -> None:
    from edge_tf.errors import UserError

    given = [name for name in _AUGMENTATION if getattr(FLAGS, name)]
    if given and not _scenes():
        raise UserError(f"--{given[0]} is for scenes", "add --task=scenes, or leave it out")
    if FLAGS.mix_style and "mix_style" not in spec.settings:
        remedy = _that_take(lambda other: "mix_style" in other.settings)
        raise UserError(f"{spec.name} has no --mix_style", remedy)
    if FLAGS.mix_style and value("norm") != "none" and "frontend" in FLAGS.norm_at:
        raise UserError(
            "--mix_style mixes statistics that --norm in the front-end has taken out",
            "leave one out, or use --norm_at=input",
        )
    if FLAGS.device_responses and not FLAGS.device_augmentation:
        raise UserError("--device_responses is not used", "add --device_augmentation=0.5")


def model_config() -> "ModelConfig":
    """As the flags ask for."""
    from edge_tf.models.config import ModelConfig

    places = tuple(place for place in ("input", "stages") if place in FLAGS.norm_at)
    norm = value("norm") if places else "none"
    return ModelConfig(
        value("model"),
        FLAGS.tau,
        FLAGS.lookahead if FLAGS.streaming else None,
        norm=norm,
        norm_places=places if norm != "none" else (),
        norm_lambda=FLAGS.norm_lambda if norm != "none" else None,
        mix_style=FLAGS.mix_style,
    )


def frontend_config(data_dir: "Path") -> "FrontendConfig":
    """As the flags ask for.

    Args:
      data_dir: of scenes, whose clips say how long they are.

    Raises:
      UserError: no front-end or the model can do that.
    """
    from edge_tf.audio.frontend_config import FrontendConfig

    bands = value("mel_bands")
    _spec().check_mel_bands(bands)
    if FLAGS.clip_ms is None and _scenes():
        from edge_tf.data.scenes import scene_sets

        clip_ms = scene_sets.clip_ms(data_dir)
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
    """What suits task and model."""
    from pathlib import Path

    from edge_tf.audio.augmentation import AugmentationConfig

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


def recipe() -> "Recipe":
    """As the flags ask for."""
    from edge_tf.training.step import Recipe

    return Recipe(value("epochs"), value("batch_size"), value("peak_rate"), seed=FLAGS.seed)
