"""Random graphs in the engine of the live page, every leaf moved, held against Python's numbers.

python tests/live_engine.py 10000 7       so many graphs, from this seed
python tests/live_engine.py speed         how long a move takes, by the size of the graph

The engine runs in Node.js without a page. Arithmetic, roots, sums and choices have to give Python's
own bits; JavaScript's other functions may be off by a few units in the last place, which is carried
through the graph, node by node, by trying how far each number could move what is made of it. Where
a choice, or a class of number (nan, infinite, finite), hangs on less than that, nothing can be
compared: such graphs are counted.
"""

from __future__ import annotations

import base64
import itertools
import json
import math
import random
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from mpmath import mp, mpf
from oracle import DIGITS, FUNCTIONS, Jet, Plan, draw_nested_plan, draw_number, draw_plan

from autograd import Value
from autograd.core.ops import OPS, Op
from autograd.core.sweep import consumers_first, local_partials
from autograd.page.data import Opening, operations, page_data
from autograd.stepping.naive import naive_walk
from autograd.stepping.recording import Recording

SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, -1e-310, 1e-200, -1e200, 1.79e308]
SPECIAL += [1.0, -1.0, 0.5, 2.0, 3.0, -8.0, 1e16, 709.8, -745.2, 1.0 + 2.0**-52, 0.1, math.pi]
# Rows that every language computes to the same bits, as IEEE 754 and their formulas demand.
EXACT = "add sub mul div neg abs sum sqrt relu maximum minimum step sign less equal where floor "
EXACT += "ceil mod floordiv stop_gradient softmax_shift"
EXACT_ROWS = frozenset(EXACT.split())
# What JavaScript's own functions may be off by, in units of the last place.
ULPS = 8.0

DRIVER = """
const bits = (numbers) => Buffer.from(Float64Array.from(numbers).buffer);
const write = (numbers) => require("fs").writeSync(1, bits(numbers));
const lines = require("fs").readFileSync(0, "utf8").split("\\n").filter(Boolean);
for (const line of lines) {
  const { pass, moves } = JSON.parse(line);
  const graph = new Graph(pass, OPERATIONS);
  write([...graph.data, ...graph.grads, ...graph.naive().grads]);
  for (const move of moves) {
    const numbers = unpacked(move.numbers);
    const [leaf] = move.leaves, [number] = numbers;
    const all = new Map(move.leaves.map((x, k) => [x, numbers[k]]));
    const ahead = [all.size === 1 ? graph.along(leaf, [number])[0] : graph.at(all), graph.at(all)];
    if (all.size === 1) graph.set(leaf, number);
    else {
      for (const [x, y] of all) graph.data[x] = y;
      graph.compute();
    }
    write([...graph.data, ...graph.grads, ...ahead]);
  }
  graph.reset();
  write([...graph.data, ...graph.grads]);
}
"""


def engine(*files: str) -> str:
    """The script of a page without the page: every row, and the engine."""
    parts = [operations(OPS.values())]
    parts += [resources.files("autograd.page").joinpath(file).read_text() for file in files]
    return "\n".join(['"use strict";', *parts])


