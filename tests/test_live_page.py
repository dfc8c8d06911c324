"""The live page in a browser: scripts, mouse, fingers and keys, and what must hold of how it looks.

What its engine computes is held against Python in test_live_engine.py; its modes have tests of
their own. Every test ends with an empty console and no request: see the fixture ``page``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from browser import GRAPHS, Page, axe, classes, expression, network, neuron
from live_looks import modes, problems
from make_notebook import NOTEBOOK
from nbconvert import HTMLExporter
from test_live import HOSTILE, chain, hostile

import autograd
from autograd import Op, Value, live

WINDOWS = ((1400, 900), (1280, 720), (390, 844))


@pytest.fixture(scope="module")
def made(driver: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The page of a graph; each is written once."""
    folder = tmp_path_factory.mktemp("live")

    def make(graph: Callable[[], Value], **options: Any) -> Path:
        path: Path = folder / f"{graph.__name__}{'-'.join(map(str, options.values()))}.html"
        if not path.exists():
            assert live(graph(), path, **options) == path
        return path

    return make


def numbers(page: Page) -> dict[str, tuple[float, float]]:
    """The data and the gradient of every node, by name."""
    found = page.run(
        "return stepgrad.nodes().map(n => [n, String(stepgrad.get(n).data),"
        " String(stepgrad.get(n).grad)])"
    )
    return {name: (float(data), float(grad)) for name, data, grad in found}


def right(a: float = 2.0, b: float = -3.0, c: float = 10.0, f: float = -2.0) -> dict[str, Any]:
    """L = (a * b + c) * f, by hand."""
    e, d = a * b, a * b + c
    return {
        "a": (a, b * f), "b": (b, a * f), "c": (c, f), "f": (f, d),
        "e": (e, f), "d": (d, f), "L": (d * f, 1.0),
    }  # fmt: skip


def card(name: str) -> str:
    return f"[aria-label^='{name} ']"


def shown(page: Page, name: str) -> tuple[str, str]:
    """What stands on a card: its data and its gradient."""
    return page.text(f"{card(name)} .data"), page.text(f"{card(name)} .grad")


# Scripts ----------------------------------------------------------------------------------------


def test_scripts_can_do_what_hands_can(page: Page, made: Callable[..., Path]) -> None:
    page.open(made(expression))
    assert page.run("return stepgrad.nodes().sort()") == sorted(right())
    assert numbers(page) == right()
    page.run("stepgrad.set('a', 0.5); stepgrad.set('c', -4)")
    assert numbers(page) == right(a=0.5, c=-4.0)
    page.paint()
    assert shown(page, "a") == ("0.5", "+6") and shown(page, "L") == ("11", "+1")
    headline = page.text("#formula")
    assert headline == "L = (a * b + c) * f = (0.5 * (-3) + (-4)) * (-2) = 11"
    page.run("stepgrad.set('a', Infinity); stepgrad.set('b', -0)")
    assert {str(x) for pair in numbers(page).values() for x in pair} >= {"nan", "inf"}
    page.run("stepgrad.reset()")
    assert numbers(page) == right()
    page.run("stepgrad.mode('step')")
    assert page.run("return document.body.dataset.mode") == "step"


def test_scripts_are_told_what_is_wrong(page: Page, made: Callable[..., Path]) -> None:
    page.open(made(expression))
    wrong = {
        "get('g')": "there is no node g in this graph; nodes() lists their names",
        "set('e', 1)": "e is computed: only leaves can be set",
        "set('a', '1')": "expected a number, got string",
        "mode('play')": "modes are explore, ",
        "mode('toString')": "modes are explore, ",
    }
    for call, says in wrong.items():
        script = f"try {{ stepgrad.{call}; return '' }} catch (error) {{ return error.message }}"
        assert page.run(script).startswith(says), call
    assert numbers(page) == right()


# Hands ------------------------------------------------------------------------------------------


def test_a_leaf_is_dragged_by_mouse(page: Page, made: Callable[..., Path]) -> None:
    page.open(made(expression))
    page.drag(card("a"), 50)
    assert numbers(page) == right(a=2.5)
    assert shown(page, "a") == ("2.5", "+6") and "dL" in page.text("#gradient")
    page.drag(card("e"), 50)
    assert numbers(page) == right(a=2.5)
    page.click("#reset")
    assert numbers(page) == right()


