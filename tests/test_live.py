"""The file of a live page: what it holds, allows and refuses; see test_live_page.py."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import zlib
from collections import Counter
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from browser import expression, network
from test_languages import needs

import autograd
from autograd import Op, StaleGraphError, Value, live, step_through
from autograd.core.ops import OPS
from autograd.drawing import kit, rendering
from autograd.languages import JAVASCRIPT
from autograd.page.page import LivePage

MADE = """
from autograd import Value, live
a, b = Value(2, "a"), Value(-3, "b")
L = a * b + a
L.label = "L"
live(L, "page.html")
"""


class Elements(HTMLParser):
    """The elements of a page, and the text of its styles and scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.sources: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] in ("script", "style") and data.strip():
            self.sources.append((*self.found[-1], data))


def html(root: Value, **options: Any) -> str:
    page = live(root, **options)
    assert isinstance(page, LivePage)
    return page.html


def data_of(page: str) -> dict[str, Any]:
    (data,) = [text for _, about, text in Elements(page).sources if about.get("id") == "pass"]
    found: dict[str, Any] = json.loads(data)
    return found


def scripts_of(page: str) -> list[str]:
    """The style sheet and the script that a page unpacks."""
    (packed,) = [text for _, about, text in Elements(page).sources if about.get("id") == "packed"]
    unpacked = zlib.decompress(base64.b85decode(packed.strip().replace(",", "<")), -15)
    return unpacked.decode().split("\0")


def digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_the_page_holds_all_it_needs_and_allows_nothing_else() -> None:
    page = html(expression())
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
    directives = dict(part.split(" ", 1) for part in policy.split("; "))
    assert set(directives) == {
        "default-src", "style-src", "script-src", "base-uri", "form-action"
    }  # fmt: skip
    assert {directives.pop(name) for name in ("default-src", "base-uri", "form-action")} == {
        "'none'"
    }
    # What runs is what unpacks the style and the script, and what comes of it.
    sources = [text for tag, about, text in elements.sources if "type" not in about]
    sources += scripts_of(page)
    admitted = re.findall(r"'sha256-(.*?)'", directives["style-src"] + directives["script-src"])
    assert sorted(map(digest, sources)) == sorted(admitted)
    assert "unsafe" not in policy and "eval(" not in "".join(sources)
    assert len(page.encode()) < 80_000


