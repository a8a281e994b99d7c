"""Content of the report: the hop table and its details; docs/report.md describes the fields."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from edge_tf.evaluation import metrics
from edge_tf.evaluation.hops.hop_result import HopResult
from edge_tf.evaluation.hops.hop_table import BIT_REFERENCE, HopTable
from edge_tf.evaluation.layers.layer_tables import LayerTables
from edge_tf.evaluation.report.data_text import DataFacts
from edge_tf.evaluation.report.json_text import json_safe
from edge_tf.evaluation.streams.stream_report import StreamReport
from edge_tf.records import JsonObject
from tflite_model.info import ModelInfo

SCHEMA_VERSION = 1
MAX_CONFUSED = 20

HISTORY_KEYS = (
    "epoch",
    "loss",
    "accuracy",
    "val_accuracy",
    "learning_rate",
    "seconds",
    "samples_per_second",
)


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """Facts of a .tflite file.

    Attributes:
      file: its name in the run directory, or in the export.
      file_bytes: size of the file.
      weight_bytes: bytes of its constant tensors.
      tensors: number of tensors.
      parameters: trainable parameters of the Keras model; None if unknown.
      ops: number of operators by TFLite name.
    """

    file: str
    file_bytes: int
    weight_bytes: int
    tensors: int
    parameters: int | None
    ops: Mapping[str, int]

    @classmethod
    def of(cls, info: ModelInfo, file: str, parameters: int | None = None) -> "ModelFacts":
        """The facts of a parsed file."""
        return cls(
            file=file,
            file_bytes=info.byte_size,
            weight_bytes=info.constant_bytes(),
            tensors=len(info.tensors),
            parameters=parameters,
            ops=info.op_counts(),
        )


@dataclass(frozen=True)
class ConfusedClip:
    """A misclassified clip and the model's confidence (softmax of the logits, 0 to 1)."""

    clip: str
    label: str
    predicted: str
    confidence: float


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that the report shows; figures are computed on demand.

    Attributes:
      table: the hop table, with outputs and labels.
      labels: [C] class names in the order of the logits; of episodes, their words.
      title: heading of the page.
      figures_of: name or engine of the hop for the confusion matrix and per-class figures. If it
        is not available, the first available hop is used.
      clip_names: [N] name of each clip; empty if unknown.
      history: one mapping per epoch with HISTORY_KEYS; accuracies as shares, times in seconds. Keys
        may be missing and others may be added.
      model: facts of the int8 file, or None.
      android: facts of the file that an app loads, or None.
      settings: config.json of the run.
      layers: sparsity and quantization error by layer, or None.
      stream: results of a long stream, or None.
      load: what the model needs on microcontrollers, as in an export's manifest.json, or None.
      data: what is known about the clips, or None.

    Raises:
      ValueError: labels or clip_names do not fit the table.
    """

    table: HopTable
    labels: Sequence[str]
    title: str = "edge_tf report"
    figures_of: str = BIT_REFERENCE
    clip_names: Sequence[str] = ()
    history: Sequence[JsonObject] = ()
    model: ModelFacts | None = None
    android: ModelFacts | None = None
    settings: JsonObject = field(default_factory=dict)
    layers: LayerTables | None = None
    stream: StreamReport | None = None
    load: JsonObject | None = None
    data: DataFacts | None = None

    def __post_init__(self) -> None:
        hop = None if self.table.is_of_episodes else self.chosen
        if hop is not None and hop.outputs is not None and hop.outputs.shape[1] != len(self.labels):
            raise ValueError(f"{hop.outputs.shape[1]} logits, but {len(self.labels)} labels")
        if self.clip_names and len(self.clip_names) != len(self.table.labels_true):
            count = len(self.table.labels_true)
            raise ValueError(f"{len(self.clip_names)} clip names for {count} clips")

    @cached_property
    def chosen(self) -> HopResult | None:
        """The hop for confusion matrix and per-class figures; None if no hop has outputs."""
        wanted = [h for h in self.table.hops if self.figures_of in (h.name, h.engine)]
        return next((h for h in [*wanted, *self.table.hops] if h.outputs is not None), None)

    @cached_property
    def confusion(self) -> metrics.Ints | None:
        """Counts [C, C] of the chosen hop: rows are labels, columns predictions."""
        if self._judged is None:
            return None
        return metrics.confusion_matrix(*self._judged, len(self.labels))

    @cached_property
    def per_class(self) -> list[metrics.ClassFigures]:
        """Figures of the chosen hop for each of the C classes; empty without one."""
        return metrics.per_class(*self._judged, len(self.labels)) if self._judged else []

    @cached_property
    def _judged(self) -> tuple[metrics.Ints, metrics.Ints] | None:
        if self.chosen is None or self.chosen.outputs is None or self.table.is_of_episodes:
            return None
        truth = self.table.labels_true[self.chosen.which_clips()]
        return truth, metrics.predictions(self.chosen.outputs)

    @cached_property
    def most_confused(self) -> list[ConfusedClip]:
        """Up to MAX_CONFUSED clips that the chosen hop gets wrong, most confident first."""
        if self._judged is None or self.chosen is None or not self.clip_names:
            return []
        truth, chosen = self._judged
        wrong = np.flatnonzero((truth != chosen) & (chosen != metrics.UNDECIDED))
        if not wrong.size:
            return []
        sure = metrics.softmax(self.chosen.real_outputs()[wrong]).max(axis=1)
        order = np.argsort(-sure, kind="stable")[:MAX_CONFUSED]
        clips = self.chosen.which_clips()
        return [
            ConfusedClip(
                clip=str(self.clip_names[clips[wrong[at]]]),
                label=self.labels[truth[wrong[at]]],
                predicted=self.labels[chosen[wrong[at]]],
                confidence=float(sure[at]),
            )
            for at in order
        ]

    def to_dict(self) -> JsonObject:
        """The content of report.json: JSON types only, no NaN or infinity (they become null)."""
        failed, open_ = self.table.failed, self.table.not_judged
        value = {
            "schema_version": SCHEMA_VERSION,
            "title": self.title,
            "verdict": {
                "gates_failed": len(failed),
                "gates_not_judged": len(open_),
                "gates_passed": len(self.table.gates) - len(failed) - len(open_),
            },
            "gates": [
                {"name": g.name, "verdict": g.verdict, "detail": g.detail} for g in self.table.gates
            ],
            "data": self.data.to_dict() if self.data else None,
            "max_drop_points": self.table.max_drop,
            "hops": [dataclasses.asdict(row) for row in self.table.rows],
            "labels": list(self.labels),
            "figures_of": self.chosen.name if self.chosen else None,
            "confusion_matrix": self.confusion,
            "per_class": [
                {"label": label, **dataclasses.asdict(figures)}
                for label, figures in zip(self.labels, self.per_class, strict=False)
            ],
            "most_confused_clips": [dataclasses.asdict(clip) for clip in self.most_confused],
            "learning_curve": [dict(epoch) for epoch in self.history],
            "model": dataclasses.asdict(self.model) if self.model else None,
            "android": dataclasses.asdict(self.android) if self.android else None,
            **(self.layers or LayerTables()).to_dict(),
            "stream": self.stream.to_dict() if self.stream else None,
            "load": self.load,
            "settings": self.settings,
        }
        safe: JsonObject = json_safe(value)
        return safe
