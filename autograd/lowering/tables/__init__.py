"""Tables: the way of graphs without layers, in which little repeats.

``plan`` makes the tables of a recorded graph, and ``TablesRunner`` runs them.
"""

from .planning import plan
from .runner import TablesRunner

__all__ = ["TablesRunner", "plan"]
