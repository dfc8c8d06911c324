"""A function of Values as array programs, and the guard that says if its recording still holds.

What f records is lowered once; an evaluation then costs some calls of NumPy however many nodes the
graph has. That is right as long as f records the same graph everywhere. Everybody who uses a
program in place of a function asks ``Guard``, or ``BatchGuard`` where it is one of instances.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..core import Value, grad
from ..core.decisions import REMEDY, Watch
from ..core.forks import own_lock
from ..core.functions import dot
from ..core.scalar_function import ConstantFunction, as_point
from ..core.sweep import consumers_first
from ..text import point as point_text
from . import policy
from .backends import Computation, named_backend
from .graph import LoweringError
from .lowered import Request
from .program import NotCopied, Program

TOOL = "LoweredFunction"
RECORD = f"{REMEDY}, or call autograd.gradient and autograd.hessian, which record f at every point"
Array: TypeAlias = NDArray[np.float64]
Places: TypeAlias = NDArray[np.int_]
Signature: TypeAlias = "tuple[tuple[str, ...], bytes, bytes]"


def signature(order: Sequence[Value], leaves: Sequence[Value]) -> Signature:
    """What tells a graph over some leaves apart from another: operations, operands, constants.

    Two graphs of one signature are the same function of their leaves, whatever those hold.

    Args:
        order: the nodes of the graph, consumers first.
        leaves: what it is a function of.
    """
    places = {node: place for place, node in enumerate(order)}
    for i, leaf in enumerate(leaves):
        places[leaf] = -2 - i
    names: list[str] = []
    operands = array("q", [places[order[0]]])  # of the root, which may be one of the leaves
    constants = array("d")
    for node in order:
        if node.op is None:
            if places[node] >= 0:
                names.append("constant")
                constants.append(node.data)
            continue
        names.append(node.op.key)
        operands.append(len(node.operands))
        for operand in node.operands:
            if isinstance(operand, Value):
                operands.append(places[operand])
            else:
                operands.append(-1)
                constants.append(operand)
    return tuple(names), operands.tobytes(), constants.tobytes()


class Guard:
    """Says whether what was recorded of a function still holds.

    Attributes:
        signature: of the graph that was recorded.
        evaluations: how often a program has stood for the function since it was last refuted.
    """

    def __init__(self, root: Value, leaves: Sequence[Value]) -> None:
        self.signature = signature(consumers_first(root), leaves)
        self.evaluations, self._due = 0, 1
        self._most = policy.AGAIN * max(len(self.signature[0]), policy.FEWEST)

    def due(self) -> bool:
        """Count an evaluation, and say whether it is one to record the function at.

        That is the 1st, 2nd, 4th, 8th, ..., and later at distances that no longer grow.
        """
        self.evaluations += 1
        if self.evaluations < self._due:
            return False
        self._due += min(self.evaluations, self._most)
        return True

    def holds(self, root: Value, leaves: Sequence[Value]) -> bool:
        """Whether the function has recorded the same graph, with the same numbers in it.

        If not, the count of evaluations begins again, and the next is looked at as well.
        """
        same = signature(consumers_first(root), leaves) == self.signature
        if not same:
            self.evaluations, self._due = 0, 1
        return same

    @staticmethod
    def agrees(found: float, expected: float | None) -> bool:
        """Whether a program's number is the function's own, for plain floats, up to rounding."""
        return expected is not None and abs(expected - found) <= policy.AGREEMENT * abs(expected)


class BatchGuard:
    """Says whether a program that was recorded at one instance holds for a batch.

    A few instances are recorded too, and then evaluated by whoever asks. A branch that none of them
    takes goes unseen.

    Args:
        program: the program.
        batch: the instances as rows, T x D.
        record: records an instance: the root, its leaves, and what is observed besides.

    Attributes:
        instances: a few that are as different as a cheap look can tell, the first left out.
    """

    def __init__(
        self,
        program: Program,
        batch: Array,
        record: Callable[[int], tuple[Value, Sequence[Value], Sequence[Value]]],
    ) -> None:
        self._program, self._record = program, record
        finite = np.nan_to_num(batch, posinf=1e9, neginf=-1e9)
        with np.errstate(over="ignore"):
            total = finite.sum(axis=1)
            distance = np.abs(finite - finite[0]).sum(axis=1)
        columns = (total, -total, -distance, finite[:, -1], -finite[:, -1])
        self.instances = sorted({len(batch) - 1, *(int(x.argmin()) for x in columns)} - {0})

    def courses(self) -> Iterator[tuple[int, str]]:
        """Each of the instances, and where it takes another course; empty if it does not."""
        for i in self.instances:
            yield i, self._program.difference(*self._record(i))

    @staticmethod
    def agree(found: Any, expected: Any, nothing: float = 1e-300) -> bool:
        """Whether the program's numbers are those of the model; up to ``nothing`` counts as 0."""
        return np.allclose(found, expected, policy.BATCH_AGREEMENT, nothing, equal_nan=True)


