"""What else ``fit`` can be told: penalties, clipping, class weights, patience, schedules.

Numbers come from steps worked out by hand, from gradients of the whole sum recorded by Values, and
from the textbook's formulas; whether a run goes on bit for bit is asked of runs that never stopped.
"""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value, grad
from nn import (
    MLP,
    SGD,
    Adam,
    AdamW,
    EmpiricalRisk,
    History,
    Layer,
    Module,
    Sequential,
    datasets,
    fit,
)
from nn.divergences import (
    Weighted,
    binary_kl,
    binary_kl_from_logits,
    hinge,
    kl_from_logits,
    l2,
)
from nn.optimizers import SCHEDULES, State
from nn.penalties import Penalties
from nn.targets import weights_of

engines = pytest.mark.parametrize("engine", ["numpy", "python"])
X, D = datasets.moons(24, noise=0.3, seed=3)
UNSEEN = datasets.moons(16, noise=0.3, seed=4)


def model() -> MLP:
    return MLP(2, [3, 1], rng=random.Random(0))


def quietly(trained: Module, inputs: Any = X, targets: Any = D, **options: Any) -> History:
    defaults: dict[str, Any] = {"divergence": binary_kl_from_logits, "epochs": 4}
    return fit(trained, inputs, targets, **{**defaults, "progress": False, **options})


def numbers(trained: Module) -> list[float]:
    return [value.data for value in trained.parameters()]


class Line(Module):
    """y = w x, whose gradients are easily seen."""

    def __init__(self, w: float) -> None:
        self.w = Value(w, "w")

    def __call__(self, x: Any) -> Any:
        return self.w * x


# Penalties and clipping.


@engines
@pytest.mark.parametrize(
    ("options", "after"),
    [
        # w = 2, x = 1, d = 0: the gradient is 2, of l2 = 1/2 it is 1 more, of l1 = 1/4 by 1/4.
        ({}, 1.0),
        ({"l2": 0.5}, 0.5),
        ({"l1": 0.25}, 0.875),
        ({"l1": 0.25, "l2": 0.5, "clip_norm": 0.5}, 1.75),
        ({"clip_norm": 0.5}, 1.75),
        ({"clip_norm": 2.0}, 1.0),
    ],
)
def test_a_step_by_hand(options: dict[str, Any], after: float, engine: str) -> None:
    for sign in (1.0, -1.0):
        line = Line(2.0 * sign)
        options = {"divergence": l2, "optimizer": SGD(0.5), "epochs": 1, **options}
        history = quietly(line, [1.0], [0.0], engine=engine, **options)
        assert line.w.data == after * sign
        assert history.loss == [2.0]


@engines
def test_a_step_is_down_the_gradient_of_the_penalized_loss(engine: str) -> None:
    trained = model()
    w = trained.parameters()
    size, square = autograd.sum([abs(x) for x in w]), autograd.sum([x**2 for x in w])
    loss = EmpiricalRisk(trained, binary_kl_from_logits)(X, D) + 0.25 * size + 0.75 / 2 * square
    slopes = np.array(grad(loss, w))
    expected = np.array(numbers(trained)) - 0.5 * slopes
    quietly(trained, optimizer=SGD(0.5), epochs=1, l1=0.25, l2=0.75, engine=engine)
    assert numbers(trained) == pytest.approx(expected, rel=1e-12)
    short = model()
    quietly(short, optimizer=SGD(0.5), epochs=1, l1=0.25, l2=0.75, clip_norm=0.125, engine=engine)
    moved = np.array(numbers(short)) - np.array(numbers(model()))
    assert moved == pytest.approx(-0.5 * 0.125 * slopes / np.linalg.norm(slopes), rel=1e-9)


def test_clipping_keeps_the_direction_of_gradients_of_any_size() -> None:
    for size in (5e-324, 1e-200, 1.0, 1e200, 1.7e308):
        gradient = Penalties(clip_norm=1e-320 if size < 1e-300 else size / 10)
        cut = gradient.applied(np.array([size, 0.0, -size]), np.zeros(3))
        assert cut[0] == -cut[2] and 0.0 <= cut[0] <= size
        if size > 1e-300:
            assert cut[0] == pytest.approx(size / 10 / math.sqrt(2))
    zero = np.zeros(2)
    assert (Penalties(clip_norm=1.0).applied(zero, zero) == 0.0).all()


