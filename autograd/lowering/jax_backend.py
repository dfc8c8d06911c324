"""Run a schedule in JAX, as one function that it compiles.

Nothing is written in place there: each block is an array of its own, and operands are slices of
arrays, or gathered from them.
"""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .arrays import jax_call
from .graph import AFFINE, CONSTANT, PARAMETER, LoweringError
from .layout import as_matrix
from .lowered import Average, Request
from .numpy_source import emit_numpy
from .pipeline import Batch
from .runners import Array, Runner
from .schedule import Block, Schedule

# Between these XLA may multiply constants by what it likes: nothing overflows, or is lost.
ORDINARY = 1e-30, 1e30


class JaxRunner(Runner):
    """Runs a schedule as one function that JAX compiles, in double precision.

    With several devices the instances are spread over as many of them as divide their number.

    Attributes:
        function: ``function(parameters, columns)``, pure and not compiled, gives the averages and
            the rows.
    """

    def __init__(self, batch: Batch, request: Request) -> None:
        schedule = batch.schedule(request)
        self.stages, self.operations = batch.stages, schedule.operations
        self.jax = import_jax()
        jnp: Any = importlib.import_module("jax.numpy")
        special: Any = importlib.import_module("jax.scipy.special")

        def function(parameters: Any, columns: Any) -> tuple[Any, Any]:
            return _Tracer(schedule, jnp, special, parameters, columns).run()

        self.function = function
        self.compiled = self.jax.jit(self.function, compiler_options=as_written(schedule))
        self.parameters: Array = np.zeros(schedule.lowered.parameters)
        self.source = emit_numpy(schedule)[0]
        self.columns: Any = None
        self.found: Any = None

    def load(self, columns: Array) -> None:
        """Take the inputs of a batch, and spread them over the devices."""
        with self.precise():
            self.columns = self.spread(columns)

    def precise(self) -> Any:
        """A context in which JAX computes in double precision."""
        if hasattr(self.jax, "enable_x64"):
            return self.jax.enable_x64(True)
        experimental: Any = importlib.import_module("jax.experimental")
        return experimental.enable_x64()

    def spread(self, columns: Array) -> Any:
        """The inputs as a JAX array, its columns sharded over a mesh of devices."""
        sharding: Any = importlib.import_module("jax.sharding")
        devices = self.jax.devices()
        size = columns.shape[1]
        n = max(i for i in range(1, len(devices) + 1) if size % i == 0)
        mesh = sharding.Mesh(np.array(devices[:n]), ("batch",))
        layout = sharding.NamedSharding(mesh, sharding.PartitionSpec(None, "batch"))
        return self.jax.device_put(columns, layout)

    def shards(self) -> list[tuple[str, int]]:
        """The devices that hold the batch, and how many instances each."""
        return [(str(x.device), x.data.shape[1]) for x in self.columns.addressable_shards]

    def traced(self) -> Callable[[Any], tuple[Any, Any]]:
        """The value and the gradient as a pure function of the parameters, for JAX to trace."""

        def function(parameters: Any, columns: Any = self.columns) -> tuple[Any, Any]:
            results, _ = self.function(parameters, columns)
            return results[0], results[1:]

        return function

    def run(self) -> Array:
        """The averages."""
        with self.precise():
            # A copy: JAX may read an aligned NumPy array where it lies, after we have returned.
            results, self.found = self.compiled(self.parameters.copy(), self.columns)
            return np.array(results)

    def rows(self) -> Array:
        """The outputs wanted for each instance, as rows, of the last run."""
        return np.array(self.found)


def as_written(schedule: Schedule) -> dict[str, str]:
    """What XLA has to be told, so that it computes what is written.

    Its algebraic simplifier computes log(exp(x)) as x and log(x ** 5) as 5 log(abs(x)), and
    multiplies constants beforehand; and where it fuses a sum with its terms, these are multiplied
    in any order.

    Raises:
        LoweringError: if there is a constant that XLA takes for 0.
    """
    graph, passes = schedule.lowered.graph, "algsimp"
    for node in range(len(graph)):
        size = abs(graph.numbers[node])
        if graph.names[node] != CONSTANT or not 0.0 < size < math.inf:
            continue
        if size < sys.float_info.min:
            raise LoweringError(
                f"XLA takes numbers below {sys.float_info.min:.3g} for 0, and the graph holds the "
                f"constant {graph.numbers[node]!r}; take engine='numpy', or scale what is so small"
            )
        if not ORDINARY[0] < size < ORDINARY[1]:
            passes = "algsimp,fusion"
    return {"xla_disable_hlo_passes": passes}


def import_jax() -> Any:
    """The module ``jax``.

    Raises:
        ImportError: if it is not installed, saying how to install it.
    """
    try:
        import jax
    except ImportError as error:
        raise ImportError(
            "engine='jax' needs JAX, which is not installed: pip install 'stepgrad[jax]', or use "
            "engine='numpy'"
        ) from error
    return jax


