"""Graphs and passes as text, for terminals and logs: tables, lists of steps, and single nodes.

``show`` prints a graph in the order of evaluation; a ``Cursor`` goes in for what depends on where
the pass stands, and a ``Recording`` for what surrounds a node wherever that is.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

from ..core import Value
from ..core.formula import STRENGTHS, bind
from ..core.sweep import count_consumers, evaluation_order
from ..lines import fitted, table
from ..text import signed, whole_number
from ..words import formulas
from ..words.ends import roots_of, swept_nodes
from ..words.names import Names, derivative
from ..words.staleness import stale_graph
from ..words.variables import variables_of
from .cursor import Cursor
from .recording import Recording
from .steps import EDGES_SHOWN, NOT_BEGUN, contribution, held, stale_notice

ROWS_SHOWN = 60
STACK_SHOWN = 20  # nodes of a path


def show(
    root: Value | Iterable[Value], *, max_rows: int = ROWS_SHOWN, file: TextIO | None = None
) -> None:
    """Print the graph under a Value as a table, operands before what is made of them.

    A node that has no label is called as the variable that holds it where this is called, else by
    its formula while that is short, else by the number of its line, ``v3``. Before a
    sweep the gradient is ``--``. Of a large graph the lines in the middle are left out. If some
    number is no longer what its operands give, a last line says so.

    Args:
        root: the Value at the end of the computation; or several, in a list.
        max_rows: the most lines to print, at least 2.
        file: where to print; standard output if left out.

    Raises:
        TypeError: if ``root`` is not a Value nor a list of them, or ``max_rows`` no whole number.
        ValueError: if ``max_rows`` is less than 2.

    Example:
        >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
        >>> show(a * b + a)
        line   node        formula   data   grad   used
        1      a           (leaf)    +2     --     2 times
        2      b           (leaf)    -3     --     once
        3      a * b                 -6     --     once
        4      a * b + a             -4     --     the end
    """
    roots = roots_of(root, "show(root) prints the graph under a Value, or under a list of them")
    max_rows = whole_number("show: max_rows", max_rows, least=2)
    nodes = evaluation_order(*roots)
    names, uses = Names(nodes, variables_of(sys._getframe(1))), count_consumers(*roots)
    swept = swept_nodes(nodes, roots)
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
                held(node.grad if node in swept or node.grad else None),
                "the end" if node in roots else _times(uses[node]),
            ]
        )
    lines = table(rows)
    if last > first:
        lines.insert(first + 1, f"... {last - first:,} more")
    lines += filter(None, [fitted(stale_graph(nodes[::-1]))])
    print("\n".join(lines), file=sys.stdout if file is None else file)


def pass_table(cursor: Cursor, places: Iterable[int]) -> str:
    """A line for every node at the given places, with what has reached it so far."""
    recording, taken = cursor.steps, cursor.edges_taken
    names = recording.names
    rows = [["node", "formula", "data", "grad", "reported", ""]]
    for place in places:
        node = recording.nodes[place]
        latest, stale = recording.latest(node, taken), recording.stale.get(node)
        waits = f"waits (0/{len(recording.arriving(node))})" if place else "the root"
        rows.append(
            [
                names[node],
                _formula(node, names),
                signed(recording.data[place]),
                held(cursor.grad_so_far(node)),
                waits if latest is None else latest.state,
                "" if stale is None else stale_notice(stale),
            ]
        )
    return "\n".join(table(rows))


def values_table(cursor: Cursor, places: Iterable[int]) -> str:
    """A line for every node at the given places, with the values computed so far."""
    recording, waiting = cursor.steps, set(cursor.values.nodes[cursor.values_done :])
    names = recording.names
    rows = [["node", "formula", "data"]]
    for place in places:
        node = recording.nodes[place]
        data = NOT_BEGUN if node in waiting else signed(recording.data[place])
        rows.append([names[node], _formula(node, names), data])
    return "\n".join(table(rows))


def step_lines(cursor: Cursor, places: Sequence[int]) -> str:
    """Steps of the pass, one a line: ``4 B-> e = a * b``.

    An arrow is before the step that is next, a B before those where a breakpoint stops.
    """
    recording, next_place = cursor.steps, -1 if cursor.done else cursor.position
    width = len(str(len(recording)))
    lines = []
    for place, stops in zip(places, cursor.stops(places)):
        mark = ("B" if stops else " ") + ("->" if place == next_place else "  ")
        lines.append(f"{place + 1:>{width}} {mark} {node_line(recording, recording.nodes[place])}")
    return "\n".join(lines)


def node_line(recording: Recording, node: Value) -> str:
    """How a node was made: ``e = a * b``, or ``a = +2 (leaf)``."""
    return formulas.node_line(node, recording.names, recording.data[recording.place[node]])


def path_to_next(cursor: Cursor) -> list[Value]:
    """A way from the root to the node that is next: up along the largest contributions."""
    recording = cursor.steps

    def size(number: int) -> float:
        contribution = abs(recording.reports[number].contribution)
        return math.inf if math.isnan(contribution) else contribution

    path = [cursor.current]
    while path[-1] is not recording.root:
        path.append(recording.reports[max(recording.arriving(path[-1]), key=size)].consumer)
    return path[::-1]


def equation(recording: Recording, node: Value) -> str:
    """The formula of a node and what it sends to each operand, in symbols and in numbers."""
    names, place = recording.names, recording.place[node]
    edges = recording.edge_count(place)
    step = recording.part(place, 0, min(edges, EDGES_SHOWN))
    name, root = names[node], names[recording.root]
    upstream = derivative(root, name)
    in_numbers = formulas.in_numbers(node, recording.numbers(node), step.data)
    lines = [
        " = ".join(filter(None, [*formulas.sides(node, names), in_numbers, signed(step.data)])),
        f"{upstream} = {signed(step.gradient)}",
    ]
    for number, edge in enumerate(step.edges, start=recording.starts[place]):
        arriving = derivative(root, names[edge.operand])
        partial = bind(formulas.partial(node, edge.position, names), STRENGTHS["*"])
        line = f"{upstream} * {partial} = {contribution(step, edge)}"
        if edge.consumers == 1:
            lines.append(f"{arriving} = {line}")
        else:
            total = signed(recording.reports[number].total)
            lines.append(
                f"{arriving}: contribution {line}, {edge.standing} {total} ({edge.progress})"
            )
    if edges > len(step.edges):
        lines.append(f"... and {edges - len(step.edges)} more operands")
    return "\n".join(lines)


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
    lines = table(rows)
    if left_out > 0:
        lines.insert(half, f"  ... {left_out} nodes between")
    return "\n".join(lines)


def _formula(node: Value, names: Names) -> str:
    """How a node is made, which of one that is called by its formula its name says."""
    return "(leaf)" if node.op is None else ", ".join(formulas.sides(node, names)[1:])


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"
