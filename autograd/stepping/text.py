"""Steps and passes as text: what a person reads, and can check with pencil and paper.

Records go in and strings come out. Nothing here knows how a pass is moved along, and nothing
raises, whatever numbers and labels a graph holds.
"""

from __future__ import annotations

import re
import reprlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .. import ieee
from ..value import Value
from .names import escape

if TYPE_CHECKING:
    from .recording import Edge, Recording, Step

Names = Mapping[Value, str]

EDGES_SHOWN = 8
OPERANDS_SHOWN = 6
TERMS_SHOWN = 4
NOT_BEGUN = "--"
GAP = "   "


class Text(str):
    """A string that a Python session shows as it reads, line by line."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


# Numbers and formulas ---------------------------------------------------------------------------


def signed(number: float) -> str:
    """A number with its sign: in full if it is whole, else to six digits; ``nan`` has no sign."""
    try:
        x = float(number)
    except (TypeError, ValueError, OverflowError):  # somebody has set .data to something else
        return escape(reprlib.repr(number))
    if x != x:
        return "nan"
    if x.is_integer() and abs(x) < 1e15:
        return f"{x:+.0f}"
    short = f"{x:+.6g}"
    # 2.0000001 must not look whole.
    return f"{x:+#.7g}" if short[1:].isdigit() else short


def plain(number: float) -> str:
    """A number as it stands in a formula: ``2``, ``-0.5``."""
    return signed(number).removeprefix("+")


def formula(node: Value, names: Names) -> str:
    """A node's operation on the names of its operands: ``a * b``; of many the middle is left out.

    Empty for a leaf.
    """
    if node.op is None:
        return ""
    operands = node.operands
    if len(operands) <= OPERANDS_SHOWN:
        return node.op.formula([_operand(x, names) for x in operands])
    first, last = operands[: OPERANDS_SHOWN // 2], operands[-1]
    return node.op.formula([*(_operand(x, names) for x in first), "...", _operand(last, names)])


def partial_formula(node: Value, position: int, names: Names) -> str:
    """The derivative of a node by one operand: the text of its row, on the names of this graph.

    Empty for a leaf.
    """
    if node.op is None:
        return ""
    letters: dict[str, Value | float]
    if node.op.arity is None:
        partial = node.op.partials[0]
        letters = {"x": node.operands[position]}
    else:
        partial = node.op.partials[position]
        letters = dict(zip(node.op.letters, node.operands))
    letters["z"] = node

    def name(letter: re.Match[str]) -> str:
        shown = _operand(letters[letter[0]], names)
        return f"({shown})" if shown.startswith("-") else shown

    text = re.sub(rf"\b[{''.join(letters)}]\b", name, partial.text)
    return f"({text})" if " if " in partial.text else text


def _operand(operand: Value | float, names: Names) -> str:
    return names[operand] if isinstance(operand, Value) else plain(operand)


def _align(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows)]
    return [GAP.join(map(str.ljust, row, widths)).rstrip() for row in rows]


# A step -----------------------------------------------------------------------------------------


def headline(step: Step) -> str:
    """Which step it is, and its node as it was computed: ``[4/7] e = a * b``."""
    made_of = formula(step.node, step.names) or f"{signed(step.data)} (leaf)"
    return f"[{step.number}/{step.total}] {step.names[step.node]} = {made_of}"


def describe(step: Step) -> str:
    """A step in full: its node, the gradient that has come together there, and its reports."""
    uses = Counter(map(id, step.node.operands))
    reports = [_report(step, edge, uses[id(edge.operand)]) for edge in step.edges[:EDGES_SHOWN]]
    # The gradients of the operands stand in one column with what is said of the node's own.
    left, right = _align([row[:3] for row in reports]), _align([row[3:] for row in reports])
    body = _align([(_gradient(step), _completeness(step)), *zip(left, right)])
    if left_out := step.edges[EDGES_SHOWN:]:
        total = signed(ieee.sum(*[edge.contribution for edge in left_out]))
        edges = "edge" if len(left_out) == 1 else "edges"
        body.append(f"... and {len(left_out)} more {edges}, with contributions of {total} in all")
    if step.stale is not None:
        body.append(f"grad = {signed(step.stale + step.gradient)}{GAP}{stale_notice(step.stale)}")
    return "\n  ".join([headline(step) + _part(step), *body])


def stale_notice(stale: float) -> str:
    """What to say of a leaf whose ``.grad`` was not empty before the pass."""
    return f"was {signed(stale)} before this pass: no zero_grad"


def _part(step: Step) -> str:
    """Which of the node's edges the step covers, unless it covers all."""
    if len(step.edges) == step.edge_count:
        return ""
    first, last = step.first_edge + 1, step.first_edge + len(step.edges)
    which = f"edge {first}" if first == last else f"edges {first} to {last}"
    return f" ({which} of {step.edge_count})"


