"""The engine: numbers, the operation table, the sweep, and Value. Read ops, sweep, value."""

from .value import Value as Value
from .value import grad as grad
from .value import zero_grad as zero_grad
