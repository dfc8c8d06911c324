"""Pictures: what they say, that any label survives, and that drawing fails only in good order."""

# The expected DOT stands here as it is written, in lines as long as they are.
# ruff: noqa: E501

from __future__ import annotations

import importlib.util
import inspect
import itertools
import math
import os
import re
import struct
import subprocess
import sys
import time
import types
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import pytest

import autograd
from autograd import RenderError, Value, draw, render
from autograd.core import ops
from autograd.drawing import fonts, pygraphviz_process, rendering

ROOT = Path(__file__).parents[1]
SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}"
DASH = "\u2014"
BLUE, ORANGE, BLACK = "#1b5fa8", "#b25808", "#000000"

needs_pygraphviz = pytest.mark.skipif(
    importlib.util.find_spec("pygraphviz") is None, reason="pygraphviz is not installed"
)
needs_shell = pytest.mark.skipif(sys.platform == "win32", reason="the fakes are shell scripts")


# Reading DOT ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Statement:
    head: str
    attributes: str

    @property
    def words(self) -> str:
        """The label as plain text, its fields apart."""
        label = re.search(r"label=<(.*?)>(?: \w+=\"|\])", self.attributes)
        text = re.sub(r"<VR/>", " | ", label[1] if label else "").replace("&#160;", " ")
        return re.sub(r"<[^<>]*>", "", text)

    def get(self, name: str) -> str | None:
        found = re.search(rf'\b{name}="([^"]*)"', self.attributes)
        return found[1] if found else None


def statements(root: Value, **options) -> list[Statement]:
    lines = draw(root, **options).source.splitlines()[1:-1]
    return [Statement(*re.fullmatch(r"\t(\S+(?: -> \S+)?) ?(.*)", line).groups()) for line in lines]


def named(root: Value, name: str, **options) -> Statement:
    [statement] = [s for s in statements(root, **options) if s.head == name]
    return statement


def operand_edges(root: Value, **options) -> list[Statement]:
    return [s for s in statements(root, **options) if re.fullmatch(r"\S+ -> v\d+_op", s.head)]


def records(root: Value, **options) -> list[str]:
    return [s.words for s in statements(root, **options) if re.fullmatch(r"v\d+", s.head)]


def classic() -> Value:
    a, b, c, f = Value(2, "a"), Value(-3, "b"), Value(10, "c"), Value(-2, "f")
    e = a * b
    d = e + c
    loss = d * f
    e.label, d.label, loss.label = "e", "d", "L"
    return loss


def swept(root: Value) -> Value:
    root.backward()
    return root


# DOT text ---------------------------------------------------------------------------------------

