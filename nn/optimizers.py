"""Optimizers: from parameters and a gradient to better parameters.

An optimizer is made of its settings alone. Whoever trains keeps the parameters and the gradient as
float64 arrays of length P and the ``State`` that ``start`` returns, so that one optimizer can serve
several runs, and a run can be saved and continued.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import cos, inf, pi
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from autograd.text import got, number_within, shortened

Array: TypeAlias = NDArray[np.float64]
StepSize: TypeAlias = "float | Callable[[int], float]"

# Schedules: what the step size is multiplied by before update k = 0, 1, ... of n.
SCHEDULES: dict[str, Callable[[int, int], float]] = {
    "constant": lambda k, n: 1.0,
    "linear": lambda k, n: 1.0 - k / n,
    "cosine": lambda k, n: 0.5 * (1.0 + cos(pi * k / n)),
    "exponential": lambda k, n: 0.01 ** (k / n),
    "step": lambda k, n: 0.1 ** ((2 * k >= n) + (4 * k >= 3 * n)),
    "invscaling": lambda k, n: (k + 1.0) ** -0.5,
}
ENDLESS = frozenset(("constant", "invscaling"))  # schedules that ask for no n


@dataclass
class State:
    """What an optimizer remembers: the number k of updates made, and arrays of length P by name.

    Attributes:
        total: how many updates the whole run makes, which schedules depend on; 0 if unknown.
    """

    k: int = 0
    arrays: dict[str, Array] = field(default_factory=dict)
    total: int = 0


class Optimizer(Protocol):
    """What ``fit`` asks of an optimizer."""

    def start(self, size: int) -> State:
        """The state before the first update of ``size`` parameters."""
        ...

    def update(self, parameters: Array, gradient: Array, state: State) -> None:
        """Improve the parameters in place, and count one update in the state."""
        ...


@dataclass(eq=False)
class SGD:
    """Gradient descent: W <- W - eta_k grad Loss(W) (lecture: "Gradient Descent to train a
    network"), with momentum v <- momentum v + gradient, W <- W - eta_k v if asked for.

    Args:
        lr: the step size eta > 0, or a function of the number k = 0, 1, ... of updates made.
        momentum: in [0, 1); 0 is plain gradient descent.
        weight_decay: added to the gradient times the parameters, the derivative of
            weight_decay / 2 times their squared norm; at least 0.
        schedule: how the step size goes on from lr over the n updates of a run: ``"constant"``;
            ``"linear"``, lr (1 - k / n); ``"cosine"``, lr (1 + cos(pi k / n)) / 2;
            ``"exponential"``, down to a hundredth; ``"step"``, a tenth from half of the run on and
            a hundredth in its last quarter; ``"invscaling"``, lr / sqrt(k + 1).

    Raises:
        ValueError: if a setting is out of range.
        TypeError: if a setting is not a number.
    """

    lr: StepSize = 0.1
    momentum: float = 0.0
    weight_decay: float = 0.0
    schedule: str = "constant"

    def __post_init__(self) -> None:
        self.lr = _step_size(type(self).__name__, self.lr, self.schedule)
        self.momentum = number_within("momentum", self.momentum, 0.0, 1.0)
        self.weight_decay = number_within("weight_decay", self.weight_decay, 0.0, inf)

    def start(self, size: int) -> State:
        """The state before the first update of ``size`` parameters."""
        return State(0, {"velocity": np.zeros(size)} if self.momentum else {})

    def update(self, parameters: Array, gradient: Array, state: State) -> None:
        """Improve the parameters in place, and count one update in the state."""
        if self.weight_decay:
            gradient = gradient + self.weight_decay * parameters
        if self.momentum:
            # Momentum may have been set on the way.
            velocity = state.arrays.setdefault("velocity", np.zeros_like(parameters))
            velocity *= self.momentum
            velocity += gradient
            gradient = velocity
        parameters -= scheduled(self.lr, self.schedule, state) * gradient
        state.k += 1


@dataclass(eq=False)
class Adam:
    """Adam (Kingma and Ba, 2015): steps scaled by running moments of the gradient.

    m <- beta1 m + (1 - beta1) g, v <- beta2 v + (1 - beta2) g^2, and
    W <- W - eta_k m' / (sqrt(v') + epsilon), where m' and v' are corrected for their start at 0.

    Args:
        lr: the step size eta > 0, or a function of the number k = 0, 1, ... of updates made.
        beta1: in [0, 1).
        beta2: in [0, 1).
        epsilon: at least 0.
        weight_decay: as of ``SGD``, which scales what it adds as it scales gradients; ``AdamW``
            does not.
        schedule: as of ``SGD``.

    Raises:
        ValueError: if a setting is out of range.
        TypeError: if a setting is not a number.
    """

    lr: StepSize = 0.01
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    schedule: str = "constant"

    def __post_init__(self) -> None:
        self.lr = _step_size(type(self).__name__, self.lr, self.schedule)
        self.weight_decay = number_within("weight_decay", self.weight_decay, 0.0, inf)
        self.beta1 = number_within("beta1", self.beta1, 0.0, 1.0)
        self.beta2 = number_within("beta2", self.beta2, 0.0, 1.0)
        self.epsilon = number_within("epsilon", self.epsilon, 0.0, inf)

    def start(self, size: int) -> State:
        """The state before the first update of ``size`` parameters."""
        return State(0, {"mean": np.zeros(size), "square": np.zeros(size)})

    def update(self, parameters: Array, gradient: Array, state: State) -> None:
        """Improve the parameters in place, and count one update in the state."""
        step = scheduled(self.lr, self.schedule, state)
        if self.weight_decay:
            gradient = self.decayed(parameters, gradient, step)
        mean, square = state.arrays["mean"], state.arrays["square"]
        mean *= self.beta1
        mean += (1.0 - self.beta1) * gradient
        square *= self.beta2
        square += (1.0 - self.beta2) * gradient**2
        state.k += 1
        k: Any = state.k
        if BORN in state.arrays:  # some came later, and have had fewer updates
            k = k - state.arrays[BORN]
        corrected = np.sqrt(square / (1.0 - self.beta2**k)) + self.epsilon
        parameters -= step / (1.0 - self.beta1**k) * mean / corrected

    def decayed(self, parameters: Array, gradient: Array, step: float) -> Array:
        """The gradient with that of the decay, for a step of some size."""
        return gradient + self.weight_decay * parameters


@dataclass(eq=False)
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019): before each step
    W <- W - eta_k weight_decay W, whatever the moments of the gradient are.

    The settings are those of ``Adam``, which also says what is raised.
    """

    weight_decay: float = 0.01

    def decayed(self, parameters: Array, gradient: Array, step: float) -> Array:
        """The gradient as it is; the parameters have become smaller."""
        parameters *= 1.0 - step * self.weight_decay
        return gradient


