"""Expressions from the command line: text in, a computation of Values out.

``parse`` reads an expression such as ``"e = a*b; L = tanh(e + c)"`` into numbers, names and rows of
the operation table, operands first, and ``Expression.evaluate`` computes them on Values. Nothing
else exists, so that an expression from a stranger can compute a number and do no more.
"""

from __future__ import annotations

import ast
import builtins
import difflib
import inspect
import keyword
import re
import unicodedata
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from ..core import Value, formula
from ..core import functions as functions_of_core
from ..core.formula import CHOICE, CONSTANTS, FORMS, Token
from ..core.ops import OPS, Op
from ..core.table import BUILT_IN
from ..text import shortened

LONGEST = 10_000  # characters
DEEPEST = 50  # brackets within brackets
LONGEST_NAME = 50  # characters
NAMES_SHOWN = 40
SHOWN = 72  # characters of a line that an error shows

# The rows that are operators, which can be called by their names as well.
_OPERATORS = {
    op.text: op for op in OPS.values() if op.name in BUILT_IN and op.text in FORMS - {CHOICE}
}
_NO_OPERATORS: dict[type[ast.AST], str] = {
    ast.MatMult: "@",
    ast.BitXor: "^",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.Invert: "~",
    ast.Not: "not",
}

# What people write out of habit, and what it is here.
_REFUSED: dict[type[ast.AST], str] = {
    ast.Attribute: "attributes are not read here; there are numbers, names and functions only",
    ast.Subscript: "nothing is looked up in brackets here; for w[0] use a name such as w0",
    ast.Lambda: "functions are not made here; write the expression itself",
    ast.NamedExpr: "':=' is not used here; name a part of the expression before it: e = a*b; e + c",
    ast.IfExp: "a choice is written where(condition, x, y), with a condition such as less(x, y)",
    ast.Compare: "a comparison is a function here: write less(x, y) or equal(x, y)",
    ast.BoolOp: "'and' and 'or' are not used here; for a choice write where(condition, x, y)",
    ast.Starred: "'*' before an operand spreads a list, and there are none here",
    ast.List: "lists are not used here; only functions of many operands take one: sum([x, y])",
    ast.Tuple: "one expression gives one number; write an expression for each",
}
# Characters that no expression needs, and what begins with them makes parsers work hard.
_NEVER = "\"'\\#"


def functions() -> list[str]:
    """What is written as a function, as people know them.

    These are the names of rows, but of infix operators, and of rows that only others are made of.
    """
    known = {*vars(functions_of_core), *vars(builtins)}
    return [
        op.name
        for op in OPS.values()
        if op.symbol.isidentifier() or op.arity is None
        if op.name in known or op.name not in BUILT_IN
    ]


class ExpressionError(ValueError):
    """An expression that cannot be read; the message is one line.

    Attributes:
        excerpt: the line of the expression and below it a caret at the place, or the empty string
            where no place is to blame.
    """

    def __init__(self, message: str, excerpt: str = "") -> None:
        super().__init__(message)
        self.excerpt = excerpt


_Item = float | str | tuple[Op, int]
"""A number, what a name stands for, or a row and how many of the results before it it takes."""


class _Statement(NamedTuple):
    """An expression, operands first, and the name that it is given; None if it has none."""

    items: list[_Item]
    name: str | None = None


