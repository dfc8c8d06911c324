"""How the tools of this layer call a user's function of Values.

A function of D inputs may be written on D scalars, ``f(x, y)``, or on one list, ``f(xs)``. Here the
numbers of a point become labelled leaves, f is called in the way it is written, and what it
returns is checked, so that a tool can simply ask for the Value at a point.
"""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any

from ..text import counted, got, real
from .value import Value


def as_point(tool: str, xs: float | Iterable[float], called: str = "xs") -> list[float]:
    """The D coordinates of a point as floats; a single number is a point with D = 1.

    Args:
        tool: who asks, for the error messages.
        xs: a real number, or D >= 1 of them.
        called: what the caller calls them.

    Raises:
        TypeError: if something is no real number.
        ValueError: if there are no numbers.
    """
    if isinstance(xs, (Set, Mapping)):
        raise TypeError(
            f"{tool}: {called} is a {type(xs).__name__}, which has no first and second; pass a list"
        )
    try:
        # A string has no numbers in it; neither has an array without axes, which raises.
        several = None if isinstance(xs, (str, bytes)) else iter(xs)  # type: ignore[arg-type]
    except TypeError:
        several = None
    if several is None:
        named: list[tuple[str, Any]] = [(called, xs)]
    else:
        named = [(f"{called}[{i}]", x) for i, x in enumerate(several)]
    if not named:
        raise ValueError(f"{tool}: {called} is empty; pass a number, or a list of one at least")
    point = []
    for name, x in named:
        if isinstance(x, Value):
            raise TypeError(f"{tool}: {name} is {x!r}, but a point is made of floats; pass .data")
        try:
            point.append(real(x))
        except TypeError as error:
            raise TypeError(f"{tool}: {name}: {error}") from None
    return point


