"""Steps to be looked at: the ``Stepper`` that users hold, in notebooks, pictures, pages and GIFs.

What lies below knows nothing of pictures; they are attached here. A notebook shows of a step or a
pass its text, and under it the graph at that moment; without a Graphviz the text stands alone, with
a line that says what to install.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import drawing
from ..core import Value
from ..page import page
from ..page.data import MOST_NODES, Opening
from ..page.still import framed, still_of
from ..stepping.moments import MomentOfPass
from ..stepping.recording import Recording
from ..stepping.stepper import Stepper
from ..stepping.steps import Step
from ..text import got, several
from ..words.staleness import stale_graph
from ..words.variables import variables_of

if TYPE_CHECKING:
    import graphviz

__all__ = ["step_through"]


def step_through(root: Value, *, forward: bool = False) -> PicturedStepper:
    """Begin a reverse pass from ``root`` that waits for you before every node.

    Nothing is written until the first movement. See ``Stepper`` for what can be done then. A node
    without a label is called as the variable that holds it where this is called, or the entry of a
    list: ``w``, ``ws[0]``.

    Args:
        root: the Value to differentiate: the end of a computation, or a leaf.
        forward: replay the forward pass first, value by value.

    Raises:
        TypeError: if ``root`` is not a Value.

    Example:
        >>> from autograd import Value
        >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
        >>> e = a * b
        >>> e.label = "e"
        >>> s = step_through(e)
        >>> s.next()
        [1/3] e = a * b
          upstream de/de = +1                              final (the pass starts here)
          -> a  de/da = b = -3  contribution +1 * -3 = -3  grad -- -> -3  final (1/1)
          -> b  de/db = a = +2  contribution +1 * +2 = +2  grad -- -> +2  final (1/1)
        >>> s.back()
        at the start of 3 nodes: next() takes [1/3] e = a * b
    """
    return stepper_of(root, variables_of(sys._getframe(1)), forward=forward)


def stepper_of(
    root: object, variables: Mapping[Value, str], *, forward: bool = False
) -> PicturedStepper:
    """What ``step_through`` gives, and raises, to a caller that has these variables."""
    if not isinstance(root, Value):
        raise TypeError(
            f"step_through() steps through the graph under one Value, but got "
            f"{got(root)}; pass the Value at the end of a computation with Values, such as a "
            f"loss{several(root)}"
        )
    return PicturedStepper(root, forward=forward, variables=variables)


class PicturedStepper(Stepper):
    __doc__ = Stepper.__doc__

    def draw(self, **options: Any) -> graphviz.Digraph:
        """A picture of the graph as it stands, with the node that is next emphasised.

        It takes and raises what ``autograd.draw`` does.
        """
        return drawing.draw(self.root, **{"highlight": self.current, **options})

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the pass as one HTML page, to be stepped through in any browser.

        The page opens where the pass stands; it needs no network and no other file. It is that of
        ``live``, so that every number in it can be moved as well.

        Args:
            path: a file whose name ends in ``.html``.

        Returns:
            The path of the file that was written.

        Raises:
            ValueError: if ``path`` ends in something else, or the graph has over 20,000 nodes.
            OSError: if the folder does not exist or takes no files, or ``path`` is a folder.
        """
        return page.save(self, path)

    def _repr_html_(self) -> str:
        """What a notebook shows: the node that is next emphasised, and the gradients so far."""
        moment = MomentOfPass(self.steps, self.position, self.edges_done, self.current)
        return _html(repr(self), moment)


def _step_html(step: Step) -> str:
    """What a notebook shows: the step's node emphasised, and the gradients as it leaves them."""
    edges_done = step.first_edge + len(step.edges)
    finished = edges_done == step.edge_count
    position = (step.number, 0) if finished else (step.number - 1, edges_done)
    assert isinstance(step.recording, Recording)
    return _html(repr(step), MomentOfPass(step.recording, *position, current=step.node))


Step._repr_html_ = _step_html  # type: ignore[attr-defined]


def _html(text: str, moment: MomentOfPass) -> str:
    """A text, and under it the page of the pass at a moment, with a picture for who may not run it.

    Of a graph that is too large for a page there is the picture alone.
    """
    recording = moment.recording
    # What turns notebooks into HTML may set it in another font, and nothing stands in columns.
    words = f'<pre style="font-family: monospace">{escape(text)}</pre>'
    notice = stale_graph(recording.nodes)
    words += f"<p>{escape(notice)}</p>" if notice else ""
    if len(recording) > MOST_NODES:
        return words + still_of(moment).in_notebook
    opening = Opening("step", moment.position, moment.edges_done)
    shown = page.page_of(recording, opening, moment=moment)
    return words + framed(shown.html, shown.still)
