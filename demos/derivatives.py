"""Derivatives of a function of one number: its tangent, f' and f'', and its critical points.

    python demos/derivatives.py --out out/derivatives

Writes the function above its two derivatives, and its tangent at three magnifications. The lecture:
"A brief note on derivatives" and "A note on derivatives of functions of single variable".
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import options

from autograd import Value, classify_critical_point, derivative, plots, value_and_gradient

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Its derivative x^4 - x^2 = x^2 (x + 1) (x - 1) is 0 at -1, 0 and 1, and at 0 it keeps its sign.
CRITICAL = (-1.0, 0.0, 1.0)
INTERVAL = (-1.35, 1.35)


def f(x: Value) -> Value:
    """x^5 / 5 - x^3 / 3."""
    return x**5 / 5 - x**3 / 3


def plot_locally_linear(at: float) -> Figure:
    """The function and its tangent, ten times closer from panel to panel."""
    value, (slope,) = value_and_gradient(f, at)
    figure = plots.new_figure(10.0, 3.6)
    for axes, reach in zip(figure.subplots(1, 3), (1.0, 0.1, 0.01)):
        xs = [at + reach * (i / 50 - 1) for i in range(101)]
        axes.plot(xs, [f(Value(x)).data for x in xs], color=plots.BLUE, linewidth=2.5, label="f(x)")
        tangent = [value + slope * (x - at) for x in xs]
        axes.plot(xs, tangent, "--", color=plots.ORANGE, linewidth=2.0, label="tangent")
        axes.plot([at], [value], color=plots.ORANGE, marker="o")
        axes.set_title(f"within {reach:g} of x = {at:g}", fontsize=11)
        axes.locator_params(nbins=4)
        plots.plain(axes, xlabel="x")
    figure.axes[0].set_ylabel("y")
    figure.axes[0].legend(frameon=False)
    return figure


def main() -> None:
    """Print the derivatives at a point, and the kinds of the critical points; draw both."""
    chosen = options.parse(options.parser(__doc__, out="out/derivatives"))
    # Somewhere on the way down from the maximum.
    at = round(random.Random(chosen.seed).uniform(-0.8, -0.5), 2)
    slope = derivative(f, at)
    if not chosen.quiet:
        print(f"f(x) = x^5/5 - x^3/3, and its derivatives at x = {at:g}:")
        for order in range(1, 7):
            print(f"  order {order}: {derivative(f, at, order):12.6f}")
        print(f"\ndy = f'(x) dx: the increment of f at x = {at:g}, and what the slope promises")
        print(f"  {'dx':>8} {'f(x+dx) - f(x)':>16} {'dx f_prime(x)':>16} {'part missing':>14}")
        for dx in (0.1, 0.01, 0.001, 0.0001):
            dy = f(Value(at + dx)).data - f(Value(at)).data
            print(f"  {dx:8g} {dy:16.9f} {slope * dx:16.9f} {abs(dy / (slope * dx) - 1):14.2%}")
        print("\ncritical points, where f'(x) = 0")
        for x in CRITICAL:
            print(f"  x = {x:2g}: {classify_critical_point(f, x)}")
        print()
    formulas = ("f(x) = $x^5/5 - x^3/3$", "f'(x)", "f''(x)")
    curves = plots.plot_derivatives(f, INTERVAL, tangent=at, points=CRITICAL, formulas=formulas)
    options.save(curves.savefig, chosen.out / "derivatives.png")
    options.save(plot_locally_linear(at).savefig, chosen.out / "tangent.png")
    kinds = ", ".join(f"{classify_critical_point(f, x).kind} at {x:g}" for x in CRITICAL)
    print(f"f'({at:g}) = {slope:.6f}; {kinds}")


if __name__ == "__main__":
    options.run(main)
