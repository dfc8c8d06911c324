"""Tests of what is tried on a page: a nudge, steps of a descent, and the map of two leaves.

Right numbers come from functions of floats and from ``gradient_descent``; what is said is tried
where it would be false as well.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browser import Page, expression, network, neuron

import autograd
from autograd import Value, gradient_descent
from autograd.page.still import Still
from autograd.stepping.nudge import SERIES, Experiment
from autograd.stepping.recording import Recording

Function = Callable[..., Any]
Show = Callable[..., Page]
DESKTOP = (1400, 900)


@pytest.fixture
def show(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Show:
    """Opens the page of a graph, or of a function of leaves that all move, with the root L."""
    # Nobody looks at what is there without JavaScript, and Graphviz takes its time.
    monkeypatch.setattr("autograd.page.page.still_of", lambda moment: Still(None, ""))

    def open_(f: Value | Function, window: tuple[int, int] = DESKTOP, **at: float) -> Page:
        root, moving = f, None
        if not isinstance(root, Value):
            moving = [Value(x, name) for name, x in at.items()]
            root = f(*moving)
            root.label = "L"
        path = autograd.live(root, tmp_path / "page.html", trainable=moving)
        assert isinstance(path, Path)
        return page.open(path, width=window[0], height=window[1])

    return open_


def bowl(x1: Any, x2: Any) -> Any:
    """The lecture's own, with its minimum at (-4/7, -1/7)."""
    return x1**2 + x1 * (1 - x2) + 2 * x2**2


# Nudge --------------------------------------------------------------------------------------------


def nudge(page: Page, by: float) -> str:
    """Set a move, of those that the slider has; and what is said of it."""
    page.run(
        "NUDGE.place = MOVES.indexOf(Math.abs(arguments[0])); NUDGE.sign = Math.sign(arguments[0]);"
        "app.paint()",
        by,
    )
    return page.text("#nudge .told")


def numbers(text: str) -> list[float]:
    return [float(x) for x in re.findall(r"(?<![\w.])-?\d+\.?\d*(?:e-?\d+)?", text)]


def test_a_nudge_gives_what_the_function_gives(show: Show) -> None:
    page = show(neuron())

    def div(w1: float) -> float:
        return 0.5 * (math.tanh(w1 * 2 + 1 * 0.5 + 6.88) - 1) ** 2

    y = math.tanh(1.38)
    for by in (3.0, 0.5, -1.0, 0.01, -1e-4):
        told, right = nudge(page, by), div(-3 + by) - div(-3.0)
        promised, measured, off = numbers(told.partition("should give")[2])
        assert promised == pytest.approx((y - 1) * (1 - y * y) * 2 * by, rel=1e-4)
        assert measured == pytest.approx(right, rel=1e-4)
        assert off == pytest.approx(abs(right - promised), rel=0.06, abs=1e-4 * abs(right))
    cells = page.run("return [...document.querySelectorAll('#nudge td')].map(c => c.textContent)")
    assert [float(cells[k]) for k in range(0, 12, 3)] == pytest.approx(
        [div(-3 - d) - div(-3.0) for d in (1, 0.1, 0.01, 0.001)], rel=1e-4
    )


def test_an_inner_node_is_nudged_as_well(show: Show) -> None:
    page = show(neuron())
    page.run("app.choose(app.place('y'))")
    assert numbers(nudge(page, 0.1))[-2] == pytest.approx(
        0.5 * (math.tanh(1.38) + 0.1 - 1) ** 2 - 0.5 * (math.tanh(1.38) - 1) ** 2, rel=1e-4
    )


KINDS: dict[str, tuple[Function, float]] = {
    "linear": (lambda w: w * 3 + 1, 0.7),
    "bends": (lambda w: autograd.tanh(w) * w, 0.4),
    "kink": (lambda w: autograd.relu(w) * 2 + w, 0.0),
    "smooth with kinks": (lambda w: autograd.relu(w) ** 2 + w * abs(w), 0.0),
    "cancelled": (lambda w: autograd.relu(w) - autograd.relu(-w), 0.0),
    "jump": (lambda w: autograd.floor(w) + w, 2.0),
    "stopped": (lambda w: autograd.stop_gradient(w) + w * w, 1.5),
    "independent": (lambda w: w * 0 + 1, 1.0),
    "large": (lambda w: w * w, 1e17),
    "outside": (lambda w: autograd.sqrt(w), 0.25),
    "no slope": (lambda w: autograd.sqrt(w), 0.0),
    "not finite": (lambda w: w * 2, math.nan),
    "many operands": (lambda w: autograd.logsumexp([w, w * 2]) + autograd.maximum(w, 0.3), 0.3),
}


