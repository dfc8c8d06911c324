"""How a node was computed, and its derivatives, as formulas: ``a * b``, ``2 * (-3)``, ``1 - t**2``.

Nodes go in, with what they and their numbers are called, and text comes out. Nothing here raises,
whatever numbers and labels a graph holds. Steps, tables, pictures and errors write formulas so.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from ..core import Value
from ..core.formula import (
    CHOICE,
    CONSTANTS,
    FLOATS,
    STRENGTHS,
    STRONGEST,
    WEAKEST,
    Form,
    Token,
    bind,
    compiled,
    strength,
    tokens_of,
)
from ..core.ops import OPS, Op
from ..text import DIGITS, digits_enough, ends, escape, plain, real, signed
from .names import LONGEST_FORMULA, Names, show_label

OPERANDS_SHOWN = 6
LONGEST_EXPRESSION = 96  # characters


def applied(node: Value, operands: Sequence[Any], show: Callable[[Any], str] = str) -> str:
    """A node's operation on its operands, or on what stands for them; empty for a leaf.

    Args:
        node: the result.
        operands: something for each operand; of many the middle is left out.
        show: how one of them is written.
    """
    return "" if node.op is None else node.op.formula(ends(operands, OPERANDS_SHOWN, show))


def in_names(node: Value, names: Mapping[Value, str]) -> str:
    """A node's operation on the names of its operands: ``a * b``; empty for a leaf."""
    return applied(node, node.operands, lambda operand: _named(operand, names))


def in_numbers(node: Value, numbers: Sequence[float], result: float) -> str:
    """A node's operation on the numbers of its operands: ``2 * (-3)``; empty for a leaf.

    They have as many digits as it takes to come to the result, unless some are left out.
    """
    op = node.op

    def come_to(digits: int) -> float:
        assert op is not None
        return op.forward(*[float(plain(x, digits)) for x in numbers])

    enough: int | None = DIGITS
    if op is not None and len(numbers) <= OPERANDS_SHOWN:
        enough = digits_enough(come_to, result)
    return applied(node, numbers, lambda x: plain(x, enough or DIGITS))


def by_labels(node: Value) -> list[str]:
    """A node's operation on labels, and then on numbers in full: ``log(p)``, ``log(0.5)``.

    For one that stands for itself, without names for the graph around it. An operand without a
    label is its formula on labels, ``log(w * x)``, while that is short, or its number; where none
    has one, there are the numbers alone. Empty for a leaf.
    """
    if node.op is None:
        return []
    numbers = [x.data if isinstance(x, Value) else x for x in node.operands]
    labels = applied(node, node.operands, called_alone)
    return list(dict.fromkeys([labels, applied(node, numbers, repr)]))


def called_alone(operand: Value | float) -> str:
    """What an operand is called where nothing names the graph: by label, formula or number.

    A number stands in full.
    """
    if not isinstance(operand, Value):
        return repr(operand)
    if operand.label:
        return show_label(operand.label)
    pieces = _pieces(operand, LONGEST_FORMULA, lambda node: bool(node.label), repr)
    leaves = [piece for piece in pieces or () if isinstance(piece, Value)]
    if not pieces or not any(leaf.label for leaf in leaves):
        return repr(operand.data)
    return on_leaves(pieces, lambda x: show_label(x.label) if x.label else repr(x.data))


def expression(root: Value, longest: int = LONGEST_EXPRESSION) -> list[str | Value] | None:
    """The whole formula of a root, down to the leaves, as text with the leaves in their places.

    ``["(", a, " * ", b, " + ", c, ") * ", f]`` is (a * b + c) * f. What is used twice is written
    twice. What to put for a leaf is for the caller to say; ``on_leaves`` does.

    Args:
        root: a node of any depth.
        longest: how many characters it may have, with labels for the leaves, or their numbers.

    Returns:
        The pieces, no two strings after each other; None if they are longer.
    """
    return _pieces(root, longest, lambda node: node.op is None, plain)


