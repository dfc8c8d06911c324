"""What a picture draws the eye to: Values, and the steps of paths through the graph.

What somebody has asked to be highlighted goes in; out come sets that the picture looks up.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence, Set
from typing import Any

from ..core.value import Value
from .options import Highlight
from .part import require_part


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
