"""A descent on an expression, as a class looks at it: its way, its end, and what kind of point.

An expression and a point go in, with what is asked of the method; text goes to standard output. The
methods are those of ``calculus.descent``, which needs NumPy: so this is loaded when it is needed.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..calculus.critical import classify_critical_point
from ..calculus.descent import Descent, Iterate, gradient_descent, newton, sign_descent
from ..core import Value
from ..lines import GAP, align, columns, table, width
from ..text import DIGITS, counted, in_full
from . import expression
from .expression import Expression, ExpressionError
from .terminal import say, tell

METHODS: Mapping[str, Callable[..., Descent]] = {
    "gradient": gradient_descent,
    "newton": newton,
    "sign": sign_descent,
}
# What each is called, down and up.
NAMES = {
    "gradient": ("gradient descent", "gradient ascent"),
    "newton": ("Newton's method", "Newton's method, upwards"),
    "sign": ("sign descent", "sign ascent"),
}
_SHOWN = ("step", "momentum", "backtracking")  # options that the first line tells of
FIRST = 5  # steps that are shown each; later ones where they are 10, 20, 50, 100, ...


def minimize(
    read: Expression,
    letter: str,
    numbers: Mapping[str, float],
    by: Sequence[str],
    method: str,
    options: Mapping[str, Any],
    whole_path: bool,
) -> bool:
    """Go down from a point, and print the way, the end and what kind of point that is.

    Args:
        read: the expression.
        letter: what it is called, which the methods call f.
        numbers: where to begin: a number for each of its inputs.
        by: the inputs that move.
        method: one of ``METHODS``.
        options: what is asked of the method; ``step`` is a text, a number or a formula of ``k``.
        whole_path: whether every step is shown.

    Returns:
        Whether it converged.

    Raises:
        ValueError: if the method has no such option, or not of such a number, or the result does
            not depend on what moves.
    """
    run, maximize = METHODS[method], bool(options.get("maximize"))
    name = NAMES[method][maximize]
    for option in options:
        if option not in inspect.signature(run).parameters:
            raise ExpressionError(f"{name} has no {option}: leave --{option} out")
    fixed = {other: x for other, x in numbers.items() if other not in by}
    start = [numbers[other] for other in by]
    f: Callable[..., Any] = read.function(by, fixed)
    if not isinstance(f(*map(Value, start)), Value):
        raise ExpressionError(f"the result does not depend on {', '.join(by)}; choose with --by")
    step = {"step": _step(options["step"])} if "step" in options else {}
    iterates: list[Iterate] = []

    def keep(at: Iterate) -> None:
        iterates[at.k :] = [at]  # for a run may be begun anew

    found = run(f, start, callback=keep, **{**options, **step})
    chosen = [
        option if value is True else f"{option} {value}"
        for option, value in options.items()
        if option in _SHOWN
    ]
    tell(", ".join([f"{name} by {', '.join(by)}", *chosen]))
    if iterates:
        say("\n".join(["", *_path(iterates, by, letter, whole_path), ""]))
    verdict = "converged" if found.converged else "not converged"
    tell(f"{verdict} after {counted(found.steps, 'step')}; {_of(letter, found.reason)}")
    if not math.isfinite(found.value):
        return False
    where = "" if found.converged else ", the best point on the way"
    rows = [("name", "value", "derivative")]
    rows += [(n, in_full(x), in_full(d + 0.0)) for n, x, d in zip(by, found.x, found.gradient)]
    say("\n".join(["", f"{letter} = {in_full(found.value)}{where}", "", *table(rows), ""]))
    try:
        tell(_of(letter, classify_critical_point(f, found.x).line))
    except ValueError as error:
        tell(str(error))
    return found.converged


def _of(letter: str, said: str) -> str:
    """What is said of a function f, for one that is called otherwise."""
    return re.sub(r"\bf\b", letter, said)


def _step(text: str) -> float | Callable[[int], float]:
    """The length of a step: a number, or a formula of the step's own number, from 0."""
    formula = expression.parse(text)
    if set(formula.inputs) <= {"k"}:
        if "k" not in formula.inputs:
            return expression.read_number("--step", text)
        of_k = formula.function(["k"], {})
        return lambda k: of_k(float(k))  # type: ignore[return-value]  # of floats a float
    other = next(name for name in formula.inputs if name != "k")
    raise ExpressionError(
        f"--step is a number such as 0.1, or a formula of k, the number of the step, such as "
        f"'0.5/(k+1)', and not of {other}"
    )


def _path(iterates: Sequence[Iterate], by: Sequence[str], letter: str, whole: bool) -> list[str]:
    """The way as a table, as wide as a terminal: of many steps some, of many names the first."""
    last = len(iterates) - 1
    shown = iterates if whole else [at for at in iterates if _is_shown(at.k) or at.k == last]
    cells = [["step", *[f"{at.k}" for at in shown]]]
    cells.append([letter, *_rounded([at.value for at in shown])])
    cells.append(["|gradient|", *[f"{math.hypot(*at.gradient):.3g}" for at in shown]])
    for i, name in enumerate(by):
        cells.append([name, *_rounded([at.x[i] for at in shown])])
    used, fitting = -len(GAP), list[list[str]]()
    for column in cells:
        used += max(map(columns, column)) + len(GAP)
        if used > width():
            break
        fitting.append(column)
    lines = align(list(zip(*fitting)))
    left_out = len(cells) - len(fitting)
    return [*lines, f"({counted(left_out, 'name')} left out of the table)"] if left_out else lines


def _rounded(numbers: Sequence[float]) -> list[str]:
    """Numbers of one column, all to six digits: they are told in full where the way has ended."""
    return [f"{number + 0.0:.{DIGITS}g}" for number in numbers]


def _is_shown(k: int) -> bool:
    return k <= FIRST or k in (round(c * 10.0 ** (len(str(k)) - 1)) for c in (1, 2, 5))
