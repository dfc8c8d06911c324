"""Neurons, layers and networks, in the lecture's words and its numbering.

The input is layer 0. A ``Layer`` k holds ``Neuron``s, each an affine combination z of what it is
given followed by an activation y = f(z); an ``MLP`` is layers one after the other. ``Softmax`` and
``Multiplicative`` are activations that act on a whole vector. A neuron gives a Value; everything
else takes a list of numbers or Values and gives a list, also when it is a list of one.
"""

from __future__ import annotations

import itertools
import math
import operator
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

import autograd
from autograd import Value
from autograd.data import instance, nested, parts, remedy
from autograd.text import got, real, whole_number

from .module import Module, walk

# How often this process has drawn weights without a generator of the user's: the next seed. Equal
# seeds would make layers twins, which learn the same for ever where they are used in the same way.
_made = itertools.count()

Activation: TypeAlias = Callable[[Value], Value]
Vector: TypeAlias = Sequence["Value | float"]


def linear(z: Value) -> Value:
    """The activation that is none: y = z."""
    return z


# These pass about half of what they are given, which He et al. (2015) make up for in the weights.
HALVING: dict[str, Activation] = {
    "relu": autograd.relu,
    "softplus": autograd.softplus,
    "leaky_relu": autograd.leaky_relu,
    "elu": autograd.elu,
    "silu": autograd.silu,
    "gelu": autograd.gelu,
}
ACTIVATIONS: dict[str, Activation] = {
    "linear": linear,
    "tanh": autograd.tanh,
    "sigmoid": autograd.sigmoid,
    **HALVING,
}


class _Path(str):
    """The name that a module has by its place in another one; its user gives a plain str."""

    __slots__ = ()


class Neuron(Module):
    """y = f(w_1 x_1 + ... + w_D x_D + b) (lecture: "The perceptron with activation").

    Args:
        n_inputs: D, at least 1.
        activation: a name in ``ACTIVATIONS``, or any differentiable function of a Value.
        rng: where the initial weights are drawn from; by default a ``random.Random`` of its own,
            seeded with how many networks, layers and neurons the program has made without ``rng``
            before: each has other numbers, and the same ones in every run of the program.
        n_outputs: the width of the layer that the neuron belongs to, which its initial weights
            depend on: uniform with variance 2 / (n_inputs + n_outputs) (Glorot and Bengio, 2010),
            or normal with variance 2 / n_inputs for relu and its like (He et al., 2015). The bias
            starts at 0.
        name: what the labels of its Values begin with, such as ``layer1.neuron0``; by default the
            path to it in the module that holds it.

    Raises:
        ValueError: if a width is below 1 or the activation is not known.
        TypeError: if a width is no whole number.
    """

    _labels_itself = True

    def __init__(
        self,
        n_inputs: int,
        activation: str | Activation = "tanh",
        *,
        rng: random.Random | None = None,
        n_outputs: int = 1,
        name: str = "",
    ) -> None:
        n_inputs = whole_number("n_inputs", n_inputs)
        n_outputs = whole_number("n_outputs", n_outputs)
        self.activation = _activation(activation)
        rng = _generator(rng)
        if self.activation in HALVING.values():
            weights = [rng.gauss(0.0, math.sqrt(2.0 / n_inputs)) for _ in range(n_inputs)]
        else:
            bound = math.sqrt(6.0 / (n_inputs + n_outputs))
            weights = [rng.uniform(-bound, bound) for _ in range(n_inputs)]
        self.name = name
        prefix = _prefix(name)
        self.w = [Value(weight, f"{prefix}w[{i}]") for i, weight in enumerate(weights)]
        self.b = Value(0.0, f"{prefix}b")
        self._labels = f"{prefix}z", f"{prefix}y"

    def _described(self) -> str:
        return f"{len(self.w)} -> 1{_known_as(self.activation)}"

    def _placed(self, path: str) -> None:
        if _is_users(self.name):
            return
        before, after = _prefix(self.name), _prefix(path)
        for local, value in [*((f"w[{i}]", w) for i, w in enumerate(self.w)), ("b", self.b)]:
            # A plain number may stand for a bias that is not trained.
            if isinstance(value, Value) and value.label == before + local:
                value.label = after + local
        self.name, self._labels = _Path(path), (f"{after}z", f"{after}y")

    def __call__(self, x: Vector) -> Value:
        """The output y, a Value, for an input of length D.

        Raises:
            ValueError: if the input has another length.
            TypeError: if it is not a list of numbers or Values.
        """
        if type(x) is not list or len(x) != len(self.w):  # a layer has made a list already
            x = check_input(self.name or "Neuron", len(self.w), x)
        terms: list[Value] = list(map(operator.mul, self.w, x))
        terms.append(self.b)
        z = autograd.sum(terms)
        y = self.activation(z)
        if not isinstance(y, Value):
            raise TypeError(
                f"the activation of {self.name or 'Neuron'} returned {got(y)}; "
                f"it must compute a Value from the Value that it is given"
            )
        z.label, label = self._labels
        if y.op is not None:  # a leaf is somebody else's
            y.label = label
        return y


