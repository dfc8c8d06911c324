"""Tests of moments of a pass in pictures, and of what notebooks show of pictures and of passes.

Numbers are worked by hand, on the lecture's graph L = (a * b + c) * f at 2, -3, 10, -2.
"""

from __future__ import annotations

import base64
import copy
import html
import os
import pickle
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from seen import SVG, Seen

import autograd
import autograd.views
from autograd import RenderError, Value, draw, step_through
from autograd.drawing import digraph, notebook, rendering
from autograd.drawing.dot import dot_lines, dot_text
from autograd.drawing.options import Options
from autograd.drawing.painter import Painter
from autograd.drawing.picture import Node, Picture
from autograd.drawing.room import Room
from autograd.stepping.moments import MomentOfPass
from autograd.stepping.recording import Recording

DASH = "\u2014"


def lecture() -> Value:
    a, b, c, f = Value(2, "a"), Value(-3, "b"), Value(10, "c"), Value(-2, "f")
    e = a * b
    d = e + c
    loss = d * f
    e.label, d.label, loss.label = "e", "d", "L"
    return loss


def loop(count: int) -> Value:
    """x used count + 1 times, in a chain of additions."""
    x = Value(1.0, "x")
    y = x
    for _ in range(count):
        y = y + x
    return y


def painted(root: Value, position: int, edges_done: int = 0, **options: Any) -> Picture:
    moment = MomentOfPass(Recording(root), position, edges_done, **options)
    return Painter(root, Options()).picture(moment)


def grads(picture: Picture) -> dict[str, float | None]:
    return {node.label: node.grad for node in picture.nodes}


def carried(picture: Picture) -> dict[str, list[float | None]]:
    return {n.label: [x.contribution for x in n.arrows] for n in picture.nodes if n.arrows}


# Moments of a pass ------------------------------------------------------------------------------


def test_a_moment_shows_what_has_arrived_so_far() -> None:
    root = lecture()
    before = painted(root, 0)
    assert set(grads(before).values()) == {None}
    assert carried(before) == {"e": [None, None], "d": [None, None], "L": [None, None]}
    first = painted(root, 1)  # L has reported to d and f
    assert grads(first) == {"L": 1.0, "d": -2.0, "f": 4.0} | dict.fromkeys("abce")
    assert carried(first) == {"L": [-2.0, 4.0], "d": [None, None], "e": [None, None]}
    half = painted(root, 3, edges_done=1)  # d has reported to both, e to a alone
    assert grads(half) == {"L": 1.0, "d": -2.0, "f": 4.0, "c": -2.0, "e": -2.0, "a": 6.0, "b": None}
    assert carried(half)["e"] == [6.0, None]
    assert grads(painted(root, 7))["b"] == -4.0
    assert root.grad == 0.0  # nothing was written


def test_a_moment_counts_the_consumers_that_have_reported() -> None:
    a = Value(3.0, "a")
    b = a + a
    b.label = "b"
    root = b * a
    root.label = "d"
    counts = [{n.label: n.count for n in painted(root, k).nodes} for k in range(4)]
    assert [found["a"] for found in counts] == ["0/3", "1/3", "3/3", "3/3"]
    assert [found["b"] for found in counts] == ["0/1", "1/1", "1/1", "1/1"]
    assert {found["d"] for found in counts} == {""}
    [half] = [n for n in painted(root, 1, edges_done=1).nodes if n.label == "a"]
    assert (half.count, half.grad) == ("2/3", 6.0 + 3.0)


def test_a_moment_adds_to_what_leaves_held_unless_the_pass_is_shown_alone() -> None:
    root = lecture()
    root.backward()
    assert grads(painted(root, 7))["a"] == 12.0
    assert grads(painted(root, 7, alone=True))["a"] == 6.0
    leaf = Value(2.0, "x")
    leaf.backward()
    assert (grads(painted(leaf, 1)), grads(painted(leaf, 1, alone=True))) == (
        {"x": 2.0},
        {"x": 1.0},
    )


def test_an_edge_that_no_gradient_reaches_keeps_its_local_derivative() -> None:
    root = autograd.hypot(Value(3.0, "a"), Value(4.0, "b")) // 1.0
    picture = painted(root, 2)
    arrows = [arrow for node in picture.nodes for arrow in node.arrows if node.op.name == "hypot"]
    assert [arrow.partial for arrow in arrows] == [0.6, 0.8]


