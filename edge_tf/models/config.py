"""Which model a run trains, with which settings."""

import dataclasses
from typing import Any

from edge_tf import models
from edge_tf.errors import UserError
from edge_tf.run_dir import RunDirectory


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Which model, and arguments of its build function.

    Attributes:
      name: of edge_tf.models.
      tau: width multiplier.
      lookahead: of a model for streams, the future frames that it reads; None: for whole windows.
      norm, norm_places, norm_lambda, mix_style: see bc_resnet_asc.
    """

    name: str = "bc_resnet"
    tau: float = 1.0
    lookahead: int | None = None
    norm: str = "none"
    norm_places: tuple[str, ...] = ()
    norm_lambda: float | None = None
    mix_style: float = 0.0

    @classmethod
    def of_run(cls, run: RunDirectory) -> "ModelConfig":
        """What a run has trained.

        Raises:
          UserError: the run does not say, or names what this edge_tf does not know.
        """
        recorded: Any = run.stage("train").get("model")
        try:
            values: dict[str, Any] = {
                name: tuple(value) if isinstance(value, list) else value
                for name, value in recorded.items()
            }
            config = cls(**values)
        except (AttributeError, TypeError):
            raise UserError(
                f"{run / 'config.json'} does not say which model was trained",
                "restore it, or train again into a new --run_dir",
            ) from None
        models.spec(config.name)
        return config

    def arguments(self) -> dict[str, Any]:
        """Of the model's build function."""
        return {name: getattr(self, name) for name in models.spec(self.name).settings}

    def to_dict(self) -> dict[str, Any]:
        """As recorded in the run: name, tau, and what is not as by default."""
        return {
            field.name: list(value) if isinstance(value, tuple) else value
            for field in dataclasses.fields(self)
            if (value := getattr(self, field.name)) != field.default
            or field.name in ("name", "tau")
        }
