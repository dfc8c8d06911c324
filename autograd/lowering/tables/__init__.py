"""Tables: the way of graphs without layers, in which little repeats; its runner is the door."""

from .runner import TablesRunner

__all__ = ["TablesRunner"]
