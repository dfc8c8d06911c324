"""The pipeline: the passes in their order, and which of two ways a graph takes.

A graph that is small once its matrix products are taken out is differentiated node by node, and
becomes source that reads like what one writes by hand. Any other has no such form: it is grouped by
levels, and differentiated kind by kind.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .arrays import check_operation, expand
from .differentiate import differentiate
from .engines import Engine, NumpyEngine
from .graph import LEAVES, Graph, Line
from .jax_engine import JaxEngine
from .level_engine import LevelsEngine
from .products import find_products
from .reports import plan
from .schedule import EVERY_STEP, Schedule, schedule
from .select import Outputs, select
from .simplify import simplify

# A graph is small if it has so many operations beside its matrix products, or no more than this
# share of all that was recorded: what is done node by node takes about ten times as long.
FEW, SHARE = 200, 0.1


class Part:
    """A graph whose averages, weighted and added to those of the other parts, are the program's.

    Args:
        graph: as recorded.
        nodes: the roots, and after them what is to be observed.
        roots: how many roots there are.
        parameters: how many there are.
        columns: the inputs, a column for each instance; zeros if they come later.
        weight: what its averages are multiplied by.

    Raises:
        LoweringError: if an operation has no array form.
    """

    def __init__(
        self,
        graph: Graph,
        nodes: list[int],
        roots: int,
        parameters: int,
        columns: NDArray[np.float64],
        weight: float = 1.0,
    ) -> None:
        for key in set(graph.names) - LEAVES:
            check_operation(key)
        self.graph, self.parameters, self.columns = graph, parameters, columns
        self.weight = weight
        self.roots, self.observed = nodes[:roots], nodes[roots:]
        self.products = find_products(graph, nodes)
        left = self.products[0].operations(self.products[1])
        self.layered = left <= max(FEW, SHARE * len(graph))
        self._derived: tuple[Graph, Outputs] | None = None
        self._schedules: dict[str, Schedule] = {}

    def engine(self, kind: str, name: str) -> Engine:
        """The engine for ``step`` (values, gradients, observed), ``value`` or ``rows``."""
        if name == "jax":
            return JaxEngine(self.schedule(kind))
        if self.layered:
            return NumpyEngine(self.schedule(kind))
        values, rows = ([], self.roots) if kind == "rows" else (self.roots, self.observed)
        step = kind == "step"
        tables = plan(self.graph, values, [] if kind == "value" else rows, self.parameters, step)
        return LevelsEngine(tables, self.parameters, step)

    def schedule(self, kind: str) -> Schedule:
        """The groups of a graph in order."""
        if kind not in self._schedules:
            graph, outputs = self.derive()
            if kind == "value":
                outputs = Outputs(outputs.values, {}, [], [])
            elif kind == "rows":
                outputs = Outputs([], {}, [], outputs.values)
            gradients = len(outputs.values) * self.parameters if kind == "step" else 0
            selection = select(graph, outputs)
            inputs = len(self.columns)
            self._schedules[kind] = schedule(selection, inputs, self.parameters, gradients)
        return self._schedules[kind]

    def derive(self) -> tuple[Graph, Outputs]:
        """The graph with its derivatives, rewritten, and what it is to compute."""
        if self._derived is None:
            graph, nodes = self.products
            k = len(self.roots)
            outputs = Outputs(nodes[:k], {}, [], nodes[k:])
            for i, root in enumerate(nodes[:k]):
                found = differentiate(graph, root)
                for place, node in found.nodes.items():
                    outputs.gradients[i * self.parameters + place] = node
                outputs.outers += [x.moved(i * self.parameters) for x in found.outers]
            for rewrite in (simplify, expand):
                graph, nodes = rewrite(graph, outputs.nodes())
                outputs = outputs.renamed(nodes)
            self._derived = graph, outputs
        return self._derived

    def describe(self, engine: Engine) -> list[Line]:
        """What the engine for ``step`` does, operation by operation."""
        if isinstance(engine, LevelsEngine):
            return engine.plan.describe()
        plan = self.schedule("step")
        lines = []
        for group in plan.groups:
            when = "every step" if group.stage == EVERY_STEP else "once"
            label = plan.graph.labels.get(group.members[0], "")
            lines.append(Line(when, group.name, len(group.members), 1, label))
        lines += [
            Line("every step", "average", len(grid.positions), 1, "derivatives")
            for grid in plan.grids
        ]
        lines += [Line("every step", "average", 1, 1, "value") for _ in plan.values]
        return lines