@dataclass(frozen=True)
class Expression:
    """An expression that has been read.

    Attributes:
        inputs: the names that need a number, in the order of their first use.
        parts: the names that the expression itself gives, in order.
    """

    inputs: tuple[str, ...]
    parts: tuple[str, ...]
    _statements: list[_Statement]
    _first_uses: Mapping[str, str]

    def require(self, given: Collection[str]) -> None:
        """See to it that the names with a number are the inputs, no more and no fewer.

        Raises:
            ExpressionError: if not; it says what is missing, or what the name should be.
        """
        for name in given:
            if name in self.parts:
                raise ExpressionError(f"{name} is computed here; leave out {name}=...")
            if name not in self.inputs:
                advice = _advice(name, self.inputs, "its inputs are")
                raise ExpressionError(f"{name} is not in the expression; {advice}")
        missing = [name for name in self.inputs if name not in given]
        if missing:
            name = missing[0]
            shown = " ".join(f"{other}=1" for other in missing[:8])
            remedy = f"add {shown}{' ...' * (len(missing) > 8)}, with numbers of yours"
            if name in formula.INSTEAD:
                remedy += f"; {formula.INSTEAD[name]}"
            elif near := difflib.get_close_matches(
                name, [*given, *self.parts, *OPS, *CONSTANTS], 1
            ):
                remedy += f"; or is it {near[0]}?"
            raise ExpressionError(f"{name} has no number; {remedy}", self._first_uses[name])

    def evaluate(
        self, inputs: Mapping[str, Value | float]
    ) -> tuple[Value | float, dict[str, Value | float]]:
        """Compute the expression.

        Args:
            inputs: a Value, or a number, for each name in ``inputs``.

        Returns:
            What the last statement gives: a Value, or a float if it depends on none. And
            what each name stands for, the inputs first, then the parts; it is the label of the
            node, unless that has one.
        """
        names: dict[str, Value | float] = dict(inputs)
        result: Value | float = 0.0
        for items, name in self._statements:
            stack: list[Value | float] = []
            for item in items:
                match item:
                    case (op, count):
                        operands = stack[-count:]
                        del stack[-count:]
                        stack.append(op(*operands))
                    case str():
                        stack.append(names[item])
                    case _:
                        stack.append(item)
            [result] = stack
            if name is not None:
                names[name] = result
                if isinstance(result, Value) and not result.label:
                    result.label = name
        return result, names

    def function(
        self, names: Sequence[str], fixed: Mapping[str, float]
    ) -> Callable[..., Value | float]:
        """The expression as a function of some of its inputs, which has them as its parameters.

        Args:
            names: those inputs, in the order in which the function takes them.
            fixed: the numbers of the others.
        """

        def f(*leaves: Value | float) -> Value | float:
            return self.evaluate({**fixed, **dict(zip(names, leaves))})[0]

        by_position = inspect.Parameter.POSITIONAL_ONLY
        parameters = [inspect.Parameter(name, by_position) for name in names]
        f.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return f


def parse(text: str) -> Expression:
    """Read an expression.

    It is written as in Python: numbers, names, ``+ - * / // % **``, and the rows of the operation
    table as functions. Statements such as ``e = a*b`` may come first, each followed by ``;``, and
    name a part of it. ``pi``, ``inf`` and ``nan`` are numbers.

    Args:
        text: the expression.

    Raises:
        ExpressionError: if it is no expression, or too large to be read safely.
    """
    return _Reader(text).read()


def read_name(text: str) -> str:
    """A name as expressions see it: to Python some Unicode letters are one.

    Raises:
        ExpressionError: if no expression could use it as the name of an input.
    """
    name = unicodedata.normalize("NFKC", text)
    if name.isidentifier() and not keyword.iskeyword(name):
        parse(name)  # which refuses the name of a function
        if name not in CONSTANTS:
            return name
        raise ExpressionError(f"{name} is a number already; use another name")
    why = "a word of Python's own" if name.isidentifier() else "no name"
    raise ExpressionError(f"{_quoted(text)} is {why}; use letters, digits and _, such as w1")


def read_number(name: str, text: str) -> float:
    """The number that a name is given: as Python writes floats, or an expression without names.

    Raises:
        ExpressionError: if it is neither.
    """
    with suppress(ValueError):
        return float(text)
    with suppress(ExpressionError):
        expression = parse(text)
        if not (expression.inputs or expression.parts):
            number, _ = expression.evaluate({})
            assert isinstance(number, float)  # as it depends on no input
            return number
    shown = _quoted(f"{name}={text}")
    raise ExpressionError(f"{shown} gives no number; write for example {name}=0.5")


