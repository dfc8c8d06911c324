"""What all pages share: their policy, their style and script, and pictures that stand in them.

Asset files and what Graphviz drew go in; pieces of HTML come out. A page is one file that loads
nothing and runs nothing but its own script. The colours of its pictures are those of ``kit.css``,
so that they follow the scheme, light or dark.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from string import Template

from . import look
from .slim import slim_script, slim_style

_ROUND_BOX = 50  # the numbers of its outline: 25 points
_SIDES = ("x", "y", "width", "height")
# What a text is unless it says otherwise, as kit.css has it.
_USUAL = {"text-anchor": "start", "font-size": "14", "fill": "var(--ink)"}
_HUNDREDTH = re.compile(r"-?\d+\.\d+")
_LEFT_OUT = ("id", "font-family")  # the fonts are those of kit.css
_LINK_TITLE = "{http://www.w3.org/1999/xlink}title"

# The names in kit.css of the colours of pictures; Graphviz writes the words for white and black.
VARIABLES = {
    look.PAPER: "--card",
    "white": "--card",
    look.FRAMED: "--paper",
    look.LEAF: "--leaf",
    look.INK: "--ink",
    "black": "--ink",
    look.NOT_A_NUMBER: "--ink",
    look.FAINT: "--faint",
    look.LINE: "--line",
    look.OPERATION: "--operation",
    look.EMPHASIS: "--now-card",
    look.EMPHASIS_LINE: "--now",
    look.POSITIVE: "--pos",
    look.NEGATIVE: "--neg-line",
    look.NEGATIVE_INK: "--neg",
}


def page(template: str, style: str, script: str, **fields: str) -> str:
    """An HTML file.

    Args:
        template: its text: ``$policy``, ``$style``, ``$script``, and a ``$name`` for each field.
        style: its style sheet, beside that of the kit.
        script: its script.
        fields: what else stands in it, as HTML.
    """
    whole = _kit_style() + style
    return Template(template).substitute(
        fields, policy=_policy([whole], [script]), style=whole, script=script
    )


def packed_page(template: str, style: str, script: str, **fields: str) -> str:
    """An HTML file whose style sheet and script are packed, as ``unpack.js`` reads them.

    Without JavaScript there is the style of the kit alone. The template has a place ``$packed``
    more; all else is as for ``page``.
    """
    unpack = slim_script('"use strict";\n' + asset(__package__, "unpack.js"))
    kit_style = _kit_style()
    return Template(template).substitute(
        fields,
        policy=_policy([kit_style, style], [unpack, script]),
        style=kit_style,
        script=unpack,
        packed=packed(f"{style}\0{script}"),
    )


def _policy(styles: Iterable[str], scripts: Iterable[str]) -> str:
    """A Content-Security-Policy that admits some style sheets and scripts, and nothing else."""
    admitted = [" ".join(map(_digest, texts)) for texts in (styles, scripts)]
    return (
        f"default-src 'none'; style-src {admitted[0]}; script-src {admitted[1]}; "
        f"base-uri 'none'; form-action 'none'"
    )


def _kit_style() -> str:
    return style(__package__, "kit.css")


def style(package: str, *names: str) -> str:
    """Files of a package as one style sheet."""
    text = "\n".join(asset(package, name) for name in names)
    return slim_style(text)


def script(package: str, *names: str, before: str = "") -> str:
    """The script of a page: the zoom of the kit, and files of a package after it, in one scope.

    ``before`` is what was written for this page alone, and these files use.
    """
    parts = [before, asset(__package__, "zoom.js"), *(asset(package, name) for name in names)]
    return '"use strict";' + "".join(map(slim_script, parts))


def asset(package: str, name: str) -> str:
    """The text of a file that lies beside the modules of a package."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def json_in_html(data: object) -> str:
    """JSON that may stand in HTML: no text in it can end the element that it stands in.

    Raises:
        ValueError: for nan and infinity, which JSON does not have: pages pack such numbers.
    """
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def picture(svg: bytes, name: str = "computation graph", bare: bool = False) -> str:
    """A file that Graphviz drew as an element for HTML, as large as it was drawn.

    Its parts are named by their tooltips, and those that are nodes take the focus. It holds no
    links, no ids, which might be taken for ones of the page, and no ground of its own.

    Args:
        svg: what Graphviz drew.
        name: what the picture is called where it is read aloud.
        bare: whether to leave out what its parts tell of themselves, and the legend: for a picture
            beside a table.
    """
    drawn = ElementTree.fromstring(svg)
    for element in drawn.iter():
        element.tag = element.tag.rpartition("}")[2]
    for group in drawn.iter("g"):
        _name_by_tooltip(group, bare)
    for element in drawn.iter():
        for attribute in [n for n in element.attrib if n.startswith("{") or n in _LEFT_OUT]:
            del element.attrib[attribute]
        for colour in ("fill", "stroke"):
            variable = VARIABLES.get(element.get(colour, ""))
            if variable is not None:
                element.set(colour, f"var({variable})")
    _shorten(drawn)
    width, height = drawn.attrib["viewBox"].split()[2:]
    drawn.attrib = {
        "xmlns": "http://www.w3.org/2000/svg",
        "class": "picture",
        "viewBox": f"0 0 {width} {height}",
        "width": width,
        "height": height,
        "role": "group",
        "aria-label": name,
    }
    return ElementTree.tostring(drawn, encoding="unicode").strip()