@dataclass
class Case:
    """A graph that is moved.

    Attributes:
        plan: how it is made.
        nodes: its nodes with operands first, as the page numbers them.
        moves: the leaves that each move sets, as places in ``nodes``, with their numbers.
    """

    plan: Plan
    nodes: list[Value]
    moves: list[dict[int, float]] = field(default_factory=list)

    @classmethod
    def drawn(cls, generator: random.Random) -> Case:
        nested = generator.random() < 0.2
        most = generator.choice([12, 12, 12, 40])
        plan = draw_nested_plan(generator) if nested else draw_plan(generator, 4, most)
        root = plan.on_values([Value(x) for x in plan.leaves])[-1]
        case = cls(plan, list(consumers_first(root))[::-1])
        leaves = [i for i, node in enumerate(case.nodes) if node.op is None]
        generator.shuffle(leaves)
        case.moves = [{leaf: case._number(generator, leaf)} for leaf in leaves]
        case.moves.append({leaf: case._number(generator, leaf) for leaf in leaves})
        return case

    def _number(self, generator: random.Random, leaf: int) -> float:
        kind, now = generator.random(), self.nodes[leaf].data
        if kind < 0.5:
            return now + generator.gauss(0.0, 0.1) * (abs(now) or 1.0)
        if kind < 0.6:  # on another leaf, where it ties
            return generator.choice([x for x in self.nodes if x.op is None]).data
        return draw_number(generator) if kind < 0.75 else generator.choice(SPECIAL)

    def line(self) -> str:
        moves = [{"leaves": list(move), "numbers": packed(move.values())} for move in self.moves]
        recording = Recording(self.nodes[-1])
        assert recording.nodes[::-1] == self.nodes
        return json.dumps({"pass": page_data(recording, Opening()), "moves": moves})


def packed(numbers: Iterable[float]) -> str:
    listed = list(numbers)
    return base64.b64encode(struct.pack(f"<{len(listed)}d", *listed)).decode()


# How far it may be off ----------------------------------------------------------------------------


class HangsOnRoundingError(Exception):
    """A choice, or a class of number, may be another one within the roundings."""


def kind_of(x: float) -> str:
    if math.isnan(x):
        return "nan"
    return "finite" if math.isfinite(x) else "inf" if x > 0.0 else "-inf"


def movements(
    numbers: Sequence[float], errors: Sequence[float], alike: Sequence[object]
) -> Iterator[list[float]]:
    """The numbers with one of them off, up or down; those that are the same thing move together."""
    for thing in {id(thing): thing for thing in alike}.values():
        places = [i for i, other in enumerate(alike) if other is thing]
        error = errors[places[0]]
        for step in (-error, error) if error else ():
            yield [x + step if i in places else x for i, x in enumerate(numbers)]


def spread(
    f: Callable[..., float],
    numbers: Sequence[float],
    errors: Sequence[float],
    alike: Sequence[object] | None = None,
) -> float:
    """How far a result can move if its operands are off by so much.

    Raises:
        HangsOnRoundingError: if it would be of another class.
    """
    whole = f(*numbers)
    alike = [object() for _ in numbers] if alike is None else alike
    found = [f(*moved) for moved in movements(numbers, errors, alike)]
    if any(kind_of(x) != kind_of(whole) for x in found):
        raise HangsOnRoundingError
    distances = [abs(x - whole) for x in found] if math.isfinite(whole) else []
    return sum(max(pair) for pair in zip(distances[::2], distances[1::2]))


def choice(op: Op, numbers: Sequence[float]) -> Any:
    """Which piece of a function made of pieces holds."""
    if op.name == "softmax_shift":  # continuous, and no derivative passes
        return None
    try:
        with mp.workdps(DIGITS):
            return FUNCTIONS[op.name].chooses(*[Jet(mpf(x), [], []) for x in numbers])
    except (ArithmeticError, ValueError):  # of what is not finite, or over a zero
        return None


def own_error(op: Op, z: float, numbers: Sequence[float]) -> float:
    if op.name in EXACT_ROWS or z == 0.0 or not math.isfinite(z):
        return 0.0
    size = abs(z)
    if op.name in ("logsumexp", "logaddexp", "softmax_total"):
        size = max(size, *(abs(x) for x in numbers if math.isfinite(x)), 0.0)
    if op.name == "sumexpm1":
        size = max([size, *(math.exp(min(x, 700.0)) for x in numbers if x == x)])
    return ULPS * math.ulp(size)


