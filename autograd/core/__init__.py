"""The engine: numbers, the operation table, the sweep, and Value. Read ops, sweep, value.

Here alone it is chosen whether the compiled core stands in for them; everybody above takes
``Value`` from here.
"""

from . import native
from .native import binding
from .table import formulas

_compiled, WHY = native.load(formulas())  # WHY says what keeps the compiled core from running
NAME = "native" if _compiled else "python"
if _compiled:
    binding.stand_in(_compiled)

from .value import Value as Value  # noqa: E402
from .value import grad as grad  # noqa: E402
from .value import zero_grad as zero_grad  # noqa: E402
