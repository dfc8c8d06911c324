"""Networks from and to PyTorch, for those who come from there, and for those who outgrow scalars.

A ``torch.nn.Sequential`` of layers that have a counterpart here goes in and a ``Sequential`` comes
out, or the other way round, with the same weights in float64: outputs and gradients are the same to
rounding, but where a slope is a convention (relu at exactly 0: 1 here, 0 there). PyTorch is
imported when a function here is called, and only then.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autograd import Value

from .layers import ACTIVATIONS, MLP, Activation, Layer, Neuron, Sequential, Softmax
from .module import Module

# PyTorch's name of each activation, and the settings with which it is ours.
_NAMES: dict[str, tuple[str, dict[str, Any]]] = {
    "tanh": ("Tanh", {}),
    "sigmoid": ("Sigmoid", {}),
    "relu": ("ReLU", {}),
    # Beyond its threshold PyTorch takes the argument itself, at 20 an error of 2e-9.
    "softplus": ("Softplus", {"beta": 1.0, "threshold": 700.0}),
    "leaky_relu": ("LeakyReLU", {"negative_slope": 0.01}),
    "elu": ("ELU", {"alpha": 1.0}),
    "silu": ("SiLU", {}),
    "gelu": ("GELU", {"approximate": "none"}),
}
_LAYERS = ", ".join(["Linear", *(kind for kind, _ in _NAMES.values()), "Softmax", "Identity"])


def from_torch(module: Any) -> Sequential:
    """A network of this package from one of PyTorch's.

    Args:
        module: a ``torch.nn.Sequential``, which may hold others, of ``Linear`` layers, each
            followed by an activation or none; with a ``Softmax`` anywhere after one. ``Identity``
            does nothing, and so does ``Dropout`` after ``module.eval()``. A layer that is there
            twice is so in what is returned.

    Returns:
        A ``Sequential`` of ``Layer`` and ``Softmax`` with copies of the weights, as float64. A
        layer without bias has the plain number 0.0 for it, which is not trained.

    Raises:
        ValueError: if a part has no counterpart, which is named.
        TypeError: if it is no module of PyTorch's.
        ImportError: if PyTorch is not installed.
    """
    torch = _torch("from_torch")
    if not isinstance(module, torch.nn.Module):
        advice = "give the module itself, not its state_dict(), which does not know activations"
        raise TypeError(
            f"from_torch() takes a torch.nn.Module, got one of type {type(module).__name__}; "
            f"{advice}"
        )
    modules: list[Module] = []
    made: dict[tuple[int, str], Layer] = {}
    pending: tuple[str, Any] | None = None  # a linear layer whose activation is yet to come

    def finish(activation: str) -> None:
        nonlocal pending
        if pending is not None:
            name, layer = pending
            if (id(layer), activation) not in made:
                if any(known == id(layer) for known, _ in made):
                    raise _refused(name, layer, "it is there twice, with other activations")
                made[id(layer), activation] = _layer(name, layer, activation)
            modules.append(made[id(layer), activation])
        pending = None

    for name, part in _flat(torch, "", module):
        if type(part) is torch.nn.Linear:
            finish("linear")
            pending = name, part
        elif type(part) is torch.nn.Softmax:
            finish("linear")
            if not modules or part.dim not in (-1, 1):
                raise _refused(name, part, "only one over the outputs (dim=-1) of a layer has")
            modules.append(Softmax())
        elif type(part) is torch.nn.Identity or (_is_dropout(torch, part) and not part.training):
            continue
        elif _is_dropout(torch, part):
            raise _refused(name, part, "call module.eval() first, in which it does nothing")
        else:
            activation = _activation_of(torch, name, part)
            if pending is None:
                raise _refused(name, part, "an activation has to follow a Linear layer")
            finish(activation)
    finish("linear")
    if not modules:
        raise ValueError("from_torch() takes a module with a Linear layer at least, got none")
    return Sequential(*modules)


def to_torch(model: Module) -> Any:
    """A network of PyTorch's from one of this package.

    Args:
        model: an ``MLP``, a ``Layer``, a ``Softmax``, or a ``Sequential`` of these, which may hold
            others; activations by name, as in ``nn.layers.ACTIVATIONS``.

    Returns:
        A ``torch.nn.Sequential`` in float64 with copies of the weights, which takes a tensor of
        shape (..., inputs) and gives one of shape (..., outputs). What is an ``MLP`` with
        ``output="sigmoid"`` ends in a ``Sigmoid``, and so on.

    Raises:
        ValueError: if a part has no counterpart, which is named.
        TypeError: if it is no module of this package.
        ImportError: if PyTorch is not installed.
    """
    torch = _torch("to_torch")
    if not isinstance(model, Module):
        raise TypeError(f"to_torch() takes an nn.Module, got one of type {type(model).__name__}")
    made: dict[int, Any] = {}
    places: dict[Value, Layer] = {}
    parts: list[Any] = []
    for name, part in _parts("", model):
        if isinstance(part, Softmax):
            parts.append(torch.nn.Softmax(dim=-1))
            continue
        assert isinstance(part, Layer)
        for value in part.parameters():
            if places.setdefault(value, part) is not part:
                raise ValueError(
                    f"to_torch(): {name or 'a layer'} shares the parameter {value.label!r} with "
                    f"another layer, which has no counterpart in PyTorch's; use the same Layer "
                    f"in both places"
                )
        if id(part) not in made:
            made[id(part)] = _linear(torch, name, part)
        parts.append(made[id(part)])
        activation = _name_of(name, part)
        if activation != "linear":
            kind, settings = _NAMES[activation]
            parts.append(getattr(torch.nn, kind)(**settings))
    return torch.nn.Sequential(*parts)


def _torch(asked: str) -> Any:
    try:
        import torch
    except ImportError:
        raise ImportError(
            f"{asked}() needs PyTorch, which is not installed: pip install torch"
        ) from None
    return torch


def _refused(name: str, part: Any, reason: str) -> ValueError:
    shown = str(part).splitlines()[0]
    return ValueError(
        f"from_torch(): {name or 'the module'} is {shown}, which has no counterpart: {reason}"
    )


def _flat(torch: Any, name: str, module: Any) -> Iterator[tuple[str, Any]]:
    """The parts of a module that is a sequence, in their order, with their names."""
    if type(module) is torch.nn.Sequential:
        for i, part in enumerate(module):  # also one that is there twice
            yield from _flat(torch, f"{name}[{i}]", part)
    else:
        yield name, module


def _is_dropout(torch: Any, part: Any) -> bool:
    return type(part) in (torch.nn.Dropout, torch.nn.AlphaDropout)


def _activation_of(torch: Any, name: str, part: Any) -> str:
    """The name of an activation of PyTorch's."""
    for activation, (kind, settings) in _NAMES.items():
        if type(part) is getattr(torch.nn, kind):
            for setting, ours in settings.items():
                theirs = getattr(part, setting)
                same = theirs >= 20.0 if setting == "threshold" else theirs == ours
                if not same:
                    raise _refused(name, part, f"{setting} has to be {ours}")
            return activation
    raise _refused(
        name, part, f"there are {_LAYERS}, and Sequential of them; write the others as an nn.Module"
    )


