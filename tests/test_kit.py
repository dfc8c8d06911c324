"""What all pages share: colours that can be read, one palette for pages and pictures, clean SVG."""

from __future__ import annotations

import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree
import zlib
from pathlib import Path

import pytest
from test_languages import needs

from autograd.drawing import kit, look
from autograd.drawing.slim import slim_script

GROUNDS = ("paper", "card", "leaf", "now-card")
TEXTS = ("ink", "faint", "now-ink", "pos", "neg", "gap")
LINES = ("line", "now", "neg-line", "operation", *(f"class-{c}" for c in range(6)))


def schemes() -> dict[str, dict[str, str]]:
    """The colours of kit.css in each scheme."""
    light, dark = re.findall(
        r":root \{(.*?)\n *\}", kit.asset("autograd.drawing", "kit.css"), re.DOTALL
    )[:2]
    found = {
        name: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", text))
        for name, text in [("light", light), ("dark", dark)]
    }
    assert found["light"].keys() == found["dark"].keys() == {*GROUNDS, *TEXTS, *LINES}
    return found


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_what_the_standard_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)  # W3C's own example


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_and_lines_stand_out_from_every_ground(scheme: str) -> None:
    colours = schemes()[scheme]
    for ground in GROUNDS:
        for text in TEXTS:
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
        for line in LINES:
            assert contrast(colours[line], colours[ground]) >= 3.0, (line, ground)
    assert contrast(colours["card"], colours["operation"]) >= 4.5  # the sign of an operation


def test_a_picture_has_the_light_colours_of_the_pages() -> None:
    light = schemes()["light"] | {
        "black": "#1f2933",
        look.NOT_A_NUMBER: "#1f2933",
        "white": "#ffffff",
    }
    for colour, variable in kit.VARIABLES.items():
        assert light.get(colour, colour) == light[variable.removeprefix("--")]
    named = {
        v for k, v in vars(look).items() if k.isupper() and re.fullmatch("#[0-9a-f]{6}", str(v))
    }
    assert named <= kit.VARIABLES.keys()


SVG = b"""<?xml version="1.0"?>
<svg width="9pt" height="8pt" viewBox="0.00 0.00 90.00 80.00" xmlns="http://www.w3.org/2000/svg"
 xmlns:xlink="http://www.w3.org/1999/xlink">
<g id="graph0" class="graph"><title>%3</title><polygon fill="white" points="0,0 1,1"/>
<g id="node1" class="node root"><title>v0</title>
<g id="a_node1"><a xlink:href="javascript:alert(1)" xlink:title="x &lt;b&gt;">
<path fill="#e9eff6" stroke="#7b8895" d="M0"/><text fill="#1f2933">x</text></a></g></g>
<g id="edge1" class="edge"><title>v0&#45;&gt;v1</title><path fill="none" stroke="#123456"/></g>
</g></svg>"""


def test_a_picture_in_a_page_has_no_links_ids_or_ground_and_the_colours_of_the_page() -> None:
    text = kit.picture(SVG, "of <L>")
    drawn = ElementTree.fromstring(text)
    names = {element.tag.rpartition("}")[2] for element in drawn.iter()}
    assert names == {"svg", "g", "title", "path", "text"}
    assert not any(n in ("id", "href") or ":" in n for e in drawn.iter() for n in e.attrib)
    assert (drawn.get("aria-label"), drawn.get("viewBox")) == ("of <L>", "0 0 90.00 80.00")
    assert (drawn.get("width"), drawn.get("height")) == ("90.00", "80.00")
    fills = [e.get("fill") for e in drawn.iter() if e.get("fill")]
    assert fills == ["var(--leaf)", "none"]  # a text has the colour of all texts
    assert [e.get("stroke") for e in drawn.iter() if e.get("stroke")] == ["var(--line)", "#123456"]
    [title] = [e for e in drawn.iter() if e.tag.endswith("title")]
    [node] = [e for e in drawn.iter() if e.get("tabindex") == "0"]
    assert title.text == "x <b>" and title in node and node.get("class") == "node root"


