"""Formulas: what a row of the operation table says, read once and written in any notation.

A formula is a piece of Python: numbers, letters, ``+ - * / // % **``, rows of the table as
functions, and choices such as ``x if x >= 0 else 0``. Python's own parser reads it, ``postfix``
turns its tree into tokens, and a ``Notation`` says how each token is written. Rows, the command
line's expressions and breakpoints' conditions are read here alike; nothing is ever evaluated that
has not been read.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import CodeType
from typing import Any, NamedTuple, TypeVar

from ..text import got, real, shortened

T = TypeVar("T")

CONSTANTS = {"pi": math.pi, "inf": math.inf, "nan": math.nan}
CHOICE = "x if c else y"
# What a formula has of Python's operators. One that is true or false is no number.
_TRUTHS: dict[type[ast.AST], str] = {
    ast.Lt: "x < y",
    ast.LtE: "x <= y",
    ast.Gt: "x > y",
    ast.GtE: "x >= y",
    ast.Eq: "x == y",
    ast.NotEq: "x != y",
    ast.And: "x and y",
    ast.Or: "x or y",
    ast.Not: "not x",
}
_FORMS: dict[type[ast.AST], str] = {
    ast.Add: "x + y",
    ast.Sub: "x - y",
    ast.Mult: "x * y",
    ast.Div: "x / y",
    ast.FloorDiv: "x // y",
    ast.Mod: "x % y",
    ast.Pow: "x ** y",
    ast.USub: "-x",
    ast.UAdd: "+x",
    **_TRUTHS,
}
TRUTHS = frozenset(_TRUTHS.values())
FORMS = frozenset({*_FORMS.values(), CHOICE})

# How tightly a symbol binds what it stands between, as in Python. What begins with a sign, and
# what is no arithmetic, goes in parentheses wherever it stands between others.
STRENGTHS = {"+": 1, "-": 1, "*": 2, "/": 2, "//": 2, "%": 2, "**": 3}
WEAKEST, STRONGEST = 0, 4

TOO_LARGE = "a whole number there is larger than a float can be, 1.8e308; write inf, or scale it"


# What people write by habit, and what stands for it here.
INSTEAD = {
    "^": "for a power write **",
    "ln": "write log(x)",
    "max": "write maximum(x, y)",
    "min": "write minimum(x, y)",
    "prod": "write x * y",
    "dot": "write x1*y1 + x2*y2",
    "square": "write x**2",
    "clip": "write minimum(maximum(x, low), high)",
    "leaky_relu": "write where(less(0, x), x, 0.01*x)",
    "elu": "write where(less(0, x), x, expm1(minimum(x, 0)))",
    "silu": "write x * sigmoid(x)",
    "gelu": "write x/2 * erfc(-x / sqrt(2))",
    "softmax": "it gives a list; one entry of it is exp(x - logsumexp(x, y))",
    "log_softmax": "it gives a list; one entry of it is x - logsumexp(x, y)",
    "e": "for Euler's number write exp(1)",
}


class FormulaError(ValueError):
    """A formula that cannot be read; the message is one sentence."""


class Token(NamedTuple):
    """A number, a name, or what makes one of the operands before it.

    Attributes:
        what: the number; the name of a number or a function; one of ``FORMS``, where of ``CHOICE``
            the condition comes first; or None for what no formula has.
        operands: how many it takes; None for a number, a name, and what no formula has.
        place: where it was read.
    """

    what: float | str | None
    operands: int | None
    place: ast.expr

    @property
    def is_call(self) -> bool:
        """Whether it is a function that is called."""
        return self.operands is not None and self.what not in FORMS


def postfix(root: ast.expr, take: Callable[[Token], T]) -> Iterator[T]:
    """What ``take`` makes of each token, operands first, however deep the tree is.

    Args:
        root: a tree as ``ast.parse`` gives it.
        take: called with each token as it is met, from the outside inwards, so that what it raises
            is about the outermost that is wrong.
    """
    waiting: list[ast.expr | tuple[T]] = [root]
    while waiting:
        item = waiting.pop()
        if isinstance(item, tuple):
            yield item[0]
            continue
        token, operands = _token(item)
        waiting.append((take(token),))
        waiting.extend(reversed(operands))


def tokens_of(root: ast.expr) -> list[Token]:
    """The tokens of a tree, operands first."""
    return list(postfix(root, lambda token: token))


def _token(node: ast.expr) -> tuple[Token, Sequence[ast.expr]]:
    """A node of the tree as a token, and its operands."""
    what: str | None = None
    operands: Sequence[ast.expr] = ()
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            try:
                return Token(real(number), None, node), ()
            except ValueError:  # as ``is_too_large`` says
                return Token(None, None, node), ()
        case ast.Name(id=name):
            return Token(name, None, node), ()
        case ast.UnaryOp(op=operator, operand=operand):
            what, operands = _FORMS.get(type(operator)), [operand]
        case ast.BinOp(left=left, op=operator, right=right):
            what, operands = _FORMS.get(type(operator)), [left, right]
        case ast.BoolOp(op=operator, values=[left, *others]):
            rest = others[0] if len(others) == 1 else ast.BoolOp(operator, others)
            what, operands = _FORMS[type(operator)], [left, ast.copy_location(rest, others[0])]
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            what, operands = _FORMS.get(type(operator)), [left, right]
        case ast.Compare(left=left, ops=[first, *others], comparators=[right, *_]):
            # x < y < z, as Python reads it.
            ahead = ast.Compare(left, [first], [right])
            behind = ast.Compare(right, others, node.comparators[1:])
            what, operands = "x and y", [ast.copy_location(part, node) for part in (ahead, behind)]
        case ast.IfExp(test=test, body=body, orelse=other):
            what, operands = CHOICE, [test, body, other]
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            if not any(isinstance(argument, ast.Starred) for argument in arguments):
                what, operands = name, arguments
    return (Token(what, len(operands), node), operands) if what else (Token(None, None, node), ())


def is_too_large(place: ast.expr) -> bool:
    """Whether what no formula has is a whole number that is too large for a float."""
    return isinstance(place, ast.Constant) and type(place.value) is int


def read(formula: str, letters: Iterable[str], truth: bool = False) -> list[Token]:
    """The tokens of a formula on letters, operands first.

    Args:
        formula: a number, or with ``truth`` what is true or false.
        letters: the names that it may have.
        truth: which of the two it is to be.

    Raises:
        FormulaError: if it is no formula, too deep, has a name that is no letter, or is not that.
        TypeError: if it is no str.
    """
    if not isinstance(formula, str):
        raise TypeError(f"a formula is a str such as 'x ** 3', got {got(formula)}")
    formula, known = formula.strip(), list(letters)
    shown = shortened(repr(formula))
    try:
        tokens = tokens_of(ast.parse(formula, mode="eval").body)
    except (SyntaxError, ValueError):
        raise FormulaError(f"{shown} is no formula; write such as 'x ** 3'") from None
    except (RecursionError, MemoryError):
        raise FormulaError(
            f"{shown} is too deep for Python; make parts of it rows of their own"
        ) from None

    def piece(place: ast.expr) -> str | None:
        return ast.get_source_segment(formula, place)  # which reads the whole formula each time

    for i, token in enumerate(tokens):
        if token.what is None:
            if is_too_large(token.place):
                raise FormulaError(f"{shown}: {TOO_LARGE}")
            raise FormulaError(
                f"{shown}: {piece(token.place)} is not understood; a formula has numbers, "
                f"letters, operators, functions of autograd, and choices such as "
                f"'x if x >= 0 else 0'"
            )
        if token.operands is None and isinstance(token.what, str) and token.what not in known:
            if token.what not in CONSTANTS:
                raise FormulaError(
                    f"{shown}: {piece(token.place)} is none of its letters, {', '.join(known)}"
                )
            tokens[i] = token._replace(what=CONSTANTS[token.what])
    wrong = misplaced(tokens, truth)
    if wrong is not None:
        place, complaint = wrong
        raise FormulaError(f"{shown}: {piece(place)} {complaint}")
    return tokens


def is_truth(token: Token) -> bool | None:
    """Whether a token is true or false, and not a number; None if it is neither."""
    return None if token.what is None else token.what in TRUTHS


def misplaced(
    tokens: Iterable[Token], truth: bool, truth_of: Callable[[Token], bool | None] = is_truth
) -> tuple[ast.expr, str] | None:
    """The first piece that is not what has to stand there, and what it is not.

    Args:
        tokens: of one formula, operands first.
        truth: whether the whole is to be true or false, and not a number.
        truth_of: as ``is_truth``.
    """
    complaints = {True: "is neither true nor false", False: "is no number"}
    stack: list[tuple[bool | None, ast.expr]] = []
    for token in tokens:
        cut = len(stack) - (token.operands or 0)
        operands = stack[cut:]
        del stack[cut:]
        wanted = [token.what in ("x and y", "x or y", "not x")] * len(operands)
        if token.what == CHOICE:  # a name chooses by not being 0
            wanted[0] = not isinstance(operands[0][1], ast.Name)
        for (found, place), want in zip(operands, wanted):
            if found is not want:
                return place, complaints[want]
        stack.append((truth_of(token), token.place))
    [(found, place)] = stack
    return None if found is truth else (place, complaints[truth])


class Form(NamedTuple):
    """How an operation on operands is written: what stands before, between and behind them.

    Attributes:
        before: the text before the first operand.
        between: that between two.
        behind: that behind the last.
        first: how tightly the first operand has to be bound, to stand there without parentheses.
        others: the same for the others.
        strength: how tightly the whole is bound.
        is_plain: whether it is a function, or arithmetic, which everybody reads alike.
    """

    before: str
    between: str
    behind: str
    first: int
    others: int
    strength: int
    is_plain: bool = True

    @classmethod
    def of(cls, symbol: str, arity: int | None) -> Form:
        """The form of an operation with a symbol: a function, a sign, or between its operands."""
        if symbol.isidentifier():
            return cls(f"{symbol}(", ", ", ")", WEAKEST, WEAKEST, STRONGEST)
        if arity == 1:
            return cls(symbol, "", "", STRONGEST, STRONGEST, WEAKEST, symbol == "-")
        strength = STRENGTHS.get(symbol)
        between = f" {symbol} "
        if strength is None:
            return cls("", between, "", STRONGEST, STRONGEST, WEAKEST, False)
        # Python binds a ** b ** c from the right, which few readers know.
        first = STRONGEST if symbol == "**" else strength
        return cls("", between, "", first, strength + 1, strength)

    def write(self, operands: Sequence[str], strengths: Sequence[int] = ()) -> str:
        """The operation on operands that are written already.

        Args:
            operands: names, numbers and formulas.
            strengths: how tightly each is bound, if that is known.
        """
        if self.first or self.others:
            need = self.first
            bound = []
            for text, has in zip(operands, strengths or map(strength, operands)):
                bound.append(f"({text})" if has < need else text)
                need = self.others
            operands = bound
        return f"{self.before}{self.between.join(operands)}{self.behind}"


_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")


def bind(text: str, need: int) -> str:
    """A piece of a formula, in parentheses if it is not bound so tightly."""
    return f"({text})" if need and strength(text) < need else text


def unquoted(text: str) -> str:
    """A piece of a formula without the labels in it that stand in quotes."""
    return _QUOTED.sub("", text) if '"' in text else text


def strength(text: str) -> int:
    """How tightly a piece of a formula is bound, by what stands in it outside of all brackets.

    ``dL/dw`` is the name of a derivative and not a quotient, and is bound by nothing.
    """
    if text.isidentifier():
        return STRONGEST
    text = unquoted(text)
    while (outside := _BRACKETS.sub("", text)) != text:
        text = outside
    if text.startswith("-"):
        return WEAKEST
    symbols = text.split(" ")[1::2]
    if not symbols:
        return WEAKEST if "/" in text else STRONGEST
    return min([STRENGTHS.get(symbol, WEAKEST) for symbol in symbols])


class Notation:
    """How the tokens of a formula are written.

    Attributes:
        number: a float as it is written.
        forms: for each of ``FORMS`` how it is written, with a place for each operand. Under ``"c"``
            it says how a number is asked whether it is not 0.
    """

    def __init__(self, number: Callable[[float], str], forms: Mapping[str, str]) -> None:
        self.number, self.forms = number, forms

    def call(self, function: str, operands: Sequence[str]) -> str:
        """A row of the table as it is called."""
        return f"{function}({', '.join(operands)})"

    def write(self, tokens: Iterable[Token]) -> str:
        """A formula. A letter's square is written as a product, which is rounded once and fast."""
        stack: list[tuple[str, bool]] = []  # each with whether it is true or false
        for token in tokens:
            what = token.what
            if token.operands is None:
                stack.append((what if isinstance(what, str) else self.number(real(what)), False))
                continue
            cut = len(stack) - token.operands
            operands = [text for text, _ in stack[cut:]]
            if token.is_call:
                written = self.call(str(what), operands)
            elif what == "x ** y" and _is_square(operands, self.number(2.0)):
                written = self.forms["x * y"].format(operands[0], operands[0])
            else:
                if what == CHOICE and not stack[cut][1]:
                    operands[0] = self.forms["c"].format(operands[0])
                written = self.forms[str(what)].format(*operands)
            del stack[cut:]
            stack.append((written, what in TRUTHS))
        [(written, _)] = stack
        return written


