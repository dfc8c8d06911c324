"""Tests of what views say of a stale graph: they show it, and never raise for it."""

from __future__ import annotations

import io

import pytest

import autograd
from autograd import Value, draw, step_through
from autograd.page.data import Opening
from autograd.page.page import page_of
from autograd.words.staleness import LONGEST, stale_graph

NOTICE = "this graph is stale: p = a * b holds 6.0, but 2.0 * 100.0 is 200.0; call recompute()"


def graph() -> tuple[Value, Value]:
    a, b = Value(2.0, "a"), Value(3.0, "b")
    p = a * b
    p.label = "p"
    return p + 1.0, b


def shown(root: Value) -> str:
    table = io.StringIO()
    autograd.show(root, file=table)
    return table.getvalue()


def test_every_view_says_that_a_graph_is_stale() -> None:
    root, b = graph()
    s = step_through(root)
    views = [
        lambda: shown(root),
        lambda: draw(root).source,
        lambda: str(s.table()),
        lambda: s._repr_html_(),
    ]
    assert not any(NOTICE[:50] in view() for view in views)
    b.data = 100.0
    # In a picture the sentence takes two lines.
    assert all(NOTICE[:50] in view() and NOTICE[-11:] in view() for view in views)
    root.recompute()
    assert not any(NOTICE[:50] in view() for view in views)


def test_a_page_and_a_file_say_so(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pygraphviz")
    root, b = graph()
    s = step_through(root)
    b.data = 100.0
    assert NOTICE in page_of(s.steps, Opening()).html
    autograd.render(root, f"{tmp_path}/graph.dot")
    assert capsys.readouterr().err == f"stepgrad: {NOTICE}\n"


def test_a_long_label_does_not_fill_the_screen() -> None:
    b = Value(3.0, "b" * 10_000)
    root = b * 2.0
    root.label = "r" * 10_000
    b.data = 5.0
    notice = stale_graph([root, b])
    assert len(notice) < LONGEST + 60
    assert notice.endswith("...; call recompute()")


def test_a_picture_with_long_arrows_is_laid_out_in_a_hurry() -> None:
    w, h, terms = Value(0.5, "w"), Value(0.1, "h"), []
    for _ in range(20):
        h = autograd.tanh(w * h + w)
        terms.append((w * h - 0.5) ** 2)
    source = draw(autograd.sum(terms), groups=None, max_nodes=400).source
    assert 'graph [splines="line"' in source and 'outputorder="edgesfirst"' in source
    assert "headlabel=<" in source
    small = draw(terms[0], groups=None).source
    assert "splines" not in small
    assert "headlabel" not in small