def _layer(name: str, part: Any, activation: str) -> Layer:
    """A ``Layer`` with the weights of a ``Linear`` and an activation."""
    layer = Layer(part.in_features, part.out_features, activation)
    weights = part.weight.detach().double().cpu().tolist()
    biases = None if part.bias is None else part.bias.detach().double().cpu().tolist()
    for j, (neuron, row) in enumerate(zip(layer.neurons, weights)):
        for value, number in zip(neuron.w, row):
            value.data = number
        if biases is None:
            neuron.b = 0.0  # type: ignore[assignment]  # a plain number, which is not trained
        else:
            neuron.b.data = biases[j]
    return layer


def _parts(name: str, module: Module) -> Iterator[tuple[str, Module]]:
    """The layers of a network in their order, with their names."""
    if type(module) in (MLP, Sequential):
        inner = module.layers if isinstance(module, MLP) else module.modules  # type: ignore[attr-defined]
        for i, part in enumerate(inner):
            called = getattr(part, "name", "") or f"{name}[{i}]"
            yield from _parts(called, part)
    elif type(module) in (Layer, Softmax):
        yield name, module
    else:
        raise ValueError(
            f"to_torch(): {name or 'the model'} is a {type(module).__name__}, which has no "
            f"counterpart: there are MLP, Layer, Softmax and Sequential of them; its numbers are "
            f"model.state_dict(arrays=True)"
        )


def _name_of(name: str, layer: Layer) -> str:
    """The name of the activation that all neurons of a layer have."""
    functions: set[Activation] = {neuron.activation for neuron in layer.neurons}
    known = [a for a, f in ACTIVATIONS.items() if functions == {f}]
    if not known:
        raise ValueError(
            f"to_torch(): the activation of {name or 'the layer'} is none of "
            f"{', '.join(ACTIVATIONS)}, so it has no counterpart"
        )
    return known[0]


def _linear(torch: Any, name: str, layer: Layer) -> Any:
    """A ``Linear`` with the weights of a ``Layer``."""
    neurons = layer.neurons
    trained = {isinstance(neuron.b, Value) for neuron in neurons}
    if any(type(neuron) is not Neuron for neuron in neurons) or len(trained) > 1:
        raise ValueError(f"to_torch(): {name or 'the layer'} is not made of plain neurons")
    made = torch.nn.Linear(layer.n_inputs, layer.n_outputs, bias=trained == {True})
    made = made.double()
    with torch.no_grad():
        rows = [[value.data for value in neuron.w] for neuron in neurons]
        made.weight.copy_(torch.tensor(rows, dtype=torch.float64))
        if trained == {True}:
            biases = [neuron.b.data for neuron in neurons]
            made.bias.copy_(torch.tensor(biases, dtype=torch.float64))
    return made
