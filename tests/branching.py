"""Random models and functions whose Python decides by numbers what is computed.

python tests/branching.py --count 1000 --seed 0

trains, predicts, lowers and descends with each, by the engine of Values and by what the library
chooses or the user names. Whatever comes has to be what the Values give, or a refusal by
``LoweringError``. The suite runs a few: see ``test_branching.py``.
"""

from __future__ import annotations

import argparse
import random
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

import autograd
import nn
from autograd import LoweredFunction, LoweringError, Value, gradient, gradient_descent
from nn.divergences import l2

# Ways in which Python comes to know a number, of which it is told by a Value or a float alike.
ASKS: dict[str, Callable[[Any], float | bool]] = {
    "nothing": lambda v: False,
    "a constant": lambda v: Value(2.0) > 1.0,
    "less": lambda v: v < 0.1,
    "reflected": lambda v: v <= -0.2,
    "between": lambda v: -0.3 < v < 0.3,
    "bool": lambda v: bool(autograd.relu(v)),
    "not": lambda v: not autograd.relu(v - 0.2),
    "max": lambda v: max(v, 0.05) is v,
    "sorted": lambda v: sorted([v, 0.0 * v])[0] is v,
    "numpy sign": lambda v: float(number(np.sign(np.array([v], dtype=object))[0])) > 0,
    "numpy maximum": lambda v: np.maximum(np.array([v], dtype=object), 0.15)[0] is v,
    "data": lambda v: getattr(v, "data", v) > 0.2,
    "data rounded": lambda v: round(number(v)) > 0,
    "text": lambda v: float(f"{v:.17g}") > 0.1,
    "repr": lambda v: "-" in repr(v).partition(",")[0],
    "truncated": lambda v: int(float(format(v, ".3f")) * 3) % 2 == 1,
}


def number(v: Any) -> float:
    """The number of a Value or a float, by ``data`` where there is one."""
    return float(v.data) if isinstance(v, Value) else float(v)


FREE = ("nothing", "a constant")


def asked(rng: random.Random) -> str:
    """One of the ways; every fourth model asks nothing that varies, and must not be refused."""
    return rng.choice(FREE if rng.random() < 0.25 else list(ASKS))


# What it does then: of an answer, the number asked about, and another.
ACTS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "one or other": lambda yes, v, u: v if yes else u * 1.5,
    "slope only": lambda yes, v, u: autograd.stop_gradient(v) + 0.0 * v if yes else v,
    "other slope": lambda yes, v, u: 3.0 * v - 2.0 * autograd.stop_gradient(v) if yes else v,
    "constant": lambda yes, v, u: v * (2.0 if yes else 1.0),
    "operation": lambda yes, v, u: autograd.tanh(v) if yes else autograd.sin(v),
    "left out": lambda yes, v, u: v + u * u if yes else v,
    "nothing": lambda yes, v, u: v,
}


def loop(v: Any) -> Any:
    """Doubled until it is large: a length that depends on the number."""
    for _ in range(5):
        if not -2.0 < v < 2.0:
            break
        v = v * 2.0 + 0.1
    return v


def hidden_loop(v: Any) -> Any:
    """The same by text."""
    for _ in range(int(min(abs(float(f"{v:.6f}")) * 4, 4))):
        v = v * 0.7 + 0.1
    return v


class Random(nn.Module):
    """A little network with decisions at places drawn at random."""

    def __init__(self, rng: random.Random, size: int, drops: bool) -> None:
        self.w = [[Value(rng.uniform(-1, 1)) for _ in range(size + 1)] for _ in range(3)]
        self.v = [Value(rng.uniform(-1, 1)) for _ in range(4)]
        self.asks = asked(rng)
        self.acts = rng.choice(list(ACTS))
        self.place = rng.choice(
            [
                "input",
                "hidden",
                "output",
                "parameter",
                *["loop", "hidden loop"] * (self.asks not in FREE),
            ]
        )
        self.turn = rng.randrange(size)
        self.drops = random.Random(rng.random()) if drops else None

    def __str__(self) -> str:
        drops = " and drops" * (self.drops is not None)
        return f"asks {self.asks} of {self.place}, acts {self.acts}{drops}"

    def decide(self, place: str, v: Any, u: Any) -> Any:
        return ACTS[self.acts](bool(ASKS[self.asks](v)), v, u) if self.place == place else v

    def __call__(self, x: Any) -> Any:
        xs = [x[i] for i in range(len(x))]
        xs[self.turn] = self.decide("input", xs[self.turn], xs[0])
        hidden = []
        for *w, b in self.w:
            z = b
            for w_i, x_i in zip(w, xs):
                z = z + w_i * x_i
            hidden.append(autograd.tanh(z))
        hidden[0] = self.decide("hidden", hidden[0], hidden[1])
        if self.drops is not None and self.drops.random() < 0.3:
            hidden[2] = hidden[2] * 0.0
        factor = self.decide("parameter", self.v[0], self.v[1])
        y = factor * hidden[0] + self.v[1] * hidden[1] + self.v[2] * hidden[2] + self.v[3]
        y = {"loop": loop, "hidden loop": hidden_loop}.get(self.place, lambda z: z)(y)
        return self.decide("output", y, y * 0.5)