def test_the_page_is_the_same_in_every_process(tmp_path: Path) -> None:
    made = []
    for seed in ("1", "7"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        environment["PYTHONPATH"] = str(Path(autograd.__file__).parents[1])
        subprocess.run([sys.executable, "-c", MADE], check=True, cwd=tmp_path, env=environment)
        made.append((tmp_path / "page.html").read_bytes())
    assert made[0] == made[1] and b"\r" not in made[0]


def test_files_with_the_line_ends_of_windows_give_the_same_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser reads every line end as one; a hash of anything else would forbid the script."""
    before = html(expression())

    class Files:
        def __init__(self, package: str) -> None:
            self.package = sys.modules[package].__path__[0]

        def joinpath(self, name: str) -> Path:
            written = (Path(self.package) / name).read_text(encoding="utf-8")
            copy = tmp_path / name
            copy.write_bytes(written.replace("\n", "\r\n").encode())
            return copy

    monkeypatch.setattr(kit.resources, "files", Files)
    assert html(expression()) == before and len(list(tmp_path.iterdir())) > 5


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
    for save in (lambda path: live(expression(), path), step_through(expression()).save):
        with pytest.raises(error, match=says):
            save(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.html"]


def test_what_stands_there_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "page.HTM"
    path.write_text("what was there")
    with monkeypatch.context() as broken:
        broken.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("no room")))
        with pytest.raises(OSError, match="no room"):
            live(expression(), path)
    assert path.read_text() == "what was there" and len(list(tmp_path.iterdir())) == 1
    assert live(expression(), str(path)) == path
    assert "<!DOCTYPE html>" in path.read_text(encoding="utf-8")


def test_what_is_no_graph_to_play_with_is_refused() -> None:
    root = expression()
    a = next(node for node in root.operands if isinstance(node, Value))
    with pytest.raises(TypeError, match=r"live\(\) shows the graph under one Value, but got .*3.0"):
        live(3.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="mode is one of explore, step, predict, got 'play'"):
        live(root, mode="play")
    with pytest.raises(TypeError, match="trainable is a list of leaves of the graph, got"):
        live(root, trainable=a)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="trainable takes Values, got"):
        live(root, trainable=["a"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match=r"takes leaves of the graph: .* is computed"):
        live(root, trainable=[a])
    with pytest.raises(ValueError, match=r"takes leaves of the graph: .* is not part of this"):
        live(root, trainable=[Value(1.0)])
    leaf = Value(2.0, "x")
    stale = leaf * 3
    leaf.data = 5.0
    with pytest.raises(StaleGraphError, match="x"):
        live(stale)


def chain(length: int) -> Value:
    x = root = Value(0.5, "x")
    for _ in range(length - 1):
        root = -root
    assert x is not root
    return root


def test_twenty_thousand_nodes_are_taken_and_more_are_refused_with_advice() -> None:
    page = html(chain(20_000))
    assert len(data_of(page)["names"]) == 20_000 and len(page) < 3_000_000
    with pytest.raises(ValueError, match=r"20,001 Values.*at most 20,000; make a page of a part"):
        live(chain(20_001))


def test_a_page_shows_no_more_than_a_part_of_a_large_graph_at_first() -> None:
    data = data_of(html(network()))
    closed = set(range(len(data["groups"]))) - set(data["open"])
    assert len(data["names"]) == 509 and closed
    shown = [i for i, home in enumerate(data["home"]) if home in data["open"]]
    assert 0 < len(shown) <= 40


HOSTILE = (
    "</script><script>alert(1)</script>",
    "<!--",
    "<![CDATA[",
    '"><img src=x onerror=alert(2)>',
    "\"'`",
    "a\u2028b\nc\r\nd",
    "\\u003cb\\",
    "&lt;b&gt;&amp;",
    "\u05e9\u05dc\u05d5\u05dd",
    "\u202eright to left",
    "\u540d\u524d \U0001f9e0",
    "$root $data ${x} {x} %s",
    "\ud800 half",
    "\x00\x1b[31m",
    "__proto__",
    "constructor",
    "long " * 60,
    " ",
)


def hostile() -> Value:
    root = autograd.sum([Value(float(k), label) for k, label in enumerate(HOSTILE)])
    root.label = "</title><script>alert(3)</script>"
    return root


def test_labels_cannot_leave_their_place() -> None:
    page = html(hostile())
    elements = Elements(page).found
    assert page.count("<script") == page.count("</script>") == 3
    assert "<!--" not in page.replace("<!DOCTYPE", "") and "\u2028" not in page
    assert "img" not in {tag for tag, _ in elements}
    assert not any(name.startswith("on") for _, attributes in elements for name in attributes)
    names = data_of(page)["names"]
    assert len(set(names)) == len(HOSTILE) + 1


def test_without_graphviz_the_numbers_are_there_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent(*_: object) -> bytes:
        raise rendering.NotInstalledError("there is no program dot on the PATH")

    monkeypatch.setattr(rendering, "picture_bytes", absent)
    page = html(expression())
    assert "<p>no Graphviz found; for pictures: pip install" in page
    assert "<td>+6</td>" in page


def test_saving_a_pass_moves_nothing_and_opens_where_it_stands(tmp_path: Path) -> None:
    root = expression()
    stepper = step_through(root)
    for position in (0, 3):
        while stepper.position < position:
            stepper.next()
        path = stepper.save(str(tmp_path / "page.html"))
        assert isinstance(path, Path)
        data = data_of(path.read_text(encoding="utf-8"))
        assert (data["mode"], data["position"], data["edges"]) == ("step", position, 0)
        assert (stepper.position, root.grad) == (position, float(position > 0))
    stepper.step()
    data = data_of(stepper.save(tmp_path / "page.html").read_text(encoding="utf-8"))
    assert (data["position"], data["edges"]) == (3, 1)
    stepper.quit()


def test_an_operation_of_ones_own_is_computed_in_the_page_if_it_has_a_formula() -> None:
    cube = Op("cube", "x ** 3", "3 * x ** 2")
    opaque = Op("opaque", "opaque(x)", "1", by=lambda x: x)
    assert data_of(html(cube(Value(2.0, "x"))))["fixed"] == ""
    fixed = data_of(html(opaque(Value(2.0, "x"))))["fixed"]
    assert fixed.startswith("opaque is computed by a function of Python")


def test_a_page_that_shows_itself_says_what_it_is(tmp_path: Path) -> None:
    page = live(expression())
    assert isinstance(page, LivePage)
    assert re.fullmatch(r"<live page, \d+ kB: save\('page.html'\) writes it>", repr(page))
    assert page.save(tmp_path / "page.html").read_text(encoding="utf-8") == page.html


# The script ---------------------------------------------------------------------------------------


def sources() -> str:
    """All scripts of pages, which share one scope."""
    places = [("autograd.page", ".js"), ("autograd.drawing", "zoom.js")]
    files = [
        file.read_text(encoding="utf-8")
        for package, end in places
        for file in resources.files(package).iterdir()
        if file.name.endswith(end)
    ]
    return "\n".join([*files, JAVASCRIPT.program(OPS.values())])


def test_every_name_of_the_scripts_is_declared_once_and_used() -> None:
    text = sources()
    pattern = r"^(?:async )?(?:function|class|const|let) (\w+)"
    names = re.findall(pattern, text, flags=re.MULTILINE)
    assert len(names) > 100 and [name for name in names if names.count(name) > 1] == []
    words = Counter(re.findall(r"\w+", re.sub(r"//.*", "", text)))
    assert [name for name in names if words[name] == 1 and not re.match("op_|d[a-z]_", name)] == []


@needs("node")
def test_the_script_of_a_page_is_read_by_node(tmp_path: Path) -> None:
    file = tmp_path / "page.js"
    file.write_text(scripts_of(html(network()))[-1], encoding="utf-8")
    subprocess.run(["node", "--check", file], check=True)
