"""What remains of a page where no script runs: a picture, the numbers, and a frame in a notebook.

A moment of a pass goes in; out come pieces of HTML. With scripting switched off a page shows them,
and so does a notebook that nobody has trusted yet, which drops the page itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape

from ..drawing import kit, rendering
from ..drawing.arrangement import arranged
from ..drawing.dot import dot_lines, dot_text
from ..drawing.look import printable
from ..drawing.notebook import described, image
from ..drawing.options import Options
from ..drawing.painter import Painter
from ..drawing.room import Room
from ..drawing.shape import READABLE, shape_of
from ..stepping.moments import MomentOfPass
from ..stepping.recording import Recording
from ..text import signed
from ..words import formulas

ROWS_SHOWN = 200
HEIGHT = 720  # of a page in a notebook, in pixels


@dataclass(frozen=True)
class Still:
    """A picture of a graph.

    Attributes:
        svg: the file that Graphviz drew; None if there is none.
        about: what the picture shows, in a line; or why there is none.
    """

    svg: bytes | None
    about: str

    @property
    def in_page(self) -> str:
        """As an element that takes the colours of the page."""
        return (
            f"<p>{escape(self.about)}</p>" if self.svg is None else kit.picture(self.svg, bare=True)
        )

    @property
    def in_notebook(self) -> str:
        """As an element that a notebook shows without being trusted."""
        return f"<p>{escape(self.about)}</p>" if self.svg is None else image(self.svg, self.about)


def still_of(moment: MomentOfPass) -> Still:
    """A picture of a pass at a moment, on the scale of the whole pass."""
    recording = moment.recording
    moments = [moment, replace(moment, position=len(recording), edges_done=0)]
    painter = Painter(recording.root, Options(expand=moment.current or ()))
    first, last = (painter.picture(each) for each in moments)
    _, size = shape_of(first, arranged(first), None)
    # Where it stands can be scrolled down, and not to the side.
    rankdir = "TB" if size.in_cell < READABLE else None
    lines = dot_lines(first, rankdir, room=Room([first, last]))
    try:
        svg = rendering.picture_bytes(dot_text(lines), "svg")
    except rendering.NotInstalledError:
        return Still(None, f"no Graphviz found; for pictures: {rendering.INSTALL}")
    except (rendering.RenderError, OSError) as error:
        return Still(None, f"no picture: {error}")
    return Still(svg, described(first))


def without_script(recording: Recording, still: Still) -> str:
    """The picture, and the numbers as a table."""
    names = recording.names
    nodes = list(zip(recording.nodes, recording.data, recording.gradients))[::-1]
    rows = [
        f"<tr><th scope='row'>{escape(names[node])}</th>"
        f"<td>{escape(formulas.in_names(node, names))}</td>"
        f"<td>{signed(data)}</td><td>{signed(grad)}</td></tr>"
        for node, data, grad in nodes[-ROWS_SHOWN:]
    ]
    left_out = len(nodes) - len(rows)
    more = f"<p>and {left_out:,} Values before these</p>" if left_out else ""
    return (
        f'<p class="notice">Without JavaScript nothing moves here: these are the numbers that '
        f'Python left.</p><div class="still">{still.in_page}</div>{more}<table><thead><tr>'
        f"<th>name</th><th>made of</th><th>data</th><th>gradient</th></tr></thead><tbody>"
        f"{''.join(rows)}</tbody></table>"
    )


def framed(page: str, still: Still) -> str:
    """A page as a notebook shows it: in a frame, over the picture.

    A notebook that is not trusted takes the frame away and leaves what stands in it, the sentence,
    and the picture under it, which is no higher than the frame, or can be scrolled.
    """
    place, about = "grid-area: 1 / 1", escape(printable(still.about))
    return (
        f'<div style="display: grid"><iframe title="{about}" '
        f'sandbox="allow-scripts allow-downloads allow-modals" srcdoc="{escape(page)}" '
        f'style="{place}; z-index: 1; width: 100%; height: {HEIGHT}px; '
        f'border: 0; background: Canvas">Trust this notebook (File, Trust Notebook) to play with '
        f'it.</iframe><div style="{place}; min-width: 0; max-height: {HEIGHT}px; '
        f'overflow: auto">{still.in_notebook}</div></div>'
    )
