"""Tests of the optimizers: their steps against steps worked out by hand or in fractions.

Where every number is a fraction of a power of two, floats are exact, and the steps are compared
bit for bit. Adam is compared with the paper's closed form, sums over all gradients so far, which
the optimizer never computes.
"""

import math
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from nn import SGD, Adam

properties = settings(max_examples=30, deadline=None, derandomize=True, database=None)
numbers = st.floats(-10.0, 10.0)
REALS, LEAST = "(int, float or NumPy real scalar)", "finite number of at least 0"


def steps(optimizer: Any, start: list[float], gradients: list[list[float]]) -> list[list[float]]:
    """The parameters after each update."""
    parameters = np.array(start)
    state = optimizer.start(len(start))
    path = []
    for gradient in gradients:
        optimizer.update(parameters, np.array(gradient), state)
        path.append(parameters.tolist())
    return path


# Gradient descent.


def test_plain_steps_by_hand() -> None:
    path = steps(SGD(0.25), [1.0, -2.0], [[4.0, 2.0], [-1.0, 0.5], [0.0, 0.0]])
    assert path == [[0.0, -2.5], [0.25, -2.625], [0.25, -2.625]]


def test_momentum_by_hand() -> None:
    # v: 4, then 4/2 - 1 = 1, then 1/2 + 0; W moves by v/4 each time.
    path = steps(SGD(0.25, momentum=0.5), [1.0], [[4.0], [-1.0], [0.0]])
    assert path == [[0.0], [-0.25], [-0.375]]


def test_weight_decay_by_hand() -> None:
    # g + W/2: 4 + 1/2, then -1 - 1/16, then 0 + 9/128.
    path = steps(SGD(0.25, weight_decay=0.5), [1.0], [[4.0], [-1.0], [0.0]])
    assert path == [[-0.125], [0.140625], [0.123046875]]


def test_momentum_and_weight_decay_by_hand() -> None:
    # g + W/2 and v: 4.5, 4.5; W = -1/8. -1.0625, 1.1875; W = -27/64. -27/128, 49/128; W = -265/512.
    path = steps(SGD(0.25, momentum=0.5, weight_decay=0.5), [1.0], [[4.0], [-1.0], [0.0]])
    assert path == [[-0.125], [-27 / 64], [-265 / 512]]


@given(
    lr=st.integers(1, 15),
    momentum=st.integers(0, 7),
    decay=st.integers(0, 8),
    start=st.integers(-8, 8),
    gradients=st.lists(st.integers(-8, 8), min_size=1, max_size=4),
)
@properties
def test_steps_in_fractions(
    lr: int, momentum: int, decay: int, start: int, gradients: list[int]
) -> None:
    eta, mu, penalty = Fraction(lr, 8), Fraction(momentum, 8), Fraction(decay, 8)
    path, expected = [Fraction(start)], []
    # The velocity written out: every gradient so far, the older the less.
    pulls: list[Fraction] = []
    for gradient in gradients:
        pulls.append(gradient + penalty * path[-1])
        velocity = sum(mu**age * pull for age, pull in enumerate(reversed(pulls)))
        path.append(path[-1] - eta * velocity)
        expected.append([float(path[-1])])
    optimizer = SGD(lr / 8, momentum=momentum / 8, weight_decay=decay / 8)
    assert steps(optimizer, [float(start)], [[float(g)] for g in gradients]) == expected


def test_descent_of_a_parabola_is_a_geometric_sequence() -> None:
    # f = a x^2 / 2: x_k = (1 - eta a)^k x_0
    optimizer, parameters = SGD(0.25), np.array([1.0, 1.0])
    state = optimizer.start(2)
    for _ in range(10):
        optimizer.update(parameters, np.array([2.0, 6.0]) * parameters, state)
    assert parameters.tolist() == [0.5**10, 0.5**10]


def test_momentum_on_a_parabola_follows_its_matrix() -> None:
    # (x, v) -> M (x, v) with v' = mu v + x and x' = x - eta v', for f = x^2 / 2.
    matrix = np.array([[1 - 0.125, -0.125 * 0.5], [1.0, 0.5]])
    optimizer, parameters = SGD(0.125, momentum=0.5), np.array([1.0])
    state = optimizer.start(1)
    for _ in range(20):
        optimizer.update(parameters, parameters.copy(), state)
    expected = (np.linalg.matrix_power(matrix, 20) @ [1.0, 0.0])[0]
    assert parameters[0] == pytest.approx(expected, rel=1e-12)


# Adam.


