"""Engines: what runs a schedule. All have one interface, and give the same numbers.

An engine holds the parameters in one array, is loaded with the inputs of a batch, and then gives
the averaged outputs as often as the parameters change.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..sweep import consumers_first, grad
from ..value import Value
from .arrays import ARRAY_OPERATIONS
from .graph import CONSTANT, PARAMETER
from .numpy_source import emit_numpy
from .schedule import Grid, Group, Schedule

Array: TypeAlias = NDArray[np.float64]
KEPT_SIZES = 4


class Engine(Protocol):
    """What a program asks of an engine.

    Attributes:
        parameters: the numbers that it reads, an array of length P to be changed in place.
        source: the program as text.
    """

    parameters: Array
    source: str

    def load(self, columns: Array) -> None:
        """Take the inputs of a batch, an array of D rows and a column for each instance."""
        ...

    def run(self) -> Array:
        """The averages: K values, and K gradients of length P one after the other.

        The next call may overwrite the array.
        """
        ...

    def rows(self) -> Array:
        """The outputs wanted for each instance, as rows, of the last run."""
        ...


class NumpyEngine:
    """Runs the emitted NumPy source in buffers that are made once for each size of a batch."""

    def __init__(self, schedule: Schedule) -> None:
        self.code = code = emit_numpy(schedule)
        self.source = code.source
        self.scalars = code.scalars
        self.parameters: Array = self.scalars[: schedule.parameters]
        self.results: Array = np.zeros(len(schedule.values) + schedule.gradients)
        self.input_rows = code.input_rows
        self.bound: dict[int, tuple[Array, Callable[[], None], Callable[[], None]]] = {}
        self.buffer: Array = np.empty((0, 0))
        self.step: Callable[[], None] = lambda: None

    def load(self, columns: Array) -> None:
        """Take the inputs of a batch, and compute what depends on them alone."""
        size = columns.shape[1]
        if size not in self.bound:
            while len(self.bound) >= KEPT_SIZES:
                del self.bound[next(iter(self.bound))]
            rows = np.zeros((self.code.n_rows, size))
            rows[self.code.ones] = 1.0
            self.bound[size] = (rows, *self.code.bind(rows, self.scalars, self.results))
        self.buffer, prepare, self.step = self.bound[size]
        if len(columns):
            self.buffer[self.input_rows] = columns
        with np.errstate(all="ignore"):
            prepare()

    def run(self) -> Array:
        """The averages, in an array that the next call overwrites."""
        with np.errstate(all="ignore"):
            self.step()
        return self.results

    def rows(self) -> Array:
        """The outputs wanted for each instance, as rows, of the last run."""
        size = self.buffer.shape[1]
        found = np.empty((len(self.code.output_rows), size))
        for i, (row, scalar) in enumerate(self.code.output_rows):
            found[i] = self.buffer[row] if row >= 0 else self.scalars[scalar]
        return found


class PythonEngine:
    """The reference: the engine of Values itself, instance by instance."""

    def __init__(
        self,
        roots: Sequence[Value],
        inputs: Sequence[Value],
        wrt: Sequence[Value],
        observed: Sequence[Value],
        gradients: bool,
    ) -> None:
        self.roots, self.inputs, self.wrt = list(roots), list(inputs), list(wrt)
        self.observed, self.gradients = list(observed), gradients
        self.order: dict[Value, None] = {}
        for root in [*self.roots, *self.observed]:
            self.order.update(dict.fromkeys(reversed(consumers_first(root))))
        self.parameters: Array = np.array([value.data for value in self.wrt])
        self.columns: Array = np.empty((0, 1))
        self.found: list[list[float]] = []
        self.source = "# engine='python' evaluates the graph of Values itself: there is no source\n"

    def load(self, columns: Array) -> None:
        """Take the inputs of a batch."""
        self.columns = columns

    def run(self) -> Array:
        """The averages of what the graph, recorded anew for each instance, gives."""
        total: Array = np.zeros(len(self.roots) * (1 + len(self.wrt) * self.gradients))
        self.found = []
        for instance in self.columns.T.tolist():
            parameters = [Value(number) for number in self.parameters.tolist()]
            new: dict[Value, Value] = dict(zip(self.wrt, parameters))
            new.update(zip(self.inputs, map(Value, instance)))
            for node in self.order:
                if node not in new:
                    operands = tuple([new[x] if isinstance(x, Value) else x for x in node.operands])
                    new[node] = (
                        Value(node.data)
                        if node.op is None
                        else Value.record_operation(node.op, operands)
                    )
            numbers = [new[root].data for root in self.roots]
            if self.gradients:
                for root in self.roots:
                    numbers += grad(new[root], parameters)
            total += numbers
            self.found.append([new[x].data for x in self.observed])
        average: Array = total / self.columns.shape[1]
        return average

    def rows(self) -> Array:
        """The outputs wanted for each instance, as rows, of the last run."""
        found: Array = np.array(self.found).T.reshape(len(self.observed), -1)
        return found


class JaxEngine:
    """Runs a schedule as one function that JAX compiles, in double precision.

    With several devices the instances are spread over as many of them as divide their number.

    Attributes:
        function: ``function(parameters, columns)``, pure and not compiled, gives the averages and
            the rows; to be called within ``jax.enable_x64(True)``, for loops of your own.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.jax = import_jax()
        self.function = jax_function(schedule)
        self.compiled = self.jax.jit(self.function)
        self.parameters: Array = np.zeros(schedule.parameters)
        self.source = emit_numpy(schedule).source
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

    def run(self) -> Array:
        """The averages."""
        with self.precise():
            # A copy: JAX may read an aligned NumPy array where it lies, after we have returned.
            results, self.found = self.compiled(self.parameters.copy(), self.columns)
            return np.array(results)

    def rows(self) -> Array:
        """The outputs wanted for each instance, as rows, of the last run."""
        return np.array(self.found)


