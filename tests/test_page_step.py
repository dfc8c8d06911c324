"""Tests of a page's mode Step: what the ``Stepper`` says, the page says, at every position."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Sequence

import pytest
from browser import Page, classes, expression, named, reused

import autograd
import nn
from autograd import Value, step_through
from autograd.core.sweep import consumers_first
from autograd.stepping.naive import naive_walk
from autograd.stepping.steps import Step, contribution
from autograd.text import plain, signed

DASH = "\u2014"


@pytest.fixture(autouse=True)
def as_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stepper's texts as the page has them: each report on one line."""
    monkeypatch.setenv("COLUMNS", "500")


def infinite() -> Value:
    """Infinities, nan, zeros of both signs, and a node that no derivative reaches."""
    x, w = Value(0.0, "x"), Value(-2.0, "w")
    y = autograd.log(x) * 0.0 + autograd.sqrt(w) + w * 3
    return named(y + autograd.stop_gradient(x * w) * 2 + abs(w), "y")


def held() -> Value:
    """Leaves that hold a gradient from an earlier pass, which may have been any number."""
    root = expression()
    root.backward()
    first, second, *_ = [node for node in consumers_first(root) if node.op is None]
    first.grad, second.grad = math.nan, -math.inf
    return root


def sums() -> Value:
    """A node of more edges than are listed, with contributions of all sizes."""
    xs = [Value(10.0**k * (-1) ** k, f"x{k}") for k in range(12)]
    return named(autograd.sum(xs) * autograd.sum(xs[:3]), "s")


GRAPHS = (reused, classes, infinite, held, sums)


# Each press of the arrow key, and what is there after it, in one go.
WALK = """
const told = [];
for (let k = 0; k < 500 && !app_isAtEnd(); k++) {
  document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight", bubbles: true}));
  app.paint();
  const text = (x) => x.textContent;
  const cards = [...document.querySelectorAll(".card[data-node]")];
  told.push({
    step: text(document.getElementById("this-step")),
    rows: [...document.querySelectorAll("#this-step .report")].map(text),
    latest: [...document.querySelectorAll("#this-step .latest")].map(text),
    where: text(document.getElementById("where")),
    now: cards.filter((card) => card.matches(".now")).map((card) => Number(card.dataset.node)),
    grads: cards.map((card) => [Number(card.dataset.node), text(card.querySelector(".grad"))]),
    notes: cards.map((card) => [Number(card.dataset.node), text(card.querySelector(".note"))]),
    data: cards.map((card) => [Number(card.dataset.node), text(card.querySelector(".data"))]),
    active: document.querySelectorAll(".way.active").length,
    carried: document.querySelectorAll(".way:not([data-sign=none])").length,
    ways: document.querySelectorAll(".way").length,
  });
}
return told;
function app_isAtEnd() {
  return document.getElementById("next").getAttribute("aria-disabled") === "true";
}
"""


def as_stepper(text: str) -> str:
    """What the page says, in the signs of a terminal."""
    for sign, written in (("\u00b7", "*"), (DASH, "--"), ("\u2192", "->"), ("\u00a0", " ")):
        text = text.replace(sign, written)
    return " ".join(text.split()).replace("local derivative = ", "local derivative ")


def said(step: Step) -> tuple[list[str], list[list[str]]]:
    """What the text of a step says: of its node, and of each of its edges."""
    # A line that is folded goes on further to the right.
    lines = str(step).replace("\n     ", "     ").splitlines()
    cells = [[cell for cell in re.split(r"\s{2,}", line) if cell] for line in lines]
    reports = [row for row in cells if row and row[0].startswith("-> ")]
    own = [row for row in cells[1:] if row not in reports and not row[0].startswith("...")]
    return [cell for row in own for cell in row], reports


def check_node(page_says: str, step: Step) -> None:
    text = as_stepper(page_says)
    number, _, formula = str(step).splitlines()[0].partition("] ")
    of = number.strip("[").replace("/", " of ")
    assert text.startswith(f"Step {of}"), (text, step)
    formula = re.split(r"\s{2,}| \(edge", formula)[0]
    assert formula in text
    for cell in said(step)[0]:
        assert cell in text, (cell, text)


def check_report(page_says: str, report: Sequence[str]) -> None:
    text = as_stepper(page_says)
    for cell in report:
        cell = cell.removeprefix("contribution ")
        is_said = cell in text
        # A constant slope that has no other name stands in the product alone.
        if cell.startswith("local derivative ") and not is_said:
            slope = float(cell.removeprefix("local derivative ").strip("()"))
            is_said = f" * {signed(slope)} = " in text
        assert is_said, (cell, text)