def test_adam_by_hand() -> None:
    # lr 1/2, beta1 1/2, beta2 3/4, epsilon 0, gradients 4, 0, -4. By the paper:
    # m: 2, 1, -3/2, corrected by 1/2, 3/4, 7/8: 4, 4/3, -12/7
    # v: 4, 3, 25/4, corrected by 1/4, 7/16, 37/64: 16, 48/7, 400/37
    # ratios: 1, sqrt(7/27), -(12/7)/(20/sqrt 37) = -3 sqrt(37)/35
    path = steps(Adam(0.5, beta1=0.5, beta2=0.75, epsilon=0.0), [1.0], [[4.0], [0.0], [-4.0]])
    expected = [0.5, 0.24541246139134222, 0.50610228411840878]
    assert [x for [x] in path] == pytest.approx(expected, rel=1e-14)


@given(
    lr=st.floats(1e-4, 1.0),
    beta1=st.floats(0.0, 0.99),
    beta2=st.floats(0.0, 0.999),
    epsilon=st.floats(1e-8, 1.0),
    gradients=st.lists(numbers, min_size=1, max_size=5),
    start=numbers,
)
@properties
def test_adam_in_the_papers_closed_form(
    lr: float, beta1: float, beta2: float, epsilon: float, gradients: list[float], start: float
) -> None:
    found = steps(Adam(lr, beta1, beta2, epsilon), [start], [[g] for g in gradients])
    with mp.workdps(40):
        b1, b2, x = mpf(beta1), mpf(beta2), mpf(start)
        expected = []
        for t in range(1, len(gradients) + 1):
            ages = list(enumerate(reversed(gradients[:t])))
            # Weighted averages of all gradients so far, and of their squares.
            mean = mp.fsum(b1**age * mpf(g) for age, g in ages) / mp.fsum(b1**k for k in range(t))
            square = mp.fsum(b2**age * mpf(g) ** 2 for age, g in ages) / mp.fsum(
                b2**k for k in range(t)
            )
            x -= lr * mean / (mp.sqrt(square) + epsilon)
            expected.append(float(x))
    assert [x for [x] in found] == pytest.approx(expected, rel=1e-11, abs=1e-12)


@given(gradient=st.floats(1e-3, 1e6), sign=st.sampled_from([1.0, -1.0]))
@properties
def test_adams_first_step_is_lr_against_the_gradient(gradient: float, sign: float) -> None:
    [[x]] = steps(Adam(0.25, epsilon=0.0), [0.0], [[sign * gradient]])
    assert x == pytest.approx(-0.25 * sign, rel=1e-12)


def test_adam_takes_each_parameter_by_itself() -> None:
    gradients = [[1.0, 100.0, -3.0], [2.0, -50.0, 0.0], [0.5, 25.0, 1.0]]
    together = steps(Adam(0.1), [1.0, 2.0, 3.0], gradients)
    for i in range(3):
        alone = steps(Adam(0.1), [i + 1.0], [[row[i]] for row in gradients])
        assert [row[i] for row in together] == [x for [x] in alone]


def test_the_defaults_are_the_papers_but_for_the_step() -> None:
    adam, sgd = Adam(), SGD()
    assert (adam.beta1, adam.beta2, adam.epsilon, adam.lr) == (0.9, 0.999, 1e-8, 0.01)
    assert (sgd.lr, sgd.momentum, sgd.weight_decay) == (0.1, 0.0, 0.0)


# Schedules, and the state of a run.


@pytest.mark.parametrize("make", [SGD, Adam])
def test_a_schedule_is_asked_for_every_update_from_k_0(make: Callable[..., Any]) -> None:
    asked = []

    def schedule(k: int) -> float:
        asked.append(k)
        return 0.5 / 2**k

    steps(make(schedule), [1.0], [[1.0]] * 4)
    assert asked == [0, 1, 2, 3]


def test_a_schedule_by_hand() -> None:
    path = steps(SGD(lambda k: [0.5, 0.25, 0.0][k]), [1.0], [[1.0], [2.0], [4.0]])
    assert path == [[0.5], [0.0], [0.0]]
    path = steps(SGD(lambda k: [0.5, 0.25, 1][k], momentum=0.5), [1.0], [[1.0], [2.0], [0.0]])
    assert path == [[0.5], [-0.125], [-1.375]]  # v: 1, 5/2, 5/4
    # With one gradient over and over Adam's ratio is 1.
    path = steps(Adam(lambda k: [0.5, 0.25, 0.0][k], epsilon=0.0), [1.0], [[7.0]] * 3)
    assert [x for [x] in path] == pytest.approx([0.5, 0.25, 0.25], rel=1e-14)


def test_a_schedule_may_give_numpy_numbers() -> None:
    assert steps(SGD(lambda k: np.float32(0.5)), [1.0], [[1.0]]) == [[0.5]]
    assert steps(SGD(lambda k: np.int64(1)), [1.0], [[1.0]]) == [[0.0]]