def test_the_page_says_of_a_nudge_what_the_prompt_says(show: Show) -> None:
    """And neither says what is false: see the tests of ``autograd.stepping.nudge``."""
    seen, moves, series = set(), (0.5, -0.5, 1e-3, 1e-9), as_said(SERIES[0].says.format(root="L"))
    for kind, (f, at) in KINDS.items():
        w = Value(at, "w")
        root = f(w)
        root.label = "L"
        python = Experiment(Recording(root), w)
        on_page = show(root).run(
            "return arguments[0].map(by => { NUDGE.place = MOVES.indexOf(Math.abs(by));"
            " NUDGE.sign = Math.sign(by); app.paint();"
            " return document.querySelector('#nudge .verdict').textContent.trim() })",
            moves,
        )
        for by, said in zip(moves, on_page):
            expected = python.move(by)
            row = expected.verdict
            if said == series:
                assert row is None or not row.of_all, (kind, by)
                seen.add("series")
            else:
                assert said == as_said(expected.sentence), (kind, by)
                seen.add("" if row is None else row.name)
    assert {"linear", "kink", "cancelled", "jump", "stopped", "independent", "series"} <= seen
    assert {"outside", "no slope", "not finite", "too small"} <= seen


def as_said(sentence: str) -> str:
    """As a page writes it: a capital letter unless it begins with a name, and short exponents."""
    if not re.match(r"(L|w|dL/dw)\b", sentence):
        sentence = sentence[:1].upper() + sentence[1:]
    return re.sub(r"e([+-])0*(\d)", lambda m: f"e{m[1].strip('+')}{m[2]}", f"{sentence}.")


def straightness(page: Page) -> float:
    """How far the curve is from its tangent, in pixels, at most in the inner half of the window."""
    points, ((left, start), (right, end)) = (
        [
            tuple(map(float, point.split(",")))
            for point in re.findall(
                r"[\d.]+,-?[\d.]+",
                page.run(f"return document.querySelector('#nudge .{kind}').getAttribute('d')"),
            )
        ]
        for kind in ("curve", "tangent")
    )
    along = [(x, start + (end - start) * (x - left) / (right - left), y) for x, y in points]
    return max(abs(y - on_tangent) for x, on_tangent, y in along if 85 <= x <= 255)


def test_a_shorter_move_zooms_in_until_the_curve_is_straight_but_not_at_a_kink(show: Show) -> None:
    page = show(lambda w: autograd.tanh(w), w=0.8)
    found = []
    for by in (3.0, 0.5, 0.1, 1e-3, 1e-6):
        nudge(page, by)
        found.append(straightness(page))
    assert found[0] > 10 and found == sorted(found, reverse=True) and found[-2] < 0.2
    page = show(lambda w: autograd.relu(w), w=0.0)
    for by in (1.0, 1e-3, 1e-9):
        nudge(page, by)
        assert straightness(page) > 20


def test_the_slider_and_the_sign_are_used_by_keys(show: Show) -> None:
    page = show(lambda w: w * w, w=3.0)
    page.run("document.getElementById('nudge-by').focus()")
    assert page.run("return document.activeElement.getAttribute('aria-valuetext')") == "Δw = 0.5"
    page.press("ARROW_LEFT")
    assert page.run("return document.activeElement.getAttribute('aria-valuetext')") == "Δw = 0.3"
    page.press("HOME")
    assert page.text("#nudge .told").startswith("Δw = 1e-9 should give \u03b1·Δw = 6e-9")
    page.press("END", "TAB", "ENTER")
    assert page.text("#nudge .told").startswith(
        "Δw = -3 should give \u03b1·Δw = -18; it gives ΔL = -9"
    )
    assert page.focused == "nudge-sign"


