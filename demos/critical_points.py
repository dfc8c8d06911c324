"""Critical points: the lecture's worked example, and what bowls and saddles look like.

    python demos/critical_points.py --out out/critical

Writes the worked example along the axes of its Hessian, and four surfaces with their level curves.
The lecture: "Unconstrained Minimization of function".
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import options

from autograd import Value, classify_critical_point, gradient, hessian, newton, plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MINIMUM = [-1.0, -1.0, -1.0]


def example(x1: Value, x2: Value, x3: Value) -> Value:
    """The function of the slide."""
    return x1**2 + x1 * (1 - x2) + x2**2 - x2 * x3 + x3**2 + x3


# Each has its critical point at the origin.
SURFACES: dict[str, tuple[str, Callable[[Value, Value], Value]]] = {
    "bowl": ("$x_1^2 + 2 x_2^2$", lambda x1, x2: x1**2 + 2 * x2**2),
    "hill": ("$-x_1^2 - 2 x_2^2$", lambda x1, x2: -(x1**2) - 2 * x2**2),
    "saddle": ("$x_1^2 - x_2^2$", lambda x1, x2: x1**2 - x2**2),
    "monkey saddle": ("$x_1^3 - 3 x_1 x_2^2$", lambda x1, x2: x1**3 - 3 * x1 * x2**2),
}
SQUARE = (-1.0, 1.0)


def print_example(start: list[float]) -> None:
    """Every number of the slide."""
    print("f = x1^2 + x1 (1 - x2) + x2^2 - x2 x3 + x3^2 + x3")
    print(f"gradient at {_row(MINIMUM)}: {_row(gradient(example, MINIMUM))}")
    print("Hessian, the same everywhere:")
    for row in hessian(example, MINIMUM):
        print(f"  {_row(row)}")
    found = classify_critical_point(example, MINIMUM)
    print(f"eigenvalues: {', '.join(f'{x:.3f}' for x in found.eigenvalues)}")
    options.say(found.line)
    options.say(f"Newton's method from {_row(start)}: {newton(example, start).line}\n")


def _row(numbers: list[float]) -> str:
    return "[" + ", ".join(f"{x:g}" for x in numbers) + "]"


def plot_example() -> Figure:
    """The function along the three axes of its Hessian, through the minimum."""
    figure = plots.new_figure(7.0, 4.6)
    axes = figure.add_subplot()
    eigenvalues, directions = np.linalg.eigh(hessian(example, MINIMUM))
    steps = np.linspace(-1.5, 1.5, 61)
    for eigenvalue, direction, color, style in zip(
        eigenvalues, directions.T, plots.COLORS, ("-", "--", "-.")
    ):
        points = [np.array(MINIMUM) + t * direction for t in steps]
        heights = [example(*map(Value, point.tolist())).data for point in points]
        label = rf"along the axis of $\lambda$ = {eigenvalue:.3f}"
        axes.plot(steps, heights, color=color, linestyle=style, linewidth=2.2, label=label)
    axes.plot([0], [-1], marker="v", color=plots.DARK, markersize=9, linestyle="")
    axes.text(0.0, -1.55, "minimum at (-1, -1, -1), f = -1", ha="center", va="center")
    height = r"f = $-1 + \lambda t^2 / 2$"
    plots.plain(axes, ylim=(-1.8, 3.0), xlabel="distance t from the minimum", ylabel=height)
    plots.legend_above(axes, columns=1)
    return figure


def plot_surfaces() -> Figure:
    """A row of surfaces, and below each its level curves with gradients."""
    figure = plots.new_figure(13.0, 6.9)
    arrows = [[a, b] for a in (-0.6, 0.0, 0.6) for b in (-0.6, 0.0, 0.6) if a or b]
    for i, (name, (formula, f)) in enumerate(SURFACES.items()):
        x, y, heights = plots.grid(f, SQUARE, SQUARE, 41)
        above = figure.add_subplot(2, 4, i + 1, projection="3d")
        above.plot_surface(*np.meshgrid(x, y), heights, cmap="Blues", linewidth=0)
        found = classify_critical_point(f, [0.0, 0.0])
        above.set_title(f"{name}: f = {formula}\n{found.kind}")
        above.set_xlabel("$x_1$", labelpad=-8)
        above.set_ylabel("$x_2$", labelpad=-8)
        above.tick_params(labelbottom=False, labelleft=False, labelright=False, pad=-3)
        above.view_init(elev=28, azim=-60)
        above.set_box_aspect(None, zoom=1.12)
        below = figure.add_subplot(2, 4, i + 5)
        plots.draw_contours(below, f, SQUARE, SQUARE, arrows=arrows, points=[[0, 0]], levels=10)
        numbers = ", ".join(f"{x:g}" for x in found.eigenvalues)
        below.set_title(rf"eigenvalues {numbers}")
    figure.supxlabel(
        "darker blue: larger f; arrows: the gradient, where f grows fastest", fontsize=12
    )
    return figure


def main() -> None:
    """Print the worked example, classify the surfaces, and draw all of it."""
    chosen = options.parse(options.parser(__doc__, out="out/critical"))
    rng = random.Random(chosen.seed)
    if not chosen.quiet:
        print_example([round(rng.uniform(-5, 5), 1) for _ in range(3)])
        for name, (_, f) in SURFACES.items():
            options.say(f"{name}: {classify_critical_point(f, [0.0, 0.0]).line}")
        print()
    options.save(plot_example().savefig, chosen.out / "worked_example.png")
    options.save(plot_surfaces().savefig, chosen.out / "surfaces.png")
    found = classify_critical_point(example, MINIMUM)
    print(
        f"{found.kind} at (-1, -1, -1), eigenvalues "
        + ", ".join(f"{x:.3f}" for x in reversed(found.eigenvalues))
    )


if __name__ == "__main__":
    options.run(main)