def same(found: Any, expected: Any, tolerance: float = 1e-7) -> bool:
    return np.allclose(found, expected, tolerance, tolerance, equal_nan=True)


def fitted(seed: int, engine: str | None) -> list[Any]:
    """A run, by its losses, parameters and predictions; or what it was refused with."""
    rng = random.Random(seed)
    size, count = rng.randint(1, 3), rng.randint(1, 12)
    model = Random(rng, size, rng.random() < 0.05)
    X = [[rng.uniform(-1, 1) for _ in range(size)] for _ in range(count)]
    D = [rng.uniform(-1, 1) for _ in range(count)]
    options: dict[str, Any] = {
        "optimizer": rng.choice([nn.SGD(0.1), nn.Adam(0.05)]),
        "epochs": rng.choice([0, 1, 5, 15]),
        "batch_size": rng.choice([None, 1, 4]),
        "validation": rng.choice([None, (X[:3], D[:3])]),
    }
    history = nn.fit(model, X, D, divergence=l2, engine=engine, progress=False, **options)
    return [history.loss, [p.data for p in model.parameters()], model]


def check_fit(seed: int, engine: str | None) -> str:
    """How ``fit`` did: "right", "refused" or what was wrong."""
    try:
        found = fitted(seed, engine)
    except LoweringError:
        return "refused"
    expected = fitted(seed, "python")
    if expected[2].drops is not None:  # no two runs have to drop alike; but it must not be lowered
        return "right" if engine is None else f"wrong: {expected[2]} was not refused"
    if same(found[0], expected[0]) and same(found[1], expected[1]):
        return "right"
    return f"wrong: {expected[2]}"


def check_predict(seed: int, engine: str | None) -> str:
    """How ``predict`` did."""
    rng = random.Random(seed)
    size = rng.randint(1, 3)
    model = Random(rng, size, False)
    X = [[rng.uniform(-1, 1) for _ in range(size)] for _ in range(rng.randint(64, 100))]
    try:
        found = nn.predict(model, X, engine=engine)
    except LoweringError:
        return "refused"
    return "right" if same(found, nn.predict(model, X, engine="python")) else f"wrong: {model}"


def function_of(seed: int) -> tuple[Callable[[list[Any]], Any], str, random.Random]:
    """A function of two numbers with a decision in it."""
    rng = random.Random(seed)
    ask, act = asked(rng), rng.choice(list(ACTS))
    weights = [rng.uniform(0.2, 1.0) for _ in range(3)]

    def f(x: list[Any]) -> Any:
        a, b = x
        u = a * weights[0] - b * weights[1]
        v = ACTS[act](bool(ASKS[ask](u)), u, a)
        return v * v + weights[2] * (a * a + b * b) + a * b * 0.1

    return f, f"asks {ask}, acts {act}", rng


def check_lowered(seed: int, engine: str | None) -> str:
    """How a ``LoweredFunction`` did at points, until it was refused."""
    f, what, rng = function_of(seed)
    try:
        lowered = LoweredFunction(f, [rng.uniform(-1, 1), rng.uniform(-1, 1)])
        for _ in range(12):
            point = [rng.uniform(-1, 1), rng.uniform(-1, 1)]
            if not same(lowered.gradient(point), gradient(f, point)):
                # A refusal that comes later says that what came since the last look may be wrong.
                lowered.check(point)
                return f"wrong: {what}"
    except LoweringError:
        return "refused"
    return "right"


def check_descent(seed: int, engine: str | None) -> str:
    """How a descent did: with a program from the second point on, or as the library chooses."""
    f, what, rng = function_of(seed)
    start = [rng.uniform(-1, 1), rng.uniform(-1, 1)]
    options: dict[str, Any] = {"step": 0.02, "max_steps": rng.choice([10, 60, 300])}
    if rng.random() < 0.3:
        options["momentum"] = 0.5
    try:
        found = gradient_descent(f, start, engine=engine or "auto", **options)
    except LoweringError:
        return "refused"
    expected = gradient_descent(f, start, engine="python", **options)
    is_same = len(found.path) == len(expected.path) and same(found.path, expected.path, 1e-6)
    return "right" if is_same else f"wrong: {what}"


CHECKS: list[tuple[str, Callable[[int, str | None], str], str | None]] = [
    ("fit", check_fit, None),
    ("fit numpy", check_fit, "numpy"),
    ("predict", check_predict, None),
    ("predict numpy", check_predict, "numpy"),
    ("LoweredFunction", check_lowered, "numpy"),
    ("descent", check_descent, None),
    ("descent numpy", check_descent, "numpy"),
]


def run(count: int, seed: int) -> Counter[str]:
    """What came of so many models: how often each check was right, refused or wrong."""
    found: Counter[str] = Counter()
    for k in range(seed, seed + count):
        for name, check, engine in CHECKS:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                verdict = check(k, engine)
            found[f"{name}: {verdict.partition(':')[0]}"] += 1
            if verdict.startswith("wrong"):
                print(f"{name}, seed {k}: {verdict}", flush=True)
    return found


def main() -> None:
    """Run as many as asked for, and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for name, times in sorted(run(arguments.count, arguments.seed).items()):
        print(f"{name}: {times}")


if __name__ == "__main__":
    main()
