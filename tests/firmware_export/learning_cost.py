"""What learning and recognising cost besides the network: a table for benchmarks/fewshot.md.

    python -m tests.firmware_export.learning_cost

The network is BC-ResNet-1 for streams without its last layer, its norms fitted to noise, otherwise
untrained: none of the counts depends on what it has learnt.
"""

import dataclasses
import tempfile
from pathlib import Path

import numpy as np

from edge_tf.audio import fixed_point
from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.conversion import int8
from edge_tf.conversion.tflite import streaming
from edge_tf.models import bc_resnet
from firmware_export.frontend.config import LogMel
from firmware_export.runtime.learning import Learning
from firmware_export.runtime.recogniser import Recogniser
from firmware_export.runtime.words import MOST_WORDS, Words, identity_of
from firmware_export.standalone import package
from firmware_export.standalone.enrolling import Enrolling
from tests.firmware_export import learning_board
from tests.firmware_export.litert_golden import golden_of
from tests.firmware_export.runtime import generators
from tests.firmware_export.runtime.enroller_c_test import HIGH, LOW, spoken

CONFIG = FrontendConfig()
SIZE, UNITS, DUMMIES = 32, 32, 3
_OWN = ("embedder.c", "enroller.c", "recogniser.c", "words.c")


@dataclasses.dataclass(frozen=True)
class Cost:
    """Of one board, for 10 words.

    Attributes:
      network: instructions of the network per frame.
      embedder: of front-end and network per frame.
      take: of a take of 1.5 s besides, per frame.
      judge: of its judgement, once per take.
      recognition: of comparing with all words besides, mean per frame that ends a whole window.
      ram: bytes of words, enroller and recogniser, and of the embedder without the front-end.
      code, dummies: bytes of flash.
    """

    network: int
    embedder: int
    take: int
    judge: int
    recognition: int
    ram: int
    code: int
    dummies: int


def network() -> bytes:
    """The whole-window form, int8."""
    import tf_keras as keras

    keras.utils.set_random_seed(0)
    model = bc_resnet.build(1, None, CONFIG.feature_shape, lookahead=0)
    sound = np.stack([spoken(*LOW, seed=seed)[:16_000] for seed in range(20)])
    steps = fixed_point.log_mel(sound, CONFIG, 0.08, 45).astype(np.float32)
    features = (steps - 45) * np.float32(0.08)
    for layer in model.submodules:
        if hasattr(layer, "momentum"):
            layer.momentum = 0.5
    for _ in range(12):
        model(features, training=True)
    return int8.convert(model, features, "device")


def export(model: bytes, out: Path, dummies: bool = True) -> Learning:
    """Writes the folder, with as many words as there is room for in mind."""
    import tflite_model

    scale = tflite_model.parse(model).inputs[0].scales[0]
    made = generators.generator((SIZE, UNITS, DUMMIES), 0, (32, 28), (45, 40))
    learning = Learning.of(
        recogniser=Recogniser(made, 768) if dummies else Recogniser(),
        size=SIZE,
        identity=identity_of(model),
        frontend=LogMel.from_dict(CONFIG.to_dict()),
        scale=scale,
        frames=3,
        threshold=2**62,
        unlike=2**31 - 1,
        about="No score is a word's here.",
    )
    package.export(
        model,
        out,
        "0",
        enrolling=Enrolling(learning, CONFIG.to_dict()),
        golden=golden_of(model, clips=1),
        streaming=streaming.rewrite(model).data,
    )
    return learning


def measure(model: bytes, board: str, folder: Path, dummies: bool = True) -> Cost:
    """Builds and runs programs/learn_words.c."""
    learning = export(model, folder / "firmware", dummies)
    words = Words(SIZE, learning.identity)
    rng = np.random.default_rng(0)
    for number in range(MOST_WORDS):
        prototype = rng.integers(-1_024, 1_017, SIZE).astype(np.int16)
        words = words.with_word(f"word {number}", prototype)
    take, sound = spoken(*LOW, seed=1), np.concatenate([spoken(*HIGH), spoken(*LOW)])
    found = learning_board.run(board, folder / "firmware", [take], sound, folder, words)
    costs = found.costs
    frames = 1 + len(take) // CONFIG.hop
    # Before the first whole window there is nothing to recognise.
    windows = 1 + len(sound) // CONFIG.hop - (CONFIG.num_frames - 1)
    parts = {Path(file).name: sizes for file, sizes in found.build.parts().items()}
    # Of code alone, whose constants are the dummies' weights.
    made = learning.recogniser.dummies
    constant = made.constant_bytes if made else 0
    return Cost(
        network=costs["network"],
        embedder=costs["embedder"] // frames,
        take=(costs["enroller"] - costs["embedder"]) // frames,
        judge=costs["add_take"],
        recognition=(costs["recogniser"] - costs["heard"]) // windows,
        ram=sum(costs[f"{part}_bytes"] for part in ("words", "enroller", "recogniser", "embedder")),
        code=sum(parts[name].text for name in _OWN) - constant,
        dummies=constant,
    )


def main() -> None:
    model = network()
    print("| cortex-m4, BC-ResNet-1 for streams | with dummies | without |")
    print("| --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        costs = []
        for dummies in (True, False):
            place = Path(folder) / str(dummies)
            place.mkdir()
            costs.append(measure(model, "cortex-m4", place, dummies))
        for field in dataclasses.fields(Cost):
            values = " | ".join(f"{getattr(cost, field.name):,}" for cost in costs)
            print(f"| {field.name} | {values} |")
        for name in ("take", "recognition"):
            shares = " | ".join(f"{100 * getattr(c, name) / c.network:.2f} %" for c in costs)
            print(f"| {name} of network | {shares} |")


if __name__ == "__main__":
    main()
