"""Divergences div(Y, d): how far an output Y is from its target d, made of table operations.

Each takes outputs and a target that are a number or Value each, or lists of one length K, and
gives one Value to minimise. Those on outputs are the lecture's formulas; those ``_from_logits``
take the affine values z before the sigmoid or softmax, where no rounding of a probability to 0 or
1 can lose the error, and are what to train with. Targets are checked, outputs follow IEEE 754.

A divergence is its formula with a ``Row`` of facts above it, which is all that training, lowering
and accuracies know of it. To add one, add it here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from inspect import cleandoc, signature
from math import inf
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np

import autograd
from autograd import Value
from autograd.data import instance, nested, parts, remedy
from autograd.text import counted, got, number_within, real

__all__ = [
    "binary_kl",
    "binary_kl_from_logits",
    "cross_entropy",
    "cross_entropy_from_logits",
    "hinge",
    "kl",
    "kl_from_logits",
    "l2",
]

Number: TypeAlias = "Value | float"
Numbers: TypeAlias = "Number | Sequence[Number]"
Divergence: TypeAlias = Callable[[Any, Any], Value]
Decision: TypeAlias = 'float | Literal["largest", "nearest"] | None'
F = TypeVar("F", bound=Callable[..., Value])
LARGEST: Literal["largest"] = "largest"
NEAREST: Literal["nearest"] = "nearest"
_TEXT = "numbers, classes = nn.class_numbers(labels) makes numbers of texts"
_ROUNDING = 1e-6  # by which a sum of probabilities, or a computed probability, may be off


@dataclass(frozen=True)
class Domain:
    """Where the numbers of an output or a target lie.

    Attributes:
        name: what messages call numbers that lie there.
        low: the least that a number may be.
        high: the most.
        shared: whether the numbers sum to 1, so that the number of a class stands for them too.
        activation: of the last layer of a model that gives such outputs.
        ends: whether a number is the least or the most, and nothing between.
    """

    name: str
    low: float = -inf
    high: float = inf
    shared: bool = False
    activation: str = "linear"
    ends: bool = False

    def holds(self, number: float) -> bool:
        """Whether a number lies there."""
        within = self.low <= number <= self.high and math.isfinite(number)
        return within and (not self.ends or number in (self.low, self.high))


REALS = Domain("finite numbers")
PROBABILITIES = Domain("probabilities", 0.0, 1.0, activation="sigmoid")
DISTRIBUTION = Domain("a probability vector", 0.0, 1.0, shared=True, activation="softmax")
ONE_HOT = Domain("a one-hot vector", 0.0, 1.0, shared=True, ends=True)
SIGNS = Domain("labels -1 and 1", -1.0, 1.0, ends=True)


@dataclass(frozen=True)
class Row:
    """What there is to know of a divergence besides its formula.

    Attributes:
        name: of the function.
        outputs: where it is defined.
        targets: where a target has to lie.
        decision: how the class is read from an output that is one number: it is the second of two
            from this number up, or that of the ``NEAREST`` label. In an output of several it is the
            ``LARGEST`` entry. None where there is no class.
        single: where a target has to lie if the output is one number and ``targets`` does not say.
    """

    name: str
    outputs: Domain
    targets: Domain
    decision: Decision
    single: Domain | None = None

    def domain(self, outputs: int) -> Domain:
        """Where the target of so many outputs has to lie."""
        return self.single if self.single and outputs == 1 else self.targets

    def takes_class(self, outputs: int) -> bool:
        """Whether the target of so many outputs may be the number of a class."""
        return outputs > 1 and self.targets.shared

    def check_class(self, c: float, outputs: int) -> None:
        """Refuse what is the number of no class, by a ValueError."""
        if not (0 <= c < outputs and c == int(c)):
            raise ValueError(
                f"{self.name}() takes targets that are {self.targets.name} of {outputs}, or the "
                f"number of a class from 0 to {outputs - 1}, got {c:g}; classes are counted from "
                f"0, and nn.class_numbers(labels) counts them"
            )

    def check_target(self, target: Sequence[float]) -> None:
        """Refuse a target that lies elsewhere, by a ValueError."""
        domain = self.domain(len(target))
        expected = f"{self.name}() takes targets that are {domain.name}"
        for i, number in enumerate(target):
            if not domain.holds(number):
                advice = "check the order of the arguments (outputs first) and the labels"
                if domain is SIGNS and number == 0.0:
                    advice = "write labels 0 and 1 as -1 and 1, by 2 * d - 1"
                elif number == -1.0:
                    advice = "write labels -1 and 1 as 0 and 1, by (d + 1) / 2"
                raise ValueError(f"{expected}, but target {i} is {number!r}; {advice}")
        if domain.shared and abs((total := math.fsum(target)) - 1.0) > _ROUNDING:
            advice = "make them with nn.one_hot or nn.smooth_labels, or divide them by their sum"
            if len(target) == 1:
                advice = "one probability is learnt by binary_kl from a model with output='sigmoid'"
            raise ValueError(f"{expected}, but they sum to {total!r}; {advice}")

    def saturation(self, outputs: Sequence[Sequence[float]]) -> str:
        """What to do where outputs are on the border, beyond which there is no divergence; or
        nothing.
        """
        if self.outputs == REALS or len({len(y) for y in outputs}) != 1:
            return ""
        table = np.asarray(outputs)
        saturated = (table == self.outputs.low) | (table == self.outputs.high)
        if not saturated.any():
            return ""
        i, j = np.argwhere(saturated)[0]
        return (
            f"an output is exactly {table[i, j]:g}, as of a saturated {self.outputs.activation}: "
            f"scale each input to mean 0 and standard deviation 1, or build the model with "
            f"output='linear' and train it with nn.divergences.{self.name}_from_logits"
        )

    def objection(self, outputs: Sequence[Sequence[float]]) -> str:
        """Why the divergence is not defined for some outputs, and what to do; or nothing.

        A nan is no reason, as it speaks for itself.
        """
        domain = self.outputs
        if domain == REALS or len({len(y) for y in outputs}) != 1:
            return ""
        table = np.asarray(outputs)
        outside = (table < domain.low - _ROUNDING) | (table > domain.high + _ROUNDING)
        excess = np.abs(table.sum(axis=1) - 1.0) * domain.shared
        if outside.any():
            found = f"an output is {table.flat[int(np.argmax(outside))]:.6g}"
        elif (excess > _ROUNDING).any():
            found = f"outputs sum to {table[int(np.argmax(excess > _ROUNDING))].sum():.6g}"
        else:
            return ""
        twin = f"{self.name}_from_logits"
        as_it_is = f", or train it as it is with nn.divergences.{twin}" * (twin in globals())
        return (
            f"{self.name}() takes outputs that are {domain.name}, but {found}; build the model "
            f"with output={domain.activation!r}{as_it_is}"
        )


_ARGUMENTS = """
Args:
    {first}: outputs, {outputs}: one number or a list of K, Values or floats.
    d: targets, {targets}: as many; see ``nn.one_hot`` and ``nn.smooth_labels``.{classes}

