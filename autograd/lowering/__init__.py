"""Lowering: a recorded graph of scalars becomes an array program, passes from program to program.

A graph over a whole data set is first rolled up into a batch (``reroll``). Then there are two ways.
Where the matrix products leave little, node by node: ``record`` → ``find_products`` →
``differentiate`` → ``simplify`` → ``expand`` → ``select`` → ``schedule`` → source. Where they leave
much, in bulk: ``record`` → ``levels`` → ``reports`` → tables. ``pipeline`` chooses.
"""

from .graph import LoweringError
from .program import BoundProgram, Program, lower

__all__ = ["BoundProgram", "LoweringError", "Program", "lower"]
