"""Pictures as notebooks show them: also one that is not trusted, and one that has become HTML.

A notebook that somebody else has run is shown without its SVG, of which nothing but the texts would
be left; a picture file within an ``<img>`` stays. It is made as narrow as the cell, as far as its
letters can be read; beyond, the cell scrolls.
"""

from __future__ import annotations

import base64
import re
from html import escape

from ..text import counted
from .look import printable
from .picture import Picture

# Letters of 14 pixels are read down to 9.
_NARROWEST = 9 / 14
_WIDTH = re.compile(rb'<svg width="([0-9.]+)pt"')


def image(svg: bytes, description: str) -> str:
    """A picture as an element of HTML, as wide as the cell at most where that can be read.

    Args:
        svg: what Graphviz drew, with a ground of its own, so that it can be read in the dark.
        description: what is said where it cannot be seen.
    """
    drawn = _WIDTH.search(svg)
    natural = float(drawn[1]) if drawn else 0.0
    width = f' width="{natural:.0f}"' if drawn else ""
    least = f"min-width: {_NARROWEST * natural:.0f}px; " if drawn else ""
    source = f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"
    alt = escape(printable(description))
    style = f"{least}max-width: 100%; height: auto"
    picture = f'<img src="{source}" alt="{alt}"{width} style="{style}">'
    return f'<div style="overflow-x: auto">{picture}</div>'


def described(picture: Picture) -> str:
    """A picture in a line: the end of the graph with its number, and how much is drawn of it."""
    roots = [f"{x.label or 'a Value'} = {x.data:.6g}" for x in picture.nodes if x.is_root]
    of = f" of {', '.join(roots)}" if roots else ""
    parts = [counted(len(picture.nodes), "Value")]
    if picture.boxes:
        hidden = sum(box.count for box in picture.boxes)
        parts.append(f"{hidden:,} more in {counted(len(picture.boxes), 'closed group')}")
    if picture.hidden:
        parts.append(f"without {picture.hidden:,} more")
    return f"computation graph{of}: {', '.join(parts)}"
