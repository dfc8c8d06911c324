"""Conditions such as ``grad > 10 and not isnan(data)``: text in, a predicate out.

They are formulas on ``grad`` and ``data``, in the language of the operation table and with its
functions, so that they follow IEEE 754 as the engine does.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..core import formula
from ..core.formula import CONSTANTS, FLOATS, Token, is_truth, misplaced
from ..core.table import OPS
from ..text import escape, shortened

LONGEST = 200  # characters; so that nothing nests too deep

_LETTERS = ("grad", "data")
_TESTS = {"isnan": math.isnan, "isinf": math.isinf, "isfinite": math.isfinite}
WORDS = (*_LETTERS, *_TESTS)
_HINT = "write for example grad > 10, isnan, abs(grad) < 1e-6 or data > 0 and grad < 0"


def parse_condition(text: str) -> Callable[[float, float], bool]:
    """Whether a condition holds, as a function of ``grad`` and ``data`` that does not raise.

    It is made of numbers and ``inf``, ``+ - * / // % **``, functions of autograd such as ``abs``,
    comparisons, ``and``, ``or``, ``not``, and the tests ``isnan``, ``isinf`` and ``isfinite``,
    which without an argument are about the gradient.

    Raises:
        ValueError: if the text is anything else; the message says what is not understood.
    """
    if len(text) > LONGEST:
        raise ValueError(
            f"a condition has at most {LONGEST} characters, got {len(text)}; a Python function of "
            f"(node, gradient) may be as long as you like"
        )
    line = " ".join(text.split())  # lines and indentation mean nothing here
    try:
        tree = ast.parse(line, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ValueError(f"cannot read the condition {_quoted(text)}; {_HINT}") from None
    tokens = formula.tokens_of(tree)
    wrong = misplaced(tokens, True, _truth_of)
    if wrong is not None:
        place, complaint = wrong
        part = ast.get_source_segment(line, place) or line
        where = "it" if part == line else _quoted(part)
        called = place.func if isinstance(place, ast.Call) else place
        advice = formula.INSTEAD.get(called.id) if isinstance(called, ast.Name) else None
        raise ValueError(
            f"{_quoted(text)} is no condition on grad and data: {where} {complaint}; "
            f"{advice or _HINT}"
        )
    return formula.compiled(line, FLOATS, _complete(tokens), _LETTERS, _function)


def _truth_of(token: Token) -> bool | None:
    """Whether a token is true or false; None if there is no such number or function."""
    what, count = token.what, token.operands
    if what in _TESTS and count in (None, 1):
        return True
    if token.is_call:
        op = None if what in _LETTERS else OPS.get(str(what))
        return False if op is not None and op.takes(count or 0) else None
    if count is None and isinstance(what, str):
        return False if what in _LETTERS or what in CONSTANTS else None
    return is_truth(token)


def _complete(tokens: Iterable[Token]) -> Iterator[Token]:
    """The tokens with numbers for their names; a test without an argument is about the gradient."""
    for token in tokens:
        if token.operands is None and token.what in _TESTS:
            yield token._replace(what="grad")
            yield token._replace(operands=1)
        else:
            yield token._replace(what=CONSTANTS.get(str(token.what), token.what))


def _function(name: str) -> Callable[..., Any]:
    return _TESTS.get(name) or OPS[name].forward


def _quoted(text: str) -> str:
    return f'"{escape(shortened(text))}"'
