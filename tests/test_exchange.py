"""Networks from and to PyTorch: outputs and gradients against its own, and what is refused."""

from __future__ import annotations

import builtins
import random
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Value
from nn.layers import ACTIVATIONS

KINDS = {
    "tanh": "Tanh", "sigmoid": "Sigmoid", "relu": "ReLU", "softplus": "Softplus",
    "leaky_relu": "LeakyReLU", "elu": "ELU", "silu": "SiLU", "gelu": "GELU", "linear": "Identity",
}  # fmt: skip


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


def points(count: int = 7, width: int = 3) -> list[list[float]]:
    generator = random.Random(1)
    return [[generator.gauss(0.0, 2.0) for _ in range(width)] for _ in range(count)]


def ours(model: nn.Module, X: list[list[float]], seeds: list[list[float]]) -> Any:
    """Outputs, and gradients of their sum with weights, as arrays by name and by inputs."""
    rows = [[Value(x) for x in row] for row in X]
    outputs = [model(row) for row in rows]
    total: Any = autograd.sum(s * y for row, out in zip(seeds, outputs) for s, y in zip(row, out))
    model.zero_grad()
    total.backward()
    slopes = {name: value.grad for name, value in model.named_parameters()}
    return (
        np.array([[y.data for y in out] for out in outputs]),
        slopes,
        np.array([[x.grad for x in row] for row in rows]),
    )


def compare(torch: Any, model: nn.Module, module: Any, X: list[list[float]]) -> None:
    """The same numbers from both, to 1e-12."""
    module.zero_grad()
    inputs = torch.tensor(X, dtype=torch.float64, requires_grad=True)
    outputs = module(inputs)
    generator = random.Random(2)
    seeds = [[generator.gauss(0.0, 1.0) for _ in row] for row in outputs.tolist()]
    (outputs * torch.tensor(seeds, dtype=torch.float64)).sum().backward()
    found, slopes, by_input = ours(model, X, seeds)
    close: dict[str, Any] = {"rtol": 1e-12, "atol": 1e-13}
    np.testing.assert_allclose(found, np.array(outputs.tolist()), **close)
    np.testing.assert_allclose(by_input, np.array(inputs.grad.tolist()), **close)
    # Theirs in our order: neuron by neuron, the weights and the bias of each.
    expected: list[float] = []
    for part in dict.fromkeys(p for p in module.modules() if type(p) is torch.nn.Linear):
        rows = part.weight.grad.tolist()
        for j, row in enumerate(rows):
            expected += row if part.bias is None else [*row, part.bias.grad[j].item()]
    np.testing.assert_allclose(list(slopes.values()), expected, **close)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_each_activation_in_both_directions(activation: str, torch: Any) -> None:
    model = nn.MLP(3, [4, 2], activation, output=activation, rng=random.Random(0))
    for number, value in enumerate(model.parameters()):
        value.data += 0.01 * number  # no bias is 0
    module = nn.to_torch(model)
    compare(torch, model, module, points())
    compare(torch, nn.from_torch(module), module, points())
    kind = getattr(torch.nn, KINDS[activation])
    torch.manual_seed(0)
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), kind(), torch.nn.Linear(4, 2)).double()
    compare(torch, nn.from_torch(theirs), theirs, points())
    compare(torch, nn.from_torch(nn.to_torch(nn.from_torch(theirs))), theirs, points())


def test_a_softmax_sequences_in_sequences_and_no_bias(torch: Any) -> None:
    torch.manual_seed(1)
    module = torch.nn.Sequential(
        torch.nn.Sequential(torch.nn.Linear(3, 4, bias=False), torch.nn.Tanh()),
        torch.nn.Identity(),
        torch.nn.Dropout(0.5),
        torch.nn.Linear(4, 3),
        torch.nn.Softmax(dim=1),
    ).double()
    with pytest.raises(ValueError, match=r"\[2\] is Dropout\(p=0.5.*call module\.eval\(\) first"):
        nn.from_torch(module)
    module.eval()
    model = nn.from_torch(module)
    compare(torch, model, module, points())
    assert len(model.parameters()) == 12 + 15
    back = nn.to_torch(model)
    assert back[0].bias is None
    compare(torch, model, back, points())
    softmax = nn.MLP(3, [4, 5], output="softmax", rng=random.Random(1))
    compare(torch, softmax, nn.to_torch(softmax), points())