class Layer(Module):
    """A vector activation: ``n_outputs`` neurons that are all given the same input.

    Args:
        n_inputs: as for a ``Neuron``, which also says what is raised.
        n_outputs: number of neurons and length of the output, at least 1.
        activation: as for a ``Neuron``.
        rng: likewise.
        name: as for a ``Neuron``: such as ``layer1``.
    """

    _labels_itself = True

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        activation: str | Activation = "tanh",
        *,
        rng: random.Random | None = None,
        name: str = "",
    ) -> None:
        n_inputs = whole_number("n_inputs", n_inputs)
        n_outputs = whole_number("n_outputs", n_outputs)
        rng = _generator(rng)
        self.name = name
        self.n_inputs = n_inputs
        self.n_outputs = n_outputs
        kind = str if _is_users(name) else _Path
        for j in range(n_outputs):
            own = kind(f"{_prefix(name)}neuron{j}")
            neuron = Neuron(n_inputs, activation, rng=rng, n_outputs=n_outputs, name=own)
            setattr(self, f"neuron{j}", neuron)

    def _placed(self, path: str) -> None:
        if not _is_users(self.name):
            self.name = _Path(path)

    @property
    def neurons(self) -> list[Neuron]:
        """The attributes ``neuron0``, ``neuron1``, ... as they are now, n_outputs of them."""
        return [getattr(self, f"neuron{j}") for j in range(self.n_outputs)]

    def _described(self) -> str:
        return f"{self.n_inputs} -> {_unit_words(self)}"

    def __call__(self, x: Vector) -> list[Value]:
        """The outputs y_1 ... y_M, a list of M Values, for an input that a ``Neuron`` takes."""
        x = check_input(self.name or "Layer", self.n_inputs, x)
        return [neuron(x) for neuron in self.neurons]


class Softmax(Module):
    """y_i = exp(z_i) / sum_j exp(z_j), without parameters (lecture: "Multi-class classification:
    Output").
    """

    _labels_itself = True

    def __call__(self, z: Vector) -> list[Value]:
        """The probabilities, a list as long as ``z``, which sum to 1.

        Raises:
            ValueError: if ``z`` is empty.
            TypeError: if it is not a list of numbers or Values.
        """
        y = autograd.softmax(check_input("Softmax", None, z))
        for i, probability in enumerate(y):
            if isinstance(probability, Value):
                probability.label = f"softmax.y[{i}]"
        return y


class Multiplicative(Module):
    """y_i = prod_l z_l ** alpha_li, a multiplicative combination (lecture: "Vector activations").

    Defined for positive z. The exponents alpha_li are the parameters.

    Args:
        n_inputs: L, the length of z, at least 1.
        n_outputs: the length of y, at least 1.
        rng: where the initial exponents are drawn from, uniformly with variance
            2 / (n_inputs + n_outputs); by default as for a ``Neuron``.
        name: what the labels of the exponents begin with, as for a ``Neuron``.

    Raises:
        ValueError: if a width is below 1.
        TypeError: if a width is no whole number.
    """

    _labels_itself = True

    def __init__(
        self, n_inputs: int, n_outputs: int, *, rng: random.Random | None = None, name: str = ""
    ) -> None:
        n_inputs = whole_number("n_inputs", n_inputs)
        n_outputs = whole_number("n_outputs", n_outputs)
        rng = _generator(rng)
        bound = math.sqrt(6.0 / (n_inputs + n_outputs))
        prefix = _prefix(name)
        self.name = name
        self.n_inputs = n_inputs
        self.alpha = [
            [Value(rng.uniform(-bound, bound), f"{prefix}alpha[{i}][{j}]") for j in range(n_inputs)]
            for i in range(n_outputs)
        ]

    def _placed(self, path: str) -> None:
        if _is_users(self.name):
            return
        before, after = _prefix(self.name), _prefix(path)
        for i, exponents in enumerate(self.alpha):
            for j, value in enumerate(exponents):
                if value.label == f"{before}alpha[{i}][{j}]":
                    value.label = f"{after}alpha[{i}][{j}]"
        self.name = _Path(path)

    def _described(self) -> str:
        return f"{self.n_inputs} -> {len(self.alpha)}"

    def __call__(self, z: Vector) -> list[Value]:
        """The products y, for z of length L.

        Raises:
            ValueError: if z has another length.
            TypeError: if it is not a list of numbers or Values.
        """
        z = check_input(self.name or "Multiplicative", self.n_inputs, z)
        return [
            autograd.prod([z_l**alpha for z_l, alpha in zip(z, exponents)])
            for exponents in self.alpha
        ]