@pytest.mark.parametrize("make", GRAPHS)
def test_every_edge_says_what_the_stepper_says(
    make: Callable[[], Value], opened: Callable[..., Page]
) -> None:
    root = make()
    before = [node.grad for node in step_through(root).steps.nodes]
    page = opened(root)
    page.click("#by-edge")
    told = page.run(WALK)
    stepper = step_through(root)
    names, places = stepper.steps.names, {}
    for place, node in enumerate(stepper.steps.nodes):
        places[node] = len(stepper.steps) - 1 - place
    assert names
    for moment in told:
        step = stepper.step()
        assert isinstance(step, Step)
        check_node(moment["step"], step)
        (last,) = [moment["latest"]]
        assert len(last) == len(step.edges)
        for row, report in zip(last, said(step)[1]):
            check_report(row, report)
        assert (moment["now"] or [places[step.node]]) == [places[step.node]]
        if moment["ways"] == len(stepper.steps.reports):  # no group is closed
            assert moment["carried"] == stepper.edges_taken
        grads, notes = dict(map(tuple, moment["grads"])), dict(map(tuple, moment["notes"]))
        for node, place in places.items():
            if place not in grads:  # in a closed group
                continue
            agree(grads[place], stepper.grad_so_far(node))
            latest = stepper.steps.latest(node, stepper.edges_taken)
            several = latest is not None and latest.consumers > 1
            assert notes[place] == (latest.progress if latest is not None and several else "")
    assert stepper.done
    stepper.quit()
    assert repr([node.grad for node in stepper.steps.nodes]) == repr(before)  # nan is not nan


def agree(shown: str, grad: float | None) -> None:
    """Whether what a card shows is a gradient, to the digits that it has room for."""
    if grad is None:
        assert shown == DASH
    elif math.isnan(grad):
        assert shown == "nan"
    else:
        assert shown[0] == signed(grad)[0]
        assert float(shown) == pytest.approx(grad, rel=6e-3)


@pytest.mark.parametrize("make", [infinite, sums])
def test_every_node_says_what_the_stepper_says(
    make: Callable[[], Value], opened: Callable[..., Page]
) -> None:
    root = make()
    told = opened(root).run(WALK)
    steps = step_through(root).steps
    assert [moment["where"] for moment in told] == [
        f"{number} / {len(steps)}" for number in range(1, len(steps) + 1)
    ]
    for moment, step in zip(told, steps):
        check_node(moment["step"], step)
        reports = said(step)[1]
        assert len(moment["rows"]) == len(reports)
        for row, report in zip(moment["rows"], reports):
            check_report(row, report)
        if len(step.edges) > len(reports):
            more = str(step).splitlines()[-1].replace("...", "").strip()
            assert more in as_stepper(moment["step"])
    assert told[-1]["step"].endswith("That was the last one: every gradient is final.")
    assert not any("last one" in moment["step"] for moment in told[:-1])


def test_the_forward_pass_comes_first_where_one_likes(opened: Callable[..., Page]) -> None:
    root = classes()
    page = opened(root)
    page.click("#with-forward")
    assert page.text("#this-step").startswith("Before the forward pass")
    told = page.run(WALK)
    stepper = step_through(root, forward=True)
    count = len(stepper.values)
    assert len(told) == count + len(stepper.steps)
    known = {node for node in stepper.steps.nodes if node.op is None}
    for moment in told[:count]:
        step = stepper.next()
        computed, _, origin = str(step).partition("   ")
        assert not origin
        number, _, formula = computed.partition("] ")
        text = as_stepper(moment["step"])
        made = formula
        assert text.startswith(f"Value {number.strip('[').replace('/', ' of ')}{made}"), text
        known.add(step.node)  # type: ignore[union-attr]
        shown = dict(map(tuple, moment["data"]))
        assert sum(text != DASH for text in shown.values()) == len(known)
        assert {grad for _, grad in moment["grads"]} == {DASH}
        assert moment["active"] == sum(isinstance(x, Value) for x in step.node.operands)  # type: ignore[union-attr]
    assert "Now the pass goes back" in told[count - 1]["step"]
    assert "Step 1 of 14" in told[count]["step"]
    page.press("HOME")
    assert page.text("#where") == f"value 0 / {count}"
    page.press("END", *["ARROW_LEFT"] * (len(stepper.steps) + 1))
    assert page.text("#where") == f"value {count - 1} / {count}"
    # Without it again, the pass stands at its start.
    page.click("#with-forward")
    assert page.text("#this-step").startswith("Before the pass")


