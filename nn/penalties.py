"""What ``fit`` does to a gradient before an optimizer sees it: penalties are added, and it is cut.

Both are of arrays, so that they are the same whatever engine has computed the gradient.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from autograd.text import number_within

from .optimizers import Array


@dataclass(frozen=True)
class Penalties:
    """Settings of ``fit`` that are about gradients.

    Args:
        l1: of the penalty l1 sum |w|, at least 0; its derivative at 0 is 0, as that of ``abs``.
        l2: of the penalty l2 / 2 sum w^2, at least 0.
        clip_norm: a gradient of a larger Euclidean norm is made shorter, to this; None for any.

    Raises:
        ValueError: if one is out of range.
        TypeError: if one is no number.
    """

    l1: float = 0.0
    l2: float = 0.0
    clip_norm: float | None = None

    def __post_init__(self) -> None:
        for name in ("l1", "l2"):
            object.__setattr__(self, name, number_within(name, getattr(self, name), 0.0, inf))
        if self.clip_norm is not None:
            clip_norm = number_within("clip_norm", self.clip_norm, 0.0, inf)
            if clip_norm == 0.0:
                raise ValueError("clip_norm must be greater than 0, got 0; None is for no bound")
            object.__setattr__(self, "clip_norm", clip_norm)

    def applied(self, gradient: Array, parameters: Array) -> Array:
        """The gradient of the loss with the penalties, no longer than allowed."""
        if self.l1:
            gradient = gradient + self.l1 * np.sign(parameters)
        if self.l2:
            gradient = gradient + self.l2 * parameters
        if self.clip_norm is not None:
            # Squares of large numbers are beyond floats; of numbers up to 1 none is.
            largest = float(np.abs(gradient).max(initial=0.0)) or 1.0
            unit = gradient / largest
            norm = float(np.linalg.norm(unit))
            if norm > self.clip_norm / largest:
                gradient = unit * (self.clip_norm / norm)
        return gradient
