"""Random runs of fit() that are interrupted, changed or not, and gone on with: right or refused.

    python tests/interrupted_runs.py 1000 --seed 0

A run is a small program, written out as text from a recipe: data, model, divergence, optimizer. It
is interrupted at a random update, by Ctrl-C or by something that nothing takes care of. Then the
program is started anew: as it was, told in another way (other names, other lines, another file,
other comments, which must make no difference), or with one thing changed. It must end, bit for bit,
where the program ends that was not interrupted, or be refused as another run.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import warnings
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
EPOCHS = 6

HEAD = """
import functools
import random
import autograd
import nn
from autograd import Value, tanh, relu, sigmoid, exp
"""

# What a program is made of: by name several ways to write it, with numbers {a} and {b} to fill in
# and names of functions {f} and {g} that do not matter.
MODELS = {
    "network": "MODEL = nn.MLP(2, [2, 1], {activation!r}, rng=random.Random({seed}))",
    "closure": """
def {f}(slope):
    def {g}(z):
        return autograd.maximum(z, {b} * slope * z)
    return {g}
MODEL = nn.MLP(2, [2, 1], {f}({a}), rng=random.Random({seed}))""",
    "lambda": """
MODEL = nn.MLP(2, [2, 1], lambda z: tanh({a} * z) + {b} * z, rng=random.Random({seed}))""",
    "partial": """
def {f}(slope, z):
    return tanh(slope * z)
MODEL = nn.MLP(2, [2, 1], functools.partial({f}, {a}), rng=random.Random({seed}))""",
    "object": """
class {f}:
    def __init__(self, slope):
        self.slope = slope
    def __call__(self, z):
        return self.inner(z) + {b} * z
    def inner(self, z):
        return tanh(self.slope * z)
MODEL = nn.MLP(2, [2, 1], {f}({a}), rng=random.Random({seed}))""",
    "hyperparameter": """
class {f}(nn.Module):
    def __init__(self):
        self.slope = {a}
        self._shift = {b}
        self.heads = {{"left": nn.Layer(2, 1, rng=random.Random({seed}))}}
    def __call__(self, x):
        [y] = self.heads["left"](x)
        return [y * self.slope + self._shift]
MODEL = {f}()""",
    "global": """
SLOPE = {a}
def {g}(z):
    return z * SLOPE
def {f}(z):
    return tanh({g}(z)) + {b}
MODEL = nn.MLP(2, [2, 1], {f}, rng=random.Random({seed}))""",
}
DIVERGENCES = {
    "own": "DIVERGENCE = nn.divergences.{own}",
    "closure": """
def make_{f}(delta):
    def {f}(y, d):
        e = (y[0] - d) / delta
        return {b} * (autograd.sqrt(1.0 + e * e) - 1.0)
    return {f}
DIVERGENCE = make_{f}({a})""",
    "default": """
def {f}d(y, d, delta={a}):
    return (y[0] - d) ** 2 * delta + {b}
DIVERGENCE = {f}d""",
    "partial": """
DIVERGENCE = functools.partial(lambda y, d, weight: weight * (y[0] - d) ** 2 + {b}, weight={a})""",
    "object": """
class Div{f}:
    weight = {a}
    __slots__ = ("power",)
    def __init__(self):
        self.power = 2
    def __call__(self, y, d):
        return self.weight * (y[0] - d) ** self.power + {b}
DIVERGENCE = Div{f}()""",
    "regularised": """
def {g}penalty():
    return autograd.sum([p * p for p in MODEL.parameters()])
def {f}r(y, d):
    return (y[0] - d) ** 2 + {a} * {g}penalty() * {b}
DIVERGENCE = {f}r""",
}
OPTIMIZERS = {
    "sgd": "OPTIMIZER = nn.SGD({a} / 10, momentum={b} / 2)",
    "adam": "OPTIMIZER = nn.Adam({a} / 10, beta1={b})",
    "schedule": "OPTIMIZER = nn.SGD(lambda k: {a} / (10 + k), momentum={b} / 2)",
    "closure": """
def make_schedule_{f}(rate):
    def {g}s(k):
        return rate / (10.0 + {b} * k)
    return {g}s
OPTIMIZER = nn.Adam(make_schedule_{f}({a}))""",
    "object": """
