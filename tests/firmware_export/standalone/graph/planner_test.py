"""Places in the buffer: nothing overlaps what is needed at the same time, and little is wasted."""

import itertools
import random
import xml.etree.ElementTree as ET

import pytest

from firmware_export.standalone import plan_svg
from firmware_export.standalone.graph import ir, planner
from firmware_export.standalone.ops.reshape import Reshape
from tests.steps import lines_run


def tensor(name: str, size: int) -> ir.Tensor:
    return ir.Tensor(name, (size,), scales=(0.1,), zero_points=(0,))


def op(inputs: list[ir.Tensor], output: ir.Tensor) -> ir.Op:
    return Reshape(inputs, output, f"op {output.name}")


def random_graph(seed: int, ops: int) -> tuple[ir.Graph, list[int]]:
    rng = random.Random(seed)
    tensors = [tensor("t0", rng.randrange(1, 3000))]
    made = []
    for i in range(ops):
        inputs = rng.sample(tensors[-6:], k=min(len(tensors[-6:]), rng.choice((1, 1, 2))))
        tensors.append(tensor(f"t{i + 1}", rng.randrange(1, 3000)))
        made.append(op(inputs, tensors[-1]))
    scratch = [rng.choice((0, 0, rng.randrange(1, 900))) for _ in made]
    return ir.Graph(made, tensors[:1], tensors[-1:]), scratch


def check(plan: planner.Plan) -> None:
    for i, block in enumerate(plan.blocks):
        assert block.offset % planner.ALIGNMENT == 0
        assert 0 <= block.offset <= block.offset + block.size <= plan.size
        for other in plan.blocks[:i]:
            if block.meets(other):
                ends = block.offset + block.beside(other), other.offset + other.beside(block)
                assert ends[0] <= other.offset or ends[1] <= block.offset


@pytest.mark.parametrize("seed", range(12))
def test_nothing_overlaps(seed):
    graph, scratch = random_graph(seed, 40)
    plan = planner.plan(graph, scratch)
    check(plan)
    assert plan.lower_bound <= plan.size <= 1.25 * plan.lower_bound
    peak = max(sum(b.aligned for b in plan.blocks if b.first <= t <= b.last) for t in range(-1, 41))
    assert plan.lower_bound == peak


def test_the_same_graph_gives_the_same_places():
    offsets = []
    for _ in range(2):
        graph, scratch = random_graph(3, 40)
        offsets.append([block.offset for block in planner.plan(graph, scratch).blocks])
    assert offsets[0] == offsets[1]


def test_many_ops_take_little_time():
    graph, scratch = random_graph(1, 1000)
    plans = []
    # Five million today.
    assert lines_run(lambda: plans.append(planner.plan(graph, scratch))) < 20_000_000
    check(plans[0])


def test_places_are_used_again():
    a, b, c, d = (tensor(name, 160) for name in "abcd")
    graph = ir.Graph([op([a], b), op([b], c), op([c], d)], [a], [d])
    plan = planner.plan(graph, [0, 0, 0])
    assert plan.size == plan.lower_bound == 320


def test_inputs_are_there_from_the_start_and_outputs_to_the_end():
    a, b, c, d = (tensor(name, 160) for name in "abcd")
    graph = ir.Graph([op([a], c), op([b, c], d)], [a, b], [c, d])
    plan = planner.plan(graph, [0, 0])
    assert plan.size == 480
    times = {block.name: (block.first, block.last) for block in plan.blocks}
    assert times == {"a": (-1, 0), "b": (-1, 1), "c": (0, 2), "d": (1, 2)}


def test_scratch_lives_during_its_op():
    a, b, c = (tensor(name, 160) for name in "abc")
    graph = ir.Graph([op([a], b), op([b], c)], [a], [c])
    plan = planner.plan(graph, [320, 1])
    assert plan.size == 640
    assert plan.scratch_offset(0) != plan.offset(a)
    check(plan)


