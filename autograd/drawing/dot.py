"""How a picture looks: a ``Picture`` goes in, the text of a DOT file comes out.

The text depends on nothing but the picture, so that two runs agree to the byte. First come the
lines, then what is written on nodes, boxes and arrows.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence

from ..core.ops import Op
from . import look
from .arrangement import Arrangement, Place, arranged, sources
from .look import as_markup, as_tooltip, sign_colour
from .notation import symbol
from .picture import Arrow, Box, Node, Picture
from .room import SUM, Room, gradient_text, rounded, sum_text
from .shape import Shape, shape_of

LONGEST_LABEL, LONGEST_LINE = 40, 90
# For a picture with long arrows: a recurrent network of 20 steps without groups, 146 Values, takes
# Graphviz 128 s. With fewer attempts to find the best places, and straight arrows, it is 1 s. These
# go round nothing, so they are drawn first, and what they cross stays readable.
IN_A_HURRY = {"splines": "line", "nslimit": "1", "outputorder": "edgesfirst"}
THINNEST, WIDEST = 1.2, 5.0
MADE_OF_MORE = "made of Values that are not drawn"
USED_BY_MORE = "used by Values that are not drawn"


def dot_text(lines: Sequence[str]) -> str:
    """A whole DOT file."""
    return "\n".join(["digraph {", *lines, "}", ""])


def dot_lines(
    picture: Picture,
    rankdir: str | None = None,
    partials: bool = True,
    room: Room | None = None,
) -> list[str]:
    """The lines between the braces of a DOT file.

    Args:
        picture: what to show.
        rankdir: where the graph grows: "LR" from left to right, or "TB", "RL", "BT"; None for the
            way in which it is read best.
        partials: whether to write the local derivatives on the arrows.
        room: what is kept free for the numbers of other moments, so that nothing moves.
    """
    room = room or Room([picture])
    arrangement = arranged(picture)
    shape, _ = shape_of(picture, arrangement, rankdir, partials)
    lines = _defaults(shape)
    if picture.is_tangled:
        lines += [_line("graph", **IN_A_HURRY), _line("edge", labeldistance="2")]
    if text := room.caption(picture) if picture.caption else _legend(picture, partials, room):
        lines.append(f"label=<{text}>")
    for node in picture.nodes:
        lines += _node(node, picture, partials, room, shape, arrangement.labels[node.id])
    for box in picture.boxes:
        lines += _box(box, picture, room)
    lines += _ordered(arrangement, shape)
    return ["\t" + line for line in lines]


def _line(name: str, **attributes: str) -> str:
    return name + look.attribute_list(**attributes)


def _defaults(shape: Shape) -> list[str]:
    """What holds for the picture, and for all nodes and arrows unless they say otherwise."""
    return [
        _line(
            "graph",
            rankdir=shape.rankdir,
            newrank="true",
            mclimit="0.1",
            remincross="false",
            bgcolor=look.PAPER,
            fontname=look.FONT,
            fontcolor=look.FAINT,
            fontsize="11",
            nodesep=f"{shape.beside}",
            ranksep=f"{shape.between}",
            pad="0.2",
            labelloc="b",
            labeljust="l",
        ),
        _line("node", shape="plain", fontname=look.FONT, fontcolor=look.INK, fontsize="14"),
        _line(
            "edge",
            fontname=look.FONT,
            fontcolor=look.INK,
            fontsize="12",
            color=look.LINE,
            penwidth="1.2",
            arrowsize="0.7",
        ),
    ]


def _node(
    node: Node, picture: Picture, partials: bool, room: Room, shape: Shape, name: str
) -> list[str]:
    """A Value, the operation that made it, and what stands for what is left out around it."""
    lines = [
        _line(node.id, label=_record(node, name, room, shape), tooltip=_about(node), **_kind(node))
    ]
    if node.op is not None:
        lines += _operation(node, node.op)
        lines += _operands(node, picture, partials, room)
    elif node.is_cut:
        lines += _stub(f"{node.id}_op", node.id, MADE_OF_MORE)
    if node.unseen:
        lines += _stub(f"{node.id}_uses", node.id, USED_BY_MORE, node.unseen, is_source=False)
    return lines


def _kind(end: Node | Box) -> dict[str, str]:
    """By what a page finds the end of the graph."""
    return {"class": "root"} if end.is_root else {}


def _operation(node: Node, op: Op) -> list[str]:
    """The small node of an operation, and the arrow to the Value that it made."""
    sign = op.symbol
    if len(sign) <= 2:
        shape = {"shape": "circle", "style": "filled"}
        size = {"width": "0.34", "height": "0.34", "margin": "0.0", "fixedsize": "true"}
    else:
        shape = {"shape": "box", "style": "filled,rounded"}
        size = {"width": "0", "height": "0.3", "margin": "0.1,0.03", "fixedsize": "false"}
    on_path = any(arrow.emphasised for arrow in node.arrows)
    return [
        _line(
            f"{node.id}_op",
            label=as_markup(sign),
            tooltip=as_tooltip(f"{op.name}: z = {op.text}"),
            **shape,
            fillcolor=look.OPERATION,
            color=look.OPERATION,
            fontcolor=look.PAPER,
            fontsize="15" if len(sign) <= 2 else "13",
            **size,
            ordering="in",
        ),
        _line(
            f"{node.id}_op -> {node.id}",
            weight="8",
            **(_emphasis(look.LINE, THINNEST) if on_path else {}),
        ),
    ]


def _operands(node: Node, picture: Picture, partials: bool, room: Room) -> Iterator[str]:
    """The arrows into an operation, and the constants that some of them come from."""
    name = f"{node.id}_op"
    for position, (source, arrow) in enumerate(zip(sources(node), node.arrows), start=1):
        if arrow.source is None:
            yield from _stub(source, name, MADE_OF_MORE, arrow.count)
            continue
        if isinstance(arrow.source, tuple):
            yield _line(source, **_constant(arrow.source))
        attributes = _arrow(arrow, f"{node.id}:{position}", picture, partials, room)
        yield _line(f"{source} -> {name}", **attributes)


def _box(box: Box, picture: Picture, room: Room) -> Iterator[str]:
    """A closed group, and the arrows into it."""
    yield _line(box.id, label=_closed(box, room), tooltip=_hidden(box), **_kind(box))
    for number, arrow in enumerate(box.arrows, start=1):
        if arrow.source is None:
            yield from _stub(f"{box.id}_rest", box.id, MADE_OF_MORE, arrow.count)
        else:
            attributes = _arrow(arrow, f"{box.id}:{number}", picture, partials=False, room=room)
            yield _line(f"{arrow.source} -> {box.id}", **attributes)


def _stub(name: str, end: str, about: str, count: int = 1, *, is_source: bool = True) -> list[str]:
    """An ellipsis that stands for what the picture leaves out, and its arrow."""
    return [
        _line(
            name,
            label="\u2026" + (f" {count:,}\u00d7" if count > 1 else ""),
            tooltip=about,
            shape="plain",
            fontcolor=look.FAINT,
        ),
        _line(f"{name} -> {end}" if is_source else f"{end} -> {name}", style="dashed", weight="8"),
    ]


def _ordered(arrangement: Arrangement, shape: Shape) -> Iterator[str]:
    """Frames around the parts of open groups, and what keeps everything in its rank and place.

    Names that follow each other in a rank are held by an edge that nobody sees. Frames keep the
    order in which they are written, as long as few attempts are made to find another one. What
    Graphviz lays out from left to right, it turns in the end, but does not turn the frames: they,
    and what is in them, are written the other way round.
    """
    turn = -1 if shape.is_sideways else 1
    homes: dict[str, int] = {}
    number = 0
    waiting: list[Place | None] = _frames_in(arrangement.whole)[::-turn]
    while waiting:
        place = waiting.pop()
        if place is None:
            yield "}"
            continue
        yield from _frame(place, number)
        yield "; ".join([inner.name for inner in place.places if inner.name][::turn])
        homes |= {inner.name: number for inner in place.places if inner.name}
        number += 1
        waiting += [None, *_frames_in(place)[::-turn]]
    for before, after in arrangement.loose:
        yield _line(f"{before} -> {after}", style="invis", weight="0")
    for names in arrangement.ranks:
        yield f"{{rank=same; {'; '.join(names)}}}"
        rows: dict[int | None, list[str]] = {}
        for name in names:
            rows.setdefault(homes.get(name), []).append(name)
        for home, row in rows.items():
            if len(row) > 1:
                yield _line(" -> ".join(row if home is None else row[::turn]), style="invis")


def _frames_in(place: Place) -> list[Place | None]:
    return [inner for inner in place.places if inner.frame is not None]


def _frame(place: Place, number: int) -> Iterator[str]:
    assert place.frame is not None
    title = as_markup(_shorten(place.frame.title))
    yield f"subgraph cluster_{number} {{"
    yield _line(
        "graph",
        label=f"<B>{title}</B>{' parameters' * place.frame.is_parameters}",
        tooltip=as_tooltip(place.frame.title),
        labelloc="t",
        labeljust="l",
        fontsize="12",
        style="rounded",
        color=look.LINE,
        bgcolor=look.FRAMED,
        margin="10",
    )


def _record(node: Node, name: str, room: Room, shape: Shape) -> str:
    """The record ``label | data | grad`` as an HTML-like label, which takes any text in a field."""
    emphasis = look.EMPHASIS_LINE if node.highlighted else look.INK if node.is_root else look.LINE
    is_leaf = node.op is None and not node.is_cut
    fill = look.EMPHASIS if node.highlighted else look.LEAF if is_leaf else look.PAPER
    # A border takes room, of which a node has as much whether it is its turn or not.
    border = 2 if room.is_shared or node.is_root else 1
    border = 3 if node.highlighted and not room.is_shared else border
    heading = f"<TD>{_heading(node.label, name)}</TD>" if node.label else ""
    side = ' ALIGN="LEFT"' if shape.is_stacked else ""
    numbers = [
        f"<TD{side}>{_field('data', rounded(node.data))}</TD>",
        f"<TD{room.cell(node.id, 'grad', 14, 40) or side}>{_gradient('grad', node.grad)}</TD>",
    ]
    if node.count:
        count = room.cell(node.id, "count", 10, 14) or side
        numbers.append(f"<TD{count}>{_small(node.count)}</TD>")
    if shape.is_stacked:
        padding, rows = 2, [f"<TR>{heading}</TR><HR/>"] if heading else []
        rows += [f"<TR>{number}</TR>" for number in numbers]
    else:
        padding, rows = 6, [f"<TR>{'<VR/>'.join(filter(None, [heading, *numbers]))}</TR>"]
    return (
        f'<TABLE BORDER="{border}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="{padding}" '
        f'STYLE="ROUNDED" COLOR="{emphasis}" BGCOLOR="{fill}">{"".join(rows)}</TABLE>'
    )


def _heading(label: str, name: str) -> str:
    """A name in bold; those of a network in the lecture's notation, indices at the right."""
    known = symbol(label)
    if known is None:
        return f"<B>{as_markup(_shorten(name))}</B>"
    index = '<FONT POINT-SIZE="10">{}</FONT>'
    lower, upper = index.format(known.lower), index.format(known.upper)
    letter = f"<I><B>{known.letter}</B></I>"
    if not known.upper:
        rows = (
            f'<TR><TD ALIGN="RIGHT">{letter}</TD><TD ALIGN="LEFT" VALIGN="BOTTOM">{lower}</TD></TR>'
        )
    else:
        rows = (
            f'<TR><TD ROWSPAN="2" ALIGN="RIGHT">{letter}</TD><TD ALIGN="LEFT">{upper}</TD></TR>'
            f'<TR><TD ALIGN="LEFT">{lower}</TD></TR>'
        )
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">{rows}</TABLE>'


