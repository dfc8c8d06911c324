"""How a picture looks: a ``Picture`` goes in, the text of a DOT file comes out.

The text depends on nothing but the picture, so that two runs agree to the byte. Labels are data:
whatever characters they hold, they come out as text.
"""

from __future__ import annotations

import html
import math
import unicodedata
from collections.abc import Sequence

from .notation import symbol
from .picture import Box, Edge, Frame, Node, Operation, Picture

DIRECTIONS = ("LR", "TB", "RL", "BT")
LONGEST_LABEL = 40
SUM, DASH = "\u03a3", "\u2014"

# The first family that the machine has is taken; the last two are what Linux has, and all have.
FONT = "Helvetica,Arial,DejaVu Sans,sans-serif"
INK = "#1f2933"
FAINT = "#5b6875"
LINE = "#9aa5b1"
LEAF = "#e6edf5"
PAPER = "#ffffff"
OPERATION = "#3e4c59"
BOX_LINE = "#52606d"
FRAME, FRAMED = "#b8c2cc", "#f6f8fa"
EMPHASIS = "#fff0b8"
EMPHASIS_LINE = "#b7791f"
# Blue and orange are told apart with every kind of colour blindness; the blue is the darker one,
# so that they also differ in grey.
POSITIVE = "#1b5fa8"
NEGATIVE, NEGATIVE_INK = "#d97706", "#b45309"
NOT_A_NUMBER = "#000000"
THINNEST, WIDEST = 1.2, 5.0


def dot_lines(picture: Picture, *, rankdir: str = "LR", partials: bool = True) -> list[str]:
    """The lines between the braces of a DOT file.

    Args:
        picture: what to show.
        rankdir: where the graph grows: "LR" from left to right, or "TB", "RL", "BT".
        partials: whether to write the local derivatives on the edges.

    Raises:
        ValueError: if ``rankdir`` is no direction.
    """
    if rankdir not in DIRECTIONS:
        raise ValueError(
            f"rankdir is one of {', '.join(DIRECTIONS)}, got {rankdir!r}; LR draws from left to "
            f"right, TB from top to bottom"
        )
    lines = [
        "graph"
        + attribute_list(
            rankdir=rankdir,
            bgcolor=PAPER,
            fontname=FONT,
            fontcolor=FAINT,
            fontsize="11",
            nodesep="0.25",
            ranksep="0.4",
            pad="0.2",
            labelloc="b",
            labeljust="l",
        ),
        "node" + attribute_list(shape="plain", fontname=FONT, fontcolor=INK, fontsize="14"),
        "edge"
        + attribute_list(
            fontname=FONT,
            fontcolor=INK,
            fontsize="12",
            color=LINE,
            penwidth="1.2",
            arrowsize="0.7",
        ),
    ]
    legend = _legend(picture, partials)
    if legend:
        space = '<FONT POINT-SIZE="8"> </FONT>'
        text = "".join(line + '<BR ALIGN="LEFT"/>' for line in [space, *legend])
        lines.append(f"label=<{text}>")
    for node in picture.nodes:
        lines.append(node.id + attribute_list(label=_record(node), tooltip=_about(node)))
        if node.operation is not None:
            lines += _operation(node, node.operation, picture, partials)
        elif node.is_cut:
            lines += _stub(f"{node.id}_op", node.id, MADE_OF_MORE)
        if node.unseen:
            lines += _stub(f"{node.id}_uses", node.id, USED_BY_MORE, node.unseen, is_source=False)
    for box in picture.boxes:
        lines.append(box.id + attribute_list(label=_closed(box), tooltip=_hidden(box)))
        for edge in box.edges:
            if edge.source is None:
                lines += _stub(f"{box.id}_rest", box.id, MADE_OF_MORE, edge.count)
            else:
                # A summary is drawn where there is room, and pulls nothing away from its place.
                loose = {"weight": "0"} if box.is_summary else {}
                lines.append(
                    f"{edge.source} -> {box.id}"
                    + attribute_list(**_edge(edge, picture, False), **loose)
                )
    lines += _framed(picture.frames, _belongings(picture))
    return ["\t" + line for line in lines]