def test_nothing_is_nudged_where_nothing_can_be_moved(show: Show) -> None:
    page = show(expression())
    page.run("app.choose(app.graph.root); app.paint()")
    assert page.run("return document.getElementById('nudge').hidden")


# Descent ------------------------------------------------------------------------------------------


def descend(page: Page, eta: float, steps: int) -> list[float]:
    found: list[float] = page.run("return stepgrad.descend(arguments[0], arguments[1])", eta, steps)
    page.paint()
    return found


@pytest.mark.parametrize(
    ("f", "at", "eta"),
    [
        (bowl, {"x1": 1.5, "x2": -1.2}, 0.1),
        (bowl, {"x1": 1.5, "x2": -1.2}, 0.4),
        (lambda w, b: (autograd.tanh(w * 2 + b) - 0.3) ** 2, {"w": -3.0, "b": 5.0}, 0.5),
        (lambda a, b: autograd.logsumexp([a, b * 2, 1]) - a * b, {"a": 1.0, "b": -1.0}, 0.01),
        (lambda x: x**4, {"x": 3.0}, 1.0),
    ],
)
def test_descend_gives_what_gradient_descent_gives(
    show: Show, f: Function, at: dict[str, float], eta: float
) -> None:
    page = show(f, **at)
    run = gradient_descent(
        lambda x: f(*x), list(at.values()), step=eta, eps1=0.0, eps2=0.0, max_steps=50
    )
    losses = descend(page, eta, 50)
    finite = [x for x in run.values if math.isfinite(x)]
    assert losses[: len(finite)] == pytest.approx(finite, rel=1e-12)
    assert len(losses) >= min(51, len(finite))
    if len(finite) == 51:
        held = [page.run("return stepgrad.get(arguments[0]).data", name) for name in at]
        assert held == pytest.approx(run.path[-1], rel=1e-12)


def test_leaves_without_a_dot_stay(show: Show) -> None:
    page = show(neuron())
    descend(page, 0.5, 20)
    names = ("x1", "x2", "d", "w1", "w2", "b")
    held = {name: page.run("return stepgrad.get(arguments[0]).data", name) for name in names}
    assert (held["x1"], held["x2"], held["d"]) == (2, 0.5, 1)
    assert all(held[name] != before for name, before in [("w1", -3), ("w2", 1), ("b", 6.88)])
    assert page.text(".moving") == "● w1, w2 and b move."
    page.run("stepgrad.reset()")
    page.run("document.getElementById('node-' + app.place('b')).focus()")
    page.press("m")
    descend(page, 0.5, 1)
    assert page.run("return stepgrad.get('b').data") == 6.88
    assert page.text(".moving") == "● w1 and w2 move."


def test_no_leaf_moves(show: Show) -> None:
    page = show(lambda w: w * w, w=1.0)
    page.run("app.toggleMoving(app.place('w')); app.paint()")
    assert page.text(".moving").startswith("No leaf moves")
    assert page.run("return document.getElementById('step-1').disabled")
    assert "no leaf moves" in refusal(page, "0.1, 1")


def refusal(page: Page, arguments: str) -> str:
    script = f"try {{ stepgrad.descend({arguments}); return '' }} catch (e) {{ return e.message }}"
    return str(page.run(script))


def test_a_bad_step_size_or_count_is_refused(show: Show) -> None:
    page = show(lambda w: w * w, w=1.0)
    for arguments in ("0, 1", "-1, 1", "NaN, 1", "Infinity, 1", "'a', 1"):
        assert "eta is a finite number above 0, got " in refusal(page, arguments)
    for arguments in ("1, -1", "1, 1.5", "1", "1, '3'"):
        assert "steps is a whole number from 0 on, got " in refusal(page, arguments)
    assert page.run("return stepgrad.get('w').data") == 1


def told(page: Page) -> str:
    return page.text("#descent .told")


def step(page: Page, eta: float) -> str:
    page.run("descent.eta = arguments[0]; app.paint()", eta)
    page.click("#step-1")
    return told(page)


