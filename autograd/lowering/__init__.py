"""Lowering: a recorded graph of scalars becomes an array program, passes from graph to graph.

A graph over a whole data set is first rolled up into a batch (``reroll``). Then there are two ways.
Where the matrix products leave little, node by node: ``record``, the ``PASSES`` of ``pipeline``,
``schedule`` (what is computed together), ``layout`` (where it lies), and source. Where they leave
much, in bulk: ``record`` and ``tables``. ``backends`` lists what may run it; ``function`` says when
a recording still holds.
"""

from .graph import LoweringError
from .program import BoundProgram, Program, lower

__all__ = ["BoundProgram", "LoweringError", "Program", "lower"]
