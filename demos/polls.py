"""The five polls of the lecture, each answered by a computation.

    python demos/polls.py --out out/polls

Prints each poll with the numbers that decide it, and draws how fast a function changes in every
direction, which answers three of them.
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import options

import autograd
import nn
from autograd import (
    Value,
    classify_critical_point,
    derivative,
    directional_derivative,
    gradient,
    jacobian,
    newton,
    plots,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def f(x1: Value, x2: Value) -> Value:
    """A smooth function of two numbers."""
    return x1 * x1 + autograd.sin(x1 * x2) + 2 * x2


def slope(point: list[float], angle: float) -> float:
    """How fast f grows in the direction that is so many degrees from the gradient."""
    g = gradient(f, point)
    turned = math.atan2(g[1], g[0]) + math.radians(angle)
    return directional_derivative(f, point, [math.cos(turned), math.sin(turned)])


def poll_1(point: list[float]) -> list[str]:
    """The shape of a derivative, and where f grows."""
    N = 5
    row = jacobian(lambda *x: autograd.prod(x), [1.0] * N)
    up = sum(slope(point, angle) > 1e-9 for angle in range(360))
    return [
        "Poll 1: what is true of the derivative of a scalar function?",
        f"  Many directions increase f: {up} of 360 do.",
        f"  The gradient's is the fastest: {fastest(point)} degrees from it, of all whole ones.",
        f"  The derivative by an N x 1 column is a row, here {len(row)} x {len(row[0])}; the "
        "gradient is its",
        "  transpose, so the gradient is not the derivative itself.",
    ]


def fastest(point: list[float]) -> int:
    """The whole number of degrees from the gradient at which f grows fastest."""
    return max(range(-180, 180), key=lambda angle: slope(point, angle))


def poll_2() -> list[str]:
    """A minimum needs f' = 0 and f'' > 0."""
    lines = [
        "Poll 2: what makes a minimum? f'(x) = 0, and f''(x) positive. At x = 0, where f' = 0:"
    ]
    for text, g in (
        ("x^2", lambda x: x * x),
        ("-x^2", lambda x: -x * x),
        ("x^3", lambda x: x**3),
    ):
        second = derivative(g, 0.0, 2) + 0.0
        kind = classify_critical_point(g, 0.0).kind
        lines.append(f"  {text:>4}: f'' = {second:2g}, {kind}")
    return lines


def poll_3(point: list[float]) -> list[str]:
    """The same for functions of several numbers."""
    angles = ", ".join(f"{angle}: {slope(point, angle):.3f}" for angle in (0, 30, 60, 89))
    return [
        "Poll 3: the same, at another point: slopes by the degrees from the gradient,",
        f"  {angles}. All are increases, and the first is the fastest.",
    ]


def poll_4(point: list[float]) -> list[str]:
    """The steepest decrease is exactly opposite the gradient."""
    steepest = min(range(360), key=lambda angle: slope(point, angle))
    return [
        "Poll 4: in which direction does f decrease fastest? Exactly opposite the gradient:",
        f"  at {steepest} degrees, with slope {slope(point, steepest):.4f}; the norm of the "
        f"gradient is {math.hypot(*gradient(f, point)):.4f},",
        f"  and perpendicular to it the slope is {abs(slope(point, 90)):.1f}.",
    ]


def poll_5() -> list[str]:
    """The gradient of a loss may be 0 or large at its minimum."""

    def hundred(Y: Value) -> Value:
        return autograd.sum([nn.divergences.binary_kl(Y, 1.0) for _ in range(100)])

    smooth = newton(lambda w: nn.divergences.l2(w * 2.0, 3.0), 0.0)
    return [
        "Poll 5: what is the gradient of the loss at a minimum? It may be 0, and it may be large:",
        f"  L2(2 w, 3) has its minimum at w = {smooth.x:g}, with derivative {smooth.gradient:g};",
        f"  KL(Y, 1) has its minimum 0 at Y = 1, the end of (0, 1], with derivative "
        f"{derivative(lambda Y: nn.divergences.binary_kl(Y, 1.0), 1.0):g},",
        f"  and 100 such instances together {derivative(hundred, 1.0):g}: large, and yet it is the "
        "least of all values,",
        "  so a gradient that is not 0 does not make a minimum a merely local one.",
    ]


def plot_directions(point: list[float]) -> Figure:
    """The slope of f over the angle to the gradient."""
    figure = plots.new_figure(7.6, 4.6)
    axes = figure.add_subplot()
    angles = range(-180, 181, 3)
    axes.axhline(0.0, color=plots.DARK, linewidth=0.8)
    axes.plot(angles, [slope(point, a) for a in angles], color=plots.BLUE, linewidth=2.2)
    for angle, marker, color, text in (
        (0, "^", plots.AMBER, "along the gradient: fastest increase"),
        (90, "s", plots.PURPLE, "perpendicular to it: no change"),
        (180, "v", plots.GREEN, "opposite: fastest decrease"),
    ):
        sides = sorted({angle, -angle})
        slopes = [slope(point, a) for a in sides]
        (dots,) = axes.plot(sides, slopes, marker, color=color, markersize=10, label=text)
        dots.set(clip_on=False, zorder=3)
    plots.plain(axes, xticks=range(-180, 181, 45), xlim=(-180, 180))
    across, up = "degrees between the direction and the gradient", "slope of f in that direction"
    axes.set(xlabel=across, ylabel=up)
    plots.legend_above(axes)
    return figure


def main() -> None:
    """Answer the polls, and draw the slopes in all directions."""
    chosen = options.parse(options.parser(__doc__, out="out/polls"))
    rng = random.Random(chosen.seed)
    here, there = ([round(rng.uniform(-2, 2), 2) for _ in range(2)] for _ in range(2))
    if not chosen.quiet:
        print("f = x1^2 + sin(x1 x2) + 2 x2 in polls 1, 3 and 4\n")
        for answer in (poll_1(here), poll_2(), poll_3(there), poll_4(there), poll_5()):
            print("\n".join(answer), end="\n\n")
    options.save(plot_directions(here).savefig, chosen.out / "directions.png")
    opposite = slope(here, 180) / math.hypot(*gradient(f, here))
    print(
        f"fastest increase {fastest(here)} degrees from the gradient, slope opposite {opposite:g}"
    )


if __name__ == "__main__":
    options.run(main)
