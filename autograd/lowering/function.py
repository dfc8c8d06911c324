"""A function of Values as array programs: for those who evaluate it, and differentiate it, often.

What f records is lowered once; an evaluation then costs some calls of NumPy however many nodes the
graph has. That holds as long as f records the same graph everywhere, which is looked at.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..core.functions import dot
from ..core.scalar_function import ScalarFunction, as_point, signature
from ..core.sweep import consumers_first
from ..core.value import Value, grad
from . import LoweringError, lower
from .backends import named_backend
from .program import NotCopied

TOOL = "LoweredFunction"
# With up to so many entries in a row, a Hessian is computed entry by entry, each a root of its own:
# less is done at each call then, and more once. A denser one is the Jacobian of the gradient.
SPARSE = 4
Array: TypeAlias = NDArray[np.float64]
Places: TypeAlias = NDArray[np.int_]


class LoweredFunction(NotCopied):
    """A function of D inputs and its derivatives, recorded once and evaluated as array programs.

    The functions of calculus record f at every call, and so follow it wherever it goes; this is
    for an f that is the same graph everywhere. It is looked at again after 1, 2, 4, 8, ...
    evaluations: f is recorded there, and an f that branches otherwise is refused, from where on
    the count begins again. ``check`` looks wherever you ask. Each derivative is lowered when it is
    first asked for.

    Args:
        f: a function of D scalars, or of one list of D, that returns one Value.
        xs: a point to record it at: D numbers, or a single one for D = 1.
        engine: of ``lower``: ``"numpy"``, ``"jax"`` or ``"python"``.

    Raises:
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
        self._function = ScalarFunction(TOOL, f, len(point))
        leaves = self._function.leaves(point)
        self._programs = Programs(self._function(leaves), leaves, engine)
        self._size = len(point)
        self._evaluations = 0

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
        if signature(self._function(leaves), leaves) != self._programs.signature:
            self._evaluations = 0  # The next is looked at as well.
            raise LoweringError(
                f"f records another graph at {_shown(point)} than where it was lowered: it "
                f"branches on its data, or uses numbers that have changed; write the choice with "
                f"autograd.where or autograd.maximum, or call autograd.gradient and "
                f"autograd.hessian, which record f every time"
            )

    def _point(self, xs: float | Iterable[float]) -> Array:
        point = self._vector("xs", xs)
        self._evaluations += 1
        if self._evaluations & (self._evaluations - 1) == 0:
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
        signature: of the graph.
    """

    def __init__(self, root: Value, leaves: Sequence[Value], engine: str = "numpy") -> None:
        self.signature = signature(root, leaves)
        self._root, self._leaves, self._engine = root, list(leaves), engine
        self._made: dict[str, _Program] = {}
        self._lock = threading.RLock()
        self._below = np.tri(len(leaves), dtype=bool)
        self._entries: tuple[Places, Places] | None = None

    def value(self, point: Array) -> float:
        """The value at a point of D numbers."""
        with self._lock:
            return float(self._get("first", lambda: [self._root]).values(point)[0])

    def value_and_gradient(self, point: Array) -> tuple[float, Array]:
        """The value and the gradient, of length D."""
        with self._lock:
            values, rows = self._get("first", lambda: [self._root])(point)
            return float(values[0]), rows[0]

    def hessian(self, point: Array) -> Array:
        """The Hessian, D x D: what is computed below the diagonal is mirrored."""
        with self._lock:
            if self._entries is None:
                self._entries = self._find_entries()
            i, j = self._entries
            if len(i) > SPARSE * len(point):
                _, rows = self._get("second", self._gradient)(point)
                found: Array = np.where(self._below, rows, rows.T)
                return found
            found = np.zeros(self._below.shape)
            if len(i):
                entries = self._get("second", self._second).values(point)
                found[i, j] = entries
                found[j, i] = entries
        return found

    def hvp(self, point: Array, v: Array) -> Array:
        """The Hessian times v: the gradient of the slope along v."""
        with self._lock:
            along = [Value(1.0) for _ in self._leaves]
            program = self._get("product", lambda: [dot(self._gradient(), along)], along)
            product: Array = program(point, v)[1][0]
            return product

    def _gradient(self) -> list[Value]:
        return list(grad(self._root, self._leaves, create_graph=True))

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

    def _get(
        self, name: str, roots: Callable[[], list[Value]], inputs: Sequence[Value] = ()
    ) -> _Program:
        if name not in self._made:
            if signature(self._root, self._leaves) != self.signature:
                raise LoweringError(
                    "a Value that f uses holds another number than where f was recorded; record f "
                    "again, or call autograd.gradient and autograd.hessian, which do so every time"
                )
            self._made[name] = _Program(roots(), self._leaves, self._engine, inputs)
        return self._made[name]


class _Program:
    """K roots and their derivatives by D leaves, of which the roots may use only some."""

    def __init__(
        self,
        roots: Sequence[Value],
        leaves: Sequence[Value],
        engine: str,
        inputs: Sequence[Value] = (),
    ) -> None:
        under = {node for root in roots for node in consumers_first(root)}
        used = [i for i, leaf in enumerate(leaves) if leaf in under]
        self._used: Any = slice(None) if len(used) == len(leaves) else used
        self._shape = len(roots), len(leaves)
        self._values = np.array([root.data for root in roots])
        self._takes_inputs = bool(inputs)
        self._single = len(roots) == 1
        # Without a leaf there is nothing to compute: the roots are constants.
        self._program = (
            lower(
                roots[0] if self._single else roots,
                inputs=inputs,
                wrt=[leaves[i] for i in used],
                engine=engine,
            )
            if used
            else None
        )

    def values(self, point: Array) -> Array:
        """The K roots alone."""
        if self._program is None:
            return self._values
        self._program.parameters[:] = point[self._used]
        return np.atleast_1d(self._program.value())

    def __call__(self, point: Array, inputs: Array | None = None) -> tuple[Array, Array]:
        """The K roots, and K rows of D derivatives: arrays of their own."""
        if self._program is None:
            return self._values, np.zeros(self._shape)
        self._program.parameters[:] = point[self._used]
        values, rows = self._program(None if inputs is None else inputs[None, :])
        if self._single:
            values, rows = np.array([values]), rows[None, :]
        if isinstance(self._used, slice):
            return values, rows
        spread = np.zeros(self._shape)
        spread[:, self._used] = rows
        return values, spread


def _shown(point: Array) -> str:
    numbers = [f"{x:.6g}" for x in point[:4]]
    return f"[{', '.join(numbers)}{', ...' if len(point) > 4 else ''}]"
