"""``Value``: one number in a computation graph, and the operators that make the graph grow.

Every operation on Values gives a new Value that remembers its operation and its operands, and
nothing else: what the operation means, forward and backward, is in its row of ``ops``, and how
derivatives travel is in ``sweep``. A graph is therefore plain data without closures, and without
reference cycles, so that dropping the root frees it at once.

Begin with ``class Value``; the functions above it only write its methods.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any, Literal, NoReturn, overload

from ..text import got, operand, real
from . import ops, stale
from .calls import Call, note
from .copying import Copied
from .decisions import Watch, decided, taken
from .forks import shared_lock
from .observers import Observer, announce, inspector
from .ops import OPS, Op
from .origin import Origin
from .sweep import consumers_first, evaluation_order, gradients, inspected

# Who is looking on, in any thread: mostly nobody, and to see that is all that it costs.
observers, calls, watches = Observer.open, Call.open, Watch.open

LONGEST_LABEL = 64  # characters of a derivative's label; one that would be longer has none


def _operator(op: Op) -> tuple[Callable[[Value, Any], Value], Callable[[Value, Any], Value]]:
    """The two methods of an infix operator: ``value <op> other`` and ``other <op> value``."""
    forward = op.forward

    def method(self: Value, other: Any) -> Any:
        if isinstance(other, Value):
            return _record(op, forward(self._data, other._data), (self, other))
        number = other if type(other) is float else _constant(op, other)
        if number is NotImplemented:
            return NotImplemented
        return _record(op, forward(self._data, number), (self, number))

    def reflected(self: Value, other: Any) -> Any:
        if isinstance(other, Value):  # by super(), from a subclass that has an operator of its own
            return method(other, self)
        number = other if type(other) is float else _constant(op, other)
        if number is NotImplemented:
            return NotImplemented
        return _record(op, forward(number, self._data), (number, self))

    method.__doc__ = f"{op.text}, for a Value or a real number on the other side."
    reflected.__doc__ = method.__doc__
    return method, reflected


def _constant(op: Op, other: object) -> Any:
    """The other side of an operator as a float; a type of somebody else's may answer for itself."""
    try:
        return operand(other)
    except TypeError as error:
        if type(other).__module__ != "builtins":
            return NotImplemented
        raise TypeError(f"Value {op.symbol} ...: {error}") from None
    except ValueError as error:
        raise ValueError(f"Value {op.symbol} ...: {error}") from None


def _method(op: Op) -> Callable[..., Value]:
    """A function of one or two operands as a method of the first."""

    def of_one(self: Value) -> Value:
        return _record(op, op.forward(self._data), (self,))

    def of_two(self: Value, y: Value | float) -> Value:
        if isinstance(y, Value):
            return _record(op, op.forward(self._data, y._data), (self, y))
        return Value.record_operation(op, (self, y))

    method: Callable[..., Value] = of_one if op.arity == 1 else of_two
    method.__name__, method.__qualname__ = op.name, f"Value.{op.name}"
    method.__doc__ = op.__doc__
    return method


def _comparison(compare: Callable[[Any, Any], bool]) -> Callable[[Value, Any], bool]:
    """A comparison of the data; ``==`` and ``hash`` are left as they are, by identity."""

    def method(self: Value, other: Any) -> Any:
        if watches:
            decided("compares a Value", self, other)
        if isinstance(other, Value):
            return compare(self._data, other._data)
        try:
            return compare(self._data, other if type(other) is float else operand(other))
        except TypeError:
            return NotImplemented
        except ValueError:  # beyond all floats, but Python compares them
            return compare(self._data, other)

    return method


def _number(attribute: str, number: Any) -> float:
    try:
        return real(number)
    except (TypeError, ValueError) as error:
        raise type(error)(f"Value({attribute}): {error}") from None


def _text(attribute: str, label: Any) -> str:
    if not isinstance(label, str):
        raise TypeError(
            f"Value({attribute}): expected a str, got {got(label)}; "
            f"write {'' if label is None else str(label)!r}"
        )
    return label


