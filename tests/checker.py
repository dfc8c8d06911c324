"""The gradient checker on random graphs: what is right is never called wrong, nor the reverse.

python tests/checker.py --seed 0 --count 1000

A graph of ``oracle`` is checked as it is, and with a slip planted at one of its nodes: a slope that
is twice as large, has the other sign, is missing, or is a ten-thousandth too large. What 60 digits
say of the gradient decides which is right: the checker's word is held against theirs.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from mpmath import mp
from oracle import DIGITS, FUNCTIONS, LAST_OPERAND_IS_CONSTANT, Jet, Plan, allowance, draw_plan

from autograd import GradientMismatch, Value, check_gradient, grad, stop_gradient

# What a slope is multiplied by, less 1.
SLIPS = {"twice": 1.0, "other sign": -2.0, "missing": -1.0, "1.0001 times": 1e-4}
TOLERANCE = 1e-5
HIDDEN = {"stop_gradient", "softmax_shift"}  # which say that there is no slope where there is one


def skewed(y: Value, e: float) -> Value:
    """The same number, whose slope is 1 + e times what it was."""
    return y + e * (y - stop_gradient(y))


def verdicts(plan: Plan, slip: tuple[int, float] | None = None) -> list[tuple[str, float]] | None:
    """For each leaf the checker's verdict, and the gradient it was about; None if it refuses."""

    def f(xs: list[Value]) -> Value:
        nodes: list[Any] = list(xs)
        for name, operands in plan.steps:
            taken = [nodes[x] if isinstance(x, int) else x for x in operands]
            if name in LAST_OPERAND_IS_CONSTANT:
                taken[-1] = operands[-1]
            nodes.append(FUNCTIONS[name].on_values(*taken))
            if slip is not None and len(nodes) - 1 == slip[0]:
                nodes[-1] = skewed(nodes[-1], slip[1])
        return nodes[-1] + 0.0 * xs[0]  # a function of them, whatever it does

    try:
        report = check_gradient(f, plan.leaves, relative_tolerance=TOLERANCE)
    except GradientMismatch as error:
        report = error.report
    except ValueError:
        return None
    return [(c.verdict, c.analytic) for c in report.comparisons]


def exact_slopes(plan: Plan) -> list[Any] | None:
    """The gradient to 60 digits, where no choice is a tie and every number in its domain."""
    n = len(plan.leaves)
    jets = [Jet.variable(x, i, n) for i, x in enumerate(plan.leaves)]
    nodes = [x.data for x in plan.on_values([Value(x) for x in plan.leaves])]
    for name, operands in plan.steps:
        function = FUNCTIONS[name]
        taken = [jets[x] if isinstance(x, int) else Jet.constant(x, n) for x in operands]
        numbers = [nodes[x] if isinstance(x, int) else x for x in operands]
        if function.chooses(*taken) != function.chooses(*[Jet.constant(x, 0) for x in numbers]):
            return None
        if not function.allows(*[u.value for u in taken]):
            return None
        jets.append(function.on_jets(*taken))
    return jets[-1].slopes


def is_right(slope: float, exact: Any, allowed: float) -> bool | None:
    """Whether a gradient is that of 60 digits; None where roundings leave it open."""
    error = float(abs(slope - exact)) if math.isfinite(slope) else math.inf
    size = float(abs(exact))
    if error <= 0.1 * TOLERANCE * size or error <= allowed <= TOLERANCE * size:
        return True
    return False if error > 5.0 * (allowed + TOLERANCE * size) else None


def mistakes(seed: int, count: int, counts: Counter[str]) -> Iterator[str]:
    """What the checker says of graphs that 60 digits contradict; graph k is always the same."""
    for k in range(seed, seed + count):
        generator = random.Random(k)
        plan = draw_plan(generator)
        if HIDDEN & {name for name, _ in plan.steps}:
            continue
        with mp.workdps(DIGITS):
            exact = exact_slopes(plan)
        found = verdicts(plan)
        if exact is None or found is None:
            counts["graphs left: a choice hangs on a rounding, or f is not finite"] += 1
            continue
        counts["graphs"] += 1
        yield from _held(f"graph {k}", plan, found, exact, "as it is", counts)
        place = generator.randrange(len(plan.leaves), len(plan.leaves) + len(plan.steps))
        for what, e in SLIPS.items():
            slipped = verdicts(plan, (place, e))
            if slipped is not None:
                title = f"graph {k}, {what} at v{place}"
                yield from _held(title, plan, slipped, exact, what, counts)


def _held(
    title: str,
    plan: Plan,
    found: Sequence[tuple[str, float]],
    exact: Sequence[Any],
    what: str,
    counts: Counter[str],
) -> Iterator[str]:
    leaves = [Value(x) for x in plan.leaves]
    nodes = plan.on_values(leaves, Value)
    gradients = grad(nodes[-1], leaves, create_graph=True)
    for i, (verdict, slope) in enumerate(found):
        allowed = allowance(gradients[i])
        right = is_right(slope, exact[i], allowed) if math.isfinite(allowed) else None
        if right is None:
            counts["derivatives left: roundings decide"] += 1
            continue
        # The one excuse that check_gradient has: a slope of 0 where rounding hides what there is.
        size, f = abs(plan.leaves[i]), abs(nodes[-1].data)
        excuse = max(1e-11 * f / max(1.0, size), 1e-15 * f / size if size else 0.0)
        excused = verdict == "right" and slope == 0.0 and abs(exact[i]) <= excuse
        said = "excused" if excused and not right else f"called {verdict}"
        counts[f"{what}: {'right' if right else 'wrong'} ones {said}"] += 1
        if (verdict == "wrong") if right else (verdict == "right" and not excused):
            yield (
                f"{title}: d/dv{i} is {slope!r}, exactly {mp.nstr(exact[i], 17)}, "
                f"and it is called {verdict}, in\n{plan}"
            )


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
