"""Small models for one firmware, and how tests build them."""

import inspect
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from edge_tf.audio.frontend_config import FrontendConfig
from edge_tf.conversion.tflite import streaming
from firmware_export.linkage import Linkage
from firmware_export.oracle import micro
from firmware_export.runtime.detector import DetectorConfig
from firmware_export.standalone import package
from firmware_export.standalone.spotting import Spotting
from firmware_export.standalone.target import Target
from tests.firmware_export.litert_golden import golden_of
from tests.firmware_export.standalone.states_test import WindowModel

MAIN = Path(__file__).parent / "programs" / "several_models.c"
NAMES = ("lamp", "words", "rooms")
DETECTOR = DetectorConfig(threshold=0.01, refractory_hops=3, background=())


class Made:
    """A small classifier with random weights, its golden vectors and its front-end."""

    def __init__(self, name: str, classes: int, bands: int = 40, streams: bool = False) -> None:
        config = FrontendConfig(mel_bands=bands)
        model = WindowModel((1, *config.feature_shape))
        model.rng = np.random.default_rng(len(name) + classes)
        x = model.pointwise(model.input, 2)
        x = model.over_time(x, 3, rows=bands)
        self.model = model.end(model.mean(model.pointwise(x, 5), 1), classes)
        self.form = streaming.rewrite(self.model).data if streams else None
        self.golden = golden_of(self.model, clips=2)
        labels = tuple(f"{name} {index}" for index in range(classes))
        self.words = Spotting(labels, config.to_dict(), DETECTOR)
        self.name = name

    def export(self, out: Path, linkage: Linkage) -> Path:
        """Without TFLite Micro's check, which vectors_test.py tests: LiteRT made the vectors."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(micro, "run", lambda *_: None)
            package.export(
                self.model,
                out,
                "1.2.3",
                spotting=self.words,
                golden=self.golden,
                streaming=self.form,
                linkage=linkage,
            )
        return out


def sources(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in sorted((folder / "src").glob("*.c"))]


def run(*command: object) -> subprocess.CompletedProcess[str]:
    parts = [str(part) for part in command]
    return subprocess.run(parts, capture_output=True, text=True, timeout=300, check=False)


def compiled(folder: Path, *options: object, gcc: str = "gcc") -> list[Path]:
    """The objects of a folder's C files."""
    objects, out = [], folder.with_name(f"{folder.name} objects")
    out.mkdir(exist_ok=True)
    for source in sources(folder):
        objects.append(out / f"{source.stem}.o")
        done = run(gcc, "-std=c99", "-O1", *options, "-c", source, "-o", objects[-1])
        assert done.returncode == 0, done.stderr
    return objects


def symbols(objects: Sequence[Path], nm: str = "nm") -> dict[str, str]:
    """Kinds of all symbols, as nm calls them, by name; "U" for what none of the objects defines."""
    found = re.findall(r" (\w) (\S+)$", run(nm, *objects).stdout, re.MULTILINE)
    missing = {name: kind for kind, name in found if kind == "U"}
    return missing | {name: kind for kind, name in found if kind != "U"}


def archive(folder: Path, library: Path, *options: object) -> None:
    library.unlink(missing_ok=True)
    done = run("ar", "rcs", library, *compiled(folder, *options))
    assert done.returncode == 0, done.stderr


def default_target() -> Target:
    """What the folders here are exported for."""
    target: Target = inspect.signature(package.export).parameters["target"].default
    return target


USER = """
#include "labels.h"
#include "spotter.h"
int main(void) {
  static spotter_t spotter;
  spotter_reset(&spotter);
  return model_labels[0][0] == '%s' ? 0 : 1;
}
"""
