"""Tests of ``nn.live``: what it takes, what it refuses, and what the page knows of the data."""

from __future__ import annotations

import base64
import json
import math
import random
import re
import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import autograd
import nn
from autograd import LivePage, LoweringError, Op, Value
from autograd.page import points

pytestmark = pytest.mark.usefixtures("no_stills")

X, D = nn.datasets.moons(12, seed=3)


def network(output: str = "sigmoid", widths: list[int] | None = None, inputs: int = 2) -> nn.MLP:
    return nn.MLP(inputs, widths or [2, 1], output=output, rng=random.Random(0))


def data_of(page: Any) -> dict[str, Any]:
    assert isinstance(page, LivePage)
    [text] = re.findall(r'<script type="application/json" id="pass">(.*?)</script>', page.html)
    return json.loads(text)  # type: ignore[no-any-return]


def numbers(text: str) -> list[float]:
    content = base64.b64decode(text)
    return list(struct.unpack(f"<{len(content) // 8}d", content))


def test_the_page_holds_every_point_to_the_last_bit_and_leaves_the_model_alone() -> None:
    model = network()
    nn.EmpiricalRisk(model, nn.divergences.binary_kl)(X, D).backward()
    before = [(p.data, p.grad) for p in model.parameters()]
    data = data_of(nn.live(model, X, D))
    assert [(p.data, p.grad) for p in model.parameters()] == before
    known = data["points"]
    assert numbers(known["rows"]) == [x for (a, b), d in zip(X, D) for x in (a, b, d)]
    assert known["count"] == 12
    assert [data["names"][i] for i in known["inputs"] + known["targets"]] == ["x[0]", "x[1]", "d"]
    assert data["held"] == {}  # the gradients of an earlier pass are of another graph
    assert numbers(data["data"])[-1] == nn.divergences.binary_kl(model(X[0]), D[0]).data


def test_only_parameters_move() -> None:
    data = data_of(nn.live(network(), X, D))
    moving = {data["names"][i] for i in data["trainable"]}
    assert moving == {name for name, _ in network().named_parameters()}


def test_any_container_that_fit_takes() -> None:
    np = pytest.importorskip("numpy")
    kept = data_of(nn.live(network(), X, D))["points"]
    for x, d in [(np.array(X), np.array(D)), (tuple(map(tuple, X)), iter(D)), (iter(X), D)]:
        assert data_of(nn.live(network(), x, d))["points"] == kept


def reading(*arguments: Any, **keywords: Any) -> tuple[Any, ...]:
    known = data_of(nn.live(*arguments, **keywords))["points"]
    return tuple(known[name] for name in ("classes", "labels", "threshold", "scale"))


def test_how_the_class_is_read_is_what_accuracy_and_the_divergence_say() -> None:
    classes = [int(d) for d in D]
    signs = [2.0 * d - 1.0 for d in D]
    divergences = nn.divergences
    assert reading(network(), X, D) == (classes, ["0", "1"], 0.5, 0.5)
    logits = network("linear"), X, D, divergences.binary_kl_from_logits
    assert reading(*logits) == (classes, ["0", "1"], 0.0, 0.0)
    squares = network("linear"), X, signs, divergences.l2
    assert reading(*squares) == (classes, ["-1", "1"], 0.0, 1.0)
    assert reading(network("linear"), X, D, divergences.l2, threshold=0.3)[2] == 0.3
    rows = [nn.one_hot(c, 2) for c in classes]
    softmax = network("softmax", [2])
    assert reading(softmax, X, rows, divergences.kl) == (classes, ["0", "1"], 0.0, 1.0)
    raw = network("linear", [2]), X, rows, divergences.kl_from_logits
    assert reading(*raw) == (classes, ["0", "1"], 0.0, 0.0)


def test_targets_that_are_no_classes_have_none() -> None:
    heights = [x * y for x, y in X]
    assert reading(network("linear"), X, heights, nn.divergences.l2)[0] is None
    # Of several labels none is the class.
    two = network("sigmoid", [2]), X, [[d, 1.0 - d] for d in D], nn.divergences.binary_kl
    assert reading(*two)[0] is None
    # Numbers of classes that there are no outputs for.
    assert (
        reading(network("linear"), X, [float(i) for i in range(12)], nn.divergences.l2)[0] is None
    )


def test_an_input_that_the_model_does_not_use_has_no_place() -> None:
    class First(nn.Module):
        def __init__(self) -> None:
            self.w = Value(0.5, "w")

        def __call__(self, x: Any) -> Any:
            return autograd.sigmoid(self.w * x[0])

    known = data_of(nn.live(First(), X, D))["points"]
    assert known["inputs"][1] == -1 and known["inputs"][0] >= 0
    assert len(numbers(known["rows"])) == 36


class Deciding(nn.Module):
    def __init__(self) -> None:
        self.w = Value(0.5, "w")

    def __call__(self, x: Any) -> Any:
        return autograd.sigmoid(self.w * x[0] if x[0] > 0.0 else self.w * x[1])


