"""Lowering that nobody asked for: of graphs that keep coming, and of a function on a long way.

Both follow the function wherever it goes, as ``LoweredFunction`` does not: what they return is
always the function's own, to rounding. The numbers that decide are those of ``policy``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import nullcontext

import numpy as np

from ..core import Value
from ..core.decisions import REMEDY, Watch, warn
from ..core.scalar_function import ScalarFunction
from ..core.sweep import consumers_first
from ..text import point as point_text
from . import policy
from .backends import BACKENDS
from .function import Guard, Programs, Signature, signature
from .graph import LoweringError


class Recurring:
    """Programs for the graphs that keep coming, by what the graphs are.

    A graph is found by its signature, which holds everything that its programs depend on, so that
    a program that has grown old cannot answer for a function that has changed.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[Signature, int | Programs | None] = OrderedDict()

    def hessian(self, root: Value, leaves: Sequence[Value]) -> list[list[float]] | None:
        """The Hessian by a program; None as long as, or if, the graph has none."""
        order = consumers_first(root)
        if len(order) not in policy.SIZES:
            return None
        point = np.array([leaf.data for leaf in leaves])
        key = signature(order, leaves)
        found = self._known.pop(key, 0)
        hessian: list[list[float]] | None = None
        if isinstance(found, int):
            found = found + 1 if found + 1 < policy.CALLS else Programs(root, leaves)
        if isinstance(found, Programs):
            try:
                hessian = found.hessian(point).tolist()
            except LoweringError:  # The graph itself will do.
                found = None
        self._known[key] = found
        while len(self._known) > policy.KEPT:
            self._known.popitem(last=False)
        return hessian

    def clear(self) -> None:
        """Forget all graphs and their programs."""
        self._known.clear()


HESSIANS = Recurring()
"""The graphs of which ``autograd.hessian`` has been asked for the Hessian."""


class UndefinedError(Exception):
    """A function has raised an error that means that it has no value at a point: its cause."""


class DepartedError(Exception):
    """A program that nobody asked for is not that of the function, as was found too late."""


