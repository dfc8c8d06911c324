"""Tests of a page of a model and its data, in the browser: its numbers are Python's."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from browser import Page

import nn

Example = tuple[nn.MLP, list[Any], list[Any], Any]


def moons(count: int = 60, widths: Sequence[int] = (4, 1)) -> Example:
    X, D = nn.datasets.moons(count, noise=0.1, seed=1)
    model = nn.MLP(2, [*widths], output="sigmoid", rng=random.Random(1))
    return model, X, D, nn.divergences.binary_kl


def blobs() -> Example:
    """Three classes of points with four inputs."""
    generator = random.Random(5)
    X = [[generator.gauss(i % 3 * k / 2, 1.0) for k in range(4)] for i in range(30)]
    D = [nn.one_hot(i % 3, 3) for i in range(30)]
    return nn.MLP(4, [3], output="softmax", rng=random.Random(2)), X, D, nn.divergences.kl


def logits() -> Example:
    X, D = nn.datasets.circles(20, seed=2)
    model = nn.MLP(2, [3, 1], output="linear", rng=random.Random(3))
    return model, X, D, nn.divergences.binary_kl_from_logits


def curve() -> Example:
    X = [[k / 5] for k in range(-8, 9)]
    return (
        nn.MLP(1, [3, 1], rng=random.Random(4)),
        X,
        [math.sin(2 * x) for [x] in X],
        nn.divergences.l2,
    )


@pytest.fixture
def opened(page: Page, tmp_path: Path, no_stills: None) -> Callable[..., Page]:
    def opened(example: Example, **window: Any) -> Page:
        model, X, D, divergence = example
        return page.open(nn.live(model, X, D, divergence, tmp_path / "page.html"), **window)  # type: ignore[arg-type]

    return opened


def numbers(page: Page, names: Iterable[str]) -> list[dict[str, float]]:
    """The data and the gradient of some nodes."""
    found: list[dict[str, float]] = page.run("return arguments[0].map(stepgrad.get)", list(names))
    return found


def state(page: Page, model: nn.Module) -> None:
    """Give the model the parameters of the page."""
    names = list(model.state_dict())
    found = [number["data"] for number in numbers(page, names)]
    model.load_state_dict(dict(zip(names, found)))


@pytest.mark.parametrize("example", [moons, blobs, logits, curve])
def test_risk_gradient_and_every_point_are_those_of_python(
    opened: Callable[..., Page], example: Callable[[], Example]
) -> None:
    model, X, D, divergence = example()
    page = opened((model, X, D, divergence))
    names = dict(model.named_parameters())
    generator = random.Random(7)
    for _ in range(2):
        page.run(
            "for (const [name, number] of arguments[0]) stepgrad.set(name, number)",
            [[name, generator.gauss(0.0, 1.0)] for name in names],
        )
        state(page, model)
        risk = nn.EmpiricalRisk(model, divergence)(X, D)
        model.zero_grad()
        risk.backward()
        found = page.run("return stepgrad.risk()")
        assert found["loss"] == pytest.approx(risk.data, rel=1e-12, abs=0.0)
        scale = max(abs(p.grad) for p in names.values())
        assert found["gradient"].keys() == names.keys()
        for name, p in names.items():
            assert found["gradient"][name] == pytest.approx(p.grad, rel=1e-12, abs=1e-12 * scale)
        for i in (0, 5, len(X) - 1):
            page.run("stepgrad.point(arguments[0])", i)
            model.zero_grad()
            div = divergence(model(X[i]), D[i])
            div.backward()
            root, *found_at = numbers(page, ["div", *names])
            assert root["data"] == pytest.approx(div.data, rel=1e-12)
            scale = max(abs(p.grad) for p in names.values())
            for number, p in zip(found_at, names.values()):
                assert number["grad"] == pytest.approx(p.grad, rel=1e-12, abs=1e-12 * scale)


def test_it_descends_as_python_does_and_learns_two_moons(opened: Callable[..., Page]) -> None:
    model, X, D, divergence = moons(widths=[3, 1])
    page = opened((model, X, D, divergence))
    losses = page.run("return stepgrad.descend(3, 400)")
    assert page.run("return stepgrad.risk().right") >= 58
    history = nn.fit(model, X, D, optimizer=nn.SGD(3.0), epochs=30, progress=False)
    assert losses[:30] == pytest.approx(history.loss, rel=1e-12)
    page.paint()
    state(page, model)
    right = round(60 * nn.accuracy(nn.predict(model, X), D))
    assert f"{right} of 60 right." in page.text("#training")
    assert page.text("#training .losses") == "Loss400 steps"


def test_leaves_that_do_not_move_stay(opened: Callable[..., Page]) -> None:
    page = opened(moons(20, [2, 1]))
    held = "layer1.neuron0.b"
    page.run("app.toggleMoving(app.place(arguments[0])); stepgrad.descend(1, 3)", held)
    assert page.run("return stepgrad.get(arguments[0]).data", held) == 0.0
    assert page.run("return stepgrad.get('layer1.neuron1.b').data") != 0.0
    # What is given has no dot, and cannot be made to move.
    page.run("app.toggleMoving(app.place('x[0]'))")
    assert not page.run("return app.moving.has(app.place('x[0]'))")
    assert page.run("return document.querySelectorAll('.card.leaf').length") > page.run(
        "return document.querySelectorAll('.card .dot').length"
    )


def test_a_point_is_drawn_by_click_and_by_keys(opened: Callable[..., Page]) -> None:
    model, X, D, divergence = moons()
    page = opened((model, X, D, divergence))
    x, y = page.run("return app.classifier.chart.place(33)")
    page.run(
        "const canvas = document.querySelector('.chart'), box = canvas.getBoundingClientRect();"
        "canvas.dispatchEvent(new MouseEvent('click',"
        "{clientX: box.left + arguments[0], clientY: box.top + arguments[1]}))",
        x,
        y,
    )
    page.paint()
    output = model(X[33])[0].data
    assert f"d = {D[33]:g}, y = {output:.4g}" in page.text("#formula")
    assert page.text("#formula").startswith("X[33] = (")
    page.run("document.querySelector('.chart').focus()")
    for keys, point in [(["ARROW_RIGHT"], 34), (["HOME"], 0), (["ARROW_LEFT"], 0), (["END"], 59)]:
        page.press(*keys)
        assert page.text("#points .about").startswith(f"X[{point}]: ")
        assert page.run("return document.querySelector('.chart').ariaValueNow") == str(point)
    assert page.run("return document.activeElement.className") == "chart"
    verdict = "right" if (output >= 0.5) == (D[33] == 1.0) else "wrong"
    page.run("stepgrad.point(33)")
    page.paint()
    assert verdict in page.text("#points .about")
    # A point in the hand is no longer one of the data.
    page.run("stepgrad.set('x[0]', 3)")
    page.paint()
    assert "moved from its place" in page.text("#points .about")
    assert "right" not in page.text("#points .about") and "wrong" not in page.text("#points .about")
    assert "X[33] moved to (3, " in page.text("#formula")


def test_a_link_says_which_point_is_drawn(opened: Callable[..., Page]) -> None:
    page = opened(moons(20, [2, 1]))
    page.run("stepgrad.point(7); stepgrad.set('layer1.neuron0.b', 0.25)")
    fragment = page.run("return fragment(app)")
    page.run("stepgrad.reset()")
    page.paint()
    assert page.text("#formula").startswith("X[0]")
    page.run("follow(app, arguments[0])", fragment)
    page.paint()
    assert page.text("#formula").startswith("X[7] = ")
    assert page.run("return stepgrad.get('layer1.neuron0.b').data") == 0.25


# Colours of the ground: the classes' own, over the card.
PIXEL = """
const canvas = document.querySelector('.chart'), chart = app.classifier.chart;
const ratio = devicePixelRatio, context = canvas.getContext('2d');
chart.paint(arguments[1], -1);
const { width, data } = context.getImageData(0, 0, canvas.width, canvas.height);
return arguments[0].map(([x, y]) => {
  const pixel = Math.round(chart.up(y) * ratio) * width + Math.round(chart.across(x) * ratio);
  return [...data.slice(4 * pixel, 4 * pixel + 4)];
});
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_ground_has_the_colour_of_what_the_model_says_there(
    opened: Callable[..., Page], scheme: str
) -> None:
    model, X, D, divergence = moons()
    page = opened((model, X, D, divergence), color_scheme=scheme)
    page.run("stepgrad.descend(3, 150)")
    state(page, model)
    generator = random.Random(1)
    places = [[generator.uniform(-1.1, 1.9), generator.uniform(-0.5, 1.1)] for _ in range(150)]
    clear = [p for p in places if min(math.dist(p, x) for x in X) > 0.25]
    outputs = [y for [y] in nn.predict(model, clear)]
    pixels = page.run(PIXEL, clear, 0)
    told = [(y, red, blue) for y, (red, _, blue, _) in zip(outputs, pixels) if abs(y - 0.5) > 0.3]
    assert len(told) > 15 and {y > 0.5 for y, _, _ in told} == {True, False}
    for y, red, blue in told:
        assert (blue > red) == (y > 0.5)


