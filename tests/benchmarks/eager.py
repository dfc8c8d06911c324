"""The eager engine beside micrograd, and with ``detect_anomaly``: a training step, memory, chains.

Run it by itself: ``python tests/benchmarks/eager.py``. Each engine is timed in processes of its
own, in turns, with the garbage collector as Python starts it, and only ratios are worth quoting.
The step is the same for both: MLP(2, [16, 16, 1]) with tanh everywhere and squared error, the full
batch of 100 points of the moons, forward and backward.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import math
import random
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

WIDTHS = [16, 16, 1]
POINTS = 100


def stepgrad_step() -> Callable[[], float]:
    import nn

    X, d = nn.datasets.moons(POINTS, seed=0)
    model = nn.MLP(2, WIDTHS, output="tanh", rng=random.Random(0))
    risk = nn.EmpiricalRisk(model, nn.divergences.l2)

    def step() -> float:
        model.zero_grad()
        loss = risk(X, d)
        loss.backward()
        return loss.data

    return step


def micrograd_step() -> Callable[[], float]:
    from micrograd.engine import Value
    from micrograd.nn import MLP, Neuron

    import nn

    def tanh(self: Any) -> Any:  # micrograd has relu alone; this is its own pattern for one more
        t = math.tanh(self.data)
        out = Value(t, (self,), "tanh")

        def backward() -> None:
            self.grad += (1 - t * t) * out.grad

        out._backward = backward
        return out

    def call(self: Any, x: Any) -> Any:
        return tanh(sum((wi * xi for wi, xi in zip(self.w, x)), self.b))

    Neuron.__call__ = call
    X, d = nn.datasets.moons(POINTS, seed=0)
    random.seed(0)
    model = MLP(2, WIDTHS)

    def step() -> float:
        model.zero_grad()
        losses = [0.5 * (model(x) - d_i) ** 2 for x, d_i in zip(X, d)]
        loss = sum(losses) / len(losses)
        loss.backward()
        return loss.data

    return step


STEPS = {"stepgrad": stepgrad_step, "micrograd": micrograd_step}


def time_step(name: str, repeats: int) -> None:
    """In a process of its own: print the seconds of each of ``repeats`` steps."""
    step = STEPS[name]()
    step()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - started)
    print(json.dumps(seconds))


def compare_steps(rounds: int, repeats: int) -> None:
    names = [name for name in STEPS if importlib.util.find_spec(name) or name == "stepgrad"]
    medians: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            command = [sys.executable, __file__, "--worker", name, "--repeats", str(repeats)]
            output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            medians[name].append(statistics.median(json.loads(output)))
    for name, seconds in medians.items():
        print(f"  {name:10} {1e3 * statistics.median(seconds):9.1f} ms a step")
    if "micrograd" not in medians:
        print("  micrograd is not installed (pip install micrograd), so there is no ratio")
        return
    ratios = [m / s for s, m in zip(medians["stepgrad"], medians["micrograd"])]
    print(f"  ratio      {statistics.median(ratios):9.1f}   ", end="")
    print(f"({rounds} rounds: {min(ratios):.1f} to {max(ratios):.1f})")


def compare_detect_anomaly(rounds: int, repeats: int) -> None:
    """With and without, in turns in one process: the smallest time of a step of each."""
    from contextlib import nullcontext

    from autograd import detect_anomaly

    step = stepgrad_step()
    best = {nullcontext: math.inf, detect_anomaly: math.inf}
    for _ in range(rounds * repeats):
        for block in best:
            started = time.perf_counter()
            with block():
                step()
            best[block] = min(best[block], time.perf_counter() - started)
    print(f"  ratio      {best[detect_anomaly] / best[nullcontext]:9.2f}")


def measure_memory() -> None:
    import nn
    from autograd import consumers_first

    X, d = nn.datasets.moons(POINTS, seed=0)
    model = nn.MLP(2, WIDTHS, output="tanh", rng=random.Random(0))
    risk = nn.EmpiricalRisk(model, nn.divergences.l2)
    gc.collect()
    tracemalloc.start()
    loss = risk(X, d)
    before = tracemalloc.get_traced_memory()[0]
    loss.backward()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    nodes = len(consumers_first(loss)) - len(model.parameters())
    print(f"  {before / nodes:.0f} bytes a node built, {after / nodes:.0f} swept ({nodes:,} nodes)")


def measure_chains() -> None:
    from autograd import Value

    def seconds_an_operation(length: int, repeats: int) -> float:
        best = math.inf
        for _ in range(repeats):
            started = time.perf_counter()
            leaf = value = Value(1.0)
            for _ in range(length):
                value = value + 1.0
            value.backward()
            del value
            best = min(best, time.perf_counter() - started)
            assert leaf.grad == 1.0
        return best / length

    short, long = seconds_an_operation(1_000, 50), seconds_an_operation(1_000_000, 3)
    print(
        f"  {1e6 * short:.2f} us an operation in a chain of 1,000, {1e6 * long:.2f} us in one of "
    )
    print(f"  1,000,000: {long / short:.1f} times as long")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each engine (default 5)")
    parser.add_argument("--repeats", type=int, default=5, help="steps in a turn (default 5)")
    parser.add_argument("--worker", choices=STEPS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        time_step(options.worker, options.repeats)
        return
    print(f"training step, MLP(2, {WIDTHS}), tanh, {POINTS} points, forward and backward")
    compare_steps(options.rounds, options.repeats)
    print("the same within detect_anomaly(), and without")
    compare_detect_anomaly(options.rounds, options.repeats)
    print("memory")
    measure_memory()
    print("a long chain: building, sweeping, freeing")
    measure_chains()


if __name__ == "__main__":
    main()