def _gradient(step: Step) -> str:
    kind = "gradient" if step.node.op is None else "upstream"
    shown = [f"{kind} d{step.names[step.root]}/d{step.names[step.node]}", signed(step.gradient)]
    if 1 < len(step.received) <= TERMS_SHOWN:
        shown.insert(1, " + ".join(map(signed, step.received)))
    elif step.received[TERMS_SHOWN:]:
        shown[-1] += f", the sum of {len(step.received)} contributions"
    return " = ".join(shown)


def _completeness(step: Step) -> str:
    if step.node is step.root:
        return "final (the pass starts here)"
    consumers = len(step.received)
    return f"final ({consumers}/{consumers} consumers reported)"


def _report(step: Step, edge: Edge, uses: int) -> list[str]:
    """The columns of an edge's line; an operand that the node uses more than once is numbered."""
    node, names = step.node, step.names
    name = names[edge.operand]
    before = NOT_BEGUN if edge.before is None else signed(edge.before)
    return [
        f"-> {name} (operand {edge.position + 1})" if uses > 1 else f"-> {name}",
        f"d{names[node]}/d{name} = {_partial(step, edge)}",
        f"contribution {_contribution(step, edge)}",
        f"grad {before} -> {signed(edge.after)}",
        _count(edge),
        stale_notice(edge.before) if edge.reported == 1 and edge.before is not None else "",
    ]


def _count(edge: Edge) -> str:
    state = "final" if edge.reported == edge.consumers else "so far"
    return f"{state} ({edge.reported}/{edge.consumers})"


def _partial(step: Step, edge: Edge) -> str:
    """Formula and number of a partial; only one of them where the formula is that number."""
    by_row = partial_formula(step.node, edge.position, step.names)
    if edge.partial is None or by_row.strip("()") == plain(edge.partial):
        return by_row
    return f"{by_row} = {signed(edge.partial)}"


def _contribution(step: Step, edge: Edge) -> str:
    if edge.partial is None:
        return f"{signed(edge.contribution)} (no derivative passes)"
    return f"{signed(step.gradient)} * {signed(edge.partial)} = {signed(edge.contribution)}"


# A pass -----------------------------------------------------------------------------------------


def whereabouts(recording: Recording, position: int, edges_done: int) -> str:
    """Where a pass stands, and what comes next."""
    total = len(recording)
    if position == total:
        return f"at the end, position {total} of {total}: every gradient is final"
    following = headline(recording.part(position, 0, 0))
    if edges_done:
        edges = f"{edges_done} of {recording.edge_count(position)} edges"
        return f"at position {position} of {total}, after {edges}: next() finishes {following}"
    if position:
        return f"at position {position} of {total}: next() takes {following}"
    return f"at the start of {total} node{'s' * (total > 1)}: next() takes {following}"


def table(recording: Recording, position: int, edges_done: int) -> str:
    """A line for every node in the order of the pass, with what has reached it so far."""
    written = recording.edges[: recording.starts[position] + edges_done]
    latest = {edge.operand: edge for edge in written}
    rows = [["node", "formula", "data", "grad", "reported", ""]]
    for step in recording:
        edge = latest.get(step.node)
        grad, reported = NOT_BEGUN, f"waits (0/{len(step.received)})"
        if edge is not None:
            grad, reported = signed(edge.after), _count(edge)
        elif step.node is step.root:
            reported = "the root"
            if position or edges_done:
                grad = signed(recording.after[step.node])
        rows.append(
            [
                step.names[step.node],
                formula(step.node, step.names) or "(leaf)",
                signed(step.data),
                grad,
                reported,
                "" if step.stale is None else stale_notice(step.stale),
            ]
        )
    return "\n".join(_align(rows))
