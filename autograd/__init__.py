"""stepgrad's engine: scalar reverse-mode automatic differentiation that can be seen through."""

from typing import TYPE_CHECKING, Any

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
from .sweep import consumers_first, grad, zero_grad
from .value import Value

if TYPE_CHECKING:
    from .lowering import BoundProgram, LoweringError, Program, lower

__all__ = [
    "BoundProgram",
    "LoweringError",
    "Program",
    "Value",
    "consumers_first",
    "cos",
    "dot",
    "equal",
    "exp",
    "grad",
    "less",
    "log",
    "log_softmax",
    "logsumexp",
    "lower",
    "maximum",
    "minimum",
    "prod",
    "relu",
    "sigmoid",
    "sign",
    "sin",
    "softmax",
    "softplus",
    "sqrt",
    "step",
    "stop_gradient",
    "sum",
    "tanh",
    "where",
    "xlogy",
    "zero_grad",
]

_LAZY = {"BoundProgram", "LoweringError", "Program", "lower"}


def __getattr__(name: str) -> Any:
    """What needs NumPy is imported when it is first asked for."""
    if name in _LAZY:
        from . import lowering

        return getattr(lowering, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