class Bounds:
    """How far each number and each gradient of a graph may be off, in the order of ``nodes``.

    Args:
        nodes: the graph, as Python has it.
        data: what the engine has; where that has the same bits, nothing is carried on.
        grads: likewise.
    """

    def __init__(
        self, nodes: Sequence[Value], data: Sequence[float], grads: Sequence[float]
    ) -> None:
        self.data: dict[Value, float] = {}
        self.grads = dict.fromkeys(nodes, 0.0)
        self._errors: dict[Value, float] = {}
        for node, found in zip(nodes, data):
            self.data[node] = self._of_data(node)
            self._errors[node] = self.data[node] if repr(found) != repr(node.data) else 0.0
        for node, found in zip(reversed(nodes), reversed(grads)):
            if node.op is not None:
                same = repr(found) == repr(node.grad)
                self._hand_down(node, node.op, 0.0 if same else self.grads[node])

    def _operands(self, node: Value) -> tuple[list[float], list[float]]:
        xs = node.operands
        numbers = [x.data if isinstance(x, Value) else x for x in xs]
        return numbers, [self._errors[x] if isinstance(x, Value) else 0.0 for x in xs]

    def _of_data(self, node: Value) -> float:
        op = node.op
        if op is None:
            return 0.0
        numbers, errors = self._operands(node)
        for moved in movements(numbers, errors, node.operands):
            if choice(op, moved) != choice(op, numbers):
                raise HangsOnRoundingError
        return own_error(op, node.data, numbers) + spread(
            op.forward, numbers, errors, node.operands
        )

    def _hand_down(self, node: Value, op: Op, wrong: float) -> None:
        for i, (x, partial) in enumerate(zip(node.operands, local_partials(node))):
            if not isinstance(x, Value) or partial is None:
                continue
            off = self._of_slope(node, op, i, partial)
            sent = spread(lambda g, p: g * p, [node.grad, partial], [wrong, off])
            sent += wrong * off if math.isfinite(wrong * off) else 0.0
            added = max(abs(node.grad * partial), abs(x.grad))
            if sent and math.isfinite(added):  # where what is added is off, so is its rounding
                sent += math.ulp(added)
            self.grads[x] += sent
            if not math.isfinite(self.grads[x]):
                raise HangsOnRoundingError

    def _of_slope(self, node: Value, op: Op, i: int, partial: float) -> float:
        slope = op.slopes[0 if op.arity is None else i]
        if not callable(slope):
            return 0.0
        numbers, errors = self._operands(node)
        around, about = [node.data, *numbers], [self._errors[node], *errors]
        alike = [node, *node.operands]
        if op.arity is None:
            shared = op.shared(numbers, recording=False)
            around, about = [node.data, numbers[i], *shared], [about[0], errors[i]]
            alike = [node, node.operands[i], *op.of_all]
            for z, (_, name) in zip(shared, op.of_all):
                row = OPS[name]
                moved = spread(row.forward, numbers, errors, node.operands)
                about.append(own_error(row, z, numbers) + moved)
        off = spread(slope, around, about, alike)
        return off + ULPS * math.ulp(partial) if math.isfinite(partial) else off


# Comparing ----------------------------------------------------------------------------------------


@dataclass
class Tally:
    counts: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    worst: float = 0.0
    furthest: float = 0.0

    @property
    def share_left(self) -> float:
        return self.counts["graphs in which a choice hangs on a rounding"] / self.counts["graphs"]

    def __str__(self) -> str:
        return "\n".join(
            [
                *(f"{count:11,}  {what}" for what, count in sorted(self.counts.items())),
                f"{self.worst:11.3f}  the largest error, in units of what roundings may do",
                f"{self.furthest:11.1e}  the largest relative error",
                f"{len(self.rows):11}  rows used, of {len(OPS)}",
            ]
        )


def same_bits(xs: Iterable[float], ys: Iterable[float]) -> bool:
    return all(repr(x) == repr(y) for x, y in zip(xs, ys, strict=True))


