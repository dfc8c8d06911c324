"""``live``: a page in which a model is trained, looked at point by point, and taken in hand.

A model and its data go in. One instance is recorded, and its graph becomes the page, with all
instances as rows of numbers for its inputs and targets.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autograd.page.page import LivePage
from autograd.page.points import Points, page_of
from autograd.text import got, number_within

from . import divergences
from .divergences import LARGEST, NEAREST, REALS, Divergence, row_of
from .instances import data_set
from .module import Module
from .risk import EmpiricalRisk, LoweredRisk
from .targets import Array, Labels, labels_of

# The step size to begin with: of a divergence of probabilities, and of another.
OF_PROBABILITIES, OF_OTHERS = 2.0, 0.2


def live(
    model: Module,
    X: Any,
    D: Any,
    divergence: Divergence = divergences.binary_kl,
    path: str | os.PathLike[str] | None = None,
    *,
    threshold: float | None = None,
) -> Path | LivePage:
    """Make a page in which a model is trained: its loss, what it says of the plane, and its graph.

    The page is one file that needs no network. It descends on the empirical risk, all points or a
    few at a time, and shows the decision boundary of two inputs, or the curve of one, as it moves.
    Click a point, and its graph is drawn with its numbers; drag a weight, and boundary and loss
    follow. The model itself is left as it is.

    Args:
        model: a module with parameters, which computes all instances by one formula.
        X: T inputs, in any container that ``fit`` takes, of one shape.
        D: T targets, likewise.
        divergence: div(Y, d); see ``nn.divergences``.
        path: a file whose name ends in ``.html``; None for a page that a notebook shows.
        threshold: from where up an output that is one number is of the second of two classes; by
            default as the divergence has it, or else 0.5, and 0 for targets -1 and 1.

    Returns:
        The path of the file that was written; or the page.

    Raises:
        TypeError: if the model is no module, or X or D is no data set.
        ValueError: if there are no data or parameters, a number is not finite, the divergence is
            not defined for what the model gives, the graph has too many nodes for so many points,
            an operation cannot be written in JavaScript, or ``path`` does not end in ``.html``.
        LoweringError: (a ValueError) if the model does not compute all instances by one formula,
            as with an ``if`` on its input; see ``EmpiricalRisk.lower``.
        OSError: if the folder does not exist or takes no files, or ``path`` is a folder.
    """
    if not isinstance(model, Module):
        raise TypeError(
            f"nn.live() trains an nn.Module, got {got(model)}; the graph of a Value is "
            f"shown by autograd.live(root)"
        )
    if isinstance(divergence, str | os.PathLike):
        raise TypeError(
            f"nn.live: the divergence is a function such as nn.divergences.l2, got "
            f"{got(divergence)}; a file is given by its name, as in path={os.fspath(divergence)!r}"
        )
    if not model.parameters():
        raise ValueError(f"{model!r} has no parameters, so there is nothing to train")
    if threshold is not None:
        threshold = number_within("threshold", threshold, -math.inf, math.inf)
    X, D = data_set(X, D)
    lowered = LoweredRisk(EmpiricalRisk(model, divergence), X[0], D[0], by_values=False)
    rows = lowered.rows(X, D)
    _check_finite(rows, lowered)
    _check_outputs(lowered.bind(X, D), divergence)
    root, leaves, outputs = lowered.recorded
    root.label = root.label or "div"
    reading, row = _reading(divergence, len(outputs), D, threshold), row_of(divergence)
    page = page_of(
        Points(
            root=root,
            inputs=leaves[: lowered.inputs.size],
            targets=leaves[lowered.inputs.size :],
            outputs=outputs,
            parameters=lowered.wrt,
            rows=rows.tolist(),
            classes=reading.classes,
            labels=reading.labels,
            threshold=reading.threshold,
            scale=reading.scale,
            eta=OF_OTHERS if row is None or row.decision in (None, NEAREST) else OF_PROBABILITIES,
            divergence=getattr(divergence, "__name__", "divergence"),
        )
    )
    return page if path is None else page.save(path)


def _check_finite(rows: Array, lowered: LoweredRisk) -> None:
    finite = np.isfinite(rows)
    if finite.all():
        return
    i, j = (int(place) for place in np.argwhere(~finite)[0])
    layout, k = (lowered.inputs, j) if j < lowered.inputs.size else (lowered.targets, 0)
    k = j if layout is lowered.inputs else j - lowered.inputs.size
    where = (
        "".join(f"[{index}]" for index in np.unravel_index(k, layout.shape)) if layout.shape else ""
    )
    raise ValueError(
        f"{layout.name}[{i}]{where} is {rows[i, j]}, which has no place in a picture; leave that "
        f"instance out, or fill in a number"
    )


def _check_outputs(program: Any, divergence: Divergence) -> None:
    """Refuse a divergence that is not defined for what the model gives."""
    row = row_of(divergence)
    if row is not None:
        program()
        if objection := row.objection(program.observed().tolist()):
            raise ValueError(objection)


@dataclass(frozen=True)
class _Reading:
    """How the class is read from outputs; see ``Points``."""

    classes: list[int] | None = None
    labels: tuple[str, ...] = ()
    threshold: float = 0.0
    scale: float = 1.0


def _reading(divergence: Divergence, K: int, D: Any, threshold: float | None) -> _Reading:
    """How the class is read from K outputs, if the targets are classes."""
    labels, row = labels_of(D), row_of(divergence)
    if labels is None:
        return _Reading()
    decision = None if row is None else row.decision
    are_logits = decision not in (None, NEAREST) and row is not None and row.outputs == REALS
    classes = [int(c) for c in labels.classes]
    if K > 1:
        names = tuple(map(str, range(K)))
        by_largest = decision in (None, LARGEST, NEAREST) or (row and row.takes_class(K))
        fits = by_largest and _fits(labels, K)
        return _Reading(classes, names, 0.0, 0.0 if are_logits else 1.0) if fits else _Reading()
    if labels.pair is None:
        return _Reading()
    low, high = labels.pair
    if threshold is None:
        threshold = decision if isinstance(decision, float) else labels.threshold
    scale = 0.0 if are_logits else (high - low) / 2.0
    return _Reading(classes, (f"{low:g}", f"{high:g}"), threshold, scale)


def _fits(labels: Labels, K: int) -> bool:
    """Whether of K outputs the place of the largest can be the class."""
    try:
        labels.found(np.zeros((1, K)))
    except ValueError:
        return False
    return True
