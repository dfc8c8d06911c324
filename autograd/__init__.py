"""stepgrad's engine: scalar reverse-mode automatic differentiation that can be seen through."""

import sys

if getattr(sys, "argv", [])[:1] == ["-m"]:  # of some package, whose __main__ has not begun yet
    from . import beginning

    if beginning.is_of(__name__):
        beginning.end_quietly()

import importlib
import typing

from . import habits, installed

installed.check()

from .core import functions, ops, sweep
from .core.functions import *  # noqa: F403  the operations, and what is composed of them

if typing.TYPE_CHECKING:  # who reads without running looks for the names of the table below here
    from .calculus.critical import *  # noqa: F403
    from .calculus.derivatives import *  # noqa: F403
    from .calculus.descent import *  # noqa: F403
    from .checking.anomaly import *  # noqa: F403
    from .checking.check import *  # noqa: F403
    from .core.origin import *  # noqa: F403
    from .core.stale import *  # noqa: F403
    from .core.sweep import *  # type: ignore[no-redef]  # noqa: F403
    from .core.table import *  # noqa: F403
    from .core.value import *  # noqa: F403
    from .drawing import *  # noqa: F403
    from .lowering import *  # noqa: F403
    from .lowering.function import *  # noqa: F403
    from .page.page import *  # noqa: F403
    from .shell.prompt import *  # noqa: F403
    from .stepping.by_hand import *  # noqa: F403
    from .stepping.tables import *  # noqa: F403
    from .views import *  # noqa: F403
    from .views.animation import *  # noqa: F403

__version__ = "0.2.0"

# Every public name that is no operation, and where it lives. A room opens when one of its names is
# first asked for: only some programs need NumPy, say, which takes its time to load.
_ROOMS = {
    "core.table": ["Op"],
    "core": ["Value", "grad", "zero_grad"],
    "core.stale": ["StaleGraphError"],
    "core.sweep": ["consumers_first"],
    "core.origin": ["Origin", "group", "record_source"],
    "checking.check": ["GradientMismatch", "GradientReport", "check_gradient"],
    "checking.anomaly": ["AnomalyError", "detect_anomaly"],
    "stepping.by_hand": ["HandReport", "HandVerdict", "check_by_hand"],
    "stepping.tables": ["show"],
    "page.page": ["LivePage", "live"],
    "views": ["step_through"],
    "views.animation": ["animate"],
    "shell.prompt": ["debug"],
    "drawing": ["RenderError", "draw", "render"],
    "lowering": ["BoundProgram", "LoweringError", "Program", "lower"],
    "lowering.function": ["LoweredFunction"],
    "calculus.critical": ["CriticalPoint", "classify_critical_point"],
    "calculus.derivatives": [
        "derivative",
        "directional_derivative",
        "gradient",
        "hessian",
        "hvp",
        "jacobian",
        "jvp",
        "value_and_gradient",
    ],
    "calculus.descent": ["Descent", "Iterate", "gradient_descent", "newton", "sign_descent"],
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

# Where these two have always been found.
sys.modules[f"{__name__}.ops"] = ops
sys.modules[f"{__name__}.sweep"] = sweep


def __getattr__(name: str) -> typing.Any:
    """A name of a room that has not been asked for it yet."""
    if name == "plots":
        return importlib.import_module(".plots", __name__)
    if name not in _ROOM_OF:
        raise habits.missing(__name__, name)
    found = getattr(importlib.import_module(f".{_ROOM_OF[name]}", __name__), name)
    globals()[name] = found
    return found


if not typing.TYPE_CHECKING:
    __all__ = sorted([*functions.__all__, *_ROOM_OF])

    def __dir__() -> list[str]:
        """The public names, ``plots`` too, and those that every module has."""
        return sorted([*__all__, "plots", *[name for name in globals() if name.startswith("__")]])
