"""What a row of the operation table is: ``Op``. The rows themselves are in ``ops``.

A row states its formulas, and everything else is made of them when it is first asked for: functions
of floats for values and gradients, rules that record for gradients of gradients. A row of a user's
own is one like any other, but that it may be replaced by another of its name.
"""

from __future__ import annotations

import keyword
import unicodedata
import warnings
from collections.abc import Callable, Sequence
from functools import cached_property
from math import inf
from typing import Any, NamedTuple, TypeAlias

from ..text import counted, got, operand
from . import ieee
from .forks import shared_lock
from .formula import CONSTANTS, FLOATS, NODES, Form, FormulaError, Notation, compiled, read


class Partial(NamedTuple):
    """The derivative of an operation with respect to one operand.

    Attributes:
        text: the formula for people; "0" says that no derivative passes, whatever arrives.
        computed: the formula to compute by, where the other would overflow, lose digits or meet a
            nan that hides a number; otherwise "".
        on_nodes: the rule on nodes, where what is right for floats would meet such a nan when it is
            differentiated again; otherwise None.
    """

    text: str
    computed: str = ""
    on_nodes: Callable[..., Any] | None = None

    @property
    def passes(self) -> bool:
        """Whether a derivative passes here at all."""
        return self.text != "0"

    @property
    def constant(self) -> float | None:
        """The slope if it is a number; None if it is a formula, or no derivative passes."""
        try:
            return float(self.text) if self.passes else None
        except ValueError:
            return None


class Kink(NamedTuple):
    """A place where the derivative does not exist, and what the row says there instead."""

    where: str
    convention: str


Interval: TypeAlias = tuple[float, float]
REALS: Interval = (-inf, inf)
POSITIVE: Interval = (0.0, inf)


class Definition(NamedTuple):
    """All that a row is made of; ``Op`` says what each is."""

    name: str
    text: str
    partials: tuple[Partial, ...]
    computed: str
    by: Callable[..., float] | None
    symbol: str
    letters: str
    variadic: bool
    domain: tuple[Interval, ...]
    kinks: tuple[Kink, ...]
    calls: tuple[Op, ...]
    of_all: tuple[tuple[str, str], ...] = ()


OPS: dict[str, Op] = {}
"""The table: its rows by their names."""
EVERY: dict[str, Op] = {}
"""Every row that there has been, by its key, those also that were replaced."""
BUILT_IN: set[str] = set()
"""The names of autograd's own rows, which nobody can replace; filled when all are there."""
DEEPEST = 200
"""How deep rows of a user's own may call one another: each is a call within a call of Python."""
_entering = shared_lock()
_LETTERS = set("abcdefghijklmnopqrstuvwxy")