def _shorten(element: ElementTree.Element) -> None:
    """Leave out what says nothing: a tenth of a pixel is enough, and a record is drawn once."""
    parts: list[ElementTree.Element] = []
    for part in element:
        _shorten(part)
        is_wrapper = part.tag == "g" and not part.attrib  # a link was there
        parts += list(part) if is_wrapper else [part]
    element[:] = _drawn_once(
        part for part in parts if part.tag != "text" or (part.text or "").strip()
    )
    if element.tag not in ("text", "title"):
        element.text = ""
    element.tail = ""
    for attribute, value in list(element.attrib.items()):
        if attribute in ("d", "points", "x", "y", "cx", "cy", "rx", "ry", "font-size"):
            element.set(attribute, _HUNDREDTH.sub(_rounded, value))
        if element.tag == "text" and _USUAL.get(attribute) == element.get(attribute):
            del element.attrib[attribute]
    numbers = [float(x) for x in re.findall(r"-?[\d.]+", element.get("d") or "")]
    # An edge may have as many, and does not end where it begins.
    if element.tag == "path" and len(numbers) == _ROUND_BOX and numbers[:2] == numbers[-2:]:
        left, right, top, bottom = _bounds(numbers)
        element.tag, element.attrib = "rect", {n: x for n, x in element.items() if n != "d"}
        # The outline begins where a corner ends, some at the left and some at the right.
        corner = min(numbers[0] - left, right - numbers[0])
        for name, number in zip(
            ("x", "y", "width", "height", "rx"),
            (left, top, right - left, bottom - top, corner),
        ):
            element.set(name, f"{number:.5g}")


def _bounds(numbers: Sequence[float]) -> tuple[float, float, float, float]:
    """Left, right, top and bottom of points."""
    xs, ys = numbers[::2], numbers[1::2]
    return min(xs), max(xs), min(ys), max(ys)


def _drawn_once(parts: Iterable[ElementTree.Element]) -> Iterator[ElementTree.Element]:
    """The parts of a record with its ground and, after the texts, its border as one."""
    grounds: dict[tuple[str | None, ...], ElementTree.Element] = {}
    for part in parts:
        ground = grounds.setdefault(tuple([part.get(side) for side in _SIDES]), part)
        is_border = part.tag == "rect" and part is not ground and part.get("fill") == "none"
        if is_border and ground.get("stroke") == "none":
            ground.attrib |= {n: x for n, x in part.items() if n.startswith("stroke")}
        else:
            yield part


def _rounded(found: re.Match[str]) -> str:
    return f"{float(found[0]):.1f}".removesuffix(".0")


def _name_by_tooltip(group: ElementTree.Element, bare: bool) -> None:
    """Name a part by its tooltip, and no longer by its name in the DOT text."""
    kinds = group.get("class", "").split()
    for title in group.findall("title"):
        group.remove(title)
    if "graph" in kinds:  # whose links are those of its parts
        for ground in group.findall("polygon"):
            group.remove(ground)
        for line in group.findall("text") if bare else ():
            group.remove(line)
        return
    links = list(group.iter("a"))
    about = next((link.get(_LINK_TITLE, "") for link in links), "")
    for link in links:
        link.tag = "g"
        link.attrib.clear()
    if bare:
        group.attrib.clear()  # nothing will ask for it
    elif about and kinds:
        title = ElementTree.Element("title")
        title.text = about
        group.insert(0, title)
        if "node" in kinds:
            group.set("tabindex", "0")
            group.set("role", "img")


def packed(text: str, level: int = 9, strategy: int = zlib.Z_DEFAULT_STRATEGY) -> str:
    """A text as ``unpack.js`` reads it: a third of its length, and without a letter of markup."""
    packer = zlib.compressobj(level, zlib.DEFLATED, -15, strategy=strategy)
    content = packer.compress(text.encode()) + packer.flush()
    return base64.b85encode(content).decode().replace("<", ",")


def _digest(text: str) -> str:
    """How a policy names a style sheet or a script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
