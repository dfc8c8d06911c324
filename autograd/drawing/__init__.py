"""Pictures of computation graphs: ``draw`` for a notebook or DOT text, ``render`` for a file.

What is asked for (``options``) of a ``part`` of a graph, with its ``groups``, some of which
``collapse`` into boxes, becomes by the ``painter`` a ``picture`` (what is shown), the picture
``dot`` text (how it looks), and the text a file (``rendering``). Nothing but the text needs to be
installed: whatever Graphviz there is draws it.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import checked_place, write_whole
from . import rendering
from .dot import dot_lines, dot_text
from .notebook import described, picture_path
from .options import FileOptions, Roots, taking
from .page import page
from .painter import picture_of
from .rendering import RenderError

if TYPE_CHECKING:
    from .digraph import draw

__all__ = ["RenderError", "draw", "render"]

_TEXT_ENDINGS = (".dot", ".gv")
ENDINGS = (*(f".{name}" for name in rendering.FORMATS), ".html", *_TEXT_ENDINGS)
# Dots per inch: sharp where a picture is small.
_RESOLUTION, _RESOLUTION_OF_LARGE = 150, 100
_LARGE = 50


def __getattr__(name: str) -> Any:
    """``draw``, which loads the package graphviz; ``render`` does without."""
    if name != "draw":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(".digraph", __name__).draw


@taking(
    FileOptions,
    "render(root, 'graph.png') writes a picture, and draw(root) shows one in a notebook",
)
def render(root: Roots, options: FileOptions) -> Path:
    """Draw the graph under a Value into a file; the picture is the one that ``draw`` describes.

    Without any Graphviz the DOT text is written beside, as ``.dot``, and a line on standard error
    says what to install. A line there also says if a PNG had to be made smaller to fit.

    Args:
        root: the Value at the end of the computation; or several, in a list.
        path: where to write; its extension says what: .png, .svg, .pdf, .html for a page to zoom
            in, or .dot or .gv for text.
        options: keyword arguments: those of ``draw``, and for a PNG these.
        dpi: dots per inch, where text is 14/72 inches high; 150 unless told otherwise, and 100 for
            a large picture.
        max_pixels: the most pixels that it may be wide, or high.

    Returns:
        The path of the file that was written; a notebook shows the picture.

    Raises:
        TypeError: as for ``draw``, or if ``path`` is no path, or a size no number.
        ValueError: as for ``draw``, if the extension is none of those, or a size out of range.
        OSError: if the folder does not exist or takes no files, or ``path`` is a folder.
        RenderError: if Graphviz failed or took too long; nothing has been written then.
    """
    place = checked_place(options.path, "a picture", ENDINGS, "the ending says which format")
    picture = picture_of(root, options)
    ends = (node.label for node in reversed(picture.nodes) if node.is_root)
    title = ", ".join(filter(None, ends))
    if picture.notice:
        rendering.say(picture.notice)
    lines = dot_lines(picture, options.rankdir, options.partials)
    text, note = dot_text(lines), ""
    content = seen = text.encode()
    ending = place.suffix.lower()
    dpi = options.dpi or (_RESOLUTION if len(picture.nodes) <= _LARGE else _RESOLUTION_OF_LARGE)
    try:
        if ending == ".png":
            content = seen = _png(lines, dpi, options.max_pixels, place)
        elif ending == ".html":
            seen = rendering.picture_bytes(text, "svg")
            content = page(seen, title or place.stem).encode()
        elif ending not in _TEXT_ENDINGS:
            content = seen = rendering.picture_bytes(text, ending[1:])
    except rendering.NotInstalledError as absence:
        missing, place = place, place.with_suffix(".dot")
        note = f"wrote {place} and not {missing}: {absence}; for pictures: {rendering.INSTALL}"
    write_whole(place, content)
    if note:
        rendering.say(note)
    return picture_path(place, seen, described(picture), dpi if ending == ".png" else 72.0)


def _png(lines: list[str], dpi: float, most: int, place: Path) -> bytes:
    """A PNG of no more pixels than asked for; one that is made smaller is told of."""
    side = (most - 1) / dpi  # it may round up
    raster = f'\tgraph [dpi="{dpi:g}" size="{side:g},{side:g}"]'
    content = rendering.picture_bytes(dot_text([raster, *lines]), "png")
    width, height = (int.from_bytes(content[k : k + 4], "big") for k in (16, 20))
    if max(width, height) > most - 5:
        rendering.say(
            f"{place} was made smaller to fit in {most:,} pixels; if its text is too small, write "
            f"an .svg or .html, which can be zoomed, or draw less with depth= or focus="
        )
    return content
