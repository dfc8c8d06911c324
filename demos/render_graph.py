"""Draw computation graphs with their gradients: an expression, a neuron, a network's loss.

    python demos/render_graph.py --out out/graphs

Of the loss over 100 points, 37,589 Values, one instance is shown, and one neuron of each layer.
"""

from __future__ import annotations

import random

import options

import nn
from autograd import Value, animate, render, tanh


def expression() -> Value:
    """Make L = (a * b + c) * f, small enough to check every number by hand."""
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    c, f = Value(10.0, "c"), Value(-2.0, "f")
    e = a * b
    e.label = "e"
    d = e + c
    d.label = "d"
    L = d * f
    L.label = "L"
    return L


def neuron() -> Value:
    """Make y = tanh(w1 x1 + w2 x2 + b), the lecture's perceptron with an activation."""
    x1, x2 = Value(2.0, "x1"), Value(0.0, "x2")
    w1, w2 = Value(-3.0, "w1"), Value(1.0, "w2")
    b = Value(6.88, "b")
    z = w1 * x1 + w2 * x2 + b
    z.label = "z"
    y = tanh(z)
    y.label = "y"
    return y


def network(points: int, seed: int) -> Value:
    """Make the lecture's Loss(W) of MLP(2, [16, 16, 1]) on two moons."""
    X, d = nn.datasets.moons(points, noise=0.1, seed=seed)
    model = nn.MLP(2, [16, 16, 1], output="sigmoid", rng=random.Random(seed))
    loss = nn.EmpiricalRisk(model, nn.divergences.binary_kl)(X, d)
    loss.label = "Loss(W)"
    return loss


def main() -> None:
    """Draw them, after a backward pass."""
    parser = options.parser(__doc__, out="out/graphs")
    parser.add_argument("--format", choices=["png", "svg", "pdf", "html", "dot"], default="png")
    parser.add_argument("--points", type=options.count, default=100, help="size of the data set")
    parser.add_argument("--animate", action="store_true", help="also play the expression's pass")
    chosen = options.parse(parser)
    roots = {
        "expression": expression(),
        "neuron": neuron(),
        "network": network(chosen.points, chosen.seed),
    }
    for name, root in roots.items():
        root.backward()
        options.wrote(render(root, chosen.out / f"{name}.{chosen.format}"))
    if chosen.animate:
        options.wrote(animate(expression(), chosen.out / "backprop.gif"))
    print(", ".join(f"{root.label} = {root.data:.6g}" for root in roots.values()))


if __name__ == "__main__":
    options.run(main)