class LoweredFunction(NotCopied):
    """A function of D inputs and its derivatives, recorded once and evaluated as array programs.

    The functions of calculus record f at every call, and so follow it wherever it goes; this is
    for an f that is the same graph everywhere. One that compares its Values, or reads their
    numbers, is refused. What cannot be noticed so, such as numbers from elsewhere that change, is
    looked for at the 1st, 2nd, 4th, 8th, ... evaluation, later at even distances: f is recorded
    there, and refused if that is another graph. ``check`` looks wherever you ask. Each derivative
    is lowered when it is first asked for.

    Args:
        f: a function of D scalars, or of one list of D, that returns one Value.
        xs: a point to record it at: D numbers, or a single one for D = 1.
        engine: of ``lower``: ``"numpy"``, ``"jax"`` or ``"python"``.

    Raises:
        LoweringError: if what f records depends on numbers.
        TypeError: if f or xs is of a wrong kind.
        ValueError: if xs is empty, or the engine is not known.

    Example:
        >>> from autograd import LoweredFunction
        >>> f = LoweredFunction(lambda x, y: x * x * y, [1.0, 1.0])
        >>> f.hessian([3.0, 2.0]).tolist()
        [[4.0, 6.0], [6.0, 0.0]]
    """

    def __init__(
        self, f: Callable[..., Value], xs: float | Iterable[float], *, engine: str = "numpy"
    ) -> None:
        named_backend(engine, TOOL)
        point = as_point(TOOL, xs)
        self._function = ConstantFunction(TOOL, f, len(point))
        leaves = self._function.leaves(point)
        root = self._record(leaves)
        self._function.gradient(root, leaves)  # which refuses what is no constant for a program
        self._programs = Programs(root, leaves, engine)
        self._size = len(point)

    def value(self, xs: float | Iterable[float]) -> float:
        """The value at a point.

        Raises:
            LoweringError: this, and every method here, if f is seen to record another graph.
            TypeError: if xs is not made of real numbers.
            ValueError: if xs is not D numbers; both hold for every method here.
        """
        return self._programs.value(self._point(xs))

    def gradient(self, xs: float | Iterable[float]) -> Array:
        """The gradient at a point, an array of length D."""
        return self.value_and_gradient(xs)[1]

    def value_and_gradient(self, xs: float | Iterable[float]) -> tuple[float, Array]:
        """Both, for the cost of the gradient."""
        return self._programs.value_and_gradient(self._point(xs))

    def hessian(self, xs: float | Iterable[float]) -> Array:
        """The Hessian at a point, an array of shape D x D, symmetric to the last bit."""
        return self._programs.hessian(self._point(xs))

    def hvp(self, xs: float | Iterable[float], v: float | Iterable[float]) -> Array:
        """The Hessian at a point times a vector v of length D, without the Hessian."""
        along = self._vector("v", v)
        return self._programs.hvp(self._point(xs), along)

    def check(self, xs: float | Iterable[float]) -> None:
        """Record f at a point, and compare with the graph that was lowered.

        Raises:
            LoweringError: if they differ.
        """
        point = self._vector("xs", xs)
        leaves = self._function.leaves(point.tolist())
        if not self._programs.guard.holds(self._record(leaves), leaves):
            raise LoweringError(
                f"f records another graph at {point_text(point.tolist())} than where it was "
                f"lowered: it branches, or uses numbers that have changed, and what it gave since "
                f"it was last looked at may be wrong; {RECORD}"
            )

    def _record(self, leaves: list[Value]) -> Value:
        """What f gives for some leaves, as long as numbers decide nothing there."""
        with Watch(leaves) as watch:
            root = self._function(leaves)
        if watch.found:
            raise LoweringError(f"{TOOL}: f {watch.found}, and a program cannot; {RECORD}")
        return root

    def _point(self, xs: float | Iterable[float]) -> Array:
        point = self._vector("xs", xs)
        self._programs.refuse_departed()
        if self._programs.guard.due():
            self.check(point)
        return point

    def _vector(self, name: str, xs: Any) -> Array:
        if isinstance(xs, np.ndarray) and xs.dtype == np.float64:
            vector = xs
        else:
            vector = np.array(as_point(TOOL, xs, name))
        if vector.shape != (self._size,):
            raise ValueError(
                f"{TOOL}: {name} must be {self._size} real numbers, as f was recorded with, got "
                f"an array of shape {vector.shape}"
            )
        return vector


