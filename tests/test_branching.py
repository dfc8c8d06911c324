"""Programs of models and functions that decide by numbers: right, or refused with the line.

What is right comes from the engine of Values, which calls the model with each instance.
"""

import importlib.util
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from branching import run as run_random
from conftest import unnoticed

import autograd
import nn
from autograd import LoweredFunction, LoweringError, Value
from autograd.core.decisions import Watch
from nn.divergences import l2

ARRAYS = ["numpy", *(["jax"] if importlib.util.find_spec("jax") else [])]


class Line(nn.Module):
    """w x + b, and then whatever a function makes of the input and the output."""

    def __init__(self, f: Callable[[Any, Value], Any]) -> None:
        self.w, self.b = Value(0.5, "w"), Value(0.1, "b")
        self._f = f

    def __call__(self, x: Any) -> Any:
        return self._f(x, self.w * x + self.b)

    def numbers(self) -> list[float]:
        return [self.w.data, self.b.data]


def fit(model: nn.Module, X: Any, D: Any, **options: Any) -> nn.History:
    settings = {"divergence": l2, "optimizer": nn.SGD(0.1), "progress": False, **options}
    return nn.fit(model, X, D, **settings)


def test_random_models_with_branches() -> None:
    found = run_random(count=10, seed=1000)
    assert {key.partition(": ")[2] for key in found} == {"right", "refused"}, found


def hinge(y: list[Value], d: float) -> Value:
    return max(Value(0.0), 1 - (2 * d - 1) * y[0])


def trained(engine: str | None) -> float:
    model = nn.MLP(2, [8, 1], rng=random.Random(0))
    data = nn.datasets.moons(40, noise=0.1, seed=1)
    optimizer = nn.Adam(0.05)
    history = fit(model, *data, divergence=hinge, optimizer=optimizer, epochs=25, engine=engine)
    return history.loss[-1]


def test_a_hinge_by_max() -> None:
    with pytest.warns(RuntimeWarning, match=r"fit\(\) computes with Values.*max\(Value") as warned:
        found = trained(None)
    assert found == trained("python") and 0.3 < found < 0.4
    assert len(warned) == 1 and warned[0].filename == __file__
    with pytest.raises(
        LoweringError, match=r"compares a Value .*\(test_branching.py:\d+: return max"
    ):
        trained("numpy")


# What decides: an expression of the input x, or of y, which depends on the parameters as well.
DECISIONS: dict[str, Callable[[Any, Any], Any]] = {
    "if": lambda x, y: y if x > 0 else y * 2.0,
    "of a parameter": lambda x, y: y if y >= 0 else y * 2.0,
    "chained": lambda x, y: y if -1 < x <= 1 else y * 2.0,
    "truth": lambda x, y: y if autograd.relu(y) else y * 2.0,
    "and": lambda x, y: (autograd.relu(y) and y * 2.0) + y,
    "max": lambda x, y: max(y, 0.1 * y),
    "min with key": lambda x, y: min([y, y * 2.0], key=lambda z: -z),
    "sorted": lambda x, y: sorted([y, y * y])[0],
    "equal": lambda x, y: y if x == 1.0 else y * 2.0,
    "not equal": lambda x, y: y * 2.0 if x != 1.0 else y,
    "in": lambda x, y: y if x in (1.0, 2.0) else y * 2.0,
    "match": lambda x, y: _matched(x, y),
    "any": lambda x, y: y if any(z > 0 for z in [x]) else y * 2.0,
    "filter": lambda x, y: autograd.sum([y, *filter(lambda z: z > 0, [y * y])]),
    "while": lambda x, y: _doubled(y),
    "numpy maximum": lambda x, y: np.maximum(np.array([y, y], dtype=object), 0.0)[0] + 0.0 * y,
    "numpy sign": lambda x, y: y * np.sign(np.array([y], dtype=object))[0],
    "numpy where": lambda x, y: np.where(np.array([y > 0]), [y], [y * 2.0])[0],
    "numpy argsort": lambda x, y: np.sort(np.array([y, y * y], dtype=object))[0],
    "data": lambda x, y: y if y.data > 0 else y * 2.0,
    "data as a factor": lambda x, y: y * y.data,
    "text": lambda x, y: y if float(f"{y:.17g}") > 0 else y * 2.0,
    "repr": lambda x, y: y * len(repr(y)),
    "grad": lambda x, y: y * autograd.grad(y * y, y)[0],
    "slope alone": lambda x, y: 0.5 * (y + autograd.stop_gradient(y)) if y > 0 else y,
    "assert": lambda x, y: _positive(y * y) + y,
}


