"""What a row of the operation table is: ``Op``. The rows themselves are in ``ops``.

A row states its formulas, and everything else is made of them when it is first asked for: functions
of floats for values and gradients, rules that record for gradients of gradients. A row of a user's
own is one like any other, but that it may be replaced by another of its name.
"""

from __future__ import annotations

import ast
import keyword
import warnings
from collections.abc import Callable, Sequence
from functools import cached_property
from math import inf
from typing import Any, NamedTuple, TypeAlias

from ..text import counted, real
from . import formula, ieee
from .formula import FLOATS, NODES, FormulaError

NONE = "0"  # the slope that says: no derivative passes, whatever arrives from above


class Partial(NamedTuple):
    """The derivative of an operation with respect to one operand.

    Attributes:
        text: the formula for people.
        computed: the formula to compute by, where the other would overflow, lose digits or meet a
            nan that hides a number; otherwise "".
        on_nodes: the rule on nodes, where what is right on floats would meet such a nan when it is
            differentiated again; otherwise None.
    """

    text: str
    computed: str = ""
    on_nodes: Callable[..., Any] | None = None

    @property
    def constant(self) -> float | None:
        """The slope if it is the same everywhere; None if it is not, or no derivative passes."""
        return float(self.text) if self.text in ("1", "-1") else None

    @property
    def passes(self) -> bool:
        """Whether a derivative passes here at all."""
        return self.text != NONE


class Kink(NamedTuple):
    """A place where the derivative does not exist, and what the row says there instead."""

    where: str
    convention: str


Interval: TypeAlias = tuple[float, float]
REALS: Interval = (-inf, inf)
POSITIVE: Interval = (0.0, inf)

OPS: dict[str, Op] = {}
"""The table: its rows by their names."""
EVERY: dict[str, Op] = {}
"""Every row that there has been, by its key, those also that were replaced."""
BUILT_IN: set[str] = set()
"""The names of autograd's own rows, which nobody can replace."""


