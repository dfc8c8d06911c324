"""A recorded pass as it stands at one of its positions, for pictures of it.

A recording and a position go in; what ``drawing`` asks of a ``Moment`` comes out: which gradients
have come together so far, from how many consumers, and along which edges.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from ..core import Value
from ..core.sweep import local_partials
from ..drawing.picture import Carried
from .recording import Recording


@dataclass(frozen=True)
class MomentOfPass:
    """A pass after so many nodes and edges.

    Attributes:
        recording: the pass.
        position: how many nodes are finished, as the ``Stepper`` counts.
        edges_done: how many edges of the next one have been taken.
        current: the node to draw the eye to.
        alone: whether to leave out what leaves held before the pass, to which it adds.
        counts: whether to say how many consumers have reported.
    """

    recording: Recording
    position: int
    edges_done: int = 0
    current: Value | None = None
    alone: bool = False
    counts: bool = True

    def name(self, node: Value) -> str:
        """What the steps of the pass call it."""
        return self.recording.names[node]

    def data(self, node: Value) -> float:
        """Its number when the pass began."""
        return self.recording.data[self.recording.place[node]]

    def gradient(self, node: Value) -> float | None:
        """What has come so far; the root has its 1 when the first step begins."""
        recording, done = self.recording, self._done
        if node is recording.root:
            if not self.position and not self.edges_done:
                return None
            return 1.0 if self.alone else recording.after(node)
        if self.alone:
            return recording.received(node, done) if self._come(node) else None
        edge = recording.latest(node, done)
        return None if edge is None else edge.after

    def count(self, node: Value) -> str:
        """How many of its consumers have reported; of the root, which has none, nothing."""
        if node is self.recording.root or not self.counts:
            return ""
        return f"{self._come(node)}/{len(self.recording.arriving(node))}"

    def carried(self, node: Value) -> Sequence[Carried]:
        """What each edge has carried, those that are still to come nothing."""
        recording = self.recording
        place = recording.place[node]
        first, done = recording.starts[place], self._done
        gradient = recording.gradients[place] if first < done else None
        found = [Carried(slope or 0.0, gradient) for slope in local_partials(node)]
        for edge, report in enumerate(recording.sent(place), start=first):
            # Without a partial there may be a derivative all the same, if no gradient came here.
            partial = report.partial
            known = found[report.position].partial if partial is None else partial
            contribution = report.contribution if edge < done else None
            found[report.position] = Carried(known, gradient, contribution)
        return found

    @property
    def _done(self) -> int:
        """How many of all edges have been taken."""
        return self.recording.starts[self.position] + self.edges_done

    def _come(self, node: Value) -> int:
        """How many reports to a node have come."""
        return bisect_left(self.recording.arriving(node), self._done)
