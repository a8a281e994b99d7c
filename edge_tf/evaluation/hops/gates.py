"""The gates: pass/fail criteria from hop to hop."""

from dataclasses import dataclass

from edge_tf.evaluation.hops.hop_result import HopResult
from edge_tf.evaluation.hops.hop_row import HopRow
from tflite_model.sparsity import KB, ParameterSize


@dataclass(frozen=True)
class Gate:
    """A criterion and its verdict.

    `passed` is None if it could not be judged here (an engine is not available): such a gate has
    neither passed nor failed.
    """

    name: str
    passed: bool | None
    detail: str

    @property
    def verdict(self) -> str:
        """The outcome in words: passed, failed or not judged."""
        return {True: "passed", False: "failed", None: "not judged"}[self.passed]


def judge(
    hop: HopResult,
    row: HopRow,
    first: HopResult,
    reference: HopResult | None,
    max_drop: float,
) -> list[Gate]:
    """Gates of one hop: finite outputs, equal bytes, accuracy preserved.

    A bit-exact hop that ran only some of the clips is judged only by its bytes.

    Args:
      hop: the hop to judge.
      row: its figures.
      first: the first hop, the baseline for accuracy.
      reference: the hop whose bytes must be matched, if there is one.
      max_drop: percentage points of accuracy that int8 outputs, or scores derived from them, may
        lose; on episodes also of the AUROC.
    """
    gates = []
    missing = f"not available here: {hop.unavailable}" if hop.unavailable else ""
    if row.undecided:
        detail = f"NaN or infinity in the outputs of {row.undecided} of {row.clips} clips"
        gates.append(Gate(f"{hop.name} gives finite outputs", False, detail))
    if hop.bit_exact and hop is not reference:
        against = reference.name if reference else "the bit reference"
        name = f"{hop.name} equals {against} in every byte"
        gates.append(_bit_gate(name, hop, row, reference, missing))
    # On a few clips a change is chance, and a bit-exact hop has the accuracy of its reference.
    spared = hop.bit_exact and hop.clip_indices is not None
    comes_of_int8 = hop.is_int8 or hop.are_shifted  # scores of an int8 network
    if hop is not first and (comes_of_int8 or missing) and not spared:
        points = "1 point" if max_drop == 1 else f"{max_drop:g} points"
        name = f"{hop.name} loses at most {points} against {first.name}"
        if missing:
            gates.append(Gate(name, None, missing))
        elif row.change_points is None or row.accuracy is None:
            why = first.unavailable or "it ran none of these clips"
            gates.append(Gate(name, None, f"{first.name} has nothing to compare with: {why}"))
        else:
            # Tolerance for rounding: 3 of 300 clips are not exactly 1.0 point in binary.
            passed = row.change_points >= -max_drop - 1e-9
            detail = f"{100 * row.accuracy:.2f} %, {row.change_points:+.2f} points"
            gates.append(Gate(name, passed, f"{detail} on {row.clips:,} clips"))
            gates += _auroc_gates(row, first, max_drop)
    return gates


def _auroc_gates(row: HopRow, first: HopResult, max_drop: float) -> list[Gate]:
    """Whether unknown words are still told from known ones, whatever the number of takes."""
    changes = [one for one in row.by_shots or () if one.auroc_change is not None]
    if not changes:
        return []
    worst = min(changes, key=lambda one: one.auroc_change or 0.0)
    change = worst.auroc_change or 0.0
    points = "1 point" if max_drop == 1 else f"{max_drop:g} points"
    name = f"{row.name} loses at most {points} of AUROC against {first.name}"
    takes = "1 take" if worst.shots == 1 else f"{worst.shots} takes"
    detail = f"{100 * worst.auroc:.2f} %, {change:+.2f} points with {takes}"
    return [Gate(name, change >= -max_drop - 1e-9, detail)]


# Maximum difference in accuracy, in points: of the simulation from the int8 model; and of the int8
# model with an Android app's front-end from the same model with Keras' features.
_SIMULATION, _ANDROID = 0.5, 0.3
# With fewer clips, one or two of them make such a difference.
_FEWEST = 400


def judge_simulation(row: HopRow, reference: HopRow | None) -> Gate:
    """Whether the simulation of quantization-aware training agrees with the int8 file.

    Args:
      row: of the simulation in Keras.
      reference: of the int8 model on the same clips, if there is one.
    """
    return _judge_near(row, reference, "int8", _SIMULATION)


def judge_android(row: HopRow, reference: HopRow | None) -> Gate:
    """Whether the model for Android, front-end included, agrees with the int8 model.

    Args:
      row: of the model for Android, starting from the waveform.
      reference: of the int8 model alone, with LiteRT's optimized kernels as on a phone.
    """
    return _judge_near(row, reference, reference.name if reference else "int8", _ANDROID)


def _judge_near(row: HopRow, reference: HopRow | None, what: str, most: float) -> Gate:
    name = f"{row.name} is within {most:g} points of {what}"
    if row.accuracy is None or reference is None or reference.accuracy is None:
        return Gate(name, None, row.unavailable or "there is no int8 hop to compare with")
    if row.clips != reference.clips or row.clips < _FEWEST:
        return Gate(name, None, f"{row.clips:,} clips are too few, {_FEWEST} are needed")
    points = 100 * (row.accuracy - reference.accuracy)
    detail = f"{points:+.2f} points from {reference.name} on {row.clips:,} clips"
    return Gate(name, abs(points) <= most + 1e-9, detail)


def judge_size(size: ParameterSize, target_kb: float) -> Gate:
    """Whether the non-zero parameters fit the budget that the network was compressed to.

    Args:
      size: of the int8 file.
      target_kb: the budget in KiB.
    """
    detail = f"{size.nonzero:,} of {size.elements:,} are non-zero, {size.nonzero_bytes:,} bytes"
    passed = size.nonzero_bytes <= target_kb * KB
    return Gate(f"non-zero parameters fit {target_kb:g} KiB", passed, detail)


def _bit_gate(
    name: str, hop: HopResult, row: HopRow, reference: HopResult | None, missing: str
) -> Gate:
    if missing:
        return Gate(name, None, missing)
    if reference is None:
        return Gate(name, None, "the table has no such hop")
    if reference.outputs is None:
        return Gate(name, None, f"{reference.name} not available here: {reference.unavailable}")
    if row.differing_bytes is None:
        return Gate(name, None, f"{reference.name} has no int8 outputs for these clips")
    if not hop.same_grid(reference):
        found = f"{hop.scale}, {hop.zero_point}"
        wanted = f"{reference.scale}, {reference.zero_point}"
        return Gate(name, False, f"scale and zero point are {found}, not {wanted}")
    detail = f"{row.differing_bytes:,} of {row.total_bytes:,} bytes differ"
    if row.differing_bytes:
        detail += f", by up to {row.max_lsb} LSB"
    return Gate(name, row.differing_bytes == 0, detail)