def on_leaves(pieces: Iterable[str | Value], show: Callable[[Value], str]) -> str:
    """A formula in pieces as text: ``(2 * (-3) + 10) * (-2)``.

    Args:
        pieces: as ``expression`` gives them.
        show: how a leaf is written. In parentheses, if it has a sign or is a derivative, and does
            not stand alone: as the whole formula, or between the brackets and commas of a function.
    """
    parts = [*pieces]
    texts = []
    for i, part in enumerate(parts):
        if isinstance(part, str):
            texts.append(part)
            continue
        before, behind = (parts[k] if 0 <= k < len(parts) else None for k in (i - 1, i + 1))
        alone = before is None or str(before).endswith(("(", ", "))
        alone = alone and (behind is None or str(behind).startswith((")", ", ")))
        texts.append(show(part) if alone else bind(show(part), STRONGEST))
    return "".join(texts)


def node_line(node: Value, names: Names, number: float) -> str:
    """A node and what it was made of: ``e = a * b``; of a leaf its number: ``a = +2 (leaf)``.

    One that is called by its formula is ``a * b``, which says both.
    """
    return " = ".join(sides(node, names) + [f"{signed(number)} (leaf)"] * (node.op is None))


def sides(node: Value, names: Names) -> list[str]:
    """What a node is called, and its formula, where it has one that its name does not say."""
    return [*dict.fromkeys(filter(None, [names[node], in_names(node, names)]))]


def made_at(node: Value) -> str:
    """Where a node was made, such as ``demo.py:12``; "" where that was not recorded."""
    return escape(node.origin.source) if node.origin is not None else ""


def partial(node: Value, position: int, names: Mapping[Value, str]) -> str:
    """The derivative of a node by one operand: the text of its row, on the names of this graph.

    Constants are put together: the slope of x ** 2 is ``2 * x``. Empty for a leaf.
    """
    return "" if node.op is None else _slope(node, node.op, position, lambda x: names[x], plain)


def partial_in_numbers(
    node: Value, position: int, numbers: Mapping[Value, float], slope: float
) -> str:
    """The same on numbers, ``1 - 0.706419 ** 2``, as many digits of each as it takes to come out.

    Args:
        node: the result of an operation.
        position: which operand the derivative is by, from 0.
        numbers: those of the node and of its operands.
        slope: what the derivative is.

    Returns:
        The text; the empty string for a leaf, and where the row's formula does not come to that
        in floats: where it would overflow, or lose digits, something else is computed.
    """
    op = node.op
    if op is None:
        return ""
    own = {row.name: row for row in op.calls}

    def known(name: str) -> Any:
        return CONSTANTS[name] if name in CONSTANTS else (own.get(name) or OPS[name]).forward

    def write(digits: int) -> str:
        return _slope(
            node, op, position, lambda x: plain(numbers[x], digits), lambda x: plain(x, digits)
        )

    def come_to(digits: int) -> float:
        tokens = tokens_of(ast.parse(write(digits), mode="eval").body)
        return float(compiled(op.name, FLOATS, tokens, (), known)())

    enough = digits_enough(come_to, slope)
    return "" if enough is None else write(enough)


def _slope(
    node: Value,
    op: Op,
    position: int,
    show: Callable[[Value], str],
    show_number: Callable[[float], str],
) -> str:
    """The formula of a derivative, with what is shown for the node, its operands, and numbers."""
    letters: dict[str, Value | float]
    if op.arity is None:
        text = op.partials[0].text
        letters = {op.letters: node.operands[position], "z": node}
    else:
        text = op.partials[position].text
        letters = {**dict(zip(op.letters, node.operands)), "z": node}

    def term(x: Value | float) -> _Term:
        written = show(x) if isinstance(x, Value) else show_number(x)
        return _Term(written, strength(written), None if isinstance(x, Value) else x)

    written = _on_terms(text, {letter: term(x) for letter, x in letters.items()}, term)
    return f"({written})" if " if " in written else written


# A formula with its constants put together --------------------------------------------------------


class _Term(NamedTuple):
    """A piece of a formula: its text, how tightly that is bound, and its number if it is one."""

    text: str
    strength: int
    number: float | None = None


def _on_terms(formula: str, letters: Mapping[str, _Term], number: Callable[[float], _Term]) -> str:
    """The formula of a row with something else for each of its letters, and for numbers."""
    stack: list[_Term] = []
    for token in _tokens(formula):
        what = token.what
        if token.operands is None:
            stack.append(
                letters.get(what, _Term(what, STRONGEST))
                if isinstance(what, str)
                else number(real(what))
            )
            continue
        cut = len(stack) - token.operands
        operands = stack[cut:]
        del stack[cut:]
        simple = None if token.is_call else _simplified(str(what), operands, number)
        stack.append(simple or _put_together(token, operands))
    return stack[0].text