def test_beside_the_right_order_stands_the_naive_one(opened: Callable[..., Page]) -> None:
    root = reused()
    page = opened(root)
    assert (
        not page.find("#naive table").is_displayed()
        if page.run("return document.querySelector('#naive table')")
        else True
    )
    page.click("#show-naive")
    recording = step_through(root).steps
    naive, passed_on = naive_walk(recording)
    rows = page.run(
        "return [...document.querySelectorAll('#naive tbody tr')].map("
        "  (row) => [...row.cells].map((cell) => cell.textContent))"
    )
    assert rows == [
        [recording.names[node], signed(right), signed(naive[node])]
        for node, right in zip(recording.nodes, recording.gradients)
    ]
    verdict = str(step_through(root).naive()).splitlines()[0]
    assert page.text("#naive").replace(".", "").find(verdict[1:]) > 0
    b = next(node for node in recording.nodes if node.label == "b")
    assert passed_on[b] == (3.0, 1)
    marked = "return [...document.querySelectorAll('.differs th')].map((x) => x.textContent)"
    assert page.run(marked) == ["a"]
    # Used twice and yet the same: nothing is offered. With other numbers it may be.
    x = Value(0.0, "x")
    y = named(x * 3, "y")
    page = opened(named(y * y + y * x, "z"))
    assert not page.find("#naive").is_displayed()
    page.run("stepgrad.set('x', 2)")
    page.paint()
    assert page.find("#naive").is_displayed()


def test_controls_keys_cards_and_the_slider_move_the_pass(opened: Callable[..., Page]) -> None:
    page = opened(expression())
    assert page.text("#where") == "0 / 7"
    page.click("#next")
    assert (page.text("#where"), page.focused) == ("1 / 7", "next")
    page.press("ARROW_RIGHT", "ARROW_RIGHT", "ARROW_LEFT")
    assert (page.text("#where"), page.focused) == ("2 / 7", "next")
    page.click("#back")
    assert page.text("#where") == "1 / 7"
    page.click("#last")
    assert (page.text("#where"), page.focused) == ("7 / 7", "last")
    page.press("ARROW_RIGHT")
    assert page.text("#where") == "7 / 7"
    page.click("#first")
    page.click("#first")
    assert (page.text("#where"), page.focused) == ("0 / 7", "first")
    # A card leads to its step, by click and by key.
    for act, where in ((page.click, "4 / 7"), (None, "2 / 7")):
        if act is not None:
            act("#picture .card[aria-label^='e '] .data")
        else:
            page.run("document.querySelector(\".card[aria-label^='d ']\").focus()")
            page.press("ENTER")
        assert page.text("#where") == where
    page.run("document.getElementById('slider').focus()")
    page.press("ARROW_RIGHT")
    assert (page.text("#where"), page.focused) == ("3 / 7", "slider")
    page.run("slider.value = 4; slider.dispatchEvent(new Event('input'))")
    page.paint()
    assert page.text("#where") == "4 / 7"
    spoken = "Step 4 of 7: e; dL/de = -2; a receives +6; b receives -4"
    assert page.find("#slider").get_attribute("aria-valuetext") == spoken
    assert page.text("#spoken") == spoken
    # By edge, from there.
    page.click("#by-edge")
    page.press("ARROW_LEFT")
    assert page.text("#where") == "4 / 7, edge 1 / 2"
    assert "edge 1 of 2" in page.text("#this-step")
    assert page.run("return document.querySelectorAll('.way.active').length") == 1
    for moment in (1, 5, 0, 9):
        page.run(f"slider.value = {moment}; slider.dispatchEvent(new Event('input'))")
        assert page.run("return slider.value") == str(moment)
    page.click("#by-node")
    assert page.find("#by-node").get_attribute("aria-pressed") == "true"


