"""Costs on boards: figures that make sense and come out again, and errors in one line."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import tflite_model
from edge_tf import files, records
from edge_tf.errors import UserError
from edge_tf.evaluation.cost import board_cost
from edge_tf.evaluation.report import cost_text
from edge_tf.run_dir import RunDirectory
from firmware_export.boards import board as boards
from firmware_export.boards import measuring, programs, toolchain
from firmware_export.errors import ExportError
from firmware_export.standalone import compiler
from firmware_export.standalone.spotting import Spotting
from tests.firmware_export.boards.conftest import usable
from tests.firmware_export.standalone.model_builder import SAME, Builder

LABELS = ("_silence_", "no", "yes")
FRONTEND = {
    "sample_rate": 16_000,
    "clip_samples": 7 * 160,
    "window": 480,
    "hop": 160,
    "fft_size": 512,
    "mel_bands": 8,
    "low_hz": 0.0,
    "high_hz": 8_000.0,
    "log_offset": 1e-6,
    "padding": "causal",
}
M4 = [boards.by_name("cortex-m4")]
INPUT = (8, 8, 1)
FILTERS = 4


def wide(shape: tuple[int, ...]) -> bytes:
    """One op on many values."""
    builder = Builder()
    x, y = builder.activation(shape, 0.1), builder.activation(shape, 1 / 256, -128)
    builder.op("LOGISTIC", [x], y)
    return builder.finish([x], [y])


def small(filters: int = FILTERS) -> bytes:
    """A convolution of 3 x 3, the mean of it, and three logits."""
    rng = np.random.default_rng(0)
    builder = Builder()
    x = builder.activation((1, *INPUT), 0.1)

    def weights(*shape: int) -> tuple[int, int]:
        values = rng.integers(-127, 128, shape).astype(np.int8)
        bias = rng.integers(-500, 500, shape[0]).astype(np.int32)
        return builder.constant(values, [0.01] * shape[0]), builder.constant(bias)

    y = builder.activation((1, 8, 8, filters), 0.2)
    ones = {"stride_h": 1, "stride_w": 1}
    builder.op("CONV_2D", [x, *weights(filters, 3, 3, 1)], y, padding=SAME, **ones)
    mean = builder.activation((1, 1, 1, filters), 0.1)
    builder.op("MEAN", [y, builder.numbers(1, 2)], mean, keep_dims=True)
    logits = builder.activation((1, 1, 1, 3), 0.1)
    builder.op("CONV_2D", [mean, *weights(3, 1, 1, filters)], logits, padding=SAME, **ones)
    flat = builder.activation((1, 3), 0.1)
    builder.op("RESHAPE", [logits, builder.numbers(1, 3)], flat)
    return builder.finish([x], [flat])


FEATURES = np.random.default_rng(1).integers(-128, 128, (2, *INPUT)).astype(np.int8)
SOUND = np.random.default_rng(2).integers(-9_000, 9_000, (2, 7 * 160)).astype(np.int16)


@pytest.fixture(scope="module")
def cost() -> measuring.Cost:
    """Of everything on a Cortex-M4."""
    return measure("cortex-m4")


def measure(name: str, model: bytes | None = None, sound: bool = True) -> measuring.Cost:
    spotting = Spotting(LABELS, FRONTEND) if sound else None
    return measuring.measure(model or small(), usable(name), FEATURES, spotting, SOUND)


@pytest.mark.firmware
class TestFigures:
    def test_instructions_are_some_for_each_multiplication(self, cost):
        multiplications = 64 * FILTERS * 9
        assert 0.5 * multiplications < cost.instructions < 40 * multiplications
        assert cost.instructions <= cost.most_instructions < 1.2 * cost.instructions

    def test_the_arena_is_what_the_compiler_planned(self, cost):
        compiled = compiler.compile(tflite_model.parse(small()), "dsp")
        assert cost.arena_bytes == compiled.plan.size >= 64 * FILTERS

    def test_flash_holds_code_and_constants(self, cost):
        weights = FILTERS * 9 + 3 * FILTERS + 4 * (FILTERS + 3)
        assert weights < cost.flash_bytes < 16_000
        assert cost.frontend_flash_bytes is not None
        assert cost.flash_bytes + cost.frontend_flash_bytes < cost.program_flash_bytes < 64_000

    def test_the_front_end_takes_a_transform_a_frame(self, cost):
        butterflies = 256 / 2 * 8  # a real transform of 512 points
        assert 5 * butterflies < cost.frontend_instructions < 100 * butterflies
        assert cost.frontend_instructions <= cost.frontend_most
        assert 480 * 2 < cost.frontend_ram_bytes < 8_000

    @pytest.mark.parametrize("part", ["", "frontend_", "window_", "detector_"])
    def test_cycles_of_each_part_are_one_to_three_for_an_instruction(self, cost, part):
        cycles, instructions = (getattr(cost, part + what) for what in ("cycles", "instructions"))
        # One clip of the two; a frame at its end has fewer samples.
        assert 0.9 * instructions < cycles.least <= cycles.estimate <= cycles.most
        assert cycles.estimate < 3 * instructions

    def test_small_parts_are_small(self, cost):
        assert 8 * 8 < cost.window_instructions < 10_000
        assert 0 < cost.detector_instructions < 10_000
        assert 100 < cost.stack_bytes < 4_000
        assert cost.arena_bytes + cost.frontend_ram_bytes < cost.program_ram_bytes <= 64 * 1024

    def test_they_come_out_again(self, cost):
        assert measure("cortex-m4") == cost

    def test_without_sound_only_the_model_is_measured(self, cost):
        alone = measure("cortex-m4", sound=False)
        fields = dataclasses.asdict(alone)
        missing = {name for name, value in fields.items() if value is None}
        assert missing == {
            *("frontend_instructions", "frontend_most", "frontend_flash_bytes"),
            *("frontend_ram_bytes", "window_instructions", "detector_instructions"),
            *("frontend_cycles", "window_cycles", "detector_cycles"),
            "second",  # no detector, and so no second stage of one
        }
        for name in ("instructions", "most_instructions", "flash_bytes", "arena_bytes"):
            assert fields[name] == getattr(cost, name)
        assert alone.program_flash_bytes < cost.program_flash_bytes

    def test_more_filters_cost_more(self, cost):
        wider = measure("cortex-m4", small(4 * FILTERS), sound=False)
        assert 1.5 < wider.instructions / cost.instructions < 5
        assert wider.arena_bytes >= cost.arena_bytes + 64 * 3 * FILTERS

    @pytest.mark.parametrize("name", ["cortex-m33", "rv32"])
    def test_other_boards(self, name, cost):
        other = measure(name, sound=False)
        assert other.board == name
        assert 0.2 < other.instructions / cost.instructions < 5
        assert other.cycles is None

    def test_more_ram_than_small_parts_have(self):
        shape = (1, 10, 7_000)
        found = measuring.measure(wide(shape), usable("cortex-m4"), np.zeros(shape, np.int8))
        assert found.arena_bytes >= 70_000

    def test_what_does_not_fit_is_told_in_one_line(self):
        shape = (1, 300, 20_000)
        with pytest.raises(ExportError, match=r"for cortex-m4 needs .* bytes of RAM") as caught:
            measuring.measure(wide(shape), usable("cortex-m4"), np.zeros(shape, np.int8))
        assert "\n" not in str(caught.value)


def test_the_host_counts_nothing():
    with pytest.raises(ExportError, match="instructions are not counted on host: name an emul"):
        measuring.measure(small(), boards.HOST, FEATURES)


def test_labels_of_another_model_are_refused(tmp_path):
    with pytest.raises(ExportError, match="but there are 2 labels"):
        programs.build(small(), boards.HOST, tmp_path, Spotting(LABELS[1:], FRONTEND))


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """As the stage convert leaves it."""
    directory = RunDirectory(tmp_path / "run").create()
    (directory / "model_int8.tflite").write_bytes(small())
    (directory / "labels.txt").write_text("\n".join(LABELS) + "\n", encoding="utf-8")
    document = {"frontend": FRONTEND, "input": {"scale": 0.1, "zero_point": 0}}
    files.write_json(directory / "frontend.json", document)
    outputs = {
        "logits": np.zeros((len(FEATURES), 4), np.int8),
        "label_index": np.zeros(len(FEATURES), np.int32),
    }
    np.savez(directory / "golden.npz", features=FEATURES, wav=SOUND, **outputs)
    return directory


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if everything were installed, for what is refused before anything is built."""
    monkeypatch.setattr(toolchain, "missing_packages", lambda boards: ())


