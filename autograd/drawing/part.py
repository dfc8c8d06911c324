"""Which part of a graph a picture is of, and what it draws the eye to.

A graph and the wishes of whoever draws go in. Out comes a ``Part``, which is all of it, the end of
it, or what is around one node: the nodes, and those of them whose operation is drawn with all its
operands; and ``Marks``, which the picture looks up.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from ..core import Value
from ..core.sweep import evaluation_order
from ..text import got
from ..words.names import Names
from ..words.pointing import called, only, unknown
from .options import Highlight

DEPTH_OF_FOCUS = 2


@dataclass(frozen=True)
class Part:
    """A part of a graph.

    Attributes:
        nodes: what it holds, consumers first.
        opened: the nodes whose operation is part of it.
        unseen: how often a node is used by operations that are no part of it, where that should
            be shown.
    """

    nodes: Sequence[Value]
    opened: Set[Value]
    unseen: Mapping[Value, int] = field(default_factory=dict)


def select(
    graph: Sequence[Value],
    *,
    depth: int | None,
    focus: Sequence[Value],
    roots: Sequence[Value] | None = None,
) -> Part:
    """Choose what to draw.

    Args:
        graph: all nodes, consumers first.
        depth: how many operations to go, along the shortest way: back from the ends, or from the
            focus both back and forward. None for all, and for ``DEPTH_OF_FOCUS``.
        focus: the nodes around which to draw, all of the graph; none for its ends.
        roots: the ends; the first node unless told otherwise.
    """
    if not focus:
        if depth is None:
            return Part(graph, set(graph))
        back = _distances(roots or graph[:1], _operands(graph), depth)
        nodes = [node for node in graph if node in back]
        return Part(nodes, {node for node in nodes if back[node] < depth})
    operands = _operands(graph)
    depth = DEPTH_OF_FOCUS if depth is None else depth
    consumers: dict[Value, list[Value]] = {node: [] for node in graph}
    for node in graph:
        for operand in operands[node]:
            consumers[operand].append(node)
    back = _distances(focus, operands, depth)
    forward = _distances(focus, consumers, depth)
    nodes = [node for node in graph if node in back or node in forward]
    seen = set(nodes)
    uses = {node: sum(user not in seen for user in consumers[node]) for node in nodes}
    opened = {node for node in nodes if back.get(node, depth) < depth or forward.get(node, 0) > 0}
    return Part(nodes, opened, {node: number for node, number in uses.items() if number})


def focused(
    focus: str | Value | Iterable[str | Value], graph: Sequence[Value], roots: Sequence[Value]
) -> list[Value]:
    """The nodes that are meant by Values, labels, or the names that steps have for nodes.

    Raises:
        TypeError: if something is neither a Value nor a text.
        ValueError: if it is not in the graph, or a label is shared by several nodes.
    """
    entries: list[Any] = [focus]
    if not isinstance(focus, (str, Value)) and hasattr(focus, "__iter__"):
        entries = list(focus)
        if not entries:
            raise ValueError("focus holds no Value and no label; leave it out for the whole graph")
    present = set(graph)
    names: Names | None = None
    found = []
    for entry in entries:
        if isinstance(entry, str):
            names = names or Names(evaluation_order(*roots))
            nodes = called(names, entry)
            if not nodes:
                hint = "show(root) prints what there is"
                raise ValueError("focus: " + unknown(names, entry, "is no label here", (), hint))
            entry = only(names, entry, nodes)
        else:
            require_part(
                "focus", entry, present, "a Value of the graph, its label, or a list of them"
            )
        found.append(entry)
    return found


def require_part(
    option: str, value: object, graph: Set[Value], takes: str = "a Value of the graph"
) -> None:
    """Refuse what is no Value (a TypeError), or not in the graph (a ValueError)."""
    if not isinstance(value, Value):
        advice = "" if "label" in takes else "; pass the Value itself, not its label or number"
        raise TypeError(f"{option} takes {takes}, got {got(value)}{advice}")
    if value not in graph:
        raise ValueError(
            f"{option} asks for {value!r}, which is not part of this graph; pass a Value that the "
            f"root was computed from"
        )


class Marks:
    """What the picture draws the eye to, of what is present.

    Attributes:
        values: the Values.
        steps: pairs of a Value and one of its operands.

    Raises:
        TypeError: if something is no Value.
        ValueError: if it is not in the picture.
    """

    def __init__(self, highlight: Highlight, present: Set[Value]) -> None:
        self.values: set[Value] = set()
        self.steps: set[tuple[Value, Value]] = set()
        is_one = isinstance(highlight, Value) or hasattr(highlight, "nodes")
        wanted: list[Any] = [highlight] if is_one else list(highlight)  # type: ignore[arg-type]
        for entry in wanted:
            # What why() gives is a path as well, of which .nodes are the Values.
            entry = getattr(entry, "nodes", entry)
            is_path = isinstance(entry, Sequence) and not isinstance(entry, str)
            path: list[Any] = list(entry) if is_path else [entry]
            for value in path:
                require_part("highlight", value, present, "Values of the graph, and paths of them")
            self.values.update(path)
            self._walk(path)
        # A list of Values may be a path itself; a set is in no order.
        if isinstance(highlight, Sequence) and all(isinstance(x, Value) for x in wanted):
            self._walk(wanted)

    def _walk(self, path: Sequence[Value]) -> None:
        for first, second in itertools.pairwise(path):
            for consumer, operand in ((first, second), (second, first)):
                if operand in consumer.operands:
                    self.steps.add((consumer, operand))


def _operands(graph: Sequence[Value]) -> dict[Value, list[Value]]:
    return {node: [x for x in node.operands if isinstance(x, Value)] for node in graph}


def _distances(
    starts: Sequence[Value], neighbours: Mapping[Value, Sequence[Value]], depth: int
) -> dict[Value, int]:
    """How many operations away from the nearest each node is, for those within ``depth``."""
    distances = dict.fromkeys(starts, 0)
    found = [*distances]
    for node in found:
        if distances[node] == depth:
            break
        for neighbour in neighbours[node]:
            if neighbour not in distances:
                distances[neighbour] = distances[node] + 1
                found.append(neighbour)
    return distances