FRAME = """\
digraph {
	graph [rankdir="LR" newrank="true" mclimit="0.1" remincross="false" bgcolor="#ffffff" fontname="Helvetica,Arial,DejaVu Sans,sans-serif" fontcolor="#566370" fontsize="11" nodesep="0.25" ranksep="0.4" pad="0.2" labelloc="b" labeljust="l"]
	node [shape="plain" fontname="Helvetica,Arial,DejaVu Sans,sans-serif" fontcolor="#1f2933" fontsize="14"]
	edge [fontname="Helvetica,Arial,DejaVu Sans,sans-serif" fontcolor="#1f2933" fontsize="12" color="#7b8895" penwidth="1.2" arrowsize="0.7"]
"""
BEFORE_A_SWEEP = """\
	v0 [label=<<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="6" STYLE="ROUNDED" COLOR="#7b8895" BGCOLOR="#e9eff6"><TR><TD><B>b</B></TD><VR/><TD><FONT POINT-SIZE="10" COLOR="#566370">data</FONT>&#160;-3</TD><VR/><TD><FONT POINT-SIZE="10" COLOR="#566370">grad</FONT>&#160;<FONT COLOR="#566370">—</FONT></TD></TR></TABLE>> tooltip="b&#10;data = -3.0&#10;no gradient yet"]
	v1 [label=<<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="6" STYLE="ROUNDED" COLOR="#7b8895" BGCOLOR="#e9eff6"><TR><TD><B>a</B></TD><VR/><TD><FONT POINT-SIZE="10" COLOR="#566370">data</FONT>&#160;2</TD><VR/><TD><FONT POINT-SIZE="10" COLOR="#566370">grad</FONT>&#160;<FONT COLOR="#566370">—</FONT></TD></TR></TABLE>> tooltip="a&#10;data = 2.0&#10;no gradient yet"]
	v2 [label=<<TABLE BORDER="2" CELLBORDER="0" CELLSPACING="0" CELLPADDING="6" STYLE="ROUNDED" COLOR="#1f2933" BGCOLOR="#ffffff"><TR><TD><B>e</B></TD><VR/><TD><FONT POINT-SIZE="10" COLOR="#566370">data</FONT>&#160;-6</TD><VR/><TD><FONT POINT-SIZE="10" COLOR="#566370">grad</FONT>&#160;<FONT COLOR="#566370">—</FONT></TD></TR></TABLE>> tooltip="e&#10;= a * b = 2.0 * (-3.0)&#10;data = -6.0&#10;no gradient yet" class="root"]
	v2_op [label=<*> tooltip="mul: z = x * y" shape="circle" style="filled" fillcolor="#3e4c59" color="#3e4c59" fontcolor="#ffffff" fontsize="15" width="0.34" height="0.34" margin="0.0" fixedsize="true" ordering="in"]
	v2_op -> v2 [weight="8"]
	v1 -> v2_op [label=<<TABLE BORDER="0"><TR><TD>-3</TD></TR></TABLE>> tooltip="local derivative -3.0" labeltooltip="local derivative -3.0"]
	v0 -> v2_op [label=<<TABLE BORDER="0"><TR><TD>2</TD></TR></TABLE>> tooltip="local derivative 2.0" labeltooltip="local derivative 2.0"]
	{rank=same; v1; v0}
	v1 -> v0 [style="invis"]
	{rank=same; v2_op}
	{rank=same; v2}
}
"""
AFTER_A_SWEEP = """\
	label=<<FONT POINT-SIZE="8"> </FONT><BR ALIGN="LEFT"/>number on an edge: the local derivative<BR ALIGN="LEFT"/>colour and width: what the edge adds to a gradient, <FONT COLOR="#1b5fa8"><B>━━</B></FONT> positive &#160;<FONT COLOR="#b25808"><B>━━</B></FONT> negative, widest 1<BR ALIGN="LEFT"/>>
	v0 [label=<<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="6" STYLE="ROUNDED" COLOR="#7b8895" BGCOLOR="#e9eff6"><TR><TD><B>x</B></TD><VR/><TD><FONT POINT-SIZE="10" COLOR="#566370">data</FONT>&#160;3</TD><VR/><TD><FONT POINT-SIZE="10" COLOR="#566370">grad</FONT>&#160;<FONT COLOR="#1b5fa8">2</FONT></TD></TR></TABLE>> tooltip="x&#10;data = 3.0&#10;grad = 2.0"]
	v1 [label=<<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="6" STYLE="ROUNDED" COLOR="#7b8895" BGCOLOR="#ffffff"><TR><TD><FONT POINT-SIZE="10" COLOR="#566370">data</FONT>&#160;6</TD><VR/><TD><FONT POINT-SIZE="10" COLOR="#566370">grad</FONT>&#160;<FONT COLOR="#1b5fa8">1</FONT></TD></TR></TABLE>> tooltip="= x + x = 3.0 + 3.0&#10;data = 6.0&#10;grad = 1.0"]
	v1_op [label=<+> tooltip="add: z = x + y" shape="circle" style="filled" fillcolor="#3e4c59" color="#3e4c59" fontcolor="#ffffff" fontsize="15" width="0.34" height="0.34" margin="0.0" fixedsize="true" ordering="in"]
	v1_op -> v1 [weight="8"]
	v0 -> v1_op [label=<<TABLE BORDER="0"><TR><TD>1</TD></TR></TABLE>> tooltip="local derivative 1.0&#10;contribution 1.0 * 1.0 = 1.0" labeltooltip="local derivative 1.0&#10;contribution 1.0 * 1.0 = 1.0" color="#1b5fa8" penwidth="5.00"]
	v0 -> v1_op [label=<<TABLE BORDER="0"><TR><TD>1</TD></TR></TABLE>> tooltip="local derivative 1.0&#10;contribution 1.0 * 1.0 = 1.0" labeltooltip="local derivative 1.0&#10;contribution 1.0 * 1.0 = 1.0" color="#1b5fa8" penwidth="5.00"]
	v2 [label=<<TABLE BORDER="2" CELLBORDER="0" CELLSPACING="0" CELLPADDING="6" STYLE="ROUNDED" COLOR="#1f2933" BGCOLOR="#ffffff"><TR><TD><B>y</B></TD><VR/><TD><FONT POINT-SIZE="10" COLOR="#566370">data</FONT>&#160;4</TD><VR/><TD><FONT POINT-SIZE="10" COLOR="#566370">grad</FONT>&#160;<FONT COLOR="#1b5fa8">1</FONT></TD></TR></TABLE>> tooltip="y&#10;= x + x - 2.0 = 6.0 - 2.0&#10;data = 4.0&#10;grad = 1.0" class="root"]
	v2_op [label=<-> tooltip="sub: z = x - y" shape="circle" style="filled" fillcolor="#3e4c59" color="#3e4c59" fontcolor="#ffffff" fontsize="15" width="0.34" height="0.34" margin="0.0" fixedsize="true" ordering="in"]
	v2_op -> v2 [weight="8"]
	v1 -> v2_op [label=<<TABLE BORDER="0"><TR><TD><FONT POINT-SIZE="10" COLOR="#566370">1st</FONT>&#160;&#160;1</TD></TR></TABLE>> tooltip="local derivative 1.0&#10;contribution 1.0 * 1.0 = 1.0" labeltooltip="local derivative 1.0&#10;contribution 1.0 * 1.0 = 1.0" color="#1b5fa8" penwidth="5.00"]
	v2_constant2 [label=<<FONT POINT-SIZE="12" COLOR="#566370">2</FONT>> tooltip="the constant 2.0" shape="box" style="rounded" color="#7b8895" width="0" height="0" margin="0.07,0.04"]
	v2_constant2 -> v2_op [label=<<TABLE BORDER="0"><TR><TD><FONT POINT-SIZE="10" COLOR="#566370">2nd</FONT></TD></TR></TABLE>>]
	{rank=same; v0}
	{rank=same; v1_op}
	{rank=same; v1; v2_constant2}
	v1 -> v2_constant2 [style="invis"]
	{rank=same; v2_op}
	{rank=same; v2}
}
"""


def test_golden_before_a_sweep():
    e = Value(2, "a") * Value(-3, "b")
    e.label = "e"
    assert draw(e).source == FRAME + BEFORE_A_SWEEP


def test_golden_after_a_sweep_with_a_reused_node_and_a_constant():
    x = Value(3, "x")
    y = (x + x) - 2
    y.label = "y"
    assert draw(swept(y)).source == FRAME + AFTER_A_SWEEP


def test_text_is_the_same_in_every_process():
    program = (
        "from autograd import *\n"
        "a, b = Value(1.5, 'a'), Value(-0.5, 'b')\n"
        "y = where(a, (a + a) / b - 2 ** a, sum([a, b, 3.0, a])) * tanh(a * b)\n"
        "y.backward()\n"
        "print(draw(y).source)\n"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "77")
    }
    assert len(texts) == 1 and b"v2 " in texts.pop()


def test_nodes_are_numbered_operands_first():
    a = Value(2, "a")
    b = a + a
    root = (b * b) + b
    for edge in statements(root):
        ends = re.fullmatch(r"v(\d+)\S* -> v(\d+)\S*", edge.head)
        if ends:
            assert int(ends[1]) <= int(ends[2])
            assert int(ends[1]) < int(ends[2]) or edge.head == f"v{ends[1]}_op -> v{ends[1]}"
    assert named(root, "v0").words == f"a | data 2 | grad {DASH}"