def test_a_step_is_compared_with_its_promise(show: Show) -> None:
    page = show(bowl, x1=1.5, x2=-1.2)
    g = (2 * 1.5 + 1 + 1.2, -1.5 - 4 * 1.2)
    promised = -0.4 * (g[0] ** 2 + g[1] ** 2)
    got = bowl(1.5 - 0.4 * g[0], -1.2 - 0.4 * g[1]) - bowl(1.5, -1.2)
    found = numbers(step(page, 0.4))
    assert found[:2] == pytest.approx([promised, got], rel=5e-3)
    assert found[2] == pytest.approx(100 * got / promised, rel=0.05)


@pytest.mark.parametrize(
    ("f", "x", "eta", "sentence"),
    [
        (lambda x: x * x, 1.0, 1e-3, "within 1 %"),
        (lambda x: x * x, 1.0, 0.8, "overshot"),
        (lambda x: x * x, 1.0, 0.3, "a tenth of the step"),
        (lambda x: x * x, 1.0, 2.0, "η = 0.8 would have gone down"),
        (lambda x: -x * x, 1.0, 0.3, "more than was promised"),
        # No shorter step goes down: the gradient tells of a part alone.
        (lambda x: x - 3 * autograd.stop_gradient(x), 1.0, 0.3, "though the gradient promised"),
        (lambda x: x * 1e-9 + 1e8, 1.0, 1e-2, "last digits"),
    ],
)
def test_what_follows_from_a_step(
    show: Show, f: Function, x: float, eta: float, sentence: str
) -> None:
    """Each of these alone: the others would be false."""
    said = step(show(f, x=x), eta)
    assert sentence in said
    others = ("within 1 %", "overshot", "a tenth", "more than", "though the", "last digits")
    assert [other for other in others if other in said and other not in sentence] == []
    assert ("too long" in said) == ("would have gone down" in said)


def test_it_stops_with_a_sentence(show: Show) -> None:
    page = show(lambda x: x * x, x=3.0)
    page.run("descent.eta = 1.5; descent.run()")  # each step doubles x and turns it round
    page.until(lambda: not page.run("return descent.isRunning"))
    page.paint()
    assert "It runs away: L went from 9 to 3.9582e13 in 21 steps." in told(page)  # 9 * 4 ** 21
    page.run("stepgrad.reset()")
    page.paint()
    assert told(page).startswith("A step is x") and page.run("return stepgrad.get('x').data") == 3
    page.run("descent.eta = 0.3; descent.run()")
    page.until(lambda: not page.run("return descent.isRunning"))
    page.paint()
    assert "The gradient has shrunk to" in told(page) and "runs away" not in told(page)
    # Once it is on its way it may rise to a large number from a larger one.
    page = show(lambda x: x * x, x=1e9)
    descend(page, 1.5, 3)
    assert "runs away" not in told(page) and "no lowest" not in told(page)


@pytest.mark.parametrize(
    ("f", "x", "eta", "sentence"),
    [
        (lambda x: x * x, 0.0, 0.1, "The gradient is 0 to the last digit: no step leads anywhere."),
        (
            lambda x: 1 - x * x,
            0.0,
            0.1,
            "The gradient is 0 to the last digit: no step leads anywhere.",
        ),
        (lambda x: x + 1e-3, 1e20, 1.0, "too short to move a number"),
        (lambda x: x * 1e13, 5.0, 1.0, "it may have no lowest point"),
        (lambda x: autograd.log(x), 0.5, 1.0, "L is nan after 1 step."),
        (lambda x: autograd.sqrt(x), 0.0, 1.0, "dL/dx is inf: it shows no way down."),
        (lambda x: x * 1e200, 1.0, 1e200, "beyond the largest float"),
    ],
)
def test_why_there_is_no_next_step(
    show: Show, f: Function, x: float, eta: float, sentence: str
) -> None:
    page = show(f, x=x)
    said = step(page, eta)
    assert sentence in said and "runs away" not in said
    # That is no minimum for certain, and nobody says so.
    assert "minimum" not in said or "maximum or a saddle" in said


