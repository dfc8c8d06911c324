"""From a graph of scalars to array code: a neuron, a layer and a network, each beside its program.

    python demos/from_scalars_to_arrays.py --out out/arrays

One instance is computed with Values; its graph is lowered to a program for a whole batch, in which
matrix products appear. Writes, for each, the picture of the graph with the program's source.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import options

import nn
from autograd import Value, consumers_first, lower, render
from nn import plots

Model = Callable[[list[Any]], Any]


def cases(seed: int) -> dict[str, tuple[nn.Module, int]]:
    """The models, with the length of the input of each."""
    rng = random.Random(seed)
    return {
        "neuron": (nn.Neuron(2, rng=rng), 2),
        "layer": (nn.Layer(2, 3, rng=rng, name="layer1"), 2),
        "mlp": (nn.MLP(2, [3, 1], output="sigmoid", rng=rng), 2),
    }


def record(model: nn.Module, n_inputs: int) -> tuple[Value, list[Value]]:
    """The divergence of one instance, and the leaves that differ between instances."""
    x = [Value(0.5 - i, f"x[{i}]") for i in range(n_inputs)]
    y = model(x)
    outputs = y if isinstance(y, list) else [y]
    d = [Value(1.0, f"d[{i}]") for i in range(len(outputs))]
    loss = nn.divergences.l2(outputs, d)
    loss.label = "L"
    loss.backward()
    return loss, [*x, *d]


def figure(loss: Value, source: str, title: str) -> Any:
    """The graph's picture beside the program, or None where no Graphviz draws it."""
    with tempfile.TemporaryDirectory() as folder:
        picture = render(loss, Path(folder) / "graph.png", partials=False, rankdir="TB", dpi=100)
        return plots.plot_beside_text(picture, source, title) if picture.suffix == ".png" else None


def main() -> None:
    """Lower each model, print its program, and draw both."""
    chosen = options.parse(options.parser(__doc__, out="out/arrays"))
    counts = []
    for name, (model, n_inputs) in cases(chosen.seed).items():
        loss, leaves = record(model, n_inputs)
        program = lower(loss, leaves, model.parameters())
        nodes = len(consumers_first(loss))
        step = program.source[program.source.index("def step") :].rstrip()
        title = f"{model!r}: {nodes} scalar nodes for one instance"
        if not chosen.quiet:
            print(f"{title}\n\n{program.source.rstrip()}\n\n{program.describe()}\n")
        drawn = figure(loss, step, title)
        if drawn is not None:
            options.save(drawn.savefig, chosen.out / f"{name}.png")
        counts.append(f"{name} {nodes} nodes, {len(step.splitlines()) - 1} lines")
    print("; ".join(counts))


if __name__ == "__main__":
    options.run(main)