class TestOfARun:
    def refused(self, run: RunDirectory) -> str:
        with pytest.raises(UserError) as caught:
            board_cost.measure(run, M4)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def test_tools_that_are_missing(self, run, monkeypatch):
        monkeypatch.setattr(toolchain, "missing_packages", lambda boards: ("gcc-x", "qemu-y"))
        assert self.refused(run).endswith("apt-get install gcc-x qemu-y")

    @pytest.mark.parametrize("name", ["model_int8.tflite", "golden.npz", "frontend.json"])
    def test_a_stage_that_is_missing(self, run, tools, name):
        (run / name).unlink()
        assert f"{name} is missing; make it with: python -m pipelines." in self.refused(run)

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half a zip", b"noise" * 100])
    def test_golden_vectors_that_cannot_be_read(self, run, tools, content):
        (run / "golden.npz").write_bytes(content)
        assert "golden.npz holds no golden vectors" in self.refused(run)

    def test_golden_vectors_without_sound(self, run, tools):
        np.savez(run / "golden.npz", features=FEATURES)
        assert "golden.npz holds no golden vectors" in self.refused(run)

    def test_a_front_end_file_of_something_else(self, run, tools):
        files.write_json(run / "frontend.json", {"sample_rate": 16_000})
        assert "frontend.json" in self.refused(run)

    @pytest.mark.firmware
    def test_the_table(self, run):
        usable("cortex-m4")
        (cost,) = board_cost.measure(run, M4)
        lines = cost_text.render([cost, dataclasses.replace(cost, detector_instructions=None)])
        rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines.splitlines()]
        assert rows[0] == ["", "cortex-m4", "cortex-m4"]
        assert all(len(row) == 3 for row in rows)
        assert ["one inference, instructions", *[f"{cost.instructions:,}"] * 2] in rows
        assert ["detector, one call, instructions", f"{cost.detector_instructions:,}", "-"] in rows
        cycles = [cost.cycles, cost.frontend_cycles, cost.window_cycles, cost.detector_cycles]
        estimates = [["the same, cycles (est.)", *[f"{c.estimate:,}"] * 2] for c in cycles if c]
        assert [row for row in rows if "cycles" in row[0]] == estimates
        assert len(estimates) == 4
        none = {f"{part}cycles": None for part in ("", "frontend_", "window_", "detector_")}
        assert "cycles" not in cost_text.render([dataclasses.replace(cost, **none)])
        (written,) = records.to_json([cost])
        assert written == dataclasses.asdict(cost)

    @pytest.mark.firmware
    def test_a_front_end_that_no_device_can_compute_is_left_out(self, run):
        usable("cortex-m4")
        document = {"frontend": FRONTEND | {"padding": "reflect"}}
        files.write_json(run / "frontend.json", document)
        (cost,) = board_cost.measure(run, M4)
        assert cost.frontend_instructions is None and cost.instructions > 0
