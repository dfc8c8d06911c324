"""Random graphs against 60 digits and against differences; and the oracle itself, tested."""

import math
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import mpmath
import pytest
from oracle import (
    DERIVATIVE,
    FUNCTIONS,
    Comparison,
    Disagreement,
    Jet,
    Plan,
    Tally,
    disagreements,
    draw_plan,
)

from autograd import Value, grad
from autograd.core import ops

SCRIPT = Path(__file__).with_name("oracle.py")


def test_random_graphs_have_the_values_and_derivatives_that_60_digits_have() -> None:
    tally = Tally()
    assert list(disagreements(seed=1_000_000, count=400, tally=tally)) == []
    counts = tally.counts
    assert counts["graphs"] == 400 and set(tally.functions) == set(FUNCTIONS)
    compared = {kind: counts[f"{kind} that agree"] for kind in ("values", "slopes", "curvatures")}
    left = sum(count for what, count in counts.items() if "left" in what)
    assert min(compared.values()) > 700 and left < 10
    assert counts["gradients that central differences confirm"] > 50
    assert counts["derivatives in the middle of a graph"] > 60
    # Not so generous that nothing could disagree, nor at the edge of it.
    assert 0.05 < tally.worst < 1.0


def test_every_row_of_the_table_is_drawn_from() -> None:
    assert set(ops.OPS) <= set(FUNCTIONS)


def wrong(rule: Any, factor: float) -> Any:
    return (lambda *xs: factor * rule(*xs)) if callable(rule) else factor * rule


SLOPED = [
    (name, i)
    for name, op in ops.OPS.items()
    for i, partial in enumerate(op.partials)
    if partial.passes
]


@pytest.mark.parametrize(("name", "i"), SLOPED, ids=[f"{name}-{i}" for name, i in SLOPED])
def test_a_rule_that_is_off_by_a_millionth_disagrees(
    name: str, i: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    op = ops.OPS[name]
    for name_of_rules in ("slopes", "rules"):
        rules = list(getattr(op, name_of_rules))
        rules[i] = wrong(rules[i], 1.000001)
        monkeypatch.setattr(op, name_of_rules, tuple(rules))
    assert next(disagreements(seed=0, count=3000, tally=Tally(), order=1), None)


def test_a_nan_that_no_infinity_explains_disagrees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ops.cos, "rules", (lambda z, x: -ops.sin(x) * math.nan,))
    with pytest.raises(Disagreement, match="d2/dv0dv0 is nan, and nothing on the way overflows"):
        Comparison(Plan([0.5], [("sin", (0,))]), Tally()).run(order=2)
    # The second derivative of y log x by x is -y / x^2: at x = 1e-200 and y = 0 it is 0 times inf.
    monkeypatch.undo()
    tally = Tally()
    Comparison(Plan([1e-200, 0.0], [("log", (0,)), ("mul", (2, 1))]), tally).run(order=2)
    assert tally.counts["curvatures left where something overflows"] == 1


def test_a_derivative_that_a_graph_goes_on_with_is_that_of_60_digits() -> None:
    # v2 = v0^2 v1, v3 = dv2/dv0 = 2 v0 v1, v4 = v3 v0 = 2 v0^2 v1: slopes 4 v0 v1 and 2 v0^2.
    steps = [("mul", (0, 0)), ("mul", (2, 1)), (DERIVATIVE, (3, 0)), ("mul", (4, 0))]
    plan = Plan([3.0, 5.0], steps)
    leaves = [Value(x) for x in plan.leaves]
    root = plan.on_values(leaves)[-1]
    assert root.data == 90.0 and grad(root, leaves) == (60.0, 18.0)
    tally = Tally()
    Comparison(plan, tally).run(order=1)
    assert tally.counts["derivatives in the middle of a graph"] == 1
    assert tally.counts["slopes that agree"] == 2


def test_jets_are_mpmaths_own_differences() -> None:
    generator = random.Random(3)
    compared = 0
    while compared < 40:
        plan = draw_plan(generator, most_leaves=2, most_steps=6)
        comparison = Comparison(plan, Tally())
        comparison.run(order=1)
        flat = {"step", "stop_gradient", "softmax_shift"}
        if comparison.is_rough or any(name in flat for name, _ in plan.steps):
            continue
        with mpmath.workdps(60):
            root = on_jets(plan, plan.leaves)

            def value(*xs: Any, plan: Plan = plan) -> Any:
                return on_jets(plan, xs).value

            n = len(plan.leaves)
            with mpmath.workdps(120):
                point = [mpmath.mpf(x) for x in plan.leaves]
                for i in range(n):
                    first = [int(k == i) for k in range(n)]
                    check(root.slopes[i], mpmath.diff(value, point, tuple(first)))
                    for j in range(n):
                        both = [a + (k == j) for k, a in enumerate(first)]
                        check(root.curvatures[i][j], mpmath.diff(value, point, tuple(both)))
        compared += 1


def check(jet: Any, difference: Any) -> None:
    assert abs(jet - difference) <= 1e-15 * max(abs(difference), 1.0)


def on_jets(plan: Plan, xs: Any) -> Jet:
    n = len(plan.leaves)
    jets = [Jet.variable(0.0, i, n)._replace(value=mpmath.mpf(x)) for i, x in enumerate(xs)]
    for name, operands in plan.steps:
        taken = [jets[x] if isinstance(x, int) else Jet.constant(x, n) for x in operands]
        jets.append(FUNCTIONS[name].on_jets(*taken))
    return jets[-1]


def test_jets_by_hand() -> None:
    # u = 3 x, v = x y at x = 2, y = 5: u v = 3 x^2 y = 60, slopes 6 x y = 60 and 3 x^2 = 12,
    # curvatures 6 y = 30, 6 x = 12 and 0; e^0 of x - 2 is 1 with slope and curvature 1.
    x, y = Jet.variable(2.0, 0, 2), Jet.variable(5.0, 1, 2)
    product = x.times(3) * (x * y)
    assert product == (60, [60, 12], [[30, 12], [12, 0]])
    power = FUNCTIONS["exp"].on_jets(x + Jet.constant(-2.0, 2))
    assert power == (1, [1, 0], [[1, 0], [0, 0]])


def test_the_script_repeats_a_graph_by_its_number() -> None:
    def lines(*arguments: str) -> str:
        command = [sys.executable, str(SCRIPT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    one = lines("--seed", "17", "--count", "3")
    assert one == lines("--seed", "17", "--count", "3")
    assert "3  graphs\n" in one and "0  disagreements" in one
    assert str(draw_plan(random.Random(17))) == str(draw_plan(random.Random(17)))
    assert math.isfinite(draw_plan(random.Random(17)).leaves[0])