def _matched(x: Any, y: Value) -> Value:
    match x:
        case 1.0:
            return y
    return y * 2.0


def _doubled(y: Value) -> Value:
    while -1.0 < y < 1.0:
        y = y * 2.0 + 0.5
    return y


def _positive(y: Value) -> Value:
    assert y >= 0.0
    return y


@pytest.mark.parametrize("name", DECISIONS)
def test_each_decision_is_noticed_by_what_is_recorded_alone(name: str) -> None:
    # A single instance: there is no other to compare with.
    model, X, D = Line(DECISIONS[name]), [1.0], [0.3]
    match = r"as it [a-z()]+ .* \(test_branching\.py:\d+: .*autograd\.where.*engine='python'"
    for engine in ARRAYS:
        with pytest.raises(LoweringError, match=match):
            fit(model, X, D, epochs=3, engine=engine)
    with pytest.raises(LoweringError, match=match):
        nn.EmpiricalRisk(model, l2).lower(X, D, engine="python")
    assert model.numbers() == [0.5, 0.1]
    with pytest.warns(RuntimeWarning, match=r"fit\(\) computes with Values"):
        chosen = fit(model, X, D, epochs=3)
    python = Line(DECISIONS[name])
    assert chosen.loss == fit(python, X, D, epochs=3, engine="python").loss
    assert model.numbers() == python.numbers()


def test_decisions_by_constants_are_none() -> None:
    scale = Value(2.0)

    def f(x: Any, y: Value) -> Value:
        assert scale > 1 and bool(scale * scale) and f"{scale:.1f}" == "2.0" and scale.data == 2.0
        return max(scale, Value(1.0)) * y if sorted([scale, Value(0.0)])[1] is scale else y

    model, values = Line(f), Line(f)
    model._scale = values._scale = scale  # type: ignore[attr-defined]
    chosen = fit(model, [1.0, -1.0], [0.3, 0.2], epochs=5)
    assert chosen.loss == pytest.approx(fit(values, [1.0, -1.0], [0.3, 0.2], epochs=5).loss)
    assert nn.predict(lambda x: f(x, Value(1.0) * x), [0.5] * 70) == [[1.0]] * 70
    lowered = LoweredFunction(lambda x: f(x, x), 1.0)
    assert lowered.gradient(3.0).tolist() == [2.0]


def test_a_watch_belongs_to_its_thread_and_notes_the_first_decision() -> None:
    x = Value(1.0)
    with Watch([x]) as outer, Watch([Value(2.0)]) as inner:
        other = threading.Thread(target=lambda: x > 0)
        other.start()
        other.join()
        assert not outer.found
        assert x * x > 0
        assert bool(x)
    assert outer.found.startswith("compares a Value that depends on an input or a parameter (test_")
    assert not inner.found
    with Watch([x]) as closed:
        pass
    assert x > 0 and not closed.found


# What nobody notices is found by comparing ---------------------------------------------------


def late(x: Any, y: Value) -> Value:
    """Another slope as soon as the output is above 1.3, which it is after some updates."""
    return y * 1.5 - 0.5 * autograd.stop_gradient(y) if unnoticed(y) > 1.3 else y


def until(engine: str | None, epochs: int, f: Any = late, **options: Any) -> tuple[Line, Any]:
    model = Line(f)
    history = fit(model, [1.0, 0.5], [2.0, 1.0], epochs=epochs, engine=engine, **options)
    return model, history


@pytest.mark.parametrize("engine", ARRAYS)
def test_a_run_that_is_found_wrong_is_not_returned(engine: str, tmp_path: Path) -> None:
    paths = [until("python", epochs)[0].numbers() for epochs in range(12)]
    assert paths[11][0] + paths[11][1] > 1.3 > paths[3][0] + paths[3][1]
    model = Line(late)
    match = (
        r"after \d+ epochs the gradient of training instance 0 is another one; write a choice .*"
        r"; the parameters are those (of epoch (\d+)|from before the run), where both were last"
    )
    with pytest.raises(LoweringError, match=match) as refused:
        fit(
            model, [1.0, 0.5], [2.0, 1.0], epochs=300, engine=engine, checkpoint=tmp_path / "run",
            every=100,
        )  # fmt: skip
    epoch = int(str(refused.value).partition("of epoch ")[2].partition(",")[0] or 0)
    assert 0 < epoch < 12 and model.numbers() == pytest.approx(paths[epoch], rel=1e-9)
    kept = Line(late)
    kept.load(tmp_path / "run")
    assert kept.numbers() == model.numbers()