@pytest.mark.parametrize("name", ["l1", "l2", "clip_norm", "patience", "class_weight"])
@pytest.mark.parametrize("bad", [-1.0, math.nan, "much", True, [-1, 1]], ids=repr)
def test_bad_options_are_refused_before_anything_is_changed(name: str, bad: Any) -> None:
    trained = model()
    with pytest.raises((ValueError, TypeError)):
        quietly(trained, validation=UNSEEN, **{name: bad})
    assert numbers(trained) == numbers(model())
    with pytest.raises(ValueError, match="clip_norm must be greater than 0"):
        quietly(trained, clip_norm=0)


# Class weights.


@engines
@pytest.mark.parametrize("given", [{1: 3.0, 0: 0.5}, [0.5, 3.0], {1.0: 3.0, 0.0: 0.5}], ids=repr)
def test_a_weight_multiplies_the_divergence_of_its_class(engine: str, given: Any) -> None:
    trained = model()
    terms = [
        (3.0 if d == 1.0 else 0.5) * binary_kl_from_logits(trained(x), d) for x, d in zip(X, D)
    ]
    loss: Any = autograd.sum(terms) / len(terms)
    expected = np.array(numbers(trained)) - 0.5 * np.array(grad(loss, trained.parameters()))
    history = quietly(
        trained, optimizer=SGD(0.5), epochs=1, class_weight=given, engine=engine, validation=(X, D)
    )
    assert history.loss[0] == pytest.approx(loss.data, rel=1e-12)
    assert numbers(trained) == pytest.approx(expected, rel=1e-12)
    weighed = sum(
        (3.0 if d else 0.5) * binary_kl_from_logits(trained(x), d).data for x, d in zip(X, D)
    )
    assert history.validation_loss[0] == pytest.approx(weighed / len(D), rel=1e-12)
    assert history.accuracy and history.validation_accuracy


def test_weights_of_each_kind_of_target() -> None:
    z = [Value(0.5), Value(-1.0), Value(2.0)]
    for divergence, d in ((kl_from_logits, 2), (kl_from_logits, [0.0, 0.0, 1.0]), (hinge, 2)):
        assert Weighted(divergence, (1.0, 2.0, 5.0))(z, d).data == 5.0 * divergence(z, d).data
        assert Weighted(divergence, (1.0, 2.0))(z, d).data == divergence(z, d).data
    soft = Weighted(kl_from_logits, (1.0, 2.0, 5.0))(z, [0.25, 0.25, 0.5]).data
    assert soft == (0.25 + 0.5 + 2.5) * kl_from_logits(z, [0.25, 0.25, 0.5]).data
    for d, weight in ((-1, 7.0), (1, 0.25)):
        assert Weighted(hinge, (7.0, 0.25))(z[0], d).data == weight * hinge(z[0], d).data
    for weighted, y, d in (
        (Weighted(kl_from_logits, (1.0, 2.0, 3.0, 4.0)), z, 1),
        (Weighted(binary_kl, (1.0, 2.0)), [Value(0.5)] * 2, [1.0, 0.0]),
    ):
        with pytest.raises(ValueError, match=r"weight for each of 3 classes|no class to weigh"):
            weighted(y, d)
    for divergence in (l2, lambda y, d: y - d):
        with pytest.raises(ValueError, match="no classes"):
            Weighted(divergence, (1.0, 2.0))
    with pytest.raises(ValueError, match="every class weight is 0"):
        Weighted(hinge, (0.0, 0.0))