def test_a_moment_shows_the_numbers_that_the_pass_began_with() -> None:
    root = lecture()
    recording = Recording(root)
    [a] = [node for node in recording.nodes if node.label == "a"]
    a.data = 1000.0
    picture = Painter(root, Options()).picture(MomentOfPass(recording, 0))
    assert {n.label: n.data for n in picture.nodes}["a"] == 2.0
    assert "stale" in picture.notice


def network() -> Value:
    """Four instances of a neuron each of whose weights has a dotted name."""
    w = [Value(0.5, "layer1.neuron0.w[0]"), Value(-1.5, "layer1.neuron0.w[1]")]
    outputs = [(w[0] * float(k) + w[1]).tanh() for k in range(30)]
    return autograd.sum([y * y for y in outputs])


def test_of_a_large_pass_groups_are_closed_and_sum_up_what_has_arrived() -> None:
    root = network()
    recording = Recording(root)
    [before, middle, after] = [
        Painter(root, Options(max_nodes=20)).picture(MomentOfPass(recording, position))
        for position in (0, 60, len(recording))
    ]
    assert before.boxes and len(before.nodes) + len(before.boxes) <= 20
    assert {box.total for box in before.boxes} == {None}
    root.backward()
    plain = Painter(root, Options(max_nodes=20)).picture()
    assert [box.total for box in after.boxes] == [box.total for box in plain.boxes]
    sums = [[arrow.contribution for arrow in box.arrows] for box in after.boxes]
    assert sums == [[arrow.contribution for arrow in box.arrows] for box in plain.boxes]
    # Half way the boxes hold the sum of what the steps so far have brought.
    members = dict(Painter(root, Options(max_nodes=20)).hidden)
    for box in middle.boxes:
        told = recording.starts[60]
        come = [recording.received(node, told) for node in members[box.name] if node is not root]
        assert box.total == pytest.approx(sum(come))


def layouts(pictures: list[Picture]) -> list[dict[str, list[tuple[str, ...]]]]:
    """Where the nodes of each picture are, by their names in the DOT text."""
    texts = [dot_text(dot_lines(picture, room=Room(pictures))) for picture in pictures]
    found = []
    for drawn in map(ElementTree.fromstring, rendering.pictures_bytes(texts, "svg")):
        places = {
            str(group.findtext(f"{SVG}title")): [
                tuple(shape.get(key, "") for key in ("d", "points", "cx", "cy"))
                for shape in group.iter()
                if not shape.tag.endswith("text")
            ]
            for group in drawn.iter(f"{SVG}g")
            if group.get("class", "").split()[:1] == ["node"]
        }
        found.append({**places, "all": [(drawn.get("viewBox", ""),)]})
    return found


def test_at_every_moment_nodes_and_boxes_lie_at_the_same_places() -> None:
    pytest.importorskip("pygraphviz")
    x = Value(0.5, "x")
    odd = (x * 1234567.0).tanh() * 1e-9 - x
    for root in (odd, network()):
        recording = Recording(root)
        painter = Painter(root, Options(max_nodes=20))
        pictures = [
            painter.picture(MomentOfPass(recording, k, current=recording.nodes[k]), caption)
            for k, caption in [
                (0, ["start"]),
                (2, ["a\u540d", "b" * 60]),
                (len(recording) - 1, ["c"]),
            ]
        ]
        first, *others = layouts(pictures)
        assert len(first) > 5 and others == [first, first]


def test_widths_of_edges_are_on_one_scale_through_the_pass() -> None:
    root = lecture()
    recording = Recording(root)
    painter = Painter(root, Options())
    pictures = [painter.picture(MomentOfPass(recording, k)) for k in (1, 7)]
    [early, late] = [
        [line for line in dot_lines(p, room=Room(pictures)) if "-> v6_op" in line] for p in pictures
    ]
    assert early == late
    # L reports -2 and 4, where the largest contribution of all is 6: between 1.2 and 5 points.
    assert ['penwidth="2.47"' in early[0], 'penwidth="3.73"' in early[1]] == [True, True]


@pytest.mark.parametrize(
    ("text", "cells"), [("abc", 3), ("\u540d\u524d", 4), ("e\u0301", 1), ("\U0001f9e0", 2)]
)
def test_room_is_kept_for_wide_characters(text: str, cells: int) -> None:
    def width(caption: str) -> int:
        picture = Painter(Value(1.0), Options()).picture(caption=[caption])
        [line] = [x for x in dot_lines(picture, room=Room([picture])) if x.startswith("\tlabel=")]
        return int(re.findall(r'FIXEDSIZE="TRUE" WIDTH="(\d+)"', line)[0])

    assert abs(width(text) - width("x" * cells)) <= 1


