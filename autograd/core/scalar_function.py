"""How the tools of this layer call a user's function of Values.

A function of D inputs may be written on D scalars, ``f(x, y)``, or on one list, ``f(xs)``. Here the
numbers of a point become labelled variables, f is called in the way it is written, and what it
returns is checked, so that a tool can simply ask for the Value at a point. What f closes over is
part of its graph; a ``ConstantFunction`` is for tools that give plain numbers all the same.
"""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, TypeAlias

from ..text import counted, escape, got, real, shortened
from .calls import Call, varied
from .observers import Observer
from .sweep import count_consumers, inspected
from .value import Value, grad

Number: TypeAlias = "float | Value"


def coordinates(tool: str, xs: Number | Iterable[Number], called: str = "xs") -> list[Number]:
    """The D coordinates of a point, each a float or a Value; a single one is a point with D = 1.

    Args:
        tool: who asks, for the error messages.
        xs: a real number or a Value, or D >= 1 of them.
        called: what the caller calls them.

    Raises:
        TypeError: if something is neither.
        ValueError: if there are none.
    """
    entries, name = _entries(tool, xs, called)
    return [
        x if type(x) is float or isinstance(x, Value) else _real(tool, name.format(i), x)
        for i, x in enumerate(entries)
    ]


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
    entries, name = _entries(tool, xs, called)
    for i, x in enumerate(entries):
        if isinstance(x, Value):
            raise TypeError(
                f"{tool}: {name.format(i)} is {x!r}, but a point is made of floats here, and what "
                f"comes out are plain numbers; pass .data, and no derivative goes back to it"
            )
    return [
        x if type(x) is float else _real(tool, name.format(i), x) for i, x in enumerate(entries)
    ]


def _entries(tool: str, xs: Any, called: str) -> tuple[list[Any], str]:
    """The entries of a point, or the one that it is, and what each is called by its place."""
    if isinstance(xs, (Set, Mapping)):
        raise TypeError(
            f"{tool}: {called} is a {type(xs).__name__}, which has no first and second; pass a list"
        )
    if getattr(xs, "shape", None) == ():  # an array without axes, which iter would refuse
        return [xs.item()], called
    try:
        several = None if isinstance(xs, (str, bytes)) else iter(xs)  # a string has no numbers
    except TypeError:
        several = None
    if several is None:
        return [xs], called
    entries = list(several)
    if not entries:
        raise ValueError(f"{tool}: {called} is empty; pass a number, or a list of one at least")
    return entries, called + "[{}]"


def _real(tool: str, name: str, x: object) -> float:
    try:
        return real(x)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{tool}: {name}: {error}") from None


class NoConstantError(TypeError):
    """A function closes over a Value that its tool cannot take as a constant."""