class Value(Copied):
    """A number in a computation graph.

    Attributes:
        data: the number, a float. A real number may be assigned to it: what is computed from then
            on uses it; what was computed before stays as it was and is refused by sweeps, until
            ``recompute``.
        grad: the derivative of the last swept root with respect to this node; 0.0 until a sweep.
            A real number may be assigned to it.
        label: a name for people, or the empty string. A string may be assigned to it.
        op: the row of the operation that made this node; None for a leaf.
        operands: what it was made of, in order: Values, and plain floats for constants. ``a + a``
            has two operands. Empty for a leaf.
        origin: the line of code and the group that made it, where ``record_source`` or ``group``
            asked for them; None otherwise.

    A subclass may add attributes and methods, and its instances are leaves like any other. As with
    ``float``, an operation on them gives a plain Value. Copies and pickles keep the class and what
    it has added; to change what they keep, define ``__getstate__`` and ``__setstate__``.

    Example:
        >>> a = Value(2.0, "a")
        >>> b = a * a + 1
        >>> b.backward()
        >>> b.data, a.grad
        (5.0, 4.0)
    """

    __slots__ = ("__weakref__", "_data", "_grad", "_label", "op", "operands", "origin", "since")

    _data: float
    _grad: float
    _label: str
    op: Op | None
    operands: tuple[Value | float, ...]
    origin: Origin | None
    since: int  # when the node got its number, in the time of ``stale``

    def __init__(self, data: float, label: str = "") -> None:
        """Make a leaf.

        Args:
            data: a real number: int, float or NumPy real scalar.
            label: a name for pictures, steps and error messages.

        Raises:
            TypeError: if ``data`` is no real number (a bool, str, complex, None, ...), or
                ``label`` is no string.
            ValueError: if ``data`` is a whole number beyond the largest float.
        """
        self._data = data if type(data) is float else _number("data", data)
        self._grad = 0.0
        self._label = label if type(label) is str else _text("label", label)
        self.op = None
        self.operands = ()
        self.origin = None
        self.since = stale.now
        if calls:
            note(self)
        if observers:
            announce(self)

    @property
    def data(self) -> float:
        """The number."""
        if watches:
            taken("reads the data of a Value", self)
        return self._data

    @data.setter
    def data(self, number: float) -> None:
        self._data = number if type(number) is float else _number("data", number)
        time = stale.advance()  # also for what was made since of a number that is no more
        self.since = stale.UNPROVEN if self.operands else time

    @property
    def grad(self) -> float:
        """The derivative of the last swept root with respect to this node."""
        return self._grad

    @grad.setter
    def grad(self, number: float) -> None:
        if number is None:
            raise TypeError("Value(grad): expected a real number, got None; 0.0 is none at all")
        self._grad = number if type(number) is float else _number("grad", number)

    @property
    def label(self) -> str:
        """A name for people."""
        return self._label

    @label.setter
    def label(self, label: str) -> None:
        self._label = label if type(label) is str else _text("label", label)

    __add__, __radd__ = _operator(ops.add)
    __sub__, __rsub__ = _operator(ops.sub)
    __mul__, __rmul__ = _operator(ops.mul)
    __truediv__, __rtruediv__ = _operator(ops.div)
    __floordiv__, __rfloordiv__ = _operator(ops.floordiv)
    __mod__, __rmod__ = _operator(ops.mod)
    __pow__, __rpow__ = _operator(ops.pow)
    __neg__ = _method(ops.neg)
    __abs__ = _method(ops.absolute)

    exp = _method(ops.exp)
    log = _method(ops.log)
    sqrt = _method(ops.sqrt)
    sin = _method(ops.sin)
    cos = _method(ops.cos)
    tanh = _method(ops.tanh)
    sigmoid = _method(ops.sigmoid)
    relu = _method(ops.relu)
    softplus = _method(ops.softplus)
    stop_gradient = _method(ops.stop_gradient)
    maximum = _method(ops.maximum)
    minimum = _method(ops.minimum)
    xlogy = _method(ops.xlogy)

    __lt__ = _comparison(operator.lt)
    __le__ = _comparison(operator.le)
    __gt__ = _comparison(operator.gt)
    __ge__ = _comparison(operator.ge)

    def __pos__(self) -> Value:
        """The value itself; there is nothing to compute."""
        return self

    def __bool__(self) -> bool:
        """Whether the data is not zero."""
        if watches:
            decided("asks for the truth of a Value", self)
        return bool(self._data)

    def conjugate(self) -> Value:
        """The value itself, which is real; NumPy asks for it, as in ``np.var``."""
        return self

    def backward(self) -> None:
        """Fill in ``.grad``: the derivative of this Value with respect to every node under it.

        A leaf accumulates: the derivative is added to what it holds, so that several losses can
        share their parameters, and two calls count twice. Reset with ``zero_grad``. An interior
        node is set: it belongs to this graph alone.

        Threads may call it at the same time, on graphs that share leaves: each call adds all that
        it has before another adds, and no gradient is lost. In which order they add, which decides
        the last bits of a sum, is for the threads; ``grad`` writes nothing and has no such doubt.

        Raises:
            StaleGraphError: if a number was assigned after others were computed from it, and they
                are no longer what their operands give; no gradient has changed then.
        """
        # Swept to the end before anything is written: an interruption of the sweep leaves every
        # gradient as it was.
        if inspector() is None:
            nodes, slopes = gradients(self)
        else:
            swept = {node: gradient for node, gradient, _ in inspected(self, adds=True)}
            nodes, slopes = [*swept], [*swept.values()]
        with _adding:
            for node, gradient in zip(nodes, slopes):
                if node.op is not None or not node._grad:  # a sum would turn -0.0 into 0.0
                    node._grad = gradient
                else:
                    node._grad += gradient

    def recompute(self) -> None:
        """Compute every number under this node again, from the leaves as they are now.

        The graph stays what it is: an ``if`` that Python took is not taken again. Gradients stay
        as they are until the next ``backward``.
        """
        fresh: dict[Value, float] = {}
        for node in evaluation_order(self):
            if node.operands:
                fresh[node] = stale.computed(node, fresh)
        # All at one time: none of them is younger than what was made of it.
        time = stale.advance()
        for node, number in fresh.items():
            node._data, node.since = number, time

    @staticmethod
    def record_operation(op: Op, operands: tuple[Any, ...]) -> Value:
        """The node for an operation on Values and real numbers: what calling an ``Op`` does.

        Raises:
            TypeError: if an operand is neither, or there are too many or too few, or no Value.
        """
        # Short cuts for what comes nearly always: one Value, or nothing but Values.
        if op.arity == 1 == len(operands) and isinstance(operands[0], Value):
            return _record(op, op.forward(operands[0]._data), tuple(operands))
        if op.arity in (None, len(operands)) and {*map(type, operands)} == {Value}:
            return _record(op, op.forward(*[x._data for x in operands]), tuple(operands))
        if not op.takes(len(operands)):
            raise op.arity_error(len(operands))
        try:
            taken = tuple([x if isinstance(x, Value) else operand(x) for x in operands])
        except (TypeError, ValueError) as error:
            raise type(error)(f"{op.name}(): {error}") from None
        if {*map(type, taken)} == {float}:
            raise TypeError(
                f"{op.name}(): expected a Value among the operands; call the row itself"
            )
        numbers = [x._data if isinstance(x, Value) else x for x in taken]
        return _record(op, op.forward(*numbers), taken)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """Take part in NumPy's arithmetic, element by element, giving Values or arrays of them.

        What NumPy decides by comparing (``np.maximum``, ``np.sign``) is decided by the data,
        outside the graph; use autograd's own functions for a choice that is part of it. What asks
        about a number (``np.isfinite``) is answered by the data.
        """
        import numpy

        if ufunc.nin == 1 and all(types.endswith("->?") for types in ufunc.types):
            inputs = (self._data,)

        def as_array(given: object) -> object:
            if not isinstance(given, Value):
                # As a float, for longdouble would hand the operation back to us, for ever.
                return real(given) if isinstance(given, numpy.floating) else given
            array = numpy.empty((), dtype=object)
            array[()] = given
            return array

        # An infinity or a nan is a value here, not an accident to warn of.
        with numpy.errstate(all="ignore"):
            try:
                return getattr(ufunc, method)(*map(as_array, inputs), **options)
            except (TypeError, AttributeError) as error:
                if "ufunc" not in str(error) and "has no attribute" not in str(error):
                    raise
                raise TypeError(
                    f"numpy.{ufunc.__name__} cannot compute with Values ({error}); use "
                    f"autograd's own functions, such as autograd.atan for numpy.arctan"
                ) from None

    def _no_number(self, *_: object) -> NoReturn:
        raise TypeError(
            f"{self!r} is a node of a graph, and turning it into a plain number would lose the "
            f"graph; to compute with it use the functions of autograd, such as autograd.exp(v), "
            f"and to leave the graph take v.data"
        )

    __float__ = __int__ = __complex__ = __index__ = _no_number
    __round__ = __trunc__ = __floor__ = __ceil__ = _no_number

    def __repr__(self) -> str:
        if watches:
            taken("makes a text of a Value", self)
        label = f", label={self.label!r}" if self.label else ""
        return f"Value(data={self.data!r}, grad={self.grad!r}{label})"

    def __format__(self, spec: str) -> str:
        """The data in the given format; without one, the repr."""
        if watches:
            taken("makes a text of a Value", self)
        return format(self.data, spec) if spec else repr(self)