class Programs:
    """The programs of one graph over D leaves; safe to share between threads.

    Each is lowered when it is first asked for, which raises ``LoweringError`` if a number that the
    graph holds has changed by then: the programs would be of different functions.

    Attributes:
        guard: of the graph.
    """

    def __init__(self, root: Value, leaves: Sequence[Value], engine: str = "numpy") -> None:
        self.guard = Guard(root, leaves)
        self._root, self._leaves, self._engine = root, list(leaves), engine
        self._made: dict[str, Program] = {}
        self._lock = own_lock()
        self._below = np.tri(len(leaves), dtype=bool)
        self._entries: tuple[Places, Places] | None = None

    def value(self, point: Array) -> float:
        """The value at a point of D numbers."""
        with self._lock:
            return float(self._at(point, "first", lambda: [self._root]).value()[0])

    def value_and_gradient(self, point: Array) -> tuple[float, Array]:
        """The value and the gradient, of length D."""
        with self._lock:
            values, rows = self._at(point, "first", lambda: [self._root])()
            return float(values[0]), rows[0]

    def hessian(self, point: Array) -> Array:
        """The Hessian, D x D: what is computed below the diagonal is mirrored."""
        with self._lock:
            if self._entries is None:
                self._entries = self._find_entries()
            i, j = self._entries
            if len(i) > policy.SPARSE * len(point):
                _, rows = self._at(point, "second", self._gradient)()
                found: Array = np.where(self._below, rows, rows.T)
                return found
            found = np.zeros(self._below.shape)
            if len(i):
                program = self._at(point, "second", self._second, first=Request.VALUES)
                found[i, j] = found[j, i] = program.value()
        return found

    def hvp(self, point: Array, v: Array) -> Array:
        """The Hessian times v: the gradient of the slope along v."""
        with self._lock:
            along = [Value(1.0) for _ in self._leaves]
            program = self._at(point, "hvp", lambda: [dot(self._gradient(), along)], along)
            product: Array = program(v[None, :])[1][0]
            return product

    def _gradient(self) -> list[Value]:
        self._refuse_another()
        return list(grad(self._root, self._leaves, create_graph=True))

    def _refuse_another(self) -> None:
        if not self.guard.holds(self._root, self._leaves):
            raise LoweringError(
                "a Value that f uses holds another number than where f was recorded; record f "
                "again, or call autograd.gradient and autograd.hessian, which do so every time"
            )

    def _find_entries(self) -> tuple[Places, Places]:
        """Where the Hessian may not be 0, on and below the diagonal: where slope i depends on j."""
        places = {leaf: j for j, leaf in enumerate(self._leaves)}
        pairs = [
            (i, places[node])
            for i, slope in enumerate(self._gradient())
            for node in consumers_first(slope)
            if places.get(node, len(places)) <= i
        ]
        return np.array([i for i, _ in pairs], int), np.array([j for _, j in pairs], int)

    def _second(self) -> list[Value]:
        assert self._entries is not None
        slopes = self._gradient()
        return [
            grad(slopes[i], self._leaves[j], create_graph=True)[0] for i, j in zip(*self._entries)
        ]

    def _at(
        self,
        point: Array,
        name: str,
        roots: Callable[[], list[Value]],
        inputs: Sequence[Value] = (),
        first: Request = Request.STEP,
    ) -> Program:
        """The program of some roots, with a point as its parameters."""
        program = self._made.get(name)
        if program is None:
            self._refuse_another()
            # Not by lower(), which would refuse leaves that no root depends on.
            computation = Computation(roots(), list(inputs), self._leaves, [], self._engine, first)
            program = self._made[name] = Program(computation, single=False)
        program.parameters[:] = point
        return program

    def refuse_departed(self) -> None:
        """Nothing, if all Values that f uses hold what programs have of them.

        Raises:
            LoweringError: else.
        """
        if self.departed:
            self._refuse_another()

    @property
    def departed(self) -> bool:
        """Whether a Value that f uses was assigned another number than programs have of it."""
        return any(x._computation.held.departed(x.parameters) for x in self._made.values())