class Op:
    """One row of the table.

    An ``Op`` is also the function that it describes: called with numbers it gives a float; called
    with anything that records operations, such as a ``Value``, it gives a recorded node.

    Attributes:
        name: what Python code calls it.
        text: the formula as a Python expression in ``letters``.
        partials: one ``Partial`` for each operand; a single one serves all when arity is None.
        computed: the formula to compute by: ``text``, where nothing else was given.
        by: a function of floats that computes it, if no formula does.
        symbol: what a picture writes in its node, and between operands if it is no name.
        letters: what the formulas call the operands, in order.
        arity: the number of operands, or ``None`` for any number, at least one.
        linear: whether every slope is a constant, so that none has to be evaluated.
        domain: for each operand the open interval in which the result is finite and the partials
            are the true derivatives, kinks aside.
        kinks: where the derivative does not exist or takes care, and what it is there.
        calls: the rows of a user's own that its formulas call.
        of_all: letters that the slopes of a row of any number of operands have besides x and z, and
            for each the row that gives it, once for a node, from all the operands.
        key: the name; of a row of a user's own ``name~1``, of a second of that name ``name~2``.

    Example:
        >>> from autograd import Op, Value
        >>> cube = Op("cube", "x ** 3", "3 * x ** 2")
        >>> cube(2.0), cube(Value(2.0))
        (8.0, Value(data=8.0, grad=0.0))
    """

    name: str
    text: str
    partials: tuple[Partial, ...]
    computed: str
    by: Callable[..., float] | None
    symbol: str
    letters: str
    domain: tuple[Interval, ...]
    kinks: tuple[Kink, ...]
    calls: tuple[Op, ...]
    of_all: tuple[tuple[str, str], ...]
    __name__: str
    key: str
    arity: int | None
    linear: bool
    _definition: Definition

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
        of_all: tuple[tuple[str, str], ...] = (),
    ) -> Op:
        """A new row; or the one that stands in the table, if that is equal.

        Args:
            name: what Python code calls it.
            text: the formula for people, in the letters x, y, w, v, u, as many as there are slopes.
            partials: the slope in each operand, a formula that may also have z, the result; "0"
                says that no derivative passes.
            computed: the formula to compute by, if that is another.
            by: a function of floats that computes it, never raising, where no formula says how.
            symbol: what a picture writes; by default the name.
            letters: other letters for the operands.
            variadic: whether it takes any number of operands.
            domain: as above; by default all reals.
            kinks: as above.
            of_all: as above: pairs of a letter and the name of a row, if it is variadic.

        Raises:
            ValueError: if the name is one of autograd's rows, or can be no name.
            FormulaError: if a formula cannot be read; a kind of ValueError.
            TypeError: if a formula is no str.
        """
        slopes = tuple([p if isinstance(p, Partial) else Partial(p) for p in partials])
        letters = letters or "xywvu"[: len(slopes)]
        domain = domain or (REALS,) * len(slopes)
        computed = computed or text
        symbol = symbol or name
        definition = Definition(
            name, text, slopes, computed, by, symbol, letters, variadic, domain, kinks, (), of_all
        )
        return _entered(cls, definition, replaces=True)

    def _define(self, definition: Definition) -> None:
        vars(self).update(definition._asdict())
        self._definition = definition
        self.__name__ = self.key = self.name
        self.arity = None if definition.variadic else len(self.partials)
        self.linear = not any(p.passes and p.constant is None for p in self.partials)
        self.__doc__ = "\n".join(
            [
                f"z = {self.text}",
                *(f"dz/d{x} = {p.text}" for x, p in zip(self.letters, self.partials)),
                *(f"At {kink.where}: {kink.convention}." for kink in self.kinks),
            ]
        )

    def takes(self, operands: int) -> bool:
        """Whether it is a function of so many operands."""
        return operands == self.arity or (self.arity is None and operands > 0)

    def arity_error(self, operands: int) -> TypeError:
        """What to raise where it does not take so many."""
        wanted = "one operand or more" if self.arity is None else counted(self.arity, "operand")
        return TypeError(f"{self.name} takes {wanted}, got {operands}")

    @cached_property
    def depth(self) -> int:
        """How deep rows of a user's own call one another: 1 for one that calls none."""
        return 1 + max([op.depth for op in self.calls], default=0)

    @property
    def is_primitive(self) -> bool:
        """Whether it says no more than its own name: each language has to have it as a function."""
        call = f"{self.name}({', '.join(self.letters)})"
        return self.name in BUILT_IN and self.computed == call

    @property
    def is_written(self) -> bool:
        """Whether its formula says how it is computed, in any language."""
        # What autograd computes by a function, as a sum of two, is so for its speed alone.
        by_formula = self.by is None or (self.name in BUILT_IN and self.arity is not None)
        return by_formula and not self.is_primitive

    @cached_property
    def form(self) -> Form:
        """How it is written on its operands."""
        return Form.of(self.symbol, self.arity)

    @cached_property
    def forward(self) -> Callable[..., float]:
        """The operation on floats; it never raises."""
        if self.by is not None:
            return self.by
        if self.is_primitive:
            return ieee.elementary(self.name, self.domain[0])
        return self._compiled(FLOATS, self.computed, self.letters)

    @cached_property
    def on_nodes(self) -> Callable[..., Any]:
        """The operation as its formula says, in terms of other rows that record."""
        return self._compiled(NODES, self.computed, self.letters)

    @cached_property
    def slopes(self) -> tuple[Any, ...]:
        """For each partial a function of floats ``(z, x, y)``; if the row is linear, a number.

        None stands for a number where no derivative passes.
        """
        return self._rules(FLOATS)

    @cached_property
    def rules(self) -> tuple[Any, ...]:
        """The same on nodes, with rows that record."""
        return self._rules(NODES)

    @property
    def jumps(self) -> bool:
        """Whether it jumps somewhere, so that its slopes do not say all of how it changes."""
        flat = not all(partial.passes for partial in self.partials)
        said = any(kink.convention.startswith("it jumps") for kink in self.kinks)
        return said or (flat and bool(self.kinks))

    def slopes_at(self, z: float, xs: Sequence[float]) -> Sequence[float | None]:
        """The slope in each operand, where these are the numbers; None where none passes."""
        if self.linear:
            return self.slopes if self.arity is not None else self.slopes * len(xs)
        if self.arity is not None:
            return [slope(z, *xs) for slope in self.slopes]
        shared = self.shared(xs, recording=False)
        return [self.slopes[0](z, x, *shared) for x in xs]

    def shared(self, operands: Sequence[Any], recording: bool) -> list[Any]:
        """What the letters of ``of_all`` stand for, as nodes or as floats of floats."""
        rows = [OPS[row] for _, row in self.of_all]
        return [row(*operands) if recording else row.forward(*operands) for row in rows]

    def _rules(self, notation: Notation) -> tuple[Any, ...]:
        def rule(partial: Partial) -> Any:
            constant = partial.constant
            if self.linear:
                return constant
            if constant is not None or not partial.passes:
                return lambda *operands: constant
            if partial.on_nodes is not None and notation is NODES:
                return partial.on_nodes
            text = partial.computed or partial.text
            return self._compiled(notation, text, self.slope_letters)

        return tuple(map(rule, self.partials))

    @property
    def slope_letters(self) -> str:
        """The letters of a slope's formula: the result, the operands, and those of ``of_all``."""
        return "".join(["z", self.letters, *(letter for letter, _ in self.of_all)])

    def _compiled(self, notation: Notation, text: str, letters: str) -> Callable[..., Any]:
        own = {op.name: op for op in self.calls}

        def known(name: str) -> Any:
            if notation is NODES and name in _ON_NODES:
                return _ON_NODES[name]
            op = own.get(name) or OPS[name]
            return op.forward if notation is FLOATS else op

        return compiled(self.name, notation, read(text, letters), letters, known)

    def __call__(self, *operands: Any) -> Any:
        """Apply to numbers, giving a float, or to what records operations, giving a node.

        Raises:
            TypeError: if there are too many operands, or too few, or one is no number.
        """
        for x in operands:
            if type(x) is not float:
                record = getattr(x, "record_operation", None)
                if record is not None:
                    return record(self, operands)
        if not self.takes(len(operands)):
            raise self.arity_error(len(operands))
        try:
            numbers = [operand(x) for x in operands]
        except (TypeError, ValueError) as error:
            raise type(error)(f"{self.name}(): {error}") from None
        return self.forward(*numbers)

    def __repr__(self) -> str:
        return f"<op {self.name}: z = {self.text}>"

    def __reduce__(self) -> tuple[Callable[..., Op], tuple[Any, ...]]:
        """A row of autograd goes by its name; one of a user's own takes its formulas along."""
        if self.name in BUILT_IN:
            return _row, (self.name,)
        return _restored, (type(self), tuple(self._definition))

    def formula(self, operands: Sequence[str]) -> str:
        """The operation written on names and formulas: ``a * b``, ``tanh(n)``, ``(a + b) * c``."""
        return self.form.write(operands)