def _closed(box: Box, room: Room) -> str:
    """A box with a double border, for there is more in it: name, number, sum of gradients."""
    colour = look.EMPHASIS_LINE if box.highlighted else look.INK if box.is_root else look.FAINT
    fill = (
        look.EMPHASIS if box.highlighted else look.LEAF if box.inputs == box.count else look.PAPER
    )
    kind = ("leaf", "leaves") if box.inputs == box.count else ("Value", "Values")
    what = kind[box.count != 1]
    title = f"<B>{as_markup(_shorten(box.title))}</B>"
    count, total = f"{box.count:,} {_small(what)}", _gradient(f"{SUM} grad", box.total)
    inner = (
        f'<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="5" STYLE="ROUNDED" '
        f'COLOR="{colour}" BGCOLOR="{fill}"><TR><TD COLSPAN="3">{title}</TD></TR><HR/>'
        f"<TR><TD>{count}</TD><VR/><TD{room.cell(box.id, 'grad', 14, 50)}>{total}</TD></TR></TABLE>"
    )
    return (
        f'<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2" STYLE="ROUNDED" '
        f'COLOR="{colour}" BGCOLOR="{look.PAPER}"><TR><TD>{inner}</TD></TR></TABLE>'
    )


def _hidden(box: Box) -> str:
    """All that is known of a box, for its tooltip."""
    made = [f"{number:,} {name}" for name, number in box.operations]
    if box.inputs:
        made.append(f"{box.inputs:,} {'leaf' if box.inputs == 1 else 'leaves'}")
    lines = [box.name, f"hides {box.count:,} Values: {', '.join(made)}"]
    if box.inner_edges:
        lines.append(f"and {box.inner_edges:,} edges between them")
    lines.append(
        "no gradients yet" if box.total is None else f"their gradients sum to {box.total!r}"
    )
    return as_tooltip("\n".join(lines))


