"""What is said if a run has a training or compression with other settings than the flags give."""

from collections.abc import Iterator, Mapping
from typing import Any

from edge_tf.errors import UserError
from edge_tf.records import JsonObject

# Groups of a training's record: their fields are settings. Other entries are settings themselves.
_GROUPS = ("model", "frontend", "augmentation", "recipe")
# Fields whose flag has another name, by their path; None: other flags, or the data, decide it.
_FLAGS = {
    "recipes": "recipe",
    "model.name": "model",
    "model.lookahead": "lookahead",
    "model.norm_places": "norm_at",
    "frontend.clip_samples": "clip_ms",
    "frontend.window": "window_ms",
    "frontend.hop": "hop_ms",
    "frontend.normalization": "norm",
    "augmentation.device_probability": "device_augmentation",
    "augmentation.device_responses": "device_responses",
    "augmentation.equalizer_probability": "equalizer_augmentation",
    "augmentation.translator_probability": "device_translation",
    "frontend.fft_size": None,
    "frontend.sample_rate": None,
    "recipe.momentum": None,
    "recipe.sampling": None,
    "recipe.weight_decay": None,
}
_BUDGET = "target_nonzero_kb"
_SAMPLES_PER_MS = 16
_SAMPLES = ("frontend.clip_samples", "frontend.window", "frontend.hop")
# What no flag sets, or not by its value.
_IN_WORDS = {
    "data_fingerprint": "other clips",
    "training_clips": "other training clips",
    "labels": "other classes",
    "float_model": "another float.keras",
    "teacher": "another model in --teacher_run, or none",
}
_NOTHING: tuple[Any, ...] = (None, "", [])


def refuse(
    what: str,
    recorded: JsonObject,
    given: JsonObject,
    way_out: str,
    renamed: Mapping[str, str] | None = None,
) -> None:
    """Compares settings, and raises an error if they differ.

    Args:
      what: what has the recorded ones; the message goes on "with other settings".
      recorded, given: those of a training (TrainRecord) or a compression (CompressionRequest).
      way_out: what the user can do instead of giving the recorded ones.
      renamed: names of flags that are others in this binary.

    Raises:
      UserError: they differ; the message has each flag, both values, and what to give.
    """
    paths = list(_differing(recorded, given))
    if not paths:
        return
    flags = {path: flag for path in paths if (flag := _flag(path, renamed or {}))}
    if recorded.get(_BUDGET):  # it has decided the sparsity
        flags.pop("sparsity", None)
    texts = [
        f"--{flag}: {_shown(path, _at(recorded, path))} recorded, "
        f"{_shown(path, _at(given, path))} given"
        for path, flag in flags.items()
    ]
    texts += [_IN_WORDS[path] for path in paths if path in _IN_WORDS]
    # The rest follows from flags.
    texts = texts or [f"{p}: {_at(recorded, p)} recorded, {_at(given, p)} now" for p in paths]
    raise UserError(
        f"{what} with other settings ({'; '.join(texts)})",
        _remedy(recorded, given, flags, way_out),
    )


def _remedy(recorded: JsonObject, given: JsonObject, flags: Mapping[str, str], way_out: str) -> str:
    give, leave = [], []
    if recorded.get(_BUDGET) and not given.get(_BUDGET):
        leave.append("--sparsity")  # they cannot be combined
    for path, flag in flags.items():
        value = _at(recorded, path)
        if path == "model.lookahead" and value is not None:
            give.append(f"--streaming --lookahead={value}")
        elif path == "model.lookahead":
            give.append("--nostreaming")
            leave += ["--lookahead"] if _at(given, path) else []
        elif value in _NOTHING or (path == _BUDGET and not value):
            leave.append(f"--{flag}")
        else:
            give.append(f"--{flag}={_shown(path, value)}")
    parts = [f"give {' '.join(dict.fromkeys(give))}"] if give else []
    parts += [f"leave out {' '.join(dict.fromkeys(leave))}"] if leave else []
    return f"{' and '.join(parts)}, or {way_out}" if parts else way_out


def _differing(recorded: JsonObject, given: JsonObject) -> Iterator[str]:
    for name in dict.fromkeys([*recorded, *given]):
        before, now = recorded.get(name), given.get(name)
        if name in _GROUPS and isinstance(before, dict) and isinstance(now, dict):
            fields = dict.fromkeys([*before, *now])
            yield from (f"{name}.{f}" for f in fields if before.get(f) != now.get(f))
        elif before != now:
            yield name


def _at(settings: JsonObject, path: str) -> Any:
    group, _, field = path.partition(".")
    value = settings.get(group)
    return value.get(field) if field and isinstance(value, dict) else value


def _flag(path: str, renamed: Mapping[str, str]) -> str | None:
    if path in _FLAGS:
        return _FLAGS[path]
    group, _, field = path.rpartition(".")
    if path in _IN_WORDS or group == "augmentation" or path in _GROUPS:
        return None
    return renamed.get(field, field)


def _shown(path: str, value: Any) -> str:
    if path == "model.lookahead":
        return "--nostreaming" if value is None else str(value)
    if value in _NOTHING:
        return "none"
    if path in _SAMPLES and isinstance(value, int):
        return f"{value / _SAMPLES_PER_MS:g}"
    if isinstance(value, list):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