def _operation(node: Node, operation: Operation, picture: Picture, partials: bool) -> list[str]:
    """The small node of an operation, the edge to its value, and the edges from its operands."""
    name = f"{node.id}_op"
    symbol = operation.op.symbol
    is_sign = len(symbol) <= 2
    on_path = any(edge.emphasised for edge in operation.edges)
    lines = [
        name
        + attribute_list(
            label=as_markup(symbol),
            tooltip=_tooltip(f"{operation.op.name}: z = {operation.op.text}"),
            shape="circle" if is_sign else "box",
            style="filled" if is_sign else "filled,rounded",
            fillcolor=OPERATION,
            color=OPERATION,
            fontcolor=PAPER,
            fontsize="15" if is_sign else "13",
            width="0.34" if is_sign else "0",
            height="0.34" if is_sign else "0.3",
            margin="0.0" if is_sign else "0.1,0.03",
            fixedsize="true" if is_sign else "false",
            ordering="in",
        ),
        f"{name} -> {node.id}"
        + attribute_list(weight="8", **(_emphasis(LINE, THINNEST) if on_path else {})),
    ]
    for position, edge in enumerate(operation.edges, start=1):
        source = edge.source
        if source is None:
            lines += _stub(f"{node.id}_rest", name, MADE_OF_MORE, edge.count)
            continue
        if isinstance(source, tuple):
            constants, source = source, f"{node.id}_constant{position}"
            lines.append(source + attribute_list(**_constant(constants)))
        lines.append(f"{source} -> {name}" + attribute_list(**_edge(edge, picture, partials)))
    return lines


MADE_OF_MORE = "made of Values that are not drawn"
USED_BY_MORE = "used by Values that are not drawn"


def _stub(name: str, end: str, about: str, count: int = 1, *, is_source: bool = True) -> list[str]:
    """An ellipsis that stands for what the picture leaves out, and its edge."""
    return [
        name
        + attribute_list(
            label="\u2026" + (f" {count:,}\u00d7" if count > 1 else ""),
            tooltip=about,
            shape="plain",
            fontcolor=FAINT,
        ),
        (f"{name} -> {end}" if is_source else f"{end} -> {name}")
        + attribute_list(style="dashed", weight="8"),
    ]


def _belongings(picture: Picture) -> dict[str, list[str]]:
    """What goes into a frame with each node or box: its operation, constants and ellipses."""
    belongings = {box.id: [box.id] for box in picture.boxes}
    for node in picture.nodes:
        names = belongings[node.id] = [node.id]
        if node.operation is None:
            continue
        names.append(f"{node.id}_op")
        for position, edge in enumerate(node.operation.edges, start=1):
            if isinstance(edge.source, tuple):
                names.append(f"{node.id}_constant{position}")
    return belongings


def _framed(frames: Sequence[Frame], belongings: dict[str, list[str]]) -> list[str]:
    """Frames around the parts of open groups, with the frames within; None is where one ends."""
    lines = []
    waiting: list[Frame | None] = list(frames[::-1])
    number = 0
    while waiting:
        frame = waiting.pop()
        if frame is None:
            lines.append("}")
            continue
        title = as_markup(_shorten(frame.title))
        lines += [
            f"subgraph cluster_{number} {{",
            "graph"
            + attribute_list(
                label=f"<B>{title}</B>{' parameters' * frame.is_parameters}",
                tooltip=_tooltip(frame.title),
                labelloc="t",
                labeljust="l",
                fontsize="12",
                style="rounded",
                color=FRAME,
                bgcolor=FRAMED,
                margin="10",
            ),
            "; ".join(part for member in frame.members for part in belongings[member]),
        ]
        number += 1
        waiting += [None, *frame.frames[::-1]]
    return lines


def _record(node: Node) -> str:
    """The record ``label | data | grad`` as an HTML-like label, which takes any text in a field."""
    emphasis = EMPHASIS_LINE if node.highlighted else INK if node.is_root else LINE
    fill = (
        EMPHASIS
        if node.highlighted
        else LEAF
        if node.operation is None and not node.is_cut
        else PAPER
    )
    border = 3 if node.highlighted else 2 if node.is_root else 1
    fields = [_name(node.label)] if node.label else []
    grad = DASH if node.grad is None else _number(node.grad)
    colour = sign_colour(node.grad, FAINT, NEGATIVE_INK)
    fields += [
        _field("data", _number(node.data)),
        _field("grad", f'<FONT COLOR="{colour}">{grad}</FONT>'),
    ]
    cells = "<VR/>".join(f"<TD>{field}</TD>" for field in fields)
    return (
        f'<TABLE BORDER="{border}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="6" '
        f'STYLE="ROUNDED" COLOR="{emphasis}" BGCOLOR="{fill}"><TR>{cells}</TR></TABLE>'
    )


