"""One gradient of a pass against finite differences: what depends on the node is computed again.

Nothing in the graph is touched: operations are computed anew on plain floats.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ..checking.differences import Comparison, Tolerances, differentiate, judge, rounding_of
from ..core.ops import Op
from ..core.value import Value
from ..words.names import derivative
from .recording import Recording

TOLERANCES = Tolerances(relative=1e-5, absolute=0.0)


def check(recording: Recording, node: Value) -> Comparison:
    """Compare a gradient of the pass with finite differences of the graph above the node.

    What was computed from the node is computed again with its number moved a little.

    Raises:
        ValueError: if the number of the node or of the root is not finite.
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
    slope = differentiate(function, x, rounding, 0.1 * TOLERANCES.relative)
    analytic = recording.gradients[recording.place[node]]
    return judge(name, x, value, analytic, slope, TOLERANCES)


def _above(recording: Recording, node: Value) -> list[int]:
    """The places of all nodes that depend on a node, operands first; none for the root."""
    found = {recording.place[node]}
    waiting = list(found)
    while waiting:
        for edge in recording.arriving(recording.nodes[waiting.pop()]):
            consumer = recording.reports[edge].consumer
            place = recording.place[consumer]
            if place not in found and not _is_constant(consumer.op):
                found.add(place)
                waiting.append(place)
    return sorted(found - {recording.place[node]}, reverse=True)


def _is_constant(op: Op) -> bool:
    """Whether what an operation gives counts as constant, as in the sweep: after stop_gradient.

    A step lets no derivative pass either, but it has a kink, and moving over that is seen.
    """
    return not op.kinks and not any(partial.passes for partial in op.partials)


def _function(recording: Recording, node: Value, above: Sequence[int]) -> Callable[[float], float]:
    """The root as a function of the number of a node."""
    moving = {recording.nodes[place] for place in above} | {node}
    # What makes each node, from which numbers, and which of these depend on the node.
    program: list[tuple[Value, Callable[..., float], list[float], list[tuple[int, Value]]]] = []
    for place in above:
        made = recording.nodes[place]
        assert made.op is not None
        inputs = [(i, x) for i, x in enumerate(made.operands) if x in moving]
        program.append((made, made.op.forward, recording.numbers(made), inputs))

    def root(x: float) -> float:
        moved = {node: x}
        for made, forward, numbers, inputs in program:
            for i, operand in inputs:
                numbers[i] = moved[operand]
            moved[made] = forward(*numbers)
        return moved.get(recording.root, recording.data[0])

    return root
