"""A picture as one HTML file: to zoom and pan in, with what each part says beside it.

An SVG file by Graphviz goes in; out comes a page that needs nothing else, loads nothing, and runs
nothing but its own script: a policy in its head forbids the rest. Labels are text everywhere.
"""

from __future__ import annotations

import base64
import hashlib
import html
import xml.etree.ElementTree as ElementTree

from .look import printable

_LINK_TITLE = "{http://www.w3.org/1999/xlink}title"


def page(svg: bytes, title: str) -> str:
    """The page around a picture.

    Args:
        svg: what Graphviz drew.
        title: the name of the page; any text will do.
    """
    policy = f"default-src 'none'; style-src {_digest(_STYLE)}; script-src {_digest(_SCRIPT)}"
    name = html.escape(printable(title))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}</title>
<style>{_STYLE}</style>
</head>
<body>
<header>
<h1>{name}</h1>
<span role="group" aria-label="zoom">
<button id="out" title="zoom out (-)">&#8722;</button>
<button id="in" title="zoom in (+)">+</button>
<button id="all" title="show all (0)">show all</button>
</span>
<small>drag or arrow keys: move; wheel, + and &#8722;: zoom; 0: all; Tab: from part to part</small>
</header>
<main id="stage" tabindex="0" aria-label="picture">
{_element(svg)}
</main>
<output id="about" hidden></output>
<script>{_SCRIPT}</script>
</body>
</html>
"""


def _digest(text: str) -> str:
    """How a policy names a style or a script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _element(svg: bytes) -> str:
    """The picture for use within HTML: without links, whose titles become those of the parts."""
    picture = ElementTree.fromstring(svg)
    for element in picture.iter():
        element.tag = element.tag.rpartition("}")[2]
    for group in picture.iter("g"):
        kind = group.get("class")
        if kind is not None:
            _replace_title(group, kind)
    # An id of the picture must not be taken for one of the page's.
    for element in picture.iter():
        for name in [n for n in element.attrib if n.startswith("{") or n == "id"]:
            del element.attrib[name]
    width, height = picture.attrib["viewBox"].split()[2:]
    picture.attrib = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": f"0 0 {width} {height}",
        "role": "group",
        "aria-label": "computation graph",
    }
    return ElementTree.tostring(picture, encoding="unicode").strip()


def _replace_title(group: ElementTree.Element, kind: str) -> None:
    """Name a part by its tooltip, and no longer by its name in the DOT text."""
    for title in group.findall("title"):
        group.remove(title)
    if kind == "graph":
        return  # whose links are those of its parts
    links = list(group.iter("a"))
    about = next((link.get(_LINK_TITLE, "") for link in links), "")
    for link in links:
        link.tag = "g"
        link.attrib.clear()
    if about:
        title = ElementTree.Element("title")
        title.text = about
        group.insert(0, title)
        if kind == "node":
            group.set("tabindex", "0")


_STYLE = """
:root { color-scheme: light dark; --ink: #1f2933; --paper: #fff; --line: #9aa5b1; --bar: #f6f8fa; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e7eb; --paper: #14181d; --line: #52606d; --bar: #1f2933; }
  svg { filter: invert(0.92) hue-rotate(180deg); }
}
* { box-sizing: border-box; }
html, body { height: 100%; }
body { margin: 0; display: flex; flex-direction: column; color: var(--ink);
  background: var(--paper); font: 15px/1.4 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; gap: 0.5em 1em; align-items: center;
  padding: 0.5em 1em; background: var(--bar); border-bottom: 1px solid var(--line); }
h1 { margin: 0; font-size: 1em; overflow-wrap: anywhere; }
button { font: inherit; min-width: 2.2em; padding: 0.1em 0.6em; color: inherit;
  background: var(--paper); border: 1px solid var(--line); border-radius: 5px; }
main { flex: 1; min-height: 0; overflow: hidden; cursor: grab; touch-action: none; }
main.moving { cursor: grabbing; }
svg { width: 100%; height: 100%; display: block; user-select: none; }
:focus-visible { outline: 3px solid #b7791f; outline-offset: -3px; }
g.node:focus { outline: none; }
g.node:focus path, g.node:focus polygon, g.node:focus ellipse { stroke: #b7791f; stroke-width: 3; }
output { position: fixed; right: 1em; bottom: 1em; max-width: min(40em, 90vw); max-height: 40vh;
  overflow: auto; padding: 0.6em 1em; white-space: pre-wrap; overflow-wrap: anywhere;
  background: var(--bar); border: 1px solid var(--line); border-radius: 8px; }
output[hidden] { display: none; }
"""