def formulas() -> str:
    """What autograd's own rows compute by, as text: what is compiled of them holds for that."""
    texts = []
    for op in map(OPS.__getitem__, sorted(BUILT_IN)):
        slopes = [partial.computed or partial.text for partial in op.partials]
        texts.append("; ".join([op.name, op.letters, op.computed, *slopes, str(op.of_all)]))
    return "\n".join(texts)


def _entered(cls: type[Op], definition: Definition, replaces: bool) -> Op:
    """The row of a definition, new or there already; it takes the place of another, if it may."""
    with _entering:
        if BUILT_IN:  # and not while autograd's own are being made, which its tests check
            definition = _checked(definition)
        equal = [op for op in EVERY.values() if op._definition == definition]
        row = equal[0] if equal else _made(cls, definition)
        there = OPS.setdefault(row.name, row)
        if there is not row and replaces:
            OPS[row.name] = row
            old, new = [str(op.__doc__).replace("\n", ", ") for op in (there, row)]
            warnings.warn(
                f"the operation {row.name} is {new} from now on; a node that was made before keeps "
                f"its own, {old}",
                stacklevel=3,
            )
        return row


def _made(cls: type[Op], definition: Definition) -> Op:
    row = object.__new__(cls)
    row._define(definition)
    if BUILT_IN:  # of a user's own, so that what is wrong is said now
        _ = row.forward, row.slopes, row.rules, row.by or row.on_nodes
        count = 1
        while (key := f"{row.name}~{count}") in EVERY:
            count += 1
        row.key = key
    EVERY[row.key] = row
    return row


