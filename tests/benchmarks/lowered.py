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
from autograd import Value, lower
from autograd.lowering.numpy_source import WRITTEN

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
EAGER_ROWS = 50  # of the digits, and scaled up: all of them take a minute


def seconds_a_step(step: Step, at_least: float) -> float:
    """The mean of as many calls as fit into a time, one at least.

    Time of this process: what the machine does besides does not count.
    """
    started = time.process_time()
    calls = 0
    while calls == 0 or time.process_time() - started < at_least:
        step()
        calls += 1
    return (time.process_time() - started) / calls


def compare(task: Task, rounds: int) -> None:
    """The best time of each contender, in turns; the hand-written one is the measure."""
    steps: dict[str, tuple[Step, float]] = {}
    for name, package, make, calls in [*CONTENDERS, *SLOW]:
        scale = 1.0 / calls
        if not installed(package, name):
            continue
        if name == "micrograd" and not task.binary:
            print("  micrograd: it has neither exp nor softmax, skipped")
            continue
        if make is eager and len(task.X) > 500:
            scale = len(task.X) / EAGER_ROWS
            step = make(Task(task.name, task.widths, task.X[:EAGER_ROWS], task.D[:EAGER_ROWS]))
        else:
            step = make(task)
        step()
        steps[name] = (step, scale)
    best = dict.fromkeys(steps, float("inf"))
    slow = {entry[0] for entry in SLOW}
    for _ in range(rounds):
        for name, (step, scale) in steps.items():
            if name not in slow or best[name] == float("inf"):
                best[name] = min(best[name], seconds_a_step(step, 0.1) * scale)
    report(best, "hand-written NumPy")


def installed(package: str, name: str) -> bool:
    """Whether a contender can take part; if not, that is said."""
    found = importlib.util.find_spec(package) is not None
    if not found:
        print(f"  {name}: {package} is not installed, skipped")
    return found


def report(seconds: dict[str, float], measure: str) -> None:
    """A line for each contender, with its share of the measure."""
    for name, time_taken in seconds.items():
        ratio = time_taken / seconds[measure]
        print(f"  {name:28} {1e6 * time_taken:14.1f} us {ratio:12.3f} x {measure}")


HESSIAN_WIDTHS = [4, 1]
HESSIAN_ROWS = 100


def hessian_contenders() -> dict[str, tuple[Step, float]]:
    """The mean Hessian of a network's loss over a batch, by each engine."""
    X, D = nn.datasets.moons(HESSIAN_ROWS, seed=0)
    model = nn.MLP(2, HESSIAN_WIDTHS, rng=random.Random(0))
    parameters = model.parameters()
    x, d = [Value(0.5, "x[0]"), Value(0.2, "x[1]")], Value(1.0, "d")

    def gradient_of(x: Any, d: Any) -> tuple[Value, ...]:
        loss = nn.divergences.binary_kl_from_logits(model(x), d)
        return autograd.grad(loss, parameters, create_graph=True)

    def eager_once() -> None:
        for g in gradient_of(X[0], D[0]):
            autograd.grad(g, parameters)

    program = autograd.lower(gradient_of(x, d), [*x, d], parameters)
    batch = np.hstack([np.array(X), np.array(D)[:, None]])
    found: dict[str, tuple[Step, float]] = {
        "lowered, NumPy": (lambda: program(batch), 1.0),
        "eager Values": (eager_once, float(HESSIAN_ROWS)),
    }
    flat = np.array([p.data for p in parameters])
    shapes = [(HESSIAN_WIDTHS[0], 3), (1, HESSIAN_WIDTHS[0] + 1)]

    def loss_with(xp: Any, softplus: Any, p: Any, row: Any) -> Any:
        W1, W2 = p[:12].reshape(shapes[0]), p[12:].reshape(shapes[1])
        h = xp.tanh(W1[:, :2] @ row[:2] + W1[:, 2])
        z = W2[0, :4] @ h + W2[0, 4]
        return softplus(z) - row[2] * z

    if installed("jax", "JAX"):
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        p, rows = jnp.array(flat), jnp.array(batch)

        def by_jax(p: Any, row: Any) -> Any:
            return loss_with(jnp, jax.nn.softplus, p, row)

        each = jax.vmap(jax.hessian(by_jax), (None, 0))
        compiled = jax.jit(lambda p, rows: jnp.mean(each(p, rows), 0))
        found["JAX, one jitted call"] = (lambda: compiled(p, rows).block_until_ready(), 1.0)
    if installed("torch", "PyTorch"):
        import torch

        torch.set_num_threads(1)
        q, data = torch.from_numpy(flat.copy()), torch.from_numpy(batch)

        def by_torch(p: Any, row: Any) -> Any:
            return loss_with(torch, torch.nn.functional.softplus, p, row)

        several = torch.func.vmap(torch.func.hessian(by_torch), (None, 0))
        found["PyTorch, vmap of hessian"] = (lambda: several(q, data).mean(0), 1.0)
    return found


