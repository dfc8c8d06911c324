"""The object that ``draw`` returns: a ``graphviz.Digraph`` that a notebook can always show.

A plain Digraph needs the program ``dot`` to be shown; this one is drawn by whatever Graphviz there
is, and shown as text if there is none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import graphviz

from .rendering import INSTALL, NotInstalledError, RenderError, picture_bytes


class Drawing(graphviz.Digraph):  # type: ignore[misc]
    """A picture of a computation graph; ``.source`` is its DOT text."""

    def _repr_mimebundle_(
        self,
        include: Iterable[str] | None = None,
        exclude: Iterable[str] | None = None,
        **options: Any,
    ) -> dict[str, str]:
        """What a notebook shows: the picture as SVG, or the DOT text and what is missing."""
        try:
            return {"image/svg+xml": picture_bytes(self.source, "svg").decode("utf-8")}
        except NotInstalledError:
            missing = f"no Graphviz found; for pictures: {INSTALL}"
        except RenderError as error:
            missing = str(error)
        return {"text/plain": f"{missing}\n{self.source}"}
