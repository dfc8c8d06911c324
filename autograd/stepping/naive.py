"""What goes wrong without a topological order: gradients as a naive depth-first walk computes them.

The walk takes a node up when it first meets it, and does not wait for the node's other consumers.
Where a node is used more than once it then hands on too little. Nothing in the graph is touched.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ..core.sweep import Report
from ..core.value import Value
from ..text import align, signed
from .recording import Recording

NODES_SHOWN = 60


@dataclass(frozen=True, repr=False)
class Naive:
    """What a naive walk leaves; ``str`` of it shows the right gradients beside.

    Attributes:
        recording: the pass.
        gradients: what every node has received in the end.
        passed_on: for each node, in the order of the walk, what it had received when it was taken
            up, and from how many reports.
    """

    recording: Recording
    gradients: dict[Value, float]
    passed_on: dict[Value, tuple[float, int]]

    def __repr__(self) -> str:
        return _describe(self)


def naive_walk(recording: Recording) -> Naive:
    """Go depth first: report to an operand, and at once go down from it if it is new.

    The root's operands come from left to right, and every node is taken up once.
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
    return Naive(recording, {node: gradients.get(node, 0.0) for node in passed_on}, passed_on)


def _describe(naive: Naive) -> str:
    """The right gradients beside those of a naive walk, and where it goes wrong first."""
    recording = naive.recording
    names = recording.names

    def consumers(node: Value) -> int:
        return len(recording.arriving(node))

    def right(node: Value) -> float:
        return recording.gradients[recording.place[node]]

    def differs(node: Value) -> bool:
        # Sums in another order may differ in their last bits.
        gradient = naive.gradients[node]
        both_nan = math.isnan(gradient) and math.isnan(right(node))
        return not (both_nan or math.isclose(gradient, right(node), rel_tol=1e-9))

    verdict = "depth first is right here: no node is taken up before its consumers have reported"
    for node, (passed_on, reports) in naive.passed_on.items():
        if node.op is not None and reports < consumers(node):
            verdict = (
                f"depth first, {names[node]} passes on {signed(passed_on)} after {reports} of "
                f"{consumers(node)} reports; its gradient is {signed(right(node))}"
            )
            break
    shown = recording.nodes
    if len(shown) > NODES_SHOWN:
        shown = [node for node in shown if differs(node)]
    rows = [["node", "right", "naive", "passed on"]]
    for node in shown[:NODES_SHOWN]:
        passed_on, reports = naive.passed_on[node]
        state = f"{signed(passed_on)} ({reports}/{consumers(node)} reported)"
        rows.append(
            [
                names[node],
                signed(right(node)),
                signed(naive.gradients[node]),
                state if node.op is not None and node is not recording.root else "",
            ]
        )
    lines = [verdict, *align(rows)]
    left_out = len(shown) - NODES_SHOWN
    if left_out > 0:
        lines.append(f"... and {left_out} more nodes with another gradient")
    return "\n".join(lines)