def test_dragging_a_leaf_does_not_move_the_ground(page: Page, made: Callable[..., Path]) -> None:
    page.open(made(neuron), height=560)
    page.run("document.querySelector(arguments[0]).scrollIntoView({block: 'center'})", card("d"))
    where = "const s = document.getElementById('scroll'); return [s.scrollLeft, s.scrollTop]"
    before = page.run(where)
    assert before[1] > 0
    page.drag(card("d"), 40, 25)
    assert page.run(where) == before and page.run("return stepgrad.get('d').data") == 1.4
    assert page.focused == page.find(card("d")).get_attribute("id")
    page.drag(card("y"), 0, 40)
    assert page.run(where) != before


def test_a_leaf_is_dragged_by_finger(page: Page, made: Callable[..., Path]) -> None:
    page.open(made(expression), width=390, height=844)
    page.swipe(card("f"), -50, 3)
    assert numbers(page) == right(f=-2.5) and page.run("return scrollY") == 0
    page.swipe(card("f"), 3, -70)
    assert numbers(page) == right(f=-2.5)
    page.until(lambda: page.run("return scrollY") > 20)


def test_what_is_typed_is_read_or_refused(page: Page, made: Callable[..., Path]) -> None:
    page.open(made(expression))
    page.run("document.querySelector(arguments[0]).focus()", card("a"))
    page.press("ENTER", "1", "/", "3", "ENTER")
    assert numbers(page) == right(a=1 / 3) and page.focused == "node-1"
    for text, says in [
        ("1e400", "That is no finite number; write inf or nan if you mean it."),
        ("abc", "Expected a number such as 0.5, 1/3 or -2 * 3, got abc."),
        ("", "Expected a number such as 0.5, 1/3 or -2 * 3, got nothing."),
        ("<b>1", "Expected a number such as 0.5, 1/3 or -2 * 3, got <b>1."),
    ]:
        page.press("ENTER")
        page.press(*text or ["BACKSPACE"], "ENTER")
        assert page.text(".typing .problem") == says
        page.press("ESCAPE")
        assert numbers(page) == right(a=1 / 3) and page.focused == "node-1"
    page.press("-", "2", "*", "b", "ENTER")
    assert numbers(page) == right(a=6.0)
    page.press("ENTER", "n", "a", "n", "ENTER")
    assert math.isnan(numbers(page)["L"][0]) and shown(page, "a") == ("nan", "+6")


def test_arrow_keys_move_a_leaf_finer_and_further(page: Page, made: Callable[..., Path]) -> None:
    page.open(made(expression))
    page.run("document.querySelector(arguments[0]).focus()", card("a"))
    a = 2.0
    for key, held, by in [
        ("ARROW_RIGHT", {}, 0.1),
        ("ARROW_UP", {"shift": True}, 1.0),
        ("ARROW_LEFT", {"alt": True}, -0.01),
        ("ARROW_DOWN", {}, -0.1),
        ("PAGE_UP", {}, 1.0),
    ]:
        page.press(key, **held)
        a = round(a + by, 12)
        assert numbers(page) == right(a=a), key
        assert page.focused == "node-1"
    assert page.text("#spoken") == f"a = {a:g}, L = {right(a=a)['L'][0]:g}"


def test_every_card_and_button_is_reached_by_the_keyboard(
    page: Page, made: Callable[..., Path]
) -> None:
    page.open(made(neuron))
    reached: list[str] = []
    for _ in range(60):
        page.press("TAB")
        named = page.run(
            "const e = document.activeElement;"
            "return e === document.body ? '' : e.getAttribute('aria-label') || e.textContent"
        )
        if named in reached[:1]:
            break
        reached.append(named)
        seen = page.run(
            "const b = document.activeElement.getBoundingClientRect();"
            "return b.top >= -1 && b.bottom <= innerHeight + 1"
        )
        assert seen, named
    names = page.run("return stepgrad.nodes()")
    assert all(any(label.startswith(f"{name} ") for label in reached) for name in names)
    assert {"Explore", "Reset", "fit", "Zoom in", "Zoom out"} <= set(reached)


