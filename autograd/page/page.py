"""A pass as one HTML file, to be stepped through in any browser, without a network or a server.

A recording goes in; out comes a page that holds everything: the graph as SVG, the words of every
step, what changes from moment to moment, a style sheet and a script. ``page.html`` is the frame of
it, ``page.css`` its look, ``page.js`` its movements. Labels are text wherever they stand, and the
page forbids itself, by its Content-Security-Policy, everything but its own style and script.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from html import escape
from importlib import resources
from pathlib import Path
from string import Template

from ..drawing import rendering
from ..drawing.frames import BEFORE, Moment, svg
from ..files import checked_place, write_whole
from ..stepping.recording import Recording
from ..stepping.steps import EDGES_SHOWN, Step
from ..text import signed
from ..words.formulas import in_names
from ..words.names import derivative
from ..words.staleness import stale_graph
from .excerpt import Excerpt
from .markup import code, heading, section, start

EXTENSIONS = (".html", ".htm")


def save(recording: Recording, position: int, path: str | os.PathLike[str]) -> Path:
    """Write the page of a pass; see ``Stepper.save``."""
    advice = "for a picture there is autograd.render(root, path)"
    place = checked_place(path, "a page", EXTENSIONS, advice)
    try:
        page = page_text(recording, position)
    except rendering.NotInstalledError as absence:
        raise rendering.RenderError(
            f"cannot write {str(place)!r}, for Graphviz lays out the graph of a page: {absence}; "
            f"{rendering.INSTALL}, which is what the extra viz brings"
        ) from None
    write_whole(place, page.encode())
    return place


def page_text(recording: Recording, position: int) -> str:
    """The page, opened after the step at which ``position`` nodes are finished.

    Raises:
        RenderError: if Graphviz failed or took too long.
        NotInstalledError: if there is no Graphviz.
    """
    excerpt = Excerpt(recording, max(position - 1, 0))
    root = recording.names[recording.nodes[0]]
    positions = [0, *excerpt.numbers.values()]
    moments = [excerpt.moment(moment) for moment in positions]
    opening = max(index for index, moment in enumerate(positions) if moment <= position)
    steps = [recording[number - 1] for number in positions[1:]]
    style, script = _asset("page.css"), _asset("page.js")
    return Template(_asset("page.html")).substitute(
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        f"base-uri 'none'; form-action 'none'",
        style=style,
        script=script,
        root=escape(root),
        headline=escape(heading(recording[0])),
        notice=_notice(excerpt, steps, position) + _stale(recording),
        graph=svg(excerpt.boxes(moments), title=f"computation graph of {root}"),
        steps="\n".join([start(recording), *map(section, steps)]),
        last=len(steps),
        opening=opening,
        data=_json(
            {
                "total": len(recording),
                "opening": opening,
                "labels": {step.number: _label(step) for step in steps},
                "edges": [f"v{number}_in{operand + 1}" for number, operand in excerpt.edges],
                "moments": list(map(_change, [None, *steps], [BEFORE, *moments], moments)),
            }
        ),
    )


# What changes from moment to moment -------------------------------------------------------------


def _change(step: Step | None, before: Moment, now: Moment) -> dict[str, object]:
    """What a step, or None for the start, adds to the moment before."""
    return {
        "number": step and step.number,
        "grads": [
            [number, grad, now.counts.get(number, "")]
            for number, grad in now.grads.items()
            if (grad, now.counts.get(number))
            != (before.grads.get(number), before.counts.get(number))
        ],
        "edges": [
            [f"v{number}_in{operand + 1}", signed(contribution)]
            for (number, operand), contribution in now.contributions.items()
            if number == now.current
        ],
        "spoken": _spoken(step) if step else "Before the pass",
    }


def _label(step: Step) -> str:
    made = in_names(step.node, step.names) or "leaf"
    return f"{step.names[step.node]}: {made}, data {signed(step.data)}, step {step.number}"


def _spoken(step: Step) -> str:
    """The step in one breath, for a screen reader."""
    root, name = step.names[step.root], step.names[step.node]
    reports = [
        f"{step.names[edge.operand]} receives {signed(edge.contribution)}"
        + (f", {edge.standing} {signed(edge.after)}" if edge.consumers > 1 else "")
        for edge in step.edges[:EDGES_SHOWN]
    ]
    return "; ".join(
        [
            f"Step {step.number} of {step.total}: {name}",
            f"{derivative(root, name)} = {signed(step.gradient)}",
            *reports,
        ]
    )


def _notice(excerpt: Excerpt, steps: list[Step], position: int) -> str:
    if not excerpt.hidden:
        return ""
    focus = steps[0] if not position else next(s for s in steps if s.number >= position)
    return (
        f'<p class="notice">Too large to be read in one picture: {excerpt.hidden + len(steps):,} '
        f"Values. Here are the {len(steps)} around {code(focus.names[focus.node])} (step "
        f"{focus.number:,}) with their steps; {excerpt.hidden:,} are hidden. For another part, "
        f"save the page when the stepper is there.</p>"
    )


def _stale(recording: Recording) -> str:
    notice = stale_graph(recording.nodes)
    return notice and f'<p class="notice">{escape(notice)}; the steps are those of before</p>'


def _json(data: object) -> str:
    """JSON that may stand in HTML: no text in it can end the script element that it stands in."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def _hash(source: str) -> str:
    """How a Content-Security-Policy names the one script or style that it admits."""
    digest = hashlib.sha256(source.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
