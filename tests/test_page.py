"""Tests of the page, the notebook view and the frames, as text; ``test_page_in_browser`` drives it.

Numbers are worked by hand, on the lecture's graph L = (a * b + c) * f at 2, -3, 10, -2.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import pytest

import autograd
from autograd import RenderError, Value, step_through
from autograd.drawing import frames, rendering
from autograd.drawing.frames import Card, Moment, Operand
from autograd.page.excerpt import MOST_NODES, Excerpt
from autograd.stepping.recording import Recording

LECTURE = """
from autograd import Value
a, b, c, f = Value(2, "a"), Value(-3, "b"), Value(10, "c"), Value(-2, "f")
e = a * b
e.label = "e"
d = e + c
d.label = "d"
L = d * f
L.label = "L"
"""


def lecture() -> Value:
    names: dict[str, Value] = {}
    exec(LECTURE, names)
    return names["L"]


def loop(count: int) -> Value:
    """x used count + 1 times, in a chain of additions."""
    x = Value(1.0, "x")
    y = x
    for _ in range(count):
        y = y + x
    return y


class Elements(HTMLParser):
    """Every element of a page with its attributes, and the text of the scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.sources: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] in ("script", "style") and data.strip():
            self.sources.append(data)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "backprop.html"
    assert step_through(lecture()).save(path) == path
    return path.read_text(encoding="utf-8")


# The file ---------------------------------------------------------------------------------------


def test_the_page_holds_all_it_needs_and_allows_nothing_else(page: str) -> None:
    elements = Elements(page)
    for tag, attributes in elements.found:
        assert tag not in ("link", "img", "iframe", "object", "base", "form"), tag
        for name in attributes:
            assert name != "style" and not name.startswith("on"), (tag, name)
            assert name not in ("src", "href", "xlink:href"), (tag, name)
    addresses = set(re.findall(r"\w+://[^\"'\s]*", page))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    assert "url(" not in page and "@import" not in page
    (policy,) = (
        str(attributes["content"])
        for _, attributes in elements.found
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    style, _, script = elements.sources
    for kind, source in [("style-src", style), ("script-src", script)]:
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")


def test_the_page_is_the_same_in_every_process(page: str, tmp_path: Path) -> None:
    script = f"{LECTURE}\nfrom autograd import step_through\nstep_through(L).save('page.html')"
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    environment["PYTHONPATH"] = str(Path(autograd.__file__).parents[1])
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path, env=environment)
    assert (tmp_path / "page.html").read_bytes() == page.encode()