@pytest.mark.parametrize("batch_size", [None, 1])
def test_a_run_that_the_library_chose_goes_on_with_values(batch_size: int | None) -> None:
    options = {"batch_size": batch_size, "optimizer": nn.Adam(0.05)}
    values, expected = until("python", 60, **options)
    with pytest.warns(RuntimeWarning, match=r"last seen to agree, and it goes on from") as warned:
        model, history = until(None, 60, **options)
    assert len(warned) == 1
    assert model.numbers() == pytest.approx(values.numbers(), rel=1e-9)
    assert history.loss == pytest.approx(expected.loss, rel=1e-9) and len(history) == 60


def test_the_end_is_looked_at_however_it_comes() -> None:
    turned = [False]

    def f(x: Any, y: Value) -> Value:
        return 2.0 * y if turned[0] else y

    def turn(model: nn.Module, history: nn.History) -> bool:
        turned[0] = len(history) == 40
        return turned[0]

    def interrupt(model: nn.Module, history: nn.History) -> None:
        if turn(model, history):
            raise KeyboardInterrupt

    right = until("numpy", 40, lambda x, y: y)[0].numbers()
    for end in (turn, interrupt):
        turned[0], model = False, Line(f)
        with pytest.raises(LoweringError, match="after 40 epochs the loss of training instance"):
            fit(model, [1.0, 0.5], [2.0, 1.0], epochs=99, engine="numpy", callbacks=[end])
        assert model.numbers() == right  # of the epoch before the callback


def test_validation_is_compared_as_well() -> None:
    def f(x: Any, y: Value) -> Value:
        return y if unnoticed(x) < 5.0 else y * (2.0 if unnoticed(y) > 5.0 else 1.0)

    model, X, D = Line(f), [1.0, 0.5], [2.0, 1.0]
    validation = [6.0, 0.0], [3.0, 3.0]
    with pytest.raises(LoweringError, match=r"the loss of validation instance 0 is"):
        fit(model, X, D, epochs=200, engine="numpy", validation=validation)


def test_predict_of_a_thousand_inputs_of_which_five_take_another_course() -> None:
    X = [[i / 1000, 1.0] for i in range(1000)]

    def model(x: Any) -> Any:
        return x[0] * 2.0 if 0.4 < x[0] < 0.4051 else x[0] * x[1]

    expected = [[2 * x if 0.4 < x < 0.4051 else x] for x, _ in X]
    with pytest.warns(
        RuntimeWarning, match=r"predict\(\) calls the model with each input: .*0\.4 <"
    ):
        assert nn.predict(model, X) == expected
    with pytest.raises(LoweringError, match=r"compares a Value"):
        nn.predict(model, X, engine="numpy")
    peak = 407  # the largest output alone is another one, and not at an end

    def hill(x: Any) -> Any:
        y = 1.0 - (x[0] - peak / 1000) ** 2
        return y * 2.0 if unnoticed(y) >= 1.0 else y

    match = f"its outputs for input {peak} came to others"
    with pytest.warns(RuntimeWarning, match=match):
        assert nn.predict(hill, X)[peak] == [2.0]
    with pytest.raises(LoweringError, match=match):
        nn.predict(hill, X, engine="numpy")


def test_a_huber_loss_by_if_is_refused_by_a_lowered_function() -> None:
    def huber(x: Value) -> Value:
        return 0.5 * x * x if abs(x) < 1.0 else abs(x) - 0.5

    with pytest.raises(LoweringError, match=r"f compares a Value .*: return 0\.5 \* x \* x if"):
        LoweredFunction(huber, 0.5)
    lowered = LoweredFunction(
        lambda x: autograd.minimum(abs(x), 1.0) * (abs(x) - 0.5 * autograd.minimum(abs(x), 1.0)),
        0.5,
    )
    assert [lowered.value(x) for x in (0.5, 2.0, 3.0)] == [0.125, 1.5, 2.5]
