"""A graph as one HTML file in which every number can be moved, offline, in any browser.

A recorded pass goes in. Out comes a page that holds everything: the graph as data, the operations
that it uses in JavaScript, a style sheet and a script. Labels are text wherever they stand, and the
page forbids itself, by its Content-Security-Policy, everything but its own style and script.
Without JavaScript the formula, a still picture and a table of numbers remain.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

from ..core import Value
from ..drawing import kit
from ..files import checked_place, write_whole, written
from ..stepping import diagnoses, nudge
from ..stepping.cursor import Cursor
from ..stepping.moments import MomentOfPass
from ..stepping.recording import Recording
from ..text import got, plain, several
from ..words import formulas
from ..words.staleness import stale_graph
from ..words.variables import variables_of
from .data import LONGEST_FORMULA, MOST_NODES, Extra, Opening, operations, page_data
from .still import Still, framed, still_of, without_script

__all__ = ["LivePage", "live"]

EXTENSIONS = (".html", ".htm")
MODES = ("explore", "step", "predict")
# In the order in which they are put together; each uses what stands before it.
SCRIPTS = (
    "numbers.js",
    "words.js",
    "engine.js",
    "layout.js",
    "app.js",
    "graph.js",
    "explore.js",
    "nudge.js",
    "curve.js",
    "descent.js",
    "map.js",
    "step.js",
    "predict.js",
    "help.js",
    "share.js",
    "main.js",
)


class LivePage:
    """A page that shows itself in a notebook, and can be saved.

    Attributes:
        html: the whole page.
        still: what a notebook shows of it before it is trusted.
    """

    def __init__(self, html: str, still: Still) -> None:
        self.html, self.still = html, still

    def __repr__(self) -> str:
        return f"<live page, {len(self.html) / 1000:,.0f} kB: save('page.html') writes it>"

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:
        """What a notebook shows: the page; before it is trusted, a sentence and a picture."""
        return {"text/html": self._framed(), "text/plain": repr(self)}

    def _framed(self) -> str:
        return framed(self.html, self.still)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page; a notebook shows it where the path that is returned stands.

        Raises:
            ValueError: if ``path`` does not end in ``.html``.
            OSError: if the folder does not exist or takes no files, or ``path`` is a folder.
        """
        place = _place(path)
        write_whole(place, self.html.encode())
        return written(place, self._framed)


def live(
    root: Value,
    path: str | os.PathLike[str] | None = None,
    trainable: Iterable[Value] | None = None,
    mode: str = "explore",
) -> Path | LivePage:
    """Make a page of the graph under a Value, in which its numbers can be moved.

    Drag a leaf and every value, local derivative and gradient follows; nudge it and see what a
    derivative is; take steps of gradient descent; step through the pass; predict the gradients. It
    needs no network and no other file. The whole graph is computed there, by the same formulas, as
    JavaScript; of a large one groups are drawn as boxes, which open by a click. A node without a
    label is called as the variable that holds it where this is called.

    Args:
        root: the Value at the end of a computation, of at most 20,000 nodes.
        path: a file whose name ends in ``.html``; None for a page that a notebook shows.
        trainable: the leaves that move in a descent. By default all that are not called as inputs
            (``x``) or targets (``d``) are in the lecture.
        mode: how the page opens: ``"explore"``, ``"step"`` or ``"predict"``.

    Returns:
        The path of the file that was written, which a notebook shows as the page; or the page.

    Raises:
        TypeError: if ``root`` or something in ``trainable`` is not a Value.
        ValueError: if the graph is too large, ``mode`` is none, ``trainable`` has what is no leaf
            of the graph, or ``path`` does not end in ``.html``.
        StaleGraphError: if a leaf was changed after the graph was computed.
        OSError: if the folder does not exist or takes no files, or ``path`` is a folder.
    """
    if not isinstance(root, Value):
        raise TypeError(
            f"live() shows the graph under one Value, but got {got(root)}; pass the Value at the "
            f"end of a computation with Values, such as a loss; a model with its data is for "
            f"nn.live(model, X, D){several(root)}"
        )
    if mode not in MODES:
        raise ValueError(f"mode is one of {', '.join(MODES)}, got {mode!r}")
    place = None if path is None else _place(path)
    recording = Recording(root, variables_of(sys._getframe(1)))
    moving = None if trainable is None else _leaves(recording, trainable)
    page = page_of(recording, Opening(mode, trainable=moving))
    return page if place is None else page.save(place)


