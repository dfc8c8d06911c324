"""Divergences div(Y, d): how far an output Y is from its target d, made of table operations.

Each takes outputs and a target that are a number or Value each, or lists of one length K, and
gives one Value to minimise. Those on outputs are the lecture's formulas; those ``_from_logits``
take the affine values z before the sigmoid or softmax, where no rounding of a probability to 0 or
1 can lose the error, and are what to train with. Targets are checked, outputs follow IEEE 754.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import autograd
from autograd import Value

Number: TypeAlias = "Value | float"
Numbers: TypeAlias = "Number | Sequence[Number]"


def l2(y: Numbers, d: Numbers) -> Value:
    """1/2 sum_i (y_i - d_i)^2; its derivative in y_i is y_i - d_i (lecture: "Examples of divergence
    functions").

    Args:
        y: outputs, K real numbers.
        d: targets, K finite real numbers.

    Raises:
        ValueError: if the lengths differ, or a target is not finite.
    """
    outputs, targets = _paired("l2", y, d)
    _check_each("l2", targets, -math.inf, math.inf)
    return 0.5 * _total([_square(y_i - d_i) for y_i, d_i in zip(outputs, targets)])


def binary_kl(y: Numbers, d: Numbers) -> Value:
    """-d log y - (1 - d) log(1 - y), summed over the K outputs (lecture: "For binary classifier").

    The derivative is -1/y for d = 1 and 1/(1 - y) for d = 0: not 0, even where y = d.

    Args:
        y: outputs, K probabilities.
        d: targets, K numbers in [0, 1], usually 0 or 1.

    Raises:
        ValueError: if the lengths differ, or a target is outside [0, 1].
    """
    outputs, targets = _paired("binary_kl", y, d)
    _check_each("binary_kl", targets, 0.0, 1.0)
    return -_total(
        [
            term
            for y_i, d_i in zip(outputs, targets)
            for term in (_weighted_log(d_i, y_i), _weighted_log(1.0 - d_i, 1.0 - y_i))
        ]
    )


def kl(y: Numbers, d: Numbers) -> Value:
    """sum_i d_i log d_i - sum_i d_i log y_i; -log y_c for a one-hot d (lecture: "For multi-class
    classification").

    The derivative in y_i is -d_i / y_i: not 0, even where y = d.

    Args:
        y: outputs, a probability vector of length K.
        d: target, a probability vector of length K: see ``nn.one_hot`` and ``nn.smooth_labels``.

    Raises:
        ValueError: if the lengths differ, a target is outside [0, 1], or they do not sum to 1.
    """
    outputs, targets = _distributions("kl", y, d)
    return _minus_entropy(_cross_entropy(outputs, targets), targets)


def cross_entropy(y: Numbers, d: Numbers) -> Value:
    """-sum_i d_i log y_i = KL(y, d) + H(d), where H(d) = -sum_i d_i log d_i is the entropy of d
    (lecture: "KL divergence vs cross entropy", which prints H with the other sign).

    Args:
        y: outputs, a probability vector of length K.
        d: target, a probability vector of length K.

    Raises:
        ValueError: if the lengths differ, a target is outside [0, 1], or they do not sum to 1.
    """
    return _cross_entropy(*_distributions("cross_entropy", y, d))


def binary_kl_from_logits(z: Numbers, d: Numbers) -> Value:
    """``binary_kl(sigmoid(z), d)``, computed from z; its derivative in z is sigmoid(z) - d.

    -log sigmoid(z) is softplus(-z), and -log(1 - sigmoid(z)) is softplus(z).

    Args:
        z: logits, K real numbers.
        d: targets, K numbers in [0, 1], usually 0 or 1.

    Raises:
        ValueError: if the lengths differ, or a target is outside [0, 1].
    """
    logits, targets = _paired("binary_kl_from_logits", z, d)
    _check_each("binary_kl_from_logits", targets, 0.0, 1.0)
    return _total(
        [
            d_i * autograd.softplus(-z_i) + (1.0 - d_i) * autograd.softplus(z_i)
            for z_i, d_i in zip(logits, targets)
        ]
    )


def kl_from_logits(z: Numbers, d: Numbers) -> Value:
    """``kl(softmax(z), d)``, computed from z; its derivative in z is softmax(z) - d (lecture: "The
    derivative of the KL divergence").

    Args:
        z: logits, K real numbers.
        d: target, a probability vector of length K.

    Raises:
        ValueError: if the lengths differ, a target is outside [0, 1], or they do not sum to 1.
    """
    logits, targets = _distributions("kl_from_logits", z, d)
    return _minus_entropy(_cross_entropy_from_logits(logits, targets), targets)


def cross_entropy_from_logits(z: Numbers, d: Numbers) -> Value:
    """``cross_entropy(softmax(z), d)``, computed from z; its derivative in z is softmax(z) - d.

    Args:
        z: logits, K real numbers.
        d: target, a probability vector of length K.

    Raises:
        ValueError: if the lengths differ, a target is outside [0, 1], or they do not sum to 1.
    """
    return _cross_entropy_from_logits(*_distributions("cross_entropy_from_logits", z, d))


def _cross_entropy(outputs: list[Number], targets: list[Number]) -> Value:
    return -_total([_weighted_log(d_i, y_i) for y_i, d_i in zip(outputs, targets)])


def _cross_entropy_from_logits(logits: list[Number], targets: list[Number]) -> Value:
    logarithms = autograd.log_softmax(logits)
    return -_total([_weighted(d_i, log_y) for log_y, d_i in zip(logarithms, targets)])


def _minus_entropy(cross_entropy: Value, targets: list[Number]) -> Value:
    entropy = -autograd.sum([autograd.xlogy(d_i, d_i) for d_i in targets])
    if isinstance(entropy, float) and entropy == 0.0:  # a one-hot target: a node would say nothing
        return cross_entropy
    return cross_entropy - entropy


def _weighted_log(weight: Number, y: Number) -> Number:
    """Weight * log(y), and 0 for weight 0 whatever y is, also for y = 0 with its infinite slope."""
    if isinstance(weight, Value):
        hidden = autograd.equal(weight, 0.0) * (1.0 - autograd.less(0.0, y))
        return autograd.xlogy(weight, autograd.where(hidden, 1.0, y))
    return _weighted(weight, autograd.log(y))


def _weighted(weight: Number, term: Number) -> Number:
    """Weight * term, and 0 for weight 0; without a node where the weight is a plain 0 or 1."""
    if isinstance(weight, Value):
        hidden = autograd.equal(weight, 0.0) * autograd.equal(term, -math.inf)
        return weight * autograd.where(hidden, 0.0, term)
    return 0.0 if weight == 0.0 else term if weight == 1.0 else weight * term


def _square(x: Number) -> Number:
    """The square; ``**`` on a plain float would raise where it overflows."""
    return x**2 if isinstance(x, Value) else x * x


def _total(terms: list[Number]) -> Value:
    """The sum of the terms, leaving out plain zeros."""
    kept = [term for term in terms if isinstance(term, Value) or term != 0.0]
    return kept[0] if len(kept) == 1 else autograd.sum(kept)  # type: ignore[return-value]


def _as_list(name: str, what: str, numbers: Numbers) -> list[Number]:
    if isinstance(numbers, (str, bytes, Value)) or not hasattr(numbers, "__iter__"):
        numbers = [numbers]
    found: list[Number] = []
    for i, x in enumerate(numbers):
        try:
            found.append(x if isinstance(x, Value) else Value(x).data)
        except TypeError:
            raise TypeError(
                f"{name}() takes a number, a Value or a list of them, but {what} {i} is {x!r} of "
                f"type {type(x).__name__}; convert it to a float, and a class label c of K by "
                f"nn.one_hot(c, K)"
            ) from None
    return found


def _paired(name: str, y: Numbers, d: Numbers) -> tuple[list[Number], list[Number]]:
    outputs, targets = _as_list(name, "output", y), _as_list(name, "target", d)
    if len(outputs) != len(targets):
        raise ValueError(
            f"{name}() takes as many targets as outputs, got {len(targets)} for {len(outputs)} "
            f"outputs; a class label c becomes a target by nn.one_hot(c, {len(outputs)})"
        )
    if not outputs:
        raise ValueError(f"{name}() takes one output at least, got none")
    return outputs, targets


def _distributions(name: str, y: Numbers, d: Numbers) -> tuple[list[Number], list[Number]]:
    outputs, targets = _paired(name, y, d)
    _check_each(name, targets, 0.0, 1.0)
    total = math.fsum(_data(d_i) for d_i in targets)
    if abs(total - 1.0) > 1e-6:
        raise ValueError(
            f"{name}() takes targets that are probabilities and sum to 1, got a sum of {total!r}; "
            f"make them with nn.one_hot or nn.smooth_labels, or divide them by their sum"
        )
    return outputs, targets


def _check_each(name: str, targets: list[Number], low: float, high: float) -> None:
    for i, target in enumerate(targets):
        number = _data(target)
        if not (low <= number <= high and math.isfinite(number)):
            expected = "finite numbers" if low == -math.inf else f"numbers in [{low:g}, {high:g}]"
            raise ValueError(
                f"{name}() takes targets that are {expected}, but target {i} is {number!r}; "
                f"check the order of the arguments (outputs first) and the labels"
            )


def _data(number: Number) -> float:
    return number.data if isinstance(number, Value) else number
