"""How a node was computed, and its derivatives, as formulas: ``a * b``, ``2 * (-3)``, ``1 - t**2``.

Nodes go in, with what they and their numbers are called, and text comes out. Nothing here raises,
whatever numbers and labels a graph holds. Steps, tables, pictures and errors write formulas so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..core import Value
from ..core.formula import on_names
from ..text import ends, escape, plain, signed
from .names import atom, label_or_number

OPERANDS_SHOWN = 6


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


def in_numbers(node: Value, numbers: Sequence[float]) -> str:
    """A node's operation on the numbers of its operands: ``2 * (-3)``; empty for a leaf."""
    return applied(node, numbers, plain)


def by_labels(node: Value) -> list[str]:
    """A node's operation on labels, and then on numbers in full: ``log(p)``, ``log(0.5)``.

    For one that stands for itself, without names for the graph around it. An operand without a
    label is its number; where none has one, there are the numbers alone. Empty for a leaf.
    """
    if node.op is None:
        return []
    numbers = [x.data if isinstance(x, Value) else x for x in node.operands]
    labels = applied(node, node.operands, label_or_number)
    return list(dict.fromkeys([labels, applied(node, numbers, repr)]))


def node_line(node: Value, names: Mapping[Value, str], number: float) -> str:
    """A node and what it was made of: ``e = a * b``; of a leaf its number: ``a = +2 (leaf)``."""
    return f"{names[node]} = {in_names(node, names) or f'{signed(number)} (leaf)'}"


def made_at(node: Value) -> str:
    """Where a node was made, such as ``demo.py:12``; "" where that was not recorded."""
    return escape(node.origin.source) if node.origin is not None else ""


def partial(node: Value, position: int, names: Mapping[Value, str]) -> str:
    """The derivative of a node by one operand: the text of its row, on the names of this graph.

    Empty for a leaf.
    """
    if node.op is None:
        return ""
    letters: dict[str, Value | float]
    if node.op.arity is None:
        text = node.op.partials[0].text
        letters = {"x": node.operands[position], "z": node}
    else:
        text = node.op.partials[position].text
        letters = {**dict(zip(node.op.letters, node.operands)), "z": node}
    shown = {letter: _named(operand, names) for letter, operand in letters.items()}
    written = on_names(text, {x: f"({y})" if y.startswith("-") else y for x, y in shown.items()})
    return f"({written})" if " if " in text else written


def _named(operand: Value | float, names: Mapping[Value, str]) -> str:
    return atom(names[operand]) if isinstance(operand, Value) else plain(operand)
