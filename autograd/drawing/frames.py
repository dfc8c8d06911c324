"""Pictures of one graph at several moments of a pass, in which nothing moves but the numbers.

Boxes go in, with the widest text that each of their fields will ever hold; every frame is then
laid out alike, by Graphviz. ``dot`` gives the text of a frame for any format, ``svg`` an element to
stand in HTML, whose parts have ids and classes by which a page can restyle them:

=================  ==================================  =============================================
id                 classes                             what it is
=================  ==================================  =============================================
``v3``             ``value``, ``leaf``, ``root``       box 3: texts ``name data grad count``
``v3_op``          ``operation``                       the operation that made it
``v3_out``         ``result``                          the edge from there to the box
``v3_in1``         ``operand``, ``to-v2``              the edge from its first operand, box 2
``v3_from1``       ``constant`` or ``reference``       what stands for that operand beside it
=================  ==================================  =============================================
"""

from __future__ import annotations

import unicodedata
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from . import dot as look
from .rendering import picture_bytes

DASH = "\u2014"
MONOSPACE = "DejaVu Sans Mono,Menlo,Consolas,monospace"
# Points: every character of a monospaced font is about 0.6 of its size wide.
_SIZE, _SMALL = 13, 10
_ADVANCE = 0.62
_ROWS = (25, 18, 22)
_PADDING = 8
_MARGIN = 8
_CAPTION = 34


@dataclass(frozen=True)
class Operand:
    """One operand of a box's operation.

    Attributes:
        box: the number of the box that it is, or None for a constant.
        text: what stands at the edge, such as the local derivative; a constant's own number.
        place: "1st", "2nd", ... where the order of operands matters, or "".
        reference: the name of a box that is too far away for an edge; "" where there is an edge.
    """

    box: int | None
    text: str
    place: str = ""
    reference: str = ""


@dataclass(frozen=True)
class Box:
    """One Value. All fields are texts, and any text will do.

    Attributes:
        number: what the ids are made of; no two boxes share it.
        name: the heading.
        data: its number.
        widest: as long a text as the field of the gradient will ever hold.
        count: the same for the field beside it.
        symbol: the sign or name of the operation that made it; "" for a leaf.
        operands: those of the operation that are drawn, by their position, from 0.
        more_operands: how many operands are not drawn.
        more_consumers: how many of its uses are not drawn.
        is_root: whether the pass begins here.
    """

    number: int
    name: str
    data: str
    widest: str = DASH
    count: str = ""
    symbol: str = ""
    operands: Mapping[int, Operand] = field(default_factory=dict)
    more_operands: int = 0
    more_consumers: int = 0
    is_root: bool = False


@dataclass(frozen=True)
class Moment:
    """What one frame shows of a pass.

    Attributes:
        grads: the gradient of each box that one has reached, as text; the others show a dash.
        counts: the text beside it.
        contributions: what each edge has carried so far: by box and position of the operand.
        current: the number of the box whose turn it is, or None.
    """

    grads: Mapping[int, str] = field(default_factory=dict)
    counts: Mapping[int, str] = field(default_factory=dict)
    contributions: Mapping[tuple[int, int], float] = field(default_factory=dict)
    current: int | None = None


BEFORE = Moment()


def dot(
    boxes: Sequence[Box],
    moment: Moment = BEFORE,
    caption: Sequence[str] = (),
    room: tuple[int, int] = (0, 0),
    **graph: str,
) -> str:
    """The DOT text of a frame; at any other moment the same boxes lie at the same places.

    Args:
        boxes: what to draw.
        moment: what has happened so far.
        caption: lines of text to stand below.
        room: how many lines and columns to keep for them, so that other captions move nothing.
        graph: further attributes of the graph.
    """
    if room[0]:
        graph |= {"label": _written(caption, *room), "labelloc": "b", "labeljust": "l"}
    lines = [
        "digraph {",
        "graph"
        + look.attribute_list(
            rankdir="LR",
            bgcolor=look.PAPER,
            fontname=MONOSPACE,
            fontsize=f"{_SIZE}",
            nodesep="0.22",
            ranksep="0.42",
            pad="0.15",
            **graph,
        ),
        "node"
        + look.attribute_list(
            shape="plain", fontname=MONOSPACE, fontsize=f"{_SIZE}", color=look.LINE
        ),
        "edge"
        + look.attribute_list(
            fontname=MONOSPACE, fontsize="11", color=look.LINE, penwidth="1.2", arrowsize="0.6"
        ),
    ]
    for box in boxes:
        lines.append(_box(box, moment))
        if box.symbol:
            lines += _operation(box, moment)
        if box.more_consumers:
            lines += _more(f"v{box.number}_uses", box.more_consumers, f"v{box.number}", to=False)
    return "\n".join([*lines, "}", ""])


