"""Formulas: what a row of the operation table says, read once and written in any language.

A formula is a piece of Python: numbers, letters, ``+ - * / // % **``, rows of the table as
functions, and choices such as ``x if x >= 0 else 0``. Python's own parser reads it, ``postfix``
turns its tree into tokens, and a ``Language`` says how each token is written. Rows, the command
line's expressions and breakpoints' conditions are read here alike; nothing is ever evaluated that
has not been read.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from ..text import got, real, shortened

T = TypeVar("T")

CONSTANTS = {"pi": math.pi, "inf": math.inf, "nan": math.nan}

_SYMBOLS: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.MatMult: "@",
    ast.BitXor: "^",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.USub: "-",
    ast.UAdd: "+",
    ast.Invert: "~",
    ast.Not: "not ",
    ast.And: "and",
    ast.Or: "or",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
CHOICE = "x if c else y"
_NEVER = frozenset({"@", "^", "&", "|", "<<", ">>", "~"})  # operators that no formula has
TRUTHS = frozenset({"not ", "and", "or", "<", "<=", ">", ">=", "==", "!="})


class FormulaError(ValueError):
    """A formula that cannot be read; the message is one sentence."""


class UnreadError(Exception):
    """A piece of Python that no formula has; ``place`` is where."""

    def __init__(self, place: ast.expr) -> None:
        super().__init__(place)
        self.place = place


class Token(NamedTuple):
    """A number, a name, or what makes one operand of those before it.

    Attributes:
        what: the number; the name of a number or a function; an operator, or ``CHOICE``, of which
            the condition comes first.
        operands: how many it takes; None for a number or a name.
        place: where it was read.
    """

    what: float | str
    operands: int | None
    place: ast.expr

    @property
    def is_call(self) -> bool:
        """Whether it is a function that is called."""
        return isinstance(self.place, ast.Call)


def postfix(root: ast.expr, take: Callable[[Token], T]) -> Iterator[T]:
    """What ``take`` makes of each token, operands first, however deep the tree is.

    Args:
        root: a tree as ``ast.parse`` gives it.
        take: called with each token as it is met, from the outside inwards, so that what it raises
            is about the outermost that is wrong.

    Raises:
        UnreadError: for what no formula has.
    """
    waiting: list[ast.expr | tuple[T]] = [root]
    while waiting:
        item = waiting.pop()
        if isinstance(item, tuple):
            yield item[0]
            continue
        read, operands = token(item)
        waiting.append((take(read),))
        waiting.extend(reversed(operands))


def token(node: ast.expr) -> tuple[Token, Sequence[ast.expr]]:
    """A node of the tree as a token, and its operands.

    Raises:
        UnreadError: if no formula has it.
    """
    what: float | str
    operands: Sequence[ast.expr]
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return Token(real(number), None, node), ()
        case ast.Name(id=name):
            return Token(name, None, node), ()
        case ast.UnaryOp(op=op, operand=operand):
            what, operands = _SYMBOLS[type(op)], [operand]
        case ast.BinOp(left=left, op=operator, right=right):
            what, operands = _SYMBOLS[type(operator)], [left, right]
        case ast.BoolOp(op=boolean, values=[left, *others]):
            rest = others[0] if len(others) == 1 else ast.BoolOp(boolean, others)
            what, operands = _SYMBOLS[type(boolean)], [left, ast.copy_location(rest, others[0])]
        case ast.Compare(left=left, ops=[compare], comparators=[right]) if (
            type(compare) in _SYMBOLS
        ):
            what, operands = _SYMBOLS[type(compare)], [left, right]
        case ast.Compare(left=left, ops=[first, *others], comparators=[right, *_]) if others:
            # x < y < z, as Python reads it.
            what = "and"
            ahead = ast.Compare(left, [first], [right])
            behind = ast.Compare(right, others, node.comparators[1:])
            operands = [ast.copy_location(part, node) for part in (ahead, behind)]
        case ast.IfExp(test=test, body=body, orelse=other):
            what, operands = CHOICE, [test, body, other]
        case ast.Call(func=ast.Name(id=what), args=[ast.List(elts=operands)], keywords=[]):
            pass  # sum([x, y]), as in Python
        case ast.Call(func=ast.Name(id=what), args=operands, keywords=[]):
            if any(isinstance(operand, ast.Starred) for operand in operands):
                raise UnreadError(node)
        case _:
            raise UnreadError(node)
    return Token(what, len(operands), node), operands


class Language:
    """How a formula is written in one language: a row of their table, ``languages``.

    Attributes:
        name: what people call it.
        number: a float as the language writes it.
        forms: for each operator on ``x`` and ``y``, such as ``"x + y"``, and for ``CHOICE`` on
            condition, x and y, how it is written, with a place for each operand. Under ``"c"`` it
            says how a number is asked whether it is not 0.
        prefix: what stands before the name of a row that is called.
    """

    def __init__(
        self, name: str, number: Callable[[float], str], forms: Mapping[str, str], prefix: str = ""
    ) -> None:
        self.name, self.number, self.forms, self.prefix = name, number, forms, prefix

    def write(self, formula: str, letters: Sequence[str]) -> str:
        """A formula on letters.

        Raises:
            FormulaError: if it cannot be read.
        """
        stack: list[tuple[str, bool]] = []  # each with whether it is true or false, and no number
        for token in read(formula, letters):
            if token.operands is None:
                what = token.what
                stack.append((what if isinstance(what, str) else self.number(what), False))
                continue
            operands = stack[-token.operands :]
            del stack[-token.operands :]
            stack.append((self._form(token, operands), token.what in TRUTHS))
        [(written, _)] = stack
        return written

    def _form(self, token: Token, operands: Sequence[tuple[str, bool]]) -> str:
        texts = [text for text, _ in operands]
        if token.is_call:
            return f"{self.prefix}{token.what}({', '.join(texts)})"
        if token.what == CHOICE:
            condition, is_truth = operands[0]
            texts[0] = condition if is_truth else self.forms["c"].format(condition)
            return self.forms[CHOICE].format(*texts)
        if token.what == "**" and texts[0].isidentifier() and texts[1] == self.number(2.0):
            return self.forms["x * y"].format(texts[0], texts[0])  # to the last bit
        form = f"{token.what}x" if token.operands == 1 else f"x {token.what} y"
        return self.forms[form].format(*texts)


def read(formula: str, letters: Sequence[str]) -> list[Token]:
    """The tokens of a formula on letters, operands first.

    Raises:
        FormulaError: if it is no formula, or has a name that is no letter.
    """
    if not isinstance(formula, str):
        raise TypeError(f"a formula is a str such as 'x ** 3', got {got(formula)}")
    known = set(letters)

    def take(token: Token) -> Token:
        if token.operands is None and isinstance(token.what, str) and token.what not in known:
            if token.what not in CONSTANTS:
                raise FormulaError(
                    f"{formula!r}: {token.what} is none of its letters, {', '.join(letters)}"
                )
            return token._replace(what=CONSTANTS[token.what])
        return token

    try:
        tree = ast.parse(formula, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise FormulaError(
            f"{shortened(repr(formula))} is no formula; write such as 'x ** 3'"
        ) from None
    try:
        return list(postfix(tree, take))
    except UnreadError as unread:
        part = ast.get_source_segment(formula, unread.place)
        raise FormulaError(
            f"{formula!r}: {part} is not understood; a formula has numbers, letters, operators, "
            f"functions of autograd, and choices such as 'x if x >= 0 else 0'"
        ) from None


def misplaced(
    node: ast.expr,
    truth: bool,
    is_test: Callable[[Token], bool] = lambda token: False,
    is_known: Callable[[Token], bool] = lambda token: True,
) -> tuple[ast.expr, str] | None:
    """The first piece that is not of the kind that it has to be, and what it is not.

    Args:
        node: a tree as ``ast.parse`` gives it.
        truth: whether it is to be true or false, and not a number.
        is_test: whether a name, or a call, is true or false.
        is_known: whether there is such a number, or function of so many operands.
    """
    wrong = node, "is neither true nor false" if truth else "is no number"
    try:
        found, operands = token(node)
    except UnreadError as unread:
        return unread.place, wrong[1]
    wanted = [False] * len(operands)  # which of the operands are to be true or false
    if not is_known(found):
        return wrong
    if truth:
        if found.what in ("and", "or", "not "):
            wanted = [True] * len(operands)
        elif found.what not in TRUTHS and not is_test(found):
            return wrong
    elif found.what == CHOICE:
        wanted[0] = not isinstance(operands[0], ast.Name)  # a number chooses by not being 0
    elif found.what in TRUTHS or found.what in _NEVER or is_test(found):
        return wrong
    pieces = (misplaced(x, kind, is_test, is_known) for x, kind in zip(operands, wanted))
    return next((piece for piece in pieces if piece is not None), None)


def on_names(formula: str, names: Mapping[str, str]) -> str:
    """The formula with something else for each letter: ``y * x ** (y - 1)`` on names of a graph.

    Args:
        formula: that of a row.
        names: what stands for each letter; in parentheses, if it is more than a name or a number.
    """
    tree = ast.parse(formula, mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
    return ast.unparse(tree)


# Python, twice: as it computes with floats, and as rows record a graph when they call each other -

_PYTHON = {f"x {symbol} y": f"({{}} {symbol} {{}})" for symbol in ["+", "-", "*", *TRUTHS]}

FLOATS = Language(
    name="Python, on floats",
    number=repr,  # inf and nan are names that function() knows
    forms={
        **_PYTHON,
        "-x": "(-{})",
        "+x": "{}",
        "x / y": "div({}, {})",
        "x // y": "floordiv({}, {})",
        "x % y": "mod({}, {})",
        "x ** y": "pow({}, {})",
        "not x": "(not {})",
        "c": "({} != 0.0)",
        CHOICE: "({1} if {0} else {2})",
    },
)
NODES = Language(
    name="Python, on nodes",
    number=FLOATS.number,
    forms={
        **FLOATS.forms,
        "x < y": "less({0}, {1})",
        "x > y": "less({1}, {0})",
        "x == y": "equal({0}, {1})",
        "x <= y": "(less({0}, {1}) + equal({0}, {1}))",
        "x >= y": "(less({1}, {0}) + equal({0}, {1}))",
        "x != y": "(1.0 - equal({0}, {1}))",
        "x and y": "({} * {})",
        "x or y": "maximum({}, {})",
        "not x": "(1.0 - {})",
        "c": "{}",
        CHOICE: "where({0}, {1}, {2})",
    },
)


def function(
    language: Language, formula: str, letters: Sequence[str], known: Callable[[str], Any]
) -> Callable[..., Any]:
    """A formula as a function of Python.

    Args:
        language: ``FLOATS`` or ``NODES``.
        formula: what it computes.
        letters: its parameters, in order.
        known: gives what a name stands for in the formula as it is written.

    Raises:
        FormulaError: if the formula cannot be read.
    """
    names: dict[str, Any] = {"__builtins__": {}, "inf": math.inf, "nan": math.nan}
    made = eval(f"lambda {', '.join(letters)}: {language.write(formula, letters)}", names)
    names |= {name: known(name) for name in made.__code__.co_names if name not in names}
    return made  # type: ignore[no-any-return]