def compare(case: Case, numbers: Iterator[float], tally: Tally) -> Iterator[str]:
    """What the engine has of a graph that Python has not."""
    nodes, root = case.nodes, case.nodes[-1]

    def take(count: int = len(nodes)) -> list[float]:
        return list(itertools.islice(numbers, count))

    tally.counts["graphs"] += 1
    tally.rows.update(node.op.name for node in nodes if node.op)
    root.backward()
    recorded = [node.data for node in nodes], [node.grad for node in nodes]
    if not (same_bits(take(), recorded[0]) and same_bits(take(), recorded[1])):
        yield "it does not begin with Python's bits"
    naive, _ = naive_walk(Recording(root))
    if not same_bits([naive[node] + 0.0 for node in nodes], [x + 0.0 for x in take()]):
        yield "its naive walk is another"
    hanging = False
    for move in case.moves:
        for leaf, number in move.items():
            nodes[leaf].data = number
        for node in nodes:
            node.grad = 0.0
        root.recompute()
        root.backward()
        data, grads, ahead = take(), take(), take(2)
        if not same_bits(ahead, [data[-1]] * 2):
            yield f"ahead of {move} it sees {ahead}, then {data[-1]}"
        try:
            wrong = list(filter(None, judged(tally, nodes, data, grads)))
        except HangsOnRoundingError:
            hanging = True
        else:
            if wrong:
                yield f"moved to {move}: {wrong[0]} ({len(wrong)} such)"
    tally.counts["graphs in which a choice hangs on a rounding"] += hanging
    if not (same_bits(take(), recorded[0]) and same_bits(take(), recorded[1])):
        yield "after reset it has not Python's bits"


def judged(
    tally: Tally, nodes: Sequence[Value], data: Sequence[float], grads: Sequence[float]
) -> Iterator[str]:
    """What is wrong with each number, or nothing; most have the same bits, and need no bounds."""
    bounds: Bounds | None = None
    for node, *both in zip(nodes, data, grads):
        for what, found, right in zip(["data", "grad"], both, [node.data, node.grad]):
            tally.counts["numbers"] += 1
            if repr(found) == repr(right):
                tally.counts["numbers with the same bits"] += 1
            elif found == right == 0.0:
                tally.counts["zeros of the other sign"] += 1
            else:
                bounds = bounds or Bounds(nodes, data, grads)
                bound = (bounds.data if what == "data" else bounds.grads)[node]
                sentence = f"{what} is {found!r}, and {right!r} in Python"
                yield sentence if off(tally, found, right, bound) else ""


def off(tally: Tally, found: float, right: float, bound: float) -> bool:
    """Whether a number is of another class, or further off than roundings explain."""
    if kind_of(found) != kind_of(right) or not math.isfinite(right):
        return True
    error = abs(found - right)
    tally.furthest = max(tally.furthest, error / abs(right) if right else 0.0)
    tally.worst = max(tally.worst, error / bound if bound else math.inf)
    return error > bound


def disagreements(seed: int, count: int, tally: Tally, script: str = "") -> Iterator[str]:
    """What disagrees in so many graphs, all of them in one Node.js."""
    cases = [Case.drawn(random.Random(k)) for k in range(seed, seed + count)]
    given = "\n".join(case.line() for case in cases)
    told = in_node((script or engine("engine.js")) + DRIVER, given.encode())
    numbers = iter(struct.unpack(f"<{len(told) // 8}d", told))
    for k, case in enumerate(cases, start=seed):
        for sentence in compare(case, numbers, tally):
            yield f"graph {k}: {sentence}, in\n{case.plan}"


def in_node(script: str, given: bytes = b"") -> bytes:
    """What a script writes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "script.js"
        file.write_text(script)
        done = subprocess.run(["node", file], input=given, capture_output=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr.decode()[-2000:]
    return done.stdout


def main() -> None:
    count, seed = int(sys.argv[1]), int(sys.argv[2])
    tally, found = Tally(), 0
    for start in range(seed, seed + count, 500):
        for disagreement in disagreements(start, min(500, seed + count - start), tally):
            found += 1
            print(disagreement, end="\n\n")
    print(tally)
    print(f"{found:11,}  disagreements")
    sys.exit(found > 0)


if __name__ == "__main__":
    main()