# Read as fast as the slots behind them; the engine itself uses these. ``data`` is watched.
for _attribute in ("grad", "label"):
    _checked = getattr(Value, _attribute)
    _read = operator.attrgetter(f"_{_attribute}")
    _quick: Any = property(_read, _checked.fset, doc=_checked.__doc__)
    _quick.__set_name__(Value, _attribute)
    setattr(Value, _attribute, _quick)

# The other functions of one or two operands are methods of the first as well: x.atan2(y).
for _op in OPS.values():
    if _op.symbol.isidentifier() and _op.arity in (1, 2) and not hasattr(Value, _op.name):
        setattr(Value, _op.name, _method(_op))


def _record(op: Op, data: float, operands: tuple[Value | float, ...]) -> Value:
    """A new node, past ``__init__``: its data is known to be a float, and speed matters here."""
    node = _new(Value)
    node._data = data
    node._grad = 0.0
    node._label = ""
    node.op = op
    node.operands = operands
    node.origin = None
    node.since = stale.now
    if observers:
        announce(node)
    return node


_new: Callable[[type[Value]], Value] = object.__new__

# Held while a sweep's gradients are added; a signal's handler may call backward() meanwhile.
_adding = shared_lock()


@overload
def grad(
    output: Value, inputs: Value | Iterable[Value], create_graph: Literal[False] = False
) -> tuple[float, ...]: ...