def test_run_stops_by_hand_by_another_mode_and_in_the_background(show: Show) -> None:
    page = show(network())
    running = "return descent.isRunning"
    page.click("#run")
    assert page.run(running) and page.text("#run") == "Stop"
    page.until(lambda: int(page.run("return descent.losses.length")) > 2)
    page.click("#run")
    assert not page.run(running) and page.text("#run") == "Run"
    page.click("#run")
    page.run("stepgrad.mode('step')")
    assert not page.run(running)
    page.run("stepgrad.mode('explore')")
    page.paint()
    page.click("#run")
    page.run(
        "Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange')); delete document.hidden"
    )
    assert not page.run(running)
    page.click("#run")
    page.run("app.set(app.pass.trainable[0], 0.25)")
    assert not page.run(running) and page.run("return descent.losses.length") == 1


def test_a_step_size_is_typed(show: Show) -> None:
    page = show(lambda x: x * x, x=1.0)
    cases = {"1/4": 0.25, "abc": 0.25, "-1": 0.25, "0": 0.25, "1e400": 0.25, "0.02": 0.02}
    for typed, eta in cases.items():
        page.run("document.getElementById('eta-typed').select()")
        page.press(*typed, "ENTER")
        assert page.run("return descent.eta") == eta
        assert page.run("return document.querySelector('#descent .problem').hidden") == (
            typed in ("1/4", "0.02")
        )
    page.press("SHIFT")
    page.run("document.getElementById('eta').focus()")
    page.press("ARROW_RIGHT")
    assert page.run("return descent.eta") == 0.03


def test_steps_stand_below_the_graph_if_there_is_room_for_both(show: Show) -> None:
    where = "return document.getElementById('descent').parentElement.id"
    assert show(expression()).run(where) == "strip"
    assert show(expression(), (1280, 720)).run(where) == "side"
    assert show(expression(), (390, 844)).run(where) == "strip"
    page = show(neuron())
    if page.run(where) == "strip":
        assert page.run("return view.scale") >= 0.84


# The map ------------------------------------------------------------------------------------------


def whole(page: Page) -> Page:
    page.until(lambda: page.run("return MAP_PANEL.terrain.stride") == 1)
    page.paint()
    return page


def test_the_map_has_the_numbers_of_the_function(show: Show) -> None:
    page = whole(show(bowl, x1=1.5, x2=-1.2))
    assert page.text("#map h2") == "L over x1 (right) and x2 (up)"
    x, y, half = page.run("const w = MAP_PANEL.terrain.window; return [w.x, w.y, w.half]")
    for i, j in [(0, 0), (64, 0), (10, 50), (33, 7)]:
        x1, x2 = x + half * (2 * i / 64 - 1), y + half * (2 * j / 64 - 1)
        assert page.run("return MAP_PANEL.terrain.at(arguments[0], arguments[1])", i, j) == (
            pytest.approx(bowl(x1, x2), rel=1e-12, abs=1e-12)
        )
    for level in page.run("return MAP_PANEL.terrain.levels"):
        pieces = page.run("return MAP_PANEL.terrain.curve(arguments[0])", level)
        for u, v in [end for piece in pieces for end in piece][::97]:
            at = bowl(x + half * (2 * u - 1), y + half * (2 * v - 1))
            assert at == pytest.approx(level, abs=0.02)


def test_the_arrow_is_at_right_angles_to_the_level_curve(show: Show) -> None:
    page = whole(show(bowl, x1=1.5, x2=-1.2))
    down = page.run("return MAP_PANEL._downhill(app.graph)")
    assert down[0] / down[1] == pytest.approx(-5.2 / 6.3, rel=1e-9)
    at = [(1.5 / 2 + 1) / 2, (-1.2 / 2 + 1) / 2]
    pieces = page.run("return MAP_PANEL.terrain.curve(app.graph.data[app.graph.root])")
    near = min(pieces, key=lambda piece: math.dist(piece[0], at))
    along = [b - a for a, b in zip(*near)]
    cosine = (along[0] * down[0] + along[1] * down[1]) / math.hypot(*along) / math.hypot(*down)
    assert abs(cosine) < 0.05 and math.dist(near[0], at) < 0.03
    assert "at right angles" in page.text("#map .hint")
    # At a corner there is no level curve to be at right angles to.
    page = whole(show(lambda a, b: autograd.relu(a) + 0.2 * abs(b), a=0.0, b=1.0))
    hint = page.text("#map .hint")
    assert "The arrow points along" in hint and "at right angles" not in hint