def test_rendered_text_is_the_text_that_draw_shows(tmp_path):
    root = swept(classic())
    for name in ("graph.dot", "graph.GV"):
        assert render(root, str(tmp_path / name), partials=False) == tmp_path / name
        text = (tmp_path / name).read_bytes()
        assert text.decode() == draw(root, partials=False).source
    assert sorted(p.name for p in tmp_path.iterdir()) == ["graph.GV", "graph.dot"]


# What the picture says --------------------------------------------------------------------------


def test_gradients_are_dashes_before_a_sweep_and_numbers_after():
    loss = classic()
    before = records(loss)
    assert len(before) == 7 and all(record.endswith(f"| grad {DASH}") for record in before)
    assert not any(edge.get("color") or edge.get("penwidth") for edge in operand_edges(loss))
    assert sorted(records(swept(loss))) == [
        "L | data -8 | grad 1",
        "a | data 2 | grad 6",
        "b | data -3 | grad -4",
        "c | data 10 | grad -2",
        "d | data 4 | grad -2",
        "e | data -6 | grad -2",
        "f | data -2 | grad 4",
    ]
    autograd.zero_grad(loss)
    assert records(loss) == before


def test_a_zero_gradient_is_a_number_once_there_was_a_sweep():
    a, b = Value(2, "a"), Value(0, "b")
    assert sorted(records(swept(a * b)))[:2] == ["a | data 2 | grad 0", "b | data 0 | grad 2"]


def test_a_gradient_that_another_graph_left_is_shown_but_colours_no_edge():
    a, b = Value(2, "a"), Value(5, "b")
    (a * 3).backward()
    root = a * b
    assert sorted(records(root)) == [
        "a | data 2 | grad 3",
        f"b | data 5 | grad {DASH}",
        f"data 10 | grad {DASH}",
    ]
    assert not any(edge.get("color") for edge in operand_edges(root))


def test_an_edge_carries_the_local_derivative():
    loss = classic()
    for root in (loss, swept(loss)):
        assert [e.words for e in operand_edges(root)] == ["-3", "2", "1", "1", "-2", "4"]
    assert {e.words for e in operand_edges(loss, partials=False)} == {""}
    x = Value(0.5)
    assert operand_edges(autograd.tanh(x))[0].words == format(1 - math.tanh(0.5) ** 2, ".4g")
    assert operand_edges(autograd.stop_gradient(x))[0].words == "0"


def test_an_operand_used_twice_has_two_edges():
    a = Value(3, "a")
    assert [e.head for e in operand_edges(a + a)] == ["v0 -> v1_op"] * 2
    assert [e.head for e in operand_edges(autograd.sum([a] * 5))] == ["v0 -> v1_op"] * 5


@pytest.mark.parametrize("op", ops.OPS.values(), ids=lambda op: op.name)
def test_places_are_shown_where_the_order_of_operands_matters(op):
    count = 3 if op.arity is None else op.arity
    root = op(*(Value(x) for x in (0.5, 0.25, 0.75)[:count]))
    places = [e.words.split()[0] for e in operand_edges(root, partials=True)]
    if len({op(*order) for order in itertools.permutations((0.5, 0.25, 0.75)[:count])}) > 1:
        assert places == ["1st", "2nd", "3rd"][:count]
    else:
        assert len(places) == count and not any(re.match(r"\d+(st|nd|rd|th)", p) for p in places)


def test_any_two_operands_in_the_wrong_order_matter():
    ratio = ops.Op("ratio", "(x + y) / w", "1 / w", "1 / w", "-z / w")
    places = [e.words.split()[0] for e in operand_edges(ratio(Value(1), Value(2), Value(4)))]
    assert places == ["1st", "2nd", "3rd"]


def test_a_constant_is_a_small_box_without_a_gradient():
    x = Value(4, "x")
    root = swept(10 - x)
    constant = named(root, "v1_constant1")
    assert constant.words == "10" and "grad" not in constant.attributes
    assert constant.get("shape") == "box" and named(root, "v0").get("shape") is None
    size = re.search(r'POINT-SIZE="(\d+)"', constant.attributes)
    assert int(size[1]) < 14
    edge, _ = operand_edges(root)
    assert edge.head == "v1_constant1 -> v1_op" and edge.words == "1st"
    assert edge.get("color") is None and edge.get("tooltip") is None


def test_each_use_of_a_constant_is_its_own_box():
    x = Value(4)
    heads = [s.head for s in statements((x * 2.0) * 2.0)]
    assert {"v1_constant2", "v2_constant2"} <= set(heads)


def test_unnamed_values_have_two_fields_and_operations_their_symbol():
    a, b = Value(2, "a"), Value(4, "b")
    root = (a**b).tanh()
    assert records(root)[2] == f"data 16 | grad {DASH}"
    assert named(root, "v2_op").words == "**" and named(root, "v3_op").words == "tanh"
    assert named(root, "v2_op -> v2") and named(root, "v3_op -> v3")
    assert named(root, "v2_op").get("tooltip") == "pow: z = x ** y"


def style_of(statement: Statement) -> tuple[str, ...]:
    table = re.search(r'BORDER="(\d)".*? COLOR="(\S+)" BGCOLOR="(\S+)"', statement.attributes)
    return table.groups()


def test_root_leaves_and_highlighted_values_look_different():
    a, b = Value(2, "a"), Value(4, "b")
    inner = a * b
    root = inner + 1
    leaf, interior, final = (style_of(named(root, f"v{n}")) for n in (1, 2, 3))
    assert len({leaf, interior, final}) == 3
    assert style_of(named(root, "v0")) == leaf
    for highlight in (inner, [inner], {inner, root}):
        marked = style_of(named(root, "v2", highlight=highlight))
        assert marked not in {leaf, interior, final}
        assert style_of(named(root, "v0", highlight=highlight)) == leaf