def test_two_of_many_inputs_are_the_axes(opened: Callable[..., Page]) -> None:
    example = blobs()
    page = opened(example)
    assert "the other 2 inputs are as at X[0]" in page.text("#points")
    columns = list(zip(*example[1]))
    widest = sorted(range(4), key=lambda k: -statistics.pvariance(columns[k]))[:2]
    across, up = sorted(widest)
    assert page.run("return app.classifier.chart.axes") == [across, up]
    page.run(
        "const list = document.getElementById('axis-0');"
        "list.value = arguments[0]; list.dispatchEvent(new Event('change'))",
        up,
    )
    page.paint()  # which was the other axis: they change places
    assert page.run("return app.classifier.chart.axes") == [up, across]
    place = page.run(
        "const { chart, set } = app.classifier;"
        "return [chart.across(set.row(3)[arguments[0]]), chart.up(set.row(3)[arguments[1]])]",
        up,
        across,
    )
    assert page.run("return app.classifier.chart.place(3)") == place


def test_the_curve_of_one_input_and_what_has_no_picture(opened: Callable[..., Page]) -> None:
    page = opened(curve())
    assert page.run("return app.classifier.chart.isCurve")
    assert "right" not in page.text("#training") and page.text("#points .about") != ""
    heights = [x * y for x, y in nn.datasets.moons(8, seed=0)[0]]
    plain = nn.MLP(2, [2, 1], rng=random.Random(0)), nn.datasets.moons(8, seed=0)[0], heights
    page = opened((*plain, nn.divergences.l2))
    assert "There is no picture, as the targets are no classes" in page.text("#points")
    assert page.run("return document.querySelector('.chart')") is None