def test_the_picture_is_zoomed_by_keys_and_buttons(page: Page, made: Callable[..., Path]) -> None:
    page.open(made(expression))
    width = "return document.getElementById('picture').getBoundingClientRect().width"
    fitted = page.run(width)
    page.press("+")
    assert page.run(width) == pytest.approx(1.25 * fitted)
    page.press("-")
    page.press("-")
    assert page.run(width) < fitted
    page.press("0")
    assert page.run(width) == pytest.approx(fitted)
    page.click("[data-zoom=in]")
    page.click("[data-zoom=fit]")
    assert page.run(width) == pytest.approx(fitted)


def test_groups_open_and_close_and_keep_the_focus(page: Page, made: Callable[..., Path]) -> None:
    page.open(made(network))
    cards = "return document.querySelectorAll('#picture .card').length"
    before, numbers_before = page.run(cards), page.run("return stepgrad.nodes().length")
    group = page.run("return document.querySelector('.card.closed').dataset.group")
    page.run("document.querySelector('.card.closed').focus()")
    page.press("ENTER")
    assert page.run(cards) > before and page.run("return document.activeElement !== document.body")
    page.run("document.querySelector(arguments[0]).click()", f"#groups [data-group='{group}']")
    page.paint()
    assert page.run(cards) == before
    assert page.run("return document.activeElement.dataset.group") == group
    assert page.run("return stepgrad.nodes().length") == numbers_before == 509


# Hostile, sparse and large graphs -----------------------------------------------------------------


def test_labels_are_text_wherever_they_stand(page: Page, tmp_path: Path) -> None:
    path = live(hostile(), tmp_path / "hostile.html")
    assert isinstance(path, Path)
    for width in (1280, 390):
        page.open(path, width=width)
        names = page.run("return stepgrad.nodes()")
        assert len(names) == len(set(names)) == len(HOSTILE) + 1
        page.run("for (const n of stepgrad.nodes().slice(0, -1)) stepgrad.set(n, 2)")
        assert page.run("return stepgrad.get(stepgrad.nodes().at(-1)).data") == 2.0 * len(HOSTILE)
        for mode in modes(page):
            page.run("stepgrad.mode(arguments[0])", mode)
            page.paint()
            kinds = "return document.querySelectorAll('img, b').length"
            assert page.run(kinds) == 0
            wide = "return document.documentElement.scrollWidth - innerWidth"
            assert page.run(wide) <= 0, (width, mode)
        assert page.driver.title.startswith('"</title><script>')


def alone() -> Value:
    return Value(3.0, "x")


def infinite() -> Value:
    x, w = Value(0.0, "x"), Value(-2.0, "w")
    root = autograd.log(x) * 0.0 + autograd.sqrt(w) + w * 3
    root.label = "y"
    return root


def fixed() -> Value:
    opaque = Op("opaque", "opaque(x)", "2 * x", by=lambda x: x * x)
    root = opaque(Value(3.0, "x") * 2.0) + 1.0
    root.label = "y"
    return root


def deep() -> Value:
    return chain(20_000)


def test_graphs_at_the_ends_have_pages(page: Page, made: Callable[..., Path]) -> None:
    page.open(made(alone))
    assert numbers(page) == {"x": (3.0, 1.0)} and page.text("#formula") == "x = 3"
    page.run("stepgrad.set('x', 5)")
    assert numbers(page) == {"x": (5.0, 1.0)}
    page.open(made(infinite))
    found = numbers(page)
    assert math.isnan(found["y"][0]) and math.isnan(found["x"][1]) and math.isnan(found["w"][1])
    assert shown(page, "y")[0] == "nan" and page.text("#formula").endswith(" = nan")
    for mode in modes(page):
        page.run("stepgrad.mode(arguments[0])", mode)
        page.paint()
        assert not [w for w in problems(page, 1280) if "overlap" in w]