def test_a_single_value_is_a_picture():
    assert records(Value(0.1 + 0.2, "x")) == [f"x | data 0.3 | grad {DASH}"]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (2.0, "2"),
        (-0.0, "0"),
        (0.70710678, "0.7071"),
        (123456.0, "1.235e+05"),
        (1e-300, "1e-300"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (math.nan, "nan"),
    ],
)
def test_numbers_are_short_and_whole_in_the_tooltip(number, text):
    statement = named(Value(number), "v0")
    assert statement.words == f"data {text} | grad {DASH}"
    assert f"data = {number!r}" in statement.get("tooltip")


# Colour and width -------------------------------------------------------------------------------


def strokes(root: Value) -> dict[str, tuple[str | None, float | None]]:
    """Colour and width of the edge from each named operand."""
    names = {s.head: s.words.split(" | ")[0] for s in statements(root)}
    return {
        names[e.head.split()[0]]: (e.get("color"), e.get("penwidth") and float(e.get("penwidth")))
        for e in operand_edges(root)
    }


def test_colour_is_the_sign_of_the_contribution_not_of_the_derivative():
    a, b, c = Value(2, "a"), Value(-3, "b"), Value(-1, "c")
    e = a * b
    e.label = "e"
    found = strokes(swept(e * c))  # upstream of a and b is -1; de/da = -3, de/db = 2
    assert found["a"][0] == BLUE and found["b"][0] == ORANGE
    assert found["e"][0] == ORANGE and found["c"][0] == ORANGE


def test_width_grows_with_the_contribution_on_one_scale():
    xs = [Value(1, f"x{k}") for k in range(5)]
    slopes = [0.5, -1, 2, 4, -8]
    terms = [x * s for x, s in zip(xs, slopes)]
    found = strokes(swept(autograd.sum(terms)))
    widths = [found[f"x{k}"][1] for k in range(5)]
    assert widths == sorted(widths) and len(set(widths)) == 5
    # Linear above the thinnest: equal steps of size are equal steps of width.
    thinnest = 2 * widths[0] - widths[1]
    assert (widths[4] - thinnest) == pytest.approx(16 * (widths[0] - thinnest), abs=0.2)
    assert widths[4] == 5.0
    assert strokes(swept(Value(1, "x") * 0.001))["x"][1] == 5.0  # the scale is the picture's own


def test_a_contribution_of_zero_is_neutral():
    a, b = Value(0, "a"), Value(3, "b")
    found = strokes(swept(a * b))
    assert found == {"a": (BLUE, 5.0), "b": (None, None)}


def test_infinite_and_undefined_contributions_are_drawn_at_full_width():
    x, y, z = Value(0, "x"), Value(-2, "y"), Value(math.nan, "z")
    found = strokes(swept(autograd.sum([x.log(), y * 3, z * z])))
    assert found["x"] == (BLUE, 5.0)
    assert found["y"] == (BLUE, 5.0)  # 3 is the largest finite contribution
    assert found["z"] == (BLACK, 5.0)


def test_no_derivative_passes_means_no_contribution():
    x = Value(2, "x")
    inner = autograd.stop_gradient(x)
    root = inner * math.inf
    root.backward()
    [edge] = [e for e in operand_edges(root) if e.head == "v0 -> v1_op"]
    assert edge.get("color") is None and "= 0.0" in edge.get("tooltip")


def test_the_legend_names_the_scale_and_only_what_is_drawn():
    loss = classic()
    assert "widest" not in draw(loss).source
    loss.backward()
    assert ", widest 6<" in draw(loss).source
    assert "local derivative<" in draw(loss).source
    assert "local derivative<" not in draw(loss, partials=False).source


# Labels are data --------------------------------------------------------------------------------

AS_THEY_ARE = [
    "{}|<>",
    "<b>bold</b>",
    "<script>alert(1)</script>",
    "</TD></TR></TABLE>>]; evil",
    "a | b",
    "\\",
    "\\N \\G \\l \\n \\T \\H \\E \\L",
    "ends in \\",
    '\\"',
    '"quoted"',
    "it's",
    "&amp; &lt; &#65; &eacute;",
    "]",
    "]]",
    "]]>",
    "w[0]",
    "<!-- -->",
    "%s %d {0}",
    "-> --",
    "a:b:c",
    "digraph",
    "\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\u05e9\u05dc\u05d5\u05dd \u0639\u0644\u064a\u0643\u0645",
    "\u202eabc\u202c",
    "e\u0301 \u5b57 \u0e01\u0e33",
    " leading",
    " ",
    "x" * 40,
]
REPLACED = {
    "nul\0": "nul\u2400",
    "\ud800half": "\ufffdhalf",
    "two\nlines\r\n": "two\u21b5lines\u21b5\u21b5",
    "tab\tbell\a": "tab\u2409bell\u2407",
    "\x85\ufffe\uffff\U0010ffff": "\ufffd\ufffd\ufffd\ufffd",
    "\u2028": "\u21b5",
    "y" * 10_000: "y" * 39 + "\u2026",
    "\\" * 10_000: "\\" * 39 + "\u2026",
    '<"&' * 4_000: '<"&' * 13 + "\u2026",
    "\U0001f600" * 10_000: "\U0001f600" * 39 + "\u2026",
}


@needs_pygraphviz
def test_any_label_comes_out_as_text():
    labels = [*AS_THEY_ARE, *REPLACED]
    root = autograd.sum([Value(1, label) for label in labels])
    source = draw(root, max_nodes=60).source
    assert (
        len([s for s in statements(root, max_nodes=60) if re.fullmatch(r"v\d+", s.head)])
        == len(labels) + 1
    )
    tree = ET.fromstring(rendering.picture_bytes(source, "svg"))
    assert (
        len([g for g in tree.iter(f"{SVG}g") if "node" in g.get("class", "").split()])
        == len(labels) + 2
    )
    texts = [(t.text or "").replace("\xa0", " ") for t in tree.iter(f"{SVG}text")]
    tooltips = {a.get(f"{LINK}title").split("\ndata")[0] for a in tree.iter(f"{SVG}a")}
    for label in labels:
        assert REPLACED.get(label, label) in texts
    for label in [*AS_THEY_ARE, *(label for label in REPLACED if len(label) > 999)]:
        assert label in tooltips
    assert "two\nlines\u21b5\n" in tooltips
    assert not list(tree.iter(f"{SVG}script"))