def compare_hessian() -> None:
    """The engines that differentiate twice."""
    contenders = hessian_contenders()
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(3):
        for name, (step, scale) in contenders.items():
            best[name] = min(best[name], seconds_a_step(step, 0.1) * scale)
    report(best, "lowered, NumPy")


Case = tuple[Value, list[Value], list[Value]]


def tangle(n: int) -> Case:
    """Operations picked at random on operands picked at random: nothing makes a product."""
    rng = random.Random(0)
    leaves = [Value(rng.uniform(-1.0, 1.0)) for _ in range(20)]
    pool = list(leaves)
    functions: list[Callable[..., Value]] = [
        *[lambda a, b: a + b, lambda a, b: 0.5 * a * b, lambda a, b: a - b],
        *[lambda a, b: autograd.tanh(a), lambda a, b: autograd.sin(b)],
    ]
    while len(pool) < n:
        pool.append(rng.choice(functions)(rng.choice(pool[-150:]), rng.choice(pool[-150:])))
    root = autograd.tanh(autograd.sum(pool[-200:]) / 200)
    used = set(autograd.consumers_first(root))
    return root, *([x for x in some if x in used] for some in (leaves[:5], leaves[5:]))


def chain(n: int) -> Case:
    """Nothing but depth: each operation waits for the one before."""
    x, w, b = Value(0.3), Value(1.1), Value(0.2)
    y = x
    for _ in range(n // 3):
        y = autograd.tanh(w * y + b)
    return y, [x], [w, b]


def network(n: int) -> Case:
    """A hidden layer of as many units as it takes: three nodes for each of its weights."""
    model = nn.MLP(64, [max(n // 200, 1), 1], rng=random.Random(0))
    x = [Value(0.01 * i, f"x[{i}]") for i in range(64)]
    return nn.divergences.l2(model(x), 0.0), x, model.parameters()


GRAPHS: dict[str, Callable[[int], Case]] = {
    "network": network,
    "irregular graph": tangle,
    "chain": chain,
}


def eager_sweep(case: Case) -> Step:
    """Recording and differentiating one instance, all operations being on Values."""
    root, _, parameters = case
    order = list(reversed(autograd.consumers_first(root)))

    def step() -> None:
        new: dict[Any, Any] = {}
        for node in order:
            if node.op is None:
                new[node] = node
            else:
                new[node] = node.op(*[new.get(x, x) for x in node.operands])
        autograd.grad(new[root], parameters)

    return step


def compare_irregular(n: int) -> None:
    """A graph in which nothing can be grouped into products."""
    case = tangle(n)
    one = seconds_a_step(eager_sweep(case), 0.2)
    program = autograd.lower(*case)
    for size in (1, 100, 1_000):
        batch = np.random.default_rng(0).normal(size=(size, len(case[1])))
        program(batch)
        seconds = min(seconds_a_step(lambda batch=batch: program(batch), 0.1) for _ in range(3))
        print(
            f"  {size:5} instances: eager {1e3 * one * size:10.1f} ms, lowered "
            f"{1e3 * seconds:8.1f} ms: {one * size / seconds:6.1f} times as fast"
        )


def anew(case: Case) -> None:
    """Lower a graph as if it were the first time."""
    WRITTEN.clear()
    lower(*case)


def compare_small() -> None:
    """Lowering a small network, the first time and again, beside one step of its own graph."""
    model = nn.MLP(2, [16, 16, 1], rng=random.Random(0))
    x = [Value(0.5, "x[0]"), Value(0.2, "x[1]")]
    case = nn.divergences.l2(model(x), 1.0), x, model.parameters()
    steps: dict[str, Step] = {
        "recorded and differentiated": eager_sweep(case),
        "lowered": lambda: anew(case),
        "lowered again": lambda: lower(*case),
    }
    best = dict.fromkeys(steps, float("inf"))
    for _ in range(5):
        for name, step in steps.items():
            best[name] = min(best[name], seconds_a_step(step, 0.05))
    print(f"{len(autograd.consumers_first(case[0]))} nodes, core: {autograd.core.NAME}")
    report(best, "recorded and differentiated")


def lowering_costs(sizes: list[int]) -> dict[str, list[tuple[int, float]]]:
    """For each sort of graph the numbers of its nodes, and the seconds that lowering them takes."""
    found: dict[str, list[tuple[int, float]]] = {}
    for name, make in GRAPHS.items():
        found[name] = []
        for n in sizes:
            case = make(n)
            nodes = len(autograd.consumers_first(case[0]))
            repeats = 3 if n <= 10_000 else 1
            seconds = min(seconds_a_step(lambda case=case: anew(case), 0) for _ in range(repeats))
            found[name].append((nodes, seconds))
            print(f"  {name:16} {nodes:9,} nodes {1e6 * seconds / nodes:8.1f} us a node")
    return found


def draw(path: Path, lowering: dict[str, list[tuple[int, float]]]) -> None:
    """A step against the instances, and lowering against the nodes, on logarithmic axes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    sizes = [10, 100, 1_000, 10_000]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(13, 5), layout="constrained")
    for name, package, make, calls in [*CONTENDERS, *SLOW]:
        chosen = sizes[:2] if (name, package, make, calls) in SLOW else sizes
        if importlib.util.find_spec(package):
            steps = [make(moons(points)) for points in chosen]
            for step in steps:
                step()  # JAX compiles
            seconds = [min(seconds_a_step(step, 0.05) for _ in range(3)) / calls for step in steps]
            left.loglog(chosen, seconds, "o-", label=name)
    left.set(xlabel="instances", ylabel="seconds", title="A step of MLP(2, [16, 16, 1])")
    for name, points in lowering.items():
        right.loglog(*zip(*points), "o-", label=name)
    nodes = [1_000, max(n for points in lowering.values() for n, _ in points)]
    right.loglog(nodes, [20e-6 * n for n in nodes], "k:", label="20 us a node")
    right.set(xlabel="recorded nodes", ylabel="seconds", title="Lowering a graph")
    for axes in (left, right):
        axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
        axes.grid(alpha=0.3)
    figure.savefig(path)
    print(f"wrote {path}")


def main() -> None:
    if not ONE_THREAD.items() <= os.environ.items():
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **ONE_THREAD})
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each (default 5)")
    parser.add_argument(
        "--nodes", type=int, default=100_000, help="of the largest graph to lower (default 100,000)"
    )
    parser.add_argument("--out", type=Path, help="a PNG to draw cost against size in")
    options = parser.parse_args()
    print("moons: MLP(2, [16, 16, 1]), tanh, binary KL, 100 points, a step with its update")
    compare(moons(), options.rounds)
    print("digits: MLP(64, [32, 10]), tanh, softmax and KL, 1,797 images")
    compare(digits(), options.rounds)
    print(f"Hessian: of a loss in 17 parameters, {HESSIAN_ROWS} instances")
    compare_hessian()
    print("irregular graph: 8,000 nodes, value and gradient")
    compare_irregular(8_000)
    print("lowering MLP(2, [16, 16, 1]) with l2, source included, beside one instance by Values")
    compare_small()
    print("lowering, source included")
    sizes = [10**k for k in range(3, 7) if 10**k <= options.nodes]
    lowering = lowering_costs(sizes)
    if options.out:
        draw(options.out, lowering)


if __name__ == "__main__":
    main()
