"""The ``Stepper``: a position in a recorded pass, and the movements that change it.

A recording goes in; what goes out is written to ``.grad``, by assignment of recorded numbers, so
that going back restores every bit. Movements return what happened, as a ``Step`` or as ``Text``;
nothing is printed, and every prompt or picture of a pass is a view of this.
"""

from __future__ import annotations

import dataclasses
import numbers
import os
import reprlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..checking.differences import Comparison
from ..core.value import Value
from . import replay, text
from .breakpoints import Breakpoint
from .naive import naive_walk
from .paths import PATHS_SHOWN, Why, why
from .recording import Recording, Step
from .replay import Forward, ForwardStep
from .targets import NodeTarget, Predicate, condition_target, find_node, resolve
from .text import Text

if TYPE_CHECKING:
    import graphviz

_BACK = "back() for one node, next() goes forward, and restart() to the start"
_WHY = "why(node) for those that matter most"


class Stepper:
    """A reverse pass under way.

    While a node waits for reports its ``.grad`` is the sum of those that have come: of a leaf on
    top of what it held before the pass, as in ``Value.backward``. A node that none has reached
    keeps the ``.grad`` that it had. At the end every ``.grad`` is what ``backward`` leaves.

    The graph is read once, at the start: data, labels and operands that you change later do not
    change the pass. A ``.grad`` that you change stays yours until a movement writes to it:
    ``next``, ``step``, ``back``, ``until`` and ``run`` write to the operands of the nodes that they
    pass, and ``restart``, ``quit`` and a run to the end to every node.

    Movements never fail for lack of room: at the end, or at the start, they do nothing and return
    a text that says so. A Python session shows what they return; a script prints it.

    A node is named by the Value, its label (``"w"``, ``"layer1.neuron0.w[2]"``), or what the texts
    call it (``"v3"``, ``"w#2"``). A target is a node, an operation (``"tanh"``), or a condition: a
    text such as ``"grad > 10"``, ``"isnan"`` or ``"abs(grad) < 1e-6 and data > 0"``, or a function
    of (node, gradient).

    With ``forward``, the forward pass is replayed before the sweep, and movements go through it
    first: ``next``, ``step`` and ``back`` by one value, everything else as through the sweep.
    While it lasts ``position`` is 0. It shows recorded numbers; no ``.data`` changes.

    Attributes:
        steps: the ``Step`` of every node in the order of the pass, whether taken or not.
        values: the ``ForwardStep`` of every operation in the order of evaluation.
        breakpoints: the breakpoints, in the order of their numbers.
        watches: the watched nodes.
    """

    def __init__(self, root: Value, *, forward: bool = False) -> None:
        self.steps = Recording(root)
        self.breakpoints: list[Breakpoint] = []
        self.watches: list[Value] = []
        self._breakpoints_made = 0
        self._position = 0
        self._edges_done = 0
        self._has_quit = False
        # How many values are computed, or None without a forward pass.
        self._values_done: int | None = 0 if forward else None
        # Whether a breakpoint has stopped the pass where it stands.
        self._reported = False

    @cached_property
    def values(self) -> Forward:
        """The ``ForwardStep`` of every operation in the order of evaluation."""
        return Forward(self.steps)

    @property
    def root(self) -> Value:
        """The node that is differentiated."""
        return self.steps.root

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
    def values_done(self) -> int:
        """How many values the forward pass has computed; all of them once the sweep has begun."""
        return len(self.values) if self._values_done is None else self._values_done

    @property
    def is_forward(self) -> bool:
        """Whether the forward pass is under way, so that ``values[values_done]`` is next."""
        if self._has_quit or self._values_done is None:
            return False
        return self._values_done < len(self.values)

    @property
    def done(self) -> bool:
        """Whether there is no further step: at the end, and after ``quit``."""
        return self._has_quit or self._position == len(self.steps)

    # Movements ----------------------------------------------------------------------------------

    def next(self) -> Step | ForwardStep | Text:
        """Take the next node, or what ``step`` has left of it; the next value of a forward pass.

        Returns:
            The step, with the edges that were taken now; a text if no node is left.
        """
        if self.done:
            return self._nothing("left to take")
        if self.is_forward:
            return self._compute()
        return self._advance(self.steps.edge_count(self._position))

    def step(self) -> Step | ForwardStep | Text:
        """Take one edge of the next node; its last edge finishes it.

        A node without edges, such as a leaf, is finished at once, and so is a forward step.

        Returns:
            The step, with that edge only; a text if no node is left.
        """
        if self.done:
            return self._nothing("left to take")
        if self.is_forward:
            return self._compute()
        return self._advance(min(self._edges_done + 1, self.steps.edge_count(self._position)))

    def back(self, k: int = 1) -> Text:
        """Take back k nodes; the edges taken of an unfinished node count as one.

        Before the first node of a sweep that began with the forward pass, values are taken back.

        Args:
            k: at least 1; more than there are leads to the start.

        Returns:
            Where the pass stands then.

        Raises:
            TypeError: if ``k`` is not an integer.
            ValueError: if ``k`` is less than 1.
        """
        steps = _count("back(k): k", k, "the number of nodes to go back", _BACK)
        nodes = self._position + (self._edges_done > 0)
        values = self._values_done or 0
        if self._has_quit or not nodes + values:
            return self._nothing("to go back to")
        notes = self._move(max(nodes - steps, 0))
        if self._values_done is not None:
            self._values_done = max(values - max(steps - nodes, 0), 0)
        return self._stand(notes)

    def until(self, target: Value | str | Predicate) -> Text:
        """Go forward until the target's own step is next, so that its gradient is final.

        Of an operation or a condition that is the first node further on that it fits. A breakpoint
        on the way stops the pass earlier.

        Args:
            target: a Value, label, operation, condition or function, as described above.

        Returns:
            Where the pass stands then. If a node lies behind, nothing moves; if the target is
            never met, the pass is at its end: the text says so.

        Raises:
            TypeError: if the target is none of these.
            ValueError: if it is not in this graph, or a label is shared by several nodes.
        """
        goal = resolve(self.steps, target)
        if self.done:
            return self._nothing("left to take")
        # The place where the pass stands is not ahead of it, but for the start.
        has_begun = self._position > 0 or self._edges_done > 0 or self._reported
        ahead = range(self._position + has_begun, len(self.steps))
        place = next((place for place in ahead if goal.is_at(self.steps, place)), None)
        if place is None and isinstance(goal, NodeTarget):
            return self._stay(self.steps.place[goal.node])
        end = len(self.steps) if place is None else place
        note = f" ({goal.note})" if goal.note else ""
        met = (
            f"{goal.name} was not met" if place is None else f"until {goal.found(self.steps, end)}"
        )
        return self._run_to(end, f"{met}{note}: ")

    def run(self) -> Text:
        """Go to the next breakpoint, or to the end.

        Returns:
            Where the pass stands then, and which breakpoint has stopped it there.
        """
        if self.done:
            return self._nothing("left to take")
        return self._run_to(len(self.steps), "")

    def restart(self) -> Text:
        """Go back to the start, and make every ``.grad`` what it was before the pass.

        With a forward pass, the start is before its first value.

        Returns:
            Where the pass stands then.
        """
        if self._has_quit:
            return self._nothing("to restart")
        notes = self._move(0, every_node=True)
        if self._values_done is not None:
            self._values_done = 0
        return self._stand(notes)

    def forward(self) -> Text:
        """Go back to before the first value, to replay the forward pass before the sweep.

        Returns:
            Where the pass stands then.
        """
        if not self._has_quit:
            self._values_done = 0
        return self.restart()

    def quit(self) -> Text:
        """End the pass, at the end as well, and make every ``.grad`` what it was before it.

        Returns:
            A text that says so, as does every movement from now on.
        """
        if not self._has_quit:
            self._move(0, every_node=True)
            self._has_quit = True
        return Text(self._where())

    # Breakpoints and watches --------------------------------------------------------------------

    def add_breakpoint(
        self,
        target: Value | str | Predicate,
        *,
        condition: str | Predicate | None = None,
        once: bool = False,
    ) -> Breakpoint:
        """Have ``run`` and ``until`` stop at a target.

        On a node, they stop before every step that changes its ``.grad``; on the root, before its
        own step. On an operation, before the step of each of its nodes. On a condition, before the
        step of each node of which it holds, when the node's gradient is final. That may be where
        the pass stands: then nothing moves until they are called again.

        Args:
            target: a Value, label, operation, condition or function, as described above.
            condition: a condition or function that must hold besides: on a node of that node with
                the gradient that has reached it, and else of the node that is next.
            once: whether it is to go away when it has stopped the pass.

        Returns:
            The breakpoint; it may be switched off by ``enabled = False``.

        Raises:
            TypeError: if the target or condition is none of these.
            ValueError: if the target is not in this graph, a label is shared by several nodes, or
                a condition cannot be understood.
        """
        made = Breakpoint(
            number=self._breakpoints_made + 1,
            target=resolve(self.steps, target),
            condition=None if condition is None else condition_target(condition),
            once=bool(once),
        )
        self._breakpoints_made = made.number
        self.breakpoints.append(made)
        return made

    def remove_breakpoint(self, number: int | None = None) -> Text:
        """Remove the breakpoint of a number, or all.

        Raises:
            ValueError: if there is none of that number.
        """
        gone = [b for b in self.breakpoints if number is None or b.number == number]
        if number is not None and not gone:
            known = ", ".join(str(b.number) for b in self.breakpoints) or "none"
            raise ValueError(
                f"there is no breakpoint {reprlib.repr(number)}; those that there are: {known}"
            )
        self.breakpoints[:] = [b for b in self.breakpoints if b not in gone]
        return Text("\n".join(f"removed {b.text}" for b in gone) or "there is no breakpoint")

    def watch(self, node: Value | str) -> Text:
        """Show the gradient of a node after every movement that changes it.

        Raises:
            TypeError: if ``node`` is neither a Value nor a text.
            ValueError: if it is not in this graph, or a label is shared by several nodes.
        """
        found = find_node(self.steps, node)
        if found not in self.watches:
            self.watches.append(found)
        return Text(f"watching {self.steps.names[found]}, grad {self._seen(found)}")

    def unwatch(self, node: Value | str | None = None) -> Text:
        """Do not show the gradient of a node any longer, or of any.

        Raises:
            TypeError: if ``node`` is neither a Value nor a text.
            ValueError: if it is not watched.
        """
        gone = list(self.watches) if node is None else [find_node(self.steps, node)]
        names = ", ".join(self.steps.names[found] for found in gone)
        if node is not None and gone[0] not in self.watches:
            raise ValueError(f"{names} is not watched")
        self.watches[:] = [watched for watched in self.watches if watched not in gone]
        return Text(f"no longer watching {names}" if gone else "nothing is watched")

    # Questions ----------------------------------------------------------------------------------

    def why(self, node: Value | str, limit: int = PATHS_SHOWN) -> Why:
        """The paths from the root to a node, whose products sum to its gradient in this pass.

        Args:
            node: the node in question, wherever the pass stands.
            limit: how many paths to list, those with the largest products; of all others the
                number and the sum are given.

        Raises:
            TypeError: if ``node`` is neither a Value nor a text, or ``limit`` no integer.
            ValueError: if ``node`` is not in this graph, a label is shared by several nodes, or
                ``limit`` is less than 1.
        """
        found = find_node(self.steps, node)
        listed = _count("why(node, limit): limit", limit, "the number of paths to list", _WHY)
        return why(self.steps, found, listed)

    def check(self, node: Value | str) -> Comparison:
        """Compare the gradient of a node in this pass with finite differences.

        What depends on the node is computed again, with the node's number moved a little.

        Raises:
            TypeError: if ``node`` is neither a Value nor a text.
            ValueError: if it is not in this graph, a label is shared by several nodes, or its
                number or the root's is not finite.
        """
        return replay.check(self.steps, find_node(self.steps, node))

    def naive(self) -> Text:
        """What a depth-first walk without topological order would compute, beside the right.

        It takes a node up when it first meets it, before all its consumers have reported.
        """
        return Text(text.describe_naive(self.steps, naive_walk(self.steps)))

    def table(self, all: bool = False) -> Text:
        """The nodes in the order of the pass, with what has reached each at this position.

        Args:
            all: show every node, not only some 60 around the position.
        """
        places, note = range(len(self.steps)), ""
        if not all and len(places) > text.ROWS_SHOWN:
            first = min(
                max(self._position - text.ROWS_SHOWN // 2, 0), len(places) - text.ROWS_SHOWN
            )
            shown = places[first : first + text.ROWS_SHOWN]
            note = (
                f"\n({shown.start} nodes before and {len(places) - shown.stop} after these are "
                f"left out; table(all=True) shows them)"
            )
            places = shown
        if self.is_forward:
            rows = text.forward_table(self.steps, self.values, self.values_done, places)
        else:
            rows = text.table(self.steps, self._position, self._edges_done, places)
        return Text(f"{self._where()}\n{rows}{note}")

    def draw(self, **options: Any) -> graphviz.Digraph:
        """A picture of the graph as it stands, with the node that is next emphasised.

        Args:
            options: what ``autograd.draw`` takes.

        Raises:
            ValueError: as ``autograd.draw``.
        """
        from ..drawing import draw

        return draw(self.root, **{"highlight": self.current, **options})

    @property
    def current(self) -> Value:
        """The node that is next; at the end the last one."""
        if self.is_forward:
            return self.values.nodes[self.values_done]
        return self.steps.nodes[min(self._position, len(self.steps) - 1)]

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
        from ..page import page  # which asks drawing for pictures

        return page.save(self.steps, self._position, path)

    def __repr__(self) -> str:
        return f"<Stepper {self._where()}>"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from . import notebook  # which asks drawing for a picture

        return notebook.stepper_html(self)

    # Within ------------------------------------------------------------------------------------

    def _compute(self) -> ForwardStep:
        """The next value of the forward pass."""
        step = self.values[self.values_done]
        self._values_done = self.values_done + 1
        return step

    def _advance(self, last: int) -> Step:
        """Write the edges of the next node up to ``last``."""
        place, first = self._position, self._edges_done
        step = self.steps.part(place, first, last)
        finished = last == step.edge_count
        notes = self._move(place + 1) if finished else self._move(place, last)
        return dataclasses.replace(step, notes=notes) if notes else step

    def _run_to(self, end: int, met: str) -> Text:
        """Go to a place, or to the first breakpoint before it; ``met`` tells of the place."""
        place, edges_done, hits = self._next_stop(end)
        if self._values_done is not None:  # the forward pass comes first
            self._values_done = len(self.values)
        notes = self._move(place, edges_done, every_node=place == len(self.steps))
        if not hits:
            return self._stand(notes, met)
        self._reported = True
        for b in hits:
            b.hits += 1
        self.breakpoints[:] = [b for b in self.breakpoints if not (b.once and b in hits)]
        reasons = [b.reason(self.steps, place) + ": " for b in hits]
        return self._stand(notes, "".join([*reasons, met * (place == end)]))

    def _next_stop(self, end: int) -> tuple[int, int, list[Breakpoint]]:
        """Where a run to a place ends: the place, its edges done, and what stops the run there.

        It may end where it begins, unless the pass has been stopped there already.
        """
        edges_done = self._edges_done
        for place in range(self._position, min(end + 1, len(self.steps))):
            if place > self._position or not self._reported:
                stops = [
                    b for b in self.breakpoints if b.stops_before(self.steps, place, edges_done)
                ]
                if stops:
                    return place, edges_done, stops
            edges_done = 0
        return end, 0, []

    def _stay(self, place: int) -> Text:
        """What to say of a node that is not ahead."""
        name = self.steps.names[self.steps.nodes[place]]
        if place == self._position:
            return Text(f"{name} is next already: {self._where()}")
        return Text(
            f"{name} lies behind, back({self._position - place}) leads there: {self._where()}"
        )

    def _move(
        self, position: int, edges_done: int = 0, every_node: bool = False
    ) -> tuple[str, ...]:
        """Stand somewhere else in the sweep, with the gradients that belong there.

        Args:
            position: how many nodes are finished.
            edges_done: how many edges of the next one are taken.
            every_node: at the start or the end, write to all nodes, not only where the way leads.

        Returns:
            A line for each watched gradient that has changed.
        """
        recording, seen = self.steps, list(map(self._seen, self.watches))
        if every_node:
            held = recording.before if position == 0 else map(recording.after, recording.nodes)
            for node, grad in zip(recording.nodes, held):
                node.grad = grad
        else:
            first = recording.starts[self._position] + self._edges_done
            last = recording.starts[position] + edges_done
            recording.write(first, last)
            recording.take_back(last, first)
            # Nothing reports to the root: its own first step writes it.
            root = recording.root
            if not self._position + self._edges_done:
                root.grad = recording.after(root)
            if not position + edges_done:
                root.grad = recording.before[0]
        self._position, self._edges_done, self._reported = position, edges_done, False
        names = recording.names
        return tuple(
            f"watch {names[node]}: grad {was} -> {self._seen(node)}"
            for node, was in zip(self.watches, seen)
            if was != self._seen(node)
        )

    def _seen(self, node: Value) -> str:
        """The gradient of a node as texts show it where the pass stands."""
        return text.gradient_at(self.steps, node, self._position, self._edges_done)

    def _stand(self, notes: tuple[str, ...], met: str = "") -> Text:
        return Text("\n  ".join([met + self._where(), *notes]))

    def _where(self) -> str:
        if self._has_quit:
            return "the pass was quit, gradients are as before it; step_through() begins another"
        if self.is_forward:
            return text.forward_whereabouts(self.values, self.values_done)
        return text.whereabouts(self.steps, self._position, self._edges_done)

    def _nothing(self, to_do: str) -> Text:
        return Text(f"nothing {to_do}: {self._where()}")


def _count(name: str, k: object, meaning: str, remedy: str) -> int:
    """An int of at least 1, or an error that says what the argument means and what to write."""
    if isinstance(k, bool) or not isinstance(k, numbers.Integral):
        raise TypeError(
            f"{name}: expected an int, {meaning}, got {reprlib.repr(k)} of type "
            f"{type(k).__name__}; write {remedy}"
        )
    if k < 1:
        raise ValueError(f"{name} must be 1 or more, got {k}; {remedy}")
    return int(k)
