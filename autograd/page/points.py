"""The page of one instance's graph, which it computes for every point of a data set.

The graph of a divergence at one point goes in, with the points as rows of numbers for its inputs
and targets. The page trains the parameters on all of them, draws what the model says of the plane,
and draws the graph of any point that is clicked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..core import Value
from ..languages import JAVASCRIPT
from ..stepping.recording import Recording
from . import page
from .data import Extra, Opening, packed
from .page import LivePage

# How many nodes, times points, a page computes and differentiates for one step of a descent.
MOST_NUMBERS = 500_000
# Of so many points each can still be seen, and clicked.
MOST_POINTS = 5_000
FEWEST_IN_A_GROUP = 4


@dataclass(frozen=True)
class Points:
    """A data set, and the graph of one of its instances.

    Attributes:
        root: the divergence, computed at the first row.
        inputs: the leaves that hold the input.
        targets: the leaves that hold the target.
        outputs: what the divergence was computed from.
        parameters: the leaves to train.
        rows: for each point its input and its target.
        classes: the class of each point, if the targets are classes.
        labels: what the classes are called.
        threshold: of a single output, from where up it is of the second of two classes.
        scale: how far from the threshold an output has to be to be certain; 0 for a logit.
        eta: the step size to begin with.
        divergence: what the divergence is called.
    """

    root: Value
    inputs: Sequence[Value]
    targets: Sequence[Value]
    outputs: Sequence[Value]
    parameters: Sequence[Value]
    rows: Sequence[Sequence[float]]
    classes: Sequence[int] | None
    labels: Sequence[str]
    threshold: float
    scale: float
    eta: float
    divergence: str


def page_of(points: Points) -> LivePage:
    """The page.

    Raises:
        ValueError: if the graph or the data set is too large, or an operation cannot be written in
            JavaScript.
    """
    recording = Recording(points.root)
    _check_size(len(recording), len(points.rows))
    _check_operations(recording)
    moving = [leaf for leaf in points.parameters if leaf in recording.place]
    last = len(recording) - 1
    place = {node: last - at for node, at in recording.place.items()}
    extra = Extra(
        title=f"{points.divergence} of {len(points.rows):,} points: a model to train",
        scripts=("columns.js", "training.js", "chart.js", "classifier.js"),
        without=("descent.js", "map.js"),
        # What leaves hold from earlier passes is no gradient of this one.
        data={"points": _data(points, place), "held": {}},
        groups=_inside_the_divergence(points, recording),
    )
    return page.page_of(recording, Opening(trainable=moving), extra)


def _check_size(nodes: int, points: int) -> None:
    if nodes * points <= MOST_NUMBERS and points <= MOST_POINTS:
        return
    most = min(MOST_POINTS, MOST_NUMBERS // nodes)
    raise ValueError(
        f"the page computes {nodes:,} Values for each of {points:,} points at every step, and at "
        f"most {MOST_NUMBERS:,} Values and {MOST_POINTS:,} points in all; pass at most {most:,} "
        f"points, such as X[:{most}], or a smaller model"
    )


def _check_operations(recording: Recording) -> None:
    ops = {node.op for node in recording.nodes if node.op is not None}
    try:
        JAVASCRIPT.program(ops)
    except ValueError as error:
        raise ValueError(f"the page computes in JavaScript: {error}") from None


def _data(points: Points, place: dict[Value, int]) -> dict[str, Any]:
    """What the script knows of the points; a leaf that the graph does not use has the place -1."""
    outputs = [place.get(y, -1) for y in points.outputs]
    return {
        "inputs": [place.get(x, -1) for x in points.inputs],
        "targets": [place.get(d, -1) for d in points.targets],
        "inputNames": [x.label for x in points.inputs],
        "outputs": outputs,
        "rows": packed(number for row in points.rows for number in row),
        "count": len(points.rows),
        "classes": points.classes if -1 not in outputs else None,
        "labels": points.labels,
        "threshold": points.threshold,
        "scale": points.scale,
        "eta": points.eta,
    }


def _inside_the_divergence(points: Points, recording: Recording) -> dict[str, list[Value]]:
    """What lies between the outputs and the divergence, if it is much: a group that is closed."""
    below = set(points.outputs)
    for node in recording.nodes:  # consumers first
        if node in below:
            below.update(x for x in node.operands if isinstance(x, Value))
    inside = [node for node in recording.nodes[1:] if node.op is not None and node not in below]
    return {points.divergence: inside} if len(inside) >= FEWEST_IN_A_GROUP else {}