@cache
def _tokens(formula: str) -> Sequence[Token]:
    return tokens_of(ast.parse(formula, mode="eval").body)


def _simplified(
    form: str, operands: Sequence[_Term], number: Callable[[float], _Term]
) -> _Term | None:
    """What arithmetic comes to if it is on numbers, or with a 0 or 1; None if it is no simpler."""
    x, y = operands[0], operands[-1]
    match form, x.number, y.number:
        case ("-x", float(a), _) if a >= 0.0:
            return number(-a)._replace(strength=STRENGTHS["*"])
        case ("x + y", float(a), float(b)):
            return number(a + b)
        case ("x - y", float(a), float(b)):
            return number(a - b)
        case ("x * y", float(a), float(b)):
            return number(a * b)
        case ("x ** y", _, 0.0):
            return number(1.0)
        case ("x * y", 0.0, _):
            return x
        case ("x * y", 1.0, _):
            return y
        case ("x * y", -1.0, _):
            return _put_together_sign(y)
        case ("x * y" | "x / y" | "x ** y", _, 1.0):
            return x
    return None


def _put_together(token: Token, operands: Sequence[_Term]) -> _Term:
    texts = [operand.text for operand in operands]
    strengths = [operand.strength for operand in operands]
    what = str(token.what)
    if what == "-x":
        return _put_together_sign(operands[0])
    if what == CHOICE:
        test, chosen, other = operands
        return _Term(f"{bind(chosen.text, 1)} if {test.text} else {other.text}", WEAKEST)
    form = Form.of(what if token.is_call else what.split(" ")[1], token.operands)
    return _Term(form.write(texts, strengths), form.strength)


def _put_together_sign(x: _Term) -> _Term:
    """With a sign before it: as a factor, for -x * y is read alike in every way."""
    text = x.text if x.strength >= STRENGTHS["**"] else f"({x.text})"
    return _Term(f"-{text}", STRENGTHS["*"])


def _pieces(
    root: Value, longest: int, is_leaf: Callable[[Value], bool], show: Callable[[float], str]
) -> list[str | Value] | None:
    """A formula down to what counts as a leaf, as ``expression`` gives it."""
    pieces: list[str | Value] = []
    room = longest
    waiting: list[tuple[str | Value, int]] = [(root, WEAKEST)]  # the next one last
    while waiting:
        part, need = waiting.pop()
        if isinstance(part, str):
            if pieces and isinstance(pieces[-1], str):
                pieces[-1] += part
            else:
                pieces.append(part)
            continue
        if part.op is None or is_leaf(part):
            pieces.append(part)
            room -= len(show_label(part.label) if part.label else show(part.data))
        elif len(part.operands) > room:
            return None
        else:
            written = _written(part.op.form, part.operands, need, show)
            # Paid for when it is put off: of a chain nothing else is met before its far end.
            room -= sum(len(text) for text, _ in written if isinstance(text, str))
            waiting += reversed(written)
        if room < 0:
            return None
    return pieces


def _written(
    form: Form, operands: Sequence[Value | float], need: int, show: Callable[[float], str]
) -> list[tuple[str | Value, int]]:
    """An operation in pieces, and how tightly those that are Values have to be bound."""
    is_weak = form.strength < need
    needs = [form.first] + [form.others] * (len(operands) - 1)
    if len(operands) == 1 and not form.before:  # a sum of one, which is that one
        is_weak, needs = False, [need]
    pieces: list[tuple[str | Value, int]] = []
    text = f"({form.before}" if is_weak else form.before
    for x, need_of_one in zip(operands, needs):
        if text:
            pieces.append((text, WEAKEST))
        if isinstance(x, Value):
            pieces.append((x, need_of_one))
        else:
            pieces.append((bind(show(x), need_of_one), WEAKEST))
        text = form.between
    text = f"{form.behind})" if is_weak else form.behind
    return [*pieces, (text, WEAKEST)] if text else pieces


def _named(operand: Value | float, names: Mapping[Value, str]) -> str:
    return names[operand] if isinstance(operand, Value) else plain(operand)
