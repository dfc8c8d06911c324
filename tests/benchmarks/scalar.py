"""Scalar code on both cores of the engine, beside micrograd, XAD-Python and PyTorch, in one run.

Run it by itself: ``python tests/benchmarks/scalar.py``; ``--quick`` takes smaller sizes, and
``--only moons chain`` some workloads. An engine that is not installed is left out (``pip install
".[bench]"`` has them all). Engines take turns, each turn in a process of its own, on one thread,
with the garbage collector as Python starts it. Every turn's derivatives are compared with those of
the other engines, and the table of medians is Markdown. Its times are of the processor, which are
those of the clock where nothing else runs. In parentheses stands how many times as long as in the
first column a turn took: the median of the rounds, and the least and the most.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import importlib.metadata
import importlib.util
import json
import math
import os
import platform
import random
import statistics
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

Step = Callable[[], list[float]]
"""A call that does all of the work once: graph, derivatives, which it returns, and letting go."""

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
SAME = 1e-12  # by how much derivatives of two engines may differ, relative to the largest


class Engine(NamedTuple):
    """A column of the table.

    Attributes:
        title: its heading.
        package: the distribution that has to be installed, if it is another's.
        core: which of our cores it is, if it is ours.
    """

    title: str
    package: str = ""
    core: str = ""

    def environment(self) -> dict[str, str]:
        """Of the processes in which it runs."""
        ours = {"STEPGRAD_CORE": self.core} if self.core else {}
        return {**os.environ, **ONE_THREAD, **ours}


ENGINES = {
    "native": Engine("native core", core="native"),
    "python": Engine("Python core", core="python"),
    "micrograd": Engine("micrograd", "micrograd"),
    "xad": Engine("XAD-Python", "xad"),
    "torch": Engine("PyTorch", "torch"),
    "whole": Engine("PyTorch, whole tensors", "torch"),
}
OURS = ("native", "python")


# Scalars of an engine: the same code on all of them -----------------------------------------------


class Scalars(NamedTuple):
    """What code on scalars needs of an engine.

    Attributes:
        leaves: makes parameters of floats, and begins a recording.
        tanh: of a scalar.
        derivatives: sweeps, and gives the derivatives of a result by some leaves.
        recording: a block in which a graph is recorded.
    """

    leaves: Callable[[list[float]], list[Any]]
    tanh: Callable[[Any], Any]
    derivatives: Callable[[Any, list[Any]], list[float]]
    recording: Callable[[], Any] = nullcontext


def scalars(engine: str) -> Scalars:
    return {"micrograd": micrograd, "xad": xad, "torch": pytorch}.get(engine, stepgrad)()


def swept(result: Any, leaves: list[Any]) -> list[float]:
    """As micrograd has it, and stepgrad: ``backward`` adds to ``grad``, which was reset before."""
    for leaf in leaves:
        leaf.grad = 0.0
    result.backward()
    return [leaf.grad for leaf in leaves]


def stepgrad() -> Scalars:
    from autograd import Value, tanh

    return Scalars(lambda numbers: [Value(x) for x in numbers], tanh, swept)


def micrograd() -> Scalars:
    from micrograd.engine import Value

    def tanh(x: Any) -> Any:  # micrograd has relu alone; this is its own pattern for one more
        t = math.tanh(x.data)
        out = Value(t, (x,), "tanh")

        def backward() -> None:
            x.grad += (1 - t * t) * out.grad

        out._backward = backward
        return out

    return Scalars(lambda numbers: [Value(x) for x in numbers], tanh, swept)


def xad() -> Scalars:
    from xad import math as xad_math
    from xad.adj_1st import Real, Tape

    tapes: list[Any] = []

    @contextmanager
    def recording() -> Iterator[None]:
        with Tape() as tape:
            tapes.append(tape)
            yield
            tapes.pop()

    def leaves(numbers: list[float]) -> list[Any]:
        made = [Real(x) for x in numbers]
        tapes[-1].registerInputs(made)
        tapes[-1].newRecording()
        return made

    def derivatives(result: Any, leaves: list[Any]) -> list[float]:
        tapes[-1].registerOutput(result)
        result.setDerivative(1.0)
        tapes[-1].computeAdjoints()
        return [leaf.getDerivative() for leaf in leaves]

    return Scalars(leaves, xad_math.tanh, derivatives, recording)


def pytorch() -> Scalars:
    import torch

    torch.set_num_threads(1)

    def leaves(numbers: list[float]) -> list[Any]:
        return [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in numbers]

    def derivatives(result: Any, leaves: list[Any]) -> list[float]:
        return [float(found) for found in torch.autograd.grad(result, leaves)]

    return Scalars(leaves, torch.tanh, derivatives)


# What is timed: of an engine and a size, a step ---------------------------------------------------


def moons(engine: str, points: int) -> Step:
    """MLP(2, [16, 16, 1]) as micrograd's users write it, on a full batch: loss and gradient."""
    import nn

    kind = scalars(engine)
    X, d = nn.datasets.moons(points, seed=0)
    rng = random.Random(0)
    shapes = [(2, 16), (16, 16), (16, 1)]
    start = [rng.uniform(-1, 1) for n, k in shapes for _ in range(k * (n + 1))]

    def step() -> list[float]:
        with kind.recording():
            leaves = kind.leaves(start)
            rest = iter(leaves)
            layers = [
                [([next(rest) for _ in range(n)], next(rest)) for _ in range(k)] for n, k in shapes
            ]
            losses = []
            for point, wanted in zip(X, d):
                x: Any = point
                for neurons in layers:
                    outs = []
                    for w, b in neurons:
                        act = b
                        for wi, xi in zip(w, x):
                            act = act + wi * xi
                        outs.append(kind.tanh(act))
                    x = outs
                losses.append((x[0] - wanted) ** 2)
            loss = losses[0]
            for other in losses[1:]:
                loss = loss + other
            return kind.derivatives(loss * (1.0 / len(losses)), leaves)

    return step