def test_balanced_weights_are_by_how_many_there_are() -> None:
    # T / (K n_c): 8 / (3 * 2), 8 / (3 * 5), 8 / (3 * 1)
    classes = [0, 0, 1, 1, 1, 1, 1, 2]
    expected = [8 / 6, 8 / 15, 8 / 3]
    assert weights_of(classes, "balanced") == pytest.approx(expected)
    assert weights_of(np.eye(3)[classes], "balanced") == pytest.approx(expected)
    assert weights_of([0, 0, 2, 2], "balanced") == (1.0, 1.0, 1.0)
    assert weights_of([-1, -1, -1, 1], "balanced") == pytest.approx((4 / 6, 2.0))
    assert weights_of([-1, 1], {-1: 3.0}) == (3.0, 1.0)
    assert weights_of([1, 1], [2.0, 3.0]) == (2.0, 3.0)
    for targets, given, said in (
        ([0, 1], {2: 1.0}, "class_weight has 2, which is none of the classes in D: 0, 1"),
        ([-1, 1], {0: 1.0}, "class_weight has 0, which is none of the classes in D: -1, 1"),
        ([0, 1, 2], [1.0, 2.0], "lists 2 weights, but D has 3 classes"),
        ([0.5, 1.5], "balanced", "which is no class"),
        ([-3, 2], "balanced", "but D holds -3 to 2"),
        ([0, 1], "equal", "must be 'balanced', or a dict or list"),
        ([0, 1], 2.0, "must be 'balanced', or a dict or list"),
    ):
        with pytest.raises((ValueError, TypeError), match=said):
            weights_of(targets, given)


# Patience.


def test_patience_ends_the_run_and_leaves_the_best_epoch() -> None:
    trained, seen = model(), []

    def note(now: Module, history: History) -> None:
        seen.append(numbers(now))

    history = quietly(
        trained, epochs=400, optimizer=Adam(0.3), validation=UNSEEN, patience=5, callbacks=[note]
    )
    best = history.validation_loss.index(min(history.validation_loss))
    assert history.reason == "patience" and len(history) == best + 1 + 5 < 400
    assert numbers(trained) == seen[best] != seen[-1]
    risk = EmpiricalRisk(trained, binary_kl_from_logits)(*UNSEEN).data
    assert risk == pytest.approx(min(history.validation_loss), rel=1e-12)


def test_however_a_run_with_patience_ends_it_leaves_the_best_epoch() -> None:
    def interrupt(now: Module, history: History) -> None:
        if len(history) == 12:
            raise KeyboardInterrupt

    for options in ({"epochs": 12}, {"callbacks": [lambda _, h: len(h) == 12]}, {"tolerance": 1.0},
                    {"callbacks": [interrupt], "epochs": 20}):  # fmt: skip
        trained = model()
        settings = {"epochs": 30, "optimizer": Adam(0.3), "validation": UNSEEN, **options}
        history = quietly(trained, patience=100, **settings)
        assert history.reason != "patience"
        risk = EmpiricalRisk(trained, binary_kl_from_logits)(*UNSEEN).data
        assert risk == pytest.approx(min(history.validation_loss), rel=1e-12)


def test_patience_needs_validation() -> None:
    with pytest.raises(ValueError, match=r"give validation=\(X, D\).*nn\.train_test_split"):
        quietly(model(), patience=3)


# Going on bit for bit.

EVERYTHING: dict[str, Any] = {
    "validation": UNSEEN, "patience": 25, "l1": 1e-3, "l2": 1e-3, "clip_norm": 0.5,
    "class_weight": "balanced", "batch_size": 7, "epochs": 30,
}  # fmt: skip