def _name(label: str) -> str:
    """A label in bold; the names of a network in the lecture's notation, indices at the right."""
    known = symbol(label)
    if known is None:
        return f"<B>{as_markup(_shorten(label))}</B>"
    index = '<FONT POINT-SIZE="9">{}</FONT>'
    lower, upper = index.format(known.lower), index.format(known.upper)
    letter = f"<I><B>{known.letter}</B></I>"
    if not known.upper:
        rows = f'<TR><TD>{letter}</TD><TD VALIGN="BOTTOM">{lower}</TD></TR>'
    else:
        rows = (
            f'<TR><TD ROWSPAN="2">{letter}</TD><TD ALIGN="LEFT">{upper}</TD></TR>'
            f'<TR><TD ALIGN="LEFT">{lower}</TD></TR>'
        )
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">{rows}</TABLE>'


def _closed(box: Box) -> str:
    """A box with a double border, for there is more in it: name, number, sum of gradients."""
    colour = EMPHASIS_LINE if box.highlighted else INK if box.is_root else BOX_LINE
    fill = EMPHASIS if box.highlighted else LEAF if box.inputs == box.count else PAPER
    total = DASH if box.total is None else _number(box.total)
    ink = sign_colour(box.total, FAINT, NEGATIVE_INK)
    what = "leaves" if box.inputs == box.count else "Values"
    title = f"<B>{as_markup(_shorten(box.title))}</B>"
    count = f"{box.count:,} {_small(what)}"
    grad = _field(f"{SUM} grad", f'<FONT COLOR="{ink}">{total}</FONT>')
    inner = (
        f'<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="5" STYLE="ROUNDED" '
        f'COLOR="{colour}" BGCOLOR="{fill}"><TR><TD COLSPAN="3">{title}</TD></TR><HR/>'
        f"<TR><TD>{count}</TD><VR/><TD>{grad}</TD></TR></TABLE>"
    )
    return (
        f'<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2" STYLE="ROUNDED" '
        f'COLOR="{colour}" BGCOLOR="{PAPER}"><TR><TD>{inner}</TD></TR></TABLE>'
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
    return _tooltip("\n".join(lines))


def _field(name: str, number: str) -> str:
    return f'<FONT POINT-SIZE="10" COLOR="{FAINT}">{name}</FONT>&#160;{number}'


def _constant(numbers: tuple[float, ...]) -> dict[str, str]:
    several = len(numbers) > 1
    text = f"{len(numbers):,} constants" if several else _number(numbers[0])
    about = ", ".join(map(repr, numbers[:20])) + (", ..." if numbers[20:] else "")
    return {
        "label": f'<FONT POINT-SIZE="12" COLOR="{FAINT}">{text}</FONT>',
        "tooltip": _tooltip(f"the constant{'s' if several else ''} {about}"),
        "shape": "box",
        "style": "rounded",
        "color": LINE,
        "width": "0",
        "height": "0",
        "margin": "0.07,0.04",
    }


def _edge(edge: Edge, picture: Picture, partials: bool) -> dict[str, str]:
    attributes = {}
    words = []
    if edge.position is not None:
        words.append(_small(_ordinal(edge.position)))
    if edge.count > 1:
        added = "" if edge.contribution is None else f"<BR/>{SUM} {_number(edge.contribution)}"
        words.append(_small(f"{edge.count:,}\u00d7") + added)
    elif partials and edge.partial is not None:
        words.append(_number(edge.partial))
    if words:
        # The table is there for its padding: wide edges stay clear of the words.
        text = "&#160;&#160;".join(words)
        attributes["label"] = f'<TABLE BORDER="0"><TR><TD>{text}</TD></TR></TABLE>'
    tooltip = _account(edge)
    if tooltip:
        attributes["tooltip"] = attributes["labeltooltip"] = _tooltip(tooltip)
    colour, width = LINE, THINNEST
    if edge.contribution is not None and edge.contribution != 0.0:
        colour = attributes["color"] = sign_colour(edge.contribution, LINE)
        width = _width(edge.contribution, picture)
        attributes["penwidth"] = f"{width:.2f}"
    if edge.emphasised:
        attributes.update(_emphasis(colour, width))
    return attributes


def _account(edge: Edge) -> str:
    """What an edge carries, as text."""
    lines = []
    if edge.partial is not None:
        lines.append(f"local derivative {edge.partial!r}")
    if edge.count > 1:
        lines.append(f"{edge.count:,} operands")
    if edge.contribution is not None:
        sums = edge.partial is not None and f"{edge.upstream!r} * {edge.partial!r} = "
        lines.append(f"contribution {sums or ''}{edge.contribution!r}")
    return "\n".join(lines)


def _emphasis(colour: str, width: float) -> dict[str, str]:
    """An edge between two lines that draw the eye to it."""
    return {
        "color": f"{EMPHASIS_LINE}:{colour}:{EMPHASIS_LINE}",
        "penwidth": f"{max(width, 2.0):.2f}",
    }


def _small(text: str) -> str:
    return f'<FONT POINT-SIZE="10" COLOR="{FAINT}">{text}</FONT>'


def _width(contribution: float, picture: Picture) -> float:
    if not math.isfinite(contribution):
        return WIDEST
    share = abs(contribution) / picture.largest_contribution
    return THINNEST + (WIDEST - THINNEST) * share


def sign_colour(number: float | None, neutral: str, negative: str = NEGATIVE) -> str:
    """Blue or orange by the sign of a number, ``neutral`` where there is none, black for nan."""
    if number is None or number == 0.0:
        return neutral
    if math.isnan(number):
        return NOT_A_NUMBER
    return POSITIVE if number > 0.0 else negative


def _legend(picture: Picture, partials: bool) -> list[str]:
    """Lines of markup that say what the picture does not say by itself."""
    lines = []
    if picture.largest_contribution:
        if partials:
            lines.append("number on an edge: the local derivative")
        stroke = '<FONT COLOR="{}"><B>\u2501\u2501</B></FONT> {}'
        lines.append(
            "colour and width: what the edge adds to a gradient, "
            f"{stroke.format(POSITIVE, 'positive')} &#160;{stroke.format(NEGATIVE, 'negative')}, "
            f"widest {_number(picture.largest_contribution)}"
        )
    if any(edge.count > 1 for edge in picture.edges):
        lines.append(
            "n\u00d7: so many edges drawn as one"
            + (
                f"; {SUM}: what they add to gradients in all"
                if picture.largest_contribution
                else ""
            )
        )
    if picture.boxes:
        lines.append(
            "double border: a group of Values, how many it hides, and the sum of their gradients"
        )
    if any(box.is_band for box in picture.boxes):
        lines.append("level: how many operations lie between a Value and the end, at most")
    if picture.hidden:
        made_of = "" if picture.around else "made of "
        lines.append(f"\u2026: {made_of}{picture.hidden:,} more Values, which are not drawn")
    return lines


def _about(node: Node) -> str:
    lines = [node.label] if node.label else []
    if node.formula:
        lines.append(f"= {node.formula}")
    lines.append(f"data = {node.data!r}")
    lines.append("no gradient yet" if node.grad is None else f"grad = {node.grad!r}")
    return _tooltip("\n".join(lines))


def _number(number: float) -> str:
    # A gradient of -0.0 is a puzzle and no information.
    return format(number + 0.0, ".4g")


def _ordinal(position: int) -> str:
    return {1: "1st", 2: "2nd", 3: "3rd"}.get(position, f"{position}th")


def _shorten(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "\u2026"


def attribute_list(**attributes: str) -> str:
    """A DOT attribute list; the label alone is HTML-like, between angle brackets."""
    pairs = (f"{k}=<{v}>" if k == "label" else f'{k}="{v}"' for k, v in attributes.items())
    return f" [{' '.join(pairs)}]"


class _Printable(dict[int, int]):
    """For ``str.translate``: what stands for the characters that XML or a line cannot hold."""

    RETURN = 0x21B5
    REPLACEMENT = 0xFFFD

    def __missing__(self, code: int) -> int:
        if code < 0x20:
            return self.RETURN if code in b"\n\r" else 0x2400 + code
        category = unicodedata.category(chr(code))
        if category in ("Zl", "Zp"):
            return self.RETURN
        # Controls, halves of surrogate pairs, and the last two codes of each plane.
        if category in ("Cc", "Cs") or code & 0xFFFE == 0xFFFE:
            return self.REPLACEMENT
        return code


_PRINTABLE = _Printable()


def as_markup(text: str) -> str:
    """Any string for an HTML-like label: markup escaped, and backslashes, which Graphviz reads."""
    markup = html.escape(text.translate(_PRINTABLE)).replace("\\", r"\\")
    # Graphviz 2.43 takes a text that is nothing but "]" or "]]" for a syntax error.
    return "&#93;" + markup[1:] if markup.startswith("]") else markup


def _tooltip(text: str) -> str:
    """Any string for a tooltip, on several lines if it has them; backslashes are read twice.

    A long one becomes a sum of strings, for Graphviz reads no more than 16384 bytes as one.
    """
    lines = (line.translate(_PRINTABLE) for line in text.split("\n"))
    printable = "\n".join(lines)
    parts = [printable[k : k + _PART] for k in range(0, len(printable), _PART)]
    escaped = (html.escape(part).replace("\\", r"\\\\").replace("\n", "&#10;") for part in parts)
    return '" + "'.join(escaped)


_PART = 2000