def svg(boxes: Sequence[Box], moment: Moment = BEFORE, *, title: str = "") -> str:
    """A frame as an ``<svg>`` element for HTML; without scripts, links, or inline style.

    Args:
        boxes: what to draw.
        moment: what has happened so far.
        title: its accessible name.

    Raises:
        RenderError: if Graphviz failed or took too long.
        NotInstalledError: if there is no Graphviz.
    """
    drawn = ElementTree.fromstring(picture_bytes(dot(boxes, moment), "svg"))
    width, height = drawn.attrib["viewBox"].split()[2:]
    for element in drawn.iter():
        element.tag = element.tag.rpartition("}")[2]
        for name in [name for name in element.attrib if name.startswith("{")]:
            del element.attrib[name]
    for group in list(drawn.iter("g")):
        for heading in group.findall("title"):
            group.remove(heading)
        if group.get("class") == "graph":
            group.attrib.pop("id", None)
            for background in group.findall("polygon"):
                group.remove(background)
        _name_parts(group)
    drawn.attrib = {
        "xmlns": "http://www.w3.org/2000/svg",
        "class": "frame",
        "viewBox": drawn.attrib["viewBox"],
        "width": width,
        "height": height,
        "role": "group",
        "aria-label": title,
    }
    return ElementTree.tostring(drawn, encoding="unicode").strip()


def text_cells(text: str) -> int:
    """How many columns a text takes in a monospaced font: wide characters take two."""
    return sum(
        0
        if unicodedata.combining(character)
        else 2
        if unicodedata.east_asian_width(character) in "WF"
        else 1
        for character in text
    )


def widest(texts: Iterable[str]) -> str:
    """That of the texts which takes most room; a dash if there is none."""
    return max(texts, key=text_cells, default=DASH)


def _name_parts(group: ElementTree.Element) -> None:
    """Give the texts of a box the classes by which a page finds them."""
    classes = group.get("class", "").split()
    if "value" in classes:
        names = ["name", "caption", "data", "caption", "grad", "count"]
        for text, name in zip(group.findall("text"), names):
            text.set("class", name)


def _box(box: Box, moment: Moment) -> str:
    """Three rows of fixed size: the name; the data; the gradient with the count beside it."""
    current = box.number == moment.current
    number = max(_width(box.data), _width(box.widest), _width(DASH))
    count = _width(box.count, _SMALL) if box.count else 0
    # The three columns share the room that a long name takes.
    count += max(0, _width(box.name) - _CAPTION - number - count)
    colour = look.EMPHASIS_LINE if current else look.INK if box.is_root else look.LINE
    fill = look.EMPHASIS if current else look.PAPER if box.symbol else look.LEAF
    counted = moment.counts.get(box.number, "")
    first, second, third = _ROWS
    side = f'<TD ROWSPAN="3" FIXEDSIZE="TRUE" WIDTH="{_PADDING}" HEIGHT="{sum(_ROWS)}"></TD>'
    rows = [
        side
        + _cell(
            _CAPTION + number + count,
            first,
            f"<B>{_shown(box.name) or '&#160;'}</B>",
            'COLSPAN="3"',
        )
        + side,
        _cell(_CAPTION, second, _caption("data"))
        + _cell(number + count, second, _shown(box.data), 'COLSPAN="2"'),
        _cell(_CAPTION, third, _caption("grad"))
        + _cell(number, third, _gradient(box, moment))
        + _cell(count, third, _caption(_shown(counted))),
    ]
    table = "".join(f"<TR>{row}</TR>" for row in rows)
    kind = "root" if box.is_root else "interior" if box.symbol else "leaf"
    return f"v{box.number}" + look.attribute_list(
        id=f"v{box.number}",
        **{"class": f"value {kind}"},
        label=f'<TABLE BORDER="2" CELLBORDER="0" '
        f'CELLSPACING="0" CELLPADDING="0" STYLE="ROUNDED" COLOR="{colour}" BGCOLOR="{fill}">'
        f"{table}</TABLE>",
    )


def _gradient(box: Box, moment: Moment) -> str:
    grad = moment.grads.get(box.number, DASH)
    colour = (
        look.FAINT
        if grad == DASH
        else look.POSITIVE
        if grad.startswith("+")
        else look.NEGATIVE_INK
        if grad.startswith("-")
        else look.INK
    )
    return f'<FONT COLOR="{colour}">{_shown(grad)}</FONT>'