def test_the_point_is_moved_by_mouse_and_by_keys(show: Show) -> None:
    page = whole(show(bowl, x1=1.0, x2=-1.0))
    page.drag("#map .handle", 60, -60)
    side = page.run("return MAP_PANEL.canvas.clientWidth")
    moved = [page.run("return stepgrad.get(arguments[0]).data", name) for name in ("x1", "x2")]
    assert moved == pytest.approx([1 + 60 * 4 / side, -1 + 60 * 4 / side], abs=0.03)
    page.run("MAP_PANEL.handle.focus()")
    page.press("ARROW_LEFT", "ARROW_LEFT", "ARROW_UP")
    after = [page.run("return stepgrad.get(arguments[0]).data", name) for name in ("x1", "x2")]
    assert after[0] < moved[0] - 0.01 and after[1] > moved[1] + 0.005
    assert page.run("return document.activeElement.className") == "handle"
    assert "x1 = " in page.run("return document.activeElement.getAttribute('aria-label')")


def test_the_window_follows_the_way_and_holes_are_hatched(show: Show) -> None:
    page = whole(show(bowl, x1=1.5, x2=-1.2))
    assert "Hatched" not in page.text("#map .hint")
    descend(page, 0.6, 6)
    whole(page)
    x1, half = page.run("return [stepgrad.get('x1').data, MAP_PANEL.terrain.window.half]")
    assert abs(x1) <= half and half > 2
    page = whole(show(lambda a, b: autograd.log(a) * b, a=1.0, b=1.0))
    assert page.text("#map .hint").endswith("Hatched: no number.")


def test_a_leaf_without_a_number_has_no_map_until_it_has_one(show: Show) -> None:
    page = show(lambda a, b: a * b, a=1.0, b=math.nan)
    assert page.text("#map .hint") == "b is nan: a map is drawn around finite numbers."
    assert not page.run("return document.querySelector('#map .terrain').offsetHeight")
    page.run("stepgrad.set('b', 3)")
    assert page.run("return MAP_PANEL.whole.offsetHeight") > 100
    page.run("stepgrad.reset()")
    assert not page.run("return MAP_PANEL.whole.offsetHeight")
    # The name of a leaf begins no sentence with a capital letter that it has not.
    page.run("app.choose(app.graph.names.indexOf('b'))")
    assert page.text("#nudge .verdict") == "b is nan: only a finite number can be moved."


def test_long_numbers_and_names_stay_in_their_boxes(show: Show) -> None:
    a, b = Value(1.2e300, "a"), Value(2.0, "\u5909\u6570" * 20)
    root = a * b
    root.label = "<img src=x onerror=alert(1)>"
    page = show(root)
    assert page.run("const t = MAP_PANEL.whole; return t.scrollWidth <= t.clientWidth")
    sticking_out = """return [...document.querySelectorAll("g.card")].filter((card) => {
      const head = card.querySelector(".head").getBoundingClientRect();
      return head.right > card.querySelector("rect").getBoundingClientRect().right;
    }).length"""
    assert page.run(sticking_out) == 0


def test_two_of_more_leaves_are_picked_for_the_map(show: Show) -> None:
    page = show(expression())
    assert page.run("return document.querySelector('.terrain').hidden")
    page.run(
        "for (const [id, name] of [['map-across', 'a'], ['map-up', 'f']]) {"
        " const s = document.getElementById(id); s.value = app.place(name);"
        " s.dispatchEvent(new Event('change')); }"
    )
    whole(page)
    assert page.text("#map h2") == "L over a (right) and f (up)"
    x, y, half = page.run("const w = MAP_PANEL.terrain.window; return [w.x, w.y, w.half]")
    assert page.run("return MAP_PANEL.terrain.at(64, 0)") == pytest.approx(
        ((x + half) * -3 + 10) * (y - half), rel=1e-12
    )
