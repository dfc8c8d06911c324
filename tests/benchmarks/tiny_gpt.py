"""``demos/tiny_gpt.py`` on the eager engine, lowered, and on an engine like microgpt's, in one run.

Run it by itself: ``python tests/benchmarks/tiny_gpt.py``. Each contender has a process of its own,
on one thread, and they take turns. Time is the processor's: on a busy machine a long step is
interrupted, and a short one is not. Only ratios are worth quoting. A step is one of training, Adam
included, on the same names from the same weights. Two texts are timed: the demo's, whose ``dot``
and ``softmax`` each engine has in its own way, and one written as microgpt is, with operators and
Python's own ``sum`` alone.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

DEMOS = Path(__file__).parents[2] / "demos"
STEPS = 100_000  # that the rate of learning falls over
TURN = 0.1  # seconds that a turn takes at least
PEER = "local slopes"
Step = Callable[[], float]


def engine_of(contender: str) -> Any:
    return importlib.import_module("local_slopes" if contender == PEER else "autograd")


def demo_of(contender: str) -> Any:
    """The demo, with what it takes from an engine taken from this one."""
    sys.path.append(str(DEMOS))
    spec = importlib.util.spec_from_file_location("demo", DEMOS / "tiny_gpt.py")
    assert spec is not None and spec.loader is not None
    demo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(demo)
    for name in ("Value", "dot", "logsumexp", "relu", "softmax", "sum"):
        setattr(demo, name, getattr(engine_of(contender), name))
    return demo


def data(demo: Any) -> tuple[list[list[int]], int, int]:
    """The names, how many letters there are, and how many places the longest name has."""
    words = demo.NAMES.read_text().split()
    alphabet = ["", *sorted(set("".join(words)))]
    names = [[0, *map(alphabet.index, word), 0] for word in words]
    return names, len(alphabet), max(map(len, words)) + 1


def demo_step(contender: str, batch: int) -> Step:
    demo = demo_of(contender)
    names, letters, places = data(demo)
    rng = random.Random(0)
    model = demo.GPT(letters, places, rng)
    engine = (demo.Lowered if contender == "numpy" else demo.Eager)(model, names)
    training = demo.train(engine, len(names), STEPS, batch, rng)
    return lambda: next(training)  # type: ignore[no-any-return]


def microgpt_step(contender: str, batch: int) -> Step:
    """The same model and the same names in microgpt's way, with an Adam of its own."""
    Value = engine_of(contender).Value
    names, letters, places = data(demo_of(contender))
    rng = random.Random(0)
    width, heads = 16, 4
    size = width // heads

    def matrix(rows: int, columns: int = width) -> list[list[Any]]:
        return [[Value(rng.gauss(0, 0.08)) for _ in range(columns)] for _ in range(rows)]

    wte, wpe, lm_head = matrix(letters), matrix(places), matrix(letters)
    wq, wk, wv, wo = (matrix(width) for _ in range(4))
    fc1, fc2 = matrix(4 * width), matrix(width, 4 * width)
    params = [p for W in (wte, wpe, lm_head, wq, wk, wv, wo, fc1, fc2) for row in W for p in row]
    m, v = [0.0] * len(params), [0.0] * len(params)

    def linear(x: Sequence[Any], w: Sequence[Sequence[Any]]) -> list[Any]:
        return [sum(wi * xi for wi, xi in zip(row, x)) for row in w]

    def softmax(logits: Sequence[Any]) -> list[Any]:
        largest = max(z.data for z in logits)
        exps = [(z - largest).exp() for z in logits]
        total = sum(exps)
        return [e / total for e in exps]

    def rmsnorm(x: Sequence[Any]) -> list[Any]:
        scale = (sum(xi * xi for xi in x) / len(x) + 1e-5) ** -0.5
        return [xi * scale for xi in x]

    def gpt(token: int, position: int, keys: list[Any], values: list[Any]) -> list[Any]:
        x = rmsnorm([t + p for t, p in zip(wte[token], wpe[position])])
        residual = x
        x = rmsnorm(x)
        q = linear(x, wq)
        keys.append(linear(x, wk))
        values.append(linear(x, wv))
        out = []
        for h in range(0, width, size):
            scores = [sum(q[h + j] * k[h + j] for j in range(size)) / size**0.5 for k in keys]
            weights = softmax(scores)
            out += [
                sum(weights[t] * values[t][h + j] for t in range(len(values))) for j in range(size)
            ]
        x = [a + b for a, b in zip(linear(out, wo), residual)]
        residual = x
        x = [xi.relu() for xi in linear(rmsnorm(x), fc1)]
        x = [a + b for a, b in zip(linear(x, fc2), residual)]
        return linear(x, lm_head)

    taken = 0

    def step() -> float:
        nonlocal taken
        total = 0.0
        for name in [names[i] for i in rng.choices(range(len(names)), k=batch)]:
            keys: list[Any] = []
            values: list[Any] = []
            losses = []
            for position, target in enumerate(name[1:]):
                probs = softmax(gpt(name[position], position, keys, values))
                losses.append(-probs[target].log())
            loss = (1 / (len(losses) * batch)) * sum(losses)
            loss.backward()
            total += loss.data
        lr = 0.01 * (1 - taken / STEPS)
        taken += 1
        for i, p in enumerate(params):
            m[i] = 0.85 * m[i] + 0.15 * p.grad
            v[i] = 0.99 * v[i] + 0.01 * p.grad**2
            m_hat, v_hat = m[i] / (1 - 0.85**taken), v[i] / (1 - 0.99**taken)
            p.data -= lr * m_hat / (v_hat**0.5 + 1e-8)
            p.grad = 0
        return total

    return step