@pytest.mark.parametrize("make", [SGD, Adam])
@pytest.mark.parametrize("eta", [-0.1, math.nan, math.inf, "0.1", None, True, [0.1]], ids=repr)
def test_a_schedule_that_gives_nonsense_is_named(make: Callable[..., Any], eta: Any) -> None:
    optimizer, parameters = make(lambda k: 0.5 if k == 0 else eta), np.array([1.0])
    state = optimizer.start(1)
    optimizer.update(parameters, np.array([1.0]), state)
    before = parameters.tolist()
    error, said = ValueError, f"lr(1) must be a finite number of at least 0, got {eta!r}"
    if type(eta) is not float:
        error, said = TypeError, f"lr(1): expected a real number {REALS}, got {eta!r} of"
    with pytest.raises(error, match="^" + re.escape(said)):
        optimizer.update(parameters, np.array([1.0]), state)
    assert parameters.tolist() == before


EVERY = [
    lambda: SGD(0.5),
    lambda: SGD(0.5, momentum=0.5),
    lambda: SGD(0.5, momentum=0.5, weight_decay=0.5),
    lambda: Adam(0.5),
]


@pytest.mark.parametrize("make", EVERY)
def test_an_update_works_in_place_and_leaves_the_gradient_alone(make: Callable[[], Any]) -> None:
    optimizer, parameters, gradient = make(), np.array([1.0, 2.0]), np.array([3.0, -4.0])
    state = optimizer.start(2)
    for k in (1, 2, 3):
        assert optimizer.update(parameters, gradient, state) is None
        assert state.k == k
    assert gradient.tolist() == [3.0, -4.0]
    assert parameters[0] < 1.0 and parameters[1] > 2.0


@pytest.mark.parametrize("make", EVERY)
def test_one_optimizer_serves_several_runs(make: Callable[[], Any]) -> None:
    shared = make()
    one, two = shared.start(1), shared.start(1)
    x, y = np.array([1.0]), np.array([1.0])
    for gradient in ([1.0], [-2.0], [3.0]):
        shared.update(x, np.array(gradient), one)
    for gradient in ([1.0], [-2.0], [3.0]):
        shared.update(y, np.array(gradient), two)
    assert x.tolist() == y.tolist()
    assert shared.start(3).k == 0
    assert all(array.tolist() == [0.0] * 3 for array in shared.start(3).arrays.values())


def test_reprs_say_how_they_were_made() -> None:
    plain = "weight_decay=0.0, schedule='constant'"
    assert repr(SGD(0.5, momentum=0.9)) == f"SGD(lr=0.5, momentum=0.9, {plain})"
    assert repr(Adam(1)) == f"Adam(lr=1.0, beta1=0.9, beta2=0.999, epsilon=1e-08, {plain})"


# What is refused.


@pytest.mark.parametrize("make", [SGD, Adam])
@pytest.mark.parametrize("lr", [-0.1, math.nan, math.inf, -math.inf])
def test_a_step_size_that_is_out_of_range_is_refused(make: Callable[..., Any], lr: float) -> None:
    with pytest.raises(ValueError, match=r"^lr must be a finite number of at least 0, got ") as e:
        make(lr)
    assert str(e.value).endswith(repr(lr))


@pytest.mark.parametrize("make", [SGD, Adam])
def test_a_step_size_of_zero_is_refused(make: Callable[..., Any]) -> None:
    with pytest.raises(
        ValueError, match="lr must be greater than 0, got 0; nothing would be learnt"
    ):
        make(0.0)


@pytest.mark.parametrize(
    ("make", "name", "low", "high"),
    [
        (SGD, "momentum", 0.0, 1.0),
        (SGD, "weight_decay", 0.0, math.inf),
        (Adam, "beta1", 0.0, 1.0),
        (Adam, "beta2", 0.0, 1.0),
        (Adam, "epsilon", 0.0, math.inf),
    ],
)
def test_settings_have_bounds(make: Callable[..., Any], name: str, low: float, high: float) -> None:
    make(**{name: low})
    for bad in (low - 0.1, high, math.nan, math.inf):
        expected = {1.0: "number of at least 0 and less than 1"}.get(high, LEAST)
        with pytest.raises(ValueError, match=rf"^{name} must be a {expected}, got ") as e:
            make(**{name: bad})
        assert str(e.value).endswith(repr(bad))


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (SGD, "lr"),
        (SGD, "momentum"),
        (SGD, "weight_decay"),
        (Adam, "lr"),
        (Adam, "beta1"),
        (Adam, "beta2"),
        (Adam, "epsilon"),
    ],
)
@pytest.mark.parametrize("bad", ["0.1", None, True, [0.1], 1j], ids=repr)
def test_settings_are_numbers(make: Callable[..., Any], name: str, bad: Any) -> None:
    with pytest.raises(TypeError) as caught:
        make(**{name: bad})
    assert str(caught.value).startswith(
        f"{name}: expected a real number {REALS}, got {bad!r} of type {type(bad).__name__}"
    )


def test_numbers_of_numpy_are_numbers() -> None:
    assert steps(SGD(np.float32(0.5)), [1.0], [[1.0]]) == [[0.5]]  # type: ignore[arg-type]
    assert type(Adam(np.int64(1)).lr) is float  # type: ignore[arg-type]