def test_a_layer_that_is_there_twice_stays_one(torch: Any) -> None:
    torch.manual_seed(2)
    shared = torch.nn.Linear(3, 3).double()
    module = torch.nn.Sequential(shared, torch.nn.Tanh(), shared, torch.nn.Tanh())
    model = nn.from_torch(module)
    assert len(model.parameters()) == 12
    compare(torch, model, module, points())
    compare(torch, model, nn.to_torch(model), points())
    with pytest.raises(ValueError, match="there twice, with other activations"):
        nn.from_torch(torch.nn.Sequential(shared, torch.nn.Tanh(), shared))


def test_single_precision_is_widened_and_weights_are_copies(torch: Any) -> None:
    module = torch.nn.Linear(3, 2)
    model = nn.from_torch(module)
    assert model.state_dict(arrays=True)["modules[0].w"].tolist() == module.weight.tolist()
    model.parameters()[0].data = 9.0
    assert 9.0 not in module.weight
    made = nn.to_torch(model)
    assert made[0].weight.dtype is torch.float64 and made[0].weight[0, 0] == 9.0
    trained = nn.fit(model, points(), [[0.0, 1.0]] * 7, divergence=nn.divergences.l2, epochs=2,
                     progress=False)  # fmt: skip
    assert len(trained) == 2


def test_what_has_no_counterpart_is_named(torch: Any) -> None:
    L, S = torch.nn.Linear, torch.nn.Sequential

    class Mine(torch.nn.Module):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            return x

    for module, said in (
        (
            S(L(2, 2), torch.nn.Conv2d(1, 1, 1)),
            r"\[1\] is Conv2d.*no counterpart: there are Linear",
        ),
        (S(L(2, 2), torch.nn.BatchNorm1d(2)), r"\[1\] is BatchNorm1d"),
        (S(L(2, 2), S(Mine())), r"\[1\]\[0\] is Mine\(\)"),
        (Mine(), r"the module is Mine\(\)"),
        (S(torch.nn.ReLU(), L(2, 2)), r"\[0\] is ReLU\(\).*has to follow a Linear"),
        (S(L(2, 2), torch.nn.LeakyReLU(0.2)), "negative_slope has to be 0.01"),
        (S(L(2, 2), torch.nn.GELU(approximate="tanh")), "approximate has to be none"),
        (S(L(2, 2), torch.nn.Softplus(threshold=5.0)), "threshold has to be 700"),
        (S(L(2, 2), torch.nn.Softmax(dim=0)), "only one over the outputs"),
        (S(), "takes a module with a Linear layer at least, got none"),
    ):
        with pytest.raises(ValueError, match=said):
            nn.from_torch(module)
    with pytest.raises(TypeError, match=r"got one of type OrderedDict; .*not its state_dict\(\)"):
        nn.from_torch(L(2, 2).state_dict())


def test_what_pytorch_has_no_counterpart_of_is_named(torch: Any) -> None:
    one, other = nn.Layer(2, 2, name="one"), nn.Layer(2, 2, name="other")
    other.neuron0 = one.neuron0  # type: ignore[attr-defined]
    for model, said in (
        (nn.Sequential(nn.Layer(2, 2), nn.Multiplicative(2, 2)), "layer2 is a Multiplicative"),
        (nn.Neuron(2), r"the model is a Neuron.*state_dict\(arrays=True\)"),
        (nn.Layer(2, 2, autograd.sin), "the activation of the layer is none of linear, tanh"),
        (nn.Sequential(one, other), r"other shares the parameter 'one\.neuron0\.w\[0\]'"),
    ):
        with pytest.raises(ValueError, match=said):
            nn.to_torch(model)
    with pytest.raises(TypeError, match=r"takes an nn\.Module, got one of type list"):
        nn.to_torch([one])  # type: ignore[arg-type]


def test_pytorch_is_asked_for_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "torch":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    for function in (nn.from_torch, nn.to_torch):
        with pytest.raises(ImportError, match="needs PyTorch, which is not installed: pip install"):
            function(nn.Layer(1, 1))
