"""How cost grows: time and memory at n, 2n, 4n and 8n, for all that takes something large.

Run it by itself: ``python tests/benchmarks/growth.py``, or with some names of rows, or parts of
names: ``python tests/benchmarks/growth.py lower why``. Every number is from a process of its own,
so that nothing is warm and memory is that of the row alone. ``growth`` is the exponent p of n ** p
between the last two sizes: 1 is linear; n log n is up to 1.1. What a row does is one entry of
``ROWS``, and another is all that it takes to watch something else.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import itertools
import json
import math
import pickle
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import autograd
import nn
from autograd import Value

Run = Callable[[], object]


class Row(NamedTuple):
    """Something that can be large.

    Attributes:
        n: the smallest size to look at, such that the time is no longer that of the first call.
        make: prepares a size, and gives what is measured.
    """

    n: int
    make: Callable[[int], Run]


# Shapes of graphs: about n nodes, the root and the leaves to differentiate by ---------------------

Shape = tuple[Any, list[Value]]


def weights(n: int, seed: int = 0) -> list[Value]:
    rng = random.Random(seed)
    return [Value(rng.uniform(-1.0, 1.0), f"w[{i}]") for i in range(n)]


def data(n: int, seed: int = 1) -> list[float]:
    rng = random.Random(seed)
    return [rng.gauss(0.0, 1.0) for _ in range(n)]


def chain(n: int) -> Shape:
    """Nothing but depth."""
    w, b = weights(2)
    y = Value(0.3)
    for _ in range(n // 3):
        y = autograd.tanh(w * y + b)
    return y, [w, b]


def horner(n: int) -> Shape:
    """A polynomial, and a sum that is a chain of additions: other numbers at every step."""
    (x,) = weights(1)
    total: Any = 0.0
    y: Any = 1.0
    for c in data(n // 3):
        y = 0.99 * x * y
        total = total + c * y
    return total, [x]


def tangle(n: int) -> Shape:
    """Operations picked at random on operands picked at random: hardly anything to group."""
    rng = random.Random(0)
    leaves = weights(20)
    pool = list(leaves)
    functions: list[Callable[..., Value]] = [
        *[lambda a, b: a + b, lambda a, b: 0.5 * a * b, lambda a, b: a - b],
        *[lambda a, b: autograd.tanh(a), lambda a, b: autograd.sin(b)],
    ]
    while len(pool) < n:
        pool.append(rng.choice(functions)(rng.choice(pool[-150:]), rng.choice(pool[-150:])))
    root = autograd.tanh(autograd.sum([*pool[-200:], *leaves]) / 200)
    return root, leaves


def network(n: int) -> Shape:
    """Matrix products, n being the number of weights."""
    model = nn.MLP(8, [n // 10, 1], rng=random.Random(0))
    return nn.divergences.l2(model([0.1 * i for i in range(8)]), [0.0]), model.parameters()


def deep(n: int) -> Shape:
    """Layer upon layer of a few neurons."""
    model = nn.MLP(3, [3] * (n // 30) + [1], rng=random.Random(0))
    return nn.divergences.l2(model([0.1, 0.2, 0.3]), [0.0]), model.parameters()


def variance(n: int) -> Shape:
    """A wide sum whose terms share a mean."""
    ws = weights(n // 4)
    mean = autograd.sum(ws) / len(ws)
    return autograd.sum([(w - mean) ** 2 for w in ws]) / len(ws), ws


def scaled(n: int) -> Shape:
    """The variance of data under one scale."""
    (w,) = weights(1)
    xs = [w * x for x in data(n // 4)]
    mean = autograd.sum(xs) / len(xs)
    return autograd.sum([(x - mean) ** 2 for x in xs]) / len(xs), [w]


def entropy(n: int) -> Shape:
    """The entropy of a softmax: every probability is of all logits."""
    ws = weights(n // 5)
    return -autograd.sum([p * autograd.log(p) for p in autograd.softmax(ws)]), ws


def recurrence(n: int) -> Shape:
    """A loss at every step."""
    (w,) = weights(1)
    h, losses = Value(0.5), []
    for _ in range(n // 3):
        h = autograd.tanh(w * h)
        losses.append(h * h)
    return autograd.sum(losses), [w]


def ode(n: int) -> Shape:
    """A fit of a differential equation: a step of Euler's, and what it misses, at each time."""
    a, b = weights(2)
    y, total = Value(1.0), Value(0.0)
    for i in range(n // 9):
        y = y + 0.01 * (a * y - b * y * y)
        total += (y - math.sin(0.01 * i)) ** 2
    return total, [a, b]


def lstm(n: int) -> Shape:
    """Cells with gates, two wide, and a loss at every step."""
    ws = weights(20)
    h, c = [Value(0.0), Value(0.0)], [Value(0.0), Value(0.0)]
    losses = []
    for x in data(n // 45):
        gates = [
            [ws[10 * k] * x + ws[10 * k + 1] * h[k] + ws[10 * k + 2 + i] for i in range(4)]
            for k in range(2)
        ]
        for k, (i, f, o, g) in enumerate(gates):
            c[k] = autograd.sigmoid(f) * c[k] + autograd.sigmoid(i) * autograd.tanh(g)
            h[k] = autograd.sigmoid(o) * autograd.tanh(c[k])
        losses.append((h[0] - h[1] - x) ** 2)
    used = set(autograd.consumers_first(root := autograd.sum(losses)))
    return root, [w for w in ws if w in used]


def fan(n: int) -> Shape:
    """One node that n others use, each the next one's operand too."""
    ws = weights(50)
    shared = autograd.sum(ws)
    h = shared
    for _ in range(n // 2):
        h = 0.5 * (h + shared)
    return h, ws


def grid(n: int) -> Shape:
    """A table in which each entry is of its two neighbours: exponentially many paths."""
    side = max(2, int(math.sqrt(n / 3)))
    ws = weights(side)
    row = list(ws)
    for _ in range(side):
        left = row[0]
        new = []
        for above in row:
            left = autograd.tanh(0.5 * (left + above))
            new.append(left)
        row = new
    return autograd.sum(row), ws


def tree(n: int) -> Shape:
    """Products two by two."""
    ws = weights(n // 2)
    level: list[Value] = [1.0 + 0.01 * w for w in ws]
    while len(level) > 1:
        level = [x * y for x, y in zip(level[::2], level[1::2])] + level[len(level) & ~1 :]
    return level[0], ws


def pairs(n: int) -> Shape:
    """Every two of some things: a sum over a shared table."""
    ws = weights(max(2, int(math.sqrt(n / 2))))
    hs = [autograd.tanh(w) for w in ws]
    return autograd.sum([(a - b) ** 2 for a, b in itertools.combinations(hs, 2)]), ws


def smooth(n: int) -> Shape:
    """A sum in which each term shares something with the next."""
    ws = weights(n // 5)
    hs = [autograd.tanh(w) for w in ws]
    return autograd.sum([(a - b) ** 2 for a, b in itertools.pairwise(hs)]), ws


def instances(n: int) -> Shape:
    """A network's loss over a data set, written as a loop."""
    model = nn.MLP(2, [4, 1], rng=random.Random(0))
    X, D = nn.datasets.moons(max(4, n // 40), seed=0)
    return nn.EmpiricalRisk(model, nn.divergences.l2)(X, D), model.parameters()


def roots(n: int) -> Shape:
    """Many roots, of one parameter."""
    (w,) = weights(1)
    return [autograd.tanh(w * x) for x in data(n // 2)], [w]


SHAPES: dict[str, Callable[[int], Shape]] = {
    shape.__name__: shape
    for shape in (
        *[chain, horner, tangle, network, deep, variance, scaled, entropy, ode],
        *[recurrence, lstm, fan, grid, tree, pairs, smooth, instances],
    )
}


# What is done with a graph ------------------------------------------------------------------------


def lowered(root: Any, leaves: list[Value]) -> Run:
    return lambda: autograd.lower(root, wrt=leaves)()


def lowered_step(root: Any, leaves: list[Value]) -> Run:
    program = autograd.lower(root, wrt=leaves)
    program()
    return program


def with_every_leaf(root: Any, leaves: list[Value]) -> Run:
    """The lowering where a leaf is the input of a batch."""
    return lambda: autograd.lower(root, leaves[:1], leaves[1:])([[0.5], [0.25], [0.75]])


def differentiated(root: Any, leaves: list[Value]) -> Run:
    return lambda: autograd.grad(root, leaves, create_graph=True)


def pickled(root: Any, _: list[Value]) -> Run:
    return lambda: pickle.loads(pickle.dumps(root))


def stepped(root: Any, _: list[Value]) -> Run:
    return lambda: autograd.step_through(root).run()


def stepped_back(root: Any, _: list[Value]) -> Run:
    stepper = autograd.step_through(root)

    def run() -> None:
        stepper.run()
        stepper.back(stepper.position)

    return run


def why(root: Any, leaves: list[Value]) -> Run:
    stepper = autograd.step_through(root)
    stepper.run()
    return lambda: str(stepper.why(leaves[0]))


def shown(root: Any, _: list[Value]) -> Run:
    def run() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            autograd.show(root)

    return run


def edge_by_edge(root: Any, _: list[Value]) -> Run:
    def run() -> None:
        s = autograd.step_through(root)
        while not s.done:
            s.step()

    return run


def tables(root: Any, _: list[Value]) -> Run:
    def run() -> object:
        s = autograd.step_through(root)
        return s.table(all=True), s.naive()

    return run


def page(root: Any, _: list[Value]) -> Run:
    folder = tempfile.mkdtemp()
    return lambda: autograd.step_through(root).save(f"{folder}/page.html")


WITH_A_GRAPH: dict[str, tuple[int, Callable[[Any, list[Value]], Run]]] = {
    "backward": (20_000, lambda root, _: root.backward),
    "create_graph": (10_000, differentiated),
    "deepcopy": (10_000, lambda root, _: lambda: copy.deepcopy(root)),
    "pickle": (10_000, pickled),
    "lower": (4_000, lowered),
    "lower with inputs": (4_000, with_every_leaf),
    "lowered step": (4_000, lowered_step),
    "step": (4_000, stepped),
    "step and back": (4_000, stepped_back),
    "step edge by edge": (4_000, edge_by_edge),
    "table and naive": (4_000, tables),
    "why": (4_000, why),
    "show": (4_000, shown),
    "draw": (2_000, lambda root, _: lambda: autograd.draw(root)),
    "page": (1_000, page),
}


def on_shape(work: Callable[[Any, list[Value]], Run], shape: Callable[[int], Shape]) -> Any:
    return lambda n: work(*shape(n))


ROWS: dict[str, Row] = {
    f"{name}: {shape.__name__}": Row(n, on_shape(work, shape))
    for name, (n, work) in WITH_A_GRAPH.items()
    for shape in SHAPES.values()
}


def row(name: str, n: int) -> Callable[[Callable[[int], Run]], Callable[[int], Run]]:
    """Enter a row that is no graph of one of the shapes."""

    def entered(make: Callable[[int], Run]) -> Callable[[int], Run]:
        ROWS[name] = Row(n, make)
        return make

    return entered


@row("lower: roots", 2_000)
def _roots(n: int) -> Run:
    return lowered(*roots(n))


@row("lower: gradient as roots", 25)
def _hessian(n: int) -> Run:
    """Of a sparse one, in which a row has three entries: n roots, but n entries of each."""
    f = autograd.LoweredFunction(rosenbrock, [0.5] * n)
    return lambda: f.hessian([0.5] * n)


def rosenbrock(xs: Sequence[Any]) -> Any:
    terms = [100.0 * (y - x * x) ** 2 + (1.0 - x) ** 2 for x, y in itertools.pairwise(xs)]
    return autograd.sum(terms)


@row("lower: labels", 4_000)
def _labels(n: int) -> Run:
    ws = [Value(0.1, f"layer{i}.neuron{i}.w[{i}]") for i in range(n // 2)]
    hs = [autograd.tanh(w) for w in ws]
    for i, h in enumerate(hs):
        h.label = f"layer{i % 7}.neuron{i}.h"
    return lowered(autograd.sum(hs), ws)


@row("lower: long labels", 1_000)
def _long_labels(n: int) -> Run:
    ws = [Value(0.1, "w" * n) for _ in range(20)]
    return lowered(autograd.sum([w * w for w in ws]), ws)


@row("lowered step: instances of a batch", 20_000)
def _batch(n: int) -> Run:
    model = nn.MLP(2, [4, 1], rng=random.Random(0))
    x = [Value(0.1), Value(0.2)]
    program = autograd.lower(model(x)[0], x, model.parameters())
    batch = [[0.1, 0.2]] * n
    return lambda: program(batch)


def fitted(n: int, epochs: int, **options: Any) -> Run:
    X, D = nn.datasets.moons(n, seed=0)

    def run() -> object:
        model = nn.MLP(2, [4, 1], output="sigmoid", rng=random.Random(0))
        return nn.fit(model, X, D, epochs=epochs, progress=False, **options)

    return run


@row("fit: instances", 2_000)
def _fit_instances(n: int) -> Run:
    return fitted(n, 3)


@row("fit: instances, engine python", 100)
def _fit_eager(n: int) -> Run:
    return fitted(n, 2, engine="python")


@row("fit: instances, batches of 10", 2_000)
def _fit_batches(n: int) -> Run:
    return fitted(n, 3, batch_size=10)


@row("fit: epochs", 1_000)
def _fit_epochs(n: int) -> Run:
    return fitted(20, n)


@row("fit: epochs with a checkpoint", 250)
def _fit_checkpoint(n: int) -> Run:
    folder = tempfile.mkdtemp()
    count = itertools.count()
    return lambda: fitted(20, n, checkpoint=f"{folder}/run{next(count)}")()


@row("fit: resume a long run", 1_000)
def _resume(n: int) -> Run:
    folder = tempfile.mkdtemp()
    fitted(20, n, checkpoint=f"{folder}/run", every=n)()
    return fitted(20, n + 1, checkpoint=f"{folder}/run")


@row("fit: weights", 4_000)
def _fit_weights(n: int) -> Run:
    X, D = nn.datasets.moons(20, seed=0)

    def run() -> object:
        model = nn.MLP(2, [n // 4, 1], output="sigmoid", rng=random.Random(0))
        return nn.fit(model, X, D, epochs=2, progress=False)

    return run


@row("predict: instances", 4_000)
def _predict(n: int) -> Run:
    X, _ = nn.datasets.moons(n, seed=0)
    model = nn.MLP(2, [4, 1], rng=random.Random(0))
    return lambda: nn.predict(model, X)


@row("predict: a model that branches", 1_000)
def _predict_branching(n: int) -> Run:
    X, _ = nn.datasets.moons(n, seed=0)
    return lambda: nn.predict(lambda x: x[0] if x[0] > 0.5 else x[1], X)


@row("risk: instances", 200)
def _risk(n: int) -> Run:
    X, D = nn.datasets.moons(n, seed=0)
    risk = nn.EmpiricalRisk(nn.MLP(2, [4, 1], rng=random.Random(0)), nn.divergences.l2)
    return lambda: risk(X, D)


@row("save and load: weights", 4_000)
def _save(n: int) -> Run:
    model = nn.MLP(2, [n // 4, 1], rng=random.Random(0))
    path = f"{tempfile.mkdtemp()}/m"

    def run() -> None:
        model.save(path)
        model.load(path)

    return run


@row("gradient_descent: steps", 500)
def _descent(n: int) -> Run:
    return lambda: autograd.gradient_descent(
        rosenbrock, [-1.2, 1.0], step=1e-5, max_steps=n, eps1=0.0
    )


@row("gradient_descent: inputs", 200)
def _descent_inputs(n: int) -> Run:
    return lambda: autograd.gradient_descent(rosenbrock, [0.9] * n, step=1e-4, max_steps=60)


@row("gradient_descent: variance", 1_000)
def _descent_variance(n: int) -> Run:
    def f(xs: Sequence[Any]) -> Any:
        mean = autograd.sum(xs) / len(xs)
        return autograd.sum([(x - mean) ** 2 for x in xs])

    start = data(n // 4)
    return lambda: autograd.gradient_descent(f, start, step=1e-3, max_steps=60)


@row("gradient: inputs", 2_000)
def _gradient(n: int) -> Run:
    return lambda: autograd.gradient(rosenbrock, [0.5] * n)


@row("hvp: inputs", 1_000)
def _hvp(n: int) -> Run:
    return lambda: autograd.hvp(rosenbrock, [0.5] * n, [1.0] * n)


@row("derivative: order of a sine", 10)
def _order(n: int) -> Run:
    return lambda: autograd.derivative(autograd.sin, 0.5, order=n)


@row("detect_anomaly: nodes", 10_000)
def _anomaly(n: int) -> Run:
    def run() -> None:
        with autograd.detect_anomaly():
            chain(n)[0].backward()

    return run


@row("record_source: nodes", 10_000)
def _source(n: int) -> Run:
    def run() -> None:
        with autograd.record_source():
            chain(n)

    return run


@row("free a graph", 100_000)
def _free(n: int) -> Run:
    held: list[Any] = [chain(n)]
    return lambda: held.clear()


@row("step: names of nodes looked up", 4_000)
def _names(n: int) -> Run:
    s = autograd.step_through(autograd.sum([Value(1.0) for _ in range(n)]))
    return lambda: [s.check(f"v{number}") for number in range(n, n - 100, -1)]


@row("draw: groups", 1_000)
def _groups(n: int) -> Run:
    x = Value(0.5, "x")
    for i in range(n):
        with autograd.group(f"block{i % 50}.part{i}"):
            x = autograd.tanh(x * 1.1)
    return lambda: autograd.draw(x)


@row("draw: labels of a length", 10_000)
def _drawn_labels(n: int) -> Run:
    root = autograd.sum([Value(0.1, "w" * n) for _ in range(50)])
    return lambda: autograd.draw(root)


@row("breakpoints", 250)
def _breakpoints(n: int) -> Run:
    root, _ = chain(3 * n)

    def run() -> None:
        stepper = autograd.step_through(root)
        for node in autograd.consumers_first(root)[:n]:
            stepper.add_breakpoint(node)
        while not stepper.done:
            stepper.run()

    return run


@row("own rows that call one another", 10)
def _own_rows(n: int) -> Run:
    x = Value(0.5, "x")
    prefix = f"row{random.randrange(10**9)}"
    op = autograd.Op(f"{prefix}_0", "tanh(x)", "1 - z ** 2")
    for i in range(1, n):
        op = autograd.Op(f"{prefix}_{i}", f"{op.name}(x) * 1.5", "1.0")
    return lambda: autograd.lower(op(x), [x])([[0.5]])


# Measuring ----------------------------------------------------------------------------------------

DOUBLINGS = 4
AS_IF_STILL = 0.02  # seconds below which a growth is noise


def measured(name: str, n: int, limit: float) -> tuple[float, float]:
    """The seconds of one run at a size, and the MB by which it raises the process's peak.

    They are seconds of this process, which ends when it has had more than the limit.
    """
    import resource  # there is none on Windows

    resource.setrlimit(resource.RLIMIT_CPU, (int(limit) + 1, int(limit) + 1))
    run = ROWS[name].make(n)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    run()
    seconds = time.process_time() - started
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def in_a_process(name: str, n: int, limit: float) -> tuple[float, float] | None:
    """The same in a process of its own; None beyond a limit of seconds."""
    command = [sys.executable, str(Path(__file__)), "--one", name, str(n), "--limit", str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode < 0:
        return None
    if done.returncode:
        raise SystemExit(f"{name} at {n}:\n{done.stderr}")
    seconds, megabytes = json.loads(done.stdout.splitlines()[-1])
    return seconds, megabytes


def growth(seconds: Sequence[float]) -> float:
    """The exponent between the last two sizes."""
    before, last = (max(x, AS_IF_STILL) for x in seconds[-2:])
    return math.log2(last / before)


def line(name: str, limit: float) -> str:
    """A row of the table."""
    found = []
    for doubling in range(DOUBLINGS):
        one = in_a_process(name, ROWS[name].n << doubling, limit)
        if one is None:
            break
        found.append(one)
    times = [f"{seconds:9.3f}" for seconds, _ in found]
    memory = [f"{megabytes:7.0f}" for _, megabytes in found]
    lacking = DOUBLINGS - len(found)
    power = f"{growth([seconds for seconds, _ in found]):6.2f}" if len(found) > 1 else "      "
    note = f"  over {limit:g} s" if lacking else ""
    columns = [*times, *[" " * 9] * lacking, *memory, *[" " * 7] * lacking]
    return f"{name:<36}{ROWS[name].n:>8}{''.join(columns)}{power}{note}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="rows, or parts of their names; all by default")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for one measurement")
    parser.add_argument("--one", nargs=2, metavar=("NAME", "N"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(measured(options.one[0], int(options.one[1]), options.limit)))
        return
    names = [x for x in ROWS if not options.names or any(part in x for part in options.names)]
    heads = [f"{f'{1 << k}n' if k else 'n':>9}" for k in range(DOUBLINGS)]
    memory = [f"{head[-7:]}" for head in heads]
    print(f"{'seconds and MB at':<36}{'n':>8}{''.join(heads)}{''.join(memory)}growth")
    for name in names:
        print(line(name, options.limit), flush=True)


if __name__ == "__main__":
    main()