TEXTS = {"demo": demo_step, "microgpt": microgpt_step}
CORES = {"native": "native", "pure": "python", "numpy": "python"}


class Worker:
    """A process that makes a step when it is told to, and says how long it took."""

    def __init__(self, text: str, contender: str, batch: int) -> None:
        environment = {**os.environ, "STEPGRAD_CORE": CORES.get(contender, "python")}
        environment["OMP_NUM_THREADS"] = environment["OPENBLAS_NUM_THREADS"] = "1"
        command = [sys.executable, __file__, "--worker", text, contender, "--batch", str(batch)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.seconds: list[float] = []
        self.losses: list[float] = []

    def step(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        print("step", file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("a contender ended by itself; what it said is above")
        seconds, losses = json.loads(line)
        self.seconds.append(seconds)
        self.losses += losses

    @property
    def median(self) -> float:
        return statistics.median(self.seconds[1:])  # the first finds cold caches


def work(text: str, contender: str, batch: int) -> None:
    step = TEXTS[text](contender, batch)
    for _ in sys.stdin:
        losses, started = [], time.process_time()
        while not losses or time.process_time() - started < TURN:
            losses.append(step())
        seconds = (time.process_time() - started) / len(losses)
        print(json.dumps([seconds, losses]), flush=True)


def has_native() -> bool:
    """Whether the compiled core is there."""
    command = [sys.executable, "-c", "import autograd.core as core; print(core.NAME)"]
    environment = {**os.environ, "STEPGRAD_CORE": "native"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    return done.stdout.strip() == "native"


def compare(text: str, contenders: Sequence[str], batch: int, rounds: int) -> None:
    print(f"{text}'s text, a step on {batch} names, its time and how often it fits into that of")
    print(f"an engine like microgpt's ({rounds} rounds)")
    workers = {name: Worker(text, name, batch) for name in contenders}
    for _ in range(rounds + 1):
        for worker in workers.values():
            worker.step()
    first, peer = next(iter(workers.values())), workers[PEER]
    for name, worker in workers.items():
        off = max(abs(x - y) for x, y in zip(worker.losses, first.losses))
        ratios = sorted(p / s for p, s in zip(peer.seconds[1:], worker.seconds[1:]))
        print(
            f"  {name:13} {1e3 * worker.median:9.2f} ms  {peer.median / worker.median:7.1f}"
            f"   ({ratios[0]:.1f} to {ratios[-1]:.1f}; losses within {off:.0e})"
        )
        worker.process.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="turns of each (default 10)")
    parser.add_argument("--batch", type=int, default=4, help="names of a step (default 4)")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(*options.worker, options.batch)
        return
    native = ["native"] if has_native() else []
    if not native:
        print("there is no native core here, so it is left out")
    compare("demo", [*native, "pure", "numpy", PEER], options.batch, options.rounds)
    compare("microgpt", [*native, "pure", PEER], options.batch, options.rounds)


if __name__ == "__main__":
    main()