class Sequential(Module):
    """Modules one after the other, each given what the one before it returned.

    Args:
        modules: at least one. A layer without a name is called after its place, ``layer1`` for the
            first, so that labels and pictures tell its parameters from those of the others.

    Raises:
        ValueError: if there are none.
        TypeError: if one is not a Module.
    """

    _labels_itself = True

    def __init__(self, *modules: Module) -> None:
        if not modules:
            raise ValueError("Sequential() takes one module at least, such as Sequential(MLP(...))")
        for i, module in enumerate(modules):
            if not isinstance(module, Module):
                advice = "derive a class from nn.Module for it"
                if isinstance(module, (list, tuple)):
                    advice = "write Sequential(l1, l2), or Sequential(*layers) for a list of them"
                raise TypeError(
                    f"Sequential() takes modules, but number {i} is {got(module)}; {advice}"
                )
        self.modules = list(modules)
        taken = {p.label.partition(".")[0] for m in modules for p in m.parameters()}
        for place, module in enumerate(modules, start=1):
            if getattr(module, "name", None) == "":
                free = (f"layer{k}" for k in itertools.count(place) if f"layer{k}" not in taken)
                name = next(free)
                taken.add(name)
                for path, part in walk(module):
                    if isinstance(part, Module):
                        part._placed(f"{name}.{path}" if path else name)

    def _described(self) -> str:
        return ", ".join(type(module).__name__ for module in self.modules)

    def __call__(self, x: Vector) -> list[Value]:
        """What the last module returns."""
        return _through(self.modules, x)


def _through(modules: Sequence[Module], x: Vector) -> list[Value]:
    for module in modules:
        x = module(x)
    return x  # type: ignore[return-value]


def _prefix(name: str) -> str:
    """What the labels of a module with a name begin with."""
    return f"{name}." if name else ""


def _is_users(name: str) -> bool:
    """Whether a name was given by the user of a module, and stays."""
    return bool(name) and not isinstance(name, _Path)


class MLP(Module):
    """A multi-layer perceptron: layers 1 ... N after the input, layer 0.

    Args:
        n_inputs: length D of the input, at least 1.
        widths: the number of units of each layer 1 ... N, each at least 1.
        activation: of every layer but the last: a name in ``ACTIVATIONS``, or any differentiable
            function of a Value.
        output: of the last layer: the same, or ``"softmax"``.
        rng: where the initial weights are drawn from; by default as for a ``Neuron``. Two networks
            are equal if they are given equal generators, such as ``random.Random(0)`` each.

    Raises:
        ValueError: if there are no widths, one is below 1, or an activation is not known.
        TypeError: if a width is no whole number.

    Example:
        >>> model = MLP(2, [16, 16, 1], output="sigmoid")
        >>> len(model.parameters())
        337
        >>> [y] = model([0.5, -1.0])
    """

    _labels_itself = True

    def __init__(
        self,
        n_inputs: int,
        widths: Sequence[int],
        activation: str | Activation = "tanh",
        output: str | Activation = "linear",
        *,
        rng: random.Random | None = None,
    ) -> None:
        n_inputs = whole_number("n_inputs", n_inputs)
        if isinstance(widths, str) or not hasattr(widths, "__len__") or len(widths) == 0:
            raise ValueError(
                f"widths lists the units of each layer, one at least, got {widths!r}; "
                f"write for example MLP({n_inputs}, [16, 1])"
            )
        widths = [whole_number("each of widths", width) for width in widths]
        _activation(activation)  # also where a single layer leaves it unused
        rng = _generator(rng)
        self.n_layers = len(widths)
        self.softmax = Softmax() if output == "softmax" else None
        activations = [activation] * (len(widths) - 1) + ["linear" if self.softmax else output]
        for k, (fan_in, width, f) in enumerate(
            zip([n_inputs, *widths], widths, activations), start=1
        ):
            name = _Path(f"layer{k}")
            setattr(self, name, Layer(fan_in, width, f, rng=rng, name=name))

    @property
    def layers(self) -> list[Module]:
        """The attributes ``layer1`` ... ``layerN`` as they are now, and the softmax if any."""
        layers = [getattr(self, f"layer{k}") for k in range(1, self.n_layers + 1)]
        return [*layers, self.softmax] if self.softmax else layers

    def _described(self) -> str:
        layers = [layer for layer in self.layers if isinstance(layer, Layer)]
        words = " -> ".join([f"{layers[0].n_inputs}", *map(_unit_words, layers)] if layers else [])
        return words + " softmax" * bool(self.softmax)

    def __call__(self, x: Vector) -> list[Value]:
        """The outputs, a list as long as the last layer is wide, for an input as of a ``Layer``."""
        return _through(self.layers, x)


