"""stepgrad's engine: scalar reverse-mode automatic differentiation that can be seen through."""

import importlib
from typing import TYPE_CHECKING, Any

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
    from .drawing import RenderError, draw, render
    from .lowering import BoundProgram, LoweringError, Program, lower

__all__ = [
    "BoundProgram",
    "GradientMismatch",
    "GradientReport",
    "LoweringError",
    "Origin",
    "Program",
    "RenderError",
    "Value",
    "check_gradient",
    "consumers_first",
    "cos",
    "debug",
    "dot",
    "draw",
    "equal",
    "exp",
    "grad",
    "group",
    "less",
    "log",
    "log_softmax",
    "logsumexp",
    "lower",
    "maximum",
    "minimum",
    "prod",
    "record_source",
    "relu",
    "render",
    "sigmoid",
    "sign",
    "sin",
    "softmax",
    "softplus",
    "sqrt",
    "step",
    "step_through",
    "stop_gradient",
    "sum",
    "tanh",
    "where",
    "xlogy",
    "zero_grad",
]

# What needs more than the standard library is imported when it is first asked for.
_LATER = {
    "drawing": ("RenderError", "draw", "render"),
    "lowering": ("BoundProgram", "LoweringError", "Program", "lower"),
}


def __getattr__(name: str) -> Any:
    """A name of a part that only some programs need."""
    for part, names in _LATER.items():
        if name in names:
            return getattr(importlib.import_module(f".{part}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
