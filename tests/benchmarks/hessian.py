"""The Hessian of Rosenbrock's function beside JAX and PyTorch, and a long descent, in one run.

Run it by itself: ``python tests/benchmarks/hessian.py``. JAX's function is jitted and compiled
before the clock starts, and so is the lowered one; each contender has the float64 point in the form
that it likes best. They take turns, on one thread, so that a busy machine slows them all: only the
ratios are worth quoting.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

import autograd

Call = Callable[[], Any]
# Read by the libraries when they are imported, hence before this process starts.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
}


def scalars(x: Any) -> Any:
    """Rosenbrock's function as one writes it for Values."""
    return autograd.sum([100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in pairwise(x)])


def arrays(x: Any) -> Any:
    """The same for arrays."""
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def lowered(point: list[float]) -> Call:
    f, x = autograd.LoweredFunction(scalars, point), np.array(point)
    return lambda: f.hessian(x)


def recorded(point: list[float]) -> Call:
    for _ in range(8):  # then it is lowered, and only recorded and compared each time
        autograd.hessian(scalars, point)
    return lambda: autograd.hessian(scalars, point)


def jax_jitted(point: list[float]) -> Call:
    import jax

    jax.config.update("jax_enable_x64", True)
    hessian, x = jax.jit(jax.hessian(arrays)), jax.numpy.array(point)
    return lambda: hessian(x).block_until_ready()


def torch_func(point: list[float]) -> Call:
    import torch

    torch.set_num_threads(1)
    hessian, x = torch.func.hessian(arrays), torch.tensor(point, dtype=torch.float64)
    return lambda: hessian(x)


CONTENDERS: dict[str, tuple[str, Callable[[list[float]], Call]]] = {
    "LoweredFunction.hessian": ("numpy", lowered),
    "autograd.hessian": ("numpy", recorded),
    "jax.jit(jax.hessian)": ("jax", jax_jitted),
    "torch.func.hessian": ("torch", torch_func),
}


def compare_hessians(variables: int, rounds: int, repeats: int) -> None:
    point = [0.3 + 0.01 * i for i in range(variables)]
    calls = {
        name: make(point)
        for name, (module, make) in CONTENDERS.items()
        if importlib.util.find_spec(module)
    }
    expected = np.array(next(iter(calls.values()))())
    for name, call in calls.items():
        error = np.abs(np.asarray(call()) - expected).max() / np.abs(expected).max()
        assert error < 1e-12, (name, error)
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            started = time.perf_counter()
            for _ in range(repeats):
                call()
            seconds[name].append((time.perf_counter() - started) / repeats)
    ours = seconds["LoweredFunction.hessian"]
    for name, found in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(found, ours, strict=True))
        print(f"  {name:24} {1e6 * min(found):9.1f} us at best   {ratio:8.2f} times the first")
    for name in CONTENDERS:
        if name not in calls:
            print(f"  {name:24} is not installed")


def compare_descents(variables: int, steps: int) -> None:
    start = [-1.2, 1.0] * (variables // 2)
    seconds = {}
    for engine in ("python", "auto"):
        started = time.perf_counter()
        run = autograd.gradient_descent(
            scalars, start, step=1e-3, max_steps=steps, eps1=0.0, engine=engine
        )
        seconds[engine] = time.perf_counter() - started
        assert run.steps == steps
        print(f"  engine={engine!r:9} {seconds[engine]:8.2f} s, f = {run.value:.6g}")
    print(f"  ratio            {seconds['python'] / seconds['auto']:8.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variables", type=int, default=50, help="of the function (default 50)")
    parser.add_argument("--rounds", type=int, default=20, help="turns of each (default 20)")
    parser.add_argument("--repeats", type=int, default=20, help="calls in a turn (default 20)")
    parser.add_argument("--steps", type=int, default=10_000, help="of the descent (default 10000)")
    options = parser.parse_args()
    if any(os.environ.get(name) != value for name, value in ONE_THREAD.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **ONE_THREAD})
    print(f"Hessian of Rosenbrock's function in {options.variables} variables, after compilation")
    compare_hessians(options.variables, options.rounds, options.repeats)
    print(f"gradient descent on it, {options.steps} steps")
    compare_descents(options.variables, options.steps)


if __name__ == "__main__":
    main()