def test_corners_of_boxes_in_a_page_are_as_round_as_graphviz_drew_them() -> None:
    """Of two boxes of 34 by 22 the outlines begin at the right and at the left; an edge is none."""
    right = "M27,0C27,0 7,0 7,0 3.5,0 0,3.5 0,7 0,7 0,15 0,15 0,18.5 3.5,22 7,22 7,22 27,22 27,22 "
    right += "30.5,22 34,18.5 34,15 34,15 34,7 34,7 34,3.5 30.5,0 27,0"
    left = (
        "M7,0C7,0 27,0 27,0 30.5,0 34,3.5 34,7 34,7 34,15 34,15 34,18.5 30.5,22 27,22 27,22 7,22 "
    )
    left += "7,22 3.5,22 0,18.5 0,15 0,15 0,7 0,7 0,3.5 3.5,0 7,0"
    for outline in (right, left):
        svg = SVG.replace(b"M0", outline.encode())
        [box] = [e for e in ElementTree.fromstring(kit.picture(svg)).iter() if e.get("rx")]
        shape = [box.get(n) for n in ("x", "y", "width", "height", "rx")]
        assert shape == ["0", "0", "34", "22", "7"]
    edge = SVG.replace(b"M0", right.replace("M27,0", "M20,9").encode())
    assert "<rect" not in kit.picture(edge)


def test_json_in_a_page_ends_no_element_and_is_the_same_json() -> None:
    data = {"label": "</script><!--", "numbers": [0.1, None]}
    text = kit.json_in_html(data)
    assert "<" not in text and json.loads(text) == data
    for number in (float("nan"), float("inf")):  # of which a browser would read nothing at all
        with pytest.raises(ValueError, match="not JSON compliant"):
            kit.json_in_html({"held": number})


TRICKY = r"""
// a comment with "quotes" and `more`
const out = [];
let a = 5, b = 3, i = 0;
out.push(a - -b, a + +b, a - --b, i++ + ++i, - -a);  /* two
lines */
out.push("// no comment", 'it\'s /* none */', `a ${`b ${a / 2} "c"`} // d ${{ x: "}" }.x}`);
out.push(a / b / 2, /[/"]\/x+/g.test('"/xx'), "a  b".replace(/ +/, (s) => s.length), [1, 2]
  .map((x) => x / 2));
const f = function () { return /y/.source; };
let c = a
++i
out.push(c, i, f(), typeof /z/, a > b ? "yes" : "no", `  two
lines  `);
{ let d = 1; out.push(d); }
out.push(((x) => {
  return x
})(1), !0, a !== b, a in [1], "\\");
console.log(JSON.stringify(out));
"""


@needs("node")
def test_a_slim_script_does_what_the_long_one_does(tmp_path: Path) -> None:
    written = slim_script(TRICKY)
    assert len(written) < 0.9 * len(TRICKY) and "a comment" not in written
    told = []
    for script in (TRICKY, written):
        (tmp_path / "script.js").write_text('"use strict";' + script)
        done = subprocess.run(["node", tmp_path / "script.js"], capture_output=True, check=True)
        told.append(done.stdout)
    assert told[0] == told[1]
    assert json.loads(told[1])[:5] == [8, 8, 3, 2, 5]


@needs("node")
def test_what_is_packed_is_unpacked_whatever_it_holds(tmp_path: Path) -> None:
    """By each kind of block: stored, with the fixed code, and with one of its own."""
    texts = [
        "",
        "a",
        "abc" * 2000,
        "".join(map(chr, range(1, 2000))),
        kit.asset("autograd.page", "app.js"),
    ]
    script = (
        kit.asset("autograd.drawing", "unpack.js").partition("\n{\n")[0]
        + """
const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
const read = (text) => new TextDecoder().decode(inflate(Uint8Array.from(bytesOf(text))));
console.log(JSON.stringify(given.map(read)));
"""
    )
    (tmp_path / "script.js").write_text(script)
    packed = [
        kit.packed(text, level, strategy)
        for text in texts
        for level in (0, 9)
        for strategy in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED)
    ]
    assert not any("<" in text for text in packed)
    done = subprocess.run(
        ["node", tmp_path / "script.js"],
        input=json.dumps(packed).encode(),
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout) == [text for text in texts for _ in range(4)]