Raises:
    TypeError: if something in them is no number.
    ValueError: if their lengths differ, or the targets are others.
"""


_CLASSES = "\n        Of K >= 2 outputs the target may be the number of a class, 0 to K - 1."


def described(
    outputs: Domain,
    *,
    targets: Domain,
    decision: Decision = None,
    single: Domain | None = None,
) -> Callable[[F], F]:
    """What to write above a divergence, so that it has a ``Row`` with these facts, and says them.

    A function of your own works without as well. Nothing is known of it then, so that its targets
    are not checked beforehand, and no accuracy is reported.
    """

    def describe(divergence: F) -> F:
        row = Row(divergence.__name__, outputs, targets, decision, single)
        divergence.row = row  # type: ignore[attr-defined]
        if divergence.__doc__:
            first = next(iter(signature(divergence).parameters))
            arguments = _ARGUMENTS.format(
                first=first,
                outputs=outputs.name,
                targets=targets.name + (f", of one output {single.name}" if single else ""),
                classes=_CLASSES * targets.shared,
            )
            divergence.__doc__ = f"{cleandoc(divergence.__doc__)}\n{arguments}"
        return divergence

    return describe


def row_of(divergence: Divergence) -> Row | None:
    """What is known of a divergence, if anything is."""
    row = getattr(divergence, "row", None)
    return row if isinstance(row, Row) else None


def pair(
    divergence: Callable[..., Value], y: Numbers, d: Numbers
) -> tuple[list[Number], list[Number]]:
    """Outputs and target as lists of one length, fit for a divergence.

    Raises:
        TypeError: if something in them is no number.
        ValueError: if they differ in length or are empty, or the target lies elsewhere.
    """
    name, row = divergence.__name__, row_of(divergence)
    outputs, targets = _as_list(name, "output", y), _as_list(name, "target", d)
    alone = len(targets) == 1 and not isinstance(d, (list, tuple)) and not nested(d)
    if alone and row is not None and row.takes_class(len(outputs)):
        [c] = targets
        row.check_class(c.data if isinstance(c, Value) else c, len(outputs))
        targets = [_indicator(c, i) for i in range(len(outputs))]
    if len(outputs) != len(targets):
        raise ValueError(
            f"{name}() takes as many targets as outputs, got {len(targets)} for "
            f"{counted(len(outputs), 'output')}; {_fitting(row, len(outputs), len(targets))}"
        )
    if not outputs:
        raise ValueError(f"{name}() takes one output at least, got none")
    if row is not None:
        row.check_target([d_i.data if isinstance(d_i, Value) else d_i for d_i in targets])
    return outputs, targets


def _indicator(c: Number, i: int) -> Number:
    """1 if a class has the number i, else 0; a node if the class is a Value, as in a recording."""
    return autograd.equal(c, float(i)) if isinstance(c, Value) else float(c == i)


def _fitting(row: Row | None, outputs: int, targets: int) -> str:
    """What to do about a target of another length than the output."""
    if outputs == 1:
        return f"give one number as the target, or build the model with {targets} outputs"
    alone = " or as it is, c and not [c]" * (row is not None and row.takes_class(outputs))
    return f"a class number c becomes a target by nn.one_hot(c, {outputs}){alone}"


@described(REALS, targets=REALS, decision=NEAREST)
def l2(y: Numbers, d: Numbers) -> Value:
    """1/2 sum_i (y_i - d_i)^2; its derivative in y_i is y_i - d_i (lecture: "Examples of divergence
    functions").
    """
    outputs, targets = pair(l2, y, d)
    return 0.5 * _total([_square(y_i - d_i) for y_i, d_i in zip(outputs, targets)])


@described(PROBABILITIES, targets=PROBABILITIES, decision=0.5)
def binary_kl(y: Numbers, d: Numbers) -> Value:
    """-d log y - (1 - d) log(1 - y), summed over the K outputs (lecture: "For binary classifier").

    The derivative is -1/y for d = 1 and 1/(1 - y) for d = 0: not 0, even where y = d.
    """
    outputs, targets = pair(binary_kl, y, d)
    return -_total(
        [
            term
            for y_i, d_i in zip(outputs, targets)
            for term in (_weighted_log(d_i, y_i), _weighted_log(1.0 - d_i, 1.0 - y_i))
        ]
    )


@described(DISTRIBUTION, targets=DISTRIBUTION, decision=LARGEST)
def kl(y: Numbers, d: Numbers) -> Value:
    """sum_i d_i log d_i - sum_i d_i log y_i; -log y_c for a one-hot d (lecture: "For multi-class
    classification").

    The derivative in y_i is -d_i / y_i: not 0, even where y = d.
    """
    outputs, targets = pair(kl, y, d)
    return _minus_entropy(_cross_entropy(outputs, targets), targets)


@described(DISTRIBUTION, targets=DISTRIBUTION, decision=LARGEST)
def cross_entropy(y: Numbers, d: Numbers) -> Value:
    """-sum_i d_i log y_i = KL(y, d) + H(d), where H(d) = -sum_i d_i log d_i is the entropy of d
    (lecture: "KL divergence vs cross entropy", which prints H with the other sign).
    """
    return _cross_entropy(*pair(cross_entropy, y, d))


@described(REALS, targets=PROBABILITIES, decision=0.0)
def binary_kl_from_logits(z: Numbers, d: Numbers) -> Value:
    """``binary_kl(sigmoid(z), d)``, computed from z; its derivative in z is sigmoid(z) - d.

    -log sigmoid(z) is softplus(-z), and -log(1 - sigmoid(z)) is softplus(z).
    """
    logits, targets = pair(binary_kl_from_logits, z, d)
    return _total(
        [
            d_i * autograd.softplus(-z_i) + (1.0 - d_i) * autograd.softplus(z_i)
            for z_i, d_i in zip(logits, targets)
        ]
    )


@described(REALS, targets=DISTRIBUTION, decision=LARGEST)
def kl_from_logits(z: Numbers, d: Numbers) -> Value:
    """``kl(softmax(z), d)``, computed from z; its derivative in z is softmax(z) - d (lecture: "The
    derivative of the KL divergence").
    """
    logits, targets = pair(kl_from_logits, z, d)
    return _minus_entropy(_cross_entropy_from_logits(logits, targets), targets)


@described(REALS, targets=DISTRIBUTION, decision=LARGEST)
def cross_entropy_from_logits(z: Numbers, d: Numbers) -> Value:
    """``cross_entropy(softmax(z), d)``, computed from z; its derivative in z is softmax(z) - d."""
    return _cross_entropy_from_logits(*pair(cross_entropy_from_logits, z, d))


@described(REALS, targets=ONE_HOT, decision=0.0, single=SIGNS)
def hinge(z: Numbers, d: Numbers) -> Value:
    """max(0, 1 - m), where the margin m is d z of one output, and of K outputs z_c less the largest
    other one, c being the class (Crammer and Singer, 2001; scikit-learn's ``hinge_loss``).

    The derivative is 0 where the margin is more than 1; at 1 it is -d, as of ``relu``, and of K
    outputs those that are level share it.
    """
    logits, targets = pair(hinge, z, d)
    if len(logits) == 1:
        return autograd.relu(1.0 - targets[0] * logits[0])  # type: ignore[return-value]
    reached = reduce(autograd.maximum, [z_i + (1.0 - d_i) for z_i, d_i in zip(logits, targets)])
    return reached - _total([_weighted(d_i, z_i) for z_i, d_i in zip(logits, targets)])


@dataclass(frozen=True)
class Weighted:
    """A divergence times a weight for the class of the target: sum_c weights_c d_c, d being one-hot
    or probabilities; of one output weights_0 (1 - d) + weights_1 d, where a label -1 counts as 0.

    Args:
        divergence: one that knows classes, such as ``kl_from_logits`` or ``hinge``.
        weights: a number of at least 0 for each class, in their order; classes beyond have 1.

    Raises:
        ValueError: if the divergence knows no classes, or a weight is out of range.
        TypeError: if a weight is no number.
    """

    divergence: Divergence
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        if (row := row_of(self.divergence)) is None or not isinstance(row.decision, (float, str)):
            raise ValueError(f"{self.__name__}() knows no classes, so that they have no weights")
        if row.decision == NEAREST:
            raise ValueError(
                f"{self.__name__}() is of numbers, and its targets have no classes to weigh; take "
                f"binary_kl, kl or hinge"
            )
        weights = tuple(number_within("a class weight", x, 0.0, inf) for x in self.weights)
        if not any(weights):
            raise ValueError("every class weight is 0, so that nothing would be learnt")
        object.__setattr__(self, "weights", weights)

    @property
    def __name__(self) -> str:
        """That of the divergence, for messages."""
        return str(getattr(self.divergence, "__name__", type(self.divergence).__name__))

    @property
    def row(self) -> Row | None:
        """That of the divergence."""
        return row_of(self.divergence)

    def __call__(self, y: Numbers, d: Numbers) -> Value:
        """The divergence of an output and a target, as it is given them, times the weight."""
        outputs, targets = pair(self.divergence, y, d)
        K = max(2, len(outputs))
        if len(self.weights) > K:
            raise ValueError(f"expected a weight for each of {K} classes, got {len(self.weights)}")
        if len(outputs) == 1:
            [d_1] = targets
            assert self.row is not None
            d_1 = 0.5 * (d_1 + 1.0) if self.row.domain(1) is SIGNS else d_1
            shares: list[Number] = [1.0 - d_1, d_1]
        elif self.row is not None and self.row.targets.shared:
            shares = targets
        else:
            raise ValueError(
                f"{self.__name__}() of {K} outputs has {K} answers and no class to weigh; take a "
                f"model with one output"
            )
        weights = [*self.weights, *[1.0] * (K - len(self.weights))]
        weight = _total([share * w for share, w in zip(shares, weights)])
        return weight * self.divergence(outputs, targets)


def _cross_entropy(y: list[Number], d: list[Number]) -> Value:
    return -_total([_weighted_log(d_i, y_i) for y_i, d_i in zip(y, d)])


def _cross_entropy_from_logits(z: list[Number], d: list[Number]) -> Value:
    return -_total([_weighted(d_i, log_y) for log_y, d_i in zip(autograd.log_softmax(z), d)])


def _minus_entropy(cross_entropy: Value, d: list[Number]) -> Value:
    entropy = -autograd.sum([autograd.xlogy(d_i, d_i) for d_i in d])
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
        hidden = autograd.equal(weight, 0.0) * autograd.equal(term, -inf)
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
    if not isinstance(numbers, (list, tuple)):
        numbers = instance(f"the {what} of {name}()", numbers)
        numbers = parts(numbers) if nested(numbers) else [numbers]  # type: ignore[list-item]
    found: list[Number] = []
    for i, x in enumerate(numbers):
        try:
            found.append(x if isinstance(x, Value) else real(x))
        except TypeError:
            plain = instance(f"{what} {i}", x) if what == "target" else x  # bools are data
            if isinstance(plain, bool) or not isinstance(plain, (int, float)):
                raise TypeError(
                    f"{name}() takes a number, a Value or a list of them, but {what} {i} is "
                    f"{got(x)}; {_TEXT if isinstance(x, str) else remedy(x)}; a class number c "
                    f"of K becomes nn.one_hot(c, K)"
                ) from None
            found.append(real(plain))
    return found
