"""What a training gives."""

import dataclasses
from typing import TYPE_CHECKING

from edge_tf.run_records import EpochRecord

if TYPE_CHECKING:
    import tf_keras as keras


@dataclasses.dataclass(frozen=True)
class Fitted:
    """A trained network.

    Attributes:
      model: for whole windows.
      history: a record per epoch.
      chosen_epoch: whose weights it has; None: the last one's.
      mined: for streams: sounds that were added, per round.
    """

    model: "keras.Model"
    history: list[EpochRecord]
    chosen_epoch: int | None = None
    mined: tuple[int, ...] = ()
