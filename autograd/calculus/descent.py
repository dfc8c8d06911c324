"""Iterative minimisation: the lecture's trivial algorithm, gradient descent, and Newton's method.

Each starts at a point x^0 and goes from x^k to x^(k+1) until a criterion of convergence is met
(slides "The Approach of Gradient Descent" to "Overall Gradient Descent Algorithm"). They share one
loop, ``_Run.iterate``, which alone decides when to stop and says why; a method is a rule for the
next point.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeAlias, TypeVar

import numpy

from ..checking.differences import EPSILON
from ..core import ieee, ops
from ..core.decisions import warn
from ..core.scalar_function import ConstantFunction, as_point
from ..lines import fitted
from ..lowering.automatic import DepartedError, Followed, UndefinedError
from ..lowering.backends import named_backend
from ..options import one_by_one
from ..text import counted, got, number_within, whole_number
from ..text import point as point_text
from .critical import units_of
from .derivatives import Array, Function, Plain, Point

StepSize: TypeAlias = "float | Callable[[int], float]"
Watcher: TypeAlias = "Callable[[Iterate], Any]"


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


@dataclass(frozen=True, repr=False)
class Descent:
    """A descent, or an ascent, from its start to where it stopped, shown as a summary.

    Attributes:
        x: the last point if the run converged, else the best one on the path, which of a run that
            diverged may be the start. It is of the form that the start was given in: a float, or a
            list of D floats.
        value: f there.
        gradient: of f there, of the form of x.
        converged: whether a criterion of convergence was met.
        reason: what stopped the run, and the numbers that were compared. It begins with one of
            ``eps1`` (f hardly changed), ``eps2`` (the gradient is nearly 0), ``rounding`` (of
            Newton's method: floats allow no better point), and of a run that did not converge
            ``budget``, ``diverged``, ``undefined``, ``oscillates``, ``stalled``, ``zero step``,
            ``stopped``.
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
    path: list[Any]
    values: list[float]

    def __repr__(self) -> str:
        return fitted(self.line)

    @property
    def line(self) -> str:
        """Where it ended and why, in one line."""
        verdict = "converged" if self.converged else "not converged"
        x = point_text(self.x) if isinstance(self.x, list) else f"{self.x:.6g}"
        where = f"{' at' if self.converged else ', best at'} x = {x}, f = {self.value:.6g}"
        return f"{verdict} after {counted(self.steps, 'step')}{where}; {self.reason}"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the three methods can be asked for.

    Attributes:
        maximize: go up instead.
        eps1: converged as soon as |f(x^(k+1)) - f(x^k)| is below it, in the units of f; 0 for
            never. It does not count where the step has leapt across a valley, and f rises by more
            than that, and by more than its rounding, along it. With short steps f changes little
            anywhere: then look at the norm of the gradient, which the reason has as well.
        eps2: converged as soon as the norm of the gradient is below it, in the units of f over
            those of x, or 0. Both are numbers for an f and an x of about 1; scale them with yours.
        max_steps: the budget.
        callback: called with the ``Iterate`` at each point, the start too; the run stops if what it
            returns is true.
        engine: how f and its gradient are computed: ``"python"`` with Values at every point.
            ``"numpy"``, or another engine of ``lower``, as an array program from the second point
            on. ``"auto"`` changes over to NumPy as soon as the program will likely be worth its
            making. A program is used only as long as its value agrees with what f gives for plain
            floats, or else with a new recording; the recordings are compared as well after 1, 2, 4,
            8, ... evaluations, later at even distances, and where the run stops. An f that
            compares its Values, or reads their numbers, is refused where an engine was named, and
            computed with Values, with a ``RuntimeWarning``, by ``"auto"``. Where only a later
            recording shows that gradients may have been wrong, the run is refused, or by
            ``"auto"`` begun anew with Values: the callback sees it from k = 0 again.
    """

    maximize: bool = False
    eps1: float = 1e-14
    eps2: float = 1e-8
    max_steps: int = 20_000
    callback: Watcher | None = None
    engine: str = "auto"

    def check(self, tool: str) -> None:
        """Refuse what cannot be used.

        Raises:
            TypeError: if an option is of a wrong kind.
            ValueError: if it is out of range.
        """
        number_within(f"{tool}: eps1", self.eps1, 0.0, math.inf)
        number_within(f"{tool}: eps2", self.eps2, 0.0, math.inf)
        whole_number(f"{tool}: max_steps", self.max_steps, 0)
        if self.callback is not None and not callable(self.callback):
            raise TypeError(
                f"{tool}: callback is {got(self.callback)}, which cannot be called; pass a "
                f"function of one Iterate"
            )
        named_backend(self.engine, tool, "auto")


@dataclass(frozen=True, kw_only=True)
class _SignOptions(Options):
    step: StepSize = 0.1


@dataclass(frozen=True, kw_only=True)
class _GradientOptions(Options):
    step: StepSize | None = None
    backtracking: bool = False
    momentum: float = 0.0


@dataclass(frozen=True, kw_only=True)
class _NewtonOptions(Options):
    eps1: float = 0.0
    eps2: float = 0.0
    max_steps: int = 100


Given = ParamSpec("Given")
Chosen = TypeVar("Chosen", bound=Options)


def _taking(
    options: Callable[Given, Chosen],
) -> Callable[
    [Callable[[Function, Point, Chosen], Descent]],
    Callable[Concatenate[Function, Point, Given], Descent],
]:
    """Let a method of f, x0 and options take these one by one, as ``help`` then shows them."""
    return lambda method: one_by_one(_right(method), options)


def _right(method: Callable[[Function, Point, Chosen], Descent]) -> Callable[..., Descent]:
    """A method that begins anew with Values where a program that it has chosen was wrong."""

    @functools.wraps(method)
    def call(f: Function, x0: Point, options: Chosen) -> Descent:
        try:
            return method(f, x0, options)
        except DepartedError as departed:
            warn(f"{departed}; the run was begun anew with Values")
        return method(f, x0, replace(options, engine="python"))

    return call


@_taking(_SignOptions)
def sign_descent(f: Function, x0: Point, options: _SignOptions) -> Descent:
    """The trivial algorithm: x^(k+1) = x^k - sign(f'(x^k)) step, for each coordinate.

    The steps stay as long as they are, so that it cannot come nearer to a minimum than about a
    step, and goes back and forth there: that ends the run as ``oscillates``, unless the step
    shrinks with k.

    Args:
        f: a function of D scalars, or of one list of D, that returns one Value.
        x0: the start, D numbers; a single number for D = 1.
        step: the length of a step along each coordinate; at least 0, or a function of k that
            gives that.
        options: the others are the same for all methods: ``autograd.calculus.descent.Options``
            explains them.

    Returns:
        The run. It also ends, and says so, where f is not defined or grows without bound.

    Raises:
        TypeError: if an argument is of a wrong kind, or f does not return one Value.
        ValueError: if x0 is empty or an option out of range.
    """
    run = _Run("sign_descent", f, x0, options)
    size = _step_size(run.tool, options.step)

    def rule(k: int, at: _At) -> list[float]:
        eta = size(k)
        return [x_i - eta * ops.sign(slope) for x_i, slope in zip(at.x, at.slopes)]

    return run.iterate(rule, repeats=not callable(options.step))


@_taking(_GradientOptions)
def gradient_descent(f: Function, x0: Point, options: _GradientOptions) -> Descent:
    """Gradient descent: x^(k+1) = x^k - eta_k grad f(x^k), or + to maximise.

    Args:
        f: as for ``sign_descent``, and so are x0, the options and the errors.
        x0: the start.
        step: eta, at least 0, or a function of k that gives eta_k. By default 0.1; with
            backtracking 1.
        backtracking: search along each gradient: the step is halved until f decreases by a
            quarter of what the slope promises (Armijo's rule), so that f falls with every step;
            the next search starts at twice the step taken, ``step`` at most. A point where f is
            not defined is stepped back from.
        momentum: in [0, 1): with v^(k+1) = momentum v^k + grad f(x^k), the step is along v.
            Backtracking needs a direction in which f falls, so it excludes momentum.
        options: the others.

    Returns:
        The run.
    """
    run = _Run("gradient_descent", f, x0, options)
    step, backtracking = options.step, options.backtracking
    beta = number_within(f"{run.tool}: momentum", options.momentum, 0.0, 1.0)
    size = _step_size(run.tool, step if step is not None else 1.0 if backtracking else 0.1)
    if beta and backtracking:
        raise ValueError(
            f"{run.tool}: momentum {beta:g} and backtracking exclude each other: the search "
            f"needs a direction in which f falls, and momentum may lead uphill; choose one"
        )
    velocity: list[float] = []
    last = math.inf

    def along(k: int, at: _At) -> list[float]:
        nonlocal velocity
        if velocity and beta:
            velocity = [beta * v + slope for v, slope in zip(velocity, at.slopes)]
        else:
            velocity = at.slopes
        eta = size(k)
        return [x_i - eta * v for x_i, v in zip(at.x, velocity)]

    def searched(k: int, at: _At) -> list[float]:
        nonlocal last
        downhill = [-slope for slope in at.slopes]
        last, following = run.search(at, downhill, min(size(k), 2.0 * last))
        return following

    if backtracking:
        return run.iterate(searched)
    return run.iterate(along, repeats=not (beta or callable(step)))


@_taking(_NewtonOptions)
def newton(f: Function, x0: Point, options: _NewtonOptions) -> Descent:
    """Newton's method: x^(k+1) = x^k - H^-1 grad f(x^k), with the exact Hessian H.

    Near a minimum with a positive definite Hessian the number of right digits doubles with every
    step. Elsewhere H is made to lead downhill by taking its eigenvalues without their signs, so
    that saddles repel, and the step is halved until f decreases. Each step needs a Hessian and its
    eigenvalues: D sweeps, and time of the order of D^3.

    The method knows no units: with f or a coordinate of x in another unit the run is the same, up
    to rounding. For that the eigenvalues are those of H with 1 and -1 on its diagonal, and the run
    has converged where floats allow no better point: the step that is left does not move x, or
    promises to lower f by less than its rounding and brings the gradient no nearer to 0. Towards a
    minimum where f is 0 and H is not positive definite, such as that of x ** 4, the digits come one
    by one and without end: there ``max_steps`` ends the run, or an ``eps2`` of yours.

    Args:
        f: as for ``sign_descent``, and so are x0, the options and the errors.
        x0: the start.
        options: ``engine`` computes f and its gradient; the Hessian comes from ``hessian``. By
            default ``eps1`` and ``eps2`` are 0, as they are numbers with units.

    Returns:
        The run.
    """
    run = _Run("newton", f, x0, options)
    plain = Plain(run.tool, f, len(run.start))
    last = math.inf  # what the last step promised, if it was taken in full
    lowest: list[tuple[list[float], float]] = []  # the last point, and its lowest curvature

    def rule(k: int, at: _At) -> list[float]:
        nonlocal last
        before, last = last, math.inf
        model = _Model(run.sign * _hessian(plain, at), at)
        lowest[:] = [(at.x, model.lowest)]
        direction, promise = model.step(at.slopes)
        if not all(map(math.isfinite, direction)):
            raise _StopError(
                f"diverged: step {k + 1} leads to a point that is not finite, as f hardly curves "
                f"at x = {point_text(at.x)}; it may have no minimum"
            )
        following = [x_i + d for x_i, d in zip(at.x, direction)]
        if following == at.x:
            raise _StopError(model.end("is too short to move x", at))
        if promise <= LEFT * before < math.inf:
            raise _StopError(model.end(f"is the rounding of the last, {before:.3g}", at, promise))
        rounding = 2.0 * EPSILON * abs(at.value)
        if promise > rounding:
            try:
                step, searched = run.search(at, direction, 1.0)
                last = promise if step == 1.0 else math.inf
                return searched
            except _StopError:
                # Numbers on the way to f may be larger than f, and their rounding hides more.
                rounding = plain.rounding(at.x)
                if not promise <= 10.0 * rounding:
                    raise
        # Then f does not show any more whether a step is good, and the gradient has to.
        if all(map(math.isfinite, following)):
            there = run.evaluate(following)
            no_worse = there.value <= at.value + 10.0 * rounding
            if no_worse and model.step(there.slopes)[1] <= 0.01 * promise:
                last = promise
                return following
        raise _StopError(model.end(f"is below the rounding of f, {rounding:.3g}", at, promise))

    found = run.iterate(rule)
    if found.converged and _lowest(plain, run, lowest) < -DOWN:
        # Where the gradient is 0 a step has no direction, be it at a maximum.
        why = "stalled: f curves down from there along some line, so that it is no minimum"
        if options.maximize:
            why = "stalled: f curves up from there along some line, so that it is no maximum"
        return replace(found, converged=False, reason=f"{why}; start elsewhere; {found.reason}")
    return found


def _lowest(plain: Plain, run: _Run, known: list[tuple[list[float], float]]) -> float:
    """The lowest curvature at the last point, in units of the largest; 0 where there is none."""
    for x, curvature in known:
        if x == run.last.x:
            return curvature
    try:
        return _Model(run.sign * _hessian(plain, run.last), run.last).lowest
    except _StopError:
        return 0.0


def _hessian(plain: Plain, at: _At) -> Array:
    try:
        matrix = numpy.array(plain.hessian(at.x))
    except (ArithmeticError, ValueError) as error:
        raise _StopError(
            f"undefined: f raises {type(error).__name__} ({error}) at x = {point_text(at.x)}"
        ) from error
    if not numpy.isfinite(matrix).all():
        raise _StopError(f"undefined: the Hessian is not finite at x = {point_text(at.x)}")
    return matrix


class _Model:
    """The quadratic function that f is like at a point, bent upwards where it falls off."""

    def __init__(self, matrix: Array, at: _At) -> None:
        """Measure each coordinate in a unit of its own, in which units of the user's cancel.

        Args:
            matrix: the Hessian.
            at: the point, and the gradient there.
        """
        with numpy.errstate(all="ignore"):
            self._units = units_of(matrix, at.x, at.value, at.slopes)
            scaled = matrix / self._units / self._units[:, None]
        if not numpy.isfinite(scaled).all():
            raise _StopError(
                f"undefined: the second derivatives at x = {point_text(at.x)} are too far apart "
                f"for floats"
            )
        eigenvalues, self._axes = numpy.linalg.eigh(scaled)
        # Beside others of about 1 and more.
        self.lowest = float(eigenvalues[0])
        # Without their signs the step leads downhill, and uphill to maximise, as the slopes do.
        self._curvatures = numpy.abs(eigenvalues)
        # Where f is flat a step of Newton's has no length; the gradient's own has to do.
        self._flat = self._curvatures <= 1e-14 * self._curvatures.max(initial=0.0)
        self._curvatures[self._flat] = 1.0

    def step(self, slopes: list[float]) -> tuple[list[float], float]:
        """The step to the minimum for a gradient, and by how much that lowers f."""
        along = self._along(slopes)
        with numpy.errstate(all="ignore"):
            direction = -(self._axes @ (along / self._curvatures)) / self._units
            promise = 0.5 * float(along @ (along / self._curvatures))
        return direction.tolist(), promise

    def end(self, why: str, at: _At, promise: float | None = None) -> str:
        """The reason to stop where rounding allows no further step, as far as the model can tell.

        Args:
            why: what is the matter with the step that is left.
            at: the point.
            promise: by how much that step would lower f, if that is what matters.
        """
        what = "the step that is left"
        if promise is not None:
            what = f"what the step that is left would lower f by, {promise:.3g},"
        reason = f"{what} {why}; the norm of the gradient is {at.norm:.3g}"
        along = self._along(at.slopes)
        # Beyond what rounding leaves of the slope across, and of f.
        rounding = max(1e-12 * _norm(along), 1e3 * EPSILON * math.sqrt(abs(at.value)))
        if _norm(along[self._flat]) > rounding:
            return (
                f"stalled: {reason}, and f slopes where its Hessian is 0 to rounding, so that "
                f"nothing says how far it goes down"
            )
        return f"rounding: {reason}"

    def _along(self, slopes: list[float]) -> Array:
        with numpy.errstate(all="ignore"):
            along: Array = self._axes.T @ (numpy.array(slopes) / self._units)
        return along


def _norm(numbers: Array) -> float:
    return float(numpy.linalg.norm(numbers))


class _At(NamedTuple):
    """A point, and there the value and the gradient of what is minimised."""

    x: list[float]
    value: float
    slopes: list[float]

    @property
    def norm(self) -> float:
        return math.hypot(*self.slopes)


Rule: TypeAlias = Callable[[int, _At], list[float]]


class _StopError(Exception):
    """There is no next point; the message is the reason."""


# The part of what a step of Newton's has promised that its own rounding may leave.
LEFT = 1e-28
# A curvature below that is no rounding of 0, where the largest are about 1.
DOWN = 1e-7
# What the reasons of runs that converged begin with.
CONVERGED = ("eps", "rounding")
# What f may grow to, above where it started and in multiples of that, before a run is given up.
GROWTH = 1e12
# The part of what the slope promises that a step has to make true. With less of it steps may bounce
# from one side of a valley to the other and come down by next to nothing.
ARMIJO = 0.25
# After so many of them nothing is left of the largest float.
HALVINGS = 3200


class _Run:
    """One run: what is minimised, when it ends, and where it has been.

    To maximise f is to minimise -f: in here every value and gradient has the sign of what is
    minimised, and what a user sees is turned back.
    """

    def __init__(self, tool: str, f: Function, x0: Point, options: Options) -> None:
        options.check(tool)
        self.tool, self._options = tool, options
        self.sign = -1.0 if options.maximize else 1.0
        self._scalar = not isinstance(x0, Iterable) or getattr(x0, "shape", None) == ()
        self.start = as_point(tool, x0, "x0")
        self._function = Followed(ConstantFunction(tool, f, len(self.start)), options.engine)
        self._path: list[list[float]] = []
        self._values: list[float] = []
        self._best: _At | None = None
        self.last = _At(self.start, math.nan, [math.nan] * len(self.start))
        self._failure = ""

    def iterate(self, rule: Rule, repeats: bool = False) -> Descent:
        """Follow a rule until there is a reason to stop.

        Args:
            rule: the next point, from k and what is known at x^k.
            repeats: whether a point alone determines the next, so that coming back is for ever.
        """
        x = self.start
        if not all(map(math.isfinite, x)):
            at = _At(x, math.nan, [math.nan] * len(x))
            self._keep(at)
            return self._result(f"undefined: the start is {point_text(x)}, which is not finite", at)
        while True:
            at = self.evaluate(x)
            reason = self._verdict(at)
            if reason and self._function.lowered:
                # The last word is the function's own, and not that of its program.
                at = self.evaluate(x, afresh=True)
                reason = self._verdict(at)
            if repeats and reason[:4] in ("", "eps1") and self._path:
                reason = self._back_and_forth(x, rule(0, at)) or reason
            self._keep(at)
            if self._watched_stops(at) and not reason:
                steps = counted(len(self._path) - 1, "step")
                reason = f"stopped: the callback asked for it after {steps}"
            if not reason:
                try:
                    x = self._next(rule, at)
                except _StopError as error:
                    reason = str(error)
            if reason:
                return self._result(reason, at)

    def search(self, at: _At, direction: list[float], step: float) -> tuple[float, list[float]]:
        """Armijo's rule: halve the step until f has fallen by a part of what its slope promises.

        Returns:
            The step and the point.

        Raises:
            _StopError: once the step does not move x any more.
        """
        for _ in range(HALVINGS):
            following = [x_i + step * d for x_i, d in zip(at.x, direction)]
            if following == at.x:
                break
            if all(map(math.isfinite, following)):
                # Of the step itself: the slope along the direction may be beyond all floats.
                change = ieee.sum(*[(b - a) * s for a, b, s in zip(at.x, following, at.slopes)])
                if self._trial(following) <= at.value + ARMIJO * change:
                    return step, following
            step *= 0.5
        raise _StopError(
            f"stalled: no step makes f better by a quarter of what its slope promises, down to "
            f"those too short to move x; the norm of the gradient is {at.norm:.3g}"
        )

    def _next(self, rule: Rule, at: _At) -> list[float]:
        k = len(self._path) - 1
        following = rule(k, at)
        if following == at.x:
            raise _StopError(
                f"stalled: the step is too short to move x; the norm of the gradient is "
                f"{at.norm:.3g}"
            )
        if not all(map(math.isfinite, following)):
            raise _StopError(f"diverged: step {k + 1} leads to a point that is not finite")
        return following

    def evaluate(self, x: list[float], afresh: bool = False) -> _At:
        """What is minimised, at a point; nan where f raises for want of a value."""
        self._failure = ""
        try:
            value, slopes = self._function(x, afresh)
        except UndefinedError as error:
            if not self._path and error.__cause__ is not None:
                raise error.__cause__ from None  # A mistake in f shows at the start.
            self._failure = str(error)
            return _At(x, math.nan, [math.nan] * len(x))
        return _At(x, self.sign * value, self._turned(slopes))

    def _trial(self, x: list[float]) -> float:
        """The value alone, as ``evaluate``."""
        try:
            return self.sign * self._function.value(x)
        except UndefinedError:
            return math.nan

    def _verdict(self, at: _At) -> str:
        """Why the run is over at a point; empty if it is not."""
        k, (x, value, slopes) = len(self._path), at
        if not math.isfinite(value):
            what = self._failure or f"f is {self.sign * value!r}"
            kind = "diverged" if k and math.isinf(value) else "undefined"
            if value == -math.inf and k:
                return f"diverged: {what} after {counted(k, 'step')}; there may be no best x"
            return f"{kind}: {what} {self._where(k, x)}"
        if not all(map(math.isfinite, slopes)):
            return (
                f"undefined: the gradient is {point_text(self._turned(slopes))} {self._where(k, x)}"
            )
        if k and value - self._values[0] > GROWTH * (1.0 + abs(self._values[0])):
            return (
                f"diverged: f went from {self.sign * self._values[0]:.6g} to "
                f"{self.sign * value:.6g} in {counted(k, 'step')}; take shorter ones"
            )
        norm = at.norm
        if norm < self._options.eps2 or norm == 0.0:
            comparison = "is 0" if norm == 0.0 else f"= {norm:.3g} < {self._options.eps2:g}"
            start = " already at the start; if f or x is in small units, take a smaller eps2"
            return f"eps2: the norm of the gradient {comparison}{start * (k == 0 and norm > 0.0)}"
        change = abs(value - self._values[-1]) if k else math.inf
        if change < self._options.eps1 and not self._leapt(x, slopes):
            return (
                f"eps1: |f(x^{k}) - f(x^{k - 1})| = {change:.3g} < {self._options.eps1:g}; the "
                f"norm of the gradient is {norm:.3g}"
            )
        if k == self._options.max_steps:
            return (
                f"budget: {counted(k, 'step')} {'is' if k == 1 else 'are'} spent; the norm of the "
                f"gradient is {norm:.3g}, and f changed by "
                + (f"{change:.3g} in the last" if k else "nothing yet")
            )
        return ""

    def _where(self, k: int, x: list[float]) -> str:
        hint = "start elsewhere"
        if k and self.tool != "newton":  # which has no step to choose
            hint = "take shorter steps" + ", or backtracking" * (self.tool == "gradient_descent")
        return f"after {counted(k, 'step')}, at x = {point_text(x)}; {hint}"

    def _leapt(self, x: list[float], slopes: list[float]) -> bool:
        """Whether the last step has gone from one side of a valley to the other.

        Then f may be as high as before, by chance or, for x^2 and a step of 1, everywhere; but it
        rises along the step.
        """
        rise = ieee.sum(*[slope * (a - b) for slope, a, b in zip(slopes, x, self._path[-1])])
        before = self._values[-1]
        return rise > max(self._options.eps1, 4.0 * EPSILON * abs(before))

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

    def _keep(self, at: _At) -> None:
        self.last = at
        self._path.append(at.x)
        self._values.append(at.value)
        if math.isfinite(at.value) and (self._best is None or at.value <= self._best.value):
            self._best = at

    def _watched_stops(self, at: _At) -> bool:
        watch = self._options.callback
        return watch is not None and bool(watch(Iterate(len(self._path) - 1, *self._given(at))))

    def _result(self, reason: str, at: _At) -> Descent:
        converged = reason.startswith(CONVERGED)
        return Descent(
            *self._given(at if converged or self._best is None else self._best),
            converged=converged,
            reason=reason,
            steps=len(self._path) - 1,
            path=[self._form(x) for x in self._path],
            values=self._turned(self._values),
        )

    def _given(self, at: _At) -> tuple[Any, float, Any]:
        """A point, the value and the gradient of f, as they are given to the user."""
        return self._form(at.x), self.sign * at.value, self._form(self._turned(at.slopes))

    def _turned(self, numbers: list[float]) -> list[float]:
        return [self.sign * number for number in numbers]

    def _form(self, numbers: list[float]) -> Any:
        return numbers[0] if self._scalar else list(numbers)


def _step_size(tool: str, step: StepSize) -> Callable[[int], float]:
    """The length of step k; 0 raises ``_StopError``."""
    if not callable(step):
        number_within(f"{tool}: step", step, 0.0, math.inf)

    def size(k: int) -> float:
        if callable(step):
            name = f"step({k})"
            eta = number_within(f"{tool}: {name}", step(k), 0.0, math.inf)
        else:
            eta, name = float(step), "step"
        if eta == 0.0:
            raise _StopError(f"zero step: {name} is 0, so x stays as it is; take a positive one")
        return eta

    return size