class Followed:
    """f and its gradient at one point after another: from the graph, then from a program.

    A program stands for the graph that it was made from, and f may record another one elsewhere. So
    an f that compares its Values, or reads their numbers, gets none. For what cannot be noticed so,
    whatever a program says is compared with what f gives for plain floats, at a tenth of the cost
    of a recording; where that is no answer, or another number, f is recorded. Now and then it is
    recorded all the same, and the graphs compared, as a slope may change where the value does not.

    Args:
        function: f.
        engine: a back end, used from the second point on; ``"auto"`` for NumPy as soon as a program
            is likely worth its making.
    """

    def __init__(self, function: ScalarFunction, engine: str) -> None:
        self._function = function
        self._auto = engine == "auto"
        self._engine = "numpy" if self._auto else engine
        BACKENDS[self._engine].importable()
        self._programs: Programs | None = None
        self._recordings = 0
        self._lower_at = 0 if self._auto else 1
        self._doubts = 0
        self._decision = ""  # by which f decides what it records
        self._believed = 0  # how often a program has, since f was last recorded

    @property
    def lowered(self) -> bool:
        """Whether there is a program."""
        return self._programs is not None

    def __call__(self, point: list[float], afresh: bool = False) -> tuple[float, list[float]]:
        """The value and the gradient; ``afresh``: from a new recording in any case.

        Raises:
            UndefinedError: if f raises an error of arithmetic.
            LoweringError: if what f records depends on numbers, and the engine was named.
            DepartedError: if that is found, and earlier answers may have been wrong.
        """
        follows = True
        self._drop_departed()
        if self._programs is not None:
            value, slopes = self._programs.value_and_gradient(np.array(point))
            follows = self._agrees(self._programs.guard, point, value)
            if self._stands(self._programs.guard, follows) and not afresh:
                return value, slopes.tolist()
        root, leaves = self._record(point, follows)
        return root.data, self._function.gradient(root, leaves)

    def _drop_departed(self) -> None:
        """Let go of programs of a function that uses Values which were assigned to since."""
        if self._programs is not None and self._programs.departed:
            self._programs = None

    def value(self, point: list[float]) -> float:
        """The value alone."""
        follows = True
        self._drop_departed()
        if self._programs is not None:
            value = self._programs.value(np.array(point))
            follows = self._agrees(self._programs.guard, point, value)
            if self._stands(self._programs.guard, follows):
                return value
        return self._record(point, follows)[0].data

    def _agrees(self, guard: Guard, point: list[float], value: float) -> bool:
        """Whether f gives the program's number for plain floats."""
        # An f that calls NumPy would warn of what has an infinity or a nan as a Value.
        with np.errstate(all="ignore"):
            return guard.agrees(value, self._function.plain(point))

    def _stands(self, guard: Guard, agrees: bool) -> bool:
        """Whether the program may be believed here without a new recording."""
        if not guard.due() and agrees:
            self._believed += 1
            return True
        self._doubts += 1
        return False

    def _record(self, point: list[float], agreed: bool) -> tuple[Value, list[Value]]:
        """The graph at a point; a program that is not of this graph goes, or one may come.

        Args:
            point: the point.
            agreed: whether the program, if there is one, has given f's own value here.
        """
        leaves = self._function.leaves(point)
        lowers, watch = BACKENDS[self._engine].lowers, Watch(leaves)
        try:
            with watch if lowers else nullcontext():
                root = self._function(leaves)
        except (ArithmeticError, ValueError) as error:
            raise UndefinedError(f"f raises {type(error).__name__} ({error})") from error
        if not lowers:
            return root, leaves
        self._decision = self._decision or watch.found
        if self._programs is not None:
            believed, self._believed = self._believed, 0
            if self._decision or not self._programs.guard.holds(root, leaves):
                self._programs = None
                # To lower again pays off later each time, if f keeps changing.
                self._recordings, self._lower_at = 0, 2 * self._lower_at
                if believed and agreed:  # only the graphs tell, so that it may have been before
                    self._depart(point)
            elif self._auto and policy.DOUBTS < self._doubts > self._programs.guard.evaluations / 2:
                # A program that has to be looked at more often than not is no faster.
                self._programs, self._engine = None, "python"
                return root, leaves
        self._recordings += 1
        if not self._lower_at:
            nodes = len(consumers_first(root))
            self._lower_at = max(policy.RECORDINGS, policy.NODES // nodes)
        if self._programs is None and self._recordings >= self._lower_at:
            self._lower(root, leaves, point)
        return root, leaves

    def _lower(self, root: Value, leaves: list[Value], point: list[float]) -> None:
        """Make a program, unless f decides by numbers what to record."""
        if self._decision:
            if not self._auto:
                raise LoweringError(
                    f"{self._function.tool}: f {self._decision}, and a program of "
                    f"engine={self._engine!r} cannot; {REMEDY}, or take engine='python'"
                )
            warn(
                f"{self._function.tool}: f {self._decision}, so it is computed with Values at "
                f"every point; to be faster, {REMEDY}; engine='python' says that it is meant"
            )
            self._engine = "python"
            return
        programs = Programs(root, leaves, self._engine)
        try:
            programs.value_and_gradient(np.array(point))
            self._programs, self._doubts = programs, 0
        except LoweringError:
            if not self._auto:
                raise
            self._engine = "python"

    def _depart(self, point: list[float]) -> None:
        found = (
            f"{self._function.tool}: f records another graph at {point_text(point)} than where it "
            f"was lowered, and the gradients of steps before may have been wrong"
        )
        if self._auto:
            raise DepartedError(found)
        raise LoweringError(f"{found}; {REMEDY}, or take engine='python'")
