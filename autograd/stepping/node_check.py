"""One gradient of a pass against finite differences: what depends on the node is computed again.

Nothing in the graph is touched: operations are computed anew on plain floats.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from ..checking.differences import Claim, Comparison, Tolerances, compare, is_restless, rounding_of
from ..core import Value
from ..core.ops import Op
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
    function, slope, restless = _functions(recording, node, above)
    claim = Claim(function, slope, x, value, rounding, restless)
    return compare(name, claim, recording.gradients[recording.place[node]], TOLERANCES)


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


def _functions(
    recording: Recording, node: Value, above: Sequence[int]
) -> tuple[Callable[[float], float], Callable[[float], float], Callable[[], str]]:
    """The root as a function of the number of a node, its slope, and what is restless."""
    moving = {recording.nodes[place] for place in above} | {node}
    # What makes each node, from which numbers, and which of these depend on the node.
    program: list[tuple[Value, Op, list[float], list[tuple[int, Value]]]] = []
    for place in above:
        made = recording.nodes[place]
        assert made.op is not None
        inputs = [(i, x) for i, x in enumerate(made.operands) if x in moving]
        program.append((made, made.op, recording.numbers(made), inputs))

    def moved(x: float) -> Iterator[tuple[Value, Op, float, list[float]]]:
        data = {node: x}
        for made, op, numbers, inputs in program:
            for i, operand in inputs:
                numbers[i] = data[operand]
            data[made] = op.forward(*numbers)
            yield made, op, data[made], numbers

    def root(x: float) -> float:
        data = {node: x} | {made: number for made, _, number, _ in moved(x)}
        return data.get(recording.root, recording.data[0])

    def slope(x: float) -> float:
        slopes = {node: 1.0}
        for (made, op, data, numbers), (*_, inputs) in zip(moved(x), program):
            partials = op.slopes_at(data, numbers)
            reports = [(partials[i], slopes[operand]) for i, operand in inputs]
            slopes[made] = sum([p * s for p, s in reports if p is not None and s != 0.0])
        return slopes.get(recording.root, 0.0)

    def restless() -> str:
        for (_, op, data, numbers), (*_, inputs) in zip(
            moved(recording.data[recording.place[node]]), program
        ):
            if is_restless(op, data, numbers, [i for i, _ in inputs]):
                return op.name
        return ""

    return root, slope, restless
