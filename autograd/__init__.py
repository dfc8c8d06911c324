"""stepgrad's engine: scalar reverse-mode automatic differentiation that can be seen through."""

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
from .stepping import step_through
from .sweep import consumers_first, grad, zero_grad
from .value import Value

if TYPE_CHECKING:
    from .drawing import RenderError, draw, render

__all__ = [
    "GradientMismatch",
    "GradientReport",
    "RenderError",
    "Value",
    "check_gradient",
    "consumers_first",
    "cos",
    "dot",
    "draw",
    "equal",
    "exp",
    "grad",
    "less",
    "log",
    "log_softmax",
    "logsumexp",
    "maximum",
    "minimum",
    "prod",
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

_DRAWING = ("RenderError", "draw", "render")


def __getattr__(name: str) -> Any:
    """Import what only some programs need when it is asked for."""
    if name in _DRAWING:
        from . import drawing

        return getattr(drawing, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
