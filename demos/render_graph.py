"""Draw two computation graphs with their gradients: a worked expression, and a neuron.

python demos/render_graph.py --out out/graphs
"""

from __future__ import annotations

import options

from autograd import Value, render, tanh


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


def main() -> None:
    """Draw both, after a backward pass."""
    parser = options.parser(__doc__.splitlines()[0], out="out/graphs")
    parser.add_argument("--format", choices=["png", "svg", "pdf", "dot"], default="png")
    chosen = options.parse(parser)
    roots = {"expression": expression(), "neuron": neuron()}
    for name, root in roots.items():
        root.backward()
        options.wrote(render(root, chosen.out / f"{name}.{chosen.format}"))
    print(", ".join(f"{root.label} = {root.data:.6g}" for root in roots.values()))


if __name__ == "__main__":
    options.run(main)