# Notebooks --------------------------------------------------------------------------------------


@pytest.fixture
def renderer() -> None:
    pytest.importorskip("pygraphviz")


@pytest.mark.usefixtures("renderer")
def test_a_notebook_shows_a_step_as_text_with_the_graph_as_the_step_leaves_it() -> None:
    stepper = step_through(lecture())
    step = stepper.next()
    stepper.run()
    output = step._repr_html_()  # type: ignore[union-attr]
    seen = Seen(output)
    assert seen.text.startswith("[1/7] L = d * f\n  upstream dL/dL = +1") and seen.tags[0] == "pre"
    # As HTML the font of the page would be taken, in which columns do not stand below each other.
    assert output.startswith('<pre style="font-family: monospace">')
    assert seen.grads == {"L": "1", "d": "-2", "f": "4"} | dict.fromkeys("abce", DASH)
    assert Seen(stepper.steps[5]._repr_html_()).grads == Seen(stepper._repr_html_()).grads


@pytest.mark.usefixtures("renderer")
def test_a_notebook_shows_a_pass_at_every_position() -> None:
    stepper = step_through(lecture())
    assert set(Seen(stepper._repr_html_()).grads.values()) == {DASH}
    stepper.next()
    edge = stepper.step()
    for view in (edge, stepper):
        shown = Seen(view._repr_html_()).grads  # type: ignore[union-attr]
        assert (shown["e"], shown["c"]) == ("-2", DASH)
    stepper.run()
    seen = Seen(stepper._repr_html_())
    assert seen.grads["b"] == "-4" and seen.text.startswith("<Stepper at the end")
    stepper.quit()
    assert "the pass was quit" in stepper._repr_html_()


@pytest.mark.usefixtures("renderer")
def test_a_notebook_shows_the_node_of_a_large_pass_whose_turn_it_is() -> None:
    stepper = step_through(loop(1000))
    stepper.until(stepper.steps[500].node)
    seen = Seen(stepper._repr_html_())
    assert stepper.steps.names[stepper.current] in seen.grads
    assert len(seen.grads) <= 60 and "closed groups" in str(seen.images[0]["alt"])


@pytest.mark.usefixtures("renderer")
@pytest.mark.parametrize("view", [draw, step_through], ids=["picture", "pass"])
def test_pictures_are_images_that_fit_the_cell_and_say_what_they_are(
    view: Callable[[Value], Any],
) -> None:
    root = lecture()
    root.label = 'L"><script>alert(1)</script>\ud800'
    shown = view(root)
    output = shown._repr_html_() if view is step_through else shown._repr_mimebundle_()["text/html"]
    seen = Seen(output)
    [image] = seen.images
    least = re.fullmatch(r"min-width: (\d+)px; max-width: 100%; height: auto", str(image["style"]))
    # Letters of 14 pixels become 9 at the least; beyond, the cell scrolls.
    assert least is not None and int(least[1]) == pytest.approx(int(image["width"]) * 9 / 14, abs=1)
    assert '<div style="overflow-x: auto"><img' in output
    tags = {"pre", "img", "div"} | ({"iframe"} if view is step_through else set())
    assert set(seen.tags) <= tags and "<svg" not in output
    alt = str(image["alt"])
    assert alt.startswith("computation graph of ") and alt.endswith(" = -8: 7 Values")
    assert "<script>alert(1)" in alt
    output.encode()  # no half of a surrogate pair is left
    # A sheet of paper is under it, so that it can be read where the notebook is dark.
    assert seen.drawn is not None
    ground = seen.drawn.find(f"{SVG}g/{SVG}polygon")
    assert ground is not None and ground.get("fill") in ("white", "#ffffff")


@pytest.mark.usefixtures("renderer")
def test_a_picture_reads_as_a_line_and_exports_as_svg() -> None:
    picture = draw(lecture())
    line = "<picture of a computation graph of L = -8: 7 Values>"
    assert repr(picture) == line and str(picture) == picture.source
    bundle = picture._repr_mimebundle_()
    assert list(bundle) == ["text/html", "image/svg+xml", "text/plain"]
    assert bundle["text/plain"] == line
    assert bundle["image/svg+xml"].encode() == Seen(bundle["text/html"]).svg
    large = draw(network(), max_nodes=20)
    assert re.search(r"\d+ Values, \d+ more in \d+ closed groups?>", repr(large))
    assert repr(draw(lecture(), depth=1)).endswith("L = -8: 3 Values, without 4 more>")
    assert repr(digraph.Drawing()) == "<picture of a computation graph>"


