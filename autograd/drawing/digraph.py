"""``draw``, and what it returns: a ``graphviz.Digraph`` that can be shown on any machine.

A plain Digraph needs the program ``dot``; this one is drawn by whatever Graphviz there is, and a
notebook shows it as text if there is none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import graphviz

from .dot import dot_lines
from .notebook import described, image
from .options import Options, Roots, taking
from .painter import picture_of
from .rendering import FORMATS, INSTALL, NotInstalledError, RenderError, picture_bytes


@taking(Options)
def draw(root: Roots, options: Options) -> graphviz.Digraph:
    """A picture of the graph under a Value, as DOT; a notebook shows it.

    Each Value is a record ``label | data | grad``, each operation a small node with its symbol.
    An edge from an operand carries the local derivative, and where the order of operands matters
    the operand's place. Its colour is the sign of what it adds to the operand's gradient, its
    width the size, on one scale for the picture. Before a sweep a gradient is a dash.

    Names such as ``layer1.neuron0.w[2]`` are shown as the lecture writes them, ``w_31^(1)``.

    A graph of more than ``max_nodes`` Values is drawn by groups. They are found by themselves:
    from ``with autograd.group(name)``, from dotted labels, and where a sum adds up instances of
    one formula; Values without groups are gathered by their distance from the end. A closed group
    is a box with a double border: how many Values it hides, and the sum of their gradients. Edges
    between boxes say how many operands they stand for, and the sum of what these contribute. Of
    many groups of a kind one is shown, and the others are one box.

    Args:
        root: the Value at the end of the computation; or several, in a list. Gradients are those
            that there are: what no pass has reached has a dash.
        options: keyword arguments, which are these.
        rankdir: where the computation goes: "LR" to the right, or "TB", "RL", "BT". Left out, it is
            the way in which the picture can be read best on a screen.
        partials: whether to write the local derivatives on the edges.
        groups: "auto", or None to draw every Value by itself.
        expand: names of groups to open, such as ``"layer1.neuron3"`` or ``"instance[3]"``, and
            Values to show; a single one counts as one of them.
        focus: a Value to draw with its consumers and operands only, ``depth`` operations each
            way, 2 unless told otherwise; or its label, ``"h10"``, or what the steps of a pass call
            it, ``"w#2"`` or ``"a * b"``; or several.
        depth: how many operations to go back from the root, along the shortest way; what lies
            deeper becomes an ellipsis. None for the whole graph.
        max_nodes: how many Values and boxes a picture may have before groups are closed: 60 unless
            told otherwise, and fewer where the letters would be too small on a screen. With
            ``groups=None`` the largest number of Values to draw: 200.
        highlight: Values to emphasise; a single Value counts as one of them. Within a list or
            tuple the edges between neighbours are emphasised as well, so that it may be a path.
            It may also hold paths, such as ``why(w).paths`` of a ``Stepper``.

    Returns:
        A ``graphviz.Digraph`` whose ``.source`` is the same in every run.

    Raises:
        TypeError: if ``root``, ``focus`` or a highlighted object is not a Value, a number is none,
            or ``expand`` holds anything but names and Values.
        ValueError: if ``rankdir`` is no direction, ``depth`` or ``max_nodes`` out of range, a
            Value is not in the picture, or a group not in the graph; with ``groups=None`` if the
            graph is too large to be read.
    """
    picture = picture_of(root, options)
    lines = dot_lines(picture, options.rankdir, options.partials)
    drawing = Drawing(body=[f"{line}\n" for line in lines])
    drawing.description = described(picture)
    return drawing


class Drawing(graphviz.Digraph):  # type: ignore[misc]
    """A picture of a computation graph; ``.source`` is its DOT text.

    Attributes:
        description: the picture in a line, for those who cannot see it.
    """

    description = "computation graph"

    def __repr__(self) -> str:
        return f"<picture of a {self.description}>"

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
        """What a notebook shows: the picture, or what is missing and the DOT text.

        As an ``<img>`` it survives in a notebook that is not trusted; what exports to other formats
        than HTML takes the SVG.
        """
        try:
            svg = picture_bytes(self.source, "svg")
        except NotInstalledError:
            missing = f"no Graphviz found; for pictures: {INSTALL}"
        except (RenderError, OSError) as error:
            missing = str(error)
        else:
            return {
                "text/html": image(svg, self.description),
                "image/svg+xml": svg.decode("utf-8"),
                "text/plain": repr(self),
            }
        return {"text/plain": f"{missing}\n{self.source}"}
