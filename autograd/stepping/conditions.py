"""Conditions such as ``grad > 10 and not isnan(data)``: text in, a predicate out.

The text is parsed and looked up piece by piece; nothing of it is ever run as Python. It may
compare ``grad`` and ``data``, which are floats, with each other and with numbers, by the usual
arithmetic, which follows IEEE 754 as the engine does.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

from ..core import ieee
from ..text import escape, real

LONGEST = 200  # characters; so that nothing nests too deep

_Kind = TypeVar("_Kind", bound=ast.AST)
_Row = TypeVar("_Row")
_Compute = Callable[[float, float], float]  # of grad and data

_NAMES: dict[str, _Compute] = {
    "grad": lambda grad, data: grad,
    "data": lambda grad, data: data,
    "inf": lambda grad, data: math.inf,
}
_TESTS = {"isnan": math.isnan, "isinf": math.isinf, "isfinite": math.isfinite}
_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: ieee.divide,
    ast.Pow: ieee.power,
}
_SIGNS: dict[type[ast.unaryop], Callable[[float], float]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_HINT = "write for example grad > 10, isnan, abs(grad) < 1e-6 or data > 0 and grad < 0"


class Condition(NamedTuple):
    """A text that holds or does not hold of a gradient and a number.

    Attributes:
        text: as it was written.
        holds: called as ``holds(grad, data)``; it does not raise.
    """

    text: str
    holds: Callable[[float, float], bool]


def parse_condition(text: str) -> Condition:
    """Understand a condition on ``grad`` and ``data``.

    It is made of numbers and ``inf``, ``+ - * / **``, ``abs(...)``, comparisons, ``and``, ``or``,
    ``not``, and the tests ``isnan``, ``isinf`` and ``isfinite``, which without an argument are
    about the gradient.

    Raises:
        ValueError: if the text is anything else; the message says what is not understood.
    """
    if len(text) > LONGEST:
        raise ValueError(
            f"a condition has at most {LONGEST} characters, got {len(text)}; a Python function of "
            f"(node, gradient) may be as long as you like"
        )
    try:
        # Lines and indentation mean nothing here.
        tree = ast.parse(" ".join(text.split()), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ValueError(f"cannot read the condition {_shown(text)}; {_HINT}") from None
    return Condition(text, _truth(tree, text))


def _truth(tree: ast.expr, text: str) -> Callable[[float, float], bool]:
    """What is true or false."""
    match tree:
        case ast.BoolOp(op=kind, values=parts):
            truths = [_truth(part, text) for part in parts]
            combine = all if isinstance(kind, ast.And) else any
            return lambda grad, data: combine(truth(grad, data) for truth in truths)
        case ast.UnaryOp(op=ast.Not(), operand=part):
            truth = _truth(part, text)
            return lambda grad, data: not truth(grad, data)
        case ast.Compare(left=left, ops=kinds, comparators=others):
            numbers = [_number(part, text) for part in (left, *others)]
            compare = [_known(_COMPARISONS, kind, text) for kind in kinds]

            def chain(grad: float, data: float) -> bool:
                values = [number(grad, data) for number in numbers]
                return all(c(x, y) for c, x, y in zip(compare, values, values[1:]))

            return chain
        case ast.Name(id=name) if name in _TESTS:
            test = _TESTS[name]
            return lambda grad, data: test(grad)
        case ast.Call(func=ast.Name(id=name), args=[part], keywords=[]) if name in _TESTS:
            test, number = _TESTS[name], _number(part, text)
            return lambda grad, data: test(number(grad, data))
    raise _refusal(tree, text, "is neither true nor false")


def _number(tree: ast.expr, text: str) -> _Compute:
    """What is a number."""
    match tree:
        case ast.Constant(value=int() | float() as constant) if not isinstance(constant, bool):
            x = real(constant)
            return lambda grad, data: x
        case ast.Name(id=name) if name in _NAMES:
            return _NAMES[name]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as kind, operand=part):
            sign, inner = _known(_SIGNS, kind, text), _number(part, text)
            return lambda grad, data: sign(inner(grad, data))
        case ast.BinOp(left=left, op=kind, right=right):
            compute = _known(_ARITHMETIC, kind, text)
            x_of, y_of = _number(left, text), _number(right, text)
            return lambda grad, data: compute(x_of(grad, data), y_of(grad, data))
        case ast.Call(func=ast.Name(id="abs"), args=[part], keywords=[]):
            size = _number(part, text)
            return lambda grad, data: abs(size(grad, data))
    raise _refusal(tree, text, "is no number")


def _known(table: Mapping[type[_Kind], _Row], kind: _Kind, text: str) -> _Row:
    if type(kind) not in table:
        raise ValueError(f"{_shown(text)}: {type(kind).__name__} is not understood here; {_HINT}")
    return table[type(kind)]


def _refusal(tree: ast.expr, text: str, complaint: str) -> ValueError:
    part = ast.get_source_segment(" ".join(text.split()), tree) or text
    where = "it" if part == text else _shown(part)
    return ValueError(
        f"{_shown(text)} is no condition on grad and data: {where} {complaint}; {_HINT}"
    )


def _shown(text: str) -> str:
    short = text if len(text) <= 60 else text[:57] + "..."
    return f'"{escape(short)}"'