def _operation(box: Box, moment: Moment) -> list[str]:
    """The operation of a box, the edge to the box, and the edges from the operands."""
    name = f"v{box.number}_op"
    is_sign = len(box.symbol) <= 2
    lines = [
        name
        + look.attribute_list(
            id=name,
            **{"class": "operation"},
            label=_shown(box.symbol),
            shape="circle" if is_sign else "box",
            style="filled" if is_sign else "filled,rounded",
            fillcolor=look.OPERATION,
            color=look.OPERATION,
            fontcolor=look.PAPER,
            fixedsize="true",
            width="0.36" if is_sign else f"{(_width(box.symbol) + 2) / 72:.2f}",
            height="0.36" if is_sign else "0.32",
            ordering="in",
        ),
        f"{name} -> v{box.number}"
        + look.attribute_list(id=f"v{box.number}_out", **{"class": "result"}, weight="8"),
    ]
    for position, operand in sorted(box.operands.items()):
        edge = {"id": f"v{box.number}_in{position + 1}", "class": "operand"}
        source = f"v{operand.box}"
        words = [operand.place]
        if operand.box is not None:
            edge["class"] += f" to-{source}"
            words.append(operand.text)
        if operand.box is None or operand.reference:
            source = f"v{box.number}_from{position + 1}"
            lines.append(source + look.attribute_list(**_beside(source, operand)))
        if any(words):
            edge["label"] = _sized(" ".join(filter(None, words)))
        contribution = moment.contributions.get((box.number, position))
        if contribution is not None:
            edge["color"] = look.sign_colour(contribution, look.FAINT)
            edge["penwidth"] = "3" if box.number == moment.current else "2"
        lines.append(f"{source} -> {name}" + look.attribute_list(**edge))
    if box.more_operands:
        lines += _more(f"v{box.number}_rest", box.more_operands, name, to=True)
    return lines


def _beside(name: str, operand: Operand) -> dict[str, str]:
    """A constant, or a reference to a box elsewhere: its number or name, right by the operation."""
    return {
        "id": name,
        "class": "constant" if operand.box is None else "reference",
        "label": _sized(operand.reference or operand.text),
        "shape": "box",
        "style": "rounded" if operand.box is None else "rounded,filled",
        "fillcolor": look.LEAF,
        "width": "0",
        "height": "0",
        "margin": "0.03,0.02",
        "fontcolor": look.FAINT,
        "fontsize": "11",
    }


def _more(name: str, number: int, end: str, *, to: bool) -> list[str]:
    """What stands for neighbours that are not drawn."""
    edge = f"{name} -> {end}" if to else f"{end} -> {name}"
    return [
        name
        + look.attribute_list(
            id=name,
            **{"class": "more"},
            label=_sized(f"\u2026 {number:,} more"),
            fontcolor=look.FAINT,
            fontsize="11",
        ),
        edge + look.attribute_list(id=f"{name}_edge", **{"class": "rest"}, style="dashed"),
    ]


def _cell(width: float, height: int, content: str, more: str = "") -> str:
    return (
        f'<TD FIXEDSIZE="TRUE" WIDTH="{width:.0f}" HEIGHT="{height}" ALIGN="LEFT" {more}>'
        f"{content}</TD>"
    )


def _sized(text: str) -> str:
    """A text of size 11 in a field whose width does not hang on the fonts of this machine."""
    width = 11 * _ADVANCE * text_cells(text) + 6
    field_ = f'<TD FIXEDSIZE="TRUE" WIDTH="{width:.0f}" HEIGHT="16">{_shown(text)}</TD>'
    return f'<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="0"><TR>{field_}</TR></TABLE>'


def _written(lines: Sequence[str], rows: int, columns: int) -> str:
    """Lines of text in a field of a fixed size, the first of them in bold."""
    width = _SIZE * _ADVANCE * columns + _MARGIN
    cells = [_shown(line) for line in [*lines, *[""] * (rows - len(lines))]]
    cells[0] = f"<B>{cells[0]}</B>"
    table = "".join(f"<TR>{_cell(width, 19, cell)}</TR>" for cell in cells)
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">{table}</TABLE>'


def _caption(markup: str) -> str:
    return f'<FONT POINT-SIZE="{_SMALL}" COLOR="{look.FAINT}">{markup}</FONT>'


def _shown(text: str) -> str:
    """A text as markup; an empty one leaves a trace, by which its field is found in the SVG."""
    return look.as_markup(text) or "&#160;"


def _width(text: str, size: int = _SIZE) -> float:
    return size * _ADVANCE * text_cells(text) + _MARGIN
