"""Gradient descent: signs against slopes, step sizes, contours, and where it ends.

    python demos/gradient_descent.py --out out/descent

Writes five pictures, and says of every run why it stopped. The lecture: "The Approach of Gradient
Descent" to "Convergence of Gradient Descent".
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import options

from autograd import (
    Descent,
    Value,
    directional_derivative,
    gradient,
    gradient_descent,
    newton,
    plots,
    sign_descent,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Of x^2 / 2, whose slope is x: each step multiplies x by 1 - eta.
STEP_SIZES = {"crawls": 0.05, "converges": 0.5, "oscillates": 1.9, "diverges": 2.1}
LEVELS = [0.3, 1.2, 2.5, 4.0, 6.0, 9.0, 13.0, 18.0]


def bowl(x: Value) -> Value:
    """Convex: x^2 / 2."""
    return x * x / 2


def wells(x: Value) -> Value:
    """Two minima, the left one lower, and a maximum between them."""
    return x**4 / 4 - x**2 / 2 + x / 8


def cubic(x: Value) -> Value:
    """No minimum, and an inflection with a flat tangent at 0."""
    return x**3 / 3


def valley(x1: Value, x2: Value) -> Value:
    """Convex, and steeper across than along: its level curves are ellipses."""
    return x1**2 / 2 + 2 * x2**2 + x1 * x2


def himmelblau(x1: Value, x2: Value) -> Value:
    """Himmelblau's function: four minima, all of them 0."""
    return (x1 * x1 + x2 - 11) ** 2 + (x1 + x2 * x2 - 7) ** 2


def sign_against_slope() -> dict[str, Descent]:
    """The trivial algorithm and gradient descent from one start."""
    return {
        "sign: x - sign(f'(x)) 0.4": sign_descent(bowl, 2.9, step=0.4, max_steps=25),
        "gradient: x - 0.4 f'(x)": gradient_descent(bowl, 2.9, step=0.4, max_steps=25),
    }


def step_sizes() -> dict[str, Descent]:
    """The same start with four step sizes."""
    return {
        name: gradient_descent(bowl, 1.5, step=eta, eps1=0.0, eps2=1e-6)
        for name, eta in STEP_SIZES.items()
    }


def on_contours() -> dict[str, Descent]:
    """Three ways down the valley."""
    start = [-2.6, 1.9]
    return {
        r"gradient descent, $\eta$ = 0.1": gradient_descent(valley, start, step=0.1),
        r"with momentum 0.8": gradient_descent(valley, start, step=0.1, momentum=0.8),
        "Newton's method": newton(valley, start),
    }


def four_starts(rng: random.Random) -> dict[str, Descent]:
    """Himmelblau's function from a start in each quarter of the plane."""
    runs = {}
    for a, b in ((1, 1), (-1, 1), (-1, -1), (1, -1)):
        start = [round(a * rng.uniform(1.0, 4.5), 1), round(b * rng.uniform(1.0, 4.5), 1)]
        runs[f"from ({start[0]:g}, {start[1]:g})"] = gradient_descent(himmelblau, start, step=0.01)
    return runs


def on_level(value: float, count: int) -> list[list[float]]:
    """Points at which the valley has a value; it grows with the square of the distance from 0."""
    points = []
    for i in range(count):
        x1, x2 = math.cos(2 * math.pi * i / count), math.sin(2 * math.pi * i / count)
        distance = math.sqrt(value / (x1 * x1 / 2 + 2 * x2 * x2 + x1 * x2))
        points.append([distance * x1, distance * x2])
    return points


def starts(rng: random.Random) -> list[tuple[str, Callable[..., Any], tuple[float, float], Any]]:
    """A convex and two non-convex functions, and descents from several starts."""
    spread = [-1.9 + 0.95 * (i + rng.random()) for i in range(4)]
    return [
        (title, f, interval, [gradient_descent(f, x0, step=0.1, eps2=1e-4) for x0 in x0s])
        for title, f, interval, x0s in (
            ("convex: one minimum for all", bowl, (-2.1, 2.1), spread),
            ("two wells: the nearest minimum", wells, (-1.8, 1.8), [0.85 * x for x in spread]),
            ("cubic: stuck at the inflection", cubic, (-1.1, 1.6), [0.5, 1.0, 1.5]),
        )
    ]


def plot_sign_against_slope(runs: dict[str, Descent]) -> Figure:
    """The points of both on the curve, and the distance from the minimum."""
    figure = plots.new_figure(11.0, 3.9)
    panels = figure.subplots(1, 3)
    for axes, (name, run), color in zip(panels, runs.items(), (plots.ORANGE, plots.GREEN)):
        plots.draw_descent(axes, bowl, (-1.0, 3.1), run, color=color)
        axes.set_title(name, fontsize=11)
        axes.set(xlabel="x", ylabel="f(x) = $x^2/2$")
    for (name, run), color, marker in zip(runs.items(), (plots.ORANGE, plots.GREEN), "os"):
        distances = [abs(x) for x in run.path]
        label = name.split(":")[0]
        panels[2].semilogy(distances, color=color, marker=marker, markersize=4, label=label)
    panels[2].set_title("distance from the minimum", fontsize=11)
    panels[2].legend(frameon=False, loc="lower left")
    plots.plain(panels[2], xlabel="step k", ylabel="|$x^k$|")
    return figure


