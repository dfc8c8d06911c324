"""Pictures as notebooks show them: also one that is not trusted, and one that has become HTML.

A notebook that somebody else has run is shown without its SVG, of which nothing but the texts would
be left; a picture file within an ``<img>`` stays. It is made as narrow as the cell, as far as its
letters can be read; beyond, the cell scrolls.
"""

from __future__ import annotations

import base64
import re
from html import escape
from pathlib import Path

from ..files import written
from ..text import counted
from .look import printable
from .picture import Picture

# Letters of 14 pixels are read down to 9.
_NARROWEST = 9 / 14
_WIDTH = re.compile(rb'<svg width="([0-9.]+)pt"')
# How a picture begins, and what a browser calls its kind.
_KINDS = {b"<": "svg+xml", b"\x89PNG": "png", b"GIF8": "gif"}
LARGEST = 8_000_000  # bytes of a picture that a notebook has to keep


def image(picture: bytes, description: str, dpi: float = 72.0) -> str:
    """A picture as an element of HTML, as wide as the cell at most where that can be read.

    Args:
        picture: an SVG of Graphviz's, a PNG or a GIF, with a ground of its own, so that it can be
            read in the dark.
        description: what is said where it cannot be seen.
        dpi: pixels per inch of a PNG or GIF, which is shown as large as the SVG would be.
    """
    kind = _kind(picture)
    if kind == "svg+xml":
        drawn = _WIDTH.search(picture)
        width = float(drawn[1]) if drawn else None
    elif kind == "png":
        width = int.from_bytes(picture[16:20], "big") * 72.0 / dpi
    else:
        width = int.from_bytes(picture[6:8], "little") * 72.0 / dpi
    size = "" if width is None else f' width="{width:.0f}"'
    least = "" if width is None else f"min-width: {_NARROWEST * width:.0f}px; "
    source = f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
    alt = escape(printable(description))
    style = f"{least}max-width: 100%; height: auto"
    shown = f'<img src="{source}" alt="{alt}"{size} style="{style}">'
    return f'<div style="overflow-x: auto">{shown}</div>'


def picture_path(path: Path, picture: bytes, description: str, dpi: float = 72.0) -> Path:
    """The path of a file that was written, as which a notebook shows a picture.

    That is not done with a picture that ``image`` does not take, or that is too large.
    """
    if _kind(picture) is None or len(picture) > LARGEST:
        return path
    return written(path, lambda: image(picture, description, dpi))


def _kind(picture: bytes) -> str | None:
    return next((kind for begins, kind in _KINDS.items() if picture.startswith(begins)), None)


def described(picture: Picture) -> str:
    """A picture in a line: the end of the graph with its number, and how much is drawn of it."""
    roots = [f"{x.label or 'a Value'} = {x.data:.6g}" for x in reversed(picture.nodes) if x.is_root]
    of = f" of {', '.join(roots)}" if roots else ""
    parts = [counted(len(picture.nodes), "Value")]
    if picture.boxes:
        hidden = sum(box.count for box in picture.boxes)
        parts.append(f"{hidden:,} more in {counted(len(picture.boxes), 'closed group')}")
    if picture.hidden:
        parts.append(f"without {picture.hidden:,} more")
    return f"computation graph{of}: {', '.join(parts)}"