class Op:
    """One row of the table.

    An ``Op`` is also the function that it describes: called with numbers it gives a float; called
    with anything that records operations, such as a ``Value``, it gives a recorded node.

    Attributes:
        name: what Python code calls it.
        text: the formula as a Python expression in ``letters``.
        partials: one ``Partial`` for each operand; a single one serves all when arity is None.
        computed: the formula to compute by: ``text``, where nothing else was given.
        symbol: what a picture writes in its node; an infix operator if it is one in Python.
        letters: what the formulas call the operands, in order.
        arity: the number of operands, or ``None`` for any number, at least one.
        linear: whether every slope is a constant, so that none has to be evaluated.
        domain: for each operand the open interval in which the result is finite and the partials
            are the true derivatives, kinks aside.
        kinks: where the derivative does not exist or takes care, and what it is there.
        key: the name; of a row of a user's own ``name~1``, of a second of that name ``name~2``.

    Example:
        >>> from autograd import Op, Value
        >>> cube = Op("cube", "x ** 3", "3 * x ** 2")
        >>> cube(2.0), cube(Value(2.0))
        (8.0, Value(data=8.0, grad=0.0))
    """

    def __new__(
        cls,
        name: str,
        text: str,
        *partials: Partial | str,
        computed: str = "",
        by: Callable[..., float] | None = None,
        symbol: str = "",
        letters: str = "",
        variadic: bool = False,
        domain: tuple[Interval, ...] = (),
        kinks: tuple[Kink, ...] = (),
    ) -> Op:
        """A new row; or the one that stands in the table, if that is equal.

        Args:
            name: what Python code calls it.
            text: the formula for people, in the letters x, y, w, v, u.
            partials: the slope in each operand, a formula that may also have z, the result; "0"
                says that no derivative passes.
            computed: the formula to compute by, if that is another.
            by: a function of floats that computes it, never raising, where no formula says how.
            symbol: what a picture writes; by default the name.
            letters: other letters for the operands.
            variadic: whether it takes any number of operands.
            domain: as above; by default all reals.
            kinks: as above.

        Raises:
            ValueError: if the name is one of autograd's rows, or can be no name.
            FormulaError: if a formula cannot be read; a kind of ValueError.
        """
        slopes = tuple([Partial(p) if isinstance(p, str) else p for p in partials])
        letters = letters or "xywvu"[: len(slopes)]
        domain = domain or (REALS,) * len(slopes)
        row = cls._made(
            name,
            text,
            slopes,
            computed or text,
            by,
            symbol or name,
            letters,
            variadic,
            domain,
            kinks,
        )
        if BUILT_IN:
            row._check()
        there = OPS.get(name)
        if there is not None and there._is_same(row):
            return there
        if there is not None:
            warnings.warn(
                f"the operation {name} is z = {text} from now on; a node that was made before "
                f"keeps its own, z = {there.text}",
                stacklevel=2,
            )
        OPS[name] = row
        return row._entered()

    @classmethod
    def _made(cls, *definition: Any) -> Op:
        row = super().__new__(cls)
        row._definition = definition
        row.name, row.text, row.partials, row.computed, row._by = definition[:5]
        row.symbol, row.letters, variadic, row.domain, row.kinks = definition[5:]
        row.arity = None if variadic else len(row.partials)
        row.linear = not any(p.passes and p.constant is None for p in row.partials)
        row.key, row._calls = row.name, ()
        row.__doc__ = "\n".join(
            [
                f"z = {row.text}",
                *(f"dz/d{x} = {p.text}" for x, p in zip(row.letters, row.partials)),
                *(f"At {kink.where}: {kink.convention}." for kink in row.kinks),
            ]
        )
        return row

    name: str
    text: str
    partials: tuple[Partial, ...]
    computed: str
    symbol: str
    letters: str
    arity: int | None
    linear: bool
    domain: tuple[Interval, ...]
    kinks: tuple[Kink, ...]
    key: str
    _by: Callable[..., float] | None
    _definition: tuple[Any, ...]
    _calls: tuple[Op, ...]

    def _check(self) -> None:
        """Refuse a row that could not be used; autograd's own are checked by its tests."""
        name = self.name
        if name in BUILT_IN:
            raise ValueError(f"{name} is an operation of autograd; give yours another name")
        if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
            raise ValueError(f"{name!r} can be no function's name; write such as 'cube'")
        if name in formula.CONSTANTS or len(name) == 1:
            raise ValueError(f"{name} is a number in formulas; give yours a longer name")
        if not 0 < len(self.partials) == len(self.letters):
            raise ValueError(
                f"{self.name} takes one to five operands and a slope in each, got "
                f"{len(self.partials)} slopes; write such as Op('cube', 'x ** 3', '3 * x ** 2')"
            )
        if self.is_primitive and self._by is None:
            raise FormulaError(f"{self.name}: {self.text!r} calls itself; write what it computes")
        formulas = [(self.computed, self.letters)] if self._by is None else []
        for partial in self.partials:
            formulas += [(x, "z" + self.letters) for x in (partial.text, partial.computed) if x]
        called = [op for text, letters in formulas for op in _called(text, letters)]
        self._calls = tuple(dict.fromkeys(op for op in called if op.name not in BUILT_IN))
        # Made now, so that a row that is called stays the one that it is, whatever takes its name.
        _ = self.forward, self.slopes, self.rules, self._by or self.on_nodes

    def _is_same(self, other: Op) -> bool:
        return self._definition == other._definition and self._calls == other._calls

    def _entered(self) -> Op:
        count = 0
        while self.key in EVERY or (BUILT_IN and not count):  # affine, say, is lowering's own
            count += 1
            self.key = f"{self.name}~{count}"
        EVERY[self.key] = self
        return self

    @property
    def is_primitive(self) -> bool:
        """Whether it says no more than its own name: each language has to have it as a function."""
        return self.computed == f"{self.name}({', '.join(self.letters)})"

    @property
    def is_written(self) -> bool:
        """Whether its formula says how it is computed, in any language."""
        return self._by is None and not self.is_primitive

    @cached_property
    def forward(self) -> Callable[..., float]:
        """The operation on floats; it never raises."""
        if self._by is not None:
            return self._by
        if self.is_primitive:
            return ieee.elementary(self.name, self.domain[0])
        return formula.function(FLOATS, self.computed, self.letters, _on_floats)

    @cached_property
    def on_nodes(self) -> Callable[..., Any]:
        """The operation as its formula says, in terms of other rows that record."""
        return formula.function(NODES, self.computed, self.letters, _on_nodes)

    @cached_property
    def slopes(self) -> tuple[Any, ...]:
        """For each partial a function of floats ``(z, x, y)``, or a number if the row is linear.

        None stands for a number where no derivative passes.
        """
        return tuple([self._rule(partial, FLOATS, _on_floats) for partial in self.partials])

    @cached_property
    def rules(self) -> tuple[Any, ...]:
        """The same on nodes, with rows that record."""
        return tuple(
            [partial.on_nodes or self._rule(partial, NODES, _on_nodes) for partial in self.partials]
        )

    def _rule(
        self, partial: Partial, language: formula.Language, known: Callable[[str], Any]
    ) -> Any:
        constant = partial.constant
        if self.linear:
            return constant
        if constant is not None or not partial.passes:
            return lambda *operands: constant
        written = partial.computed or partial.text
        return formula.function(language, written, "z" + self.letters, known)

    def __call__(self, *operands: Any) -> Any:
        """Apply to numbers, giving a float, or to what records operations, giving a node."""
        for operand in operands:
            if type(operand) is not float:
                record = getattr(operand, "record_operation", None)
                if record is not None:
                    return record(self, operands)
        try:
            numbers = [real(x) for x in operands]
        except TypeError as error:
            raise TypeError(f"{self.name}(): {error}") from None
        return self.forward(*numbers)

    def __repr__(self) -> str:
        return f"<op {self.name}: z = {self.text}>"

    def __reduce__(self) -> tuple[Callable[..., Op], tuple[Any, ...]]:
        """A row of autograd goes by its name; one of a user's own takes its formulas along."""
        if self.name in BUILT_IN:
            return _row, (self.name,)
        return _restored, (self._definition, self._calls)

    def formula(self, operands: Sequence[str]) -> str:
        """The operation written on names: ``a * b``, ``tanh(n)``, ``a + b + c``."""
        if self.symbol.isidentifier():
            return f"{self.symbol}({', '.join(operands)})"
        atoms = [f"({x})" if x.startswith("-") else x for x in operands]
        return self.symbol + atoms[0] if self.arity == 1 else f" {self.symbol} ".join(atoms)


