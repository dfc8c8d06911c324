"""Pictures as notebooks show them: also one that is not trusted, and one that has become HTML.

A notebook that somebody else has run is shown without its SVG, of which nothing but the texts would
be left; a picture file within an ``<img>`` stays, and is no wider than the cell.
"""

from __future__ import annotations

import base64
import re
from html import escape

from ..text import counted
from .look import printable
from .picture import Picture

_WIDTH = re.compile(rb'<svg width="([0-9.]+)pt"')


def image(svg: bytes, description: str) -> str:
    """A picture as an element of HTML, as wide as the cell at most.

    Args:
        svg: what Graphviz drew, with a ground of its own, so that it can be read in the dark.
        description: what is said where it cannot be seen.
    """
    drawn = _WIDTH.search(svg)
    width = f' width="{float(drawn[1]):.0f}"' if drawn else ""
    source = f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"
    alt = escape(printable(description))
    return f'<img src="{source}" alt="{alt}"{width} style="max-width: 100%; height: auto">'


def described(picture: Picture) -> str:
    """A picture in a line: the end of the graph with its number, and how much is drawn of it."""
    root = next((node for node in picture.nodes if node.is_root), None)
    of = "" if root is None else f" of {root.label or 'a Value'} = {root.data:.6g}"
    parts = [counted(len(picture.nodes), "Value")]
    if picture.boxes:
        hidden = sum(box.count for box in picture.boxes)
        parts.append(f"{hidden:,} more in {counted(len(picture.boxes), 'closed group')}")
    if picture.hidden:
        parts.append(f"without {picture.hidden:,} more")
    return f"computation graph{of}: {', '.join(parts)}"
