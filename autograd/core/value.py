"""``Value``: one number in a computation graph, and the operators that make the graph grow.

Every operation on Values gives a new Value that remembers its operation and its operands, and
nothing else: what the operation means, forward and backward, is in its row of ``ops``, and how
derivatives travel is in ``sweep``. A graph is therefore plain data without closures, and without
reference cycles, so that dropping the root frees it at once.

Begin with ``class Value``; the functions above it only write its methods.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from ..text import real
from . import ops
from .observers import open_blocks, report
from .ops import Op

if TYPE_CHECKING:
    from .origin import Origin


def _operator(op: Op) -> tuple[Callable[[Value, Any], Value], Callable[[Value, Any], Value]]:
    """The two methods of an infix operator: ``value <op> other`` and ``other <op> value``."""
    forward = op.forward

    def method(self: Value, other: Any) -> Any:
        if isinstance(other, Value):
            return _record(op, forward(self.data, other.data), (self, other))
        number = other if type(other) is float else _constant(op, other)
        if number is NotImplemented:
            return NotImplemented
        return _record(op, forward(self.data, number), (self, number))

    def reflected(self: Value, other: Any) -> Any:
        number = other if type(other) is float else _constant(op, other)
        if number is NotImplemented:
            return NotImplemented
        return _record(op, forward(number, self.data), (number, self))

    method.__doc__ = f"{op.text}, for a Value or a real number on the other side."
    reflected.__doc__ = method.__doc__
    return method, reflected


def _constant(op: Op, other: object) -> Any:
    """The other side of an operator as a float; a type of somebody else's may answer for itself."""
    try:
        return real(other)
    except TypeError as error:
        if type(other).__module__ != "builtins":
            return NotImplemented
        raise TypeError(f"Value {op.symbol} ...: {error}") from None


def _method(op: Op) -> Callable[..., Value]:
    """A function as a method of its first operand."""

    def method(self: Value, *others: Value | float) -> Value:
        return Value.record_operation(op, (self, *others))

    method.__doc__ = op.__doc__
    return method


def _comparison(compare: Callable[[Any, Any], bool]) -> Callable[[Value, Any], bool]:
    """A comparison of the data; ``==`` and ``hash`` are left as they are, by identity."""

    def method(self: Value, other: Any) -> Any:
        if isinstance(other, Value):
            return compare(self.data, other.data)
        try:
            return compare(self.data, real(other))
        except TypeError:
            return NotImplemented

    return method