class Looking(nn.Module):
    """Takes another course for some points, and none that can be watched."""

    def __init__(self) -> None:
        self.w, self.calls = Value(0.5, "w"), 0

    def __call__(self, x: Any) -> Any:
        self.calls += 1
        return autograd.sigmoid(self.w * x[0] * (1.0 if self.calls < 3 else 2.0))


@pytest.mark.parametrize("kind", [Deciding, Looking])
def test_one_graph_has_to_hold_for_all_points(kind: Callable[[], nn.Module]) -> None:
    with pytest.raises(LoweringError, match="cannot become one graph for all instances") as raised:
        nn.live(kind(), X, D)
    assert "engine=" not in str(raised.value)  # there is none to take here


class Own(nn.Module):
    """A model of operations of one's own."""

    def __init__(self, *operations: Op) -> None:
        self.w = Value(0.5, "w")
        self._operations = operations

    def __call__(self, x: Any) -> Any:
        y: Any = self.w * x[0]
        for operation in self._operations:
            y = operation(y)
        return y


def cubed() -> Any:
    cube = Op("cube", "cube(x)", "3 * x ** 2", by=lambda x: x**3)
    return nn.live(Own(cube), X, D, nn.divergences.l2)


def doubled() -> Any:
    with warnings.catch_warnings(action="ignore"):  # that the second takes the name
        twice = Op("double", "2 * x", "2"), Op("double", "x + x", "2")
    return nn.live(Own(*twice), X, D, nn.divergences.l2)


def with_nan(data: list[Any]) -> list[Any]:
    return [*data[:3], [0.5, math.nan], *data[4:]]


REFUSED: list[tuple[type[Exception], str, Callable[[], Any]]] = [
    (TypeError, "live.. trains an nn.Module, got", lambda: nn.live(lambda x: x, X, D)),  # type: ignore[arg-type]
    (ValueError, "no parameters, so there is nothing", lambda: nn.live(nn.Softmax(), X, D)),
    (ValueError, "expected one target for each input", lambda: nn.live(network(), X, D[:-1])),
    (ValueError, "one instance at least", lambda: nn.live(network(), [], [])),
    (ValueError, r"X\[3\]\[1\] is nan", lambda: nn.live(network(), with_nan(X), D)),
    (
        ValueError,
        r"D\[2\] is inf",
        lambda: nn.live(network(), X[:3], [0, 1, math.inf], nn.divergences.l2),
    ),
    (ValueError, r"X\[1\] has the shape \(1,\)", lambda: nn.live(network(), [[1, 2], [3]], [0, 1])),
    (
        ValueError,
        "takes outputs that are probabilities",
        lambda: nn.live(network("linear"), X, D),
    ),
    (ValueError, "targets that are probabilities", lambda: nn.live(network(), X, [3.0] * 12)),
    (
        ValueError,
        "nn.one_hot",
        lambda: nn.live(network("softmax", [3]), X, D, nn.divergences.l2),
    ),
    (LoweringError, "'cube' is computed by a function of Python", cubed),
    (ValueError, "computes in JavaScript: there are two operations double", doubled),
    (TypeError, "threshold", lambda: nn.live(network(), X, D, threshold="high")),  # type: ignore[arg-type]
    (ValueError, "ends in .html", lambda: nn.live(network(), X, D, path="moons.png")),
]


@pytest.mark.parametrize(("kind", "message", "call"), REFUSED)
def test_what_is_refused(kind: type[Exception], message: str, call: Callable[[], Any]) -> None:
    with pytest.raises(kind, match=message):
        call()


def test_more_points_than_a_step_can_take_are_refused_with_advice() -> None:
    many = points.MOST_NUMBERS // 30
    with pytest.raises(ValueError, match=r"pass at most ([\d,]+) points") as raised:
        nn.live(network(), X * many, D * many)
    [most] = re.findall(r"at most ([\d,]+) points, such as", str(raised.value))
    count = int(most.replace(",", ""))
    fewer = (X * many)[:count], (D * many)[:count]
    assert isinstance(nn.live(network(), *fewer), LivePage)
    with pytest.raises(ValueError, match="pass at most"):
        nn.live(network(), (X * many)[: count + 1], (D * many)[: count + 1])


def test_what_lies_between_outputs_and_divergence_is_one_closed_group() -> None:
    data = data_of(nn.live(network(), X, D))
    [group] = [g for g, group in enumerate(data["groups"]) if group["title"] == "binary_kl"]
    inside = [i for i, home in enumerate(data["home"]) if home == group]
    assert group not in data["open"] and len(inside) >= points.FEWEST_IN_A_GROUP
    assert data["names"].index("div") not in inside
    assert not {*data["points"]["outputs"], *data["points"]["targets"]} & {*inside}
    # With l2 there is little, and all of it is shown.
    squared = data_of(nn.live(network(), X, D, nn.divergences.l2))
    assert "l2" not in [group["title"] for group in squared["groups"]]


def test_it_is_written_where_it_is_asked_for(tmp_path: Path) -> None:
    written = nn.live(network(), X, D, nn.divergences.binary_kl, tmp_path / "moons.html")
    assert written == tmp_path / "moons.html"
    assert written.read_text() == nn.live(network(), X, D).html  # type: ignore[union-attr]