class ScalarFunction:
    """A user's function of D inputs, to be called on D Values however it takes them.

    Its signature decides: D parameters without a default, or ``*args``, take scalars, and a single
    one takes a list. For D = 1 it takes a trial: the scalar first, and the list if that is a
    ``TypeError``.

    Attributes:
        names: what f calls its D inputs: ``x, y`` or ``xs[0], xs[1]``.
    """

    def __init__(self, tool: str, f: Callable[..., Any], size: int) -> None:
        """Settle how to call f.

        Args:
            tool: who asks, for the error messages.
            f: the function.
            size: D.

        Raises:
            TypeError: if f cannot be called, or takes neither D scalars nor one list.
        """
        if not callable(f):
            raise TypeError(
                f"{tool}: f is {got(f)}, which cannot be called; "
                f"pass the function itself, such as lambda x: x * x"
            )
        self._tool = tool
        self._f = f
        positional, spreads = _positional(f)
        required = sum(p.default is p.empty for p in positional)
        first = positional[0].name if positional else "x"
        if size == 1 and required <= 1 and (positional or spreads):
            self._takes_list: bool | None = None
            self.names = [first]
        elif spreads and required <= size:
            self._takes_list = False
            self.names = [f"x[{i}]" for i in range(size)]
        elif required != 1 and size in (required, len(positional)):
            self._takes_list = False
            self.names = [p.name for p in positional[:size]]
        elif required == 1 or len(positional) == 1:
            self._takes_list = True
            self.names = [f"{first}[{i}]" for i in range(size)]
        else:
            raise TypeError(
                f"{tool}: f takes {counted(required or len(positional), 'argument')}, but the "
                f"point has {counted(size, 'coordinate')}; write f on {counted(size, 'scalar')} "
                f"or on one list, or pass as many numbers as f takes"
            )

    def leaves(self, point: Sequence[float]) -> list[Value]:
        """D new leaves at a point, labelled with the names of the inputs."""
        return [Value(x, name) for x, name in zip(point, self.names)]

    def results(self, xs: Sequence[Value]) -> Any:
        """Whatever f returns for D Values.

        Raises:
            TypeError: for D = 1, if f takes neither the Value nor a list of it.
        """
        if self._takes_list is not None:
            return self._f(list(xs)) if self._takes_list else self._f(*xs)
        try:
            result = self._f(xs[0])
        except TypeError as on_scalar:
            try:
                result = self._f(list(xs))
            except TypeError as on_list:
                raise TypeError(
                    f"{self._tool}: f takes neither a Value ({on_scalar}) "
                    f"nor a list of one Value ({on_list})"
                ) from on_scalar
            self._takes_list = True
        else:
            self._takes_list = False
        return result

    def __call__(self, xs: Sequence[Value]) -> Value:
        """The one Value that f returns for D Values.

        Raises:
            TypeError: if it returns anything else; the message says what is likely wrong with f.
        """
        result = self.results(xs)
        if isinstance(result, Value):
            return result
        raise TypeError(
            f"{self._tool}: f must return one Value, but it returned {got(result)}; "
            f"{self._remedy(result, xs)}"
        )

    def entries(self, xs: Sequence[Value]) -> Value | list[Value]:
        """The list of K Values, or the one Value, that f returns for D Values.

        Raises:
            TypeError: if it returns anything but Values, or none at all.
        """
        result = self.results(xs)
        if isinstance(result, Value):
            return result
        if not hasattr(result, "__len__") or isinstance(result, (str, bytes, dict)):
            raise TypeError(
                f"{self._tool}: f must return a list of Values, but it returned "
                f"{got(result)}; {self._remedy(result, xs)}"
            )
        entries = list(result)
        for i, entry in enumerate(entries):
            if not isinstance(entry, Value):
                raise TypeError(
                    f"{self._tool}: f must return a list of Values, but entry {i} is "
                    f"{got(entry)}; if it is a constant, return it as a Value"
                )
        if not entries:
            raise TypeError(f"{self._tool}: f returned an empty vector; return one Value at least")
        return entries

    def plain(self, point: Sequence[float]) -> float | None:
        """What f itself makes of D plain floats; None if it does not take them to a number.

        Few functions of Values mind, as the operators and autograd's functions take both. For D = 1
        this needs one call with a Value before.
        """
        try:
            result = self._f(list(point)) if self._takes_list else self._f(*point)
            return result.data if isinstance(result, Value) else real(result)
        except Exception:  # Whatever it is, it may be no fault of f, which is one of Values.
            return None

    def _remedy(self, result: object, xs: Sequence[Value]) -> str:
        if result is None:
            return "end it with a return statement"
        if isinstance(result, bool):
            return "a comparison has no derivative; to choose between Values use autograd.where"
        if isinstance(result, numbers.Real):
            if self._follows(result, xs):
                return (
                    "the number changes with the inputs, so f has lost the graph: somewhere it "
                    "takes .data or computes past the Values; use the Values themselves and "
                    "autograd's functions all the way"
                )
            return (
                "the number does not change with the inputs, so f is likely constant, with the "
                "derivative 0; if that is meant, return it as a Value"
            )
        if hasattr(result, "__len__") and not isinstance(result, (str, bytes, dict)):
            return (
                "it is a vector; return one of its entries or their sum, or differentiate them all "
                "by autograd.jacobian(f, xs), or along one direction by autograd.jvp(f, xs, v)"
            )
        return "return what the operations on the Values give"

    def _follows(self, result: object, xs: Sequence[Value]) -> bool:
        # Each input is moved by another amount, lest f be a difference that stays the same.
        moved = [
            Value(x.data + 0.013 * (i + 1) * max(1.0, abs(x.data)), x.label)
            for i, x in enumerate(xs)
        ]
        try:
            return bool(self.results(moved) != result)
        except Exception:  # An error of f's own out there would hide the message that is due.
            return False


def _positional(f: Callable[..., Any]) -> tuple[list[inspect.Parameter], bool]:
    """The parameters that f takes by position, and whether it takes any number of them."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):  # Some functions written in C do not tell.
        return [], True
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return (
        [p for p in parameters if p.kind in by_position],
        any(p.kind is p.VAR_POSITIONAL for p in parameters),
    )
