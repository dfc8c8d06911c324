"""Random changes of numbers between a recording and its sweep: the gradient is right, or refused.

python tests/changes.py --seed 0 --count 10000

A graph of ``oracle`` is recorded on Values, and now and then, while it is being recorded also, a
number is assigned to one of its nodes. Then ``backward`` and ``grad`` either give to the bit what
a graph gives whose leaves hold these numbers and in which nothing was assigned, and which 60 digits
confirm in ``oracle``; or they refuse, as they have to if a number does not fit its operands. After
``recompute`` all is again as if it had been recorded with the leaves as they are now.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

from oracle import FUNCTIONS, LAST_OPERAND_IS_CONSTANT, Plan, draw_number, draw_plan

from autograd import StaleGraphError, Value, grad
from autograd.core.sweep import evaluation_order

CHANGES = 0.15  # how often something is assigned after a step of the recording


class Mistake(AssertionError):  # noqa: N818 - a finding
    """A gradient of numbers that do not belong together, or one refused without a reason."""


def run(generator: random.Random, counts: Counter[str]) -> None:
    """Record one graph with changes, and look at what comes of it.

    Raises:
        Mistake: if that is neither right nor refused.
    """
    plan = draw_plan(generator)
    leaves = [Value(x) for x in plan.leaves]
    root = record(plan, leaves, generator)
    change(generator, evaluation_order(root), often=0.5)
    changed = not holds(root)
    counts["graphs"] += 1
    counts["graphs with a number that does not fit its operands"] += changed
    held = [node.grad for node in leaves]
    for sweep in (backward, gradients, graphs):
        try:
            found = sweep(root, leaves)
        except StaleGraphError as error:
            if not changed:
                raise Mistake(f"refused without a reason: {error}") from None
            if [node.grad for node in leaves] != held:
                raise Mistake("a sweep that was refused has changed a gradient") from None
            counts["sweeps refused"] += 1
        else:
            if changed:
                raise Mistake(f"{sweep.__name__} gives {found} of numbers that do not fit")
            same_as_new(plan, leaves, root, found, sweep)
            counts["sweeps right"] += 1
    root.recompute()
    same_as_new(plan, leaves, root, backward(root, leaves), backward)
    if not holds(root):
        raise Mistake("after recompute() a number does not fit its operands")
    counts["graphs right once they are computed again"] += 1
    change(generator, [root, *leaves], often=1.0)
    root.recompute()
    same_as_new(plan, leaves, root, graphs(root, leaves), graphs)


def record(plan: Plan, leaves: list[Value], generator: random.Random) -> Value:
    """The root of a plan, with changes on the way."""
    nodes: list[Any] = list(leaves)
    for name, operands in plan.steps:
        taken = [nodes[x] if isinstance(x, int) else x for x in operands]
        if name in LAST_OPERAND_IS_CONSTANT:
            taken[-1] = operands[-1]
        nodes.append(FUNCTIONS[name].on_values(*taken))
        change(generator, nodes, often=CHANGES)
    root: Value = nodes[-1]
    return root


def change(generator: random.Random, nodes: list[Value], often: float) -> None:
    """Assign to some of them: another number, a number that is there already, and back again."""
    while generator.random() < often:
        often *= 0.5
        node = generator.choice(nodes)
        before = node.data
        node.data = generator.choice([before, draw_number(generator), nodes[0].data])
        if generator.random() < 0.2:
            node.data = before


def holds(root: Value) -> bool:
    """Whether every number under a root is what its operands give, computed here."""
    for node in evaluation_order(root):
        if node.op is not None:
            numbers = [x.data if isinstance(x, Value) else x for x in node.operands]
            if repr(node.op(*numbers)) != repr(node.data):
                return False
    return True


def backward(root: Value, leaves: list[Value]) -> list[float]:
    """The gradient by ``backward``, which adds to what there is."""
    for leaf in leaves:
        leaf.grad = 0.0
    root.backward()
    found = [leaf.grad for leaf in leaves]
    for leaf in leaves:
        leaf.grad = 0.0
    return found


def gradients(root: Value, leaves: list[Value]) -> list[float]:
    """The gradient by ``grad``."""
    return list(grad(root, leaves))


def graphs(root: Value, leaves: list[Value]) -> list[float]:
    """The gradient by ``grad`` as graphs, and the slopes of these."""
    found = grad(root, leaves, create_graph=True)
    return [x for g in found for x in (g.data, *grad(g, leaves))]


def same_as_new(
    plan: Plan, leaves: list[Value], root: Value, found: list[float], sweep: Any
) -> None:
    """Raise unless a graph recorded just now has the same numbers, to the bit."""
    new_leaves = [Value(leaf.data) for leaf in leaves]
    new = copied(root, dict(zip(leaves, new_leaves)))
    expected = [new.data, *sweep(new, new_leaves)]
    if list(map(repr, [root.data, *found])) != list(map(repr, expected)):
        raise Mistake(f"{sweep.__name__} gives {[root.data, *found]}, and a new graph {expected}")


def copied(root: Value, leaves: dict[Value, Value]) -> Value:
    """The same operations recorded again on other leaves."""
    made: dict[Value, Value] = dict(leaves)
    for node in evaluation_order(root):
        if node.op is None:
            made.setdefault(node, node)
        else:
            operands = [made[x] if isinstance(x, Value) else x for x in node.operands]
            made[node] = node.op(*operands)
    return made[root]


def mistakes(seed: int, count: int, counts: Counter[str]) -> Iterator[str]:
    """What goes wrong in ``count`` graphs; graph k is the same whatever came before it."""
    for k in range(seed, seed + count):
        try:
            run(random.Random(k), counts)
        except (Mistake, StaleGraphError) as error:  # refused also once it is computed again
            yield f"graph {k}: {error}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0, help="the number of the first graph")
    parser.add_argument("--count", type=int, default=1000, help="how many graphs")
    arguments = parser.parse_args()
    counts: Counter[str] = Counter()
    found = 0
    for mistake in mistakes(arguments.seed, arguments.count, counts):
        found += 1
        print(mistake, end="\n\n")
    print("\n".join(f"{number:9,}  {what}" for what, number in sorted(counts.items())))
    print(f"{found:9,}  mistakes")
    sys.exit(found > 0)


if __name__ == "__main__":
    main()
