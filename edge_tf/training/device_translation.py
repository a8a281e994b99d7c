"""Device translation: clips of one device, as other devices would have recorded them.

The winner of DCASE 2021 task 1A balanced its training set with it (arXiv:2111.06531). The paper
says that a network maps spectrograms to spectrograms, but not which network or how it is trained;
this is our own design, the simplest that learns from unpaired clips: translated clips should have
the statistics of the target device and change as little as that allows. Statistics distinguish
devices only if all of them recorded the same kinds of sound, and plenty of it.
"""

import collections
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras as keras

from edge_tf import files, keras_file, records
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.data import pipeline
from edge_tf.data.waveform_cache import Waveforms
from edge_tf.errors import UserError
from edge_tf.models import loading

_MODEL, _NAMES = "translator.keras", "translator.json"
_CHANNELS = 8
# Weight of changes beyond one curve per device, relative to the distance of statistics.
_KEEP = 0.5

layers = keras.layers
# What _network uses besides layers that have a rule.
_LAYERS = (
    layers.Concatenate,
    layers.Embedding,
    layers.Rescaling,
    layers.Reshape,
    layers.UpSampling2D,
)


@dataclasses.dataclass(frozen=True)
class DeviceNames:
    """translator.json; see DeviceTranslator."""

    source: str
    targets: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class DeviceTranslator:
    """A trained network and the devices it knows.

    Attributes:
      model: maps features (batch, mel_bands, frames, 1) and target numbers (batch, 1) to features.
      source: the device whose clips it translates.
      targets: the devices it translates to, in the order of their numbers.
    """

    model: keras.Model
    source: str
    targets: tuple[str, ...]

    def __call__(self, features: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """Translates the clips that have a target.

        Args:
          features: (batch, mel_bands, frames, 1) float32, log-mel.
          targets: (batch,) int32, number of the target device; -1: the clip stays.

        Returns:
          (batch, mel_bands, frames, 1) float32.
        """
        chosen = tf.where(targets >= 0)
        rows = chosen[:, 0]

        def translated() -> tf.Tensor:
            inputs = [tf.gather(features, rows), tf.gather(targets, rows)[:, tf.newaxis]]
            updates = self.model(inputs, training=False)
            return tf.tensor_scatter_nd_update(features, chosen, updates)

        # Convolutions refuse a batch without clips.
        return tf.cond(tf.size(rows) > 0, translated, lambda: tf.identity(features))

    def save(self, folder: Path) -> None:
        """Writes translator.keras and translator.json."""
        with files.atomic_path(folder / _MODEL) as temporary:
            keras_file.save(self.model, temporary)
        names = DeviceNames(self.source, self.targets)
        files.write_json(folder / _NAMES, records.to_json(names))

    @classmethod
    def load(cls, folder: Path) -> "DeviceTranslator":
        """Reads what save wrote. Raises UserError if that is missing or damaged."""
        path = folder / _MODEL
        try:
            names = records.load(folder / _NAMES, DeviceNames)
            model = loading.load(path, _LAYERS)
        except UserError as error:
            raise UserError(f"{path} is not a device translator ({error})", "train again") from None
        return cls(model, names.source, names.targets)


def train(
    features: np.ndarray,
    devices: Sequence[str],
    source: str,
    seed: int = 0,
    steps: int = 300,
    batch_size: int = 32,
) -> DeviceTranslator:
    """Trains a translator on unpaired clips.

    With mean and covariance of log-mel bands over all frames of some clips, in units of their
    overall deviation, the loss of a batch translated to device d is

        mean((mean - mean_d)^2) + mean((covariance - covariance_d)^2) + 0.5 * mean(change^2)

    where change is y - x minus its mean over the batch and time: a curve is free, more is not.
    Training starts from the curve that maps the mean of the source to the mean of the target.

    Args:
      features: (clips, mel_bands, frames, 1) float32, log-mel, not augmented.
      devices: recording device of each clip; clips of "" are not used.
      source: the device to translate from; all others are targets.
      seed: for weights and order.
      steps: of Adam, at a rate that falls from 0.003 to 0.
      batch_size: source clips per step, all translated to one target.

    Raises:
      UserError: no clips of the source, or of any other device.
    """
    device_of = np.asarray(devices, dtype=object)
    targets = tuple(sorted(set(devices) - {source, ""}))
    own = np.flatnonzero(device_of == source)
    if not len(own) or not targets:
        raise UserError(
            f"a device translator needs clips of device {source!r} and of another one, but the "
            f"devices are {', '.join(sorted(set(devices) - {''})) or 'unknown'}",
            "leave it out, or train on recordings of several devices",
        )
    keras.utils.set_random_seed(seed)
    used = features[device_of != ""]
    middle, deviation = float(np.mean(used)), float(np.std(used)) + 1e-6
    model = _network(features.shape[1:], len(targets), middle, deviation)
    wanted = [moments((features[device_of == name] - middle) / deviation) for name in targets]
    mean, _ = moments((features[own] - middle) / deviation)
    model.get_layer("curve").set_weights([np.stack([to_mean - mean for to_mean, _ in wanted])])
    rate = keras.optimizers.schedules.CosineDecay(0.003, steps)
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build(model.trainable_variables)

    @tf.function(autograph=False, reduce_retracing=True)
    def step(x: tf.Tensor, target: tf.Tensor, mean: tf.Tensor, covariance: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            y = model([x, tf.fill([tf.shape(x)[0], 1], target)], training=True)
            change = (y - x) / deviation
            change -= tf.reduce_mean(change, axis=[0, 2], keepdims=True)
            loss = distance(moments((y - middle) / deviation), (mean, covariance))
            loss += _KEEP * tf.reduce_mean(tf.square(change))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    rng = np.random.default_rng(seed)
    rows = _batches(own, min(batch_size, len(own)), rng)
    for number in range(steps):
        target = number % len(targets)
        step(tf.constant(features[next(rows)]), tf.constant(target), *wanted[target])
    return DeviceTranslator(model, source, targets)


def of_run(folder: Path, clips: Waveforms, frontend: FrontendConfig, seed: int) -> DeviceTranslator:
    """The translator of a run: trained on its training clips, then saved in `folder`.

    From the device with the most clips to all others. A saved translator is not trained again,
    since training need not be bit-exact.

    Args:
      folder: of the run.
      clips: the training split.
      frontend: the run's; normalization comes after the translator.
      seed: for training.

    Raises:
      UserError: all clips are of one device, or the saved translator is damaged.
    """
    if (folder / _NAMES).exists():
        return DeviceTranslator.load(folder)
    plain = dataclasses.replace(frontend, normalization="none", norm_lambda=None)
    features = np.concatenate(list(pipeline.evaluation_batches(clips.samples, plain)))
    known = collections.Counter(device for device in clips.devices if device)
    source = known.most_common(1)[0][0] if known else ""
    translator = train(features, clips.devices, source, seed)
    translator.save(folder)
    return translator


def moments(features: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean (mel_bands,) and covariance (mel_bands, mel_bands) of bands over clips and frames."""
    frames = tf.reshape(tf.transpose(features[..., 0], [0, 2, 1]), [-1, features.shape[1]])
    frames = tf.cast(frames, tf.float32)
    mean = tf.reduce_mean(frames, axis=0)
    centred = frames - mean
    count = tf.cast(tf.shape(frames)[0], tf.float32)
    return mean, tf.matmul(centred, centred, transpose_a=True) / count


def distance(one: tuple[tf.Tensor, tf.Tensor], other: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
    """Mean squared differences of two moments' means and covariances, summed; scalar."""
    squared = (tf.reduce_mean(tf.square(a - b)) for a, b in zip(one, other, strict=True))
    return tf.add_n(list(squared))


def _network(shape: tuple[int, ...], targets: int, middle: float, deviation: float) -> keras.Model:
    """y = x + curve of the device + output of a few convolutions, which is 0 at first."""
    bands, frames, _ = shape
    features = keras.Input(shape, name="features")
    target = keras.Input((1,), dtype="int32", name="target")
    curve = layers.Embedding(targets, bands, name="curve")(target)
    device = layers.Embedding(targets, bands * 2, name="device")(target)
    device = layers.Reshape((bands, 1, 2))(device)
    device = layers.UpSampling2D((1, frames))(device)
    x = layers.Rescaling(1.0 / deviation, -middle / deviation)(features)
    x = layers.Concatenate()([x, device])
    for number in range(2):
        x = layers.Conv2D(_CHANNELS, 3, padding="same", activation="relu", name=f"conv{number}")(x)
    x = layers.Conv2D(1, 1, kernel_initializer="zeros", name="change")(x)
    change = layers.Add()([x, layers.Reshape((bands, 1, 1))(curve)])
    translated = layers.Add()([features, layers.Rescaling(deviation)(change)])
    return keras.Model([features, target], translated, name="device_translator")


def _batches(rows: np.ndarray, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Rows in random order, repeated; a remainder smaller than a batch is dropped."""
    while True:
        order = rng.permutation(rows)
        for start in range(0, len(order) - size + 1, size):
            yield order[start : start + size]