def test_brackets_alone_are_written_for_old_graphviz():
    # Version 2.43 reports a syntax error for the text "]" and for "]]", and for no other.
    assert "<B>&#93;</B>" in draw(Value(1, "]")).source
    assert "<B>&#93;]</B>" in draw(Value(1, "]]")).source
    assert "<B>w[0]</B>" in draw(Value(1, "w[0]")).source


def test_an_empty_label_is_no_field():
    assert records(Value(1, "")) == [f"data 1 | grad {DASH}"]


# Refusals ---------------------------------------------------------------------------------------


def chain(length: int) -> Value:
    value = Value(1, "x")
    for _ in range(length - 1):
        value = value.tanh()
    return value


def test_depth_counts_operations_back_from_the_root():
    loss = classic()  # L = d * f, d = e + c, e = a * b
    loss.backward()
    assert [len(records(loss, depth=depth)) for depth in (0, 1, 2, 3, 4)] == [1, 3, 5, 7, 7]
    assert draw(loss, depth=3).source == draw(loss).source


def test_where_a_picture_is_cut_stands_an_ellipsis_and_how_much_is_hidden():
    loss = classic()
    loss.backward()
    cut = [s for s in statements(loss, depth=1) if s.words == "\u2026"]
    assert len(cut) == 1  # d is made of something, f is a leaf
    [edge] = [s for s in statements(loss, depth=1) if s.head.startswith(f"{cut[0].head} -> ")]
    assert edge.get("style") == "dashed"
    assert "made of 4 more Values" in draw(loss, depth=1).source
    assert "more Values" not in draw(loss).source


def test_the_shortest_way_decides_what_is_shown():
    a = Value(2, "a")
    deep = a.exp().exp()
    assert any("a" in words for words in records(deep * a, depth=1))
    # a is shown, and yet the way through exp is cut.
    assert "\u2026" in draw(deep * a, depth=1).source


def test_a_large_graph_is_drawn_to_a_depth():
    value = Value(1.0)
    for _ in range(1_000):
        value = value * 2.0
    assert len(records(value, depth=3)) == 4
    assert "made of 997 more Values" in draw(value, depth=3).source


@pytest.mark.parametrize("depth", [-1, 1.5, True, "2"])
def test_a_depth_that_is_no_count_is_refused(depth):
    with pytest.raises(
        ValueError if depth == -1 else TypeError,
        match=re.escape(f"depth must be a whole number of at least 0, got {depth!r}"),
    ):
        draw(classic(), depth=depth)


def test_without_groups_a_graph_too_large_to_read_is_refused(tmp_path):
    def attempts(root: Value, **options):
        yield lambda: draw(root, groups=None, **options)
        yield lambda: render(root, tmp_path / "graph.png", groups=None, **options)

    assert len(records(chain(200), groups=None)) == 200
    for attempt in attempts(chain(201)):
        with pytest.raises(ValueError, match=r"201 nodes.*leave out groups=None.*raise max_nodes"):
            attempt()
    assert len(records(chain(201), groups=None, max_nodes=201)) == 201
    with pytest.raises(ValueError, match="3 nodes"):
        draw(chain(3), groups=None, max_nodes=2)
    many = autograd.sum([Value(1.0), *[1.0] * 1000])
    with pytest.raises(ValueError, match="1001 operands"):
        draw(many, groups=None)
    assert not list(tmp_path.iterdir())


def test_many_edges_from_one_value_are_one_and_so_are_many_constants():
    x = Value(1, "x")
    assert [e.words for e in operand_edges(autograd.sum([x] * 8))] == ["1"] * 8
    root = swept(autograd.sum([x] * 1000))
    [edge] = operand_edges(root)
    assert edge.words == "1,000\u00d7\u03a3 1000" and "1,000 operands" in edge.get("tooltip")
    root = autograd.sum([x, *[0.5] * 999])
    [first, second] = operand_edges(root)
    assert first.words == "1" and second.words == "999\u00d7"
    assert named(root, second.head.split()[0]).words == "999 constants"


@pytest.mark.parametrize("root", [3.0, None, "x", [], [Value(1), 2.0]])
def test_a_root_that_is_no_value_is_refused(root, tmp_path):
    with pytest.raises(TypeError, match="a Value, or of a list of them, got"):
        draw(root)
    with pytest.raises(TypeError, match="a Value, or of a list of them, got"):
        render(root, tmp_path / "graph.png")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"rankdir": "left"}, ValueError, "rankdir is one of LR, TB, RL, BT, got 'left'"),
        ({"rankdir": "lr"}, ValueError, "rankdir"),
        (
            {"max_nodes": 0},
            ValueError,
            "max_nodes must be a whole number of at least 1, got 0; leave it out for 60 boxes",
        ),
        (
            {"max_nodes": True},
            TypeError,
            "max_nodes must be a whole number of at least 1, got True",
        ),
        ({"max_nodes": "many"}, TypeError, "max_nodes"),
        ({"highlight": ["L"]}, TypeError, "highlight takes Values"),
        ({"highlight": Value(1, "other")}, ValueError, "not part of this graph"),
    ],
)
def test_bad_options_are_refused(options, error, message, tmp_path):
    with pytest.raises(error, match=message):
        draw(classic(), **options)
    with pytest.raises(error, match=message):
        render(classic(), tmp_path / "graph.svg", **options)
    assert not list(tmp_path.iterdir())


def test_what_can_be_asked_is_written_out_for_help():
    options = {
        "rankdir": None,
        "partials": True,
        "groups": "auto",
        "expand": (),
        "focus": None,
        "depth": None,
        "max_nodes": None,
        "highlight": (),
    }
    sizes = {"dpi": None, "max_pixels": 16_000}
    for function, places, keywords in [
        (draw, ["root"], options),
        (render, ["root", "path"], options | sizes),
    ]:
        parameters = inspect.signature(function).parameters.values()
        assert [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD] == places
        assert {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY} == keywords
        with pytest.raises(TypeError, match=rf"^{function.__name__}\(\) .* argument 'colour'"):
            function(*[classic(), "graph.dot"][: len(places)], colour="red")