BORN = "born"  # after how many updates each parameter came, where some came later


def carried(optimizer: Optimizer, state: State, places: Sequence[int]) -> State:
    """The state for other parameters than those that it is of.

    Args:
        optimizer: whose it is.
        state: of the parameters until now.
        places: for each parameter from now on its place among them; -1 for one that is new, which
            begins as at the start of a run.

    Raises:
        TypeError: if the state is no number for each parameter, so that it cannot be carried over.
    """
    fresh, size = optimizer.start(len(places)), len(places)
    old, kept = np.array(places), np.array(places) >= 0
    known = isinstance(fresh, State) and isinstance(state, State)
    if not known or any(x.shape != (size,) for x in fresh.arrays.values()):
        raise TypeError(
            f"a parameter has been put in the place of another while {type(optimizer).__name__} "
            f"was at work, whose state is not one number for each parameter; assign to its data "
            f"instead, or train anew"
        )
    if isinstance(optimizer, Adam):
        born = state.arrays.get(BORN, np.zeros(len(next(iter(state.arrays.values())))))
        state = State(state.k, {**state.arrays, BORN: born}, state.total)
        fresh.arrays[BORN] = np.full(size, float(state.k))
    for name, array in fresh.arrays.items():
        if name in state.arrays:
            array[kept] = state.arrays[name][old[kept]]
    fresh.k, fresh.total = state.k, state.total
    return fresh


def step_size(lr: StepSize, k: int) -> float:
    """Eta_k, checked where a schedule computes it.

    Raises:
        TypeError: if the schedule gives anything but a number.
        ValueError: if that is negative or not finite.
    """
    return number_within(f"lr({k})", lr(k), 0.0, inf) if callable(lr) else lr


def scheduled(lr: StepSize, schedule: str, state: State) -> float:
    """Eta_k by a schedule.

    Raises:
        ValueError: if the schedule has to know how long the run is, and the state does not say.
        TypeError, ValueError: as ``step_size``.
    """
    if schedule == "constant":
        return step_size(lr, state.k)
    if schedule not in ENDLESS and state.total < 1:
        raise ValueError(
            f"schedule {schedule!r} depends on how many updates there will be, which fit() says; "
            f"in a loop of your own set state.total, or give lr as a function of k"
        )
    # Beyond the end of the run it stays as it was there.
    k = state.k if schedule in ENDLESS else min(state.k, state.total)
    return step_size(lr, state.k) * SCHEDULES[schedule](k, state.total)


def _holds_parameters(given: object) -> bool:
    """Whether something is what PyTorch's optimizers are given first."""
    if isinstance(given, (list, tuple, set)):
        return not all(isinstance(x, (int, float)) for x in given)
    return isinstance(given, Iterator) or hasattr(given, "parameters")


def _step_size(optimizer: str, lr: StepSize, schedule: str) -> StepSize:
    if _holds_parameters(lr):
        raise TypeError(
            f"{optimizer}: the parameters are the model's, which fit() finds by itself; write "
            f"nn.{optimizer}(lr=0.1), and not {shortened(repr(lr), 40)}"
        )
    if not isinstance(schedule, str) or schedule not in SCHEDULES:
        raise ValueError(
            f"schedule must be one of {', '.join(SCHEDULES)}, got {got(schedule)}; for another "
            f"give lr as a function of the number k of updates made"
        )
    if callable(lr):
        if schedule != "constant":
            raise ValueError(f"lr is a function of k already; leave out schedule={schedule!r}")
        return lr
    lr = number_within("lr", lr, 0.0, inf)
    if lr == 0.0:
        raise ValueError("lr must be greater than 0, got 0; nothing would be learnt")
    return lr
