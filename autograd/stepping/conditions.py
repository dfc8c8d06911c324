"""Conditions such as ``grad > 10 and not isnan(data)``: text in, a predicate out.

They are formulas on ``grad`` and ``data``, in the language of the operation table and with its
functions, so that they follow IEEE 754 as the engine does.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable

from ..core import formula
from ..core.formula import CONSTANTS, FLOATS, Token
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
    wrong = formula.misplaced(tree, True, _is_test, _is_known)
    if wrong is not None:
        place, complaint = wrong
        part = ast.get_source_segment(line, place) or line
        where = "it" if part == line else _quoted(part)
        raise ValueError(
            f"{_quoted(text)} is no condition on grad and data: {where} {complaint}; {_HINT}"
        )
    written = ast.unparse(_AboutGradient().visit(tree))
    return formula.function(
        FLOATS, written, _LETTERS, lambda name: _TESTS.get(name) or OPS[name].forward
    )


def _is_test(token: Token) -> bool:
    return token.what in _TESTS and token.operands in (None, 1)


def _is_known(token: Token) -> bool:
    """Whether a name, or a function of so many operands, is one."""
    if _is_test(token) or not isinstance(token.what, str):
        return True
    if token.is_call:
        op = None if token.what in _LETTERS else OPS.get(token.what)
        return op is not None and token.operands == (op.arity or token.operands)
    return token.operands is not None or token.what in _LETTERS or token.what in CONSTANTS


class _AboutGradient(ast.NodeTransformer):
    """A test without an argument is about the gradient."""

    def visit_Call(self, node: ast.Call) -> ast.Call:
        node.args = [self.visit(argument) for argument in node.args]
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Call(node, [ast.Name("grad")], []) if node.id in _TESTS else node


def _quoted(text: str) -> str:
    return f'"{escape(shortened(text))}"'