def test_bad_paths_are_refused(tmp_path):
    loss = classic()
    for name in ("graph.jpg", "graph", "graph.", ".png", "graph.png.txt"):
        with pytest.raises(
            ValueError, match=r"ends in \.png or \.svg or \.pdf or \.html or \.dot or \.gv"
        ):
            render(loss, tmp_path / name)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        render(loss, tmp_path / "missing" / "graph.png")
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        render(loss, tmp_path / "folder.svg")
    with pytest.raises(TypeError):
        render(loss, 3)
    assert [p.name for p in tmp_path.iterdir()] == ["folder.svg"]


def test_a_folder_that_takes_no_files_leaves_everything_as_it_was(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied", ".something.tmp")

    path = tmp_path / "graph.dot"
    path.write_text("before")
    for owner, name in ((os, "replace"), (Path, "write_bytes")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, refuse)
            with pytest.raises(PermissionError) as raised:
                render(classic(), path)
        assert raised.value.filename == str(path)
        assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_a_link_is_followed_and_kept(tmp_path):
    (tmp_path / "real.dot").write_text("before")
    (tmp_path / "link.dot").symlink_to("real.dot")
    render(classic(), tmp_path / "link.dot")
    assert (tmp_path / "link.dot").is_symlink()
    assert (tmp_path / "real.dot").read_text().startswith("digraph")


# Files ------------------------------------------------------------------------------------------


def pixels(path: Path) -> tuple[int, int]:
    return struct.unpack(">II", path.read_bytes()[16:24])


@pytest.fixture
def no_dot(tmp_path_factory, monkeypatch):
    """A PATH without any program at all."""
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("empty")))


@pytest.fixture
def no_pygraphviz(monkeypatch):
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


@needs_pygraphviz
def test_pictures_are_complete_files_of_their_kind(tmp_path, no_dot, capfd):
    root = swept(classic())
    for extension, begin, end in [
        ("png", b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"),
        ("SVG", b"<?xml", b"</svg>\n"),
        ("pdf", b"%PDF-", b"%%EOF\n"),
    ]:
        path = tmp_path / f"graph.v1.{extension}"
        assert render(root, path) == path
        content = path.read_bytes()
        assert content.startswith(begin) and content.endswith(end)
    assert len(list(tmp_path.iterdir())) == 3
    assert capfd.readouterr() == ("", "")
    width, height = pixels(tmp_path / "graph.v1.png")
    assert 1500 < width < 2100 and 300 < height < 600
    tree = ET.parse(tmp_path / "graph.v1.SVG")
    texts = [t.text for t in tree.iter(f"{SVG}text")]
    assert {"L", "grad", "\xa0-8"} <= set(texts) and {"1\u202f"}.isdisjoint(texts)


@needs_pygraphviz
def test_direction_is_followed(tmp_path, no_dot):
    wide = pixels(render(classic(), tmp_path / "wide.png"))
    tall = pixels(render(classic(), tmp_path / "tall.png", rankdir="TB"))
    assert wide[0] > 2 * wide[1] and tall[1] > tall[0]


@needs_pygraphviz
def test_no_side_of_a_picture_gets_out_of_hand(tmp_path, no_dot, capfd):
    root = chain(100)
    width, height = pixels(render(root, tmp_path / "graph.png", groups=None, rankdir="LR"))
    assert 15_000 < width <= 16_000 and height < 1000
    assert "made smaller to fit in 16,000 pixels" in capfd.readouterr().err
    for rankdir, side in (("LR", 0), ("TB", 1)):
        for most in (701, 3000):
            options = {"max_pixels": most, "dpi": 77, "rankdir": rankdir, "groups": None}
            sides = pixels(render(root, tmp_path / "graph.png", **options))
            assert most - 5 < sides[side] <= most and sides[1 - side] < most
    capfd.readouterr()
    small = [pixels(render(classic(), tmp_path / "a.png", dpi=dpi))[0] for dpi in (50, 200)]
    assert small[1] == pytest.approx(4 * small[0], rel=0.01)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"dpi": 0}, ValueError, "dpi must be a number of at least 10 and less than 2401, got 0"),
        ({"dpi": "high"}, TypeError, "dpi"),
        ({"dpi": True}, TypeError, "dpi"),
        ({"max_pixels": 40_000}, ValueError, "whole number from 100 to 32000.*write an .svg"),
        ({"max_pixels": 50}, ValueError, "max_pixels"),
        ({"max_pixels": 200.5}, TypeError, "max_pixels"),
    ],
)
def test_sizes_out_of_range_are_refused(options, error, message, tmp_path):
    with pytest.raises(error, match=message):
        render(classic(), tmp_path / "graph.png", **options)
    assert not list(tmp_path.iterdir())


# No Graphviz, and bad ones ----------------------------------------------------------------------


def test_without_graphviz_the_text_is_written_and_one_line_says_what_to_install(
    tmp_path, no_dot, no_pygraphviz, capfd
):
    root = classic()
    written = render(root, tmp_path / "graph.v1.png")
    assert written == tmp_path / "graph.v1.dot" and list(tmp_path.iterdir()) == [written]
    assert written.read_text(encoding="utf-8") == draw(root).source
    out, err = capfd.readouterr()
    assert out == "" and err.count("\n") == 1
    assert 'pip install "pygraphviz>=2.0.1"' in err and str(written) in err


def test_a_script_without_graphviz_ends_well(tmp_path):
    (tmp_path / "pygraphviz.py").write_text("raise ImportError('libexpat is missing')")
    program = "from autograd import *; print(render(Value(1) + 2, 'graph.svg'))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PATH": "", "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "graph.dot\n")
    assert done.stderr.count("\n") == 1 and "libexpat is missing" in done.stderr
    assert not (tmp_path / "graph.svg").exists()


def fake_dot(folder: Path, monkeypatch, script: str) -> None:
    """Put a program named dot before all others on the PATH."""
    place = folder / "bin"
    place.mkdir()
    (place / "dot").write_text(f"#!/bin/sh\n{script}\n")
    (place / "dot").chmod(0o755)
    monkeypatch.setenv("PATH", str(place), prepend=os.pathsep)