def check_input(name: str, width: int | None, x: Vector) -> list[Value | float]:
    """The input as a list, once it is known to have the right length and to hold numbers."""
    if type(x) is not list:
        x = _listed(name, width, x)
    if width is not None and len(x) != width:
        advice = f"give it a list of {width}"
        if len(x):
            advice += f", or build the network with n_inputs={len(x)}"
        raise ValueError(f"{name} takes {width} inputs, got {len(x)}; {_one_by_one(x) or advice}")
    # Converted once here, not once in each neuron.
    return [
        x_i if isinstance(x_i, Value) or type(x_i) is float else _float(name, i, x_i)
        for i, x_i in enumerate(x)
    ]


def _listed(name: str, width: int | None, x: Any) -> Sequence[Any]:
    """An input that is no list as one, or as another sequence."""
    x = instance(f"the input of {name}", x)
    if isinstance(x, np.ndarray):
        return x.tolist()  # type: ignore[no-any-return]
    if nested(x):
        return parts(x)
    count = "" if width is None else f"{width} "
    advice = "write [x] for an input of one number"
    if isinstance(x, Mapping):
        advice = "give what it holds in the order of the inputs, such as list(x.values())"
    elif width is not None and width > 1:
        advice = f"an input is one list of {width}, and a data set a list of such lists"
    raise TypeError(f"{name} takes a list of {count}numbers or Values, got {got(x)}; {advice}")


def _float(name: str, i: int, x_i: object) -> float:
    try:
        return real(instance(f"input {i}", x_i))
    except TypeError:
        raise TypeError(
            f"{name} takes numbers or Values, but input {i} is {got(x_i)}; "
            f"{_one_by_one([x_i]) or remedy(x_i)}"
        ) from None


def _one_by_one(entries: Sequence[object]) -> str:
    """The remedy where a whole data set was given for one input, or an image in rows."""
    return (
        "it takes one input at a time, a flat list of numbers: many go through nn.predict(model, "
        "X), and images in rows are made flat by numpy.reshape(X, (len(X), -1))"
        if any(map(nested, entries))
        else ""
    )


def _generator(rng: random.Random | None) -> random.Random:
    """Where initial weights are drawn from; never Python's global generator."""
    if rng is None:
        return random.Random(next(_made))
    if not isinstance(rng, random.Random):
        raise TypeError(
            f"rng must be a random.Random, got {got(rng)}; write for example rng=random.Random(1)"
        )
    return rng


def _unit_words(layer: Layer) -> str:
    """How many units a layer has, and of what kind: ``16 tanh``."""
    kinds = dict.fromkeys(_known_as(neuron.activation) for neuron in layer.neurons)
    return f"{layer.n_outputs}{next(iter(kinds)) if len(kinds) == 1 else ' mixed'}"


def _known_as(activation: Activation) -> str:
    """An activation after a space; nothing for that which is none."""
    if activation is linear:
        return ""
    names = [name for name, known in ACTIVATIONS.items() if known is activation]
    return f" {names[0] if names else getattr(activation, '__name__', type(activation).__name__)}"


def _activation(activation: str | Activation) -> Activation:
    if callable(activation):
        return activation
    try:
        return ACTIVATIONS[activation]
    except (KeyError, TypeError):
        raise ValueError(
            f"activation must be one of {', '.join(ACTIVATIONS)}, or a function of a Value, got "
            f"{activation!r}"
            + ("; softmax is for MLP(..., output='softmax')" * (activation == "softmax"))
        ) from None