class _Reader:
    """Turns the syntax tree of one expression into statements, and complains with a place."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = text.splitlines() or [""]
        self._inputs: dict[str, str] = {}  # with an excerpt that shows the first use
        self._parts: dict[str, None] = {}

    def read(self) -> Expression:
        self._bound()
        trees, statements = self._trees(), []
        for tree in trees:
            if isinstance(tree, ast.Expr) and tree is not trees[-1]:
                raise self._error_at("nothing uses this; name it, as in e = a*b; e + c", tree)
            statements.append(self._statement(tree))
        return Expression(tuple(self._inputs), tuple(self._parts), statements, self._inputs)

    # Before Python's own parser sees the text -------------------------------------------------

    def _bound(self) -> None:
        """Refuse what a parser might choke on: too long, too deep, or not text at all."""
        if len(self._text) > LONGEST:
            raise self._error(
                f"the expression has {len(self._text)} characters, and {LONGEST} is the most; "
                f"build such a graph in Python"
            )
        if number := re.search(r"\d{1000,}", self._text):
            raise self._error(
                f"a number of {len(number[0])} digits is more than a float holds; write it as 1e300"
            )
        if name := re.search(rf"[^\W\d]\w{{{LONGEST_NAME},}}", self._text):
            raise self._error(
                f"a name of {len(name[0])} characters, {_quoted(name[0])}, is too long; "
                f"{LONGEST_NAME} is the most"
            )
        depth = 0
        for row, line in enumerate(self._lines, start=1):
            for column, character in enumerate(line):
                depth += (character in "([{") - (character in ")]}")
                if depth > DEEPEST:
                    raise self._error(
                        f"more than {DEEPEST} brackets within each other; "
                        f"name the inner parts first, as in e = a*b; e + c",
                        row,
                        column,
                    )
                if character in _NEVER or (not character.isprintable() and character != "\t"):
                    raise self._error(_never(character), row, column)

    def _trees(self) -> Sequence[ast.stmt]:
        # Python's parser takes indentation for a block, and warns of what may be a slip.
        self._lines = [line.strip() for line in self._lines]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse("\n".join(self._lines))
        except SyntaxError as error:
            place = max(error.lineno or 1, 1), max((error.offset or 1) - 1, 0)
            said = (error.msg or "invalid syntax").partition(" (<unknown>")[0]
            raise self._error(f"this is no expression: {said}", *place) from None
        except (RecursionError, MemoryError):
            raise self._error(
                "the expression is nested too deeply, or too long a chain; "
                "name parts of it first, as in e = a*b; e + c"
            ) from None
        if not tree.body:
            raise self._error("the expression is empty; write for example 'x*y + 1'")
        return tree.body

    # Statements and expressions ---------------------------------------------------------------

    def _statement(self, tree: ast.stmt) -> _Statement:
        match tree:
            case ast.Expr(value=expression):
                return _Statement(self._expression(expression))
            case ast.Assign(targets=[ast.Name(id=name) as target], value=expression):
                items = self._expression(expression)
                self._define(name, target)
                return _Statement(items, name)
        raise self._error_at("write 'name = expression' or an expression, separated by ';'", tree)

    def _define(self, name: str, target: ast.Name) -> None:
        if name in self._parts:
            raise self._error_at(
                f"{name} has been given an expression already; use another name", target
            )
        if name in self._inputs:
            raise self._error_at(f"{name} is an input, used before this; use another name", target)
        self._refuse_taken(name, target)
        self._parts[name] = None

    def _refuse_taken(self, name: str, place: ast.expr) -> None:
        if name in OPS:
            operands = ", ".join(OPS[name].letters)
            raise self._error_at(f"{name} is a function: write {name}({operands})", place)
        if name in CONSTANTS:
            raise self._error_at(f"{name} is the number {CONSTANTS[name]}; use another name", place)

    def _expression(self, root: ast.expr) -> list[_Item]:
        for node in ast.walk(root):
            match node:
                case ast.Call(func=ast.Name(id=name), args=[ast.List(elts=operands)]):
                    if name in OPS and OPS[name].arity is None:  # sum([x, y]), as in Python
                        node.args = operands
        return [item for item in formula.postfix(root, self._item) if item is not None]

    def _item(self, token: Token) -> _Item | None:
        """What a token does, once its operands are there; None if it does nothing to them."""
        what, place = token.what, token.place
        if what is None:
            raise self._unread(place)
        if token.operands is None:
            return what if isinstance(what, float) else self._name(what, place)
        if isinstance(place, ast.Call):
            return self._call(str(what), token.operands, place)
        if what == "+x":
            return None
        if what in _OPERATORS:
            return _OPERATORS[str(what)], token.operands
        raise self._unread(place)

    def _unread(self, node: ast.expr) -> ExpressionError:
        """The complaint about what no expression has."""
        if isinstance(node, (ast.UnaryOp, ast.BinOp)):
            symbol = _NO_OPERATORS[type(node.op)]
            known = " ".join(dict.fromkeys(op.symbol for op in _OPERATORS.values()))
            advice = formula.INSTEAD.get(symbol, f"there are {known}, and functions")
            message = f"'{symbol}' is no operator here; {advice}"
            if isinstance(node, ast.UnaryOp):
                return self._error_at(message, node)
            return self._error_behind(message, node.left, symbol)
        if formula.is_too_large(node):
            return self._error_at(formula.TOO_LARGE, node)
        if isinstance(node, ast.Constant):
            complaint = f"{ast.unparse(node)} is not a number; write 1 or 0 for yes or no"
            if isinstance(node.value, complex):
                complaint = "complex numbers are not used here; every number is a float"
            return self._error_at(complaint, node)
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                return self._error_at(_REFUSED[ast.Attribute], node.func)
            if not isinstance(node.func, ast.Name):
                return self._error_at(
                    "only functions can be called; for a product write *", node.func
                )
            op = self._function(node.func.id, node.func)
            if node.keywords:
                word = node.keywords[0]
                return self._error_at(
                    f"operands have no keywords here; write {op.name}({', '.join(op.letters)})",
                    word if word.arg else word.value,
                )
            node = next(operand for operand in node.args if isinstance(operand, ast.Starred))
        refusal = "this is not used here; write numbers, names and functions"
        return self._error_at(_REFUSED.get(type(node), refusal), node)

    def _name(self, name: str, node: ast.expr) -> _Item:
        if name in self._parts:
            return name
        if name in CONSTANTS:
            return CONSTANTS[name]
        self._refuse_taken(name, node)
        row, offset = node.lineno, node.col_offset
        self._inputs.setdefault(name, excerpt(self._lines[row - 1], self._column(row, offset)))
        return name

    def _call(self, name: str, operands: int, node: ast.Call) -> _Item:
        op = self._function(name, node.func)
        if not op.takes(operands) and not any(isinstance(x, ast.List) for x in node.args):
            raise self._error_at(str(op.arity_error(operands)), node.func)
        return op, operands

    def _function(self, name: str, place: ast.expr) -> Op:
        if name in OPS:
            return OPS[name]
        if name in self._parts or name in self._inputs:
            wrong = f"{name} is a name and not a function; for a product write {name} * (...)"
        else:
            advice = _advice(name, OPS, "the functions are")
            wrong = f"there is no function {_quoted(name)}; {advice}"
        raise self._error_at(wrong, place)

    # Complaints -------------------------------------------------------------------------------

    def _error_at(self, message: str, node: ast.expr | ast.stmt | ast.keyword) -> ExpressionError:
        if isinstance(node, ast.Attribute):  # at the dot
            return self._error_behind(message, node.value, ".")
        return self._error(message, node.lineno, self._column(node.lineno, node.col_offset))

    def _error_behind(self, message: str, node: ast.expr, symbol: str) -> ExpressionError:
        """An error at a symbol that stands somewhere behind an expression."""
        row, offset = node.end_lineno, node.end_col_offset
        assert row is not None and offset is not None  # as in all trees that come from a text
        column = self._column(row, offset)
        return self._error(message, row, max(self._lines[row - 1].find(symbol, column), column))

    def _column(self, row: int, offset: int) -> int:
        """A column in characters; the syntax tree counts the bytes of UTF-8."""
        return len(self._lines[row - 1].encode()[:offset].decode(errors="ignore"))

    def _error(self, message: str, row: int = 0, column: int = 0) -> ExpressionError:
        if not 0 < row <= len(self._lines):
            return ExpressionError(message)
        return ExpressionError(message, excerpt(self._lines[row - 1], column))


def _never(character: str) -> str:
    if character in "\"'":
        return "text is not used here; write numbers and names without quotes"
    shown = character if character in _NEVER else f"U+{ord(character):04X}"
    return f"the character {shown} cannot be part of an expression"


def excerpt(line: str, column: int) -> str:
    """A line and below it a caret at a column; of a long line only what is near the caret."""
    column = min(column, len(line))
    start = max(0, min(column - SHOWN // 2, len(line) - SHOWN))
    shown = line[start : start + SHOWN]
    left, right = "..." * (start > 0), "..." * (start + SHOWN < len(line))
    shown = "".join(c if c.isprintable() else " " if c == "\t" else "?" for c in shown)
    return f"{left}{shown}{right}\n{' ' * (len(left) + column - start)}^"


def _advice(name: str, known: Iterable[str], otherwise: str) -> str:
    """What somebody may have meant by a name that is not known here."""
    if name in formula.INSTEAD:
        return formula.INSTEAD[name]
    known = sorted(known)
    if near := difflib.get_close_matches(name, known, 3):
        return f"do you mean {' or '.join(near)}?"
    more = " ..." * (len(known) > NAMES_SHOWN)
    return f"{otherwise} {' '.join(known[:NAMES_SHOWN])}{more}" if known else "it takes no numbers"


def _quoted(text: str) -> str:
    """A piece of somebody's text within a message: in quotes, on one line, not too long."""
    return repr(shortened(text, 40))