HEADER = r"printf '\211PNG\r\n\032\n\000\000\000\rIHDR"
BAD_DOTS = {
    "fails": ("echo no plugin for $1 >&2; exit 1", "no plugin for -Tpng"),
    "crashes": ("kill -SEGV $$", "killed by signal 11"),
    "writes half a file": (HEADER + "half'", "no complete png"),
    "complains": (
        HEADER + r"IEND\256B`\202'; echo no font >&2; exit 1",
        "exited with 1 and printed 'no font'",
    ),
    "is not Graphviz": (
        "echo Dot the file copier, version 2",
        "gave no complete png: it exited with 0 and printed 'Dot the file copier",
    ),
}


@needs_shell
@pytest.mark.parametrize(("script", "message"), BAD_DOTS.values(), ids=BAD_DOTS)
def test_a_bad_dot_alone_is_an_error_that_says_what_it_printed(
    script, message, tmp_path, monkeypatch, no_pygraphviz
):
    fake_dot(tmp_path, monkeypatch, script)
    (tmp_path / "graph.png").write_text("before")
    with pytest.raises(RenderError, match=re.escape(message)) as raised:
        render(classic(), tmp_path / "graph.png")
    assert str(tmp_path / "bin" / "dot") in str(raised.value)
    assert 'pip install "pygraphviz>=2.0.1"' in str(raised.value)
    assert (tmp_path / "graph.png").read_text() == "before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bin", "graph.png"]


@needs_shell
@pytest.mark.parametrize(
    ("printed", "name"),
    [
        (r"\211PNG\r\n\032\n\000\000\000\004nonsense of some lengthIEND\256B`\202", "graph.png"),
        (r"\211PNG\r\n\032\n\000\000\000\000IEND\256B`\202", "graph.png"),
        ('<?xml version="1.0"?><svg viewBox="0 0 1 1"><g></svg>', "graph.svg"),
        ('<?xml version="1.0"?><svg viewBox="0 0 1 1"><g></svg>', "graph.html"),
        ('<?xml version="1.0"?><svg></svg>', "graph.html"),
    ],
)
def test_nonsense_between_a_good_beginning_and_a_good_end_is_no_picture(
    printed, name, tmp_path, monkeypatch, no_pygraphviz
):
    fake_dot(tmp_path, monkeypatch, f"cat > /dev/null; printf '{printed}'")
    with pytest.raises(RenderError, match="gave no complete"):
        render(classic(), tmp_path / name)
    assert [place.name for place in tmp_path.iterdir()] == ["bin"]


@needs_shell
def test_a_dot_that_cannot_be_started_is_an_error(tmp_path, monkeypatch, no_pygraphviz):
    fake_dot(tmp_path, monkeypatch, "")
    (tmp_path / "bin" / "dot").write_bytes(b"\x7fELF nonsense")
    with pytest.raises(RenderError, match="cannot be run"):
        render(classic(), tmp_path / "graph.png")


@needs_shell
@needs_pygraphviz
@pytest.mark.parametrize("kind", ["fails", "is not Graphviz"])
def test_pygraphviz_helps_out_for_a_bad_dot_and_says_so(kind, tmp_path, monkeypatch, capfd):
    script, message = BAD_DOTS[kind]
    fake_dot(tmp_path, monkeypatch, script)
    path = render(classic(), tmp_path / "graph.png")
    assert path.name == "graph.png" and pixels(path)[0] > 1000
    out, err = capfd.readouterr()
    assert out == "" and err.count("\n") == 1
    assert message in err and "drew with pygraphviz instead" in err


@needs_shell
def test_a_dot_that_hangs_is_stopped_with_all_that_it_started(tmp_path, monkeypatch):
    script = f"sh -c 'sleep 2; touch \"{tmp_path}/late\"'; echo"
    fake_dot(tmp_path, monkeypatch, script)
    monkeypatch.setattr(rendering, "SECONDS_TO_DRAW", 0.5)
    start = time.perf_counter()
    with pytest.raises(RenderError, match=r"did not finish within 0\.5 s.*depth=5 or focus=VALUE"):
        render(classic(), tmp_path / "graph.svg")
    assert time.perf_counter() - start < 1.9  # nothing that holds a pipe open is waited for
    time.sleep(max(0.0, start + 2.5 - time.perf_counter()))
    assert [p.name for p in tmp_path.iterdir()] == ["bin"]


@needs_shell
@needs_pygraphviz
def test_dot_comes_first_and_gets_the_text_as_utf_8(tmp_path, monkeypatch, capfd):
    folder = Path(importlib.util.find_spec("pygraphviz").origin).parents[1]
    script = (
        f'echo "$@" >> "{tmp_path}/calls"\n'
        f'exec "{sys.executable}" -I "{pygraphviz_process.__file__}" "{folder}" "${{1#-T}}"'
    )
    fake_dot(tmp_path, monkeypatch, script)
    path = render(Value(1, "\u00e9\u5b57\U0001f600"), tmp_path / "graph.svg")
    assert "\u00e9\u5b57\U0001f600" in path.read_text(encoding="utf-8")
    assert (tmp_path / "calls").read_text() == "-Tsvg\n"
    assert capfd.readouterr().err == ""


def fake_pygraphviz(folder: Path, monkeypatch, program: str) -> None:
    (folder / "pygraphviz.py").write_text(program)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "pygraphviz", raising=False)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import os; os.abort()", "killed by signal 6" if os.name == "posix" else "exited"),
        (
            "class AGraph:\n def from_string(self, s): raise ValueError('bad text')",
            "printed 'ValueError: bad text'",
        ),
        ("import sys; sys.exit('cannot')", "cannot"),
    ],
    ids=["crash", "error", "exit"],
)
def test_a_bad_pygraphviz_harms_nobody(program, message, tmp_path, monkeypatch, no_dot):
    fake_pygraphviz(tmp_path, monkeypatch, "DotError = KeyError\n" + program)
    with pytest.raises(RenderError, match=message):
        render(classic(), tmp_path / "graph.pdf")
    assert not (tmp_path / "graph.pdf").exists()