class ScalarFunction:
    """A user's function of D inputs, to be called on D Values however it takes them.

    Its signature decides: D parameters without a default, or ``*args``, take scalars, and a single
    one takes a list. Where it leaves that open, f is tried, and called the other way if the first
    is a ``TypeError``: with the scalar and then the list for D = 1, with the list and then the
    scalars if one parameter has no default, and with those that have one there are D or more.

    Attributes:
        tool: who asks.
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
        self.tool = tool
        self._f = f
        positional, spreads = _positional(f)
        required = sum(p.default is p.empty for p in positional)
        first = positional[0].name if positional else "x"
        # The ways to call f: whether with a list.
        self._ways = [False, True]
        if size == 1 and required <= 1 and (positional or spreads):
            self.names = [first]
        elif spreads and required <= size:
            self._ways = [False]
            self.names = [f"x[{i}]" for i in range(size)]
        elif required != 1 and size in (required, len(positional)):
            self._ways = [False]
            self.names = [p.name for p in positional[:size]]
        elif required == 1 or len(positional) == 1:
            self._ways = [True, False] if 1 < size <= len(positional) else [True]
            self.names = [f"{first}[{i}]" for i in range(size)]
        else:
            raise TypeError(
                f"{tool}: f takes {counted(required or len(positional), 'argument')}, but the "
                f"point has {counted(size, 'coordinate')}; write f on {counted(size, 'scalar')} "
                f"or on one list, or pass as many numbers as f takes"
            )

    def leaves(self, point: Sequence[Number]) -> list[Value]:
        """D new variables at a point, labelled with the names of the inputs.

        A float makes a leaf. A Value makes a node of its own above it, with the same number: what f
        closes over may be the same Value, and is to be told from the variable.
        """
        return [
            _above(x, name) if isinstance(x, Value) else Value(x, name)
            for x, name in zip(point, self.names)
        ]

    def results(self, xs: Sequence[Value]) -> Any:
        """Whatever f returns for D Values.

        Raises:
            TypeError: if it was open how to call f, and both ways are one.
        """
        first, *others = self._ways
        if others == [] and not first:
            return self._called(xs, first)
        try:
            result = self._called(xs, first)
        except NoConstantError:  # of a tool that f calls, however f itself is called
            raise
        except TypeError as error:
            if others:
                return self._other_way(xs, error)
            listed = f"a list of {counted(len(xs), 'Value')}"
            raise TypeError(
                f"{self.tool}: f takes 1 argument and was called with {listed}, which is a "
                f"TypeError ({error}); compute with its entries, or write f on {len(xs)} scalars"
            ) from error
        # A list times a whole number is a list, where f is one of scalars.
        if isinstance(result, Value) or not first:
            self._ways = [first]
        return result

    def _called(self, xs: Sequence[Any], takes_list: bool) -> Any:
        result = self._f(list(xs)) if takes_list else self._f(*xs)
        if not isinstance(result, Value) and getattr(result, "shape", None) == ():
            return result.item()  # what np.where and others give for Values
        return result

    def _other_way(self, xs: Sequence[Value], error: TypeError) -> Any:
        first, second = self._ways
        try:
            result = self._called(xs, second)
        except TypeError as other:
            scalars = "a Value" if len(xs) == 1 else f"{len(xs)} Values"
            listed = "a list of one Value" if len(xs) == 1 else "a list of them"
            on_scalars, on_list = (other, error) if first else (error, other)
            raise TypeError(
                f"{self.tool}: f takes neither {scalars} ({on_scalars}) nor {listed} ({on_list})"
            ) from error
        self._ways = [second]
        return result

    def __call__(self, xs: Sequence[Value]) -> Value:
        """The one Value that f returns for D Values.

        Raises:
            TypeError: if it returns anything else; the message says what is likely wrong with f.
        """
        result = self.results(xs)
        if isinstance(result, Value):
            return result
        if self._ways == [True, False]:
            try:
                other = self._called(xs, False)
            except TypeError:
                other = None
            if isinstance(other, Value):
                self._ways = [False]
                return other
        raise TypeError(
            f"{self.tool}: f must return one Value, but it returned {got(result)}; "
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
        listed = hasattr(result, "__len__") or isinstance(result, Iterator)
        if not listed or isinstance(result, (str, bytes, Mapping, Set)):
            raise TypeError(
                f"{self.tool}: f must return a list of Values, but it returned "
                f"{got(result)}; {self._remedy(result, xs)}"
            )
        entries = list(result)
        for i, entry in enumerate(entries):
            if not isinstance(entry, Value):
                raise TypeError(
                    f"{self.tool}: f must return a list of Values, but entry {i} is {got(entry)}; "
                    f"{self._remedy(entry, xs, i)}"
                )
        if not entries:
            raise TypeError(f"{self.tool}: f returned an empty vector; return one Value at least")
        return entries

    def plain(self, point: Sequence[float]) -> float | None:
        """What f itself makes of D plain floats; None if it does not take them to a number.

        Few functions of Values mind, as the operators and autograd's functions take both. For D = 1
        this needs one call with a Value before.
        """
        try:
            result = self._called(point, self._ways[0])
            return result.data if isinstance(result, Value) else real(result)
        except Exception:  # Whatever it is, it may be no fault of f, which is one of Values.
            return None

    def gradient(self, root: Value, variables: Sequence[Value]) -> list[float]:
        """The derivatives of what f gave by the variables that it was given, as plain numbers."""
        return list(grad(root, variables))

    def _remedy(self, result: object, xs: Sequence[Value], entry: int | None = None) -> str:
        if result is None:
            return "end it with a return statement" if entry is None else "return a Value there"
        if isinstance(result, bool):
            return "a comparison has no derivative; to choose between Values use autograd.where"
        if isinstance(result, numbers.Real):
            if self._follows(result, xs, entry):
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
            if entry is not None:
                return "return one list, and not lists in it"
            return (
                "it is a vector; return one of its entries or their sum, or differentiate them all "
                "by autograd.jacobian(f, xs), or along one direction by autograd.jvp(f, xs, v)"
            )
        return "return what the operations on the Values give"

    def _follows(self, result: object, xs: Sequence[Value], entry: int | None) -> bool:
        # Each input is moved by another amount, lest f be a difference that stays the same.
        moved = [
            Value(x.data + 0.013 * (i + 1) * max(1.0, abs(x.data)), x.label)
            for i, x in enumerate(xs)
        ]
        try:
            other = self.results(moved)
            return bool((other if entry is None else list(other)[entry]) != result)
        except Exception:  # An error of f's own out there would hide the message that is due.
            return False


class ConstantFunction(ScalarFunction):
    """A user's function for a tool that gives plain numbers, whatever it closes over.

    Leaves that f closes over are the constants that they are now. An interior node, or a variable
    of a function that is being differentiated further out, is refused: the result would have to
    depend on it, and a derivative by it would silently be without that part.
    """

    _closes_over: bool = False

    def __call__(self, xs: Sequence[Value]) -> Value:
        """As of a ``ScalarFunction``.

        Raises:
            TypeError: also if f closes over what cannot be a constant.
        """
        if not self._closes_over:
            self._call = Call(xs, forgets=True)
            with self._call:
                return super().__call__(xs)
        made = set(xs)
        with Call(xs, forgets=True), Observer(made.add):
            root = super().__call__(xs)
        self._refuse([node for node in count_consumers(root) if node not in made])
        return root

    def gradient(self, root: Value, variables: Sequence[Value]) -> list[float]:
        """As of a ``ScalarFunction``; it looks at what f closes over, as ``look`` does.

        Raises:
            TypeError: as for a call.
        """
        if not self._closes_over:
            slopes = plain_gradient(root, variables, self._call)
            if slopes is not None:
                return slopes
            self.look(root, variables)
        return super().gradient(root, variables)

    def look(self, root: Value, variables: Sequence[Value]) -> None:
        """Call f again if what it gave is the first to close over something.

        Raises:
            TypeError: as for a call.
        """
        if not self._closes_over and self._call.foreign(count_consumers(root)):
            self._closes_over = True
            self(variables)

    def _refuse(self, nodes: Sequence[Value]) -> None:
        """Refuse the nodes that were there before f was called, if one is no constant."""
        others = varied()
        for node in nodes:
            if node.op is not None or node in others:
                what = (
                    "by which a function is being differentiated further out"
                    if node in others
                    else "which was computed from other Values before"
                )
                name = f"the Value {shortened(escape(node.label or repr(node)))}"
                raise NoConstantError(
                    f"{self.tool}: f uses {name}, {what}; plain numbers come out here, from which "
                    f"no derivative could go back to it; if it is meant as a constant, use its "
                    f".data in f"
                )


def plain_gradient(root: Value, variables: Sequence[Value], call: Call) -> list[float] | None:
    """The derivatives by leaves, in one sweep; None if the graph has leaves that are not f's own.

    Args:
        root: what f gave.
        variables: the leaves that it was given.
        call: the call that made the graph.
    """
    found = dict.fromkeys(variables, 0.0)
    others = []
    for node, gradient, _ in inspected(root):
        if node.op is None:
            if node in found:
                found[node] = gradient
            else:
                others.append(node)
    return None if call.foreign(others) else list(found.values())


def _above(x: Value, name: str) -> Value:
    node = x - 0.0  # which is x to the last bit, as x + 0.0 is not for -0.0
    node.label = name
    return node


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
