"""What is written: pages to zoom in, labels of any kind in every format, animations, tables."""

from __future__ import annotations

import base64
import hashlib
import html
import importlib.util
import io
import re
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import autograd
from autograd import RenderError, Value, animate, draw, render, show, step_through
from autograd.core.sweep import evaluation_order
from autograd.drawing import rendering
from autograd.drawing.notation import symbol
from autograd.drawing.page import page
from autograd.views.animation import frame_texts

SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}"

needs_pygraphviz = pytest.mark.skipif(
    importlib.util.find_spec("pygraphviz") is None, reason="pygraphviz is not installed"
)


def classic() -> Value:
    a, b, c, f = Value(2, "a"), Value(-3, "b"), Value(10, "c"), Value(-2, "f")
    e = a * b
    d = e + c
    loss = d * f
    e.label, d.label, loss.label = "e", "d", "L"
    return loss


# Pages ------------------------------------------------------------------------------------------


class Reader(HTMLParser):
    """What a browser sees of a page: elements, scripts, and the texts and titles of the picture."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.titles: list[str] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._inside = tag
        found = {"text": self.texts, "title": self.titles, "script": self.scripts}
        found.get(tag, []).append("")

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        found = {
            "text": self.texts,
            "title": self.titles,
            "script": self.scripts,
            "style": self.styles,
        }
        if self._inside == "style":
            self.styles.append(data)
        elif self._inside in found:
            found[self._inside][-1] += data


def digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@needs_pygraphviz
def test_a_page_is_one_file_that_runs_and_loads_nothing_but_its_own(tmp_path):
    loss = classic()
    loss.label = "</title><script>alert(1)</script>"
    loss.backward()
    path = render(loss, tmp_path / "graph.html")
    assert path == tmp_path / "graph.html" and list(tmp_path.iterdir()) == [path]
    text = path.read_text(encoding="utf-8")
    reader = Reader(text)
    [script], [style] = reader.scripts, reader.styles
    [policy] = [a["content"] for tag, a in reader.elements if tag == "meta" and "http-equiv" in a]
    assert policy == (
        f"default-src 'none'; style-src {digest(style)}; script-src {digest(script)}; "
        f"base-uri 'none'; form-action 'none'"
    )
    for tag, attributes in reader.elements:
        assert tag not in ("a", "link", "img", "iframe", "object", "embed", "use", "image", "base")
        for name in attributes:
            assert not name.startswith("on") and name not in ("style", "href", "xlink:href", "src")
    assert reader.titles[0] == loss.label and loss.label in reader.texts
    assert {"e", "d", "grad", "\xa0-8"} <= set(reader.texts)
    about = next(title for title in reader.titles if title.startswith("e\n"))
    assert about == "e\n= a * b = 2.0 * (-3.0)\ndata = -6.0\ngrad = -2.0"
    assert "prefers-color-scheme: dark" in style
    for movement in ("wheel", "pointermove", "keydown", "ArrowLeft"):
        assert movement in script


def test_a_page_without_graphviz_is_the_text(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    assert render(classic(), tmp_path / "graph.html") == tmp_path / "graph.dot"
    assert capfd.readouterr().err.count("\n") == 1


# Labels -----------------------------------------------------------------------------------------

NASTY = [
    '{}|<>"\\',
    "<b>bold</b>",
    "<script>alert(1)</script>",
    "</text></svg><script>alert(1)</script>",
    "]]>",
    "-->",
    "&amp;&#10;",
    "\\N\\G\\l",
    "// next graph",
    "\n// next graph\n",
    "a\nb\r\nc\u2028d",
    "\U0001f600\u200d\U0001f525",
    "\u05e9\u05dc\u05d5\u05dd \u202e\u0639\u0644\u064a\u0643\u0645",
    "\x00\x1b[31m\x7f",
    "\ud800",
    "$x_1$ %d {0}",
    " ",
    "z" * 300,
]
ALPHABET = st.one_of(
    st.sampled_from("{}|<>\"'\\&;#]/-\n\t "),
    st.characters(),
)
LABELS = st.lists(
    st.one_of(st.sampled_from(NASTY), st.text(ALPHABET, min_size=1, max_size=60)),
    min_size=100,
    max_size=100,
)


def is_shown(label: str, shown: str) -> bool:
    """Whether a text shows a label: all of it that can be printed, and the start of a long one."""
    if len(label) > 40:
        if len(shown) != 40 or shown[-1] != "\u2026":
            return False
        label, shown = label[:39], shown[:39]
    return len(label) == len(shown) and all(
        a == b or not a.isprintable() or a == " " == b.replace("\xa0", " ")
        for a, b in zip(label, shown)
    )


def names_in_dot(source: str) -> list[str]:
    """The names of the records, as a parser of XML reads them from the HTML-like labels."""
    found = []
    for line in source.splitlines():
        record = re.match(r"\tv\d+ \[label=<(<TABLE.*</TABLE>)> tooltip=", line)
        if record:
            table = ET.fromstring(record[1].replace(r"\\", "\\"))
            found += [bold.text for bold in table.iter("B")]
    return found


@needs_pygraphviz
@settings(max_examples=3, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(LABELS)
def test_any_label_comes_back_from_dot_svg_and_html(labels):
    root = autograd.sum([Value(1.0, label) for label in labels])
    source = draw(root, groups=None).source
    in_dot = names_in_dot(source)
    assert len(in_dot) == len(labels)
    order = [node.label for node in autograd.consumers_first(root)[::-1] if node.label]
    for label, shown in zip(order, in_dot):
        assert is_shown(label, shown), (label, shown)

    drawn = rendering.picture_bytes(source, "svg")
    picture = ET.fromstring(drawn)
    assert not list(picture.iter(f"{SVG}script"))
    texts = [text.text or "" for text in picture.iter(f"{SVG}text")]
    reader = Reader(page(drawn, labels[0].replace("\ud800", "")))
    assert len(reader.scripts) == 1
    for found in (texts, reader.texts):
        # In their order; Graphviz writes spaces as spaces that do not break.
        following = (text.replace("\xa0", " ") for text in found)
        for shown in in_dot:
            # Of a label that is nothing but spaces nothing is seen, and nothing need be there.
            assert not shown.strip() or shown.replace("\xa0", " ") in following, shown
    whole = {a.get(f"{LINK}title", "").rpartition("\ndata = ")[0] for a in picture.iter(f"{SVG}a")}
    for label in labels:
        if label.isprintable():
            assert label in whole


def test_separators_cannot_be_forged():
    nasty = [draw(Value(1, label)).source for label in NASTY]
    assert all("\n// next graph" not in text for text in nasty)


# The lecture's notation -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("layer1.neuron0.w[2]", "w_31^(1)"),  # from unit 3 of layer 0 to unit 1 of layer 1
        ("layer2.neuron0.b", "b_1^(2)"),
        ("layer2.neuron8.z", "z_9^(2)"),
        ("layer2.neuron9.y", "y_10^(2)"),
        ("layer1.neuron9.w[0]", "w_1,10^(1)"),
        ("layer12.neuron1.w[11]", "w_12,2^(12)"),
        ("encoder.layer1.neuron0.w[0]", "w_11^(1)"),
        ("softmax.y[2]", "y_3"),
        ("layer2.alpha[0][1]", "\u03b1_21^(2)"),
        ("w[2]", None),
        ("w", None),
        ("layer1.neuron0.w", None),
        ("layer1.neuron0.w[2].grad", None),
        ("layer1", None),
        ("", None),
    ],
)
def test_names_of_a_network_follow_the_lecture(name, written):
    found = symbol(name)
    assert (None if found is None else str(found)) == written


@pytest.mark.parametrize(
    ("label", "text"), [("layer1.neuron0.w[2]", "w(1)31"), ("softmax.y[2]", "y3")]
)
def test_pictures_set_indices_above_and_below_and_keep_the_name_in_the_tooltip(label, text):
    source = draw(Value(1, label)).source
    record = ET.fromstring(
        re.search(r"v0 \[label=<(.*)> tooltip", source)[1].replace("&#160;", " ")
    )
    name = next(record.iter("TD"))
    assert "".join(name.itertext()) == text and next(name.iter("I")) is not None
    assert f'tooltip="{label}&#10;data = 1.0' in source


# Animations -------------------------------------------------------------------------------------


def places(svg: bytes) -> dict[str, list[tuple[str, ...]]]:
    """Where each node is: its shapes and texts with their coordinates."""
    return {
        group.findtext(f"{SVG}title"): [
            (
                element.tag,
                *(element.get(name, "") for name in ("d", "points", "x", "y", "cx", "cy")),
            )
            for element in group.iter()
        ]
        for group in ET.fromstring(svg).iter(f"{SVG}g")
        if group.get("class", "").split()[:1] == ["node"]
    }


@needs_pygraphviz
def test_nothing_moves_in_an_animation():
    x = Value(0.5, "x")
    inner = (x * 1234567.0).tanh()
    root = inner * inner - x
    drawn = rendering.pictures_bytes(frame_texts(root), "svg")
    assert len(drawn) == 6  # before the pass, and 5 nodes
    assert len({ET.fromstring(svg).get("viewBox") for svg in drawn}) == 1
    first = places(drawn[0])
    assert len(first) == 5 + 4 + 1  # Values, operations and a constant
    assert all(places(svg) == first for svg in drawn)


def test_an_animation_plays_the_sweep_in_the_order_of_the_stepper():
    root = classic()
    texts = frame_texts(root)
    steps = step_through(root).steps
    assert len(texts) == len(steps) + 1 and "before the pass" in texts[0]
    for step, text in zip(steps, texts[1:]):
        name = step.names[step.node]
        assert f"[{step.number}/7] {name} = " in html.unescape(text)
        emphasised = [line for line in text.splitlines() if 'BGCOLOR="#fff3cc"' in line]
        assert len(emphasised) == 1 and f"<B>{name}</B>" in emphasised[0]
    # A dash stands where no gradient has come: of 7 nodes the first frame has 7, the last none.
    dashes = [text.count(">\u2014<") for text in texts]
    assert dashes[0] == 7 and dashes[-1] == 0 and dashes == sorted(dashes, reverse=True)
    assert "dL/da = dL/de * b = -2 * -3 = +6" in texts[4]


def test_an_animation_shows_one_pass_whatever_leaves_hold_from_another():
    root = classic()
    root.backward()
    assert frame_texts(root) == frame_texts(classic())
    leaf = Value(2.0, "x")
    leaf.backward()
    assert frame_texts(leaf) == frame_texts(Value(2.0, "x"))


@needs_pygraphviz
def test_a_gif_holds_every_frame_for_its_time(tmp_path):
    image = pytest.importorskip("PIL.Image")
    x = Value(2.0, "x")
    root = x * x
    path = animate(root, tmp_path / "backprop.gif", seconds=0.5, max_pixels=400)
    assert path == tmp_path / "backprop.gif" and list(tmp_path.iterdir()) == [path]
    with image.open(path) as gif:
        assert gif.n_frames == 3 and max(gif.size) <= 400 and gif.info["loop"] == 0
        times, pictures = [], []
        for frame in range(3):
            gif.seek(frame)
            times.append(gif.info["duration"])
            pictures.append(gif.convert("RGB").tobytes())
    assert times == [500, 500, 1500] and len(set(pictures)) == 3
    assert root.grad == x.grad == 0.0


def test_many_frames_say_how_far_it_is(tmp_path, monkeypatch, capsys):
    image = pytest.importorskip("PIL.Image")
    drawn = io.BytesIO()
    image.new("RGB", (4, 4)).save(drawn, "PNG")
    one_each = lambda texts, kind: [drawn.getvalue()] * len(texts)  # noqa: E731
    monkeypatch.setattr(rendering, "pictures_bytes", one_each)
    x = root = Value(1.0, "x")
    animate(x * x, tmp_path / "short.gif")
    assert capsys.readouterr().err == ""
    for _ in range(12):
        root = root * x
    animate(root, tmp_path / "long.gif")
    assert capsys.readouterr().err.splitlines() == [
        "stepgrad: long.gif: 0 of 14 frames are drawn",
        "stepgrad: long.gif: 10 of 14 frames are drawn",
    ]


def test_a_picture_without_a_path_says_how_to_see_one():
    with pytest.raises(TypeError) as error:
        render(Value(1.0))
    assert str(error.value) == (
        "render() missing a required argument: 'path'; render(root, 'graph.png') writes a "
        "picture, and draw(root) shows one in a notebook"
    )


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((3.0, "a.gif"), TypeError, "root is the Value to differentiate, got 3.0"),
        ((Value(1), "a.mp4"), ValueError, r"a file whose name ends in \.gif, got '.*a\.mp4'"),
        ((Value(1), "missing/a.gif"), FileNotFoundError, "there is no folder"),
    ],
)
def test_what_cannot_be_animated_is_refused(arguments, error, message, tmp_path):
    with pytest.raises(error, match=message):
        animate(arguments[0], tmp_path / arguments[1])
    for options in ({"seconds": 0}, {"seconds": "1"}, {"max_pixels": 10}, {"seconds": True}):
        with pytest.raises(ValueError, match=r"is a number from"):
            animate(Value(1), tmp_path / "a.gif", **options)
    assert not list(tmp_path.iterdir())


def test_an_animation_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pygraphviz", None)
        with pytest.raises(RenderError, match=r"cannot write .*backprop\.gif.*pip install"):
            animate(classic(), tmp_path / "backprop.gif")
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(RenderError, match=r"Pillow is not installed; pip install pillow"):
        animate(classic(), tmp_path / "backprop.gif")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("count", [1, 200])
def test_an_animation_of_a_large_graph_has_a_frame_for_each_group_that_is_closed(count):
    w = Value(0.5, "layer1.neuron0.w[0]")
    root = autograd.sum([(w * float(k)).tanh() * 2.0 for k in range(count + 3)])
    texts = [html.unescape(text) for text in frame_texts(root)]
    assert 3 < len(texts) <= 41
    closed = [text for text in texts if "the last of" in text]
    assert bool(closed) == (count > 1)
    if closed:
        assert f"before the pass: {3 * (count + 3) + 2} Values, no gradient yet; " in texts[0]
        assert all('BGCOLOR="#fff3cc"' in text for text in closed)  # that group stands out
    assert '"#fff3cc"' not in texts[0]


# Digraphs of the package graphviz ---------------------------------------------------------------


@needs_pygraphviz
def test_a_drawing_pipes_without_the_program_dot(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    picture = draw(classic())
    assert picture.pipe("png").startswith(b"\x89PNG") and picture.pipe().startswith(b"%PDF")
    assert picture.pipe(format="svg", encoding="utf-8").startswith("<?xml")
    for attempt in (
        lambda: picture.render(tmp_path / "graph", format="png"),
        lambda: picture.pipe("gif"),
    ):
        with pytest.raises(RenderError, match=r"no program dot on the PATH.*autograd\.render"):
            attempt()


# Tables -----------------------------------------------------------------------------------------

TABLE = """\
line   node   formula   data   grad   used
1      a      (leaf)    +2     +6     once
2      b      (leaf)    -3     -4     once
3      e      a * b     -6     -2     once
4      c      (leaf)    +10    -2     once
5      d      e + c     +4     -2     once
6      f      (leaf)    -2     +4     once
7      L      d * f     -8     +1     the end
"""


def test_a_table_lists_the_graph_in_the_order_of_evaluation(capsys):
    loss = classic()
    loss.backward()
    assert show(loss) is None
    assert capsys.readouterr().out == TABLE
    file = io.StringIO()
    show(loss, file=file)
    assert file.getvalue() == TABLE
    autograd.zero_grad(loss)
    show(loss)
    assert {line.split()[-2] for line in capsys.readouterr().out.splitlines()[1:-1]} == {"--"}


def test_nodes_are_called_by_variables_by_short_formulas_and_by_the_number_of_their_line(capsys):
    x = Value(1.5)
    y = x + x
    far = y * y * y * y
    show(far * far + x)
    assert [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()[1:]] == [
        "1 x (leaf) +1.5 -- 3 times",
        "2 y x + x +3 -- 4 times",
        "3 y * y +9 -- once",
        "4 y * y * y +27 -- once",
        "5 far y * y * y * y +81 -- 2 times",
        "6 far * far +6561 -- once",
        "7 far * far + x +6562.5 -- the end",
    ]
    show(Value(2.0, "a_long_name") * Value(3.0, "another_long_name") * x)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [row[1] for row in rows] == ["a_long_name", "another_long_name", "v3", "x", "v3"]


def test_of_a_large_graph_the_middle_is_left_out(capsys):
    value = Value(0.5)
    for _ in range(99_999):
        value = value.tanh()
    show(value, max_rows=6)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [
        "line", "1", "2", "...", "99997", "99998", "99999", "100000",
    ]  # fmt: skip
    assert lines[3] == "... 99,994 more"
    show(value)
    assert len(capsys.readouterr().out.splitlines()) == 62


def test_labels_cannot_break_a_table(capsys):
    labels = [*NASTY, "\x1b[2J", "a\tb"]
    show(autograd.sum([Value(1, label) for label in labels]))
    out = capsys.readouterr().out
    rows = [line.split()[0] for line in out.splitlines() if not line.startswith(" ")]
    assert rows == ["line", *map(str, range(1, len(labels) + 2))]
    assert not set(out) & {"\x1b", "\x00", "\r", "\t"}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [(([1.0],), TypeError), ((Value(1), 1), ValueError), ((Value(1), True), TypeError)],
)
def test_a_bad_table_is_refused(arguments, error):
    with pytest.raises(error, match=r"^show"):
        show(arguments[0], max_rows=arguments[1] if arguments[1:] else 60)


def test_the_order_of_evaluation_has_operands_before_their_consumers():
    a, b = Value(1, "a"), Value(2, "b")
    root = (a - b) * (b - a) + a
    order = evaluation_order(root)
    assert [node.label or node.op.name for node in order] == ["a", "b", "sub", "sub", "mul", "add"]
    for place, node in enumerate(order):
        assert all(order.index(operand) < place for operand in node.operands)


def test_what_is_said_of_a_picture_is_no_result(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rendering.say("a notice")
    assert capsys.readouterr() == ("", "stepgrad: a notice\n")
    monkeypatch.setattr(sys, "stderr", None)
    rendering.say("a notice")
    monkeypatch.undo()
    assert capsys.readouterr() == ("", "")
