"""The gates: what must hold from hop to hop, and whether it does."""

from dataclasses import dataclass

from edge_tf.evaluation.hops.hop_result import HopResult
from edge_tf.evaluation.hops.hop_row import HopRow
from tflite_model.sparsity import KB, ParameterSize


@dataclass(frozen=True)
class Gate:
    """A promise and whether it holds.

    `passed` is None when it could not be judged here (an engine is not available): such a gate
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
    """Gates of one hop: finite outputs, equal bytes, accuracy kept.

    A bit-exact hop that ran only some of the clips is judged by its bytes alone.

    Args:
      hop: the hop to judge.
      row: its figures.
      first: the first hop, whose accuracy is to be kept.
      reference: the hop whose bytes are to be given, if there is one.
      max_drop: percentage points of accuracy that int8 outputs, or scores made of them, may lose.
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
    # On a few clips a change is chance, and who gives the reference's bytes has its accuracy.
    spared = hop.bit_exact and hop.clip_indices is not None
    comes_of_int8 = hop.is_int8 or hop.are_shifted  # scores of an int8 network
    if hop is not first and (comes_of_int8 or missing) and not spared:
        points = "1 point" if max_drop == 1 else f"{max_drop:g} points"
        name = f"{hop.name} loses at most {points} against {first.name}"
        if missing:
            gates.append(Gate(name, None, missing))
        elif row.change_points is None or row.accuracy is None:
            why = first.unavailable or "it ran none of these clips"
            gates.append(Gate(name, None, f"{first.name} has nothing to compare: {why}"))
        else:
            # The slack is for 1.0 point of 300 clips, which is not 3 / 300 in binary.
            passed = row.change_points >= -max_drop - 1e-9
            detail = f"{100 * row.accuracy:.2f} %, {row.change_points:+.2f} points"
            gates.append(Gate(name, passed, f"{detail} on {row.clips:,} clips"))
    return gates


# A simulation's accuracy may be so far from that of the int8 model, in points; and that of the same
# int8 model behind an Android app's front-end from that behind Keras' features.
_SIMULATION, _ANDROID = 0.5, 0.3
# On fewer clips, one or two of them are that much.
_FEWEST = 400


def judge_simulation(row: HopRow, reference: HopRow | None) -> Gate:
    """Whether what quantization-aware training saw is what the int8 file computes.

    Args:
      row: of the simulation in Keras.
      reference: of the int8 model on the same clips, if there is one.
    """
    return _judge_near(row, reference, "int8", _SIMULATION)


def judge_android(row: HopRow, reference: HopRow | None) -> Gate:
    """Whether an app hears what the int8 model was measured with.

    Args:
      row: of the model for Android, from the waveform on.
      reference: of the int8 model by itself, with LiteRT's optimized kernels as a phone has them.
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
    """Whether the parameters that are not zero fit the budget that the network was compressed to.

    Args:
      size: of the int8 file.
      target_kb: the budget in KB of 1,024 bytes.
    """
    detail = f"{size.nonzero:,} of {size.elements:,} are not zero, {size.nonzero_bytes:,} bytes"
    passed = size.nonzero_bytes <= target_kb * KB
    return Gate(f"parameters that are not zero fit {target_kb:g} KB", passed, detail)


def _bit_gate(
    name: str, hop: HopResult, row: HopRow, reference: HopResult | None, missing: str
) -> Gate:
    if missing:
        return Gate(name, None, missing)
    if reference is None:
        return Gate(name, None, "there is no such hop in the table")
    if reference.outputs is None:
        return Gate(name, None, f"{reference.name} not available here: {reference.unavailable}")
    if row.differing_bytes is None:
        return Gate(name, None, f"{reference.name} has no int8 outputs of these clips")
    if not hop.same_grid(reference):
        found = f"{hop.scale}, {hop.zero_point}"
        wanted = f"{reference.scale}, {reference.zero_point}"
        return Gate(name, False, f"scale and zero point are {found}, not {wanted}")
    detail = f"{row.differing_bytes:,} of {row.total_bytes:,} bytes differ"
    if row.differing_bytes:
        detail += f", by up to {row.max_lsb} LSB"
    return Gate(name, row.differing_bytes == 0, detail)
