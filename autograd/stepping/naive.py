"""What goes wrong without a topological order: gradients as a naive depth-first walk computes them.

The walk takes a node up when it first meets it, and does not wait for the node's other consumers.
Where a node is used more than once it then hands on too little. Nothing in the graph is touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..core.value import Value
from .recording import Recording


class Naive(NamedTuple):
    """What a naive walk leaves.

    Attributes:
        gradients: what every node has received in the end.
        passed_on: for each node, in the order of the walk, what it had received when it was taken
            up, and from how many reports.
    """

    gradients: dict[Value, float]
    passed_on: dict[Value, tuple[float, int]]


def naive_walk(recording: Recording) -> Naive:
    """Go depth first: report to an operand, and at once go down from it if it is new.

    The root's operands come from left to right, and every node is taken up once.
    """
    root = recording.root
    gradients = {root: 1.0}
    reports: dict[Value, int] = {}
    passed_on = {root: (1.0, 0)}
    # For each node under way: what it passes on, and the edges that it has still to take.
    under_way: list[tuple[float | None, Iterator[int]]] = [(1.0, iter(recording.edges_at(0)))]
    while under_way:
        gradient, edges = under_way[-1]
        number = next(edges, None)
        if number is None:
            under_way.pop()
            continue
        operand, partial = recording.link(number)
        reports[operand] = reports.get(operand, 0) + 1
        if gradient is not None and partial is not None:
            contribution = gradient * partial
            held = gradients.get(operand)
            gradients[operand] = contribution if held is None else held + contribution
        if operand not in passed_on:
            passed_on[operand] = gradients.get(operand, 0.0), reports[operand]
            under_way.append(
                (gradients.get(operand), iter(recording.edges_at(recording.place[operand])))
            )
    return Naive({node: gradients.get(node, 0.0) for node in passed_on}, passed_on)
