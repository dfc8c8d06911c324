"""The graph above a node, as a function of the number of that node.

What depends on the node is computed anew on plain floats; nothing in the graph is touched. Finite
differences and nudges of a recorded pass ask it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..checking.differences import is_kinked, is_restless, rounding_of
from ..core import Value
from ..core.formula import read
from ..core.ops import Op
from .recording import Recording


class _Made(NamedTuple):
    """A node that depends on the one that moves.

    Attributes:
        node: the node.
        op: what makes it.
        numbers: from which numbers, some of which are written anew for each move.
        inputs: the places and nodes of those.
    """

    node: Value
    op: Op
    numbers: list[float]
    inputs: list[tuple[int, Value]]


class Above:
    """The root of a pass as a function of the number of one node.

    Attributes:
        recording: the pass.
        node: the node that moves.
        places: the places of all nodes that move with it, operands first.
    """

    def __init__(self, recording: Recording, node: Value, through_stops: bool = False) -> None:
        """Find what depends on a node.

        Args:
            recording: the pass.
            node: the node that moves.
            through_stops: whether what ``stop_gradient`` gives moves too, which to the sweep is
                constant.
        """
        self.recording, self.node = recording, node
        found = {recording.place[node]}
        waiting = list(found)
        while waiting:
            for edge in recording.arriving(recording.nodes[waiting.pop()]):
                consumer = recording.reports[edge].consumer
                place = recording.place[consumer]
                if place not in found and (through_stops or not is_stop(consumer.op)):
                    found.add(place)
                    waiting.append(place)
        self.places = sorted(found - {recording.place[node]}, reverse=True)
        moving = {recording.nodes[place] for place in self.places} | {node}
        self._program: list[_Made] = []
        for place in self.places:
            made = recording.nodes[place]
            assert made.op is not None
            inputs = [(i, x) for i, x in enumerate(made.operands) if x in moving]
            self._program.append(_Made(made, made.op, recording.numbers(made), inputs))

    def _moved(self, x: float) -> Iterator[tuple[_Made, float]]:
        """What moves with the node, in order, with what each is where the node is x."""
        data = {self.node: x}
        for made in self._program:
            for i, operand in made.inputs:
                made.numbers[i] = data[operand]
            data[made.node] = made.op.forward(*made.numbers)
            yield made, data[made.node]

    def root(self, x: float) -> float:
        """The number of the root where that of the node is x."""
        data = {self.node: x} | {made.node: number for made, number in self._moved(x)}
        return data.get(self.recording.root, self.recording.data[0])

    def slope(self, x: float) -> float:
        """The derivative of the root by the node there, as the rows of the table say."""
        slopes = {self.node: 1.0}
        for made, number in self._moved(x):
            partials = made.op.slopes_at(number, made.numbers)
            reports = [(partials[i], slopes[operand]) for i, operand in made.inputs]
            slopes[made.node] = sum([p * s for p, s in reports if p is not None and s != 0.0])
        return slopes.get(self.recording.root, 0.0)

    def rounding(self, x: float) -> float:
        """How far the root may be off there because every node has been rounded.

        The derivatives by the nodes are taken to be what they are in the pass.
        """
        gradients = self.recording.gradients
        numbers = [number for _, number in self._moved(x)]
        above = [gradients[place] for place in self.places]
        moves = self.places[-1:] == [0]  # the root, which is computed last
        value = numbers[-1] if moves else self.root(x)
        return rounding_of(value, zip(above, numbers))

    def restless(self) -> str:
        """An operation that jumps between the numbers of the pass and the next floats, or ""."""
        for made, number in self._moved(self._number):
            if is_restless(made.op, number, made.numbers, [i for i, _ in made.inputs]):
                return made.op.name
        return ""

    def kinked(self) -> str:
        """An operation that has a kink, or jumps, at the numbers of the pass; or ""."""
        for made, _ in self._moved(self._number):
            if is_kinked(made.op, made.numbers, [i for i, _ in made.inputs]):
                return made.op.name
        return ""

    def stop(self) -> str:
        """An operation on the way that moves, and lets no derivative pass; or ""."""
        return next((made.op.name for made in self._program if is_stop(made.op)), "")

    def is_linear(self) -> bool:
        """Whether the rows say that the root is linear in the node, over all numbers.

        That is so if no slope on the way depends on what moves.
        """
        for made in self._program:
            moving = {i for i, _ in made.inputs}
            slopes = bends(made.op, len(made.numbers))
            if any((slope := slopes[i]) is None or moving & slope for i in moving):
                return False
        return True

    @property
    def _number(self) -> float:
        return self.recording.data[self.recording.place[self.node]]


def is_stop(op: Op) -> bool:
    """Whether what an operation gives counts as constant, as in the sweep: after stop_gradient.

    A step lets no derivative pass either, but it has a kink, and moving over that is seen.
    """
    return not op.kinks and not any(partial.passes for partial in op.partials)


def bends(op: Op, operands: int) -> Sequence[frozenset[int] | None]:
    """For each operand of a row the places of those that its slope depends on.

    None stands for a slope that does not say all: where none passes, or the row jumps.
    """
    everything = frozenset(range(operands))
    found: list[frozenset[int] | None] = []
    for partial in op.partials:
        if not partial.passes or (partial.constant is not None and op.kinks):
            found.append(None)
        elif partial.constant is not None:
            found.append(frozenset())
        elif op.arity is None:
            found.append(everything)
        else:
            tokens = read(partial.computed or partial.text, op.slope_letters)
            used = {token.what for token in tokens if token.operands is None}
            places = [i for i, letter in enumerate(op.letters) if letter in used]
            found.append(everything if "z" in used else frozenset(places))
    return found * operands if op.arity is None else found