def test_a_pygraphviz_that_hangs_is_stopped(tmp_path, monkeypatch, no_dot):
    fake_pygraphviz(tmp_path, monkeypatch, "import time; time.sleep(60)")
    monkeypatch.setattr(rendering, "SECONDS_TO_DRAW", 0.5)
    with pytest.raises(RenderError, match=r"pygraphviz did not finish within 0\.5 s"):
        render(classic(), tmp_path / "graph.pdf")


@needs_pygraphviz
def test_files_of_the_user_are_not_taken_for_modules_of_python(tmp_path, monkeypatch, no_dot):
    for name in ("random", "contextlib", "tempfile"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('not meant')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert render(classic(), "graph.svg") == Path("graph.svg")


# Fonts ------------------------------------------------------------------------------------------


@pytest.fixture
def no_system_fonts(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(fonts, "font_folders", lambda: [tmp_path / "nowhere"])
    for name in ("FONTCONFIG_FILE", "FONTCONFIG_PATH"):
        monkeypatch.delenv(name, raising=False)


def test_a_machine_without_fonts_borrows_those_of_matplotlib(tmp_path, no_system_fonts):
    pytest.importorskip("matplotlib")
    variables = fonts.environment(tmp_path)
    configuration = ET.parse(variables["FONTCONFIG_FILE"])
    [folder] = [Path(element.text) for element in configuration.iter("dir")]
    assert (folder / "DejaVuSans.ttf").is_file()
    [cache] = [Path(element.text) for element in configuration.iter("cachedir")]
    assert tmp_path in cache.parents


def test_fonts_of_the_machine_or_the_user_are_left_alone(tmp_path, monkeypatch, no_system_fonts):
    with monkeypatch.context() as patch:
        patch.setenv("FONTCONFIG_FILE", "mine.conf")
        assert fonts.environment(tmp_path) == {}
    for platform in ("darwin", "win32"):  # whose Graphviz asks the system
        with monkeypatch.context() as patch:
            patch.setattr(sys, "platform", platform)
            assert fonts.environment(tmp_path) == {}
    (tmp_path / "nowhere" / "deep").mkdir(parents=True)
    (tmp_path / "nowhere" / "deep" / "some.TTF").touch()
    assert fonts.environment(tmp_path) == {}


@needs_shell
def test_graphviz_is_told_of_borrowed_fonts(tmp_path, no_system_fonts, monkeypatch, no_pygraphviz):
    pytest.importorskip("matplotlib")
    fake_dot(tmp_path, monkeypatch, f'cp "$FONTCONFIG_FILE" "{tmp_path}/seen"')
    with pytest.raises(RenderError):
        render(classic(), tmp_path / "graph.svg")
    assert "mpl-data" in (tmp_path / "seen").read_text()


@needs_pygraphviz
@pytest.mark.skipif(sys.platform != "linux", reason="other systems have fonts")
def test_text_drawn_with_borrowed_fonts_is_letters(tmp_path, no_system_fonts, no_dot, capfd):
    pytest.importorskip("matplotlib")

    def width(label: str) -> float:
        tree = ET.fromstring(render(Value(1, label), tmp_path / "graph.svg").read_bytes())
        return float(tree.get("width").removesuffix("pt"))

    # In letters an i is narrower than a W; in the boxes of a missing font all are alike.
    assert width("W" * 20) > width("i" * 20) + 100
    assert capfd.readouterr().err == ""


@needs_pygraphviz
@pytest.mark.parametrize("matplotlib", [None, types.ModuleType("matplotlib")], ids=["no", "other"])
def test_a_machine_without_any_font_is_told_so(
    matplotlib, tmp_path, no_system_fonts, no_dot, monkeypatch, capfd
):
    monkeypatch.setitem(sys.modules, "matplotlib", matplotlib)
    render(classic(), tmp_path / "graph.svg")
    assert capfd.readouterr().err == ""
    assert render(classic(), tmp_path / "graph.png").name == "graph.png"
    err = capfd.readouterr().err
    assert err.count("\n") == 1 and "pip install matplotlib" in err


# Imports and notebooks --------------------------------------------------------------------------


def test_importing_autograd_imports_no_drawing(tmp_path):
    program = (
        "import sys, autograd\n"
        "heavy = {'graphviz', 'pygraphviz', 'numpy', 'matplotlib'}\n"
        "assert not (heavy | {'autograd.drawing'}) & set(sys.modules)\n"
        "autograd.render(autograd.Value(1), 'graph.dot')\n"
        "assert not heavy & set(sys.modules)\n"
        "assert 'graphviz' in type(autograd.draw(autograd.Value(1))).__mro__[1].__module__\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", program], env=environment, cwd=tmp_path, check=True)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'drawn'"):
        autograd.drawn  # noqa: B018


@needs_pygraphviz
def test_a_notebook_shows_a_picture_without_the_program_dot(no_dot):
    import graphviz

    picture = draw(classic())
    assert isinstance(picture, graphviz.Digraph)
    shown = picture._repr_mimebundle_()
    assert list(shown) == ["text/html", "image/svg+xml", "text/plain"]
    assert ET.fromstring(shown["image/svg+xml"].encode()).tag == f"{SVG}svg"


def test_a_notebook_without_graphviz_shows_text(no_dot, no_pygraphviz):
    picture = draw(classic())
    with pytest.raises(RenderError, match=r"no program dot on the PATH, .* pip install"):
        picture.pipe("svg")
    shown = picture._repr_mimebundle_(include=None, exclude=None)
    assert list(shown) == ["text/plain"]
    first, rest = shown["text/plain"].split("\n", 1)
    assert 'pip install "pygraphviz>=2.0.1"' in first and rest == picture.source


@needs_shell
def test_a_notebook_with_a_bad_dot_shows_text(tmp_path, monkeypatch, no_pygraphviz):
    fake_dot(tmp_path, monkeypatch, BAD_DOTS["fails"][0])
    assert "no plugin for -Tsvg" in draw(classic())._repr_mimebundle_()["text/plain"]
