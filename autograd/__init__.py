"""stepgrad's engine: scalar reverse-mode automatic differentiation that can be seen through."""

import importlib
from typing import TYPE_CHECKING, Any

from . import starting  # noqa: F401  before anything that takes time
from .check import GradientMismatch, GradientReport, check_gradient
from .functions import (
    cos,
    dot,
    equal,
    exp,
    less,
    log,
    log_softmax,
    logsumexp,
    maximum,
    minimum,
    prod,
    relu,
    sigmoid,
    sign,
    sin,
    softmax,
    softplus,
    sqrt,
    step,
    stop_gradient,
    sum,
    tanh,
    where,
    xlogy,
)
from .origin import Origin, group, record_source
from .stepping import debug, step_through
from .sweep import consumers_first, grad, zero_grad
from .value import Value

if TYPE_CHECKING:
    from .anomaly import AnomalyError, detect_anomaly
    from .calculus import (
        CriticalPoint,
        classify_critical_point,
        derivative,
        directional_derivative,
        gradient,
        hessian,
        hvp,
        jacobian,
        value_and_gradient,
    )
    from .drawing import RenderError, draw, render
    from .lowered_function import LoweredFunction
    from .lowering import BoundProgram, LoweringError, Program, lower
    from .minimize import Descent, Iterate, gradient_descent, newton, sign_descent
    from .stepping.animation import animate
    from .stepping.show import show

__all__ = [
    "AnomalyError",
    "BoundProgram",
    "CriticalPoint",
    "Descent",
    "GradientMismatch",
    "GradientReport",
    "Iterate",
    "LoweredFunction",
    "LoweringError",
    "Origin",
    "Program",
    "RenderError",
    "Value",
    "animate",
    "check_gradient",
    "classify_critical_point",
    "consumers_first",
    "cos",
    "debug",
    "derivative",
    "detect_anomaly",
    "directional_derivative",
    "dot",
    "draw",
    "equal",
    "exp",
    "grad",
    "gradient",
    "gradient_descent",
    "group",
    "hessian",
    "hvp",
    "jacobian",
    "less",
    "log",
    "log_softmax",
    "logsumexp",
    "lower",
    "maximum",
    "minimum",
    "newton",
    "prod",
    "record_source",
    "relu",
    "render",
    "show",
    "sigmoid",
    "sign",
    "sign_descent",
    "sin",
    "softmax",
    "softplus",
    "sqrt",
    "step",
    "step_through",
    "stop_gradient",
    "sum",
    "tanh",
    "value_and_gradient",
    "where",
    "xlogy",
    "zero_grad",
]

# What only some programs need, NumPy for one, is imported when it is first asked for.
_LATER = {
    "anomaly": ("AnomalyError", "detect_anomaly"),
    "calculus": (
        "CriticalPoint",
        "classify_critical_point",
        "derivative",
        "directional_derivative",
        "gradient",
        "hessian",
        "hvp",
        "jacobian",
        "value_and_gradient",
    ),
    "drawing": ("RenderError", "draw", "render"),
    "lowered_function": ("LoweredFunction",),
    "lowering": ("BoundProgram", "LoweringError", "Program", "lower"),
    "minimize": ("Descent", "Iterate", "gradient_descent", "newton", "sign_descent"),
    "stepping.animation": ("animate",),
    "stepping.show": ("show",),
}


def __getattr__(name: str) -> Any:
    """A name of a part that only some programs need."""
    for part, names in _LATER.items():
        if name in names:
            return getattr(importlib.import_module(f".{part}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