def plot_step_sizes(runs: dict[str, Descent]) -> Figure:
    """A panel for each step size, with its first points."""
    figure = plots.new_figure(9.0, 6.8)
    for axes, (name, run) in zip(figure.subplots(2, 2).flat, runs.items()):
        plots.draw_descent(axes, bowl, (-2.4, 2.4), run, steps=20)
        eta = STEP_SIZES[name]
        title = f"$\\eta$ = {eta:g} {name}: each step\nmultiplies x by {1 - eta:.3g}"
        axes.set(title=title, xlabel="x", ylabel="f(x) = $x^2/2$", ylim=(-0.15, 3.0))
    figure.supxlabel("hollow circles: starts; dots: the first 20 steps", fontsize=10)
    return figure


def plot_starts(
    functions: list[tuple[str, Callable[..., Any], tuple[float, float], Any]],
) -> Figure:
    """Each function with the starts, hollow, and the ends, filled."""
    figure = plots.new_figure(11.0, 3.9)
    for axes, (title, f, interval, runs) in zip(figure.subplots(1, 3), functions):
        for run, color in zip(runs, plots.COLORS):
            plots.draw_descent(axes, f, interval, run, color=color, steps=25)
        for run in runs:
            axes.plot(run.x, run.value, marker="v", color=plots.DARK, markersize=10, zorder=5)
        axes.set_title(title, fontsize=11)
        axes.set_xlabel("x")
    figure.axes[0].set_ylabel("f(x)")
    figure.supxlabel(
        "hollow circles: starts; dots: the first 25 steps; triangles: where the descents end",
        fontsize=10,
    )
    return figure


def print_runs(heading: str, runs: dict[str, Descent]) -> None:
    """Why each run stopped."""
    print(heading)
    for name, run in runs.items():
        without_markup = name.replace("$", "").replace("\\", "")
        print(f"  {without_markup}: {run}")


def print_right_angles(points: list[list[float]]) -> None:
    """The slope along the level curve is 0, and the slope along the gradient its length."""
    print("the gradient is perpendicular to the level curve")
    for point in points:
        g = gradient(valley, point)
        along = directional_derivative(valley, point, [-g[1], g[0]])
        uphill = directional_derivative(valley, point, g) / math.hypot(*g)
        print(
            f"  at ({point[0]:5.2f}, {point[1]:5.2f}): slope along the curve {along + 0.0:.1f}, "
            f"along the gradient {uphill:.4f}, which is its norm {math.hypot(*g):.4f}"
        )


def main() -> None:
    """Run, report, and draw."""
    chosen = options.parse(options.parser(__doc__, out="out/descent"))
    rng = random.Random(chosen.seed)
    duel, sizes, valleys, ends = sign_against_slope(), step_sizes(), on_contours(), starts(rng)
    minima = four_starts(rng)
    if not chosen.quiet:
        print_runs("sign steps and gradient steps, f = x^2/2", duel)
        etas = {f"eta = {STEP_SIZES[name]:g} {name}": run for name, run in sizes.items()}
        print_runs("step sizes, f = x^2/2", etas)
        print_runs("a valley, f = x1^2/2 + 2 x2^2 + x1 x2", valleys)
        print_right_angles(rng.sample(on_level(1.2, 8), 3))
        print_runs("Himmelblau's function, which has four minima", minima)
        for title, _, _, runs in ends:
            print_runs(title, {f"from {run.path[0]:6.3f}": run for run in runs})
        print()
    options.save(plot_sign_against_slope(duel).savefig, chosen.out / "sign_or_gradient.png")
    options.save(plot_step_sizes(sizes).savefig, chosen.out / "step_sizes.png")
    contours = plots.plot_contours(
        valley,
        (-3.2, 3.2),
        (-2.4, 2.4),
        arrows=on_level(1.2, 8) + on_level(4.0, 10),
        runs=valleys,
        points=[[0.0, 0.0]],
        levels=LEVELS,
    )
    options.save(contours.savefig, chosen.out / "contours.png")
    four = plots.plot_contours(
        himmelblau,
        (-5.0, 5.0),
        (-5.0, 5.0),
        runs=minima,
        points=[run.x for run in minima.values()],
        levels=[2, 10, 30, 60, 100, 150, 200, 300, 450],
    )
    options.save(four.savefig, chosen.out / "four_minima.png")
    options.save(plot_starts(ends).savefig, chosen.out / "starts.png")
    steps = ", ".join(f"{STEP_SIZES[name]:g} {name} ({run.steps})" for name, run in sizes.items())
    print(f"step sizes and steps taken: {steps}")


if __name__ == "__main__":
    options.run(main)
