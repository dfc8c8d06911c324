"""Breakpoints: where a pass that runs is to stop, and how often it has stopped there."""

from __future__ import annotations

from dataclasses import dataclass

from ..text import counted
from .recording import Recording
from .targets import Target


@dataclass(eq=False, repr=False)
class Breakpoint:
    """A place, or places, before which ``run`` and ``until`` stop.

    Attributes:
        number: what ``remove_breakpoint`` calls it, from 1; never used twice in a session.
        target: what it is on.
        condition: what must hold besides, or None. It is about the target if that is one node,
            with the gradient that has reached it so far, and else about the node that comes next.
        once: whether it goes away when it has stopped the pass once.
        enabled: whether it stops anything; may be set.
        hits: how often it has stopped the pass.
    """

    number: int
    target: Target
    condition: Target | None = None
    once: bool = False
    enabled: bool = True
    hits: int = 0

    def stops_before(self, recording: Recording, place: int, edges_done: int = 0) -> bool:
        """Whether the pass stops before the step at a place, or before what is left of it."""
        if not (self.enabled and self.target.is_touched_at(recording, place, edges_done)):
            return False
        if self.condition is None:
            return True
        node, gradient = self.target.subject(recording, place, edges_done)
        return self.condition.holds(node, gradient, recording.data[recording.place[node]])

    def reason(self, recording: Recording, place: int) -> str:
        """Why the pass stops before the step at a place: ``breakpoint 1, before w changes``."""
        if self.target.node is not None:
            return f"breakpoint {self.number}, before {self.target.name} changes"
        return f"breakpoint {self.number}, {self.target.found(recording, place)}"

    @property
    def text(self) -> str:
        """Everything about it in one line: ``breakpoint 1 on w if grad > 10 (once), 2 hits``."""
        condition = f" if {self.condition.name}" if self.condition else ""
        note = f"; {self.target.note}" if self.target.note else ""
        return (
            f"breakpoint {self.number} on {self.target.name}{condition}{' (once)' * self.once}, "
            f"{counted(self.hits, 'hit')}{', disabled' * (not self.enabled)}{note}"
        )

    def __repr__(self) -> str:
        return self.text