class SumEngine:
    """The sum of what several engines give, each with its own data bound."""

    def __init__(self, engines: Sequence[Engine]) -> None:
        self.engines = engines
        self.parameters: Array = engines[0].parameters
        self.source = "\n".join(engine.source for engine in engines)

    def load(self, columns: Array) -> None:
        """There is nothing to load: the parts hold their data."""

    def run(self) -> Array:
        """The sums of the averages."""
        total: Array = np.zeros(())
        for engine in self.engines:
            if engine.parameters is not self.parameters:
                engine.parameters[:] = self.parameters
            total = total + engine.run()
        return total

    def rows(self) -> Array:
        """Nothing: the parts have different instances."""
        return np.empty((0, 0))


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


def jax_function(schedule: Schedule) -> Callable[[Any, Any], tuple[Any, Any]]:
    """The schedule as a pure function of the parameters and the inputs, for JAX to trace."""
    import jax.numpy as jnp

    def function(parameters: Any, columns: Any) -> tuple[Any, Any]:
        return _Tracer(schedule, jnp, parameters, columns).run()

    return function


class _Tracer:
    """The blocks of one call, and where in them each node is."""

    def __init__(self, schedule: Schedule, jnp: Any, parameters: Any, columns: Any) -> None:
        self.schedule, self.jnp, self.graph = schedule, jnp, schedule.graph
        self.size = columns.shape[1]
        self.blocks: list[Any] = [columns, jnp.ones((1, self.size)), parameters]
        self.home: dict[int, tuple[int, int]] = {schedule.one: (1, 0)}
        for i, node in enumerate(schedule.inputs):
            self.home[node] = (0, i)
        for i in range(schedule.parameters):
            self.home[self.graph.leaf(PARAMETER, i)] = (2, i)

    def run(self) -> tuple[Any, Any]:
        jnp, schedule = self.jnp, self.schedule
        for group in schedule.groups:
            block = self.compute(group)
            shape = (len(group.members), self.size) if group.varying else (len(group.members),)
            self.blocks.append(jnp.broadcast_to(block, shape))
            for i, node in enumerate(group.members):
                self.home[node] = (len(self.blocks) - 1, i)
        values = []
        for output in schedule.values:
            value = jnp.zeros(())
            if output.pairs:
                us, vs = ([pair[i] for pair in output.pairs] for i in (0, 1))
                value = jnp.sum(self.fetch(us) * self.fetch(vs)) / self.size
            if output.invariant is not None:
                value = value + self.fetch([output.invariant])[0]
            values.append(output.scale * value)
        gradient = jnp.zeros(schedule.gradients)
        for grid in schedule.grids:
            left, right = self.fetch(grid.rows), self.fetch(grid.columns)
            if not isinstance(grid, Grid):
                found = jnp.sum(left * right, 1)
            elif grid.entries is None:
                found = (left @ right.T).reshape(-1)
            else:
                found = (left @ right.T).reshape(-1)[np.array(grid.entries)]
            gradient = self.store(gradient, grid.positions, found / self.size, grid.first)
        if schedule.invariant:
            nodes, places = ([pair[i] for pair in schedule.invariant] for i in (0, 1))
            gradient = gradient.at[np.array(places)].add(self.fetch(nodes))
        rows = [jnp.broadcast_to(self.fetch([node])[0], (self.size,)) for node in schedule.rows]
        results = jnp.concatenate([jnp.stack(values), gradient]) if values else gradient
        return results, jnp.stack(rows) if rows else jnp.zeros((0, self.size))

    def store(self, gradient: Any, positions: list[int], found: Any, first: bool) -> Any:
        """The gradient with averages in their places; a scatter is slow, and seldom needed."""
        start = positions[0]
        if first and positions == list(range(start, start + len(positions))):
            return self.jnp.concatenate(
                [gradient[:start], found, gradient[start + len(positions) :]]
            )
        return gradient.at[np.array(positions)].add(found)

    def matrix(self, coefficients: list[list[int]]) -> Any:
        """The coefficients as a matrix, which is a block of the parameters where it can be."""
        homes = [[self.home.get(node, (-1, 0)) for node in row] for row in coefficients]
        places = np.array([[place for _, place in row] for row in homes])
        if {block for row in homes for block, _ in row} == {2}:
            for turned in (False, True):
                table = places.T if turned else places
                n, m = table.shape
                start = int(table[0, 0])
                stride = int(table[1, 0]) - start if n > 1 else m
                expected = start + stride * np.arange(n)[:, None] + np.arange(m)
                stop = start + n * stride
                fits = stride >= m and stop <= self.schedule.parameters
                if fits and np.array_equal(table, expected):
                    found = self.blocks[2][start:stop].reshape(n, stride)[:, :m]
                    return found.T if turned else found
        return self.fetch([node for row in coefficients for node in row]).reshape(places.shape)

    def fetch(self, nodes: Sequence[int]) -> Any:
        """A row, or an entry, for each node: a slice of a block where they lie side by side."""
        jnp = self.jnp
        homes = [self.home.get(node) for node in nodes]
        if all(home is None for home in homes):
            return jnp.array([self.graph.numbers[node] for node in nodes])
        parts: list[Any] = []
        start = 0
        while start < len(nodes):
            home = homes[start]
            stop = start + 1
            if home is None:
                parts.append(jnp.array([self.graph.numbers[nodes[start]]]))
            else:
                block, place = home
                while stop < len(nodes) and homes[stop] == (block, place + stop - start):
                    stop += 1
                if stop - start == len(nodes) or stop - start > 1:
                    parts.append(self.blocks[block][place : place + stop - start])
                else:
                    while stop < len(nodes) and (other := homes[stop]) and other[0] == block:
                        stop += 1
                    index = np.array([home[1] for home in homes[start:stop] if home])
                    parts.append(self.blocks[block][index])
            start = stop
        return parts[0] if len(parts) == 1 else jnp.concatenate(parts)

    def operand(self, nodes: list[int], varying: bool) -> Any:
        if nodes.count(nodes[0]) == len(nodes):
            nodes = nodes[:1]
            if self.graph.names[nodes[0]] == CONSTANT:
                return self.graph.numbers[nodes[0]]
        found = self.fetch(nodes)
        return found[:, None] if varying and not self.schedule.varying[nodes[0]] else found

    def compute(self, group: Group) -> Any:
        jnp = self.jnp
        if group.name == "affine":
            return self.matrix(group.operands) @ self.fetch(group.columns)
        if not group.elementwise:
            flat = [node for row in group.operands for node in row]
            operand = self.fetch(flat)
            shape = (len(group.members), -1, *operand.shape[1:])
            reduce = jnp.sum if group.name == "sum" else jnp.max
            return reduce(operand.reshape(shape), axis=1)
        operands = [self.operand(nodes, group.varying) for nodes in group.operands]
        if group.name.startswith("sum:"):
            total = operands[0]
            for sign, operand in zip(group.name[5:], operands[1:]):
                total = total + operand if sign == "+" else total - operand
            return total
        return ARRAY_OPERATIONS[group.name].jax(jnp, *operands)
