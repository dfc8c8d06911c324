"""Pictures of one graph at several moments of a pass, in which nothing moves but the numbers.

Cards go in, with the widest text that each of their fields will ever hold; every frame is then
laid out alike, by Graphviz. ``dot`` gives the text of a frame for any format, ``svg`` an element to
stand in HTML, whose parts have ids and classes by which a page can restyle them:

=================  ==================================  =============================================
id                 classes                             what it is
=================  ==================================  =============================================
``v3``             ``value``, ``leaf``, ``root``       card 3: texts ``name data grad count``
``v3_op``          ``operation``                       the operation that made it
``v3_out``         ``result``                          the edge from there to the card
``v3_in1``         ``operand``, ``to-v2``              the edge from its first operand, card 2
``v3_from1``       ``constant`` or ``reference``       what stands for that operand beside it
=================  ==================================  =============================================
"""

from __future__ import annotations

import unicodedata
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from . import look
from .look import DASH
from .rendering import picture_bytes

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
    """One operand of a card's operation.

    Attributes:
        card: the number of the card that it is, or None for a constant.
        text: what stands at the edge, such as the local derivative; a constant's own number.
        place: "1st", "2nd", ... where the order of operands matters, or "".
        reference: the name of a card that is too far away for an edge; "" where there is an edge.
    """

    card: int | None
    text: str
    place: str = ""
    reference: str = ""


@dataclass(frozen=True)
class Card:
    """One Value. All fields are texts, and any text will do.

    Attributes:
        number: what the ids are made of; no two cards share it.
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
        grads: the gradient of each card that one has reached, as text; the others show a dash.
        counts: the text beside it.
        contributions: what each edge has carried so far: by card and position of the operand.
        current: the number of the card whose turn it is, or None.
    """

    grads: Mapping[int, str] = field(default_factory=dict)
    counts: Mapping[int, str] = field(default_factory=dict)
    contributions: Mapping[tuple[int, int], float] = field(default_factory=dict)
    current: int | None = None


BEFORE = Moment()


