"""Tests of `nn.fit` and `nn.EmpiricalRisk` on problems whose answers are known.

Least squares have a closed form, a step of gradient descent on three points can be done by hand,
and what an interrupted or diverging run leaves behind is compared with the parameters after the
steps that it had completed, worked out in fractions.
"""

import io
import itertools
import math
import os
import random
import re
import select
import signal
import subprocess
import sys
import time
import types
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
import nn
from autograd import StaleGraphError, Value, grad
from nn import (
    MLP,
    SGD,
    Adam,
    EmpiricalRisk,
    History,
    Layer,
    Module,
    Softmax,
    datasets,
    divergences,
    fit,
    predict,
)
from nn.divergences import (
    binary_kl,
    binary_kl_from_logits,
    cross_entropy,
    cross_entropy_from_logits,
    kl,
    kl_from_logits,
    l2,
)

properties = settings(max_examples=30, deadline=None, derandomize=True, database=None)

POINTS, HEIGHTS = [[0.0], [1.0], [2.0], [3.0]], [1.0, 3.0, 4.0, 4.0]
pytestmark = pytest.mark.usefixtures("equal_networks")
every_engine = pytest.mark.parametrize("engine", ["python", "numpy"])
CORNERS, EXCLUSIVE_OR = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0.0, 1.0, 1.0, 0.0]


class Line(Module):
    """y = w x, which can be told to do something at its n-th call."""

    def __init__(self, w: float = 0.0, at: int = 0, do: Callable[[], object] = list) -> None:
        self.w = Value(w, "w")
        self._calls, self._at, self._do = 0, at, do
        self._seen: list[Any] = []

    def __call__(self, x: Any) -> Value:
        self._calls += 1
        if self._calls == self._at:
            self._do()
        self._seen.append(x)
        return self.w * x


def interrupt() -> None:
    raise KeyboardInterrupt


def quietly(model: Any, X: Any, D: Any, **options: Any) -> History:
    return fit(model, X, D, progress=False, **options)


def bits(model: Module) -> list[str]:
    return [value.data.hex() for value in model.parameters()]


def descent(xs: Sequence[float], ds: Sequence[float], eta: Fraction, steps: int) -> Fraction:
    """w after some full-batch steps from 0 for y = w x and the L2 divergence, in fractions."""
    w = Fraction(0)
    for _ in range(steps):
        slope = sum((w * Fraction(x) - Fraction(d)) * Fraction(x) for x, d in zip(xs, ds))
        w -= eta * slope / len(xs)
    return w


# The empirical risk.


def test_the_risk_is_the_mean_divergence() -> None:
    # y = 2x at 0, 1, 2 and 4; d is off by 1, 1, 2 and 0: (1 + 1 + 4 + 0) / 2 / 4
    model = Line(2.0)
    loss = EmpiricalRisk(model, l2)([0.0, 1.0, 2.0, 4.0], [1.0, 1.0, 2.0, 8.0])
    assert isinstance(loss, Value)
    assert loss.data == 0.75
    # The derivative in w: mean of (y - d) x = (0 + 1 + 4 + 0) / 4
    assert grad(loss, [model.w]) == (1.25,)


def test_the_risk_of_one_instance_is_its_divergence() -> None:
    assert EmpiricalRisk(Line(2.0), l2)([3.0], [4.0]).data == 2.0


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=1, max_size=8))
@properties
def test_the_risk_against_numpy(pairs: list[tuple[float, float]]) -> None:
    xs, ds = [x for x, _ in pairs], [d for _, d in pairs]
    expected = 0.5 * np.mean((1.5 * np.array(xs) - ds) ** 2)
    assert EmpiricalRisk(Line(1.5), l2)(xs, ds).data == pytest.approx(expected, rel=1e-12)


def test_the_risk_takes_arrays_and_any_functions() -> None:
    risk = EmpiricalRisk(lambda x: x[0] * x[1], lambda y, d: abs(y - d))
    w = Value(3.0)
    X = [[w, 2.0], [w, 4.0]]
    assert risk(X, np.array([5.0, 5.0])).data == 4.0
    assert EmpiricalRisk(MLP(2, [1]), l2)(np.zeros((3, 2)), np.ones(3)).data == 0.5


@pytest.mark.parametrize(
    ("X", "D", "error", "message"),
    [
        ([], [], ValueError, "one instance at least, got an empty data set"),
        ([1.0], [1.0, 2.0], ValueError, "one target for each input, got 1 inputs and 2 targets"),
        ([1.0], [], ValueError, "got 1 inputs and 0 targets"),
        (itertools.count(), [1.0], ValueError, "got at least 2 inputs and 1 targets"),
        ([1.0], itertools.count(), ValueError, "got 1 inputs and at least 2 targets"),
        ([1.0], 1.0, TypeError, "D must be a list with one entry for each instance, got 1.0"),
        (None, [1.0], TypeError, "X must be a list .*got None of type NoneType"),
    ],
)
def test_the_risk_refuses_what_is_no_data_set(
    X: Any, D: Any, error: type[Exception], message: str
) -> None:
    for use in (
        lambda: EmpiricalRisk(Line(), l2)(X, D),
        lambda: quietly(Line(), X, D, divergence=l2),
        lambda: quietly(Line(), [1.0], [1.0], divergence=l2, validation=(X, D)),
    ):
        with pytest.raises(error, match=message):
            use()


def test_the_risk_refuses_what_cannot_be_called() -> None:
    with pytest.raises(TypeError, match=r"^model must be .* got 3 of type int$"):
        EmpiricalRisk(3, l2)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^divergence .* 'l2' of type str; write nn\.div\w+\.l2$"):
        EmpiricalRisk(Line(), "l2")  # type: ignore[arg-type]


def test_predict_gives_plain_lists() -> None:
    found = predict(Line(2.0), [1.0, 3.0])
    assert found == [[2.0], [6.0]]
    assert type(found[0][0]) is float
    assert predict(lambda x: [x, Value(1.0)], [2.0]) == [[2.0, 1.0]]
    assert predict(Softmax(), [[0.0, 0.0]]) == [[0.5, 0.5]]
    assert predict(Line(), []) == []


# Problems with a known answer.


def test_one_step_by_hand() -> None:
    # y = 0 for both, so the slope is the mean of (0 - 2) 1 and (0 - 3) 2, which is -4.
    model = Line()
    history = quietly(model, [1.0, 2.0], [2.0, 3.0], divergence=l2, optimizer=SGD(0.125), epochs=1)
    assert model.w.data == 0.5
    assert history.loss == [3.25]  # (4 + 9) / 2 / 2, before the step
    assert history.reason == "epochs"
    assert len(history) == len(history.seconds) == 1


@every_engine
def test_steps_follow_gradient_descent_bit_for_bit(engine: str) -> None:
    model = Line()
    quietly(
        model, [1.0, 2.0], [2.0, 3.0], divergence=l2, engine=engine, optimizer=SGD(0.125), epochs=8
    )
    assert model.w.data == float(descent([1.0, 2.0], [2.0, 3.0], Fraction(1, 8), 8))