class Schedule{f}:
    def __init__(self):
        self.rate, self.note = {a}, "tried"
    def __call__(self, k):
        return self.rate / (10 + {b} * k)
OPTIMIZER = nn.SGD(Schedule{f}())""",
    "own": """
class Optimizer{f}(nn.SGD):
    def update(self, parameters, gradient, state):
        super().update(parameters, gradient * {a}, state)
OPTIMIZER = Optimizer{f}({b} / 10)""",
    "lowered": """
OPTIMIZER = nn.SGD({a} / 10)
def lower(model, history):
    if len(history) in (2, 4):
        OPTIMIZER.lr *= {b}
CALLBACKS = [lower]""",
}
DATA = {
    "moons": "X, D = nn.datasets.moons(8, noise={a} / 10, seed={seed})",
    "arrays": """
import numpy
X = numpy.linspace(-{a}, {b}, 16).reshape(8, 2)
D = numpy.array([0.0, 1.0] * 4)""",
}
RAGGED = {
    "ragged": """
X = [[{a}], [0.5, {b}], [1.0, 2.0, 3.0], [0.25]]
D = [0.0, 1.0, 1.0, 0.0]
class Mean(nn.Module):
    def __init__(self):
        self.w, self.b = Value(0.5), Value(0.1)
    def __call__(self, x):
        return [tanh(self.w * (sum(x) / len(x)) + self.b)]
MODEL = Mean()""",
    "dict": """
X = [{{"size": i / 4, "parts": (i * {a}, {b})}} for i in range(5)]
D = [0.0, 1.0, 1.0, 0.0, 1.0]
class Reader(nn.Module):
    def __init__(self):
        self.w = {{"size": Value(0.5), "parts": [Value(0.1), Value(0.2)]}}
    def __call__(self, x):
        u, v = self.w["parts"]
        return [tanh(self.w["size"] * x["size"] + u * x["parts"][0] + v * x["parts"][1])]
