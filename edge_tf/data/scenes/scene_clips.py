"""What the readers of scene data sets hand to scene_sets: clips, and how their layout is told."""

import dataclasses
from collections.abc import Callable
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class SceneClip:
    """A clip as its data set lists it.

    Attributes:
      path: WAV file below the root of the data set.
      label: the scene.
      group: what clips have in common that must not be in two splits: location or source.
      device: what it was recorded with.
      fold: the fold that tests on it, 1 or more; 0 if none does.
    """

    path: str
    label: str
    group: str
    device: str
    fold: int


@dataclasses.dataclass(frozen=True)
class SceneLayout:
    """How a data set lies on disk; the reader's own file defines it.

    Attributes:
      name: "TAU".
      signs: files or folders below the root that only this layout has, with the name of the data
        set that each stands for; "" for one that is not worth a mention.
      read: from the root to the clips of every fold.
      simulated_devices: default of --simulated_devices; 0 where the test clips already come from
        several recording devices.
    """

    name: str
    signs: dict[str, str]
    read: Callable[[Path], list[SceneClip]]
    simulated_devices: int
