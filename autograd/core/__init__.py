"""The engine: numbers, the operation table, the sweep, and Value. Read ops, sweep, value."""

from . import native
from .value import Value as Value
from .value import grad as grad
from .value import zero_grad as zero_grad

_compiled, WHY = native.load()  # WHY says what keeps the compiled core from running, or is empty
NAME = "native" if _compiled else "python"