def _is_square(operands: Sequence[str], two: str) -> bool:
    return operands[0].isidentifier() and operands[1] == two


# Python, twice: as it computes with floats, and as rows record a graph when they call each other -

_FLOATS = {
    **{form: f"({form.replace('x', '{}').replace('y', '{}')})" for form in FORMS - {CHOICE}},
    # Where Python would raise.
    "x / y": "div({}, {})",
    "x // y": "floordiv({}, {})",
    "x % y": "mod({}, {})",
    "x ** y": "pow({}, {})",
    "c": "({} != 0.0)",
    CHOICE: "({1} if {0} else {2})",
}
FLOATS = Notation(repr, _FLOATS)
NODES = Notation(
    repr,
    {
        **_FLOATS,
        "x < y": "less({0}, {1})",
        "x > y": "less({1}, {0})",
        "x == y": "equal({0}, {1})",
        "x <= y": "(less({0}, {1}) + equal({0}, {1}))",
        "x >= y": "(less({1}, {0}) + equal({0}, {1}))",
        "x != y": "(1.0 - equal({0}, {1}))",
        "x and y": "both({}, lambda: {})",
        "x or y": "maximum({}, {})",
        "not x": "(1.0 - {})",
        "c": "{}",
        CHOICE: "where({0}, {1}, {2})",
    },
)