MODEL = Reader()""",
}
KINDS = {"model": MODELS, "divergence": DIVERGENCES, "optimizer": OPTIMIZERS, "data": DATA}
NUMBERS = (0.25, 0.5, 0.75, 0.625, 0.875)


def recipe(rng: random.Random) -> dict[str, Any]:
    """What a program is to be: for each part its kind, and what is filled in."""
    parts: dict[str, Any] = {
        name: (rng.choice(sorted(kinds)), filling(rng)) for name, kinds in KINDS.items()
    }
    if rng.random() < 0.25:
        parts["data"] = (rng.choice(sorted(RAGGED)), filling(rng))
        parts["model"] = None
    parts["batch_size"] = rng.choice((None, 2, 3))
    parts["seed"] = rng.randrange(3)
    parts["engine"] = "python" if parts["model"] is None else rng.choice(("numpy", "python"))
    return parts


def filling(rng: random.Random) -> dict[str, Any]:
    return {
        "a": rng.choice(NUMBERS),
        "b": rng.choice(NUMBERS),
        "seed": rng.randrange(5),
        "activation": rng.choice(("tanh", "sigmoid", "softplus")),
        "own": rng.choice(("l2", "binary_kl_from_logits")),
    }


def changed(parts: dict[str, Any], rng: random.Random) -> tuple[str, dict[str, Any]]:
    """The recipe with one thing changed, and what; where that is "nothing", nothing is."""
    parts = dict(parts)
    what = rng.choice(["nothing"] * 4 + sorted(parts))
    if what == "batch_size":
        parts[what] = 2 if parts[what] == 3 else 3
    elif what == "seed":
        parts[what] += 1
    elif what == "engine" and parts["model"] is not None:
        parts[what] = "python" if parts[what] == "numpy" else "numpy"
    elif what == "nothing" or parts[what] is None or what == "engine":
        return "nothing", parts
    else:
        kind, held = parts[what]
        template = (RAGGED if kind in RAGGED else KINDS[what])[kind]
        filled = [name for name in held if f"{{{name}}}" in template or f"{{{name}!r}}" in template]
        if kind == "lowered":  # whose b is the callback's, which may be another from here on
            filled.remove("b")
        name = rng.choice(filled + ["kind"] * (kind not in RAGGED))
        if name == "kind":
            kind = rng.choice(sorted(KINDS[what].keys() - {kind}))
        else:
            others = [x for x in (filling(rng) for _ in range(9)) if x[name] != held[name]]
            held = {**held, name: others[0][name]}
        parts[what] = kind, held
        return f"{what} {name}", parts
    return what, parts


def program(parts: dict[str, Any], rng: random.Random) -> str:
    """A recipe as the text of a program, told in one of many ways."""
    pieces = []
    for what in ("data", "model", "divergence", "optimizer"):
        if parts[what] is None:
            continue
        kind, held = parts[what]
        template = (RAGGED if kind in RAGGED else KINDS[what])[kind]
        names = rng.sample(["first", "second", "other", "F", "compute", "helper"], 2)
        text = template.format(**held, f=names[0], g=names[1]).strip("\n")
        if rng.random() < 0.3:
            text = text.replace("):\n", "):  # as it was told\n")
        if rng.random() < 0.3:
            text = text.replace("(z):\n        ", '(z):\n        "What z is."\n        ')
        pieces.append(f"{'#' * rng.randrange(9)}{chr(10) * rng.randrange(1, 9)}{text}")
    return "\n".join([HEAD, "CALLBACKS = []", *pieces])


def start(text: str, name: str) -> dict[str, Any]:
    """Run a program, up to where it would call fit()."""
    held: dict[str, Any] = {"__name__": name}
    exec(compile(text, f"/nowhere/{name}.py", "exec"), held)
    return held


class Killed(BaseException):
    """Ends a run as nothing else does: no exit of fit() takes care of it."""


def train(
    text: str, name: str, parts: dict[str, Any], path: Path | None, stop: Any = None
) -> tuple[list[str], list[float]]:
    """What a program learns: its parameters, bit for bit, and the losses of its epochs."""
    from nn import fit, training

    held = start(text, name)
    update, updates = training._Run.update, [0]
    after, error = stop or (-1, None)

    def interrupted(run: Any, gradient: Any) -> None:
        if updates[0] == after:
            raise error
        updates[0] += 1
        update(run, gradient)

    training._Run.update = interrupted  # type: ignore[method-assign]
    try:
        history = fit(
            held["MODEL"], held["X"], held["D"], divergence=held["DIVERGENCE"],
            optimizer=held["OPTIMIZER"], callbacks=held["CALLBACKS"], epochs=EPOCHS,
            batch_size=parts["batch_size"], seed=parts["seed"], engine=parts["engine"],
            checkpoint=path, every=parts.get("every", 1), progress=False,
        )  # fmt: skip
    finally:
        training._Run.update = update  # type: ignore[method-assign]
    return [value.data.hex() for value in held["MODEL"].parameters()], history.loss


def outcome(seed: int, folder: Path) -> str:
    """One run, interrupted and gone on with; an AssertionError if it is wrong."""
    from autograd import LoweringError
    from nn import PersistenceError

    rng = random.Random(seed)
    parts = recipe(rng)
    what, others = changed(parts, rng)
    parts["every"] = others["every"] = rng.choice((1, 1, 2))
    first, second = program(parts, rng), program(others, rng)
    about = f"seed {seed}, changed: {what}\n{first}\n--------\n{second}"
    path = folder / f"run{seed}"
    error = rng.choice((KeyboardInterrupt, Killed))
    try:
        with suppress(Killed):
            train(first, "program", parts, path, (rng.randrange(1, 3 * EPOCHS), error))
    except LoweringError:  # a loss that is nothing but rounding, of which engines have each its own
        return "not begun"
    written = path.exists()
    if not written:
        parts, first = others, second
    try:
        ended = train(second, rng.choice(("program", "moved")), others, path)
    except PersistenceError as refused:
        if what == "nothing":
            raise AssertionError(about) from refused
        return f"{what}: refused"
    whole = train(first, "program", parts, None)
    assert ended == whole, f"{about}\nended at {ended} and not at {whole}"
    if what in ("nothing", "model seed"):  # the initial parameters are in the file
        return f"{what}: gone on with"
    if not written:
        return f"{what}: begun anew"
    assert train(second, "program", others, None) == whole, f"{about}\nwas not refused"
    return "no difference: gone on with"


def run(count: int, seed: int) -> Counter[str]:
    """Some random runs, and how often what came of it."""
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("error")
        for i in range(count):
            found[outcome(seed + i, Path(folder))] += 1
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    for came, times in sorted(run(chosen.count, chosen.seed).items()):
        print(f"{times:6}  {came}")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
