"""Graphs and passes as tables, for terminals and logs: a line for each node.

``show`` prints a graph in the order of evaluation; a ``Cursor`` goes in for the tables of a pass,
which show what has reached each node where the pass stands.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import TextIO

from ..core.sweep import count_consumers, evaluation_order
from ..core.value import Value
from ..text import align, got, signed, whole_number
from ..words.formulas import in_names
from ..words.names import name_nodes
from .cursor import Cursor
from .steps import NOT_BEGUN, held, stale_notice

ROWS_SHOWN = 60


def show(root: Value, *, max_rows: int = ROWS_SHOWN, file: TextIO | None = None) -> None:
    """Print the graph under a Value as a table, operands before what is made of them.

    A node that has no label is called by the number of its line: ``v3``. Before a sweep the
    gradient is ``--``. Of a large graph the lines in the middle are left out.

    Args:
        root: the Value at the end of the computation.
        max_rows: the most lines to print, at least 2.
        file: where to print; standard output if left out.

    Raises:
        TypeError: if ``root`` is not a Value, or ``max_rows`` no whole number.
        ValueError: if ``max_rows`` is less than 2.

    Example:
        >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
        >>> show(a * b + a)
        line   node   formula   data   grad   used
        1      a      (leaf)    +2     --     2 times
        2      b      (leaf)    -3     --     once
        3      v3     a * b     -6     --     once
        4      v4     v3 + a    -4     --     the end
    """
    if not isinstance(root, Value):
        raise TypeError(
            f"show(root) prints the graph under a Value, got {got(root)}; pass the Value at the "
            f"end of a computation"
        )
    max_rows = whole_number("show: max_rows", max_rows, least=2)
    nodes = evaluation_order(root)
    names, uses = name_nodes(nodes), count_consumers(root)
    # A leaf does not tell: it may hold a gradient that another graph has left there.
    swept = any(node.grad for node in nodes if node.op is not None or node is root)
    rows = [["line", "node", "formula", "data", "grad", "used"]]
    # The end says most, so it gets two thirds of the lines.
    first = len(nodes) if len(nodes) <= max_rows else max_rows // 3
    last = max(len(nodes) - max_rows + first, first)
    for number in [*range(first), *range(last, len(nodes))]:
        node = nodes[number]
        rows.append(
            [
                f"{number + 1}",
                names[node],
                _formula(node, names),
                signed(node.data),
                held(node.grad if swept or node.grad else None),
                "the end" if node is root else _times(uses[node]),
            ]
        )
    lines = align(rows)
    if last > first:
        lines.insert(first + 1, f"... {last - first:,} more")
    print("\n".join(lines), file=sys.stdout if file is None else file)


def pass_table(cursor: Cursor, places: Iterable[int]) -> str:
    """A line for every node at the given places, with what has reached it so far."""
    recording, taken = cursor.steps, cursor.edges_taken
    names = recording.names
    rows = [["node", "formula", "data", "grad", "reported", ""]]
    for place in places:
        node, step = recording.nodes[place], recording.part(place, 0, 0)
        latest = recording.latest(node, taken)
        waits = f"waits (0/{len(step.received)})" if place else "the root"
        rows.append(
            [
                names[node],
                _formula(node, names),
                signed(step.data),
                held(cursor.grad_so_far(node)),
                waits if latest is None else latest.state,
                "" if step.stale is None else stale_notice(step.stale),
            ]
        )
    return "\n".join(align(rows))


def values_table(cursor: Cursor, places: Iterable[int]) -> str:
    """A line for every node at the given places, with the values computed so far."""
    recording, waiting = cursor.steps, set(cursor.values.nodes[cursor.values_done :])
    rows = [["node", "formula", "data"]]
    for place in places:
        node = recording.nodes[place]
        data = NOT_BEGUN if node in waiting else signed(recording.data[place])
        rows.append([recording.names[node], _formula(node, recording.names), data])
    return "\n".join(align(rows))


def _formula(node: Value, names: Mapping[Value, str]) -> str:
    return in_names(node, names) or "(leaf)"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"