@pytest.mark.parametrize("optimizer", [AdamW(0.3, schedule="cosine"), SGD(0.5, schedule="step")])
def test_a_run_with_everything_goes_on_bit_for_bit(optimizer: Any, tmp_path: Path) -> None:
    options = {**EVERYTHING, "optimizer": optimizer}
    never = model()
    history = quietly(never, **options)
    assert history.validation_loss.index(min(history.validation_loss)) < 29
    place = tmp_path / "run"
    stopped, resumed, loaded = model(), model(), model()
    quietly(stopped, checkpoint=place, callbacks=[lambda _, h: len(h) == 17], **options)
    loaded.load(place)
    assert numbers(loaded) == numbers(stopped) != numbers(model())
    again = quietly(resumed, checkpoint=place, **options)
    assert numbers(resumed) == numbers(never)
    assert (again.loss, again.validation_loss) == (history.loss, history.validation_loss)
    assert again.reason == history.reason
    loaded.load(place)
    assert numbers(loaded) == numbers(never)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"l1": 2e-3}, "l1 is 0.002 and was 0.001"),
        ({"l2": 0.0}, "l2 is 0.0 and was 0.001"),
        ({"clip_norm": None}, "clip_norm is None and was 0.5"),
        ({"class_weight": [1.0, 2.0]}, r"class_weight is \(1.0, 2.0\) and was \("),
        ({"epochs": 4}, "the number of updates.* is 16 and was 12"),
        ({"optimizer": Adam(0.3)}, "optimizer.schedule is 'constant' and was 'linear'"),
    ],
)
def test_a_run_with_other_options_is_not_gone_on_from(
    other: dict[str, Any], said: str, tmp_path: Path
) -> None:
    options = {**EVERYTHING, "epochs": 3, "optimizer": Adam(0.3, schedule="linear")}
    quietly(model(), checkpoint=tmp_path / "run", **options)
    trained = model()
    with pytest.raises(ValueError, match=said):
        quietly(trained, checkpoint=tmp_path / "run", **{**options, **other})
    assert numbers(trained) == numbers(model())


def test_patience_may_be_given_up_but_not_come_later(tmp_path: Path) -> None:
    options: dict[str, Any] = {"validation": UNSEEN, "checkpoint": tmp_path / "run"}
    quietly(model(), patience=2, epochs=3, **options)
    quietly(model(), epochs=5, **options)
    with pytest.raises(ValueError, match="that run had no patience"):
        quietly(model(), patience=2, epochs=7, **options)


# Schedules.


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        ("constant", [1.0, 1.0, 1.0, 1.0]),
        ("linear", [1.0, 0.75, 0.5, 0.25]),
        ("cosine", [1.0, 0.5 + math.sqrt(0.125), 0.5, 0.5 - math.sqrt(0.125)]),
        ("exponential", [1.0, math.sqrt(0.1), 0.1, math.sqrt(0.001)]),
        ("step", [1.0, 1.0, 0.1, 0.01]),
        ("invscaling", [1.0, math.sqrt(1 / 2), math.sqrt(1 / 3), 0.5]),
    ],
)
def test_schedules_over_four_updates_by_hand(schedule: str, factors: list[float]) -> None:
    for optimizer in (SGD(0.5, schedule=schedule), Adam(0.5, beta1=0.0, beta2=0.0, epsilon=0.0,
                                                        schedule=schedule)):  # fmt: skip
        parameters, steps = np.array([0.0]), []
        state = optimizer.start(1)
        state.total = 4
        for _ in range(4):  # a gradient of 1 is a step of the step size with either
            before = parameters.copy()
            optimizer.update(parameters, np.array([1.0]), state)
            steps.append(float((before - parameters)[0]))
        assert steps == pytest.approx([0.5 * factor for factor in factors], rel=1e-9)


def test_fit_says_how_long_the_run_is() -> None:
    # 24 instances in batches of 7 are 4 updates to an epoch; of constant slope -1, lr 1, linear.
    class Slope(Module):
        def __init__(self) -> None:
            self.w = Value(0.0, "w")

        def __call__(self, x: Any) -> Any:
            return self.w

    def fall(y: Any, d: Any) -> Any:
        return -1.0 * y

    trained = Slope()
    quietly(trained, divergence=fall, optimizer=SGD(1.0, schedule="linear"), batch_size=7, epochs=2)
    assert trained.w.data == pytest.approx(sum(1.0 - k / 8 for k in range(8)))


