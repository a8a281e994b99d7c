"""Line breaks in one statement of C, where clang-format's style puts them."""

import dataclasses
import re
from collections.abc import Iterator

from firmware_export.line_width import WIDTH

_INDENT = 4
# What a break must not be in: strings and characters.
_TOKEN = re.compile(r"""(?P<quoted>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<other>.)""", re.DOTALL)
_BODY = re.compile(r"^(.*\) \{) (.*;) \}$")
_OPERATOR = re.compile(r" (?:&&|\|\||==|!=|<=|>=|<<|>>|[-+*/%<>&|^]) ")
_TERNARY = re.compile(r" [?:] ")
_ASSIGNMENT = re.compile(r" (?:[-+*/|&]|<<|>>)?= ")
# Before what a declaration declares.
_NAME = re.compile(r" (?=\**\w+(?:[\[,);(]| = ))")
# What a break costs: one inside of one more bracket costs more.
_DEPTH = 10
_AFTER_COMMA, _AFTER_OPERATOR, _AT_TERNARY, _AFTER_CONDITION = 0, 4, 5, 8
_AFTER_ASSIGNMENT, _AFTER_BRACKET, _BEFORE_INDEX, _BEFORE_NAME = 15, 16, 20, 30


@dataclasses.dataclass(frozen=True)
class _Break:
    """A place where a line may end.

    Attributes:
      at: index of the first character of the next line.
      cost: the least is taken.
      indent: columns before the next line.
      open: columns after the brackets that are open there.
    """

    at: int
    cost: int
    indent: int
    open: tuple[int, ...]


def lines(code: str, indent: int) -> list[str]:
    """The lines of a statement.

    Args:
      code: the statement on one line, without comments.
      indent: columns before it.

    Returns:
      Lines within the width, if there is any place to break them.
    """
    if indent + len(code) <= WIDTH:
        return [" " * indent + code]
    body = _BODY.match(code)
    if body:
        inner = lines(body[2], indent + 2)
        return [*lines(body[1], indent), *inner, " " * indent + "}"]
    made: list[str] = []
    column, opened = indent, tuple[int, ...]()
    while column + len(code) > WIDTH:
        found = _best([*_breaks(code, column, indent, opened)], code, column)
        if found is None:
            break
        made.append(" " * column + code[: found.at].rstrip())
        code, column, opened = code[found.at :].lstrip(), found.indent, found.open
    return [*made, " " * column + code]


def _best(breaks: list[_Break], code: str, column: int) -> _Break | None:
    """The cheapest after which neither line is too long, of equal ones the last."""
    ends = [*(b.at for b in breaks), len(code)]
    fitting = [
        b
        for b in breaks
        if column + len(code[: b.at].rstrip()) <= WIDTH
        and b.indent + len(code[b.at : min(e for e in ends if e > b.at)].strip()) <= WIDTH
    ]
    return min(fitting, key=lambda b: (b.cost, -b.at), default=None)


def _breaks(code: str, column: int, indent: int, opened: tuple[int, ...]) -> Iterator[_Break]:
    """All places, from the left; `opened` as in `_Break`, before the code."""
    stack = list(opened)
    is_condition = code.startswith(("if (", "for (", "while ("))
    has_value = False
    indexes = 0  # open square brackets, in which lines end at ternaries alone
    for token in _TOKEN.finditer(code):
        at, char = token.end(), token[0]
        is_ternary = _TERNARY.match(code, token.start())
        if token["quoted"] or (indexes and char not in "[]" and not is_ternary):
            continue
        depth = _DEPTH * len(stack)
        inside = stack[-1] if stack else indent + _INDENT
        if char in "([{" and at < len(code):
            stack.append(column + at)
            indexes += char == "["
            if char == "(" and not code[at - 2 : at - 1].isspace():
                cost = depth + _AFTER_BRACKET
                yield _Break(at, cost, indent + _INDENT, (*stack[:-1], indent + _INDENT))
        elif char in ")]}" and stack:
            column_of_open = stack.pop() - 1
            indexes -= char == "]"
            if code[at - 1 : at + 1] == "][":
                for cost, start in ((0, column_of_open), (1, indent + _INDENT)):
                    yield _Break(at, depth + _BEFORE_INDEX + cost, start, tuple(stack))
            if is_condition and not stack and code[at : at + 1] == " " and not code.endswith("{"):
                is_condition = False
                yield _Break(at + 1, _AFTER_CONDITION, indent + 2, ())
        elif char in ",;" and code[at : at + 1] == " ":
            yield _Break(at + 1, depth + _AFTER_COMMA, inside, tuple(stack))
        elif char == " ":
            start = token.start()
            for pattern, cost in ((_ASSIGNMENT, _AFTER_ASSIGNMENT), (_OPERATOR, _AFTER_OPERATOR)):
                found = pattern.match(code, start)
                if found and found.end() < len(code):
                    in_value = has_value and not stack
                    has_value = has_value or pattern is _ASSIGNMENT
                    extra = _AFTER_ASSIGNMENT if in_value else depth
                    yield _Break(found.end(), extra + cost, inside, tuple(stack))
                    break
            else:
                if is_ternary:
                    yield _Break(at, depth + _AT_TERNARY, inside, tuple(stack))
                elif not has_value and not is_condition and _NAME.match(code, start):
                    further = (inside + _INDENT, indent + 2 * _INDENT) if stack else (inside,)
                    for extra, start in enumerate(further):
                        yield _Break(at, depth + _BEFORE_NAME + extra, start, tuple(stack))
