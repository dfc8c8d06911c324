"""What a notebook shows of a step or a pass: its text, and under it the graph at that moment.

The text is also what a terminal shows. Nothing here raises: without a Graphviz the text stands
alone, with a line that says what to install.
"""

from __future__ import annotations

from dataclasses import replace
from html import escape

from ...drawing import rendering
from ...drawing.frames import svg
from ...page.excerpt import Excerpt
from ..cursor import Cursor
from ..recording import Recording
from ..steps import Step


def step_html(step: Step) -> str:
    """A step as HTML, with its node emphasised and the gradients as the step leaves them."""
    edges_done = step.first_edge + len(step.edges)
    finished = edges_done == step.edge_count
    position = (step.number, 0) if finished else (step.number - 1, edges_done)
    assert isinstance(step.recording, Recording)
    return _html(repr(step), step.recording, step.number - 1, *position)


def pass_html(cursor: Cursor) -> str:
    """A pass as HTML, with the node that is next emphasised and the gradients so far."""
    place = cursor.steps.place[cursor.current]
    return _html(repr(cursor), cursor.steps, place, cursor.position, cursor.edges_done)


def _html(text: str, recording: Recording, place: int, position: int, edges_done: int) -> str:
    words = f"<pre>{escape(text)}</pre>"
    excerpt = Excerpt(recording, place)
    moment = replace(excerpt.moment(position, edges_done), current=place + 1)
    try:
        picture = svg(excerpt.boxes([moment]), moment, title="computation graph")
    except rendering.NotInstalledError:
        return f"{words}<p>no Graphviz found; for pictures: {escape(rendering.INSTALL)}</p>"
    except (rendering.RenderError, OSError) as error:
        return f"{words}<p>no picture: {escape(str(error))}</p>"
    hidden = f"<p>{excerpt.hidden:,} more Values are not drawn</p>" if excerpt.hidden else ""
    # White under it also where the notebook is dark.
    return f'{words}<div style="overflow: auto; background: #fff">{picture}</div>{hidden}'