def test_playing_stops_at_the_end_by_hand_and_with_the_tab(opened: Callable[..., Page]) -> None:
    page = opened(reused())
    page.press("END", "ARROW_LEFT")
    # In one go with the key, for the playing does not wait for a slow machine.
    name = "app.paint(); return document.getElementById('play').getAttribute('aria-label')"
    assert page.run(f"document.getElementById('play').click(); {name}") == "Pause"
    page.until(lambda: page.text("#where") == "4 / 4")
    page.until(lambda: page.find("#play").get_attribute("aria-label") == "Play")
    page.press("SPACE")
    assert page.run(name) == "Pause"
    assert page.text("#where") == "0 / 4"
    page.press("ARROW_RIGHT")
    assert page.run(name) == "Play"
    hide = "Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
    say = "document.dispatchEvent(new Event('visibilitychange')); delete document.hidden;"
    assert page.run(f"document.getElementById('play').click(); {hide}{say}{name}") == "Play"
    assert page.run(f"document.getElementById('play').click(); stepgrad.mode('explore'); {name}")
    assert page.run("return stepping.timer") is None


def test_the_page_opens_where_the_pass_stands(opened: Callable[..., Page]) -> None:
    stepper = step_through(expression())
    for _ in range(3):
        stepper.next()
    stepper.step()
    page = opened(stepper)
    assert page.text("#where") == "4 / 7, edge 1 / 2"
    assert page.find("#by-edge").get_attribute("aria-pressed") == "true"
    assert page.find(".card.now").get_attribute("aria-label").startswith("e ")
    stepper = step_through(expression(), forward=True)
    stepper.next()
    page = opened(stepper)
    assert page.text("#this-step") == "Value 1 of 3e = a * b = 2 * (-3) = -6"


def test_numbers_that_were_changed_are_those_that_it_steps_through(
    opened: Callable[..., Page],
) -> None:
    page = opened(held())
    assert "a was +6 before this pass: no zero_grad" in page.text("#this-step")
    page.run("stepgrad.set('b', 0.25); stepgrad.set('f', 1/3)")
    page.press(*["ARROW_RIGHT"] * 4)
    a, b, c, f = Value(2, "a"), Value(0.25, "b"), Value(10, "c"), Value(1 / 3, "f")
    L = (a * b + c) * f
    step = step_through(L).steps[3]
    text = as_stepper(page.text("#this-step"))
    for edge, before in zip(step.edges, (6, -4)):
        grad = f"grad {signed(before)} -> {signed(before + edge.contribution)}"
        assert contribution(step, edge) in text
        assert grad in text
        assert f"was {signed(before)} before this pass: no zero_grad" in text
    assert plain(step.gradient) in text


def test_a_step_tells_the_line_of_code_and_what_hides_its_card(
    opened: Callable[..., Page],
) -> None:
    with autograd.detect_anomaly():
        root = expression()
    page = opened(root)
    page.press("ARROW_RIGHT")
    assert page.text("#this-step .origin").startswith("browser.py:")
    X, D = nn.datasets.moons(20, seed=1)
    model = nn.MLP(2, [4, 1], output="sigmoid", rng=random.Random(0))
    page = opened(nn.EmpiricalRisk(model, nn.divergences.binary_kl)(X, D), height=720)
    page.press(*["ARROW_RIGHT"] * 4)
    title = page.text("#this-step .inside .code")
    assert page.text(".card.now .own") == title
    place = (
        "const [card, pane] = ['.card.now', '#scroll'].map("
        "  (x) => document.querySelector(x).getBoundingClientRect());"
        "return card.top >= pane.top && card.bottom <= pane.bottom"
    )
    assert page.run(place)
    page.run("document.getElementById('open-box').click(); app.paint()")
    assert page.run("return document.querySelector('.card.now') !== null")
    assert page.focused in ("open-box", "next")


def test_no_sentence_says_more_than_is_true(opened: Callable[..., Page]) -> None:
    """Sentences of a step, each with a case in which it would be false and is not said."""
    page = opened(held())
    told = page.run(WALK)
    steps = step_through(held()).steps
    for moment, step in zip(told, steps):
        text = moment["step"]
        assert ("is a leaf" in text) == (step.node.op is None)
        assert ("the pass starts here" in text) == (step.node is steps.root)
        assert ("no zero_grad" in text) == any(
            node.op is None for node in (step.node, *(edge.operand for edge in step.edges))
        )
        assert "waits" not in text and "so far" not in text and "local derivative" not in text
    assert not page.find("#naive").is_displayed()
    told = opened(reused()).run(WALK)
    assert "b waits: 1/3 consumers reported" in told[0]["step"]
    assert "waits" not in told[1]["step"]
    assert "no zero_grad" not in "".join(moment["step"] for moment in told)
    # dd/db is 7: what comes along one edge is no derivative of d by b, nor of c.
    assert "dd/db = dd/dd" not in told[0]["step"] and "dc/db" not in told[1]["step"]