@every_engine
def test_linear_regression_reaches_the_least_squares_line(engine: str) -> None:
    # By hand: the mean is (3/2, 3), the slope 5/5 and the intercept 3 - 3/2.
    model = MLP(1, [1])
    history = quietly(
        model, POINTS, HEIGHTS, divergence=l2, engine=engine, optimizer=SGD(0.4), epochs=250
    )
    found = model.state_dict()
    assert found["layer1.neuron0.w[0]"] == pytest.approx(1.0, abs=1e-10)
    assert found["layer1.neuron0.b"] == pytest.approx(1.5, abs=1e-10)
    # The residuals are 1/2, -1/2, -1/2 and 1/2.
    assert history.loss[-1] == pytest.approx(0.125, abs=1e-12)
    assert history.accuracy == []


def test_several_outputs_reach_the_least_squares_plane() -> None:
    rng = np.random.default_rng(0)
    X, D = rng.uniform(-1, 1, (12, 2)), rng.uniform(-1, 1, (12, 2))
    expected = np.linalg.lstsq(np.c_[X, np.ones(12)], D, rcond=None)[0]
    model = Layer(2, 2, "linear")
    quietly(model, X, D, divergence=l2, optimizer=SGD(1.0), epochs=150)
    for j in (0, 1):
        found = [value.data for value in model.neurons[j].parameters()]
        assert found == pytest.approx(expected[:, j], abs=1e-8)


def test_logistic_regression_reaches_the_shares_of_its_groups() -> None:
    # With one weight to a group the best probability is the group's share of ones.
    X = [[1.0, 0.0]] * 4 + [[0.0, 1.0]] * 5
    D = [1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0]
    model = MLP(2, [1], output="sigmoid")
    history = quietly(model, X, D, divergence=binary_kl, optimizer=SGD(4.0), epochs=150)
    shares = [y for [y] in predict(model, [[1.0, 0.0], [0.0, 1.0]])]
    assert shares == pytest.approx([0.25, 0.8], abs=1e-6)
    # The entropies of the two groups, in the shares of the data that they are.
    entropy = [-s * math.log(s) - (1 - s) * math.log(1 - s) for s in (0.25, 0.8)]
    assert history.loss[-1] == pytest.approx(4 / 9 * entropy[0] + 5 / 9 * entropy[1], abs=1e-9)
    assert history.accuracy[-1] == pytest.approx(7 / 9)


@pytest.mark.parametrize(
    ("divergence", "output"), [(binary_kl, "sigmoid"), (binary_kl_from_logits, "linear")]
)
def test_the_exclusive_or_is_learnt(divergence: Any, output: Any) -> None:
    model = MLP(2, [4, 1], output=output)
    history = quietly(
        model, CORNERS, EXCLUSIVE_OR, divergence=divergence, optimizer=Adam(0.1), epochs=120
    )
    assert history.accuracy[-1] == 1.0
    assert history.loss[-1] < 0.01


def test_a_single_layer_cannot_learn_the_exclusive_or() -> None:
    # Minsky and Papert: at best 3 of 4, and the least loss is log 2, at all outputs 1/2.
    model = MLP(2, [1], output="sigmoid")
    history = quietly(model, CORNERS, EXCLUSIVE_OR, optimizer=SGD(1.0), epochs=300)
    assert max(history.accuracy) <= 0.75
    assert history.loss[-1] == pytest.approx(math.log(2.0), abs=1e-3)


def test_moons_are_told_apart() -> None:
    X, d = datasets.moons(60, noise=0.1, seed=0)
    model = MLP(2, [8, 1])
    history = quietly(
        model, X, d, divergence=binary_kl_from_logits, optimizer=Adam(0.1), epochs=60, batch_size=20
    )
    assert history.accuracy[-1] >= 0.97
    unseen, answers = datasets.moons(200, noise=0.1, seed=1)
    assert nn.accuracy(predict(model, unseen), answers, threshold=0.0) >= 0.95