def _called(text: str, letters: str) -> list[Op]:
    """The rows that a formula calls.

    Raises:
        FormulaError: if it is no number of its letters, or calls what there is not.
    """
    called = []
    for token in formula.read(text, letters):
        if token.is_call:
            op = _known(str(token.what))
            if op.arity not in (None, token.operands):
                taken = counted(op.arity or 0, "operand")
                raise FormulaError(f"{text!r}: {op.name} takes {taken}, got {token.operands}")
            called.append(op)
    wrong = formula.misplaced(ast.parse(text, mode="eval").body, truth=False)
    if wrong is not None:
        place, complaint = wrong
        raise FormulaError(f"{text!r}: {ast.get_source_segment(text, place)} {complaint}")
    return called


def _row(name: str) -> Op:
    """The row of a pickle or a copy: the one of this table, whatever it was when it was saved."""
    return OPS[name]


def _restored(definition: tuple[Any, ...], calls: tuple[Op, ...]) -> Op:
    """A row of a user's own from a pickle: an equal one that there is, or else itself.

    Raises:
        ValueError: if it calls a row of which another has taken the name.
    """
    row = Op._made(*definition)
    for op in calls:
        if OPS.get(op.name) is not op:
            raise ValueError(
                f"the operation {row.name} calls {op.name}, z = {op.text}, which is another here, "
                f"z = {OPS[op.name].text}; give one of the two another name"
            )
    row._check()
    for op in EVERY.values():
        if op._is_same(row):
            return op
    OPS.setdefault(row.name, row)
    return row._entered()


def _on_floats(name: str) -> Callable[..., float]:
    return _known(name).forward


def _on_nodes(name: str) -> Callable[..., Any]:
    return _chosen if name == "where" else _known(name)


def _known(name: str) -> Op:
    if name not in OPS:
        raise FormulaError(f"there is no operation {name!r} for a formula to call")
    return OPS[name]


def _chosen(condition: Any, x: Any, y: Any) -> Any:
    """``where``, but that a condition which is a plain number has decided already."""
    if hasattr(condition, "record_operation"):
        return OPS["where"](condition, x, y)
    return x if condition else y