@overload
def grad(
    output: Value, inputs: Value | Iterable[Value], create_graph: Literal[True]
) -> tuple[Value, ...]: ...


@overload
def grad(
    output: Value, inputs: Value | Iterable[Value], create_graph: bool
) -> tuple[float, ...] | tuple[Value, ...]: ...


def grad(
    output: Value, inputs: Value | Iterable[Value], create_graph: bool = False
) -> tuple[float, ...] | tuple[Value, ...]:
    """The partial derivatives of ``output`` with respect to ``inputs``; no ``.grad`` is touched.

    Args:
        output: the Value to differentiate.
        inputs: the Values to differentiate by: leaves or interior nodes, D of them. A single
            Value counts as one of them.
        create_graph: give Values that are functions of the graph's leaves, so that they can be
            differentiated again, to any order. Where the graph has labels they have such as
            ``dL/da``, and ``d(dL/da)/db``; one node that is several derivatives has none.

    Returns:
        D floats, or D Values with ``create_graph``. An input that ``output`` does not depend on
        has derivative 0.

    Raises:
        TypeError: if ``output`` or an input is not a Value.
        StaleGraphError: if a number under ``output`` is no longer what its operands give.
    """
    wanted = tuple(inputs) if isinstance(inputs, Iterable) else (inputs,)
    if watches and not create_graph:
        decided("takes plain numbers from grad() of a Value", output)
    for place, value in enumerate((output, *wanted)):
        if not isinstance(value, Value):
            name = f"inputs[{place - 1}]" if place else "output"
            remedy = "make it one with Value(...) before computing with it"
            if not place and isinstance(value, (list, tuple)):
                remedy = "for several outputs add them up, or call it for each"
            if callable(value):
                remedy = "functions have derivative(f, x), gradient(f, xs) and jacobian(f, xs)"
            raise TypeError(
                f"grad() differentiates Values, but {name} is {value!r} of type "
                f"{type(value).__name__}; {remedy}"
            )
    if not create_graph and inspector() is None:
        return slopes(output, wanted)
    missing = set(wanted)
    derivatives: dict[Value, Any] = {}
    named: set[Value] = set()
    for node, gradient, _ in inspected(output, differentiable=create_graph):
        if create_graph and isinstance(gradient, Value):
            # One node may be several derivatives, as of a sum, and then no label would be true.
            label = _derivative_label(output, node)
            if label:
                gradient.label = "" if gradient in named else label
                named.add(gradient)
        if node in missing:
            derivatives[node] = gradient
            missing.remove(node)
            if not missing:
                break
    found = [derivatives.get(value, 0.0) for value in wanted]
    if create_graph:
        return tuple(
            g if isinstance(g, Value) else Value(g, _derivative_label(output, value))
            for g, value in zip(found, wanted)
        )
    return tuple(found)


def slopes(output: Value, inputs: tuple[Value, ...]) -> tuple[float, ...]:
    """The derivatives of an output by some inputs as floats, where nobody looks on."""
    swept = dict(zip(*gradients(output)))
    return tuple([swept.get(value, 0.0) for value in inputs])


def _derivative_label(output: Value, node: Value) -> str:
    """What to call the derivative of an output by a node; "" unless both have a short label."""
    if not (output.label and node.label):
        return ""
    of, by = (f"({x.label})" if "/" in x.label else x.label for x in (output, node))
    label = f"d{of}/d{by}"
    # Of a derivative by a derivative it is twice as long, and so on with each order.
    return label if len(label) <= LONGEST_LABEL else ""


def zero_grad(values: Value | Iterable[Value]) -> None:
    """Set ``.grad`` to 0.0: on every node under a root, or on each Value of a collection.

    Raises:
        TypeError: if the collection holds anything but Values; then nothing has been reset.
    """
    if isinstance(values, Value):
        nodes = consumers_first(values)
    else:
        nodes = list(values) if isinstance(values, Iterable) else [values]
    for node in nodes:
        if not isinstance(node, Value):
            raise TypeError(
                f"zero_grad() takes a Value or a collection of Values, which holds {node!r} of "
                f"type {type(node).__name__}; pass the leaves themselves, or the root of the graph"
            )
    for node in nodes:
        node._grad = 0.0