def test_it_stops_with_a_sentence_when_it_runs_away(opened: Callable[..., Page]) -> None:
    page = opened(curve())
    before = page.run("return stepgrad.risk().loss")
    page.run("app.classifier.training.eta = 1e9; app.classifier.training.run()")
    page.until(lambda: not page.run("return app.classifier.training.isRunning"))
    page.paint()
    assert "It runs away" in page.text("#training")
    assert math.isfinite(page.run("return stepgrad.risk().loss"))
    page.run("stepgrad.reset()")
    page.paint()
    assert "runs away" not in page.text("#training")
    assert page.run("return stepgrad.risk().loss") == before
    # A step that goes down says nothing of the kind.
    page.run("stepgrad.descend(0.01, 5)")
    page.paint()
    assert "runs away" not in page.text("#training")
    page.run(
        "for (const leaf of [...app.moving]) app.toggleMoving(leaf); stepgrad.descend(0.01, 5)"
    )
    page.paint()
    assert "Nothing moves" in page.text("#training")


def test_buttons_take_a_step_an_epoch_and_all_until_stop(opened: Callable[..., Page]) -> None:
    page = opened(moons(20, [2, 1]))
    page.click("#one")
    assert "1 step" in page.text("#training .losses") and not page.find("#epoch").is_displayed()
    page.run(
        "const list = document.getElementById('batch');"
        "list.value = 5; list.dispatchEvent(new Event('change'))"
    )
    page.paint()
    page.click("#epoch")
    assert "5 steps" in page.text("#training .losses")
    assert "4 steps are an epoch." in page.text("#training")
    # Each point once in an epoch.
    orders = page.run("const t = app.classifier.training; return [1, 2, 3, 4].map(() => t._next())")
    assert sorted(i for order in orders for i in order) == list(range(20))
    page.click("#run")
    assert page.text("#run") == "Stop" and page.focused == "run"
    page.until(lambda: bool(page.run("return app.classifier.training.steps > 6")))
    page.click("#run")
    assert page.text("#run") == "Run"
    steps = page.run("return app.classifier.training.steps")
    page.run("return new Promise((done) => setTimeout(done, 100))")
    assert page.run("return app.classifier.training.steps") == steps


def test_a_weight_in_the_hand_moves_boundary_and_loss(opened: Callable[..., Page]) -> None:
    model, X, D, divergence = moons(20, [1])
    page = opened((model, X, D, divergence))
    page.run("app.set(app.place('layer1.neuron0.b'), 9)")
    page.paint()
    state(page, model)
    risk = nn.EmpiricalRisk(model, divergence)(X, D).data
    assert f"Loss over 20 points {risk:.6g}" in page.text("#training")
    [[red, _, blue, _]] = page.run(PIXEL, [[0.5, 0.1]], 0)
    assert blue > red  # with such a bias all of the plane is of class 1
