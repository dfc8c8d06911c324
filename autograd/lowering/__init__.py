"""Lowering: a recorded graph of scalars becomes an array program, passes from program to program.

``record`` → ``differentiate`` → ``simplify`` → ``expand`` → ``select`` → ``schedule`` → an engine.
A graph over a whole data set is first rolled up into a batch (``reroll``).
"""

from .graph import LoweringError
from .program import BoundProgram, Program, lower

__all__ = ["BoundProgram", "LoweringError", "Program", "lower"]
