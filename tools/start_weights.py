"""Writes edge_tf/training/start_weights.npz, the weights that trainings on streams begin with.

    python tools/start_weights.py RUN

RUN: a finished training of the default network for streams; benchmarks/wake.md names its command.
The last layer is left out: words are others.
"""

import sys
from pathlib import Path

import numpy as np

from edge_tf import files
from edge_tf.models import loading
from edge_tf.training import start_weights

_LAST = "classifier"


def main(run: str) -> None:
    model = loading.load(start_weights.network(Path(run)))
    weights = [
        (layer.name, values)
        for layer in model.layers
        if layer.name != _LAST
        for values in layer.get_weights()
    ]
    target = start_weights.SHIPPED
    with files.atomic_path(target) as temporary, temporary.open("wb") as out:
        np.savez(
            out,
            names=np.array([name for name, _ in weights]),
            sizes=np.array([values.size for _, values in weights]),
            values=np.concatenate([values.ravel() for _, values in weights]).astype(np.float32),
        )
    print(f"{target}: {len(weights)} weights, {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