def test_schedules_are_named_and_know_the_run() -> None:
    with pytest.raises(ValueError, match=f"one of {', '.join(SCHEDULES)}, got 'cos' of type str"):
        SGD(0.1, schedule="cos")
    with pytest.raises(ValueError, match="lr is a function of k already; leave out schedule"):
        Adam(lambda k: 0.1, schedule="linear")
    with pytest.raises(ValueError, match=r"fit\(\) says; in a loop of your own set state\.total"):
        SGD(0.1, schedule="linear").update(np.zeros(1), np.ones(1), State())
    SGD(0.1, schedule="invscaling").update(np.zeros(1), np.ones(1), State())


# Weight decay.


def test_weight_decay_of_adam_by_hand() -> None:
    # lr 1/4, decay 1/2, W = 2, gradient 3, no moments: Adam steps by lr times the sign of 3 + 1;
    # AdamW takes W to 2 (1 - 1/8) first.
    for kind, after in ((Adam, 1.75), (AdamW, 1.5)):
        optimizer = kind(0.25, beta1=0.0, beta2=0.0, epsilon=0.0, weight_decay=0.5)
        parameters = np.array([2.0])
        optimizer.update(parameters, np.array([3.0]), optimizer.start(1))
        assert parameters[0] == after
    # Where the gradient is 0, or less than the decay, the two part: 0 + 1 against 0.
    for kind, after in ((Adam, 1.75), (AdamW, 1.75)):
        optimizer = kind(0.25, beta1=0.0, beta2=0.0, epsilon=1e-30, weight_decay=0.5)
        parameters = np.array([2.0])
        optimizer.update(parameters, np.array([0.0]), optimizer.start(1))
        assert parameters[0] == after
    with pytest.raises(ValueError, match="weight_decay"):
        Adam(weight_decay=-0.1)


def test_a_plain_number_in_the_place_of_a_bias_is_not_trained() -> None:
    layer = Layer(2, 1, "linear")
    layer.neurons[0].b = 0.25  # type: ignore[assignment]
    trained = Sequential(layer)
    assert len(trained.parameters()) == 2
    quietly(trained, optimizer=SGD(0.5), epochs=2)
    [y] = trained([0.0, 0.0])
    assert y.data == layer.neurons[0].b == 0.25


# Accuracy, whatever the divergence.


@engines
@pytest.mark.parametrize(
    ("divergence", "targets"),
    [
        (binary_kl_from_logits, [1.0, 0.0, 1.0]),
        (hinge, [1.0, -1.0, 1.0]),
        (l2, [1.0, -1.0, 1.0]),
    ],
)
def test_an_accuracy_of_signs(divergence: Any, targets: list[float], engine: str) -> None:
    history = quietly(
        Line(1.0), [2.0, -0.25, -3.0], targets, divergence=divergence, epochs=1, engine=engine
    )
    assert history.accuracy == pytest.approx([2 / 3])


@pytest.mark.parametrize("targets", [[2.0, 3.0, 5.0], [0.5, 0.25, 1.0], [[0.5, 0.25]] * 3])
def test_numbers_to_be_met_have_no_accuracy(targets: Any) -> None:
    trained = Layer(1, np.ndim(targets) if np.ndim(targets) == 1 else 2, "linear")
    assert quietly(trained, [[0.1], [0.2], [0.3]], targets, divergence=l2).accuracy == []


@engines
@pytest.mark.parametrize("divergence", [kl_from_logits, hinge])
def test_class_numbers_train_as_one_hot_vectors_do(divergence: Any, engine: str) -> None:
    inputs, classes = datasets.spiral(12, seed=1)
    D3 = [int(c) + (i % 3 == 0) for i, c in enumerate(classes)]
    vectors = [[float(k == c) for k in range(3)] for c in D3]
    numbered, one_hot = (MLP(2, [3], rng=random.Random(1)) for _ in range(2))
    options: dict[str, Any] = {"divergence": divergence, "engine": engine}
    first = quietly(numbered, inputs, D3, **options)
    second = quietly(one_hot, inputs, vectors, **options)
    assert first.loss == pytest.approx(second.loss, rel=1e-13)
    assert first.accuracy == second.accuracy != []
    assert numbers(numbered) == pytest.approx(numbers(one_hot), rel=1e-12)
