"""Programs that threads share, and leaves that their roots do not depend on."""

import importlib.util
import itertools
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from test_threads import together

import autograd
from autograd import LoweredFunction, Program, Value, grad, lower

ENGINES = ["numpy", "python", *(["jax"] if importlib.util.find_spec("jax") else [])]
THREADS = 4


@pytest.fixture(autouse=True)
def threads_that_take_turns_all_the_time() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def wrong_in(work: Callable[[int], list[bool]]) -> int:
    """How often something was wrong in what several threads did at once; errors are raised."""
    return sum(together(*[lambda k=k: sum(work(k)) for k in range(THREADS)]))


def layered(x: list[Value], w: list[Value]) -> Value:
    hidden = [autograd.tanh(w[2 * i] * x[0] + w[2 * i + 1] * x[1]) for i in range(4)]
    return autograd.dot(w[8:], hidden)


def tangled(x: list[Value], w: list[Value]) -> Value:
    y = x[0]
    for w_i in w:
        y = autograd.tanh(y * w_i + x[1] * y) * (y + w_i)
    return y


def made(write: Callable[..., Value], engine: str) -> Program:
    rng = random.Random(0)
    x, w = [Value(1.0), Value(2.0)], [Value(rng.uniform(-1.0, 1.0)) for _ in range(12)]
    y = write(x, w)
    return lower(y, x, w, engine=engine, observe=[y])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("write", [layered, tangled])
def test_threads_share_a_program(write: Callable[..., Value], engine: str) -> None:
    size, times = (12, 3) if engine == "python" else (2000, 15)
    program = made(write, engine)
    generator = np.random.default_rng(0)
    # Sizes that are the same and others, as buffers are kept by the size.
    batches = [generator.uniform(-1, 1, (size + k % 3, 2)) for k in range(THREADS)]
    alone = [(*program(x), program.value(x), program.per_instance(x)) for x in batches]
    shared = program.bind(batches[0])
    parts: list[Any] = []
    for k in range(THREADS):
        shared.select(range(k, size, THREADS))
        parts.append((*shared(), shared.observed()))

    def work(k: int) -> list[bool]:
        found: list[bool] = []
        for _ in range(times):
            own = program.bind(batches[k])
            loss, gradient = program(batches[k])
            again, same_gradient = own()
            shared.select(range(k, size, THREADS))
            part, part_gradient = shared()
            expected, slopes, value, rows = alone[k]
            found += [
                loss != expected or again != expected,
                not np.array_equal(gradient, slopes) or not np.array_equal(same_gradient, slopes),
                program.value(batches[k]) != value or own.value() != value,
                not np.array_equal(program.per_instance(batches[k]), rows),
                not np.array_equal(own.observed()[:, 0], rows),
                part != parts[k][0] or not np.array_equal(part_gradient, parts[k][1]),
                not np.array_equal(shared.observed(), parts[k][2]),
            ]
        return found

    assert wrong_in(work) == 0


def test_threads_share_a_lowered_function() -> None:
    def f(xs: list[Value]) -> Value:
        return autograd.sum([autograd.tanh(a * b) for a, b in itertools.pairwise(xs)])

    lowered = LoweredFunction(f, [0.1] * 10)
    points = np.random.default_rng(1).uniform(-1, 1, (THREADS, 10))
    alone = [(lowered.gradient(x), lowered.hessian(x), lowered.hvp(x, x)) for x in points]

    def work(k: int) -> list[bool]:
        x = points[k]
        return [
            not all(map(np.array_equal, (lowered.gradient(x), lowered.hessian(x)), alone[k]))
            or not np.array_equal(lowered.hvp(x, x), alone[k][2])
            for _ in range(40)
        ]

    assert wrong_in(work) == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_what_was_observed_is_of_the_programs_own_last_call(engine: str) -> None:
    program = made(layered, engine)
    one, other = program.bind([[0.5, 1.0]]), program.bind([[2.0, -1.0], [0.0, 1.0]])
    with pytest.raises(ValueError, match=r"observed\(\) is of this thread's last call"):
        one.observed()
    one()
    other()
    assert one.observed().tolist() == [[program.value([[0.5, 1.0]])]]
    # Whatever comes later, numbers that were given stay as they are.
    loss, gradient = one()
    kept = gradient.tolist()
    other()
    assert gradient.tolist() == kept and loss == program.value([[0.5, 1.0]])


@pytest.mark.parametrize("engine", ENGINES)
def test_by_what_a_root_does_not_depend_on_the_derivative_is_0(engine: str) -> None:
    x, w, stranger, other = Value(3.0, "x"), Value(2.0), Value(5.0, "s"), Value(7.0)
    root = x * w * w
    assert grad(root, [stranger, w, other]) == (0.0, 12.0, 0.0)
    mean, slopes = lower(root, [x], [stranger, w, other], engine=engine)([[3.0], [1.0]])
    assert (mean, slopes.tolist()) == (8.0, [0.0, 8.0, 0.0])
    # A list of roots, data in the graph, no parameter in the graph at all, a root that is a leaf.
    values, rows = lower([root, x + stranger], [x], [w, stranger], engine=engine)([[3.0]])
    assert values.tolist() == [12.0, 8.0] and rows.tolist() == [[12.0, 0.0], [0.0, 1.0]]
    assert lower(root, [], [other, w], engine=engine)()[1].tolist() == [0.0, 12.0]
    assert lower(x * x, [x], [stranger], engine=engine)([[4.0]])[1].tolist() == [0.0]
    assert lower(x, [x], [stranger], engine=engine)([[4.0]])[1].tolist() == [0.0]
    many = autograd.sum([(w * k - 1.0) ** 2 for k in range(5)]) / 5
    value, slopes = lower(many, [], [stranger, w], engine=engine)()
    assert (value, slopes.tolist()) == (17.0, [0.0, 2 * (2.0 * 30 - 10) / 5])
