"""The load of a program on the parts of parts.py, estimated from instructions.

Load is instructions a second per clock tick: none of these cores finishes more than one instruction
per tick, so it is at least that. Waiting for flash, loads and branches come on top.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from firmware_export.frontend.config import LogMel
from firmware_export.standalone import costs
from firmware_export.standalone.cascade import CompiledSecond
from firmware_export.standalone.compiler import Compiled
from firmware_export.standalone.load import code_size
from firmware_export.standalone.load.parts import PARTS, Part
from firmware_export.standalone.load.sound import (
    detector_instructions,
    frame_instructions,
    read_instructions,
)
from firmware_export.standalone.target import KernelSet

_KB = 1024


@dataclasses.dataclass(frozen=True)
class Around:
    """How often what runs around the network runs.

    Attributes:
      frontend: of the features.
      classes: of the detector.
      frames_per_decision: frames from one decision of the detector to the next.
      second: stage of the detector; None: it has none.
    """

    frontend: LogMel
    classes: int
    frames_per_decision: int
    second: CompiledSecond | None = None

    @property
    def frames_per_second(self) -> float:
        return self.frontend.sample_rate / self.frontend.hop

    @property
    def decisions_per_second(self) -> float:
        return self.frames_per_second / self.frames_per_decision


@dataclasses.dataclass(frozen=True)
class SecondLoad:
    """The second stage of a detector on a part.

    Attributes:
      per_hit: instructions from a hit to its rejection; a hit that is told takes fewer.
      busiest: instructions per second of everything, from a hit until it has caught up.
      first_answer_s, last_answer_s: seconds from a hit to the first and last answer, if the
        processor is fast enough for `busiest`.
    """

    per_hit: int
    busiest: int
    first_answer_s: float
    last_answer_s: float


@dataclasses.dataclass(frozen=True)
class PartLoad:
    """A program on a part.

    Attributes:
      part: the part.
      kernels: the kernel set that runs there; None: the export has none for it.
      per_inference: instructions of the network, for a window or a frame.
      per_second: instructions of front-end, network and detector, and of a second stage at its hits
        an hour; None for a network alone.
      flash_bytes, ram_bytes: without start-up code, stack and what else the firmware does.
      second: stage of the detector; None: it has none.
    """

    part: Part
    kernels: KernelSet | None
    per_inference: int
    per_second: int | None
    flash_bytes: int
    ram_bytes: int
    second: SecondLoad | None = None

    @property
    def percent(self) -> float | None:
        """Least share of the processor; None for a network alone, or one without kernels."""
        if self.kernels is None or self.per_second is None:
            return None
        return 100 * self.per_second / (1e6 * self.part.mhz)

    @property
    def inferences_per_second(self) -> float | None:
        """Most inferences of the network alone in a second; None if it has nothing to compute."""
        if self.kernels is None or not self.per_inference:
            return None
        return 1e6 * self.part.mhz / self.per_inference

    @property
    def misfit(self) -> str:
        """Why it cannot run there; "" if it can."""
        if self.kernels is None:
            return "no kernels for it in this export"
        for what, needed, there in (
            ("flash", self.flash_bytes, self.part.flash_kb),
            ("RAM", self.ram_bytes, self.part.ram_kb),
        ):
            if needed > there * _KB:
                return f"does not fit: {what} {math.ceil(needed / _KB)} KB of {there}"
        percent = self.percent
        if percent is not None and percent > 100:
            return f"too slow: at least {percent:.0f} % of the processor"
        if self.second and self.second.busiest > 1e6 * self.part.mhz:
            busiest = self.second.busiest / (1e4 * self.part.mhz)
            return f"too slow while the second stage catches up: at least {busiest:.0f} %"
        return ""

    @property
    def verdict(self) -> str:
        """The load, or how often the network alone can run; or why it cannot."""
        if self.misfit:
            return self.misfit
        if self.percent is None:
            if self.inferences_per_second is None:
                return "nothing to compute"
            return f"at most {float(f'{self.inferences_per_second:.3g}'):,g} a second"
        shown = f"{self.percent:.2g}" if self.percent < 10 else f"{self.percent:.0f}"
        return f"at least {shown} %"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        percent, most = self.percent, self.inferences_per_second
        return {
            "part": self.part.name,
            "core": self.part.core.name,
            "mhz": self.part.mhz,
            "kernels": self.kernels,
            "instructions_per_inference": self.per_inference if self.kernels else None,
            "instructions_per_second": self.per_second if self.kernels else None,
            "least_load_percent": None if percent is None else round(percent, 1),
            "most_inferences_per_second": None if most is None else float(f"{most:.3g}"),
            "flash_bytes": self.flash_bytes,
            "ram_bytes": self.ram_bytes,
            "misfit": self.misfit,
            "verdict": self.verdict,
            "second": dataclasses.asdict(self.second) if self.second else None,
        }


def of_program(compiled: Compiled, ram_bytes: int, around: Around | None = None) -> list[PartLoad]:
    """The load on each part.

    Args:
      compiled: the program; a streaming one runs once per frame.
      ram_bytes: static memory of all that is exported.
      around: what runs around the network; None for a network alone.
    """
    return [_on(part, compiled, ram_bytes, around) for part in PARTS]


def _on(part: Part, compiled: Compiled, ram_bytes: int, around: Around | None) -> PartLoad:
    core = part.core.figures
    kernels = next((s for s in part.core.kernels if s in compiled.kernel_sets), None)
    if kernels is None:
        return PartLoad(part, None, 0, None, 0, ram_bytes)
    inference = costs.of_graph(compiled.graph, kernels, core)
    second, stage = None, None
    behind = around.second.compiled if around and around.second else None
    flash = compiled.constant_bytes + code_size.of_program(compiled, kernels, behind)
    if around is not None:
        config = around.frontend
        detector = detector_instructions(core, around.classes)
        if compiled.streaming:
            often = around.frames_per_second * inference
        else:
            often = around.decisions_per_second * (inference + read_instructions(core, config))
        second = round(
            around.frames_per_second * frame_instructions(core, config)
            + often
            + around.decisions_per_second * detector
        )
        flash += code_size.of_sound(config)
        if around.second is not None:
            stage = _second(around.second, kernels, core, second, around.frames_per_second)
            second += round(stage.per_hit * around.second.second.hits_per_hour / 3600)
            flash += around.second.compiled.constant_bytes
    return PartLoad(part, kernels, inference, second, flash, ram_bytes, stage)


def _second(
    stage: CompiledSecond, kernels: KernelSet, core: str, first: int, frames_per_second: float
) -> SecondLoad:
    """`first`: instructions per second of all but the second stage."""
    config = stage.second.config
    frame = costs.of_graph(stage.compiled.graph, kernels, core)
    first_answer = config.hop_of(config.past, config.past)
    return SecondLoad(
        per_hit=frame * (config.past + config.patience),
        busiest=first + round(config.pace * frames_per_second * frame),
        first_answer_s=first_answer / frames_per_second,
        last_answer_s=config.longest / frames_per_second,
    )


def to_dict(loads: Sequence[PartLoad], around: Around | None, streaming: bool) -> dict[str, Any]:
    """For JSON: the entry "load" of manifest.json and report.json."""
    return {
        "estimated": True,
        "tolerance_percent": round(100 * costs.TOLERANCE),
        "streaming": streaming,
        "frames_per_second": around.frames_per_second if around else None,
        "decisions_per_second": around.decisions_per_second if around else None,
        "hits_per_hour": around.second.second.hits_per_hour if around and around.second else None,
        "parts": [load.to_dict() for load in loads],
    }
