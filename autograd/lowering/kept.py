"""Kept: what was made of the graphs of late, for whoever lowers one of them again.

A model is lowered for each fit, each prediction of many and each comparison, and nearly always its
graph is one that there was. A graph is known by all that a program depends on, each number to its
last bit, so that what is found is what would be made.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from ..core.forks import shared_lock
from .lowered import Lowered

T = TypeVar("T")

# Of so many graphs, which have so many nodes all together. To keep one takes some 200 bytes a node.
MOST, MOST_NODES = 16, 50_000


class Kept(Generic[T]):
    """Things made of graphs; of more than are kept, those go that nobody has asked for longest."""

    def __init__(self) -> None:
        self._found: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._nodes = 0
        self._lock = shared_lock()

    def get(self, recorded: Lowered, *others: Hashable, make: Callable[[], T]) -> T:
        """What is kept for a graph and whatever else it depends on, or what ``make`` gives."""
        key, nodes = (signature(recorded), others), len(recorded.graph)
        with self._lock:
            found = self._found.get(key)
            if found is not None:
                self._found.move_to_end(key)
                return found[0]
        made = make()  # which takes too long to let others wait
        with self._lock:
            if key not in self._found:
                self._found[key] = made, nodes
                self._nodes += nodes
            while len(self._found) > MOST or self._nodes > MOST_NODES:
                _, (_, gone) = self._found.popitem(last=False)
                self._nodes -= gone
        return made

    def clear(self) -> None:
        """Keep nothing."""
        with self._lock:
            self._found.clear()
            self._nodes = 0


def signature(recorded: Lowered) -> Hashable:
    """Everything that tells one recorded graph, and what is wanted of it, from another."""
    graph = recorded.graph
    return (
        (recorded.inputs, recorded.parameters, *graph.begun),
        tuple(graph.names),
        tuple(graph.operands),
        array("d", graph.numbers).tobytes(),  # which tells 0.0 from -0.0, and finds nan again
        frozenset(graph.labels.items()),
        tuple([value.rest for value in recorded.values]),
        tuple(recorded.rows),
    )