class _Tracer:
    """The arrays of one call, and where in them each node is."""

    def __init__(
        self, schedule: Schedule, jnp: Any, special: Any, parameters: Any, columns: Any
    ) -> None:
        self.schedule, self.jnp, self.special = schedule, jnp, special
        self.graph = schedule.lowered.graph
        self.size = columns.shape[1]
        self.arrays: list[Any] = [columns, jnp.ones((1, self.size)), parameters]
        self.home: dict[int, tuple[int, int]] = {schedule.one: (1, 0)}
        for i, node in enumerate(schedule.inputs):
            self.home[node] = (0, i)
        for i in range(schedule.lowered.parameters):
            self.home[self.graph.leaf(PARAMETER, i)] = (2, i)

    def run(self) -> tuple[Any, Any]:
        jnp, lowered = self.jnp, self.schedule.lowered
        for block in self.schedule.blocks:
            shape = (len(block.members), self.size) if block.varies else (len(block.members),)
            self.arrays.append(jnp.broadcast_to(self.compute(block), shape))
            for i, node in enumerate(block.members):
                self.home[node] = (len(self.arrays) - 1, i)
        values, gradient = [self.value(x) for x in lowered.values], self.gradient()
        rows = [jnp.broadcast_to(self.fetch([node])[0], (self.size,)) for node in lowered.rows]
        results = jnp.concatenate([jnp.stack(values), gradient]) if values else gradient
        return results, jnp.stack(rows) if rows else jnp.zeros((0, self.size))

    def value(self, output: Average) -> Any:
        value = self.jnp.zeros(())
        if output.pairs:
            us, vs = ([pair[i] for pair in output.pairs] for i in (0, 1))
            value = self.jnp.sum(self.fetch(us) * self.fetch(vs)) / self.size
        if output.rest is not None:
            value = value + self.fetch([output.rest])[0]
        return output.scale * value

    def gradient(self) -> Any:
        schedule = self.schedule
        gradient = self.jnp.zeros(schedule.lowered.derivatives)
        for grid in schedule.grids:
            left, right = self.fetch(grid.rows), self.fetch(grid.columns)
            if not grid.full:
                found = self.jnp.sum(left * right, 1)
            else:
                left, right = (x.reshape(grid.copies, -1, self.size) for x in (left, right))
                found = self.jnp.sum(left @ right.transpose(0, 2, 1), 0).reshape(-1)
                found = found if grid.entries is None else found[np.array(grid.entries)]
            gradient = self.store(gradient, grid.positions, found / self.size, grid.first)
        if schedule.invariant:
            nodes, places = ([pair[i] for pair in schedule.invariant] for i in (0, 1))
            gradient = gradient.at[np.array(places)].add(self.fetch(nodes))
        return gradient

    def store(self, gradient: Any, positions: list[int], found: Any, first: bool) -> Any:
        """The gradient with averages in their places; a scatter is slow, and seldom needed."""
        start = positions[0]
        if first and positions == list(range(start, start + len(positions))):
            return self.jnp.concatenate(
                [gradient[:start], found, gradient[start + len(positions) :]]
            )
        return gradient.at[np.array(positions)].add(found)

    def matrix(self, coefficients: list[list[int]]) -> Any:
        """The coefficients as a matrix, which is a part of the parameters where it can be."""
        homes = [[self.home.get(node, (-1, 0)) for node in row] for row in coefficients]
        places = np.array([[place for _, place in row] for row in homes])
        if {array for row in homes for array, _ in row} == {2}:
            found = as_matrix(places, self.schedule.lowered.parameters)
            if found is not None:
                start, n, m, stride, turned = found
                view = self.arrays[2][start : start + n * stride].reshape(n, stride)[:, :m]
                return view.T if turned else view
        return self.fetch([node for row in coefficients for node in row]).reshape(places.shape)

    def fetch(self, nodes: Sequence[int]) -> Any:
        """A row, or an entry, for each node: a slice of an array where they lie side by side."""
        jnp = self.jnp
        homes = [self.home.get(node) for node in nodes]
        if all(home is None for home in homes):
            return jnp.array([self.graph.numbers[node] for node in nodes])
        found: list[Any] = []
        start = 0
        while start < len(nodes):
            home = homes[start]
            stop = start + 1
            if home is None:
                found.append(jnp.array([self.graph.numbers[nodes[start]]]))
            else:
                array, place = home
                while stop < len(nodes) and homes[stop] == (array, place + stop - start):
                    stop += 1
                if stop - start == len(nodes) or stop - start > 1:
                    found.append(self.arrays[array][place : place + stop - start])
                else:
                    while stop < len(nodes) and (other := homes[stop]) and other[0] == array:
                        stop += 1
                    index = np.array([home[1] for home in homes[start:stop] if home])
                    found.append(self.arrays[array][index])
            start = stop
        return found[0] if len(found) == 1 else jnp.concatenate(found)

    def operand(self, nodes: list[int], varies: bool) -> Any:
        if nodes.count(nodes[0]) == len(nodes):
            nodes = nodes[:1]
            if self.graph.names[nodes[0]] == CONSTANT:
                return self.graph.numbers[nodes[0]]
        found = self.fetch(nodes)
        return found[:, None] if varies and not self.schedule.varies[nodes[0]] else found

    def compute(self, block: Block) -> Any:
        jnp = self.jnp
        if block.name == AFFINE:
            columns = self.fetch(block.columns)
            if block.copies > 1:
                columns = columns.reshape(block.copies, -1, self.size)
            found = self.matrix(block.operands) @ columns
            return found.reshape(len(block.members), -1)
        if not block.elementwise:
            flat = [node for row in block.operands for node in row]
            operand = self.fetch(flat)
            shape = (len(block.members), -1, *operand.shape[1:])
            reduce = jnp.sum if block.name == "sum" else jnp.max
            return reduce(operand.reshape(shape), axis=1)
        operands = [self.operand(nodes, block.varies) for nodes in block.operands]
        if block.name.startswith("sum:"):
            total = operands[0]
            for sign, operand in zip(block.name[5:], operands[1:]):
                total = total + operand if sign == "+" else total - operand
            return total
        return jax_call(block.name)(jnp, self.special, *operands)
