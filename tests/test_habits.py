"""What people bring along from micrograd, PyTorch and HIPS autograd: README's table is true, and
what they look for in vain is answered with what there is.
"""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import Value, grad, habits

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
SECTION = README.partition("## Coming from another engine\n")[2].partition("\n## ")[0]
LINES = re.findall(r"^\| (`.*)\|$", SECTION, flags=re.MULTILINE)
ROWS = [[cell.strip() for cell in line.split(" | ")] for line in LINES]


def names() -> dict[str, Any]:
    """What the table's code finds: Values, functions, a model and its data."""
    known: dict[str, Any] = {name: getattr(autograd, name) for name in autograd.__all__}
    x, y, z = Value(2.0, "x"), Value(3.0, "y"), Value(-1.0, "z")
    model = nn.MLP(2, [1], output="sigmoid", rng=random.Random(0))
    lists = {"xs": [1.0, 2.0], "X": [[1.0, 2.0], [0.0, 1.0]], "D": [[1.0], [0.0]]}
    values = {"x": x, "y": y, "z": z, "a": x, "b": y, "v": x * y, "L": x * y + z}
    return known | lists | values | {"nn": nn, "np": np, "MLP": nn.MLP, "model": model, "f": np.sin}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_what_the_table_says_to_write_runs(row: list[str], capsys: Any) -> None:
    known = names()
    if row[0] == "`model(x)`":
        known["x"] = [1.0, 2.0]
    codes = re.findall(r"`([^`]*)`", row[1])
    assert codes or row[0].startswith("`model.train()`")
    for code in codes:
        exec(code, known)


def test_what_the_table_says_of_it_is_so() -> None:
    a = Value(2.0)
    assert (a + a).operands == (a, a) and (a + a).op.name == "add" and a.op is None
    v = Value(0.0)
    assert grad(v.relu(), [v]) == (1.0,)
    assert grad(autograd.where(autograd.less(0, v), v, 0), [v]) == (0.0,)
    with pytest.raises(AttributeError):
        a.tag = 1  # type: ignore[attr-defined]

    class Node(Value):
        pass

    node = Node(2.0)
    node.tag = 1  # type: ignore[attr-defined]
    assert type(node + 1) is Value
    assert (Value(1.0) == Value(1.0)) is False
    assert a.grad == 0.0
    assert sum([a, a]).data == sum([a, a], Value(0.0)).data == sum([a, a], 0).data == 4.0


def test_a_training_loop_of_micrograd_runs_by_the_table() -> None:
    """Its imports and two rows changed: relu by name, and the one output of the list."""
    rng = random.Random(1)
    X, d = nn.datasets.moons(40, noise=0.1, seed=1)
    model = nn.MLP(2, [8, 8, 1], activation="relu", rng=rng)
    signs = [2.0 * di - 1.0 for di in d]
    for k in range(60):
        scores = [model([Value(number) for number in point])[0] for point in X]
        hinges = [(1 + -sign * score).relu() for sign, score in zip(signs, scores)]
        risk = sum(hinges) * (1.0 / len(hinges))
        loss = risk + 1e-4 * sum(p * p for p in model.parameters())
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= (1.0 - 0.9 * k / 60) * p.grad
    right = [sign * score.data > 0 for sign, score in zip(signs, scores)]
    assert sum(right) / len(right) >= 0.95


def test_a_drawing_function_of_micrograd_runs_by_the_table() -> None:
    """One that walks by ``_prev``, and calls nodes of Graphviz as their operations (``_op``)."""
    x, lines = Value(1.0), set()
    y = (x * 2 + 1).relu()

    def build(node: Value) -> None:
        for operand in node.operands:
            assert node.op is not None
            lines.add(
                f"{operand if isinstance(operand, float) else operand.data} to {node.op.name}"
            )
            if isinstance(operand, Value):
                build(operand)

    build(y)
    assert lines == {"3.0 to relu", "2.0 to add", "1.0 to add", "1.0 to mul", "2.0 to mul"}


LOGITS = {"CrossEntropyLoss": {"z": [0.5, 1.0], "d": 1}}


@pytest.mark.parametrize(
    ("package", "name"), [(p, name) for p, names in habits._HERE.items() for name in names]
)
def test_what_is_looked_for_in_vain_is_answered(package: str, name: str) -> None:
    module = {"autograd": autograd, "nn": nn}[package]
    assert not hasattr(module, name)
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'; here it is: ") as error:
        getattr(module, name)
    here = str(error.value).partition(": ")[2]
    known = names() | {"n_inputs": 2, "n_outputs": 3, "autograd": autograd}
    for code in re.findall(r"(?:autograd|nn)\.[\w.]+", here):
        eval(code, known)
    if re.fullmatch(r"(?:autograd|nn)\.[\w.]+\(.*\)", here):
        eval(here, known | {"y": 0.5, "z": 0.5, "d": 1.0, "f": autograd.sum} | LOGITS.get(name, {}))


def test_a_name_that_nobody_knows_is_only_missing() -> None:
    with pytest.raises(AttributeError) as error:
        nn.nothing  # noqa: B018
    assert str(error.value) == "module 'nn' has no attribute 'nothing'"


def test_an_optimizer_that_is_given_parameters_says_whose_they_are() -> None:
    model = nn.MLP(2, [1])
    with pytest.raises(TypeError, match=r"^SGD: the parameters .* write nn\.SGD\(lr=0\.1\)"):
        nn.SGD(model.parameters())  # type: ignore[arg-type]
    for given in (model.parameters(), iter(model.parameters()), [{"params": []}], model):
        with pytest.raises(TypeError, match=r"^Adam: .* write nn\.Adam\(lr=0\.1\), and not "):
            nn.Adam(given)  # type: ignore[arg-type]


def test_grad_of_a_function_names_what_differentiates_functions() -> None:
    with pytest.raises(TypeError, match=r"; functions have derivative\(f, x\)"):
        grad(lambda x: x * x, [2.0])  # type: ignore[call-overload]
