"""The ``Stepper``: a reverse pass that does what a user says, and tells what has happened.

Its movements are those of a ``Cursor``. What is asked for as a label, an operation or a condition
is resolved here, and what a movement or a question returns is text. Nothing is printed, and every
prompt or picture of a pass is a view of this.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from itertools import count

from ..checking.differences import Comparison
from ..core import Value
from ..core.stale import StaleGraphError, refuse_stale
from ..lines import FittedText, fitted
from ..text import Text, counted, real, shortened, whole_number
from ..words.staleness import stale_graph
from . import node_check, tables
from .cursor import Cursor
from .naive import beside_naive
from .nudge import Experiment, checked_move
from .paths import PATHS_SHOWN, Why, why
from .steps import ForwardStep, Step, headline, held
from .targets import Breakpoint, Predicate, condition_target, find_node, resolve

_BACK = "back() for one node, next() goes forward, and restart() to the start"
_NEXT = "next() for one node, run() goes to the end, and back(k) takes nodes back"
_WHY = "why(node) for those that matter most"


class Stepper(Cursor):
    """A reverse pass under way.

    While a node waits for reports its ``.grad`` is the sum of those that have come: of a leaf on
    top of what it held before the pass, as in ``Value.backward``. A node that none has reached
    keeps the ``.grad`` that it had. At the end every ``.grad`` is what ``backward`` leaves.

    The graph is read once, at the start: data, labels and operands that you change later do not
    change the pass. A ``.grad`` that you change stays yours until a movement writes to it:
    ``next``, ``step``, ``back``, ``until`` and ``run`` write to the operands of the nodes that they
    pass, and ``restart``, ``quit`` and a run to the end to every node.

    Movements return what they have done, or where the pass stands then. They never fail for lack of
    room: at the end, or at the start, they do nothing and return a text that says so. A Python
    session shows what they return; a script prints it.

    A node is named by the Value, its label (``"w"``, ``"layer1.neuron0.w[2]"``), or what the texts
    call it (``"w1 * x1"``, ``"v3"``, ``"w#2"``); no such name has a sign of comparison, so none is
    a condition. A target is a node, an operation (``"tanh"``), or a condition: a
    text such as ``"grad > 10"``, ``"isnan"`` or ``"abs(grad) < 1e-6 and data > 0"``, or a function
    of (node, gradient). What takes a node or a target raises a ``TypeError`` for anything else, and
    a ``ValueError`` for what is not in this graph, a label that several nodes share, or a text that
    cannot be understood.

    With ``forward``, the forward pass is replayed before the sweep, and movements go through it
    first: ``next``, ``step`` and ``back`` by one value, everything else as through the sweep.
    While it lasts ``position`` is 0. It shows recorded numbers; no ``.data`` changes.

    Attributes:
        steps: the ``Step`` of every node in the order of the pass, whether taken or not.
        values: the ``ForwardStep`` of every operation in the order of evaluation.
        breakpoints: the breakpoints, in the order of their numbers.
        watches: the watched nodes.
    """

    def __init__(
        self, root: Value, *, forward: bool = False, variables: Mapping[Value, str] = {}
    ) -> None:
        """Begin a pass; ``variables`` are what the program calls nodes that have no label."""
        super().__init__(root, forward=forward, variables=variables)
        self.watches: list[Value] = []
        self._breakpoint_numbers = count(1)
        self._notes: tuple[str, ...] = ()  # the watched gradients that the last move has changed

    # Movements ----------------------------------------------------------------------------------

    def next(self, k: int = 1) -> Step | ForwardStep | Text:
        """Take the next node, or what ``step`` has left of it; the next value of a forward pass.

        Args:
            k: how many, at least 1; more than there are leads to the end.

        Returns:
            The step, with the edges that were taken now; of several their texts, one after the
            other. A text if no node is left.

        Raises:
            TypeError: if ``k`` is not an integer.
            ValueError: if ``k`` is less than 1.
        """
        nodes = whole_number("next(k): k", k, advice=_NEXT)
        taken = [self._take()]
        while len(taken) < nodes and not self.done:
            taken.append(self._take())
        return taken[0] if nodes == 1 else Text("\n".join(map(str, taken)))

    def step(self) -> Step | ForwardStep | Text:
        """Take one edge of the next node; its last edge finishes it.

        A node without edges, such as a leaf, is finished at once, and so is a forward step.

        Returns:
            The step, with that edge only; a text if no node is left.
        """
        return self._take(1)

    def back(self, k: int = 1) -> Text:
        """Take back k nodes; the edges taken of an unfinished node count as one.

        Before the first node of a sweep that began with the forward pass, values are taken back.

        Args:
            k: at least 1; more than there are leads to the start.

        Raises:
            TypeError: if ``k`` is not an integer.
            ValueError: if ``k`` is less than 1.
        """
        nodes = whole_number("back(k): k", k, advice=_BACK)
        if self._has_quit or not (self._position or self._edges_done or self._values_done):
            return self._nothing("to go back to")
        self._retreat(nodes)
        return self._stand()

    def until(self, target: Value | str | Predicate) -> Text:
        """Go forward until the target's own step is next, so that its gradient is final.

        Of an operation or a condition that is the first node further on that it fits. A breakpoint
        on the way stops the pass earlier.

        Args:
            target: a Value, label, operation, condition or function, as described above.

        Returns:
            Where the pass stands then. If a node lies behind, nothing moves; if the target is
            never met, the pass is at its end: the text says so.
        """
        goal = resolve(self.steps, target)
        if self.done:
            return self._nothing("left to take")
        place = self._next_at(goal)
        if place is None and goal.node is not None:
            return self._stay(self.steps.place[goal.node])
        met = f"{goal.name} was not met"
        if place is not None:
            met = f"until {goal.found(self.steps, place)}"
        note = f" ({goal.note})" if goal.note else ""
        return self._go(len(self.steps) if place is None else place, f"{met}{note}: ")

    def run(self) -> Text:
        """Go to the next breakpoint, or to the end.

        Returns:
            Where the pass stands then, and which breakpoint has stopped it there.
        """
        if self.done:
            return self._nothing("left to take")
        return self._go(len(self.steps))

    def restart(self) -> Text:
        """Go back to the start, and make every ``.grad`` what it was before the pass.

        With a forward pass, the start is before its first value.

        Raises:
            StaleGraphError: if some ``.data`` has changed since the pass was recorded.
        """
        if self._has_quit:
            return self._nothing("to restart")
        self._refuse_changed()
        self._rewind()
        return self._stand()

    def forward(self) -> Text:
        """Go back to before the first value, to replay the forward pass before the sweep."""
        if not self._has_quit:
            self._refuse_changed()
            self._values_done = 0
        return self.restart()

    def quit(self) -> Text:
        """End the pass, at the end as well, and make every ``.grad`` what it was before it.

        Every movement from now on does nothing but say so.
        """
        if not self._has_quit:
            self._move(0, every_node=True)
            self._has_quit = True
        return self.whereabouts

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
        """
        made = Breakpoint(
            target=resolve(self.steps, target),
            condition=None if condition is None else condition_target(condition),
            once=bool(once),
            number=next(self._breakpoint_numbers),  # last, for what is wrong above takes none
        )
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
                f"there is no breakpoint {shortened(repr(number))}; those that there are: {known}"
            )
        self.breakpoints[:] = [b for b in self.breakpoints if b not in gone]
        return FittedText("\n".join(f"removed {b.text}" for b in gone) or "there is no breakpoint")

    def watch(self, node: Value | str) -> Text:
        """Show the gradient of a node after every movement that changes it."""
        found = find_node(self.steps, node)
        if found not in self.watches:
            self.watches.append(found)
        return FittedText(
            f"watching {self.steps.names[found]}, grad {held(self.grad_so_far(found))}"
        )

    def unwatch(self, node: Value | str | None = None) -> Text:
        """Do not show the gradient of a node any longer, or of any.

        Raises:
            ValueError: if it is not watched.
        """
        gone = list(self.watches) if node is None else [find_node(self.steps, node)]
        names = ", ".join(self.steps.names[found] for found in gone)
        if node is not None and gone[0] not in self.watches:
            raise ValueError(f"{names} is not watched")
        self.watches[:] = [watched for watched in self.watches if watched not in gone]
        return FittedText(f"no longer watching {names}" if gone else "nothing is watched")

    # Questions ----------------------------------------------------------------------------------

    def why(self, node: Value | str, limit: int = PATHS_SHOWN) -> Why:
        """The paths from the root to a node, whose products sum to its gradient in this pass.

        Args:
            node: the node in question, wherever the pass stands.
            limit: how many paths to list, those with the largest products; of all others the
                number and the sum are given.

        Raises:
            TypeError: if ``limit`` is not an integer.
            ValueError: if ``limit`` is less than 1.
        """
        found = find_node(self.steps, node)
        listed = whole_number("why(node, limit): limit", limit, advice=_WHY)
        return why(self.steps, found, listed)

    def check(self, node: Value | str) -> Comparison:
        """Compare the gradient of a node in this pass with finite differences.

        What depends on the node is computed again, with the node's number moved a little.

        Raises:
            ValueError: if its number or the root's is not finite.
        """
        return node_check.check(self.steps, find_node(self.steps, node))

    def nudge(self, node: Value | str, by: float | None = None) -> Text:
        """Move a node a little: what its gradient promises of the root, beside what comes.

        For a small move dw the root L moves by dL = dL/dw * dw. What depends on the node is
        computed again, beside the graph; no ``.data`` changes.

        Args:
            node: the node that moves; not the root.
            by: by how much; None for a table of moves by 1, 0.1, 0.01 and 0.001.

        Raises:
            TypeError: if ``by`` is not a real number.
            ValueError: if ``node`` is the root, or ``by`` is 0, infinite or nan.
        """
        moves = Experiment(self.steps, find_node(self.steps, node))
        return FittedText(moves.told(None if by is None else checked_move(real(by))))

    def naive(self) -> Text:
        """What a depth-first walk without topological order would compute, beside the right.

        It takes a node up when it first meets it, before all its consumers have reported.
        """
        return FittedText(beside_naive(self.steps))

    def table(self, all: bool = False) -> Text:
        """The nodes in the order of the pass, with what has reached each at this position.

        Args:
            all: show every node, not only some 60 around the position.
        """
        total, most = len(self.steps), tables.ROWS_SHOWN
        places, note = range(total), ""
        if not all and total > most:
            first = min(max(self._position - most // 2, 0), total - most)
            places = range(first, first + most)
            note = (
                f"\n({first} nodes before and {total - places.stop} after these are left out; "
                f"table(all=True) shows them)"
            )
        rows = tables.values_table if self.is_forward else tables.pass_table
        lines = [self.whereabouts, rows(self, places) + note, stale_graph(self.steps.nodes)]
        return FittedText("\n".join(filter(None, lines)))

    @property
    def whereabouts(self) -> Text:
        """Where the pass stands, and what comes next."""
        if self._has_quit:
            return FittedText(
                "the pass was quit, gradients are as before it; step_through() begins another"
            )
        if self.is_forward:
            done, total = self.values_done, len(self.values)
            where = f"after value {done} of {total}" if done else "before the first value"
            return FittedText(f"forward, {where}: next() computes {headline(self.values[done])}")
        position, total = self._position, len(self.steps)
        if position == total:
            return FittedText(
                f"at the end, position {position} of {total}: every gradient is final"
            )
        following = headline(self.steps.part(position, 0, 0))
        if self._edges_done:
            edges = f"{self._edges_done} of {self.steps.edge_count(position)} edges"
            where = f"position {position} of {total}, after {edges}: next() finishes"
        elif position:
            where = f"position {position} of {total}: next() takes"
        else:
            where = f"the start of {counted(total, 'node')}: next() takes"
        return FittedText(f"at {where} {following}")

    def __repr__(self) -> str:
        return fitted(f"<Stepper {self.whereabouts}>")

    # Within ------------------------------------------------------------------------------------

    def _refuse_changed(self) -> None:
        """Do not begin again with numbers that are the graph's no longer."""
        recording = self.steps
        refuse_stale(recording.nodes)
        for node, number in zip(recording.nodes, recording.data):
            now = node.data
            if now != number and (now == now or number == number):
                raise StaleGraphError(
                    f"{recording.names[node]} was {number!r} when this pass was recorded, and is "
                    f"{now!r} now; step_through() begins a pass with the new numbers"
                )

    def _take(self, most_edges: int | None = None) -> Step | ForwardStep | Text:
        """Take a step, or so many edges of it, with notes of what it changes."""
        if self.done:
            return self._nothing("left to take")
        if self.is_forward:
            return self._compute()
        step = self._advance(most_edges)
        return dataclasses.replace(step, notes=self._notes) if self._notes else step

    def _go(self, end: int, met: str = "") -> Text:
        """Run to a place, or to the first breakpoint before it; ``met`` tells of the place."""
        stops = [b.reason(self.steps, self._position) + ": " for b in self._run_to(end)]
        return self._stand("".join([*stops, met * (self._position == end)]))

    def _stay(self, place: int) -> Text:
        """What to say of a node that is not ahead."""
        name, back = self.steps.names[self.steps.nodes[place]], self._position - place
        where = f"lies behind, back({back}) leads there" if back else "is next already"
        return FittedText(f"{name} {where}: {self.whereabouts}")

    def _move(self, position: int, edges_done: int = 0, every_node: bool = False) -> None:
        """Move, and note which of the watched gradients that changes."""
        before = [held(self.grad_so_far(node)) for node in self.watches]
        super()._move(position, edges_done, every_node)
        self._notes = tuple(
            f"watch {self.steps.names[node]}: grad {was} -> {now}"
            for node, was in zip(self.watches, before)
            if (now := held(self.grad_so_far(node))) != was
        )

    def _stand(self, met: str = "") -> Text:
        return FittedText("\n  ".join([met + self.whereabouts, *self._notes]))

    def _nothing(self, to_do: str) -> Text:
        return FittedText(f"nothing {to_do}: {self.whereabouts}")
