"""A picture of the buffer over time: what each byte is used for while each op runs."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from firmware_export.standalone.graph.planner import Block, Plan

_STEP = 14.0  # width of an op
_HEIGHT = 420.0
_LEFT, _TOP, _RIGHT, _BOTTOM = 74.0, 44.0, 18.0, 190.0
_HUES = 12
_LABEL_WIDTH = 60.0

# Colours follow the reader's choice of a light or dark page.
_STYLE = """
  .page { fill: #ffffff } .text { fill: #1b1f24 } .muted { fill: #57606a }
  .line { stroke: #d0d7de; stroke-width: 1 } .limit { stroke: #cf222e; stroke-dasharray: 4 3 }
  .block { stroke: #ffffff; stroke-width: 0.7 } .name { fill: #1b1f24 }
  .scratch { fill: #afb8c1 }
  text { font-family: system-ui, sans-serif; font-size: 10px }
  .title { font-size: 13px; font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } .text { fill: #e6edf3 } .muted { fill: #9198a1 }
    .line { stroke: #30363d } .limit { stroke: #ff7b72 }
    .block { stroke: #0d1117 } .name { fill: #0d1117 }
    .scratch { fill: #6e7681 }
  }
"""


def draw(plan: Plan, op_names: Sequence[str], title: str) -> str:
    """An SVG: ops from left to right, bytes from bottom to top, one box per block.

    Args:
      plan: memory plan of the activations.
      op_names: one per op, such as "op 3 CONV_2D".
      title: shown above the picture.
    """
    width = _LEFT + (plan.ops + 2) * _STEP + _RIGHT
    width = max(width, _LEFT + 9.0 * len(title) * 0.8 + _RIGHT)
    height = _TOP + _HEIGHT + _BOTTOM
    top = max(plan.size, 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="page" width="{width:.0f}" height="{height:.0f}"/>',
        f'<text class="title text" x="{_LEFT}" y="18">{escape(title)}</text>',
        *_scale(top, plan),
        *(_box(block, plan, op_names) for block in plan.blocks),
        *_names(op_names),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _x(position: float) -> float:
    """Left edge of an op's column; position -1 is before the first."""
    return _LEFT + (position + 1) * _STEP


def _y(offset: float, top: int) -> float:
    return _TOP + _HEIGHT * (1 - offset / top)


def _scale(top: int, plan: Plan) -> list[str]:
    """Lines at round numbers of bytes, and one at the lower bound."""
    step = 1 << max(0, (top // 5).bit_length() - 1)
    right = _x(plan.ops + 1)
    parts = []
    for value in range(0, top + 1, step):
        y = _y(value, top)
        parts.append(
            f'<line class="line" x1="{_LEFT}" y1="{y:.1f}" x2="{right:.1f}" y2="{y:.1f}"/>'
        )
        place = f'x="{_LEFT - 6}" y="{y + 3:.1f}" text-anchor="end"'
        parts.append(f'<text class="muted" {place}>{value:,}</text>')
    y = _y(plan.lower_bound, top)
    parts.append(f'<line class="limit" x1="{_LEFT}" y1="{y:.1f}" x2="{right:.1f}" y2="{y:.1f}"/>')
    parts.append(
        f'<text class="muted" x="{_LEFT}" y="{_TOP - 12:.1f}">bytes; dashed: the peak need, '
        f"{plan.lower_bound:,}; the buffer has {plan.size:,}</text>"
    )
    return parts


def _box(block: Block, plan: Plan, op_names: Sequence[str]) -> str:
    first, last = max(block.first, -1), min(block.last, plan.ops)
    x, y = _x(first), _y(block.offset + block.size, max(plan.size, 1))
    width, height = (last - first + 1) * _STEP, max(_HEIGHT * block.size / max(plan.size, 1), 0.6)
    when = f"{_when(first, op_names)} to {_when(last, op_names)}"
    shape = f" {list(block.tensor.shape)}" if block.tensor is not None else ""
    tip = f"{block.name}{shape}: {block.size:,} bytes at {block.offset:,}, {when}"
    fill = 'class="block scratch"'
    if block.tensor is not None:
        fill = f'class="block" fill="hsl({_hue(block, plan)}, 62%, 66%)"'
    box = f'<rect {fill} x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.2f}"/>'
    label = ""
    if width > _LABEL_WIDTH and height > 12:
        room = int(width / 5.8)
        text = block.name if len(block.name) <= room else f"...{block.name[-(room - 3) :]}"
        label = (
            f'<text class="name" x="{x + 4:.1f}" y="{y + height / 2 + 3:.1f}">{escape(text)}</text>'
        )
    return f"<g><title>{escape(tip)}</title>{box}{label}</g>"


def _hue(block: Block, plan: Plan) -> int:
    """A hue; neighbours in time get very different ones."""
    return plan.blocks.index(block) * 5 % _HUES * (360 // _HUES)


def _when(position: int, op_names: Sequence[str]) -> str:
    if position < 0:
        return "before the first op"
    return op_names[position] if position < len(op_names) else "after the last op"


def _names(op_names: Sequence[str]) -> list[str]:
    """The ops below their columns, from top to bottom."""
    y = _TOP + _HEIGHT + 8
    return [
        f'<text class="text" transform="translate({_x(i) + 4:.1f} {y:.0f}) rotate(90)">'
        f"{escape(name if len(name) <= 32 else name[:29] + '...')}</text>"
        for i, name in enumerate(op_names)
    ]