def test_a_picture_of_another_kind_has_no_width() -> None:
    assert "width=" not in notebook.image(b"<svg/>", "x")


@pytest.mark.parametrize(
    "failure",
    [rendering.NotInstalledError("no dot"), RenderError("it <b>failed</b>"), OSError("no room")],
)
def test_nothing_raises_in_a_notebook(failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bytes:
        raise failure

    monkeypatch.setattr(rendering, "picture_bytes", fail)
    monkeypatch.setattr(digraph, "picture_bytes", fail)
    stepper = step_through(lecture())
    for view in (stepper, stepper.steps[0]):
        output = view._repr_html_()
        assert "[1/7] L = d * f" in output and "<img" not in output and "<b>" not in output
        assert "pip install" in output or "no picture: " in output
    picture = draw(lecture())
    [said] = picture._repr_mimebundle_().values()
    assert said.endswith(picture.source) and len(said) > len(picture.source)


def test_a_value_shows_as_one_short_line() -> None:
    value = lecture()
    assert "\n" not in repr(value) and len(repr(value)) < 60
    assert not hasattr(value, "_repr_html_")


def test_a_record_of_a_moment_says_how_many_have_reported() -> None:
    root = lecture()
    picture = painted(root, 1)
    source = html.unescape(dot_text(dot_lines(picture)))
    assert (
        "0/1 of its consumers have reported" in source
        and "1/1 of its consumers have reported" in source
    )
    assert "2/3: so many of the operations that use a Value have reported to it" in source
    plain = dot_text(dot_lines(Painter(root, Options()).picture()))
    assert "2/3" not in plain and "reported" not in plain
    assert isinstance(picture.nodes[0], Node)


# Files that were written ------------------------------------------------------------------------


def in_notebook(path: Path) -> str:
    return cast(Any, path)._repr_mimebundle_().get("text/html", "")


def test_a_picture_that_was_written_is_seen(tmp_path: Path) -> None:
    pytest.importorskip("pygraphviz")
    widths = []
    for ending, kind in {"png": "png", "svg": "svg+xml"}.items():
        path = autograd.render(lecture(), tmp_path / f"graph.{ending}")
        element = in_notebook(path)
        source = re.search(
            rf'<img src="data:image/{re.escape(kind)};base64,([^"]+)" alt="', element
        )
        assert source and base64.b64decode(source[1]) == path.read_bytes()
        assert "of L = -8: 7 Values" in element
        widths.append(re.findall(r'width="(\d+)"', element))
    assert widths[0] == widths[1]  # though the PNG has 150 pixels per inch
    path.write_bytes(b"")  # what stands in a cell stays what was written
    assert in_notebook(path) == element


def test_a_page_that_was_written_is_seen_in_its_frame(tmp_path: Path) -> None:
    page = autograd.live(lecture())
    path = page.save(tmp_path / "page.html")  # type: ignore[union-attr]
    assert in_notebook(path) == cast(Any, page)._repr_mimebundle_()["text/html"]
    assert "<iframe" in in_notebook(step_through(lecture()).save(path))


def test_a_written_path_is_a_path(tmp_path: Path) -> None:
    plain = tmp_path / "x.html"
    path = cast(Any, autograd.live(lecture(), plain))
    assert path == plain and hash(path) == hash(plain) and repr(path) == repr(plain)
    assert isinstance(path, type(plain)) and os.fspath(path) == str(plain)
    assert path._repr_mimebundle_()["text/plain"] == repr(plain)
    for other in (pickle.loads(pickle.dumps(path)), copy.copy(path), copy.deepcopy(path)):
        assert other == plain and type(other) is type(plain)
    assert in_notebook(path.parent) == in_notebook(path.with_suffix(".gif")) == ""
    assert (path.parent / "y", sorted([path, tmp_path])[0]) == (tmp_path / "y", tmp_path)


def test_too_large_a_picture_is_not_put_into_a_notebook(tmp_path: Path) -> None:
    place, picture = tmp_path / "x.gif", b"GIF89a\x90\x01\x90\x01"
    shown = notebook.picture_path(place, picture, "a <graph>", 100.0)
    assert 'alt="a &lt;graph&gt;" width="288"' in in_notebook(shown)  # of 400 pixels
    large = picture + bytes(notebook.LARGEST)
    assert type(notebook.picture_path(place, large, "")) is type(place)
    assert type(notebook.picture_path(place, b"%PDF-1.7", "")) is type(place)