@pytest.mark.parametrize(
    ("divergence", "output"),
    [
        (kl, "softmax"),
        (cross_entropy, "softmax"),
        (kl_from_logits, "linear"),
        (cross_entropy_from_logits, "linear"),
    ],
)
def test_three_classes_are_told_apart(divergence: Any, output: Any) -> None:
    X = [[math.cos(t), math.sin(t)] for t in np.linspace(0.0, 6.0, 15)]
    D = [nn.one_hot(i // 5, 3) for i in range(15)]
    model = MLP(2, [3], output=output)
    history = quietly(model, X, D, divergence=divergence, optimizer=SGD(2.0), epochs=25)
    assert history.accuracy[-1] == 1.0


@every_engine
def test_a_described_divergence_of_ones_own_is_checked_and_scored(engine: str) -> None:
    @divergences.described(
        divergences.PROBABILITIES, targets=divergences.PROBABILITIES, decision=0.5
    )
    def squared(y: Any, d: Any) -> Value:
        [output], [target] = divergences.pair(squared, y, d)
        return (output - target) ** 2  # type: ignore[return-value]

    def plainly(y: Any, d: Any) -> Value:
        return squared(y, d)

    def train(divergence: Any, D: Any = EXCLUSIVE_OR, output: str = "sigmoid") -> History:
        model = MLP(2, [4, 1], output=output)
        return quietly(model, CORNERS, D, divergence=divergence, engine=engine, epochs=2)

    assert train(squared).loss == train(plainly).loss
    assert len(train(squared).accuracy) == 2 and not train(plainly).accuracy
    with pytest.raises(ValueError, match=r"squared\(\) takes outputs that are probabilities"):
        train(squared, output="linear")
    with pytest.raises(ValueError, match=r"instance 3: squared\(\) .*, but target 0 is 2\.0"):
        train(squared, [0.0, 1.0, 0.0, 2.0])


def test_the_defaults_are_adam_and_binary_kl() -> None:
    one, two = (MLP(2, [2, 1], output="sigmoid") for _ in range(2))
    quietly(one, CORNERS, EXCLUSIVE_OR, epochs=3)
    quietly(two, CORNERS, EXCLUSIVE_OR, epochs=3, divergence=binary_kl, optimizer=Adam(0.01))
    assert bits(one) == bits(two)


# What the history holds.


@every_engine
def test_the_loss_of_an_epoch_weighs_its_batches_by_their_size(engine: str) -> None:
    # With no step taken every batch meets the same model: (1 + 4 + 9) / 2 / 3, in any order.
    model = Line()
    standing = SGD(lambda k: 0.0)
    history = quietly(
        model,
        [1.0] * 3,
        [1.0, 2.0, 3.0],
        divergence=l2,
        engine=engine,
        optimizer=standing,
        epochs=3,
        batch_size=2,
    )
    assert history.loss == pytest.approx([7 / 3] * 3, rel=1e-15)
    assert model.w.data == 0.0


@every_engine
def test_each_batch_is_counted_as_it_was_met(engine: str) -> None:
    # One instance to a batch, eta 1: the first is learnt at once, and the second is right then.
    model = Line()
    history = quietly(
        model,
        [1.0, 1.0],
        [2.0, 2.0],
        divergence=l2,
        engine=engine,
        optimizer=SGD(1.0),
        epochs=2,
        batch_size=1,
    )
    assert history.loss == [1.0, 0.0]


@every_engine
def test_validation_is_measured_after_the_epoch_and_not_learnt_from(engine: str) -> None:
    model, alone = Line(), Line()
    history = quietly(
        model,
        [1.0],
        [2.0],
        divergence=l2,
        engine=engine,
        optimizer=SGD(0.5),
        epochs=3,
        validation=([1.0, 2.0], [2.0, 4.0]),
    )
    quietly(alone, [1.0], [2.0], divergence=l2, engine=engine, optimizer=SGD(0.5), epochs=3)
    assert model.w.data == alone.w.data == 1.75
    assert history.loss == [2.0, 0.5, 0.125]
    # w is 1, 3/2 and 7/4 then: (2 - w)^2 (1 + 4) / 2 / 2
    assert history.validation_loss == [1.25, 0.3125, 0.078125]
    assert history.validation_accuracy == []
    assert len(history.seconds) == 3 and min(history.seconds) >= 0.0


@every_engine
def test_accuracy_is_that_of_the_outputs_that_made_the_loss(engine: str) -> None:
    # Logits x of three points, of which the second is wrong; no step is taken.
    model = Line(1.0)
    history = quietly(
        model,
        [-0.5, 2.0, 0.25],
        [0.0, 0.0, 1.0],
        divergence=binary_kl_from_logits,
        engine=engine,
        optimizer=SGD(lambda k: 0.0),
        epochs=2,
        batch_size=2,
        validation=([-0.25, 0.25], [1.0, 1.0]),
    )
    assert history.accuracy == pytest.approx([2 / 3, 2 / 3])
    assert history.validation_accuracy == [0.5, 0.5]


@pytest.mark.parametrize(("divergence", "accuracy"), [(kl_from_logits, [0.5]), (l2, [0.5])])
def test_one_hot_vectors_have_an_accuracy(divergence: Any, accuracy: list[float]) -> None:
    model = Layer(2, 2, "linear")
    model.load_state_dict(dict.fromkeys(model.state_dict(), 0.0))
    model.neurons[0].w[0].data = 1.0
    history = quietly(
        model,
        [[1.0, 0.0], [2.0, 0.0]],
        [[1.0, 0.0], [0.0, 1.0]],
        divergence=divergence,
        epochs=1,
    )
    assert history.accuracy == accuracy


def test_several_labels_of_one_instance_have_no_accuracy() -> None:
    # Both may hold at once, so that the largest of the two outputs is not "the" class.
    model, D = Layer(1, 2, "sigmoid"), [[1.0, 1.0], [0.0, 0.0]]
    history = quietly(model, [[1.0], [2.0]], D, divergence=binary_kl, epochs=1)
    assert (len(history.loss), history.accuracy) == (1, [])


def test_a_history_reads_like_a_line() -> None:
    assert str(History(reason="interrupted")) == "no epoch was finished (interrupted)"
    history = History(loss=[0.5, 0.123456789])
    assert (len(history), str(history)) == (2, "epoch 2  loss 0.123457")
    history = History([0.5], [0.875], [0.25], [1.0], [0.1])
    assert str(history) == (
        "epoch 1  loss 0.5  accuracy 87.5%  validation loss 0.25  validation accuracy 100.0%"
    )


# Determinism, and the order of the data.

DETERMINED = """
import nn
from nn.divergences import kl_from_logits
X, d = nn.datasets.xor(12, 0.2, 3)
D = [nn.one_hot(int(c), 2) for c in d]
model = nn.MLP(2, [3, 2], activation="relu")
history = nn.fit(
    model, X, D, divergence=kl_from_logits, epochs=4, batch_size=5, seed=7, progress=False
)
print([value.data.hex() for value in model.parameters()], [loss.hex() for loss in history.loss])
"""


def in_a_process(program: str, measured: bool = True, **options: Any) -> "subprocess.Popen[str]":
    root = str(Path(nn.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": root, **options.pop("env", {})}
    if not measured:
        environment = {k: v for k, v in environment.items() if not k.startswith("COVERAGE_")}
    return subprocess.Popen([sys.executable, "-c", program], env=environment, text=True, **options)


def test_a_run_is_the_same_in_every_process(capsys: pytest.CaptureFixture[str]) -> None:
    started = [
        in_a_process(DETERMINED, env={"PYTHONHASHSEED": seed}, stdout=subprocess.PIPE)
        for seed in ("1", "4242")
    ]
    exec(DETERMINED, {})
    here = capsys.readouterr().out
    assert "0x" in here
    for process in started:
        assert process.communicate(timeout=60)[0] == here
        assert process.returncode == 0


def trained(seed: int, batch_size: int | None) -> tuple[list[str], list[float]]:
    X, d = datasets.xor(10, 0.2, 0)
    model = MLP(2, [2, 1], output="sigmoid")
    history = quietly(model, X, d, epochs=3, batch_size=batch_size, seed=seed)
    return bits(model), history.loss


def test_the_seed_decides_the_order_of_the_batches() -> None:
    assert trained(1, 3) == trained(1, 3)
    assert trained(1, 3) != trained(2, 3)
    assert trained(1, 3) != trained(1, 4)


def test_a_single_batch_has_no_order() -> None:
    assert trained(1, None) == trained(2, None) == trained(3, 10) == trained(4, 1000)


def test_every_epoch_takes_each_instance_once_in_an_order_of_its_own() -> None:
    model, X = Line(), [float(i) for i in range(1, 12)]
    quietly(
        model, X, X, divergence=l2, engine="python", optimizer=SGD(1e-3), epochs=3, batch_size=4
    )
    epochs = [model._seen[start : start + 11] for start in (0, 11, 22)]
    assert len(model._seen) == 33
    assert all(sorted(epoch) == X for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs} | {tuple(X)}) == 4


def test_a_whole_batch_is_taken_in_the_order_of_the_data() -> None:
    model, X = Line(), [3.0, 1.0, 2.0]
    quietly(model, X, X, divergence=l2, engine="python", epochs=2)
    assert model._seen == X * 2


@every_engine
def test_inputs_and_targets_stay_together(engine: str) -> None:
    # d = 3 x for every instance, so any order learns w = 3, and none does if pairs are torn.
    model, X = Line(), [0.5, -1.0, 1.5, -2.0, 1.0]
    D = [3.0 * x for x in X]
    history = quietly(
        model, X, D, divergence=l2, engine=engine, optimizer=SGD(0.25), epochs=40, batch_size=2
    )
    assert model.w.data == pytest.approx(3.0, abs=1e-6)
    assert history.loss[-1] < 1e-12


def test_the_last_batch_may_be_smaller() -> None:
    sizes = []
    optimizer = SGD(0.1)
    update = optimizer.update

    def count(parameters: Any, gradient: Any, state: Any) -> None:
        sizes.append(model._calls)
        update(parameters, gradient, state)

    optimizer.update = count  # type: ignore[method-assign]
    model = Line()
    quietly(
        model,
        [1.0] * 7,
        [1.0] * 7,
        divergence=l2,
        engine="python",
        optimizer=optimizer,
        epochs=1,
        batch_size=3,
    )
    assert sizes == [3, 6, 7]


def test_no_global_random_state_is_used_or_changed() -> None:
    random.seed(1)
    np.random.seed(1)
    before, numpy_before = random.getstate(), np.random.get_state()[1].tolist()
    one = trained(5, 3)
    assert random.getstate() == before
    assert np.random.get_state()[1].tolist() == numpy_before
    random.seed(2)
    assert trained(5, 3) == one


def test_the_data_are_left_alone() -> None:
    X, D = [[1.0], [2.0], [3.0]], [1.0, 0.0, 1.0]
    quietly(MLP(1, [1], output="sigmoid"), X, D, epochs=2, batch_size=1)
    assert (X, D) == ([[1.0], [2.0], [3.0]], [1.0, 0.0, 1.0])


def test_arrays_and_lists_train_alike() -> None:
    one, two = MLP(2, [1], output="sigmoid"), MLP(2, [1], output="sigmoid")
    quietly(one, CORNERS, EXCLUSIVE_OR, epochs=3, batch_size=3)
    quietly(two, np.array(CORNERS), np.array(EXCLUSIVE_OR), epochs=3, batch_size=3)
    assert bits(one) == bits(two)


def test_a_second_run_goes_on_from_the_first() -> None:
    model = Line()
    for _ in range(2):
        quietly(model, [1.0, 2.0], [2.0, 3.0], divergence=l2, optimizer=SGD(0.125), epochs=3)
    assert model.w.data == float(descent([1.0, 2.0], [2.0, 3.0], Fraction(1, 8), 6))


def test_one_optimizer_serves_two_runs() -> None:
    adam = Adam(0.1)
    shared, own = [], []
    for kept, optimizer in ((shared, lambda: adam), (own, lambda: Adam(0.1))):
        for w in (0.0, 5.0):
            model = Line(w)
            quietly(model, [1.0], [2.0], divergence=l2, optimizer=optimizer(), epochs=4)
            kept.append(model.w.data)
    assert shared == own


def test_gradients_of_the_users_are_left_alone() -> None:
    model = Line(1.0)
    model.w.grad = 17.0
    quietly(model, [1.0], [2.0], divergence=l2, epochs=2)
    assert model.w.grad == 17.0


# When to stop.


def test_no_epochs_change_nothing() -> None:
    model = MLP(1, [2, 1])
    model.layer1.neuron0.b.data = -0.0
    before = bits(model)
    history = quietly(model, POINTS, HEIGHTS, divergence=l2, epochs=0)
    assert bits(model) == before
    assert (len(history), history.loss, history.reason) == (0, [], "epochs")


def test_the_tolerance_stops_when_two_losses_are_near() -> None:
    # The error halves with each step, so the losses are 2, 1/2, 1/8, 1/32 ...
    for tolerance, epochs in ((0.5, 3), (0.375, 3), (0.374, 4), (0.09375, 4), (1e9, 2)):
        history = quietly(
            Line(),
            [1.0],
            [2.0],
            divergence=l2,
            optimizer=SGD(0.5),
            epochs=10,
            tolerance=tolerance,
        )
        assert (len(history), history.reason) == (epochs, "tolerance"), tolerance


def test_a_tolerance_of_zero_waits_until_nothing_moves() -> None:
    history = quietly(
        Line(), [1.0], [2.0], divergence=l2, optimizer=SGD(1.0), epochs=9, tolerance=0.0
    )
    assert history.loss == [2.0, 0.0, 0.0]
    assert history.reason == "tolerance"


@every_engine
def test_a_callback_sees_the_model_and_the_history_after_every_epoch(engine: str) -> None:
    seen = []

    def watch(model: Module, history: History) -> None:
        seen.append((model.parameters()[0].data, len(history), list(history.loss)))

    model = Line()
    quietly(
        model,
        [1.0],
        [2.0],
        divergence=l2,
        engine=engine,
        optimizer=SGD(0.5),
        epochs=3,
        callbacks=[watch, watch],
    )
    assert seen[::2] == seen[1::2]
    assert seen[::2] == [
        (1.0, 1, [2.0]),
        (1.5, 2, [2.0, 0.5]),
        (1.75, 3, [2.0, 0.5, 0.125]),
    ]


@pytest.mark.parametrize(
    ("answer", "stops"),
    [(True, True), (np.bool_(True), True), (False, False), (None, False), (1.0, False), (1, False)],
    ids=repr,
)
def test_a_callback_that_returns_true_stops(answer: Any, stops: bool) -> None:
    # A callback that returns a loss or an accuracy of 1 does not ask for the end.
    called = []
    history = quietly(
        Line(),
        [1.0],
        [2.0],
        divergence=l2,
        epochs=4,
        callbacks=[
            lambda model, history: answer if len(history) == 2 else None,
            lambda model, history: called.append(len(history)),
        ],
    )
    assert history.reason == ("callback" if stops else "epochs")
    assert called == ([1, 2] if stops else [1, 2, 3, 4])


@every_engine
def test_a_callback_may_put_the_best_parameters_back(engine: str) -> None:
    # Too large a step: w is 0, 5, -5/2 ... and the loss only grows.
    model, states = Line(), []

    def stop_early(model: Module, history: History) -> bool:
        states.append(model.state_dict())
        if len(history) == 3:
            model.load_state_dict(states[0])
        return len(history) == 3

    quietly(
        model,
        [1.0],
        [2.0],
        divergence=l2,
        engine=engine,
        optimizer=SGD(2.5),
        epochs=9,
        callbacks=[stop_early],
    )
    assert model.w.data == states[0]["w"] == 5.0


@every_engine
def test_training_goes_on_from_where_a_callback_put_the_parameters(engine: str) -> None:
    def clip(model: Module, history: History) -> None:
        for value in model.parameters():
            value.data = min(value.data, 1.0)

    # Each step leads half the way to 4: 0 to 2, clipped to 1, to 5/2, clipped to 1 ...
    model = Line()
    history = quietly(
        model,
        [1.0],
        [4.0],
        divergence=l2,
        engine=engine,
        optimizer=SGD(0.5),
        epochs=3,
        callbacks=[clip],
    )
    assert history.loss == [8.0, 4.5, 4.5]
    assert model.w.data == 1.0


# Ctrl-C.


@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.parametrize("call", range(1, 13))
def test_an_interruption_in_the_model_keeps_the_last_complete_step(
    batch_size: int, call: int
) -> None:
    xs = [1.0, 2.0, 0.5, 4.0]
    rule = dict(zip(xs, [2.0, 3.0, 1.0, 1.0]))
    options: dict[str, Any] = {
        "divergence": l2,
        "engine": "python",
        "optimizer": SGD(0.125),
        "epochs": 3,
        "batch_size": batch_size,
    }
    # The same run without an interruption tells in which order the inputs come.
    whole = Line()
    complete = quietly(whole, xs, [rule[x] for x in xs], **options)
    w, path = Fraction(0), [Fraction(0)]
    for first in range(0, 12, batch_size):
        batch = whole._seen[first : first + batch_size]
        slope = sum((w * Fraction(x) - Fraction(rule[x])) * Fraction(x) for x in batch)
        w -= slope / 8 / len(batch)
        path.append(w)
    assert whole.w.data == pytest.approx(float(path[-1]), rel=1e-12)

    model = Line(at=call, do=interrupt)
    history = quietly(model, xs, [rule[x] for x in xs], **options)
    assert history.reason == "interrupted"
    assert history.loss == complete.loss[: (call - 1) // 4]
    assert len(history.seconds) == len(history)
    assert model.w.data == pytest.approx(float(path[(call - 1) // batch_size]), rel=1e-12)


@every_engine
def test_an_interruption_in_a_callback_keeps_the_epoch(engine: str) -> None:
    def callback(model: Module, history: History) -> None:
        if len(history) == 2:
            model.parameters()[0].data = 99.0
            raise KeyboardInterrupt

    model = Line()
    history = quietly(
        model,
        [1.0],
        [2.0],
        divergence=l2,
        engine=engine,
        optimizer=SGD(0.5),
        epochs=9,
        callbacks=[callback],
    )
    assert (history.loss, history.reason) == ([2.0, 0.5], "interrupted")
    assert model.w.data == 1.5


def test_an_interruption_in_the_validation_leaves_no_half_epoch() -> None:
    # Calls 1 and 4 train, 2, 3, 5 and 6 validate.
    model = Line(at=6, do=interrupt)
    history = quietly(
        model,
        [1.0],
        [2.0],
        divergence=l2,
        engine="python",
        optimizer=SGD(0.5),
        epochs=9,
        validation=([1.0, 1.0], [2.0, 2.0]),
    )
    assert history.reason == "interrupted"
    assert (history.loss, history.validation_loss, len(history.seconds)) == ([2.0], [0.5], 1)
    assert model.w.data == 1.5


@every_engine
def test_an_interruption_in_the_middle_of_an_update_takes_the_update_back(engine: str) -> None:
    class Half(SGD):
        def update(self, parameters: Any, gradient: Any, state: Any) -> None:
            if state.k == 2:
                parameters[0] = 99.0
                raise KeyboardInterrupt
            super().update(parameters, gradient, state)

    model = Line()
    history = quietly(
        model, [1.0], [2.0], divergence=l2, engine=engine, optimizer=Half(0.5), epochs=9
    )
    assert (history.loss, history.reason, model.w.data) == ([2.0, 0.5], "interrupted", 1.5)


def test_an_interruption_before_the_first_step_changes_nothing() -> None:
    model = Line(0.75, at=1, do=interrupt)
    history = quietly(model, [1.0], [2.0], divergence=l2)
    assert (history.loss, history.reason, model.w.data) == ([], "interrupted", 0.75)
    assert str(history) == "no epoch was finished (interrupted)"


CTRL_C = """
import signal
import nn
from nn.divergences import binary_kl_from_logits
X, d = nn.datasets.moons(40, 0.1, 0)
model = nn.MLP(2, [6, 1])
complete = [[value.data for value in model.parameters()]]

class Recording(nn.SGD):
    def update(self, parameters, gradient, state):
        super().update(parameters, gradient, state)
        complete.append(parameters.tolist())

def ready(model, history):
    if len(history) == 2:
        print("ready", flush=True)

# A shell starts what runs in the background with the signal ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
history = nn.fit(
    model, X, d, divergence=binary_kl_from_logits, optimizer=Recording(0.01), epochs=10**6,
    batch_size=8, callbacks=[ready], engine=ENGINE,
)
left = [value.data for value in model.parameters()]
# The signal may come after an update was recorded and before fit() took it for complete.
whole = len(history.seconds) == len(history) >= 2
print(history.reason, whole, left in complete[-2:])
"""


@pytest.mark.skipif(os.name == "nt", reason="signals are sent in another way there")
@every_engine
def test_a_real_ctrl_c_returns_what_was_learnt(engine: str) -> None:
    process = in_a_process(
        CTRL_C.replace("ENGINE", repr(engine)),
        measured=False,  # an interrupted coverage.py may wait for ever
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert out == "interrupted True True\n"
    assert process.returncode == 0
    assert "Traceback" not in err
    assert re.search(r"stopped after \d+ of 1000000: interrupted\n$", err)


# Divergence.


def diverging(model: Module, X: Any, D: Any, **options: Any) -> tuple[History, str]:
    with pytest.warns(RuntimeWarning) as caught:
        history = quietly(model, X, D, **options)
    [warning] = caught
    assert warning.filename == __file__, "the warning points to who called fit()"
    assert history.reason.startswith("diverged: ")
    assert history.reason.removeprefix("diverged: ") in str(warning.message)
    assert "the model keeps the last good parameters" in str(warning.message)
    return history, str(warning.message)


@every_engine
def test_an_infinite_loss_names_the_first_bad_node_and_keeps_good_parameters(engine: str) -> None:
    # w grows by 10^60 with each step, and (w x - d)^2 overflows beyond 10^154.
    model = Line(1.0)
    history, message = diverging(
        model, [1.0], [0.0], divergence=l2, engine=engine, optimizer=SGD(1e60), epochs=10
    )
    assert re.search(
        r"fit\(\) stopped: the loss became inf in training instance 0: "
        r"\(w \* 1\.0 - 0\.0\) \*\* 2\.0 = "
        r"\(-(1e\+180|9\.9+8e\+179)\) \*\* 2\.0 is inf, made at test_training\.py:\d+; ",
        message,
    )
    assert [round(math.log10(loss)) for loss in history.loss] == [0, 120, 240]
    # 10^120 is the last that gave a finite loss; the step from there led to -10^180.
    assert model.w.data == pytest.approx(1e120)
    assert math.isfinite(EmpiricalRisk(model, l2)([1.0], [0.0]).data)


def test_the_line_that_made_the_first_bad_value_is_named() -> None:
    class Logarithm(Module):
        def __init__(self) -> None:
            self.w = Value(-2.0, "w")

        def __call__(self, x: float) -> Value:
            self._line = sys._getframe().f_lineno + 1
            inner = autograd.log(self.w * x)
            return autograd.exp(inner + 1.0) * inner

    model = Logarithm()
    history, message = diverging(model, [1.0], [0.0], divergence=l2)
    assert (
        f"the loss became nan in training instance 0: log(w * 1.0) = log(-2.0) is nan, made at "
        f"test_training.py:{model._line}; "
    ) in message
    assert message.endswith(
        f"\n  w * 1.0 = (-2.0) * 1.0 = -2.0, made at test_training.py:{model._line}"
    )
    assert (len(history), model.w.data) == (0, -2.0)


@every_engine
@pytest.mark.parametrize("batch_size", [None, 3])
def test_a_bad_input_is_shown_in_the_operation_that_met_it(
    engine: str, batch_size: int | None
) -> None:
    model = Line()
    inputs = [*range(1, 7), math.nan, 8]
    history, message = diverging(
        model, inputs, [0.0] * 8, divergence=l2, engine=engine, batch_size=batch_size, epochs=3
    )
    number = r"(\d\.\d+)"
    assert re.search(
        rf"the loss became nan in training instance 6: w \* nan = {number} \* nan is nan", message
    )
    assert len(history) == 0 and math.isfinite(model.w.data)


@every_engine
def test_a_sum_over_finite_instances_may_overflow(engine: str) -> None:
    _, message = diverging(
        Line(1e154), [1.0] * 8, [0.0] * 8, divergence=l2, engine=engine, optimizer=SGD(1e-300)
    )
    assert "the loss became inf in the sum over a batch: 5e+307 + 5e+307 + " in message


@every_engine
def test_a_gradient_may_be_nan_where_the_loss_is_finite(engine: str) -> None:
    # tanh(inf) is 1 and its slope 0, which the input multiplies by infinity.
    model = MLP(1, [1], "tanh", output="tanh")
    model.load_state_dict(dict.fromkeys(model.state_dict(), 0.5))
    _, message = diverging(model, [[1.0], [math.inf]], [0.0, 1.0], divergence=l2, engine=engine)
    assert (
        "the gradient of layer1.neuron0.w[0] became nan in training instance 1: "
        "layer1.neuron0.w[0] * inf = 0.5 * inf is inf"
    ) in message


def test_a_bad_parameter_is_named() -> None:
    model = MLP(1, [2, 1])
    model.layer2.neuron0.b.data = math.inf
    before = model.state_dict()
    with pytest.warns(RuntimeWarning) as caught:
        history = quietly(model, [[1.0]], [0.0], divergence=l2)
    assert (history.loss, model.state_dict()) == ([], before)
    [warning] = caught
    assert str(warning.message) == (
        "fit() stopped: the parameter layer2.neuron0.b is inf; it was so before the first update, "
        "and nothing was changed; give it a finite number, by p.data = ..., or make the model anew"
    )


@every_engine
def test_a_softmax_of_one_output_is_not_called_a_saturated_sigmoid(engine: str) -> None:
    model = MLP(1, [1], output="softmax")
    _, message = diverging(model, [[1.0], [2.0]], [0.0, 1.0], engine=engine)
    assert "a softmax of one output is always 1: build the model with output='sigmoid'" in message
    with pytest.raises(ValueError, match=r"sum to 0\.0; .* a model with output='sigmoid'"):
        quietly(model, [[1.0]], [0.0], engine=engine, divergence=nn.divergences.kl)


@pytest.mark.parametrize("engine", [None, "python", "numpy"])
def test_what_was_computed_in_init_is_named(engine: str | None) -> None:
    class Doubled(Module):
        def __init__(self) -> None:
            self.a = Value(2.0, "a")
            self.parts = [self.a * 2.0 + 1.0]

        def __call__(self, x: float) -> Value:
            return self.parts[0] * x

    model = Doubled()
    with pytest.raises(
        StaleGraphError, match=r"^the model's parts\[0\] was computed outside of __c"
    ):
        quietly(model, [1.0, 2.0], [0.0, 0.0], engine=engine, divergence=l2)
    if engine != "python":  # where the first epoch, which was right, can be seen no more
        assert model.a.data == 2.0


@every_engine
def test_a_model_may_change_the_instance_that_it_is_given(engine: str) -> None:
    class Rough(Module):
        def __init__(self) -> None:
            self.w = Value(1.0, "w")

        def __call__(self, x: Any) -> Value:
            x[0][0] *= 2.0
            x.append(x[0][0] + 1.0)
            return self.w * x[0][0] + x[-1]

    def rough(y: Value, d: Any) -> Value:
        d[0] += 1.0
        return l2(y, d)

    X, D = [[[1.0]], [[3.0]]], [[3.0], [10.0]]
    # Outputs 2 w + 3 and 6 w + 7, targets 4 and 11: residuals 1 and 2 at w = 1.
    model = Rough()
    options = {"divergence": rough, "optimizer": SGD(0.1), "epochs": 1, "engine": engine}
    assert quietly(model, X, D, **options).loss == [1.25]
    assert model.w.data == pytest.approx(1.0 - 0.1 * (1 * 2 + 2 * 6) / 2)
    model.w.data = 1.0
    assert predict(model, X, engine=engine) == [[5.0], [13.0]]
    assert EmpiricalRisk(model, rough)(X, D).data == 1.25
    assert (X, D) == ([[[1.0]], [[3.0]]], [[3.0], [10.0]])
    table = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert predict(lambda x: x.fill(5.0) or x, table) == [[5.0, 5.0]] * 2
    assert table.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_long_sums_are_shortened() -> None:
    model = MLP(6, [1])
    model.load_state_dict(dict.fromkeys(model.state_dict(), 1e308))
    _, message = diverging(model, [[1.0] * 6], [0.0], divergence=l2)
    first, *details = message.splitlines()
    assert "1e+308 + 1e+308 + 1e+308 + ... + " in first and len(details) == 7
    assert details[-1] == "  and 1 more operands, which are no larger"


@every_engine
def test_an_infinite_gradient_names_its_parameter(engine: str) -> None:
    class Root(Module):
        def __init__(self) -> None:
            self.scale, self.w = Value(1.0, "scale"), Value(0.0, "w")

        def __call__(self, x: float) -> Value:
            return self.scale * autograd.sqrt(self.w * x)

    model = Root()
    history, message = diverging(model, [1.0], [1.0], divergence=l2, engine=engine)
    assert (
        "the gradient of w became -inf in training instance 0: "
        "the derivative of loss by w * 1.0 is -inf; "
    ) in message
    assert (
        "\nit receives -1.0 * inf = -inf from\n  sqrt(w * 1.0) = sqrt(0.0) = 0.0, made at "
        in message
    )
    assert (len(history), model.w.data, model.scale.data) == (0, 0.0, 1.0)
    model.w.label = ""
    _, message = diverging(model, [1.0], [1.0], divergence=l2, engine=engine)
    assert "the gradient of w became" in message  # its name in the state_dict


@every_engine
def test_an_update_that_overflows_names_its_parameter(engine: str) -> None:
    model = Line()
    history, message = diverging(
        model, [10.0], [1.0], divergence=l2, engine=engine, optimizer=SGD(1e308), epochs=5
    )
    assert "the update of w made it inf" in message
    assert (history.loss, model.w.data) == ([], 0.0)


def test_adam_without_an_epsilon_may_divide_by_zero_and_keeps_the_parameters() -> None:
    model = MLP(2, [1])
    before = bits(model)
    _, message = diverging(
        model, [[1.0, 0.0]], [1.0], divergence=l2, optimizer=Adam(0.1, epsilon=0.0)
    )
    assert "the update of layer1.neuron0.w[1] made it nan" in message
    assert bits(model) == before


@every_engine
def test_a_divergence_in_the_middle_of_an_epoch_goes_back_to_what_was_finite(engine: str) -> None:
    # Four batches of one: each step multiplies w by -10^60, as above.
    model = Line(1.0)
    history, _ = diverging(
        model,
        [1.0] * 4,
        [0.0] * 4,
        divergence=l2,
        engine=engine,
        optimizer=SGD(1e60),
        epochs=1,
        batch_size=1,
    )
    assert history.loss == []
    assert model.w.data == pytest.approx(1e120)


@every_engine
def test_divergence_in_a_loss_that_is_no_value_of_the_parameters(engine: str) -> None:
    with pytest.raises(TypeError, match=r"the loss is 0\.5 of type float; compute with autograd's"):
        quietly(Line(), [1.0], [1.0], divergence=lambda y, d: 0.5, engine=engine)


# Arguments that cannot be used.


BAD_ARGUMENTS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "negative epochs": (
        {"epochs": -1},
        ValueError,
        "epochs must be a whole number of at least 0, got -1",
    ),
    "half an epoch": ({"epochs": 1.5}, TypeError, r"epochs must be .*, got 1\.5 of type float"),
    "true epochs": ({"epochs": True}, TypeError, "epochs must be a whole number .*, got True"),
    "no batch": ({"batch_size": 0}, ValueError, "batch_size must be .* of at least 1, got 0"),
    "half a batch": ({"batch_size": 0.5}, TypeError, r"batch_size must be .*, got 0\.5 of type"),
    "a negative tolerance": ({"tolerance": -1.0}, ValueError, r"tolerance .*at least 0, got -1\.0"),
    "a nan tolerance": ({"tolerance": math.nan}, ValueError, "tolerance .*got nan"),
    "a named tolerance": ({"tolerance": "small"}, TypeError, "tolerance: .*got 'small'"),
    "a named optimizer": (
        {"optimizer": "adam"},
        TypeError,
        r"optimizer must be one that has been made, such as SGD\(0\.1\).*, got 'adam'",
    ),
    "an optimizer's class": ({"optimizer": Adam}, TypeError, "optimizer must be .*got <class"),
    "a step size": ({"optimizer": 0}, TypeError, "optimizer must be .*got 0"),
    "a named divergence": ({"divergence": "l2"}, TypeError, "to call, got 'l2' of type str"),
    "one callback": ({"callbacks": print}, TypeError, "callbacks must be a list .*built-in"),
    "named callbacks": ({"callbacks": ["stop"]}, TypeError, r"callbacks .*got \['stop'\]"),
    "no callbacks": ({"callbacks": None}, TypeError, "callbacks must be a list .*got None"),
    "a validation set": ({"validation": 3}, TypeError, "validation must be a pair .*got 3"),
    "inputs to validate": ({"validation": [[1.0]]}, TypeError, "validation must be a pair"),
    "torn validation": ({"validation": ([1.0], [])}, ValueError, "got 1 inputs and 0 targets"),
    "a list for a seed": ({"seed": [1]}, TypeError, "seed"),
}


@pytest.mark.parametrize("case", BAD_ARGUMENTS)
def test_bad_arguments_are_refused_and_change_nothing(case: str) -> None:
    options, error, message = BAD_ARGUMENTS[case]
    model = Line(0.25)
    for epochs in (0, 5):
        asked = {"divergence": l2, "batch_size": 1, "epochs": epochs, **options}
        with pytest.raises(error, match=message):
            quietly(model, [1.0, 2.0], [1.0, 2.0], **asked)
    assert model.w.data == 0.25
    assert model._calls == 0


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (lambda x: x, TypeError, "fit\\(\\) trains an nn.Module, got <function"),
        (None, TypeError, "got None of type NoneType"),
        (Line, TypeError, "got <class '.*Line'> of type"),
        (Softmax(), ValueError, r"Softmax\(0 parameters\) has no parameters"),
    ],
)
def test_what_is_no_model_is_refused(model: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        quietly(model, [1.0], [1.0])


@pytest.mark.parametrize(
    ("D", "validation", "message"),
    [
        ([1.0, 0.0, 1.0, 7.0], None, r"^training instance 3: .* target 0 is 7\.0"),
        ([1.0, 0.0, "cat", 1.0], None, r"training instance 2: .*'cat'|^D\[2\] .*'cat'"),
        (
            [1.0, 0.0, 1.0, 1.0],
            ([1.0, 1.0], [0.0, -1.0]),
            r"^validation instance 1: .* target 0 is -1\.0",
        ),
    ],
)
@pytest.mark.parametrize("batch_size", [1, 2, None])
@every_engine
def test_a_bad_target_found_late_in_the_first_epoch_changes_nothing(
    D: Any, validation: Any, message: str, batch_size: int | None, engine: str
) -> None:
    model = Line(0.25)
    with pytest.raises((ValueError, TypeError), match=message):
        quietly(
            model,
            [1.0, 2.0, 3.0, 4.0],
            D,
            divergence=binary_kl_from_logits,
            validation=validation,
            batch_size=batch_size,
            engine=engine,
        )
    assert model.w.data == 0.25


def test_an_error_in_a_later_epoch_keeps_what_was_learnt() -> None:
    def schedule(k: int) -> float:
        return 0.5 if k < 2 else math.nan

    model = Line()
    with pytest.raises(
        ValueError, match=r"^lr\(2\) must be a finite number of at least 0, got nan"
    ):
        quietly(model, [1.0], [2.0], divergence=l2, optimizer=SGD(schedule))
    assert model.w.data == 1.5

    def broken(model: Module, history: History) -> None:
        raise ZeroDivisionError

    model = Line()
    with pytest.raises(ZeroDivisionError):
        quietly(model, [1.0], [2.0], divergence=l2, optimizer=SGD(0.5), callbacks=[broken])
    assert model.w.data == 1.0


# What is shown meanwhile.


def shown(capsys: pytest.CaptureFixture[str], epochs: int, **options: Any) -> list[str]:
    fit(Line(), [1.0], [2.0], divergence=l2, optimizer=SGD(0.5), epochs=epochs, **options)
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


def test_lines_on_something_that_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, 3) == [
        "[1/3] epoch 1  loss 2",
        "[2/3] epoch 2  loss 0.5",
        "[3/3] epoch 3  loss 0.125",
    ]


@pytest.mark.parametrize("epochs", [1, 9, 10, 11, 19, 20, 25, 99, 109])
def test_about_ten_lines_of_which_the_last_is_the_end(
    capsys: pytest.CaptureFixture[str], epochs: int
) -> None:
    lines = shown(capsys, epochs)
    assert min(epochs, 5) <= len(lines) <= 11
    assert lines[-1].startswith(f"[{epochs}/{epochs}] epoch {epochs}  loss ")
    assert len(set(lines)) == len(lines)


def test_an_early_end_is_said_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, 100, tolerance=0.4) == [
        "[3/100] epoch 3  loss 0.125",
        "stopped after 3 of 100: tolerance",
    ]
    assert shown(capsys, 2, callbacks=[lambda model, history: True]) == [
        "[1/2] epoch 1  loss 2",
        "stopped after 1 of 2: callback",
    ]
    fit(Line(at=1, do=interrupt), [1.0], [2.0], divergence=l2, epochs=2)
    assert capsys.readouterr().err == "stopped after 0 of 2: interrupted\n"


def test_no_epochs_say_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, 0) == []


def test_nothing_is_shown_without_progress(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, 30, progress=False) == []
    assert shown(capsys, 30, progress=False, tolerance=10.0) == []


def test_a_notebook_has_one_line_that_the_next_takes_the_place_of(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs: list[str] = []

    def display(shown: object, display_id: bool) -> types.SimpleNamespace:
        assert display_id
        outputs.append(repr(shown))
        at = len(outputs) - 1
        return types.SimpleNamespace(update=lambda x: outputs.__setitem__(at, repr(x)))

    ipython: Any = types.ModuleType("IPython")
    ipython.display = types.SimpleNamespace(display=display)
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert shown(capsys, 30) == []
    assert len(outputs) == 1
    assert outputs[0].startswith("[30/30] epoch 30  loss ")
    assert shown(capsys, 100, tolerance=0.4) == shown(capsys, 5, progress=False) == []
    assert outputs[1:] == ["[3/100] epoch 3  loss 0.125\nstopped after 3 of 100: tolerance"]
    ipython.get_ipython = lambda: types.SimpleNamespace()  # in a terminal there is no kernel
    assert shown(capsys, 1) == ["[1/1] epoch 1  loss 2"]
    assert len(outputs) == 2


ON_A_TERMINAL = """
import sys
import types
import nn
from nn.divergences import l2
epochs, progress = int(sys.argv[1]), sys.argv[2] == "True"
model = nn.MLP(1, [1])
history = nn.fit(
    model, [[1.0], [2.0]], [1.0, 2.0], divergence=l2, epochs=epochs, progress=progress,
    callbacks=[lambda model, history: len(history) == 4],
)
print("done", history.reason)
"""


def on_a_terminal(epochs: int, progress: bool) -> tuple[str, str]:
    """What a script writes to standard output, a pipe, and to standard error, a terminal."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    root = str(Path(nn.__file__).parent.parent)
    process = subprocess.Popen(
        [sys.executable, "-c", ON_A_TERMINAL, str(epochs), str(progress)],
        env={**os.environ, "PYTHONPATH": root, "TERM": "xterm", "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    written = b"".join(_until_closed(ours))
    out, _ = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == 0
    return out.decode(), written.decode()


def _until_closed(terminal: int) -> Iterator[bytes]:
    while select.select([terminal], [], [], 60)[0]:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # Linux says so when the other side is closed
            return
        if not chunk:
            return
        yield chunk


def test_a_bar_on_a_terminal() -> None:
    pytest.importorskip("rich")
    out, bar = on_a_terminal(3, True)
    assert out == "done epochs\n"
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", bar)
    assert "\x1b[" in bar and "━" in text
    assert re.search(r"3/3 ━+ [^\n]*\s+epoch 3  loss \d", text)
    assert "[3/3]" not in text, "lines are for where there is no terminal"
    assert "stopped" not in text


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_the_bar_stays_and_what_is_said_is_whole_however_narrow_it_is(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("rich")
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", f"{columns}")
    monkeypatch.setenv("TERM", "xterm")
    data = CORNERS, EXCLUSIVE_OR
    model = MLP(2, [1], output="sigmoid")
    fit(model, *data, divergence=binary_kl, epochs=2, validation=data, progress=True)
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue()).split("\n")
    lines = [line.rpartition("\r")[2] for line in lines]
    assert max(map(len, lines)) <= columns
    assert any(re.match(r"2/2 ━{10}", line) for line in lines)
    said = " ".join(" ".join(lines).split())
    assert re.search(r"epoch 2 loss [\d.]+ .*validation loss [\d.]+ validation accuracy \d", said)


def test_a_bar_that_ends_early_says_why() -> None:
    pytest.importorskip("rich")
    out, bar = on_a_terminal(20, True)
    assert out == "done callback\n"
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", bar)
    assert "stopped after 4 of 20: callback" in text
    assert re.search(r" 4/20 ━", text)


def test_no_bar_on_a_terminal_without_progress() -> None:
    assert on_a_terminal(20, False) == ("done callback\n", "")


def test_lines_on_a_terminal_without_rich(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert shown(capsys, 1) == ["[1/1] epoch 1  loss 2"]


# Standard error that cannot be written to: what is learnt is worth more than what is said of it.

UNHEARD = """
import sys
import types
import nn
how = sys.argv[1]
if how == "None":
    sys.stderr = None
elif how == "closed":
    sys.stderr.close()
elif how == "half-way":
    class Failing:
        def write(self, text):
            raise BrokenPipeError(32, "Broken pipe")
        def flush(self):
            pass
        def isatty(self):
            return False
    sys.stderr = Failing()
model, l2 = nn.MLP(1, [1]), nn.divergences.l2
history = nn.fit(model, [[1.0], [2.0]], [1.0, 2.0], divergence=l2, epochs=12)
print(len(history), history.reason)
"""


@pytest.mark.parametrize("how", ["None", "closed", "half-way", "full", "no terminal any more"])
def test_training_goes_on_where_nobody_listens(how: str) -> None:
    errors: Any = subprocess.DEVNULL
    if how == "full":
        if not os.path.exists("/dev/full"):
            pytest.skip("needs /dev/full")
        errors = os.open("/dev/full", os.O_WRONLY)
    elif how == "no terminal any more":
        pty = pytest.importorskip("pty")
        controller, errors = pty.openpty()
        os.close(controller)
    ended = subprocess.run(
        [sys.executable, "-c", UNHEARD, how], stdout=subprocess.PIPE, stderr=errors, text=True
    )
    if errors != subprocess.DEVNULL:
        os.close(errors)
    assert (ended.returncode, ended.stdout) == (0, "12 epochs\n")
