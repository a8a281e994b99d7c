"""Interface between scene data set readers and scene_sets: clips, and layout detection."""

import dataclasses
from collections.abc import Callable
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class SceneClip:
    """A clip as its data set lists it.

    Attributes:
      path: sound file below the root of the data set.
      label: the scene.
      group: location or source; clips of one group must not be in two splits.
      device: recording device.
      fold: the fold that tests on it, 1 or more; 0 if none does.
      group_known: False if `group` is only the clip's own name.
    """

    path: str
    label: str
    group: str
    device: str
    fold: int
    group_known: bool = True


@dataclasses.dataclass(frozen=True)
class SceneLayout:
    """Layout of a data set on disk, defined in its reader's file.

    Attributes:
      name: "TAU".
      signs: files or folders below the root that only this layout has, with the name of the data
        set that each identifies; "" for one that messages omit.
      read: maps the root to the clips of every fold.
      simulated_devices: default of --simulated_devices; 0 where the test clips already come from
        several recording devices.
    """

    name: str
    signs: dict[str, str]
    read: Callable[[Path], list[SceneClip]]
    simulated_devices: int