def compiled(
    name: str,
    notation: Notation,
    tokens: Iterable[Token],
    letters: Iterable[str],
    known: Callable[[str], Any],
) -> Callable[..., Any]:
    """A formula as a function of Python.

    Args:
        name: what tracebacks call it.
        notation: ``FLOATS`` or ``NODES``.
        tokens: what it computes.
        letters: its parameters, in order.
        known: gives what a name stands for in the formula as it is written: a row that it calls,
            or that an operator such as ``/`` is written as.

    Raises:
        FormulaError: if it is too long for Python.
    """
    source = f"lambda {', '.join(letters)}: {notation.write(tokens)}"
    try:
        code = compile(source, f"<formula of {name}>", "eval")
    except (SyntaxError, RecursionError, MemoryError):
        raise FormulaError(
            f"{name}: a formula of {len(source)} characters is too deep for Python; "
            f"make parts of it rows of their own"
        ) from None
    # With the name of this module, for what asks whose code a frame runs.
    names: dict[str, Any] = {"__name__": __name__, "__builtins__": {}, "inf": math.inf}
    names["nan"] = math.nan
    made: Callable[..., Any] = eval(code, names)
    made.__name__ = made.__qualname__ = name
    names |= {used: known(used) for used in _names_used(code) if used not in names}
    return made


def _names_used(code: CodeType) -> set[str]:
    inner = [part for part in code.co_consts if isinstance(part, CodeType)]
    return set(code.co_names).union(*map(_names_used, inner))
