"""Divergences: L2 against KL, label smoothing, and y - d at the last layer.

    python demos/divergences.py --out out/divergences

Writes three pictures and the numbers behind them, every derivative by the engine. The lecture: "KL
vs L2", "Label smoothing", "The derivative of the KL divergence".
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

import options
from options import say

import autograd
import nn
from autograd import Value, derivative, gradient, plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

K = 4  # classes
C = 2  # the right one
EPSILON = 0.05
SMOOTH = nn.smooth_labels(nn.one_hot(C, K), EPSILON)


def against_one(divergence: Callable[[Value, float], Value]) -> Callable[[Value], Value]:
    """The divergence of an output from the target 1, as a function of the output."""
    return lambda y: divergence(y, 1.0)


L2, KL = against_one(nn.divergences.l2), against_one(nn.divergences.binary_kl)


def spread(y_c: Value) -> list[Value]:
    """A distribution that gives y_c to the right class, and the same to each of the others."""
    rest = (1 - y_c) / (K - 1)
    return [y_c if i == C else rest for i in range(K)]


def one_hot_kl(y_c: Value) -> Value:
    """KL from the one-hot target, as a function of y_c."""
    return nn.divergences.kl(spread(y_c), nn.one_hot(C, K))


def smoothed_kl(y_c: Value) -> Value:
    """KL from the smoothed target, as a function of y_c."""
    return nn.divergences.kl(spread(y_c), SMOOTH)


def print_kl_and_l2() -> None:
    """Values and slopes on the way to the target 1."""
    say("target d = 1: value and slope of both, as the output y comes nearer")
    say(f"  {'y':>6} {'L2':>10} {'slope y-d':>10} {'KL':>10} {'slope -1/y':>11}")
    for y in (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0):
        values = [f(Value(y)).data + 0.0 for f in (L2, KL)]
        slopes = [derivative(f, y) for f in (L2, KL)]
        say(f"  {y:6g} {values[0]:10.4f} {slopes[0]:10.4f} {values[1]:10.4f} {slopes[1]:11.4f}")
    say("at y = d both are 0, their minimum; the slope of L2 is 0 there, that of KL is -1\n")


def print_label_smoothing(y: list[float]) -> None:
    """The derivatives of the slide beside those of the engine."""
    say(f"label smoothing, K = {K}, epsilon = {EPSILON:g}: the target is {_row(SMOOTH)}")
    slopes = gradient(lambda y: nn.divergences.kl(y, SMOOTH), y)
    say(f"  y                        {_row(y)}")
    say(f"  derivative by the engine {_row(slopes)}")
    say(f"  -d_i / y_i               {_row([-d / p for d, p in zip(SMOOTH, y)])}")
    say("  all of them are negative: more of any class, the wrong ones too, would lower it,")
    say("  and it is the softmax that makes the outputs share 1:")
    best = 1 - (K - 1) * EPSILON
    say(f"  then the minimum is at y_c = {best:g}, slope {derivative(smoothed_kl, best):.1e};")
    say(f"  for the one-hot target it is at y_c = 1, slope {derivative(one_hot_kl, 1.0):g}\n")


def last_layer(z: list[float], d: list[float]) -> dict[str, list[float]]:
    """What the derivative of each divergence by the affine values is, and the error y - d."""
    y = autograd.softmax(z)
    return {
        "y": y,
        "y - d": [p - t for p, t in zip(y, d)],
        "KL": gradient(lambda z: nn.divergences.kl(autograd.softmax(z), d), z),
        "z - d": [p - t for p, t in zip(z, d)],
        "L2": gradient(lambda z: nn.divergences.l2(z, d), z),
    }


def print_last_layer(z: list[float], d: list[float]) -> None:
    """The note on derivatives of the lecture, in numbers."""
    found = last_layer(z, d)
    say("the last layer: the derivative by its affine values z is the error")
    say(f"  z                                 {_row(z)}")
    say(f"  d                                 {_row(d)}")
    say(f"  y = softmax(z)                    {_row(found['y'])}")
    say(f"  gradient of KL(softmax(z), d)     {_row(found['KL'])}")
    say(f"  y - d                             {_row(found['y - d'])}")
    say(f"  gradient of 1/2 ||z - d||^2       {_row(found['L2'])}")
    say(f"  z - d                             {_row(found['z - d'])}\n")


def _row(numbers: list[float]) -> str:
    return "  ".join(f"{x:8.4f}" for x in numbers)


def plot_kl_and_l2() -> Figure:
    """The two divergences from the target 1, and their slopes."""
    figure = plots.new_figure(10.0, 4.2)
    values, slopes = figure.subplots(1, 2)
    ys = [0.02 + 0.98 * i / 200 for i in range(201)]
    slopes.axhline(0.0, color=plots.DARK, linewidth=0.8)
    for name, f, color, style in (
        ("KL: -log y", KL, plots.ORANGE, "-"),
        ("L2: $(y - d)^2/2$", L2, plots.BLUE, "--"),
    ):
        line = {"color": color, "linestyle": style, "linewidth": 2.2}
        values.plot(ys, [f(Value(y)).data for y in ys], label=name, **line)
        label = f"{name[:2]}: slope {derivative(f, 1.0):g} at y = d"
        slopes.plot(ys, [derivative(f, y) for y in ys], label=label, **line)
        slopes.plot([1.0], [derivative(f, 1.0)], "o", color=color, markersize=8, clip_on=False)
    for axes in (values, slopes):
        plots.plain(axes, xlabel="output y", xlim=(0.0, 1.0))
    values.set(title="divergence from d = 1", ylabel="div(y, 1)")
    slopes.set(title="its slope", ylabel="d div / dy", ylim=(-10.0, 0.8))
    values.legend(frameon=False, loc="upper right")
    slopes.legend(frameon=False, loc="lower right")
    return figure


def plot_label_smoothing() -> Figure:
    """Both targets along one line of distributions."""
    figure = plots.new_figure(7.2, 4.8)
    axes = figure.add_subplot()
    ys = [0.3 + 0.7 * i / 400 for i in range(400)]
    best = 1 - (K - 1) * EPSILON
    for name, f, color, style, at in (
        ("one-hot target", one_hot_kl, plots.BLUE, "--", 1.0),
        (rf"smoothed target, $\epsilon$ = {EPSILON:g}", smoothed_kl, plots.ORANGE, "-", best),
    ):
        label = f"{name}: minimum at $y_c$ = {at:g}, slope {round(derivative(f, at)) + 0}"
        axes.plot(ys, [f(Value(y)).data for y in ys], color=color, linestyle=style, linewidth=2.2)
        axes.plot([at], [0.0], color=color, linestyle=style, marker="o", label=label, clip_on=False)
    shared = "$y_c$, with the rest shared by the other classes"
    plots.plain(axes, xlim=(0.3, 1.0), ylim=(0.0, 1.25), xlabel=shared, ylabel="KL(y, d)")
    plots.legend_above(axes)
    return figure


def plot_last_layer(z: list[float], d: list[float]) -> Figure:
    """Outputs, targets, and the gradient on top of y - d."""
    found = last_layer(z, d)
    figure = plots.new_figure(10.0, 4.2)
    for axes, error, name, outputs, title in zip(
        figure.subplots(1, 2),
        ("y - d", "z - d"),
        ("KL", "L2"),
        (found["y"], z),
        ("softmax and KL", "linear output and L2"),
    ):
        letter = error[0]
        axes.axhline(0.0, color=plots.DARK, linewidth=0.8)
        for shift, heights, color, hatch, label in (
            (-0.27, outputs, plots.BLUE, "", f"output {letter}"),
            (0.0, d, plots.GREEN, "//", "target d"),
            (0.27, found[error], "#cccccc", "", f"error {error}"),
        ):
            bars = {"color": color, "hatch": hatch, "edgecolor": "white", "label": label}
            axes.bar([i + shift for i in range(K)], heights, width=0.25, **bars)
        places, label = [i + 0.27 for i in range(K)], f"gradient of {name} by z"
        axes.plot(places, found[name], "D", color=plots.ORANGE, label=label)
        axes.set_title(title, pad=44)
        axes.set_xticks(range(K), [f"class {i}" for i in range(K)])
        plots.plain(axes, ylabel="value for each class")
        plots.legend_above(axes, columns=2)
    return figure


def main() -> None:
    """Print the numbers, and draw them."""
    chosen = options.parse(options.parser(__doc__, out="out/divergences"))
    rng = random.Random(chosen.seed)
    z = [round(rng.uniform(-1.5, 1.5), 2) for _ in range(K)]
    d = nn.one_hot(C, K)
    if not chosen.quiet:
        print_kl_and_l2()
        print_label_smoothing(autograd.softmax(z))
        print_last_layer(z, d)
    options.save(plot_kl_and_l2().savefig, chosen.out / "kl_and_l2.png")
    options.save(plot_label_smoothing().savefig, chosen.out / "label_smoothing.png")
    options.save(plot_last_layer(z, d).savefig, chosen.out / "last_layer.png")
    found = last_layer(z, d)
    pairs = ((found["KL"], found["y - d"]), (found["L2"], found["z - d"]))
    apart = max(math.dist(slopes, errors) for slopes, errors in pairs)
    print(
        f"at y = d the slope of L2 is {derivative(L2, 1.0):g}, of KL {derivative(KL, 1.0):g}; "
        f"gradient and error differ by at most {apart:.0e}"
    )


if __name__ == "__main__":
    options.run(main)
