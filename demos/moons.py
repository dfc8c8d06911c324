"""Train MLP(2, [16, 16, 1]) to tell two moons apart, with the binary KL divergence.

    python demos/moons.py --out out/moons

Writes the decision boundary, the loss over the epochs, the graph of one instance's divergence,
layer by layer, and a page in which a small network can be trained, looked at and taken in hand.
"""

from __future__ import annotations

import random

import options

import nn
from autograd import Value, render
from nn import plots

IN_PAGE = 60  # points


def one_divergence(model: nn.MLP, X: list[list[float]], d: list[float]) -> Value:
    """The divergence of the first point of class 1, after its backward pass."""
    i = d.index(1.0)
    model.zero_grad()
    divergence = nn.divergences.binary_kl(model(X[i]), d[i])
    divergence.label = "div(y, d)"
    divergence.backward()
    return divergence


def main() -> None:
    """Train, report, and draw."""
    parser = options.parser(__doc__, out="out/moons")
    parser.add_argument("--points", type=options.count, default=100, help="size of the data set")
    parser.add_argument("--epochs", type=options.count, default=100, help="passes over the data")
    parser.add_argument(
        "--engine",
        choices=nn.ENGINES,
        default="numpy",
        help="numpy, jax: lower one instance to an array program; python: compute with Values",
    )
    chosen = options.parse(parser)
    options.check_plots()

    X, d = nn.datasets.moons(chosen.points, noise=0.1, seed=chosen.seed)
    model = nn.MLP(2, [16, 16, 1], output="sigmoid", rng=random.Random(chosen.seed))
    history = nn.fit(
        model,
        X,
        d,
        divergence=nn.divergences.binary_kl,
        optimizer=nn.Adam(lr=0.05),
        epochs=chosen.epochs,
        progress=not chosen.quiet,
        engine=chosen.engine,
    )

    options.stop_unless_trained(history)
    loss = nn.EmpiricalRisk(model, nn.divergences.binary_kl)(X, d).data
    accuracy = nn.accuracy(nn.predict(model, X), d)
    boundary = plots.plot_decision_boundary(model, X, d)
    options.save(boundary.savefig, chosen.out / "boundary.png")
    options.save(history.plot().savefig, chosen.out / "loss.png")
    options.wrote(render(one_divergence(model, X, d), chosen.out / "graph.png"))
    small = nn.MLP(2, [4, 1], output="sigmoid", rng=random.Random(chosen.seed))
    some = X[:IN_PAGE], d[:IN_PAGE], nn.divergences.binary_kl
    options.save(lambda path: nn.live(small, *some, path), chosen.out / "live.html")
    print(f"final loss {loss:.6f}, training accuracy {accuracy:.1%}")


if __name__ == "__main__":
    options.run(main)
