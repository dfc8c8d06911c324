"""Threads: graphs of their own, also on shared parameters, neither disturb nor lose anything."""

import copy
import os
import pickle
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autograd import (
    AnomalyError,
    LoweredFunction,
    Value,
    core,
    detect_anomaly,
    grad,
    group,
    log,
    record_source,
)
from autograd.core import stale, table, value
from autograd.core.observers import Observer


@pytest.fixture(autouse=True)
def threads_that_take_turns_all_the_time() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(*works: Callable[[], Any]) -> list[Any]:
    """What each gives, all started at once; what one raises is raised here."""
    start = threading.Barrier(len(works))
    results: list[Any] = [None] * len(works)

    def run(k: int) -> None:
        start.wait()
        try:
            results[k] = works[k]()
        except BaseException as error:
            results[k] = error

    threads = [threading.Thread(target=run, args=(k,)) for k in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


def losses(parameters: list[Value], seed: int, count: int = 1000) -> Iterator[Value]:
    """Graphs whose slopes are small integers, so that they add up exactly in any order."""
    generator = random.Random(seed)
    for _ in range(count):
        loss = Value(0.0)
        for w in parameters:
            loss = loss + w * generator.randint(-3, 3) + w * w * generator.randint(0, 2)
        yield loss


def test_two_threads_of_a_thousand_graphs_each_on_shared_parameters_lose_no_gradient() -> None:
    def work(seed: int) -> list[tuple[float, ...]]:
        found = []
        for loss in losses(parameters, seed):
            loss.backward()
            found.append(grad(loss, parameters))
        return found

    parameters = [Value(1.0), Value(2.0), Value(-3.0)]
    both = together(lambda: work(1), lambda: work(2))
    alone = [[grad(loss, parameters) for loss in losses(parameters, seed)] for seed in (1, 2)]
    assert both == alone
    for i, w in enumerate(parameters):
        assert w.grad == sum(slopes[i] for each in alone for slopes in each)


def test_graphs_of_their_own_are_as_if_alone() -> None:
    def work(seed: int) -> list[tuple[str, str]]:
        generator = random.Random(seed)
        found = []
        for _ in range(200):
            x = Value(generator.uniform(-2.0, 2.0))
            y = (x.tanh() * x).exp() + x.sin() / 3
            y.backward()
            (slope,) = grad(y, [x], create_graph=True)
            slope.backward()
            found.append((y.data.hex(), x.grad.hex()))
        return found

    assert together(*[lambda k=k: work(k) for k in range(4)]) == [work(k) for k in range(4)]


class Slow(Value):
    """Reading its gradient lets the other threads go first: a gap before writing is seen."""

    __slots__ = ("held",)

    @property
    def _grad(self) -> float:  # type: ignore[override]
        held = self.held
        time.sleep(1e-4)
        return held

    @_grad.setter
    def _grad(self, gradient: float) -> None:
        self.held = gradient


@pytest.mark.skipif(core.NAME == "native", reason="C reads no attribute of a subclass")
def test_no_gradient_is_lost_between_reading_and_writing() -> None:
    def work() -> None:
        for _ in range(25):
            (w * 2.0).backward()

    w = Slow(1.0)
    w.grad = 0.0
    together(work, work, work)
    assert w.held == 150.0


@pytest.mark.skipif(core.NAME == "native", reason="C reads no attribute of a subclass")
def test_a_signal_handler_may_sweep_while_a_sweep_is_adding() -> None:
    class Interrupted(Slow):
        __slots__ = ()

        @property
        def _grad(self) -> float:  # type: ignore[override]
            other.backward()
            return self.held

        @_grad.setter
        def _grad(self, gradient: float) -> None:
            self.held = gradient

    a, w = Value(3.0), Interrupted(1.0)
    other = a * 5.0
    w.grad = 1.0
    worker = threading.Thread(target=(w * 2.0).backward, daemon=True)
    worker.start()
    worker.join(timeout=30.0)
    assert not worker.is_alive()
    assert w.held == 3.0 and a.grad >= 5.0


def test_blocks_observe_their_own_thread_and_no_other() -> None:
    def detecting() -> None:
        for _ in range(100):
            with pytest.raises(AnomalyError), detect_anomaly():
                log(w - 1.0)
            with detect_anomaly():
                (w * 2.0).backward()

    def recording() -> None:
        for _ in range(100):
            with record_source():
                node = w * 2.0
            assert node.origin is not None
            assert node.origin.source.startswith("test_threads.py:") and not node.origin.group

    def grouping() -> None:
        for _ in range(100):
            with group("mine"):
                node = w * 2.0
            assert node.origin == ("mine", "", 0)

    def plain() -> None:
        for _ in range(200):
            assert log(w - 1.0).origin is None

    w = Value(1.0)
    together(*[detecting, recording, grouping, plain] * 2)
    assert w.grad == 400.0
    assert not Observer.open


def test_a_graph_may_be_copied_and_swept_at_the_same_time() -> None:
    def copying() -> None:
        for _ in range(5):
            (twin,) = grad(*copy.deepcopy((root, [x])))
            assert twin == slope
            other, leaf = pickle.loads(pickle.dumps((root, x)))
            assert grad(other, leaf) == (slope,)

    def sweeping() -> None:
        for _ in range(10):
            assert grad(root, x) == (slope,)
            root.backward()

    root = x = Value(1.0, "x")
    for _ in range(300):
        root = root * 2.0 - 1.0
    (slope,) = grad(root, x)
    together(*[copying, sweeping] * 2)
    assert x.grad == 20.0 * slope


FUNCTION = LoweredFunction(lambda x: x * x, 1.0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(
    "lock",
    [value._adding, table._entering, stale._advancing, FUNCTION._programs._lock],
    ids=["sweeps", "rows", "assignments", "programs"],
)
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_forked_in_the_middle_of_another_threads_sweep_does_not_wait(lock: Any) -> None:
    def hold() -> None:
        with lock:
            held.set()
            time.sleep(0.05)

    held = threading.Event()
    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(5)
            w = Value(3.0)
            w.data += 1.0
            (w * w).backward()
            with lock:
                right = w.grad == 8.0 and FUNCTION.value(3.0) == 9.0
                os._exit(0 if right else 1)
        finally:
            os._exit(2)
    other.join()
    assert os.waitpid(child, 0)[1] == 0
    with lock:
        pass