def _gradient(name: str, number: float | None) -> str:
    """A gradient, or a sum of some, in the colour of its sign; a dash if there was no sweep."""
    colour = sign_colour(number, look.FAINT, look.NEGATIVE_INK)
    return _field(name, f'<FONT COLOR="{colour}">{gradient_text(number)}</FONT>')


def _field(name: str, number: str) -> str:
    return f"{_small(name)}&#160;{number}"


def _constant(numbers: tuple[float, ...]) -> dict[str, str]:
    several = len(numbers) > 1
    text = f"{len(numbers):,} constants" if several else rounded(numbers[0])
    about = ", ".join(map(repr, numbers[:20])) + (", ..." if numbers[20:] else "")
    return {
        "label": f'<FONT POINT-SIZE="12" COLOR="{look.FAINT}">{text}</FONT>',
        "tooltip": as_tooltip(f"the constant{'s' if several else ''} {about}"),
        "shape": "box",
        "style": "rounded",
        "color": look.LINE,
        "width": "0",
        "height": "0",
        "margin": "0.07,0.04",
    }


def _arrow(arrow: Arrow, part: str, picture: Picture, partials: bool, room: Room) -> dict[str, str]:
    attributes = {}
    words = []
    cell = room.cell(part, "sum", 12, 8)
    if arrow.position is not None:
        words.append(_small(_ordinal(arrow.position)))
    if arrow.count > 1:
        added = sum_text(arrow) or ("&#160;" if cell else "")
        words.append(_small(f"{arrow.count:,}\u00d7") + (f"<BR/>{added}" if added else ""))
    elif partials and arrow.partial is not None:
        words.append(rounded(arrow.partial))
    if words:
        # The table is there for its padding: wide edges stay clear of the words.
        text = "&#160;&#160;".join(words)
        text = f'<TABLE BORDER="0"><TR><TD{cell}>{text}</TD></TR></TABLE>'
        # Beside a straight arrow its words may be anywhere, but at its head they are its own.
        attributes["headlabel" if picture.is_tangled else "label"] = text
    if account := as_tooltip(_account(arrow)):
        attributes["tooltip"] = account
        attributes["headtooltip" if picture.is_tangled else "labeltooltip"] = account
    colour, width = look.LINE, THINNEST
    if arrow.contribution is not None and arrow.contribution != 0.0:
        colour = attributes["color"] = sign_colour(arrow.contribution, look.LINE)
        width = _width(arrow.contribution, room.scale)
        attributes["penwidth"] = f"{width:.2f}"
    if arrow.emphasised:
        attributes.update(_emphasis(colour, width))
    return attributes


