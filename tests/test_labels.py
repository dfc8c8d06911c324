"""Labels are data: whatever characters one holds, views show it, and nothing obeys it."""

from __future__ import annotations

import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
from autograd import Value, draw, step_through
from autograd.drawing import rendering
from autograd.drawing.look import printable
from autograd.drawing.page import page as zoomed
from autograd.page.data import Opening, page_data
from autograd.page.page import page_of
from autograd.shell.terminal import printable as terminal_text
from autograd.views.animation import frame_texts

SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"></svg>'
# All of Unicode, halves of surrogate pairs too, and what means something somewhere.
SPECIAL = ["</script>", "<!--", "]]>", "\x1b[31m", "\0", "\ud800", "\u202e", "\\N", "$root", "%s"]
LABELS = st.text(st.characters(), max_size=40) | st.sampled_from(SPECIAL)


class Text(HTMLParser):
    """The text of each element of a page, by its tag."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._tag = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._tag = tag
        self.found.append((tag, ""))

    def handle_data(self, data: str) -> None:
        if self.found:
            tag, before = self.found[-1]
            self.found[-1] = tag, before + data


def labelled_graph(label: str) -> Value:
    a = Value(2.0, label)
    b = a * a
    b.label = label[::-1]
    return b + a * 3.0


@settings(max_examples=25, deadline=None)
@given(LABELS)
def test_texts_of_any_label_move_no_cursor_and_can_be_written(label: str) -> None:
    s = step_through(labelled_graph(label))
    shown = [str(s.next()) for _ in s.steps]
    table = io.StringIO()
    autograd.show(s.root, file=table)
    shown += [str(s.table()), str(s.naive()), table.getvalue(), str(s.why(s.steps.nodes[-1]))]
    text = "\n".join(shown)
    assert terminal_text(text) == text
    assert text.encode()
    assert all(line.strip() for line in shown)


@settings(max_examples=25, deadline=None)
@given(LABELS)
def test_sources_of_any_label_hold_no_line_of_its_own(label: str) -> None:
    root = labelled_graph(label)
    plain = labelled_graph("a")
    for sources in (lambda x: [draw(x).source], frame_texts):
        for source, other in zip(sources(root), sources(plain)):
            assert source.encode()
            assert len(source.split("\n")) == len(other.split("\n"))
            assert not re.search("[\0-\x08\x0b-\x1f\x7f-\x9f]", source)


@settings(max_examples=25, deadline=None)
@given(LABELS)
def test_a_label_read_from_a_page_is_the_label(label: str) -> None:
    parsed = Text(zoomed(SVG, label))
    titles = [text for tag, text in parsed.found if tag in ("title", "h1")]
    assert [title.removesuffix("\n") for title in titles] == [printable(label)] * 2


@settings(max_examples=25, deadline=None)
@given(LABELS)
def test_labels_in_a_live_page_end_no_element_of_it(label: str) -> None:
    steps = step_through(labelled_graph(label)).steps
    opening = Opening("step")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rendering, "picture_bytes", lambda *_: SVG)  # which takes its time
        page = page_of(steps, opening).html
    assert page.encode()
    found = Text(page).found
    [data] = [text for tag, text in found if tag == "script" and text.startswith('{"')]
    assert json.loads(data)["names"] == page_data(steps, opening)["names"]
    headers = [text for tag, text in found if tag == "th"]
    assert headers[4:] == page_data(steps, opening)["names"]
    plain = Text(page_of(step_through(labelled_graph("a")).steps, opening).html).found
    kinds = [tag for tag, _ in found]
    assert {*kinds} <= {tag for tag, _ in plain} | {"g"} and kinds.count("script") == 3


@pytest.mark.parametrize("name", ["\ud800", "a\udc80b"])
def test_half_a_surrogate_pair_is_no_error_on_a_page(tmp_path: Path, name: str) -> None:
    pytest.importorskip("pygraphviz")
    path = autograd.render(Value(2.0, name) * 2.0, tmp_path / "a.html")
    assert "\ufffd" not in path.read_text(encoding="utf-8").split("<main")[0]  # the root has none
    root = Value(2.0, name)
    read = autograd.render(root, tmp_path / "b.html").read_text(encoding="utf-8")
    assert f"<title>{printable(name)}</title>" in read
    assert printable(name) == name.encode(errors="replace").decode().replace("?", "\ufffd")