_SCRIPT = """
"use strict";
const stage = document.getElementById("stage"), about = document.getElementById("about");
const svg = stage.querySelector("svg");
const all = svg.getAttribute("viewBox").split(" ").map(Number);
let view = all.slice();

function look(x, y, width) {
  const w = Math.min(Math.max(width, all[2] / 200), all[2] * 4);
  view = [x, y, w, w * all[3] / all[2]];
  svg.setAttribute("viewBox", view.join(" "));
}
// How many units of the picture a pixel of the screen is wide.
function scale() {
  const box = svg.getBoundingClientRect();
  return Math.max(view[2] / box.width, view[3] / box.height);
}
function place(event) {
  const point = new DOMPoint(event.clientX, event.clientY);
  return point.matrixTransform(svg.getScreenCTM().inverse());
}
function zoom(factor, at) {
  const x = at ? at.x : view[0] + view[2] / 2, y = at ? at.y : view[1] + view[3] / 2;
  const before = view[2], w = Math.min(Math.max(before / factor, all[2] / 200), all[2] * 4);
  look(x - (x - view[0]) * w / before, y - (y - view[1]) * w / before, w);
}
function move(dx, dy) { look(view[0] + dx, view[1] + dy, view[2]); }
function showAll() { look(all[0], all[1], all[2]); }

stage.addEventListener("wheel", event => {
  event.preventDefault();
  const lines = event.deltaMode === 1 ? 16 : 1;
  zoom(Math.exp(-event.deltaY * lines / 400), place(event));
}, { passive: false });

const fingers = new Map();
let spread = 0;
stage.addEventListener("pointerdown", event => {
  fingers.set(event.pointerId, event);
  spread = 0;
});
addEventListener("pointermove", event => {
  const before = fingers.get(event.pointerId);
  if (!before) return;
  fingers.set(event.pointerId, event);
  stage.classList.add("moving");
  const units = scale();
  if (fingers.size === 1) {
    move((before.clientX - event.clientX) * units, (before.clientY - event.clientY) * units);
  } else if (fingers.size === 2) {
    const [a, b] = fingers.values();
    const now = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
    const middle = { clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 };
    if (spread) zoom(now / spread, place(middle));
    spread = now;
  }
});
for (const end of ["pointerup", "pointercancel"]) addEventListener(end, event => {
  fingers.delete(event.pointerId);
  spread = 0;
  stage.classList.remove("moving");
});

const keys = {
  "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), "0": showAll,
  ArrowLeft: () => move(-view[2] / 10, 0), ArrowRight: () => move(view[2] / 10, 0),
  ArrowUp: () => move(0, -view[3] / 10), ArrowDown: () => move(0, view[3] / 10),
  Escape: () => { about.hidden = true; },
};
addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});
document.getElementById("in").addEventListener("click", () => zoom(1.25));
document.getElementById("out").addEventListener("click", () => zoom(0.8));
document.getElementById("all").addEventListener("click", showAll);

function tell(event) {
  const part = event.target.closest("g.node, g.edge, g.cluster");
  const title = part && part.querySelector(":scope > title");
  about.hidden = !title;
  about.textContent = title ? title.textContent : "";
}
svg.addEventListener("pointerover", tell);
svg.addEventListener("focusin", event => {
  tell(event);
  const part = event.target.closest("g.node");
  if (!part || !part.matches(":focus-visible")) return;
  const box = part.getBoundingClientRect(), frame = stage.getBoundingClientRect();
  const units = scale();
  const dx = (box.left + box.right - frame.left - frame.right) / 2;
  const dy = (box.top + box.bottom - frame.top - frame.bottom) / 2;
  const hidden = box.left < frame.left || box.right > frame.right
    || box.top < frame.top || box.bottom > frame.bottom;
  if (hidden) move(dx * units, dy * units);
});
"""