def _account(arrow: Arrow) -> str:
    """What an arrow carries, as text."""
    lines = []
    if arrow.partial is not None:
        lines.append(f"local derivative {arrow.partial!r}")
    if arrow.count > 1:
        lines.append(f"{arrow.count:,} operands")
    if arrow.contribution is not None:
        sums = arrow.partial is not None and f"{arrow.upstream!r} * {arrow.partial!r} = "
        lines.append(f"contribution {sums or ''}{arrow.contribution!r}")
    return "\n".join(lines)


def _emphasis(colour: str, width: float) -> dict[str, str]:
    """An arrow between two lines that draw the eye to it."""
    return {
        "color": f"{look.EMPHASIS_LINE}:{colour}:{look.EMPHASIS_LINE}",
        "penwidth": f"{max(width, 2.0):.2f}",
    }


def _small(text: str) -> str:
    return f'<FONT POINT-SIZE="10" COLOR="{look.FAINT}">{text}</FONT>'


def _width(contribution: float, largest: float) -> float:
    if not math.isfinite(contribution):
        return WIDEST
    share = abs(contribution) / largest
    return THINNEST + (WIDEST - THINNEST) * share


def _legend(picture: Picture, partials: bool, room: Room) -> str:
    """Lines of markup that say what the picture does not say by itself."""
    lines = []
    if picture.notice:
        colour = look.NEGATIVE_INK
        lines += [
            f'<FONT COLOR="{colour}">{as_markup(line)}</FONT>'
            for line in textwrap.wrap(picture.notice, LONGEST_LINE)
        ]
    if room.scale:
        if partials:
            lines.append("number on an edge: the local derivative")
        stroke = '<FONT COLOR="{}"><B>\u2501\u2501</B></FONT> {}'
        positive = stroke.format(look.POSITIVE, "positive")
        negative = stroke.format(look.NEGATIVE, "negative")
        lines.append(
            f"colour and width: what the edge adds to a gradient, {positive} &#160;{negative}, "
            f"widest {rounded(room.scale)}"
        )
    if any(node.count for node in picture.nodes):
        lines.append("2/3: so many of the operations that use a Value have reported to it")
    if any(arrow.count > 1 for arrow in picture.arrows):
        total = f"; {SUM}: what they add to gradients in all"
        lines.append("n\u00d7: so many edges drawn as one" + total * bool(lines))
    if picture.boxes:
        lines.append(
            "double border: a group of Values, how many it hides, and the sum of their gradients"
        )
    if any(box.is_band for box in picture.boxes):
        lines.append("level: how many operations lie between a Value and the end, at most")
    if picture.hidden:
        made_of = "" if picture.around else "made of "
        lines.append(f"\u2026: {made_of}{picture.hidden:,} more Values, which are not drawn")
    space = '<FONT POINT-SIZE="8"> </FONT>'
    return "".join(line + '<BR ALIGN="LEFT"/>' for line in [space, *lines]) if lines else ""


def _about(node: Node) -> str:
    lines = [node.label] if node.label else []
    if node.formula:
        lines.append(f"= {node.formula}")
    lines.append(f"data = {node.data!r}")
    lines.append("no gradient yet" if node.grad is None else f"grad = {node.grad!r}")
    if node.count:
        lines.append(f"{node.count} of its consumers have reported")
    return as_tooltip("\n".join(lines))


def _ordinal(position: int) -> str:
    return {1: "1st", 2: "2nd", 3: "3rd"}.get(position, f"{position}th")


def _shorten(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "\u2026"
