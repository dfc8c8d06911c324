"""The ``Stepper``: a position in a recorded pass, and the movements that change it.

A recording goes in; what goes out is written to ``.grad``, by assignment of recorded numbers, so
that going back restores every bit. Movements return what happened, as a ``Step`` or as ``Text``;
nothing is printed, and every prompt or picture of a pass is a view of this.
"""

from __future__ import annotations

import operator
import os
import reprlib
from collections.abc import Mapping
from pathlib import Path

from ..value import Value
from . import text
from .recording import Recording, Step
from .text import Text


class Stepper:
    """A reverse pass under way.

    While a node waits for reports its ``.grad`` is the sum of those that have come: of a leaf on
    top of what it held before the pass, as in ``Value.backward``. A node that none has reached
    keeps the ``.grad`` that it had. At the end every ``.grad`` is what ``backward`` leaves.

    The graph is read once, at the start: data, labels and operands that you change later do not
    change the pass. A ``.grad`` that you change stays yours until a movement writes to it:
    ``next``, ``step`` and ``back`` write to the operands of the node in question, ``run``,
    ``restart`` and ``quit`` to every node.

    Movements never fail for lack of room: at the end, or at the start, they do nothing and return
    a text that says so. A Python session shows what they return; a script prints it.

    Attributes:
        steps: the ``Step`` of every node in the order of the pass, whether taken or not.
    """

    def __init__(self, root: Value) -> None:
        self.steps = Recording(root)
        self._position = 0
        self._edges_done = 0
        self._has_quit = False

    @property
    def position(self) -> int:
        """How many nodes are finished, from 0 to ``len(steps)``: ``steps[position]`` is next.

        The edges that ``step`` has taken of that node are counted in ``edges_done``.
        """
        return self._position

    @property
    def edges_done(self) -> int:
        """How many edges of the node ``steps[position]`` are taken; 0 between two nodes."""
        return self._edges_done

    @property
    def done(self) -> bool:
        """Whether there is no further step: at the end, and after ``quit``."""
        return self._has_quit or self._position == len(self.steps)

    def next(self) -> Step | Text:
        """Take the next node, or what ``step`` has left of it.

        Returns:
            The step, with the edges that were taken now; a text if no node is left.
        """
        if self.done:
            return self._nothing("left to take")
        return self._advance(self.steps.edge_count(self._position))

    def step(self) -> Step | Text:
        """Take one edge of the next node; its last edge finishes it.

        A node without edges, such as a leaf, is finished at once.

        Returns:
            The step, with that edge only; a text if no node is left.
        """
        if self.done:
            return self._nothing("left to take")
        return self._advance(min(self._edges_done + 1, self.steps.edge_count(self._position)))

    def back(self, k: int = 1) -> Text:
        """Take back k nodes; the edges taken of an unfinished node count as one.

        Args:
            k: at least 1; more than there are leads to the start.

        Returns:
            Where the pass stands then.

        Raises:
            TypeError: if ``k`` is not an integer.
            ValueError: if ``k`` is less than 1.
        """
        nodes = _positive(k)
        recording = self.steps
        begun = self._position + (self._edges_done > 0)
        if not begun:
            return self._nothing("to go back to")
        target = max(begun - nodes, 0)
        first, last = recording.starts[target], recording.starts[self._position] + self._edges_done
        for edge in reversed(recording.edges[first:last]):
            operand, grad = edge.operand, edge.before
            operand.grad = recording.before[operand] if grad is None else grad
        if target == 0:
            root = recording.nodes[0]
            root.grad = recording.before[root]
        return self._stand(target)

    def run(self) -> Text:
        """Go to the end.

        Returns:
            Where the pass stands then.
        """
        if self.done:
            return self._nothing("left to take")
        _write(self.steps.after)
        return self._stand(len(self.steps))

    def restart(self) -> Text:
        """Go back to the start, and make every ``.grad`` what it was before the pass.

        Returns:
            Where the pass stands then.
        """
        if self._has_quit:
            return self._nothing("to restart")
        _write(self.steps.before)
        return self._stand(0)

    def quit(self) -> Text:
        """End the pass, at the end as well, and make every ``.grad`` what it was before it.

        Returns:
            A text that says so, as does every movement from now on.
        """
        if not self._has_quit:
            _write(self.steps.before)
            self._has_quit = True
        return self._stand(0)

    def table(self) -> Text:
        """All nodes in the order of the pass, with what has reached each at this position."""
        rows = text.table(self.steps, self._position, self._edges_done)
        return Text(f"{self._where()}\n{rows}")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the pass as one HTML page, to be stepped through in any browser.

        The page opens where the pass stands; it needs no network and no other file. Of a graph
        too large to be read in one picture it shows the part around the node taken last.

        Args:
            path: a file whose name ends in ``.html``.

        Returns:
            The path of the file that was written.

        Raises:
            ValueError: if ``path`` ends in something else.
            OSError: if the folder does not exist or takes no files, or ``path`` is a folder.
            RenderError: if there is no Graphviz, or it failed; nothing has been written then.
        """
        from . import page  # which asks drawing for pictures

        return page.save(self.steps, self._position, path)

    def __repr__(self) -> str:
        return f"<Stepper {self._where()}>"

    def _advance(self, last: int) -> Step:
        """Write the edges of the next node up to ``last``."""
        index, first = self._position, self._edges_done
        step = self.steps.part(index, first, last)
        if index == 0:
            step.root.grad = self.steps.after[step.root]
        for edge in step.edges:
            edge.operand.grad = edge.after
        finished = last == step.edge_count
        self._position, self._edges_done = (index + 1, 0) if finished else (index, last)
        return step

    def _stand(self, position: int) -> Text:
        self._position, self._edges_done = position, 0
        return Text(self._where())

    def _where(self) -> str:
        if self._has_quit:
            return "the pass was quit, gradients are as before it; step_through() begins another"
        return text.whereabouts(self.steps, self._position, self._edges_done)

    def _nothing(self, to_do: str) -> Text:
        return Text(f"nothing {to_do}: {self._where()}")


def _write(gradients: Mapping[Value, float]) -> None:
    for node, gradient in gradients.items():
        node.grad = gradient


def _positive(k: object) -> int:
    try:
        number = operator.index(k)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None or isinstance(k, bool):
        raise TypeError(
            f"back(k): expected an int, the number of nodes to go back, got {reprlib.repr(k)} of "
            f"type {type(k).__name__}; write back() for one node"
        )
    if number < 1:
        raise ValueError(
            f"back(k): k must be 1 or more, got {number}; next() goes forward, and restart() to "
            f"the start"
        )
    return number