def test_views_lie_in_their_base():
    a, b, c = (tensor(name, 160) for name in "abc")
    part = tensor("part", 40)
    part.base, part.offset = b, 60
    graph = ir.Graph([op([a], b), op([part], c)], [a], [c])
    plan = planner.plan(graph, [0, 0])
    assert plan.offset(part) == plan.offset(b) + 60
    assert [block.name for block in plan.blocks] == ["a", "b", "c"]
    assert plan.size == 320


def test_an_output_in_the_place_of_a_larger_input_leaves_the_rest_to_others():
    a, c, d = (tensor(name, size) for name, size in (("a", 1600), ("c", 1440), ("d", 16)))
    small = tensor("small", 160)
    small.base = a
    graph = ir.Graph([op([a], small), op([small], c), op([small, c], d)], [a], [d])
    plan = planner.plan(graph, [0, 0, 0])
    (block,) = (b for b in plan.blocks if b.tensor is a)
    assert block.sizes == (1600, 1600, 160, 160)
    assert plan.size == plan.lower_bound == 1616
    assert [plan.used(position) for position in range(3)] == [1600, 1600, 1616]
    check(plan)


def test_a_whole_of_parts_that_is_read_later_stays_whole():
    a, b, c = (tensor(name, 16) for name in "abc")
    whole = tensor("whole", 320)
    parts = [tensor("first", 160), tensor("second", 160)]
    for number, part in enumerate(parts):
        part.base, part.offset = whole, 160 * number
    graph = ir.Graph([op([a], parts[0]), op([b], parts[1]), op([whole], c)], [a, b], [c])
    (block,) = (b for b in planner.plan(graph, [0, 0, 0]).blocks if b.tensor is whole)
    assert (block.first, block.last, block.sizes) == (0, 2, ())


@pytest.mark.parametrize("seed", range(6))
def test_a_quick_size_is_an_upper_bound(seed):
    graph, scratch = random_graph(seed, 30)
    plan = planner.plan(graph, scratch)
    assert plan.size <= planner.quick_size(planner.blocks(graph, scratch), {})


def test_without_reuse_all_are_kept():
    graph, scratch = random_graph(2, 10)
    plan = planner.plan(graph, scratch, reuse=False)
    places = sorted((b.offset, b.end) for b in plan.blocks if b.tensor is not None)
    assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(places))


class TestPicture:
    def draw(self, title: str = "a model") -> ET.Element:
        graph, scratch = random_graph(4, 12)
        plan = planner.plan(graph, scratch)
        names = [f"op {i} <ADD> & more" for i in range(12)]
        return ET.fromstring(plan_svg.draw(plan, names, title))

    def test_it_is_valid(self):
        svg = self.draw('<script>"&')
        assert svg.tag.endswith("svg")
        assert svg.findtext("{*}title") == '<script>"&'

    def test_every_block_has_a_box_with_a_tip(self):
        graph, scratch = random_graph(4, 12)
        plan = planner.plan(graph, scratch)
        tips = [group.findtext("{*}title", "") for group in self.draw().iterfind("{*}g")]
        assert len(tips) == len(plan.blocks)
        block = next(b for b in plan.blocks if b.name == "t5")
        expected = f"t5 [{block.size}]: {block.size:,} bytes at {block.offset:,}, op 4 <ADD> & more"
        assert any(tip.startswith(expected) for tip in tips)
        assert sum("scratch of" in tip for tip in tips) == sum(map(bool, scratch))

    def test_boxes_lie_within_the_picture(self):
        svg = self.draw()
        width, height = float(svg.get("width")), float(svg.get("height"))
        for box in svg.iter("{http://www.w3.org/2000/svg}rect"):
            x, y = float(box.get("x", 0)), float(box.get("y", 0))
            assert 0 <= x <= x + float(box.get("width")) <= width
            assert 0 <= y <= y + float(box.get("height")) <= height

    def test_both_modes_have_colours(self):
        assert "prefers-color-scheme: dark" in self.draw().findtext("{*}style", "")
