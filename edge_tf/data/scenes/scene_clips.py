"""What the readers of scene data sets hand to edge_tf.data.scenes.scene_sets."""

import dataclasses


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
