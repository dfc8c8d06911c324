"""The gradient checker: what the sweep says against what the function itself does.

``check_gradient`` moves each input a little and watches the output. The slopes seen so are
extrapolated to a vanishing step, with an estimate of how far that can be trusted, and compared
with the gradient of the reverse sweep. Nothing of the sweep's rules enters the numeric value, so
that a wrong rule, or an f that computes past the graph, cannot hide.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from math import inf, nan
from typing import Literal, NamedTuple, TypeAlias

from ..core import Value, grad
from ..core.scalar_function import ScalarFunction, as_point
from ..core.sweep import evaluation_order, sweep
from ..lines import fitted, table
from ..text import number_within
from .differences import Claim, Comparison, Tolerances, compare, is_restless, rounding_of

TOOL = "check_gradient()"


class GradientReport(NamedTuple):
    """What ``check_gradient`` found, shown as a table to read.

    Attributes:
        value: the output of f.
        comparisons: one for each of the D inputs; with ``order=2`` the D * D second derivatives
            follow.
    """

    value: float
    comparisons: tuple[Comparison, ...]

    @property
    def failures(self) -> tuple[Comparison, ...]:
        """The comparisons that are wrong or unclear, in order."""
        return tuple(c for c in self.comparisons if c.verdict != "right")

    def __repr__(self) -> str:
        rows = [("input", "at", "analytic", "numeric", "+-", "error", "verdict")]
        for c in self.comparisons:
            numbers = f"{c.x:.6g}", f"{c.analytic:.10g}", f"{c.numeric:.10g}"
            rows.append((c.name, *numbers, f"{c.uncertainty:.1e}", f"{c.error:.1e}", c.verdict))
        count = len(self.comparisons)
        return "\n".join(
            [
                f"{count - len(self.failures)} of {count} derivatives right, f = {self.value!r}",
                *table(rows),
                *(fitted(f"{c.name}: {c.note}") for c in self.failures if c.note),
            ]
        )


class GradientMismatch(AssertionError):  # noqa: N818 - the public name
    """A gradient that finite differences contradict, or cannot judge.

    It is an ``AssertionError``, so that a test that checks a gradient fails and does not break;
    a bad argument is a ``TypeError`` or ``ValueError``.

    Attributes:
        report: the whole comparison.
    """

    def __init__(self, report: GradientReport) -> None:
        super().__init__(report)
        self.report = report

    def __str__(self) -> str:
        failures = self.report.failures
        wrong = any(c.verdict == "wrong" for c in failures)
        more = len(failures) - 5
        return "\n".join(
            [
                f"{len(failures)} of {len(self.report.comparisons)} derivatives "
                + ("differ from finite differences:" if wrong else "cannot be judged:"),
                *(f"  {c.line}" for c in failures[:5]),
                *([f"  and {more} more, see .report"] if more > 0 else []),
                self._advice(),
            ]
        )

    def _advice(self) -> str:
        wrong = [c for c in self.report.failures if c.verdict == "wrong"]
        if not wrong:
            return "Move the input, or pass the absolute_tolerance that is good enough."
        if all(c.note for c in wrong):  # it says more
            return "f itself may be well: see what is said of each."
        return "A partial on the way from that input is wrong, or f computes past the graph."


def check_gradient(
    f: Callable[..., Value],
    xs: float | Iterable[float],
    *,
    order: Literal[1, 2] = 1,
    relative_tolerance: float = 1e-5,
    absolute_tolerance: float = 0.0,
) -> GradientReport:
    """Compare the gradient of a function with finite differences.

    The error allowed is ``absolute_tolerance + relative_tolerance * abs(numeric)``, and the numeric
    value must be known as well as that; otherwise there is no verdict, and this too is a failure. A
    kink is the usual reason. One excuse: a slope of 0, but for rounding, is right if f does not
    change either, or the numeric value is 0 within an uncertainty of 1e-7 of the slopes near by or
    1e-11 f / max(1, x). Nothing is called wrong where the gradient near by, or the smallest steps,
    explain how f changes: then it is unclear, with the reason. An f that gives nan or infinity, or
    raises an ``ArithmeticError`` or ``ValueError``, some way from the point is tried closer to it.

    Args:
        f: a function of D scalars, or of one list of D, that returns one Value.
        xs: the point, D finite numbers; a single number for D = 1.
        order: 2 to check all second derivatives as well: the gradient of the gradient, by
            ``grad(create_graph=True)``, against finite differences of the gradient.
        relative_tolerance: the part of the derivative that may be missing.
        absolute_tolerance: the error that is never too much.

    Returns:
        The report, if everything is right.

    Raises:
        GradientMismatch: if a derivative is wrong or cannot be judged; it holds the report.
        TypeError: if f or xs is of a wrong kind.
        ValueError: if xs, f there or an option is not what it must be, or f gives another value
            when called again.
    """
    if order not in (1, 2):
        raise ValueError(f"{TOOL}: order is {order!r}, expected 1 or 2")
    tolerances = Tolerances(
        number_within(f"{TOOL}: relative_tolerance", relative_tolerance, 0.0, inf),
        number_within(f"{TOOL}: absolute_tolerance", absolute_tolerance, 0.0, inf),
    )
    point = as_point(TOOL, xs)
    function = ScalarFunction(TOOL, f, len(point))
    leaves = function.leaves(point)
    root = function(leaves)
    _require_finite_and_repeatable(function, point, root.data)

    def output(xs: Sequence[float]) -> tuple[float, ...]:
        return (function(function.leaves(xs)).data,)

    def slopes(xs: Sequence[float]) -> tuple[float, ...]:
        leaves = function.leaves(xs)
        return grad(function(leaves), leaves)

    def gradient(leaves: Sequence[Value]) -> Sequence[Value]:
        return grad(function(leaves), leaves, create_graph=True)

    def recorded(xs: Sequence[float], of: _Recorded) -> tuple[Sequence[Value], Sequence[Value]]:
        leaves = function.leaves(xs)
        return leaves, of(leaves)

    graph = functools.partial(recorded, of=lambda leaves: [function(leaves)])
    comparisons = _compare(output, graph, leaves, [root], function.names, tolerances)
    if order == 2:
        pairs = [f"{x}, {y}" for x in function.names for y in function.names]
        graph, roots = functools.partial(recorded, of=gradient), grad(root, leaves, True)
        comparisons += _compare(slopes, graph, leaves, roots, pairs, tolerances)
    report = GradientReport(root.data, tuple(comparisons))
    if report.failures:
        raise GradientMismatch(report)
    return report


def _require_finite_and_repeatable(
    function: ScalarFunction, point: Sequence[float], value: float
) -> None:
    for i, x in enumerate(point):
        if not math.isfinite(x):
            raise ValueError(
                f"{TOOL}: xs[{i}] is {x!r}, and finite differences need a finite number to start "
                f"from; what is right at infinity has to be worked out by hand"
            )
    if not math.isfinite(value):
        raise ValueError(
            f"{TOOL}: f is {value!r} at {point}, and finite differences need a finite value; "
            f"move xs into the domain of f"
        )
    again = function(function.leaves(point)).data
    if again != value:
        raise ValueError(
            f"{TOOL}: f gave {value!r} and then {again!r} at the same point; seed its random "
            f"numbers inside f, and let it keep no state"
        )


_Recorded: TypeAlias = Callable[[Sequence[Value]], Sequence[Value]]


def _compare(
    f: Callable[[Sequence[float]], tuple[float, ...]],
    graph: Callable[[Sequence[float]], tuple[Sequence[Value], Sequence[Value]]],
    leaves: Sequence[Value],
    roots: Sequence[Value],
    names: Sequence[str],
    tolerances: Tolerances,
) -> list[Comparison]:
    """All partial derivatives of some outputs.

    Args:
        f: the outputs as a function of D floats.
        graph: the leaves and the outputs of a new graph, likewise.
        leaves: the D inputs of the graph that is checked, at the point.
        roots: its outputs.
        names: one for each derivative, those of the first output first.
        tolerances: what error is allowed.
    """
    point = [leaf.data for leaf in leaves]

    def at(j: int, x: float) -> list[float]:
        return [*point[:j], x, *point[j + 1 :]]

    @functools.cache
    def moved(j: int, x: float) -> tuple[float, ...]:
        try:
            return f(at(j, x))
        except (ArithmeticError, ValueError):
            return (nan,) * len(roots)

    @functools.cache
    def claimed(j: int, x: float) -> list[float]:
        try:
            leaves, roots = graph(at(j, x))
        except (ArithmeticError, ValueError):
            return [nan] * len(names)
        return [slope for root in roots for slope in grad(root, leaves)]

    def restless(root: Value, leaf: Value) -> str:
        moving = {leaf}
        for node in evaluation_order(root):
            places = [k for k, x in enumerate(node.operands) if x in moving]
            if node.op is not None and places:
                moving.add(node)
                numbers = [x.data if isinstance(x, Value) else x for x in node.operands]
                if is_restless(node.op, node.data, numbers, places):
                    return node.op.name
        return ""

    def claim(i: int, j: int, rounding: float) -> Claim:
        place = i * len(point) + j
        return Claim(
            lambda x: moved(j, x)[i],
            lambda x: claimed(j, x)[place],
            point[j],
            roots[i].data,
            rounding,
            lambda: restless(roots[i], leaves[j]),
        )

    name = iter(names)
    comparisons = []
    for i, root in enumerate(roots):
        computed = ((g, node.data) for node, g, _ in sweep(root) if node.op is not None)
        rounding = rounding_of(root.data, computed)
        for j, analytic in enumerate(grad(root, leaves)):
            comparisons.append(compare(next(name), claim(i, j, rounding), analytic, tolerances))
    return comparisons
