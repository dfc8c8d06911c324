"""What goes wrong without a topological order: gradients as a naive depth-first walk computes them.

The walk takes a node up when it first meets it, and does not wait for the node's other consumers.
Where a node is used more than once it then hands on too little. Nothing in the graph is touched.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..core import Value
from ..core.sweep import Report
from ..lines import table
from ..text import signed
from .recording import Recording

NODES_SHOWN = 60


def beside_naive(recording: Recording) -> str:
    """The right gradients beside those of a naive walk, and where it goes wrong first."""
    names = recording.names
    naive, passed_on = naive_walk(recording)

    def consumers(node: Value) -> int:
        return len(recording.arriving(node))

    def right(node: Value) -> float:
        return recording.gradients[recording.place[node]]

    def differs(node: Value) -> bool:
        # Sums in another order may differ in their last bits.
        both_nan = math.isnan(naive[node]) and math.isnan(right(node))
        return not (both_nan or math.isclose(naive[node], right(node), rel_tol=1e-9))

    verdict = "depth first is right here: no node is taken up before its consumers have reported"
    for node, (gradient, reports) in passed_on.items():
        if node.op is not None and reports < consumers(node):
            verdict = (
                f"depth first, {names[node]} passes on {signed(gradient)} after {reports} of "
                f"{consumers(node)} reports; its gradient is {signed(right(node))}"
            )
            break
    shown = recording.nodes
    if len(shown) > NODES_SHOWN:
        shown = [node for node in shown if differs(node)]
    rows = [["node", "right", "naive", "passed on"]]
    for node in shown[:NODES_SHOWN]:
        gradient, reports = passed_on[node]
        state = f"{signed(gradient)} ({reports}/{consumers(node)} reported)"
        says_it = node.op is not None and node is not recording.root
        rows.append([names[node], signed(right(node)), signed(naive[node]), state * says_it])
    lines = [verdict, *table(rows)]
    left_out = len(shown) - NODES_SHOWN
    if left_out > 0:
        lines.append(f"... and {left_out} more nodes with another gradient")
    return "\n".join(lines)


def naive_walk(
    recording: Recording,
) -> tuple[dict[Value, float], dict[Value, tuple[float, int]]]:
    """Go depth first: report to an operand, and at once go down from it if it is new.

    The root's operands come from left to right, and every node is taken up once.

    Returns:
        What every node has received in the end; and for each, in the order of the walk, what it
        had received when it was taken up, and from how many reports.
    """
    root = recording.root
    gradients = {root: 1.0}
    reports: dict[Value, int] = {}
    passed_on = {root: (1.0, 0)}
    # For each node under way: what it passes on, and the edges that it has still to take.
    under_way: list[tuple[float | None, Iterator[Report]]] = [(1.0, iter(recording.sent(0)))]
    while under_way:
        gradient, edges = under_way[-1]
        report = next(edges, None)
        if report is None:
            under_way.pop()
            continue
        operand = report.operand
        reports[operand] = reports.get(operand, 0) + 1
        if gradient is not None and report.partial is not None:
            contribution = gradient * report.partial
            held = gradients.get(operand)
            gradients[operand] = contribution if held is None else held + contribution
        if operand not in passed_on:
            passed_on[operand] = gradients.get(operand, 0.0), reports[operand]
            sent = recording.sent(recording.place[operand])
            under_way.append((gradients.get(operand), iter(sent)))
    return {node: gradients.get(node, 0.0) for node in passed_on}, passed_on