def _checked(definition: Definition) -> Definition:
    """A definition with the rows that it calls, once it is known that it can be used.

    Raises:
        ValueError: if the name is taken or can be none, or something else is not as it should be.
        FormulaError: if a formula cannot be read, or calls what there is not.
        TypeError: if a formula is no str.
    """
    name, slopes, letters = definition.name, definition.partials, definition.letters
    named = isinstance(name, str) and name.isidentifier() and not keyword.iskeyword(name)
    if not named or name.startswith("__"):  # with which Python names things of its own
        raise ValueError(f"{name!r} can be no function's name; write such as 'cube'")
    normal = unicodedata.normalize("NFKC", name)
    if normal != name:
        raise ValueError(f"{name!r} is {normal!r} to Python; give the operation that name")
    if name in BUILT_IN or name in _ON_NODES:
        raise ValueError(f"{name} is an operation of autograd; give yours another name")
    if name in CONSTANTS or len(name) == 1:
        raise ValueError(f"{name} is a number in formulas; give yours a longer name")
    if not 0 < len(slopes) == len(letters) == len(_LETTERS & set(letters)):
        raise ValueError(
            f"{name} takes one to five operands and a slope in each, got {len(slopes)} slopes for "
            f"the letters {letters!r}; write such as Op('cube', 'x ** 3', '3 * x ** 2')"
        )
    kinks_are = all(isinstance(kink, Kink) for kink in definition.kinks)
    if len(definition.domain) != len(slopes) or not kinks_are:
        raise ValueError(f"{name}: domain is an interval for each operand, kinks are Kinks")
    by = definition.by
    if by is not None and not callable(by):
        raise TypeError(f"{name}: by is a function of floats, got {got(by)}")
    for letter, row in definition.of_all:
        taken = not isinstance(letter, str) or len(letter) != 1 or letter in f"z{letters}"
        wide = definition.variadic and row in OPS and OPS[row].arity is None
        if taken or not wide:
            raise ValueError(
                f"{name}: of_all has a new letter for each row of any number of operands that the "
                f"slopes of another such row need, as in ('t', 'sum'), got {(letter, row)}"
            )
    known_letters = "".join(["z", letters, *(letter for letter, _ in definition.of_all)])
    formulas = [(known_letters, x) for p in slopes for x in p[:2] if x or x is p.text]
    if by is None:
        if definition.variadic:
            raise ValueError(f"{name}: no formula is of any number of operands; give by= as well")
        formulas += [(letters, definition.computed)]
    own = {op.name: op for op in definition.calls}
    for known, formula in formulas:
        for token in read(formula, known):
            if token.is_call:
                called = own.get(str(token.what)) or OPS.get(str(token.what))
                if called is None:
                    raise FormulaError(f"{formula!r}: there is no operation {token.what!r} to call")
                if not called.takes(token.operands or 0):
                    raise FormulaError(f"{formula!r}: {called.arity_error(token.operands or 0)}")
                if called.name not in BUILT_IN:
                    own[called.name] = called
    depth = 1 + max([op.depth for op in own.values()], default=0)
    if depth > DEEPEST:
        raise FormulaError(
            f"{name}: its formula calls rows that call rows, and so on {depth} deep, which is too "
            f"deep for Python; write out some of them"
        )
    return definition._replace(calls=tuple(own.values()))


def _row(name: str) -> Op:
    """A row of autograd from a pickle: the one of this table, whatever it was when it was saved."""
    return OPS[name]


def _restored(cls: type[Op], definition: tuple[Any, ...]) -> Op:
    """A row of a user's own from a pickle: an equal one that there is, or else itself."""
    return _entered(cls, Definition(*definition), replaces=False)


def choose(condition: Any, x: Any, y: Any) -> Any:
    """``where``, but that a condition which is a plain number has decided already."""
    if hasattr(condition, "record_operation"):
        return OPS["where"](condition, x, y)
    return x if condition else y


def _both(condition: Any, other: Callable[[], Any]) -> Any:
    """``and`` on conditions that are 1 or 0; the other is not computed where a number decides."""
    if hasattr(condition, "record_operation"):
        return condition * other()
    return other() if condition else 0.0


_ON_NODES = {"where": choose, "both": _both}