def test_what_javascript_cannot_compute_is_shown_and_cannot_be_moved(
    page: Page, made: Callable[..., Path]
) -> None:
    page.open(made(fixed))
    assert numbers(page)["y"] == (37.0, 1.0) and numbers(page)["x"] == (3.0, 24.0)
    page.drag(card("x"), 50)
    page.run("document.querySelector(arguments[0]).focus()", card("x"))
    page.press("ARROW_RIGHT")
    page.press("5")
    assert numbers(page)["x"] == (3.0, 24.0)
    refused = "try { stepgrad.set('x', 1) } catch (error) { return error.message }"
    assert "opaque is computed by a function of Python" in page.run(refused)


def test_a_page_of_twenty_thousand_nodes_moves(page: Page, made: Callable[..., Path]) -> None:
    page.open(made(deep))
    assert page.run("return stepgrad.nodes().length") == 20_000
    page.run("stepgrad.set('x', 0.25)")
    page.paint()
    name = page.run("return stepgrad.nodes().at(-1)")
    assert numbers(page)["x"] == (0.25, -1.0)
    assert page.run("return stepgrad.get(arguments[0])", name) == {"data": -0.25, "grad": 1}
    page.run("stepgrad.reset()")
    assert page.run("return stepgrad.get(arguments[0]).data", name) == -0.5


# What the page may do, and what is left without this or that --------------------------------------


def test_the_policy_is_strict_and_in_force(page: Page, made: Callable[..., Path]) -> None:
    page.open(made(expression))
    page.run(
        "window.violations = [];"
        "document.addEventListener('securitypolicyviolation', e => violations.push("
        "  e.effectiveDirective));"
        "const add = (name, about) => document.body.append(Object.assign("
        "  document.createElement(name), about));"
        "add('script', {textContent: 'window.intruder = 1'});"
        "add('img', {src: 'https://example.org/x.png'});"
        "add('style', {textContent: 'body { color: red }'});"
        "document.body.setAttribute('onclick', 'window.intruder = 2')"
    )
    page.until(lambda: len(page.run("return violations")) >= 3)
    assert set(page.run("return violations")) >= {"script-src-elem", "img-src", "style-src-elem"}
    assert page.run("return window.intruder ?? 0") == 0
    page.driver.get_log("browser")  # which tells of all that
    page.open(made(expression))


def test_without_script_the_formula_the_picture_and_a_table_remain(
    page: Page, made: Callable[..., Path]
) -> None:
    try:
        page.open(made(expression), script=False)
        text = page.find("body").text
        assert "L = (a * b + c) * f = -8" in " ".join(text.split())
        assert "Without JavaScript nothing moves here" in text
        picture = page.find("noscript svg, .still svg")
        assert picture.is_displayed() and picture.size["width"] > 100
        rows = [row.text.split() for row in page.driver.find_elements("css selector", "tbody tr")]
        assert ["a", "+2", "+6"] in rows and ["e", "a", "*", "b", "-6", "-2"] in rows
        assert not page.find("#modes").is_displayed() or not page.find("#modes").text
    finally:
        page.command("Emulation.setScriptExecutionDisabled", {"value": False})
    page.open(made(expression))


def test_on_paper_are_the_formula_the_graph_and_what_is_said(
    page: Page, made: Callable[..., Path]
) -> None:
    page.open(made(neuron))
    page.command("Emulation.setEmulatedMedia", {"media": "print"})
    for selector in ("#modes", "#tools", ".zoom"):
        assert not page.find(selector).is_displayed(), selector
    for selector in ("#formula", "#gradient", card("div"), card("w1")):
        assert page.find(selector).is_displayed(), selector
    scroll = "const s = document.getElementById('scroll'); return [s.scrollHeight - s.clientHeight,"
    assert page.run(f"{scroll} getComputedStyle(document.querySelector('main')).display]") == [
        0, "block"
    ]  # fmt: skip


def test_nothing_moves_where_motion_is_unwanted(page: Page, made: Callable[..., Path]) -> None:
    page.open(made(neuron), height=560, reduced_motion="reduce")
    for mode in modes(page):
        page.run("stepgrad.mode(arguments[0])", mode)
        page.press("ARROW_RIGHT")
        assert page.run("return document.getAnimations().length") == 0, mode


