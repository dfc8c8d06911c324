"""A graph as a table, for terminals and logs: a line for each node, in the order of evaluation."""

from __future__ import annotations

import sys
from typing import TextIO

from ..core.sweep import count_consumers, evaluation_order
from ..core.value import Value
from ..words.names import name_nodes
from . import text


def show(root: Value, *, max_rows: int = text.ROWS_SHOWN, file: TextIO | None = None) -> None:
    """Print the graph under a Value as a table, operands before what is made of them.

    A node that has no label is called by the number of its line: ``v3``. Before a sweep the
    gradient is ``--``. Of a large graph the lines in the middle are left out.

    Args:
        root: the Value at the end of the computation.
        max_rows: the most lines to print, at least 2.
        file: where to print; standard output if left out.

    Raises:
        TypeError: if ``root`` is not a Value.
        ValueError: if ``max_rows`` is not a whole number of at least 2.

    Example:
        >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
        >>> show(a * b + a)
        line   node   formula   data   grad   used
        1      a      (leaf)    +2     --     2 times
        2      b      (leaf)    -3     --     once
        3      v3     a * b     -6     --     once
        4      v4     v3 + a    -4     --     the end
    """
    print(table(root, max_rows), file=sys.stdout if file is None else file)


def table(root: Value, max_rows: int = text.ROWS_SHOWN) -> str:
    """What ``show`` prints."""
    if not isinstance(root, Value):
        raise TypeError(
            f"show(root) prints the graph under a Value, got {root!r} of type "
            f"{type(root).__name__}; pass the Value at the end of a computation"
        )
    if isinstance(max_rows, bool) or not isinstance(max_rows, int) or max_rows < 2:
        raise ValueError(
            f"show: max_rows is the number of lines to print, at least 2, got {max_rows!r}"
        )
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
                text.formula(node, names) or "(leaf)",
                text.signed(node.data),
                text.signed(node.grad) if swept or node.grad else text.NOT_BEGUN,
                "the end" if node is root else _times(uses[node]),
            ]
        )
    lines = text.align(rows)
    if last > first:
        lines.insert(first + 1, f"... {last - first:,} more")
    return "\n".join(lines)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"
