"""What surrounds a node, as text: its formula in numbers, its operands, its neighbours, its path.

A recorded pass and a node or a place in it go in, and lines come out; the prompt shows them.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable

from ..core.value import Value
from ..text import align, plain, signed
from ..words import formulas
from ..words.names import derivative
from .recording import Recording
from .steps import EDGES_SHOWN, contribution
from .tables import ROWS_SHOWN

STACK_SHOWN = 20  # nodes of a path


def equation(recording: Recording, node: Value) -> str:
    """The formula of a node and what it sends to each operand, in symbols and in numbers."""
    names, place = recording.names, recording.place[node]
    edges = recording.edge_count(place)
    step = recording.part(place, 0, min(edges, EDGES_SHOWN))
    name, root = names[node], names[recording.root]
    upstream = derivative(root, name)
    made = [formulas.in_names(node, names), formulas.in_numbers(node, recording.numbers(node))]
    lines = [
        " = ".join(filter(None, [name, *made, signed(step.data)])),
        f"{upstream} = {signed(step.gradient)}",
    ]
    for edge in step.edges:
        arriving = derivative(root, names[edge.operand])
        partial = _factor(formulas.partial(node, edge.position, names))
        symbols = f"{upstream} * {partial}"
        lines.append(f"{arriving} += {symbols} = {contribution(step, edge)}")
    if edges > len(step.edges):
        lines.append(f"... and {edges - len(step.edges)} more operands")
    return "\n".join(lines)


def operands(recording: Recording, node: Value, describe: Callable[[Value], str]) -> str:
    """The operands of a node, one a line.

    Args:
        recording: the pass.
        node: a node of it.
        describe: a line for a node.
    """
    if node.op is None:
        return f"{recording.names[node]} is a leaf: it has no operands"
    uses = Counter(node.operands)
    lines = [
        (describe(x) if isinstance(x, Value) else f"{plain(x)} (a constant)")
        + (f" ({count} times)" if count > 1 else "")
        for x, count in uses.items()
    ]
    if len(lines) > ROWS_SHOWN:
        lines[ROWS_SHOWN:] = [f"... and {len(lines) - ROWS_SHOWN} more"]
    return "\n".join(lines)


def step_lines(recording: Recording, places: Iterable[int], current: int, marked: set[int]) -> str:
    """Steps of the pass, one a line: ``4 B-> e = a * b``.

    Args:
        recording: the pass.
        places: which steps.
        current: the place of the step that is next, which gets an arrow.
        marked: the places with a breakpoint, which get a B.
    """
    width = len(str(len(recording)))
    lines = []
    for place in places:
        mark = "B" if place in marked else " "
        arrow = "->" if place == current else "  "
        made = node_line(recording, recording.nodes[place])
        lines.append(f"{place + 1:>{width}} {mark}{arrow} {made}")
    return "\n".join(lines)


def node_line(recording: Recording, node: Value) -> str:
    """How a node was made: ``e = a * b``, or ``a = +2 (leaf)``."""
    return formulas.node_line(node, recording.names, recording.data[recording.place[node]])


def path_to(recording: Recording, node: Value) -> list[Value]:
    """A way from the root to a node: upwards always along the largest contribution."""

    def size(number: int) -> float:
        contribution = abs(recording.reports[number].contribution)
        return math.inf if math.isnan(contribution) else contribution

    path = [node]
    while path[-1] is not recording.root:
        path.append(recording.reports[max(recording.arriving(path[-1]), key=size)].consumer)
    return path[::-1]


def stack(recording: Recording, path: list[Value], chosen: Value) -> str:
    """A path, the root first, with a mark at the chosen node; of a long one the middle is short."""
    left_out = len(path) - STACK_SHOWN
    half = STACK_SHOWN // 2
    shown = path if left_out <= 0 else path[:half] + path[-half:]
    root = recording.names[recording.root]
    rows = []
    for node in shown:
        made = f"{'>' if node is chosen else ' '} {node_line(recording, node)}"
        gradient = signed(recording.gradients[recording.place[node]])
        rows.append([made, f"{derivative(root, recording.names[node])} = {gradient}"])
    lines = align(rows)
    if left_out > 0:
        lines.insert(half, f"  ... {left_out} nodes between")
    return "\n".join(lines)


def _factor(formula: str) -> str:
    """A formula as a factor of a product: in brackets if it is a sum or begins with a sign."""
    outside = formula
    while (inner := re.sub(r"\([^()]*\)", "", outside)) != outside:
        outside = inner
    is_sum = outside.startswith("-") or " + " in outside or " - " in outside
    return f"({formula})" if is_sum else formula
