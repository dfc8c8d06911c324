"""The ``Cursor``: a position in a recorded pass, and the moves that change it.

A recording goes in; what goes out is written to ``.grad``, by assignment of recorded numbers, so
that going back restores every bit. Nothing here is text: ``Stepper`` derives from it, finds out
what a user means, and says where a move has led to, as pdb does on top of bdb.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from ..core import Value
from .recording import Forward, Recording
from .steps import ForwardStep, Step
from .targets import Breakpoint, Target


class Cursor:
    """Where a pass stands, and what stops it."""

    def __init__(
        self, root: Value, *, forward: bool = False, variables: Mapping[Value, str] = {}
    ) -> None:
        self.steps = Recording(root, variables)
        self.breakpoints: list[Breakpoint] = []
        self._position = 0
        self._edges_done = 0
        self._has_quit = False
        # How many values are computed, or None without a forward pass.
        self._values_done: int | None = 0 if forward else None
        # Whether a breakpoint, and whether a target of ``until``, has stopped the pass here.
        self._reported = self._met = False

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

    @property
    def current(self) -> Value:
        """The node that is next; at the end the last one."""
        if self.is_forward:
            return self.values.nodes[self.values_done]
        return self.steps.nodes[min(self._position, len(self.steps) - 1)]

    def grad_so_far(self, node: Value) -> float | None:
        """The ``.grad`` of a node where the pass stands; None if no report has reached it."""
        latest = self.steps.latest(node, self.edges_taken)
        if latest is not None:
            return latest.after
        begun = self._position + self._edges_done > 0
        return self.steps.after(node) if begun and node is self.root else None

    @property
    def edges_taken(self) -> int:
        """How many of all edges of the pass are taken."""
        return self.steps.starts[self._position] + self._edges_done

    def stops(self, places: Iterable[int], edges_done: int = 0) -> Iterator[list[Breakpoint]]:
        """The breakpoints that stop the pass before each of some places, in their order.

        A node's stops before every step that changes its gradient, and is only looked at there.

        Args:
            places: where to look.
            edges_done: how many edges of the first of these places are taken.
        """
        on: dict[Value | None, list[Breakpoint]] = {}
        for b in self.breakpoints:
            if b.enabled:
                on.setdefault(b.target.node, []).append(b)
        for place in places:
            if not on:
                yield []
                continue
            reports = self.steps.sent(place)[edges_done:]
            touched: dict[Value | None, None] = {report.operand: None for report in reports}
            if not edges_done:
                touched |= {None: None} | ({self.root: None} if place == 0 else {})
            met = [b for node in touched for b in on.get(node, ())]
            stops = [b for b in met if b.holds(self.steps, place, edges_done)]
            yield sorted(stops, key=lambda b: b.number)
            edges_done = 0

    # Moves, for who derives from it -------------------------------------------------------------

    def _compute(self) -> ForwardStep:
        """Go past the next value of the forward pass."""
        step = self.values[self.values_done]
        self._values_done = self.values_done + 1
        return step

    def _advance(self, most_edges: int | None = None) -> Step:
        """Write the edges of the next node that are left, or so many of them."""
        place, first = self._position, self._edges_done
        edges = self.steps.edge_count(place)
        last = edges if most_edges is None else min(first + most_edges, edges)
        if last == edges:
            self._move(place + 1)
        else:
            self._move(place, last)
        return self.steps.part(place, first, last)

    def _retreat(self, k: int) -> None:
        """Go back by k nodes, and before the first of them by values."""
        nodes, values = self._position + (self._edges_done > 0), self._values_done
        self._move(max(nodes - k, 0))
        if values is not None:
            self._values_done = max(values - max(k - nodes, 0), 0)

    def _run_to(self, end: int) -> list[Breakpoint]:
        """Go to a place, or to the first breakpoint on the way; gives those that stop it."""
        place, edges_done, stops = self._next_stop(end)
        if self._values_done is not None:  # the forward pass comes first
            self._values_done = len(self.values)
        self._move(place, edges_done, every_node=place == len(self.steps))
        self._reported, self._met = bool(stops), place == end
        for b in stops:
            b.hits += 1
        self.breakpoints[:] = [b for b in self.breakpoints if not (b.once and b in stops)]
        return stops

    def _rewind(self) -> None:
        """Go back to the start, with every ``.grad`` as before the pass."""
        self._move(0, every_node=True)
        if self._values_done is not None:
            self._values_done = 0

    def _next_at(self, target: Target) -> int | None:
        """The first place ahead at which a target is; None if there is none."""
        # The place where the pass stands is not ahead of it, but for the start.
        has_begun = self._position > 0 or self._edges_done > 0 or self._reported or self._met
        ahead = range(self._position + has_begun, len(self.steps))
        if target.node is not None:
            place = self.steps.place[target.node]
            return place if place in ahead else None
        return next((place for place in ahead if target.is_at(self.steps, place)), None)

    def _next_stop(self, end: int) -> tuple[int, int, list[Breakpoint]]:
        """Where a run to a place ends: the place, its edges done, and what stops the run there.

        It may end where it begins, unless the pass has been stopped there already.
        """
        first, edges_done = self._position, self._edges_done
        if self._reported:
            first, edges_done = first + 1, 0
        places = range(first, min(end + 1, len(self.steps)))
        for place, stops in zip(places, self.stops(places, edges_done)):
            if stops:
                return place, edges_done if place == first else 0, stops
        return end, 0, []

    def _move(self, position: int, edges_done: int = 0, every_node: bool = False) -> None:
        """Stand somewhere else in the sweep, with the gradients that belong there.

        Args:
            position: how many nodes are finished.
            edges_done: how many edges of the next one are taken.
            every_node: at the start or the end, write to all nodes, not only where the way leads.
        """
        recording, root = self.steps, self.root
        first, was_at_start = self.edges_taken, not self._position + self._edges_done
        self._position, self._edges_done = position, edges_done
        self._reported = self._met = False
        if every_node:
            held = recording.before if position == 0 else map(recording.after, recording.nodes)
            for node, grad in zip(recording.nodes, held):
                node.grad = grad
            return
        recording.write(first, self.edges_taken)
        recording.take_back(self.edges_taken, first)
        # Nothing reports to the root: its own first step writes it.
        if was_at_start:
            root.grad = recording.after(root)
        if not position + edges_done:
            root.grad = recording.before[0]