def test_saving_moves_nothing_and_opens_where_the_pass_stands(tmp_path: Path) -> None:
    root = lecture()
    stepper = step_through(root)
    for position in (0, 3):
        while stepper.position < position:
            stepper.next()
        path = stepper.save(str(tmp_path / "page.html"))
        assert isinstance(path, Path)
        assert f'value="{position}"' in path.read_text(encoding="utf-8")
        assert (stepper.position, root.grad) == (position, float(position > 0))
    stepper.step()
    assert 'value="3"' in stepper.save(tmp_path / "page.html").read_text(encoding="utf-8")
    stepper.quit()
    assert 'value="0"' in stepper.save(tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_leaf_alone_and_a_forward_pass_have_pages_too(tmp_path: Path) -> None:
    page = step_through(Value(3.0, "x")).save(tmp_path / "leaf.html").read_text(encoding="utf-8")
    assert "1 Value," in page and "x is a leaf" in re.sub("<[^>]*>", "", page)
    stepper = step_through(lecture(), forward=True)
    stepper.next()
    assert 'value="0"' in stepper.save(tmp_path / "forward.HTM").read_text(encoding="utf-8")


def test_a_derivative_that_is_a_graph_has_a_page_in_which_it_is_one_name(tmp_path: Path) -> None:
    x = Value(2.0, "x")
    y = x**3
    y.label = "y"
    (first,) = autograd.grad(y, [x], create_graph=True)
    page = step_through(first).save(tmp_path / "second.html").read_text(encoding="utf-8")
    assert "d(dy/dx)/dx" in re.sub("<[^>]*>", "", page) and "ddy" not in page
    assert "; d(dy/dx)/dx = +12" in page


def test_a_leaf_that_holds_a_gradient_is_announced(tmp_path: Path) -> None:
    root = lecture()
    root.backward()
    page = step_through(root).save(tmp_path / "stale.html").read_text(encoding="utf-8")
    start = page[page.index('id="step-0"') : page.index('id="step-1"')]
    assert "a was +6 before this pass: no zero_grad" in re.sub("<[^>]*>", "", start)
    changes = json.loads(Elements(page).sources[1])
    grads = {(row[0], row[1]) for moment in changes["moments"] for row in moment["grads"]}
    assert (6, "+12") in grads  # a, on top of the 6 of before
    many = autograd.sum([Value(1.0, f"x{i}") for i in range(7)])
    many.backward()
    page = step_through(many).save(tmp_path / "many.html").read_text(encoding="utf-8")
    assert "x3 was +1" in (shown := re.sub("<[^>]*>", "", page)) and "x4 was +1" not in shown
    assert "and 3 leaves more" in shown


def test_a_report_along_which_no_derivative_passes_says_so(tmp_path: Path) -> None:
    x, y = Value(2.0, "x"), Value(3.0, "y")
    root = autograd.where(x, y, 5.0)
    root.label = "L"
    page = step_through(root).save(tmp_path / "where.html").read_text(encoding="utf-8")
    shown = re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", page))
    assert "dL / dx = dL / dL · dL / dx = +0 (no derivative passes) with dL / dx = 0 " in shown


def test_an_edge_that_no_gradient_reaches_keeps_its_local_derivative(tmp_path: Path) -> None:
    length = autograd.hypot(Value(3.0, "a"), Value(4.0, "b"))
    page = step_through(length // 1.0).save(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "+0.6" in page and "+0.8" in page


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("page.png", ValueError, "ends in .html or .htm, got"),
        ("page", ValueError, "ends in .html or .htm, got"),
        ("nowhere/page.html", FileNotFoundError, "there is no folder"),
        ("folder.html", IsADirectoryError, "it is a folder"),
    ],
)
def test_a_place_that_takes_no_page_is_refused(
    name: str, error: type[Exception], says: str, tmp_path: Path
) -> None:
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(error, match=says):
        step_through(lecture()).save(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.html"]


def test_without_graphviz_it_says_what_to_install_and_leaves_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(*_: object) -> bytes:
        raise rendering.NotInstalledError("there is no program dot on the PATH")

    monkeypatch.setattr(frames, "picture_bytes", absent)
    path = tmp_path / "page.html"
    path.write_text("what was there")
    with pytest.raises(RenderError, match=r"no program dot .* pip install .*extra viz"):
        step_through(lecture()).save(path)
    assert path.read_text() == "what was there" and len(list(tmp_path.iterdir())) == 1


def test_labels_cannot_leave_their_place(tmp_path: Path) -> None:
    root = Value(1.0, "</script><script>alert(1)</script>") * Value(2.0, "a\u2028<!--")
    root.label = '"><img src=x onerror=alert(2)>'
    page = step_through(root).save(tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("<script") == page.count("</script>") == 2
    assert "<!--" not in page and "\u2028" not in page
    elements = Elements(page).found
    assert "img" not in {tag for tag, _ in elements}
    assert not any(name.startswith("on") for _, attributes in elements for name in attributes)


# What is drawn ----------------------------------------------------------------------------------


def test_a_small_graph_is_drawn_in_full() -> None:
    excerpt = Excerpt(Recording(lecture()), 0)
    assert (excerpt.hidden, list(excerpt.numbers.values())) == (0, [1, 2, 3, 4, 5, 6, 7])
    moment = excerpt.moment(4)
    boxes = {box.name: box for box in excerpt.boxes([moment])}
    assert moment.current == boxes["e"].number == 4
    shown = {name: moment.grads.get(box.number) for name, box in boxes.items()}
    assert shown == {"L": "+1", "d": "-2", "f": "+4", "e": "-2", "c": "-2", "a": "+6", "b": "-4"}
    assert excerpt.moment(3, edges_done=1).grads == {
        number: grad for number, grad in moment.grads.items() if number != boxes["b"].number
    }
    assert excerpt.moment(0) == Moment()
    assert set(excerpt.moment(1).contributions) == {(1, 0), (1, 1)}
    assert moment.contributions[4, 0] == 6.0 and moment.contributions[1, 1] == 4.0


def test_of_a_large_graph_the_neighbourhood_is_drawn_and_the_rest_counted() -> None:
    root = loop(MOST_NODES)
    recording = Recording(root)
    excerpt = Excerpt(recording, 60)
    assert excerpt.hidden == MOST_NODES + 1 - len(excerpt.numbers)
    assert 61 in excerpt.numbers.values() and 20 <= len(excerpt.numbers) <= 60
    operands_hidden = uses_hidden = 0
    for box in excerpt.boxes([excerpt.moment(61)]):
        operands_hidden += box.more_operands
        uses_hidden += box.more_consumers
    uses = sum(len(node.operands) for node in excerpt.numbers)
    assert uses == len(excerpt.edges) + operands_hidden
    assert uses_hidden == sum(len(recording.arriving(n)) for n in excerpt.numbers) - len(
        excerpt.edges
    )
    x = root.operands[1]
    assert isinstance(x, Value)
    assert excerpt.moment(61).counts[excerpt.numbers[x]] == f"61/{MOST_NODES + 1}"


def test_a_node_with_many_operands_does_not_take_all_the_room() -> None:
    xs = [Value(float(k), f"x{k}") for k in range(500)]
    excerpt = Excerpt(Recording(autograd.sum(xs) * 2 + xs[0]), 1)
    boxes = excerpt.boxes([excerpt.moment(2)])
    assert len(boxes) < 15
    assert sum(box.more_operands for box in boxes) > 450


def test_what_is_used_everywhere_is_named_where_an_edge_would_be_long() -> None:
    excerpt = Excerpt(Recording(loop(30)), 0)
    operands = [operand for box in excerpt.boxes([]) for operand in box.operands.values()]
    references = [operand for operand in operands if operand.reference]
    assert {operand.reference for operand in references} == {"x"}
    assert len(operands) == 60 and 20 < len(references) < 30
    assert not any(
        x.reference
        for box in Excerpt(Recording(lecture()), 0).boxes([])
        for x in box.operands.values()
    )


BOXES = [
    Card(1, "a", "+2", widest="+1.23457e-05", count="2/2"),
    Card(
        2,
        '<b> & "c"',
        "-3",
        symbol="-",
        operands={0: Operand(1, "+1", "1st"), 1: Operand(None, "2", "2nd")},
    ),
    Card(
        3,
        "",
        "+1",
        symbol="tanh",
        operands={0: Operand(2, "+1")},
        more_operands=3,
        more_consumers=1000,
        is_root=True,
    ),
]


def test_at_every_moment_the_boxes_lie_at_the_same_places() -> None:
    moments = [
        frames.BEFORE,
        Moment({3: "+1", 2: "nan", 1: "+1.23457e-05"}, {1: "2/2"}, {(3, 0): -2.0, (2, 0): 0.0}, 3),
        Moment({1: "-4"}, {1: "1/2"}, {(2, 0): float("nan")}, 2),
    ]

    def places(moment: Moment) -> list[str]:
        drawn = ElementTree.fromstring(frames.svg(BOXES, moment))
        values = drawn.findall(".//*[@class]")
        return [
            str(path.get("d"))
            for group in values
            if "value" in str(group.get("class"))
            for path in group
            if path.tag.endswith("path")
        ]

    first, *others = map(places, moments)
    assert len(first) >= 3
    assert others == [first, first]


def test_the_parts_of_a_frame_can_be_found() -> None:
    drawn = ElementTree.fromstring(frames.svg(BOXES, Moment({1: "+5"}, {1: "1/2"}), title="<&>"))
    assert drawn.get("aria-label") == "<&>"
    parts = {element.get("id"): element for element in drawn.iter() if element.get("id")}
    ids = {"v1", "v2", "v3", "v2_op", "v3_op", "v2_out", "v3_out", "v2_in1", "v2_in2", "v3_in1"}
    assert ids | {"v2_from2"} <= set(parts)
    texts = {text.get("class"): text.text for text in parts["v1"] if text.get("class")}
    assert texts == {"name": "a", "caption": "grad", "data": "+2", "grad": "+5", "count": "1/2"}
    (name,) = [text.text for text in parts["v2"] if text.get("class") == "name"]
    assert name == '<b> & "c"'
    assert "to-v1" in str(parts["v2_in1"].get("class"))
    # Box 3 has no name, and its fields are found all the same.
    assert {text.text for text in parts["v3"] if text.get("class") == "data"} == {"+1"}


@pytest.mark.parametrize(
    ("text", "cells"), [("", 0), ("abc", 3), ("\u540d\u524d", 4), ("e\u0301", 1), ("\U0001f9e0", 2)]
)
def test_room_is_kept_for_wide_characters(text: str, cells: int) -> None:
    assert frames.text_cells(text) == cells


# Notebooks --------------------------------------------------------------------------------------


def shown(html: str) -> dict[str, str]:
    """The gradients in the picture of a notebook's output, by name."""
    drawn = ElementTree.fromstring(html[html.index("<svg") : html.index("</svg>") + 6])
    fields = [
        [text.text or "" for text in group if text.get("class") == part]
        for group in drawn.iter()
        if "value" in str(group.get("class"))
        for part in ("name", "grad")
    ]
    words = [field[0] for field in fields]
    return dict(zip(words[::2], words[1::2]))


def test_a_notebook_shows_a_step_as_text_with_the_graph_as_the_step_leaves_it() -> None:
    stepper = step_through(lecture())
    step = stepper.next()
    stepper.run()
    html = step._repr_html_()  # type: ignore[union-attr]
    assert html.startswith("<pre>[1/7] L = d * f\n  upstream dL/dL = +1")
    dash = frames.DASH
    assert shown(html) == {"L": "+1", "d": "-2", "f": "+4"} | dict.fromkeys("abce", dash)
    assert shown(stepper.steps[5]._repr_html_()) == shown(stepper._repr_html_())


def test_a_notebook_shows_a_pass_at_every_position() -> None:
    stepper = step_through(lecture())
    assert set(shown(stepper._repr_html_()).values()) == {frames.DASH}
    stepper.next()
    edge = stepper.step()
    for view in (edge, stepper):
        grads = shown(view._repr_html_())  # type: ignore[union-attr]
        assert (grads["e"], grads["c"]) == ("-2", frames.DASH)
    stepper.run()
    html = stepper._repr_html_()
    assert shown(html)["b"] == "-4" and html.startswith("<pre>&lt;Stepper at the end")
    stepper.quit()
    assert "the pass was quit" in stepper._repr_html_()


def test_a_notebook_shows_the_part_of_a_large_graph_that_matters() -> None:
    stepper = step_through(loop(1000))
    stepper.until(stepper.steps[500].node)
    html = stepper._repr_html_()
    assert stepper.steps.names[stepper.current] in shown(html)
    assert f"{1001 - len(shown(html)):,} more Values are not drawn" in html


@pytest.mark.parametrize(
    "failure",
    [rendering.NotInstalledError("no dot"), RenderError("it <b>failed</b>"), OSError("no room")],
)
def test_nothing_raises_in_a_notebook(failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bytes:
        raise failure

    monkeypatch.setattr(frames, "picture_bytes", fail)
    stepper = step_through(lecture())
    for view in (stepper, stepper.steps[0]):
        html = view._repr_html_()
        assert "[1/7] L = d * f" in html and "<svg" not in html and "<b>" not in html
        assert "pip install" in html or "no picture: " in html


def test_a_value_shows_as_one_short_line() -> None:
    value = lecture()
    assert "\n" not in repr(value) and len(repr(value)) < 60
    assert not hasattr(value, "_repr_html_")
