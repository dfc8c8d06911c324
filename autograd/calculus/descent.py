"""Iterative minimisation: the lecture's trivial algorithm, gradient descent, and Newton's method.

Each starts at a point x^0 and goes from x^k to x^(k+1) until a criterion of convergence is met
(slides "The Approach of Gradient Descent" to "Overall Gradient Descent Algorithm"). They share one
loop, ``_Run.iterate``, which alone decides when to stop and says why; a method is a rule for the
next point.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ..core import ieee
from ..core.scalar_function import ScalarFunction, as_point, signature
from ..core.sweep import consumers_first
from ..core.value import Value, grad
from ..text import real
from .derivatives import hessian

if TYPE_CHECKING:
    from ..lowering.function import Programs

Point: TypeAlias = "float | Iterable[float]"
StepSize: TypeAlias = "float | Callable[[int], float]"
Engine: TypeAlias = Literal["auto", "python", "numpy"]
Watcher: TypeAlias = "Callable[[Iterate], Any]"
ENGINES = ("auto", "python", "numpy")


@dataclass(frozen=True)
class Iterate:
    """One point of a descent, as a callback is shown it.

    Attributes:
        k: 0 for the start.
        x: the point, of the form that the start was given in: a float, or a list of D floats.
        value: f there.
        gradient: of the form of x.
    """

    k: int
    x: Any
    value: float
    gradient: Any


@dataclass(frozen=True)
class Descent:
    """A descent, or an ascent, from its start to where it stopped; ``str`` of it is a summary.

    Attributes:
        x: the last point if the run converged, else the best one on the path. It is of the form
            that the start was given in: a float, or a list of D floats.
        value: f there.
        gradient: of f there, of the form of x.
        converged: whether one of the two criteria was met.
        reason: what stopped the run, with its numbers. It begins with one of ``eps1`` (f hardly
            changed), ``eps2`` (the gradient is nearly 0), ``budget``, ``diverged``,
            ``undefined``, ``oscillates``, ``stalled``, ``zero step``, ``stopped``.
        steps: how many steps were taken, K.
        path: all K + 1 points.
        values: f at each.
    """

    x: Any
    value: float
    gradient: Any
    converged: bool
    reason: str
    steps: int
    path: list[Any] = field(repr=False)
    values: list[float] = field(repr=False)

    def __str__(self) -> str:
        verdict = "converged" if self.converged else "not converged"
        many = isinstance(self.x, list)
        shown = ", ".join(f"{x:.6g}" for x in (self.x[:4] if many else [self.x]))
        shown = f"[{shown}{', ...' if len(self.x) > 4 else ''}]" if many else shown
        where = f"x = {shown}, f = {self.value:.6g}"
        return f"{verdict} after {_steps(self.steps)} at {where}; {self.reason}"


def sign_descent(
    f: Callable[..., Value],
    x0: Point,
    *,
    step: StepSize = 0.1,
    maximize: bool = False,
    eps1: float = 1e-14,
    eps2: float = 1e-8,
    max_steps: int = 20_000,
    callback: Watcher | None = None,
    engine: Engine = "auto",
) -> Descent:
    """The trivial algorithm: x^(k+1) = x^k - sign(f'(x^k)) step, for each coordinate.

    The steps stay as long as they are, so that it cannot come nearer to a minimum than about a
    step, and goes back and forth there: that ends the run as ``oscillates``, unless the step
    shrinks with k.

    Args:
        f: a function of D scalars, or of one list of D, that returns one Value.
        x0: the start, D numbers; a single number for D = 1.
        step: the length of a step along each coordinate; at least 0, or a function of k that
            gives that.
        maximize: go up instead.
        eps1: converged as soon as |f(x^(k+1)) - f(x^k)| is below it; 0 for never. It does not count
            where the step has leapt across a valley, and f rises by more than that along it.
        eps2: converged as soon as the norm of the gradient is below it, or 0.
        max_steps: the budget.
        callback: called with the ``Iterate`` at each point, the start too; the run stops if what it
            returns is true.
        engine: how f and its gradient are computed: ``"python"`` with Values at every point.
            ``"numpy"`` as an array program from the second point on. ``"auto"`` changes over as
            soon as the program will likely be worth its making. A program is used only as long as
            its value agrees with what f gives for plain floats, or else with a new recording; the
            recordings are compared as well after 1, 2, 4, 8, ... evaluations and where the run
            stops. An f that branches goes on with Values, and may be lowered again later.

    Returns:
        The run. It also ends, and says so, where f is not defined or grows without bound.

    Raises:
        TypeError: if an argument is of a wrong kind, or f does not return one Value.
        ValueError: if x0 is empty or an option out of range.
    """
    run = _Run("sign_descent", f, x0, maximize, eps1, eps2, max_steps, callback, engine)
    size = _step_size(run.tool, step)

    def rule(k: int, x: list[float], value: float, slopes: list[float]) -> list[float]:
        eta = size(k)
        return [x_i - eta * ieee.sign(slope) for x_i, slope in zip(x, slopes)]

    return run.iterate(rule, repeats=not callable(step))


def gradient_descent(
    f: Callable[..., Value],
    x0: Point,
    *,
    step: StepSize | None = None,
    maximize: bool = False,
    backtracking: bool = False,
    momentum: float = 0.0,
    eps1: float = 1e-14,
    eps2: float = 1e-8,
    max_steps: int = 20_000,
    callback: Watcher | None = None,
    engine: Engine = "auto",
) -> Descent:
    """Gradient descent: x^(k+1) = x^k - eta_k grad f(x^k), or + to maximise.

    Args:
        f: as for ``sign_descent``, and so are x0, maximize, eps1, eps2, max_steps, callback and
            engine.
        x0: the start.
        step: eta, at least 0, or a function of k that gives eta_k. By default 0.1; with
            backtracking 1.
        maximize: ascend.
        backtracking: search along each gradient: the step is halved until f decreases by a
            quarter of what the slope promises (Armijo's rule), so that f falls with every step;
            the next search starts at twice the step taken, ``step`` at most. A point where f is
            not defined is stepped back from.
        momentum: in [0, 1): with v^(k+1) = momentum v^k + grad f(x^k), the step is along v.
        eps1: the tolerance of the change of f.
        eps2: the tolerance of the gradient.
        max_steps: the budget.
        callback: the watcher.
        engine: how to compute.

    Returns:
        The run, as for ``sign_descent``.

    Raises:
        TypeError: as ``sign_descent``.
        ValueError: as ``sign_descent``, or if momentum is asked for with backtracking.
    """
    run = _Run("gradient_descent", f, x0, maximize, eps1, eps2, max_steps, callback, engine)
    beta = _number(run.tool, "momentum", momentum, 0.0, 1.0)
    size = _step_size(run.tool, step if step is not None else 1.0 if backtracking else 0.1)
    if not backtracking:
        return run.iterate(_along_gradient(size, beta), repeats=not (beta or callable(step)))
    if beta:
        raise ValueError(
            f"{run.tool}: momentum {beta:g} and backtracking exclude each other: the search "
            f"needs a direction in which f falls, and momentum may lead uphill; choose one"
        )
    last = math.inf

    def rule(k: int, x: list[float], value: float, slopes: list[float]) -> list[float]:
        nonlocal last
        downhill = [-slope for slope in slopes]
        last, following = run.search(x, value, downhill, slopes, min(size(k), 2.0 * last))
        return following

    return run.iterate(rule)


def newton(
    f: Callable[..., Value],
    x0: Point,
    *,
    maximize: bool = False,
    eps1: float = 1e-14,
    eps2: float = 1e-10,
    max_steps: int = 100,
    callback: Watcher | None = None,
    engine: Engine = "auto",
) -> Descent:
    """Newton's method: x^(k+1) = x^k - H^-1 grad f(x^k), with the exact Hessian H.

    Near a minimum with a positive definite Hessian the number of right digits doubles with every
    step. Elsewhere H is made to lead downhill by taking its eigenvalues without their signs, so
    that saddles repel, and the step is halved until f decreases. Each step needs a Hessian and its
    eigenvalues: D sweeps, and time of the order of D^3.

    Args:
        f: as for ``sign_descent``, and so are x0, maximize, eps1, eps2, max_steps, callback and
            engine.
        x0: the start.
        maximize: ascend.
        eps1: the tolerance of the change of f.
        eps2: the tolerance of the gradient.
        max_steps: the budget.
        callback: the watcher.
        engine: how to compute f and its gradient; the Hessian comes from ``hessian``.

    Returns:
        The run, as for ``sign_descent``.

    Raises:
        TypeError: as ``sign_descent``.
        ValueError: as ``sign_descent``.
    """
    import numpy

    run = _Run("newton", f, x0, maximize, eps1, eps2, max_steps, callback, engine)

    def rule(k: int, x: list[float], value: float, slopes: list[float]) -> list[float]:
        matrix = numpy.array(hessian(f, x))
        if not numpy.isfinite(matrix).all():
            raise _StopError(f"undefined: the Hessian is not finite at x = {_shown(x)}")
        eigenvalues, axes = numpy.linalg.eigh(matrix)
        # Without their signs the step leads downhill, and uphill to maximise, as the slopes do.
        curvatures = numpy.abs(eigenvalues)
        # Where f is flat a step of Newton's has no length; the gradient's own has to do.
        curvatures[curvatures <= 1e-14 * curvatures.max(initial=0.0)] = 1.0
        direction = -(axes @ ((axes.T @ numpy.array(slopes)) / curvatures))
        return run.search(x, value, direction.tolist(), slopes, 1.0)[1]

    return run.iterate(rule)


Rule: TypeAlias = "Callable[[int, list[float], float, list[float]], list[float]]"


def _along_gradient(size: Callable[[int], float], momentum: float) -> Rule:
    velocity: list[float] = []

    def rule(k: int, x: list[float], value: float, slopes: list[float]) -> list[float]:
        nonlocal velocity
        if momentum and velocity:
            velocity = [momentum * v + slope for v, slope in zip(velocity, slopes)]
        else:
            velocity = slopes
        eta = size(k)
        return [x_i - eta * v for x_i, v in zip(x, velocity)]

    return rule


class _StopError(Exception):
    """There is no next point; the message is the reason."""


class _UndefinedError(Exception):
    """f has raised an error that means that it has no value at a point: its cause."""


# What f may grow to, above where it started and in multiples of that, before a run is given up.
GROWTH = 1e12
# The part of what the slope promises that a step has to make true. With less of it steps may bounce
# from one side of a valley to the other and come down by next to nothing.
ARMIJO = 0.25


class _Run:
    """One run: what is minimised, when it ends, and where it has been.

    To maximise f is to minimise -f: in here every value and gradient has the sign of what is
    minimised, and what a user sees is turned back.
    """

    def __init__(
        self,
        tool: str,
        f: Callable[..., Value],
        x0: Point,
        maximize: bool,
        eps1: float,
        eps2: float,
        max_steps: int,
        callback: Watcher | None,
        engine: str,
    ) -> None:
        self.tool = tool
        self.sign = -1.0 if maximize else 1.0
        self._scalar = not isinstance(x0, Iterable)
        self._start = as_point(tool, x0, "x0")
        self._eps1 = _number(tool, "eps1", eps1, 0.0, math.inf)
        self._eps2 = _number(tool, "eps2", eps2, 0.0, math.inf)
        self._max_steps = _budget(tool, max_steps)
        if callback is not None and not callable(callback):
            raise TypeError(
                f"{tool}: callback is {callback!r}, which cannot be called; pass a function of one "
                f"Iterate"
            )
        self._callback = callback
        if engine not in ENGINES:
            raise ValueError(f"{tool}: engine must be one of {', '.join(ENGINES)}, got {engine!r}")
        self._evaluator = _Evaluator(ScalarFunction(tool, f, len(self._start)), engine)
        self._path: list[list[float]] = []
        self._values: list[float] = []
        self._best: tuple[list[float], float, list[float]] | None = None
        self._failure = ""

    def iterate(self, rule: Rule, repeats: bool = False) -> Descent:
        """Follow a rule until there is a reason to stop.

        Args:
            rule: the next point, from k, x^k, f there and its gradient.
            repeats: whether a point alone determines the next, so that coming back is for ever.
        """
        x = self._start
        if not all(map(math.isfinite, x)):
            unknown = math.nan, [math.nan] * len(x)
            self._keep(x, *unknown)
            return self._result(
                f"undefined: the start is {_shown(x)}, which is not finite", x, *unknown
            )
        while True:
            value, slopes = self._evaluate(x)
            reason = self._verdict(x, value, slopes)
            if reason and self._evaluator.lowered:
                # The last word is the function's own, and not that of its program.
                value, slopes = self._evaluate(x, afresh=True)
                reason = self._verdict(x, value, slopes)
            if repeats and reason[:4] in ("", "eps1") and self._path:
                reason = self._back_and_forth(x, rule(0, x, value, slopes)) or reason
            self._keep(x, value, slopes)
            if self._watched_stops(x, value, slopes) and not reason:
                reason = f"stopped: the callback asked for it after {_steps(len(self._path) - 1)}"
            if not reason:
                following, reason = self._advance(rule, x, value, slopes)
            if reason:
                return self._result(reason, x, value, slopes)
            x = following

    def search(
        self,
        x: list[float],
        value: float,
        direction: list[float],
        slopes: list[float],
        step: float,
    ) -> tuple[float, list[float]]:
        """Armijo's rule: halve the step until f has fallen by a part of what its slope promises.

        Returns:
            The step and the point.

        Raises:
            _StopError: once the step does not move x any more.
        """
        slope = ieee.sum(*[d * s for d, s in zip(direction, slopes)])
        while True:
            following = [x_i + step * d for x_i, d in zip(x, direction)]
            if following == x:
                raise _StopError(
                    f"stalled: no step makes f better by what its slope promises, down to those "
                    f"too short to move x; the norm of the gradient is {math.hypot(*slopes):.3g}"
                )
            if all(map(math.isfinite, following)):
                trial = self._trial(following)
                if trial <= value + ARMIJO * step * slope:
                    return step, following
            step *= 0.5

    def _advance(
        self, rule: Rule, x: list[float], value: float, slopes: list[float]
    ) -> tuple[list[float], str]:
        """The next point, or the same and the reason why there is none."""
        k = len(self._path) - 1
        try:
            following = rule(k, x, value, slopes)
        except _StopError as error:
            return x, str(error)
        if following == x:
            norm = math.hypot(*slopes)
            return x, (
                f"stalled: the step is too short to move x; the norm of the gradient is {norm:.3g}"
            )
        if not all(map(math.isfinite, following)):
            return x, f"diverged: step {k + 1} leads to a point that is not finite"
        return following, ""

    def _evaluate(self, x: list[float], afresh: bool = False) -> tuple[float, list[float]]:
        """The value and gradient of what is minimised; nan where f raises for want of a value."""
        self._failure = ""
        try:
            value, slopes = self._evaluator(x, afresh)
        except _UndefinedError as error:
            if not self._path and error.__cause__ is not None:
                raise error.__cause__ from None  # A mistake in f shows at the start.
            self._failure = str(error)
            return math.nan, [math.nan] * len(x)
        return self.sign * value, [self.sign * slope for slope in slopes]

    def _trial(self, x: list[float]) -> float:
        """The value alone, as ``_evaluate``."""
        try:
            return self.sign * self._evaluator.value(x)
        except _UndefinedError:
            return math.nan

    def _verdict(self, x: list[float], value: float, slopes: list[float]) -> str:
        """Why the run is over at a point; empty if it is not."""
        k = len(self._path)
        if not math.isfinite(value):
            what = self._failure or f"f is {self.sign * value!r}"
            kind = "diverged" if k and math.isinf(value) else "undefined"
            if value == -math.inf and k:
                return f"diverged: {what} after {_steps(k)}; there may be no best x"
            return f"{kind}: {what} {self._where(k, x)}"
        if not all(map(math.isfinite, slopes)):
            return f"undefined: the gradient is {_shown(self._turned(slopes))} {self._where(k, x)}"
        if k and value - self._values[0] > GROWTH * (1.0 + abs(self._values[0])):
            return (
                f"diverged: f went from {self.sign * self._values[0]:.6g} to "
                f"{self.sign * value:.6g} in {_steps(k)}; take shorter ones"
            )
        norm = math.hypot(*slopes)
        if norm < self._eps2 or norm == 0.0:
            comparison = "is 0" if norm == 0.0 else f"= {norm:.3g} < {self._eps2:g}"
            return f"eps2: the norm of the gradient {comparison}"
        change = abs(value - self._values[-1]) if k else math.inf
        if change < self._eps1 and not self._leapt(x, slopes):
            return f"eps1: |f(x^{k}) - f(x^{k - 1})| = {change:.3g} < {self._eps1:g}"
        if k == self._max_steps:
            return (
                f"budget: {_steps(k)} {'is' if k == 1 else 'are'} spent; the norm of the gradient "
                f"is {norm:.3g}, and f changed by "
                + (f"{change:.3g} in the last" if k else "nothing yet")
            )
        return ""

    def _where(self, k: int, x: list[float]) -> str:
        hint = "start elsewhere"
        if k and self.tool != "newton":  # which has no step to choose
            hint = "take shorter steps" + ", or backtracking" * (self.tool == "gradient_descent")
        return f"after {_steps(k)}, at x = {_shown(x)}; {hint}"

    def _leapt(self, x: list[float], slopes: list[float]) -> bool:
        """Whether the last step has gone from one side of a valley to the other.

        Then f may be as high as before, by chance or, for x^2 and a step of 1, everywhere; but it
        rises along the step.
        """
        rise = ieee.sum(*[slope * (a - b) for slope, a, b in zip(slopes, x, self._path[-1])])
        return rise > self._eps1

    def _back_and_forth(self, x: list[float], following: list[float]) -> str:
        """Whether the next step undoes the last one, as far as rounding lets it."""
        before = self._path[-1]
        step = max(abs(a - b) for a, b in zip(x, before))
        if max(abs(a - b) for a, b in zip(following, before)) > 1e-9 * step:
            return ""
        return (
            "oscillates: x goes back and forth between two points; take shorter steps, or let them "
            "shrink with k"
        )

    def _keep(self, x: list[float], value: float, slopes: list[float]) -> None:
        self._path.append(x)
        self._values.append(value)
        if math.isfinite(value) and (self._best is None or value <= self._best[1]):
            self._best = x, value, slopes

    def _watched_stops(self, x: list[float], value: float, slopes: list[float]) -> bool:
        if self._callback is None:
            return False
        k = len(self._path) - 1
        gradient = self._form(self._turned(slopes))
        return bool(self._callback(Iterate(k, self._form(x), self.sign * value, gradient)))

    def _result(self, reason: str, x: list[float], value: float, slopes: list[float]) -> Descent:
        converged = reason.startswith("eps")
        if not converged and self._best is not None:
            x, value, slopes = self._best
        return Descent(
            x=self._form(x),
            value=self.sign * value,
            gradient=self._form(self._turned(slopes)),
            converged=converged,
            reason=reason,
            steps=len(self._path) - 1,
            path=[self._form(x) for x in self._path],
            values=[self.sign * value for value in self._values],
        )

    def _turned(self, slopes: list[float]) -> list[float]:
        return [self.sign * slope for slope in slopes]

    def _form(self, numbers: list[float]) -> Any:
        return numbers[0] if self._scalar else list(numbers)


class _Evaluator:
    """f and its gradient at one point after another: from the graph, then from a program.

    A program stands for the graph that it was made from, and f may record another one elsewhere. So
    whatever it says is compared with what f gives for plain floats, at a tenth of the cost of a
    recording; where that is no answer, or another number, f is recorded and the graphs compared.
    """

    # Lowering takes as long as some 25 recordings with their sweeps, and loads NumPy the first
    # time, which is as long as some 10,000 nodes take.
    RECORDINGS = 25
    NODES = 10_000
    AGREEMENT = 1e-12
    DOUBTS = 50

    def __init__(self, function: ScalarFunction, engine: str) -> None:
        self._function = function
        self._engine = engine
        self._programs: Programs | None = None
        self._recordings = 0
        self._lower_at = 1 if engine == "numpy" else 0
        self._evaluations = 0
        self._doubts = 0

    @property
    def lowered(self) -> bool:
        """Whether there is a program."""
        return self._programs is not None

    def __call__(self, point: list[float], afresh: bool = False) -> tuple[float, list[float]]:
        """The value and the gradient; ``afresh``: from a new recording in any case."""
        if self._programs is not None and not afresh:
            value, slopes = self._programs.value_and_gradient(_array(point))
            if self._stands(point, value):
                found: list[float] = slopes.tolist()
                return value, found
            self._doubt()
        root, leaves = self._record(point)
        return root.data, list(grad(root, leaves))

    def value(self, point: list[float]) -> float:
        """The value alone."""
        if self._programs is not None:
            value = self._programs.value(_array(point))
            if self._stands(point, value):
                return value
            self._doubt()
        return self._record(point)[0].data

    def _stands(self, point: list[float], value: float) -> bool:
        """Whether the program may be believed here without a new recording."""
        self._evaluations += 1
        if self._evaluations & (self._evaluations - 1) == 0:
            return False
        import numpy

        # An f that calls NumPy would warn of what has an infinity or a nan as a Value.
        with numpy.errstate(all="ignore"):
            plain = self._function.plain(point)
        return plain is not None and abs(plain - value) <= self.AGREEMENT * abs(plain)

    def _doubt(self) -> None:
        """Give up programs that have to be looked at more often than not: that is no faster."""
        self._doubts += 1
        if self._engine == "auto" and self.DOUBTS < self._doubts > self._evaluations / 2:
            self._programs, self._engine = None, "python"

    def _record(self, point: list[float]) -> tuple[Value, list[Value]]:
        """The graph at a point; a program that is not of this graph goes, or one may come."""
        leaves = self._function.leaves(point)
        try:
            root = self._function(leaves)
        except (ArithmeticError, ValueError) as error:
            raise _UndefinedError(f"f raises {type(error).__name__} ({error})") from error
        if self._programs is not None:
            if signature(root, leaves) != self._programs.signature:
                self._programs = None
                # To lower again pays off later each time, if f keeps changing.
                self._recordings, self._lower_at = 0, 2 * self._lower_at
        elif self._engine != "python":
            self._recordings += 1
            if not self._lower_at:
                nodes = len(consumers_first(root))
                self._lower_at = max(self.RECORDINGS, self.NODES // nodes)
            if self._recordings >= self._lower_at:
                self._lower(root, leaves)
        return root, leaves

    def _lower(self, root: Value, leaves: list[Value]) -> None:
        from ..lowering import LoweringError
        from ..lowering.function import Programs

        try:
            programs = Programs(root, leaves)
            programs.value_and_gradient(_array([leaf.data for leaf in leaves]))
        except LoweringError:
            if self._engine == "numpy":
                raise
            self._engine = "python"
        else:
            self._programs, self._evaluations, self._doubts = programs, 0, 0


def _array(point: list[float]) -> Any:
    import numpy

    return numpy.array(point)


def _step_size(tool: str, step: StepSize) -> Callable[[int], float]:
    """The length of step k; 0 raises ``_StopError``."""
    if not callable(step):
        _number(tool, "step", step, 0.0, math.inf)

    def size(k: int) -> float:
        if callable(step):
            eta, name = _number(tool, f"step({k})", step(k), 0.0, math.inf), f"step({k})"
        else:
            eta, name = float(step), "step"
        if eta == 0.0:
            raise _StopError(f"zero step: {name} is 0, so x stays as it is; take a positive one")
        return eta

    return size


def _number(tool: str, name: str, given: Any, low: float, below: float) -> float:
    try:
        number = real(given)
    except TypeError as error:
        raise TypeError(f"{tool}: {name}: {error}") from None
    if not low <= number < below:
        raise ValueError(
            f"{tool}: {name} is {given!r}, expected a number >= {low:g}"
            + ("" if below == math.inf else f" and < {below:g}")
        )
    return number


def _budget(tool: str, max_steps: int) -> int:
    if isinstance(max_steps, bool) or not isinstance(max_steps, numbers.Integral):
        raise TypeError(f"{tool}: max_steps is {max_steps!r}, expected a whole number")
    if max_steps < 0:
        raise ValueError(f"{tool}: max_steps is {max_steps}, expected at least 0")
    return int(max_steps)


def _steps(count: int) -> str:
    return f"{count} step{'s' * (count != 1)}"


def _shown(point: Sequence[float]) -> str:
    return f"[{', '.join(f'{x:.6g}' for x in point[:4])}{', ...' * (len(point) > 4)}]"