def anomaly(engine: str, points: int) -> Step:
    """The same within ``detect_anomaly()``."""
    from autograd import detect_anomaly

    inner = moons(engine, points)

    def step() -> list[float]:
        with detect_anomaly():
            return inner()

    return step


def uncollected(make: Callable[[str, int], Step]) -> Callable[[str, int], Step]:
    """The same while Python's cycle collector is switched off."""

    def made(engine: str, size: int) -> Step:
        step = make(engine, size)
        gc.disable()
        return step

    return made


def chain(engine: str, operations: int) -> Step:
    """A chain of multiplications and additions: built, swept, and let go."""
    kind = scalars(engine)

    def step() -> list[float]:
        with kind.recording():
            [x] = [y] = kind.leaves([1.0])
            for _ in range(operations // 2):
                y = y * 0.9999 + 0.1
            return kind.derivatives(y, [x])

    return step


def adbench_objective(name: str, make: Callable[[Any, int], Any]) -> Callable[[str, int], Step]:
    """One of ADBench's: objective and derivatives, by scalar code or by that of PyTorch."""

    def made(engine: str, size: int) -> Step:
        import adbench

        instance = make(adbench, size)
        if engine in OURS:
            return lambda: adbench.derivatives(instance)[1]
        import adbench_torch
        import torch

        torch.set_num_threads(1)
        peer = getattr(adbench_torch, name)
        step = peer(instance, True) if engine == "whole" else peer(instance)
        return lambda: step()[1]

    return made


gmm = adbench_objective("gmm", lambda adbench, n: adbench.make_gmm(n=n))
lstm = adbench_objective("lstm", lambda adbench, n: adbench.make_lstm(characters=n))
ba = adbench_objective("ba", lambda adbench, n: adbench.make_ba(p=n))
hand = adbench_objective("hand", lambda adbench, n: adbench.make_hand(n))
hand_us = adbench_objective("hand", lambda adbench, n: adbench.make_hand(n, complicated=True))


class Workload(NamedTuple):
    """Rows of the table.

    Attributes:
        title: the heading of a row, in which {} is the size.
        make: gives the step for an engine and a size.
        sizes: for each engine that can do it, in the order of columns, the largest size for it.
        rows: the sizes, from the smallest.
        quick: likewise, of a quick run.
        per: how many of the unit are in a step of size n, where a row is in time per operation.
    """

    title: str
    make: Callable[[str, int], Step]
    sizes: dict[str, float]
    rows: tuple[int, ...]
    quick: tuple[int, ...]
    per: Callable[[int], int] | None = None


EVERY = math.inf
SCALAR = dict.fromkeys(("native", "python", "micrograd", "xad", "torch"), EVERY)
VECTOR = dict.fromkeys(("native", "python", "torch"), EVERY)
BOTH = dict.fromkeys(OURS, EVERY)
CHAINS = tuple(10**k for k in range(3, 8))

WORKLOADS = {
    "moons": Workload("moons, {} points, a step", moons, SCALAR, (100,), (20,)),
    "anomaly": Workload("the same within `detect_anomaly()`", anomaly, BOTH, (100,), (20,)),
    "chain": Workload(
        "chain of {} operations, each",
        chain,
        # Beyond these a turn takes minutes, or all of the memory.
        {"native": EVERY, "python": 1e6, "micrograd": 1e6, "xad": EVERY, "torch": 1e6},
        CHAINS,
        CHAINS[:3],
        per=lambda n: n,
    ),
    "gmm": Workload("ADBench GMM, d2 K5 n{}", gmm, {**VECTOR, "whole": EVERY}, (1_000,), (100,)),
    "lstm": Workload("ADBench LSTM, l2 c{}", lstm, {**VECTOR, "whole": EVERY}, (1_024,), (64,)),
    "lstm-gc": Workload("the same after `gc.disable()`", uncollected(lstm), BOTH, (1_024,), (64,)),
    "ba": Workload("ADBench BA, {} observations", ba, VECTOR, (1_000,), (50,)),
    "hand": Workload("ADBench hand, {} points", hand, VECTOR, (100,), (10,)),
    "hand-us": Workload("ADBench hand, complicated, {} points", hand_us, VECTOR, (100,), (10,)),
}


# A process that takes one turn --------------------------------------------------------------------


def with_room(work: Callable[[], None]) -> None:
    """Run where recursion may be as deep as a graph: micrograd's sweep calls itself."""
    sys.setrecursionlimit(10_000_000)
    threading.stack_size(512 * 2**20)
    done: list[bool] = []
    thread = threading.Thread(target=lambda: done.append(work() is None))
    thread.start()
    thread.join()
    if not done:
        sys.exit("the turn ended by the exception above")


def take_turn(engine: str, name: str, size: int, least: float) -> None:
    """Print seconds of a step, as the median of several, and its derivatives."""
    step = WORKLOADS[name].make(engine, size)
    seconds: list[float] = []
    found: list[float] = []
    begun = time.process_time()
    while not seconds or time.process_time() - begun < least:
        started = time.process_time()
        found = step()
        seconds.append(time.process_time() - started)
    # The first has loaded what it needed, where there was time for another.
    median = statistics.median(seconds[1:] or seconds)
    print(json.dumps({"seconds": median, "derivatives": found, "core": core()}))


def core() -> str:
    """Which core runs, where one of ours does."""
    if "autograd" not in sys.modules:
        return ""
    from autograd import core as chosen

    return chosen.NAME


def measure_memory(engine: str, operations: int) -> None:
    """Print bytes for each operation of a chain that is built and swept, and whether all is freed.

    The first is by how much the memory of the process has grown at its highest; the second, whether
    a node in the middle is gone when the last is let go, with the collector switched off.
    """
    import resource

    def highest() -> int:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else 1024 * most

    kind = scalars(engine)
    gc.collect()
    gc.disable()
    middle: Any = None
    with kind.recording():
        [x] = [y] = kind.leaves([1.0])
        before = highest()
        for i in range(operations // 2):
            y = y * 0.9999 + 0.1
            if i == operations // 4 and engine != "xad":  # whose nodes are on a tape
                middle = weakref.ref(y)
        kind.derivatives(y, [x])
        grown = highest() - before
        started = time.process_time()
        del x, y
        seconds = time.process_time() - started
    freed = None if middle is None else middle() is None
    found = {"bytes": grown / operations, "freed": freed, "seconds": seconds / operations}
    print(json.dumps(found))


# The table ----------------------------------------------------------------------------------------


def asked(engine: str, *words: object) -> dict[str, Any]:
    """What a process of its own prints."""
    command = [sys.executable, __file__, "--worker", engine, *map(str, words)]
    environment = ENGINES[engine].environment()
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(f"{engine} {words} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def available() -> list[str]:
    """The engines that there are; of ours the native core is one only where it was compiled."""
    found = []
    for name, engine in ENGINES.items():
        if engine.package and importlib.util.find_spec(engine.package) is None:
            print(f"{engine.title} is left out: pip install {engine.package}", file=sys.stderr)
        elif name == "native" and (answer := which_core(engine)) != "native":
            print(f"the native core is left out: {answer}", file=sys.stderr)
        else:
            found.append(name)
    return found


def which_core(engine: Engine) -> str:
    """The core that a process gets, or what it says instead."""
    command = [sys.executable, "-c", "from autograd import core; print(core.NAME)"]
    done = subprocess.run(command, capture_output=True, text=True, env=engine.environment())
    return (done.stdout or done.stderr).strip().split("\n")[-1]


def text(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * scale >= 1.0:
            return f"{seconds * scale:,.3g} {unit}" if seconds < 1e3 else f"{seconds:,.0f} s"
    return f"{seconds * 1e9:,.3g} ns"


def compare(found: dict[str, list[float]], row: str) -> None:
    """Refuse to time what does not compute the same.

    Raises:
        RuntimeError: if two engines' derivatives differ.
    """
    (first, ours), *others = found.items()
    bound = SAME * max(map(abs, ours))
    for name, theirs in others:
        if len(ours) != len(theirs) or not all(abs(a - b) <= bound for a, b in zip(ours, theirs)):
            raise RuntimeError(f"{row}: the derivatives of {name} are not those of {first}")


def cell(seconds: list[float], first: list[float], unit: float) -> str:
    ratios = [a / b for a, b in zip(seconds, first)]
    time_taken = text(statistics.median(seconds) / unit)
    if seconds is first:
        return time_taken
    middle, low, high = (f"{f(ratios):.3g}" for f in (statistics.median, min, max))
    return f"{time_taken} ({middle}{f'; {low} to {high}' if len(ratios) > 1 else ''})"


def line(*cells: str) -> None:
    print("|", " | ".join(cells), "|", flush=True)


def time_rows(names: list[str], engines: list[str], options: argparse.Namespace) -> None:
    growth: dict[str, dict[int, float]] = {}
    for name in names:
        workload = WORKLOADS[name]
        for size in workload.quick if options.quick else workload.rows:
            able = [e for e in engines if size <= workload.sizes.get(e, 0)]
            seconds: dict[str, list[float]] = {engine: [] for engine in able}
            for _ in range(1 if size >= 10**6 else options.rounds):
                derivatives = {}
                for engine in able:
                    turn = asked(engine, name, size, options.seconds)
                    seconds[engine].append(turn["seconds"])
                    derivatives[engine] = turn["derivatives"]
                    if engine in OURS and turn["core"] != engine:
                        raise RuntimeError(f"asked for the {engine} core, got {turn['core']}")
                compare(derivatives, workload.title)
            unit = workload.per(size) if workload.per else 1
            if workload.per:
                for engine in able:
                    middle = statistics.median(seconds[engine]) / unit
                    growth.setdefault(engine, {})[size] = middle
            cells = [
                cell(seconds[e], seconds[able[0]], unit) if e in seconds else "" for e in engines
            ]
            line(workload.title.format(f"{size:,}"), *cells)
    if growth:
        sizes = sorted({size for found in growth.values() for size in found if size <= 10**6})
        short, long = sizes[0], sizes[-1]
        cells = [
            f"{growth[e][long] / growth[e][short]:.2g}" if long in growth.get(e, {}) else ""
            for e in engines
        ]
        line(f"each operation at {long:,} to one at {short:,}", *cells)


def freed(found: dict[str, Any]) -> str:
    """What ``measure_memory`` found when a graph was let go."""
    if found["freed"] is None:
        return "a tape"
    return f"{text(found['seconds'])} each" if found["freed"] else "no"


def memory_rows(engines: list[str], options: argparse.Namespace) -> None:
    able = [e for e in engines if e in SCALAR]
    found = {e: asked(e, "memory", 100_000 if options.quick else 1_000_000, 0) for e in able}
    line(
        "bytes an operation, built and swept",
        *[f"{found[e]['bytes']:.0f}" if e in found else "" for e in engines],
    )
    line(
        "let go, Python's collector being off: freed in",
        *[freed(found[e]) if e in found else "" for e in engines],
    )


def machine() -> str:
    """The date, the machine, and the versions of everything."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [x for x in info.read_text().splitlines() if x.startswith("model name")]
        model = models[0].partition(":")[2].strip() if models else model
    names = ("micrograd", "xad", "torch")
    versions = []
    for name in names:
        if importlib.util.find_spec(name):
            versions.append(f"{name} {importlib.metadata.version(name)}")
    return (
        f"{datetime.date.today():%d %B %Y}, {model} ({os.cpu_count()} cores), {platform.system()}, "
        f"Python {platform.python_version()}, {', '.join(versions)}"
    ).rstrip(", ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=[*WORKLOADS, "memory"], help="workloads")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, help="columns")
    parser.add_argument("--quick", action="store_true", help="smaller sizes, shorter turns")
    parser.add_argument(
        "--rounds", type=int, help="turns of each engine (default 5; 3 if quick), at 10^6 but one"
    )
    parser.add_argument(
        "--seconds", type=float, help="the least that a turn takes (default 1; 0.2 if quick)"
    )
    parser.add_argument("--worker", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        engine, name, size, least = options.worker
        with_room(
            lambda: (
                measure_memory(engine, int(size))
                if name == "memory"
                else take_turn(engine, name, int(size), float(least))
            )
        )
        return
    options.rounds = options.rounds or (3 if options.quick else 5)
    options.seconds = options.seconds or (0.2 if options.quick else 1.0)
    names = options.only or [*WORKLOADS, "memory"]
    engines = [e for e in available() if e in (options.engines or ENGINES)]
    print(machine(), end="\n\n")
    line("", *[ENGINES[engine].title for engine in engines])
    line("---", *["---"] * len(engines))
    time_rows([name for name in names if name in WORKLOADS], engines, options)
    if "memory" in names:
        memory_rows(engines, options)


if __name__ == "__main__":
    main()