def save(cursor: Cursor, path: str | os.PathLike[str]) -> Path:
    """Write the page of a pass, opened where the pass stands; see ``Stepper.save``."""
    place = _place(path)
    values = cursor.values_done if cursor.is_forward else None
    opening = Opening("step", cursor.position, cursor.edges_done, values)
    return page_of(cursor.steps, opening).save(place)


def page_of(
    recording: Recording,
    opening: Opening,
    extra: Extra | None = None,
    moment: MomentOfPass | None = None,
) -> LivePage:
    """The page of a pass.

    Args:
        recording: the pass.
        opening: how the page begins.
        extra: what a page of a model has besides.
        moment: what is shown where no script runs; by default the end of the pass, and its start if
            the gradients are to be predicted.

    Raises:
        ValueError: if the graph is too large to be computed while one drags.
    """
    if len(recording) > MOST_NODES:
        raise ValueError(
            f"this graph has {len(recording):,} Values, and a page computes all of them while a "
            f"number is dragged: at most {MOST_NODES:,}; make a page of a part, such as the loss "
            f"of fewer instances, or draw all of it with autograd.render(root, 'graph.html')"
        )
    extra = extra or Extra()
    position = 0 if opening.mode == "predict" else len(recording)
    still = still_of(moment or MomentOfPass(recording, position, alone=True, counts=False))
    *scripts, last = (name for name in SCRIPTS if name not in extra.without)
    root = recording.names[recording.root]
    notice = stale_graph(recording.nodes)
    used = dict.fromkeys(node.op for node in recording.nodes if node.op is not None)
    written = operations(used) + nudge.javascript(used) + diagnoses.javascript()
    html = kit.packed_page(
        kit.asset(__package__, "page.html"),
        kit.style(__package__, "page.css"),
        kit.script(__package__, *scripts, *extra.scripts, last, before=written),
        title=escape(extra.title or f"{root}: a graph to play with"),
        name=escape(root),
        formula=_formula(recording),
        notice=escape(notice),
        hide_notice="" if notice else "hidden",
        still=without_script(recording, still),
        data=kit.json_in_html({**page_data(recording, opening, extra.groups), **extra.data}),
    )
    return LivePage(html, still)


def _place(path: str | os.PathLike[str]) -> Path:
    return checked_place(
        path, "a page", EXTENSIONS, "for a picture there is autograd.render(root, path)"
    )


def _leaves(recording: Recording, trainable: Iterable[Value]) -> list[Value]:
    """The leaves that a caller names, once it is known that they are leaves of the graph."""
    if isinstance(trainable, (str, Value)) or not isinstance(trainable, Iterable):
        raise TypeError(
            f"trainable is a list of leaves of the graph, got {got(trainable)}; pass such as [w, b]"
        )
    chosen = list(trainable)
    for leaf in chosen:
        if not isinstance(leaf, Value):
            raise TypeError(f"trainable takes Values, got {got(leaf)}; pass the Value itself")
        if leaf not in recording.place or leaf.op is not None:
            why = "is computed" if leaf in recording.place else "is not part of this graph"
            raise ValueError(f"trainable takes leaves of the graph: {leaf!r} {why}")
    return chosen


# What is there without JavaScript ---------------------------------------------------------------


def _formula(recording: Recording) -> str:
    root, names = recording.root, recording.names
    pieces = formulas.expression(root, LONGEST_FORMULA)
    whole = formulas.in_names(root, names)
    if pieces is not None:
        whole = formulas.on_leaves(pieces, lambda leaf: names[leaf])
    sides = dict.fromkeys([names[root], whole, plain(recording.data[0])])
    return " = ".join(f'<bdi class="code">{escape(side)}</bdi>' for side in sides if side)
