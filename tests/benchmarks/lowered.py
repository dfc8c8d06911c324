"""Array programs beside hand-written array code, frameworks and scalar engines, in one run.

Run it by itself: ``python tests/benchmarks/lowered.py``; ``--out cost.png`` draws cost against
size. Every contender computes the same float64 step from the same start, on one thread, and they
take turns, so that a busy machine slows them all: only the ratios are worth quoting.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import autograd
import nn

Step = Callable[[], Any]
LR = 1e-6
STEPS_IN_ONE_CALL = 50
# Read by the libraries when they are imported, hence before this process starts.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
}


@dataclass
class Task:
    """A network, its data, and the loss to minimise."""

    name: str
    widths: list[int]
    X: list[list[float]]
    D: list[Any]

    @property
    def binary(self) -> bool:
        return self.widths[-1] == 1

    @property
    def divergence(self) -> Any:
        name = "binary_kl_from_logits" if self.binary else "kl_from_logits"
        return getattr(nn.divergences, name)

    def model(self) -> nn.MLP:
        return nn.MLP(len(self.X[0]), self.widths, rng=random.Random(0))

    def matrices(self) -> list[tuple[Any, Any]]:
        """W (outputs x inputs) and b of each layer."""
        layers = self.model().layers
        return [
            (np.array([[w.data for w in n.w] for n in x.neurons]), np.zeros(len(x.neurons)))
            for x in layers
        ]

    def arrays(self) -> tuple[Any, Any]:
        X, D = np.array(self.X, dtype=float), np.array(self.D, dtype=float)
        return X, D.reshape(len(X), -1)


def moons(points: int = 100) -> Task:
    return Task("moons", [16, 16, 1], *nn.datasets.moons(points, seed=0))


def digits(rows: int = 1797) -> Task:
    X, c = nn.datasets.digits()
    return Task("digits", [32, 10], X[:rows], [nn.one_hot(k, 10) for k in c[:rows]])


def eager(task: Task) -> Step:
    model, optimizer = task.model(), nn.SGD(LR)
    risk, state = nn.EmpiricalRisk(model, task.divergence), optimizer.start(0)

    def step() -> float:
        values = model.parameters()
        loss = risk(task.X, task.D)
        parameters = np.array([value.data for value in values])
        optimizer.update(parameters, np.array(autograd.grad(loss, values)), state)
        for value, number in zip(values, parameters.tolist()):
            value.data = number
        return loss.data

    return step


def lowered(engine: str) -> Callable[[Task], Step]:
    def make(task: Task) -> Step:
        program = nn.EmpiricalRisk(task.model(), task.divergence).lower(task.X, task.D, engine)
        optimizer = nn.SGD(LR)
        state = optimizer.start(len(program.parameters))

        def step() -> float:
            loss, gradient = program()
            optimizer.update(program.parameters, gradient, state)
            return loss

        return step

    return make


def hand_numpy(task: Task) -> Step:
    """As one writes it: instances in rows, a new array for every result."""
    (X, D), layers = task.arrays(), task.matrices()

    def step() -> float:
        outputs = [X]
        for W, b in layers[:-1]:
            outputs.append(np.tanh(outputs[-1] @ W.T + b))
        W, b = layers[-1]
        z = outputs[-1] @ W.T + b
        if task.binary:
            loss = np.mean(np.logaddexp(0.0, z) - D * z)
            delta = (1.0 / (1.0 + np.exp(-z)) - D) / len(X)
        else:
            z = z - z.max(axis=1, keepdims=True)
            e = np.exp(z)
            total = e.sum(axis=1, keepdims=True)
            loss = -np.mean(np.sum(D * (z - np.log(total)), axis=1))
            delta = (e / total - D) / len(X)
        gradients = []
        for (W, _), h in zip(reversed(layers), reversed(outputs)):
            gradients.append((delta.T @ h, delta.sum(axis=0)))
            if h is not X:
                delta = (delta @ W) * (1.0 - h * h)
        for (W, b), (dW, db) in zip(layers, reversed(gradients)):
            W -= LR * dW
            b -= LR * db
        return float(loss)

    return step


def buffered_numpy(task: Task) -> Step:
    """As an expert writes it: features in rows, the bias in the product, every buffer kept."""
    X, D = task.arrays()
    layers = [np.hstack([W, b[:, None]]) for W, b in task.matrices()]
    T = len(X)
    D = np.ascontiguousarray(D.T)
    blocks = [np.vstack([X.T, np.ones(T)])]
    blocks += [np.ones((len(W) + 1, T)) for W in layers[:-1]]
    z, delta = np.empty_like(D), np.empty_like(D)
    deltas = [np.empty((len(W), T)) for W in layers[:-1]]
    squares = [np.empty((len(W), T)) for W in layers[:-1]]
    gradients = [np.empty_like(W) for W in layers]
    row = np.empty((1, T))

    def step() -> float:
        for W, h, out in zip(layers[:-1], blocks, blocks[1:]):
            np.dot(W, h, out=out[:-1])
            np.tanh(out[:-1], out=out[:-1])
        np.dot(layers[-1], blocks[-1], out=z)
        if task.binary:
            loss = float(np.sum(np.logaddexp(0.0, z)) - np.vdot(D, z)) / T
            np.negative(z, out=delta)
            np.exp(delta, out=delta)
            np.add(delta, 1.0, out=delta)
            np.divide(1.0, delta, out=delta)
        else:
            np.max(z, axis=0, keepdims=True, out=row)
            np.subtract(z, row, out=z)
            np.exp(z, out=delta)
            np.sum(delta, axis=0, keepdims=True, out=row)
            np.divide(delta, row, out=delta)
            np.log(row, out=row)
            loss = float(np.sum(row) - np.vdot(D, z)) / T
        np.subtract(delta, D, out=delta)
        np.multiply(delta, 1.0 / T, out=delta)
        above = delta
        for k in range(len(layers) - 1, -1, -1):
            np.dot(above, blocks[k].T, out=gradients[k])
            if k:
                np.dot(layers[k][:, :-1].T, above, out=deltas[k - 1])
                np.multiply(blocks[k][:-1], blocks[k][:-1], out=squares[k - 1])
                np.subtract(1.0, squares[k - 1], out=squares[k - 1])
                above = np.multiply(deltas[k - 1], squares[k - 1], out=deltas[k - 1])
        for W, gradient in zip(layers, gradients):
            np.multiply(gradient, LR, out=gradient)
            np.subtract(W, gradient, out=W)
        return loss

    return step


def torch_step(task: Task) -> Step:
    import torch

    torch.set_num_threads(1)
    modules: list[Any] = []
    for W, b in task.matrices():
        linear = torch.nn.Linear(W.shape[1], W.shape[0], dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(W))
            linear.bias.copy_(torch.from_numpy(b))
        modules += [linear, torch.nn.Tanh()]
    model = torch.nn.Sequential(*modules[:-1])
    loss_of = torch.nn.BCEWithLogitsLoss() if task.binary else torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), LR)
    X, D = (torch.from_numpy(x) for x in task.arrays())

    def step() -> float:
        optimizer.zero_grad()
        loss = loss_of(model(X), D)
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return step


def _jax_update(task: Task) -> tuple[Any, Any]:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    X, D = (jnp.array(x) for x in task.arrays())

    def loss_of(layers: Any) -> Any:
        h = X
        for W, b in layers[:-1]:
            h = jnp.tanh(h @ W.T + b)
        z = h @ layers[-1][0].T + layers[-1][1]
        if task.binary:
            return jnp.mean(jnp.logaddexp(0.0, z) - D * z)
        return -jnp.mean(jnp.sum(D * jax.nn.log_softmax(z, axis=1), axis=1))

    def update(layers: Any) -> tuple[Any, Any]:
        loss, gradients = jax.value_and_grad(loss_of)(layers)
        return jax.tree.map(lambda p, g: p - LR * g, layers, gradients), loss

    return update, [(jnp.array(W), jnp.array(b)) for W, b in task.matrices()]


def jax_step(task: Task) -> Step:
    import jax

    update, layers = _jax_update(task)
    compiled = jax.jit(update)
    state = [layers]

    def step() -> float:
        state[0], loss = compiled(state[0])
        return float(loss)

    return step


def _many(update: Any, start: Any) -> Step:
    import jax

    def loop(layers: Any) -> tuple[Any, Any]:
        return jax.lax.scan(lambda p, _: update(p), layers, None, length=STEPS_IN_ONE_CALL)

    compiled = jax.jit(loop)
    state = [start]

    def step() -> float:
        with jax.enable_x64(True):
            state[0], losses = compiled(state[0])
            return float(losses[0])

    return step


def jax_many(task: Task) -> Step:
    return _many(*_jax_update(task))


def lowered_jax_many(task: Task) -> Step:
    import jax
    import jax.numpy as jnp

    program = nn.EmpiricalRisk(task.model(), task.divergence).lower(task.X, task.D, "jax")
    function = program.jax_function()

    def update(parameters: Any) -> tuple[Any, Any]:
        loss, gradient = function(parameters)
        return parameters - LR * gradient, loss

    with jax.enable_x64(True):
        return _many(update, jnp.array(program.parameters))


def micrograd_step(task: Task) -> Step:
    from micrograd.engine import Value
    from micrograd.nn import MLP

    random.seed(0)
    model = MLP(len(task.X[0]), task.widths)  # relu, and hinge loss: what it has

    def step() -> float:
        model.zero_grad()
        losses = [(1 + -(2 * d - 1) * model(x)).relu() for x, d in zip(task.X, task.D)]
        loss: Value = sum(losses) * (1.0 / len(losses))
        loss.backward()
        for p in model.parameters():
            p.data -= LR * p.grad
        return float(loss.data)

    return step


CONTENDERS: list[tuple[str, str, Callable[[Task], Step], int]] = [
    ("hand-written NumPy", "numpy", hand_numpy, 1),
    ("NumPy with buffers", "numpy", buffered_numpy, 1),
    ("lowered, NumPy", "numpy", lowered("numpy"), 1),
    ("lowered, JAX", "jax", lowered("jax"), 1),
    ("lowered, JAX, steps looped", "jax", lowered_jax_many, STEPS_IN_ONE_CALL),
    ("JAX, one jitted call", "jax", jax_step, 1),
    ("JAX, steps looped", "jax", jax_many, STEPS_IN_ONE_CALL),
    ("PyTorch, nn and optim.SGD", "torch", torch_step, 1),
]
SLOW: list[tuple[str, str, Callable[[Task], Step], int]] = [
    ("eager Values", "autograd", eager, 1),
    ("micrograd", "micrograd", micrograd_step, 1),
]


def seconds_a_step(step: Step, at_least: float) -> float:
    """The mean of as many calls as fit into a time, one at least."""
    started = time.perf_counter()
    calls = 0
    while calls == 0 or time.perf_counter() - started < at_least:
        step()
        calls += 1
    return (time.perf_counter() - started) / calls


def compare(task: Task, rounds: int, slow: bool) -> dict[str, float]:
    """The best time of each contender, in turns; the hand-written one is the measure."""
    steps: dict[str, tuple[Step, int]] = {}
    contenders = CONTENDERS + (SLOW if slow else [])
    for name, package, make, size in contenders:
        if importlib.util.find_spec(package) is None:
            print(f"  {name}: {package} is not installed, skipped")
            continue
        step = make(task)
        step()
        steps[name] = (step, size)
    best = dict.fromkeys(steps, float("inf"))
    for _ in range(rounds):
        for name, (step, size) in steps.items():
            if name in {entry[0] for entry in SLOW} and best[name] < float("inf"):
                continue
            best[name] = min(best[name], seconds_a_step(step, 0.1) / size)
    measure = best["hand-written NumPy"]
    for name, seconds in best.items():
        print(
            f"  {name:28} {1e6 * seconds:12.1f} us  {seconds / measure:10.2f} x hand-written NumPy"
        )
    return best


def compare_hessian() -> None:
    model = nn.MLP(2, [4, 1], rng=random.Random(0))
    x = [autograd.Value(0.3, "x[0]"), autograd.Value(-0.8, "x[1]")]
    parameters = model.parameters()
    loss = nn.divergences.binary_kl_from_logits(model(x), 1.0)
    started = time.perf_counter()
    gradient = autograd.grad(loss, parameters, create_graph=True)
    for g in gradient:
        autograd.grad(g, parameters)
    one = time.perf_counter() - started
    program = autograd.lower(gradient, x, parameters)
    batch = np.random.default_rng(0).normal(size=(100, 2))
    seconds = min(seconds_a_step(lambda: program(batch), 0.1) for _ in range(3))
    print(f"  eager, one instance          {1e6 * one:12.1f} us")
    print(
        f"  lowered, 100 instances       {1e6 * seconds:12.1f} us, {100 * one / seconds:.0f} times"
    )


def draw(path: Path) -> None:
    """Cost of a step against the number of instances, on logarithmic axes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    sizes = [10, 100, 1_000, 10_000]
    figure, axes = pyplot.subplots(layout="constrained")
    for name, package, make, size in [*CONTENDERS, SLOW[0]]:
        chosen = sizes[:2] if name == "eager Values" else sizes
        if importlib.util.find_spec(package):
            seconds = [seconds_a_step(make(moons(points)), 0.05) / size for points in chosen]
            axes.loglog(chosen, seconds, "o-", label=name)
    axes.set(xlabel="instances in a batch", ylabel="seconds a step", title="MLP(2, [16, 16, 1])")
    axes.legend(fontsize="small")
    figure.savefig(path)
    print(f"wrote {path}")


def main() -> None:
    if not ONE_THREAD.items() <= os.environ.items():
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **ONE_THREAD})
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each (default 5)")
    parser.add_argument("--out", type=Path, help="a PNG to draw cost against size in")
    options = parser.parse_args()
    print("moons: MLP(2, [16, 16, 1]), tanh, binary KL, 100 points, a step with its update")
    compare(moons(), options.rounds, slow=True)
    print("digits: MLP(64, [32, 10]), tanh, softmax and KL, 1,797 images")
    compare(digits(), options.rounds, slow=False)
    print("Hessian of a loss in 17 parameters")
    compare_hessian()
    if options.out:
        draw(options.out)


if __name__ == "__main__":
    main()