def dot(
    cards: Sequence[Card],
    moment: Moment = BEFORE,
    caption: Sequence[str] = (),
    room: tuple[int, int] = (0, 0),
    **graph: str,
) -> str:
    """The DOT text of a frame; at any other moment the same cards lie at the same places.

    Args:
        cards: what to draw.
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
    for card in cards:
        lines.append(_card(card, moment))
        if card.symbol:
            lines += _operation(card, moment)
        if card.more_consumers:
            lines += _more(f"v{card.number}_uses", card.more_consumers, f"v{card.number}", to=False)
    return "\n".join([*lines, "}", ""])


def svg(cards: Sequence[Card], moment: Moment = BEFORE, *, title: str = "") -> str:
    """A frame as an ``<svg>`` element for HTML; without scripts, links, or inline style.

    Args:
        cards: what to draw.
        moment: what has happened so far.
        title: its accessible name.

    Raises:
        RenderError: if Graphviz failed or took too long.
        NotInstalledError: if there is no Graphviz.
    """
    drawn = ElementTree.fromstring(picture_bytes(dot(cards, moment), "svg"))
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
    """Give the texts of a card the classes by which a page finds them."""
    classes = group.get("class", "").split()
    if "value" in classes:
        names = ["name", "caption", "data", "caption", "grad", "count"]
        for text, name in zip(group.findall("text"), names):
            text.set("class", name)


def _card(card: Card, moment: Moment) -> str:
    """Three rows of fixed size: the name; the data; the gradient with the count beside it."""
    current = card.number == moment.current
    number = max(_width(card.data), _width(card.widest), _width(DASH))
    count = _width(card.count, _SMALL) if card.count else 0
    # The three columns share the room that a long name takes.
    count += max(0, _width(card.name) - _CAPTION - number - count)
    colour = look.EMPHASIS_LINE if current else look.INK if card.is_root else look.LINE
    fill = look.EMPHASIS if current else look.PAPER if card.symbol else look.LEAF
    counted = moment.counts.get(card.number, "")
    first, second, third = _ROWS
    side = f'<TD ROWSPAN="3" FIXEDSIZE="TRUE" WIDTH="{_PADDING}" HEIGHT="{sum(_ROWS)}"></TD>'
    rows = [
        side
        + _cell(
            _CAPTION + number + count,
            first,
            f"<B>{_markup(card.name) or '&#160;'}</B>",
            'COLSPAN="3"',
        )
        + side,
        _cell(_CAPTION, second, _caption("data"))
        + _cell(number + count, second, _markup(card.data), 'COLSPAN="2"'),
        _cell(_CAPTION, third, _caption("grad"))
        + _cell(number, third, _gradient(card, moment))
        + _cell(count, third, _caption(_markup(counted))),
    ]
    table = "".join(f"<TR>{row}</TR>" for row in rows)
    kind = "root" if card.is_root else "interior" if card.symbol else "leaf"
    return f"v{card.number}" + look.attribute_list(
        id=f"v{card.number}",
        **{"class": f"value {kind}"},
        label=f'<TABLE BORDER="2" CELLBORDER="0" '
        f'CELLSPACING="0" CELLPADDING="0" STYLE="ROUNDED" COLOR="{colour}" BGCOLOR="{fill}">'
        f"{table}</TABLE>",
    )


def _gradient(card: Card, moment: Moment) -> str:
    grad = moment.grads.get(card.number, DASH)
    colour = (
        look.FAINT
        if grad == DASH
        else look.POSITIVE
        if grad.startswith("+")
        else look.NEGATIVE_INK
        if grad.startswith("-")
        else look.INK
    )
    return f'<FONT COLOR="{colour}">{_markup(grad)}</FONT>'


def _operation(card: Card, moment: Moment) -> list[str]:
    """The operation of a card, the edge to the card, and the edges from the operands."""
    name = f"v{card.number}_op"
    is_sign = len(card.symbol) <= 2
    lines = [
        name
        + look.attribute_list(
            id=name,
            **{"class": "operation"},
            label=_markup(card.symbol),
            shape="circle" if is_sign else "box",
            style="filled" if is_sign else "filled,rounded",
            fillcolor=look.OPERATION,
            color=look.OPERATION,
            fontcolor=look.PAPER,
            fixedsize="true",
            width="0.36" if is_sign else f"{(_width(card.symbol) + 2) / 72:.2f}",
            height="0.36" if is_sign else "0.32",
            ordering="in",
        ),
        f"{name} -> v{card.number}"
        + look.attribute_list(id=f"v{card.number}_out", **{"class": "result"}, weight="8"),
    ]
    for position, operand in sorted(card.operands.items()):
        edge = {"id": f"v{card.number}_in{position + 1}", "class": "operand"}
        source = f"v{operand.card}"
        words = [operand.place]
        if operand.card is not None:
            edge["class"] += f" to-{source}"
            words.append(operand.text)
        if operand.card is None or operand.reference:
            source = f"v{card.number}_from{position + 1}"
            lines.append(source + look.attribute_list(**_beside(source, operand)))
        if any(words):
            edge["label"] = _sized(" ".join(filter(None, words)))
        contribution = moment.contributions.get((card.number, position))
        if contribution is not None:
            edge["color"] = look.sign_colour(contribution, look.FAINT)
            edge["penwidth"] = "3" if card.number == moment.current else "2"
        lines.append(f"{source} -> {name}" + look.attribute_list(**edge))
    if card.more_operands:
        lines += _more(f"v{card.number}_rest", card.more_operands, name, to=True)
    return lines


def _beside(name: str, operand: Operand) -> dict[str, str]:
    """A constant, or a reference to a card elsewhere: its number or name, by the operation."""
    return {
        "id": name,
        "class": "constant" if operand.card is None else "reference",
        "label": _sized(operand.reference or operand.text),
        "shape": "box",
        "style": "rounded" if operand.card is None else "rounded,filled",
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
    field_ = f'<TD FIXEDSIZE="TRUE" WIDTH="{width:.0f}" HEIGHT="16">{_markup(text)}</TD>'
    return f'<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="0"><TR>{field_}</TR></TABLE>'


def _written(lines: Sequence[str], rows: int, columns: int) -> str:
    """Lines of text in a field of a fixed size, the first of them in bold."""
    width = _SIZE * _ADVANCE * columns + _MARGIN
    cells = [_markup(line) for line in [*lines, *[""] * (rows - len(lines))]]
    cells[0] = f"<B>{cells[0]}</B>"
    table = "".join(f"<TR>{_cell(width, 19, cell)}</TR>" for cell in cells)
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">{table}</TABLE>'


def _caption(markup: str) -> str:
    return f'<FONT POINT-SIZE="{_SMALL}" COLOR="{look.FAINT}">{markup}</FONT>'


def _markup(text: str) -> str:
    """A text as markup; an empty one leaves a trace, by which its field is found in the SVG."""
    return look.as_markup(text) or "&#160;"


def _width(text: str, size: int = _SIZE) -> float:
    return size * _ADVANCE * text_cells(text) + _MARGIN
