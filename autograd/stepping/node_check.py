"""One gradient of a pass against finite differences: what depends on the node is computed again."""

from __future__ import annotations

import math

from ..checking.differences import Claim, Comparison, Tolerances, compare
from ..core import Value
from ..words.names import derivative
from .above import Above
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
    above = Above(recording, node)
    claim = Claim(above.root, above.slope, x, value, above.rounding(x), above.restless)
    return compare(name, claim, recording.gradients[recording.place[node]], TOLERANCES)