@pytest.mark.parametrize("font", ["serif", "DejaVu Sans"])
def test_other_fonts_do_not_break_it(page: Page, made: Callable[..., Path], font: str) -> None:
    """Where those that the page asks for are missing, others come."""
    page.open(made(neuron))
    for variable in ("--mono", "--sans"):
        page.run("document.documentElement.style.setProperty(...arguments)", variable, font)
    assert [w for w in problems(page, 1280) if "contrast" not in w] == []


# Looks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", GRAPHS.values(), ids=GRAPHS)
def test_it_looks_well_on_every_window(
    make: Callable[[], Value], page: Page, made: Callable[..., Path]
) -> None:
    """All of them in all modes: ``live_looks.py``."""
    place = list(GRAPHS).index(make.__name__)
    for k, (width, height) in enumerate([WINDOWS[place % 2], WINDOWS[2]]):
        scheme = ("dark", "light")[(k + place // 2) % 2]
        page.open(made(make), width=width, height=height, color_scheme=scheme)
        assert list(problems(page, width)) == [], (width, scheme)


@pytest.mark.parametrize(
    ("make", "width", "scheme"),
    [(classes, 390, "light"), (neuron, 1280, "dark")],
)
def test_axe_finds_nothing(
    make: Callable[[], Value], width: int, scheme: str, page: Page, made: Callable[..., Path]
) -> None:
    script = axe()
    page.open(made(make), width=width, height=844, color_scheme=scheme)
    for mode in modes(page):
        page.run("stepgrad.mode(arguments[0])", mode)
        page.paint()
        assert page.check_axe(script) == [], mode


SPOILT = [
    (
        "document.querySelector('.card.root').style.transform = 'translate(-500px)'",
        "not seen whole",
    ),
    ("document.querySelector('#formula').style.fontSize = '9px'", "9.0 px"),
    ("document.querySelector('.card .data').setAttribute('x', 20)", "overlap"),
    ("document.querySelector('h1').style.color = '#999'", "contrast 2."),
    ("document.querySelector('.card .grad').style.fill = '#bbb'", "contrast 1."),
    ("document.querySelector('.way .line').style.stroke = '#bbb'", "line 1."),
    (
        "Object.assign(document.querySelector('#reset').style,"
        " {minHeight: '20px', height: '20px', alignSelf: 'start'})",
        "target ",
    ),
    ("document.querySelector('h1').style.minWidth = '999px'", "the page is "),
]


def test_what_is_wrong_with_a_look_is_found(page: Page, made: Callable[..., Path]) -> None:
    for spoil, says in SPOILT:
        page.open(made(expression), width=390, height=844)
        page.run(spoil)
        assert any(says in wrong for wrong in problems(page, 390)), says
    page.open(made(expression))
    page.run("document.querySelector('#reset').setAttribute('aria-label', 'Nothing of that')")
    assert any("label-content" in wrong for wrong in page.check_axe(axe()))


# In a notebook ----------------------------------------------------------------------------------


def test_the_lecture_exported_to_html_is_alive(page: Page, tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    alive = [cell for cell in notebook.cells if "<iframe" in str(cell.get("outputs"))]
    assert len(alive) == 8
    notebook.cells = [alive[0], alive[-1]]  # of a graph and of a model; all of them take seconds
    exporter = HTMLExporter(template_name="basic")  # without what is loaded from elsewhere
    body, _ = exporter.from_notebook_node(notebook)
    (tmp_path / "lecture.html").write_text(body)
    page.open(tmp_path / "lecture.html")
    frames = page.driver.find_elements("css selector", "iframe")
    nodes = []
    for frame in frames:
        page.driver.switch_to.frame(frame)
        try:
            nodes.append(len(page.run("return stepgrad.nodes()")))
            assert page.run("return innerHeight") >= 720
        finally:
            page.driver.switch_to.default_content()
    assert nodes[0] == 4 and nodes[1] > 40 and len(nodes) == 2
    pictures = page.run("return [...document.images].map(image => image.naturalWidth > 200)")
    assert pictures == [True, True]  # under the frames