class Value:
    """A number in a computation graph.

    Attributes:
        data: the number, a float. A float may be assigned to it: what is computed from then on
            uses it, and what was computed before stays as it was.
        grad: the derivative of the last swept root with respect to this node; 0.0 until a sweep.
        label: a name for people, or the empty string.
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

    __slots__ = ("__weakref__", "data", "grad", "label", "op", "operands", "origin")

    data: float
    grad: float
    label: str
    op: Op | None
    operands: tuple[Value | float, ...]
    origin: Origin | None

    def __init__(self, data: float, label: str = "") -> None:
        """Make a leaf.

        Args:
            data: a real number: int, float or NumPy real scalar.
            label: a name for pictures, steps and error messages.

        Raises:
            TypeError: if ``data`` is no real number (a bool, str, complex, None, ...), or
                ``label`` is no string.
        """
        try:
            self.data = real(data)
        except TypeError as error:
            raise TypeError(f"Value(data): {error}") from None
        if not isinstance(label, str):
            raise TypeError(
                f"Value(label): expected a str, got {label!r} of type {type(label).__name__}; "
                f"write Value(data, {str(label)!r})"
            )
        self.grad = 0.0
        self.label = label
        self.op = None
        self.operands = ()
        self.origin = None
        if open_blocks:
            report(self)

    def __init_subclass__(cls, **options: Any) -> None:
        """Refuse what would make wrong gradients or copies.

        Raises:
            TypeError: if the subclass compares by something else than identity, or pickles and
                deep copies itself apart from its graph.
        """
        super().__init_subclass__(**options)
        from .copying import check_subclass

        check_subclass(cls)

    __add__, __radd__ = _operator(ops.add)
    __sub__, __rsub__ = _operator(ops.sub)
    __mul__, __rmul__ = _operator(ops.mul)
    __truediv__, __rtruediv__ = _operator(ops.div)
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
        return bool(self.data)

    def backward(self) -> None:
        """Fill in ``.grad``: the derivative of this Value with respect to every node under it.

        A leaf accumulates: the derivative is added to what it holds, so that several losses can
        share their parameters, and two calls count twice. Reset with ``zero_grad``. An interior
        node is set: it belongs to this graph alone.

        Threads may call it at the same time, on graphs that share leaves: each call adds all that
        it has before another adds, and no gradient is lost. In which order they add, which decides
        the last bits of a sum, is for the threads; ``grad`` writes nothing and has no such doubt.
        """
        from .sweep import inspected  # which is built on Values

        # Swept to the end before anything is written: an interruption of the sweep leaves every
        # gradient as it was.
        gradients = {node: gradient for node, gradient, _ in inspected(self, adds=True)}
        with _adding:
            for node, gradient in gradients.items():
                # A plain sum would turn a first -0.0 into 0.0.
                node.grad = node.grad + gradient if node.op is None and node.grad else gradient

    @staticmethod
    def record_operation(op: Op, operands: tuple[Any, ...]) -> Value:
        """The node for an operation on Values and real numbers: what calling an ``Op`` does.

        Raises:
            TypeError: if an operand is neither.
        """
        # Short cuts for what comes nearly always: one Value, or nothing but Values.
        if len(operands) == 1 and isinstance(operands[0], Value):
            return _record(op, op.forward(operands[0].data), operands)
        if set(map(type, operands)) == {Value}:
            return _record(op, op.forward(*[x.data for x in operands]), operands)
        try:
            taken = tuple([x if isinstance(x, Value) else real(x) for x in operands])
        except TypeError as error:
            raise TypeError(f"{op.name}(): {error}") from None
        numbers = [x.data if isinstance(x, Value) else x for x in taken]
        return _record(op, op.forward(*numbers), taken)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """Take part in NumPy's arithmetic, element by element, giving Values or arrays of them.

        What NumPy decides by comparing (``np.maximum``, ``np.sign``) is decided by the data,
        outside the graph; use autograd's own functions for a choice that is part of it.
        """
        import numpy

        def as_array(operand: object) -> object:
            if not isinstance(operand, Value):
                # As a float, for longdouble would hand the operation back to us, for ever.
                return real(operand) if isinstance(operand, numpy.floating) else operand
            array = numpy.empty((), dtype=object)
            array[()] = operand
            return array

        # An infinity or a nan is a value here, not an accident to warn of.
        with numpy.errstate(all="ignore"):
            return getattr(ufunc, method)(*map(as_array, inputs), **options)

    def __copy__(self) -> Value:
        """A second node with the same operands and numbers; a leaf's copy is another leaf."""
        from .copying import twin  # which is built on Values

        return twin(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        """A copy of the whole graph; one ``copy.deepcopy`` copies what roots share only once."""
        from .copying import deep_copy

        return deep_copy(self, memo)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """Pickle the whole graph; one pickle holds what roots share only once."""
        from .copying import reduced

        return reduced(self)

    def _no_number(self, *_: object) -> NoReturn:
        raise TypeError(
            f"{self!r} is a node of a graph, and turning it into a plain number would lose the "
            f"graph; to compute with it use the functions of autograd, such as autograd.exp(v), "
            f"and to leave the graph take v.data"
        )

    __float__ = __int__ = __complex__ = __index__ = _no_number
    __round__ = __trunc__ = __floor__ = __ceil__ = _no_number

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        return f"Value(data={self.data!r}, grad={self.grad!r}{label})"

    def __format__(self, spec: str) -> str:
        """The data in the given format; without one, the repr."""
        return format(self.data, spec) if spec else repr(self)


def _record(op: Op, data: float, operands: tuple[Value | float, ...]) -> Value:
    """A new node, past ``__init__``: its data is known to be a float, and speed matters here."""
    node = _new(Value)
    node.data = data
    node.grad = 0.0
    node.label = ""
    node.op = op
    node.operands = operands
    node.origin = None
    if open_blocks:
        report(node)
    return node


_new: Callable[[type[Value]], Value] = object.__new__

# Held while a sweep's gradients are added; a signal's handler may call backward() meanwhile.
_adding = threading.RLock()
