"""The forward pass again, from recorded numbers: value by value, or with one of them moved.

Nothing in the graph is touched: operations are computed anew on plain floats.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import overload

from ..checking.differences import Comparison, Tolerances, differentiate, judge, rounding_of
from ..core import ops
from ..core.sweep import evaluation_order
from ..core.value import Value
from ..words.names import derivative
from . import text
from .recording import Recording

TOLERANCES = Tolerances(relative=1e-5, absolute=0.0)
CONSTANT = (ops.stop_gradient, ops.softmax_shift)  # what they give counts as one in the sweep


@dataclass(frozen=True, repr=False)
class ForwardStep:
    """One operation of the forward pass, on the numbers of its operands.

    Attributes:
        number: where it comes in the forward pass, from 1.
        total: how many operations the forward pass has.
        node: the Value that it makes.
        data: its number.
        operands: the numbers that it is computed from, in order.
        names: what each node of the pass is called.
    """

    number: int
    total: int
    node: Value
    data: float
    operands: tuple[float, ...]
    names: Mapping[Value, str] = field(compare=False)

    @property
    def again(self) -> float:
        """What the operation makes of these numbers.

        It is not ``data`` if somebody has changed the ``.data`` of an operand since.
        """
        assert self.node.op is not None
        return self.node.op.forward(*self.operands)

    def __repr__(self) -> str:
        return text.describe_forward(self)


class Forward(Sequence[ForwardStep]):
    """The operations of a recorded pass in the order of evaluation: operands before results.

    Attributes:
        nodes: the nodes that were computed, in this order; leaves are given.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self.nodes = [node for node in evaluation_order(recording.root) if node.op is not None]

    def __len__(self) -> int:
        return len(self.nodes)

    @overload
    def __getitem__(self, index: int) -> ForwardStep: ...
    @overload
    def __getitem__(self, index: slice) -> list[ForwardStep]: ...
    def __getitem__(self, index: int | slice) -> ForwardStep | list[ForwardStep]:
        chosen = range(len(self))[index]
        if isinstance(chosen, range):
            return [self._step(i) for i in chosen]
        return self._step(chosen)

    def __repr__(self) -> str:
        return f"<{len(self)} forward steps>"

    def _step(self, index: int) -> ForwardStep:
        recording = self._recording
        node = self.nodes[index]
        return ForwardStep(
            number=index + 1,
            total=len(self),
            node=node,
            data=recording.data[recording.place[node]],
            operands=tuple(_numbers(recording, node)),
            names=recording.names,
        )


def check(recording: Recording, node: Value) -> Comparison:
    """Compare a gradient of the pass with finite differences of the graph above the node.

    What was computed from the node is computed again with its number moved a little.

    Raises:
        ValueError: if the number of the node or of the root is not finite, or the graph holds
            other numbers than it was computed with.
    """
    name = derivative(recording.names[recording.root], recording.names[node])
    x, value = recording.data[recording.place[node]], recording.data[0]
    for what, number in ((recording.names[node], x), (recording.names[recording.root], value)):
        if not math.isfinite(number):
            raise ValueError(
                f"cannot check {name}: {what} is {number}, and finite differences need finite "
                f"numbers"
            )
    above = _above(recording, node)
    rounding = rounding_of(
        value, [(recording.gradients[place], recording.data[place]) for place in above]
    )
    function = _function(recording, node, above)
    if (again := function(x)) != value:
        raise ValueError(
            f"cannot check {name}: {recording.names[recording.root]} is {value}, and computed "
            f"again {again}: some .data has changed since; compute it anew and step through that"
        )
    slope = differentiate(function, x, rounding, 0.1 * TOLERANCES.relative)
    analytic = recording.gradients[recording.place[node]]
    return judge(name, x, value, analytic, slope, TOLERANCES)


def _above(recording: Recording, node: Value) -> list[int]:
    """The places of all nodes that depend on a node, operands first; none for the root.

    What ``CONSTANT`` operations give depends on no node, as in the sweep.
    """
    found = {recording.place[node]}
    waiting = list(found)
    while waiting:
        for edge in recording.reports(recording.nodes[waiting.pop()]):
            consumer = recording.consumer(edge)
            place = recording.place[consumer]
            if place not in found and consumer.op not in CONSTANT:
                found.add(place)
                waiting.append(place)
    return sorted(found - {recording.place[node]}, reverse=True)


def _function(recording: Recording, node: Value, above: Sequence[int]) -> Callable[[float], float]:
    """The root as a function of the number of a node."""
    moving = {recording.nodes[place] for place in above} | {node}
    # What makes each node, from which numbers, and which of these depend on the node.
    program: list[tuple[Value, Callable[..., float], list[float], list[tuple[int, Value]]]] = []
    for place in above:
        made = recording.nodes[place]
        assert made.op is not None
        inputs = [(i, x) for i, x in enumerate(made.operands) if x in moving]
        program.append((made, made.op.forward, _numbers(recording, made), inputs))

    def root(x: float) -> float:
        moved = {node: x}
        for made, forward, numbers, inputs in program:
            for i, operand in inputs:
                numbers[i] = moved[operand]
            moved[made] = forward(*numbers)
        return moved.get(recording.root, recording.data[0])

    return root


def _numbers(recording: Recording, node: Value) -> list[float]:
    """The operands of a node as the numbers that they were when the pass began."""
    return [
        recording.data[recording.place[x]] if isinstance(x, Value) else x for x in node.operands
    ]
