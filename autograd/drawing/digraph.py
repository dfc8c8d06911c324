"""The object that ``draw`` returns: a ``graphviz.Digraph`` that can be shown on any machine.

A plain Digraph needs the program ``dot``; this one is drawn by whatever Graphviz there is, and a
notebook shows it as text if there is none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import graphviz

from .rendering import FORMATS, INSTALL, NotInstalledError, RenderError, picture_bytes


class Drawing(graphviz.Digraph):  # type: ignore[misc]
    """A picture of a computation graph; ``.source`` is its DOT text."""

    def pipe(self, format: str | None = None, *args: Any, **options: Any) -> bytes | str:
        """The picture in a format, as ``graphviz.Digraph`` gives it; svg, png and pdf anywhere.

        Raises:
            RenderError: if there is no Graphviz, or none gives that format.
        """
        wanted = format or self.format
        if wanted not in FORMATS or args or options.keys() - {"encoding"}:
            try:
                return super().pipe(format, *args, **options)  # type: ignore[no-any-return]
            except graphviz.ExecutableNotFound:
                raise self._advice() from None
        try:
            picture = picture_bytes(self.source, wanted)
        except NotInstalledError:
            raise self._advice() from None
        encoding = options.get("encoding")
        return picture if encoding is None else picture.decode(encoding)

    def render(self, *args: Any, **options: Any) -> str:
        """Save and draw by the program ``dot``, as ``graphviz.Digraph`` does.

        Raises:
            RenderError: if there is no such program; ``autograd.render`` does without.
        """
        try:
            return super().render(*args, **options)  # type: ignore[no-any-return]
        except graphviz.ExecutableNotFound:
            raise self._advice() from None

    def _advice(self) -> RenderError:
        return RenderError(
            f"there is no program dot on the PATH, which this method of graphviz.Digraph needs; "
            f"autograd.render(root, 'graph.png') draws without it, after {INSTALL}"
        )

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
        except (RenderError, OSError) as error:
            missing = str(error)
        return {"text/plain": f"{missing}\n{self.source}"}
