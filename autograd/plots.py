"""Pictures of calculus: a function with its tangent and derivatives, contours, and descents.

Every function returns a new figure and shows nothing, so that a script saves it and a notebook
displays it. Matplotlib is imported when a figure is asked for; it comes with the extra ``demos``.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .calculus.critical import classify_critical_point
from .calculus.derivatives import Plain
from .calculus.descent import Descent
from .core import Value
from .core.scalar_function import ConstantFunction

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_contours", "draw_descent", "plot_contours", "plot_derivatives"]

Function = Callable[..., Value]
Interval = tuple[float, float]

# Of Okabe and Ito: told apart by every kind of eye, and in grey.
BLUE, ORANGE, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
AMBER = "#e69f00"
COLORS = (BLUE, ORANGE, GREEN, PURPLE)
DARK = "#333333"
_WINDOWLESS = ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template")
# How each kind of critical point is marked.
KINDS = {
    "minimum": ("v", GREEN),
    "maximum": ("^", AMBER),
    "saddle": ("X", PURPLE),
    "inflection": ("s", PURPLE),
    "degenerate": ("D", DARK),
    "not-critical": ("o", DARK),
}


def plot_derivatives(
    f: Function,
    interval: Interval,
    *,
    tangent: float | None = None,
    points: Sequence[float] = (),
    formulas: Sequence[str] = ("f(x)", "f'(x)", "f''(x)"),
    resolution: int = 161,
) -> Figure:
    """A function of one number above its first and its second derivative.

    Args:
        f: the function.
        interval: from where to where.
        tangent: where to draw the tangent, if anywhere.
        points: where to mark critical points; each by the kind that it is found to be.
        formulas: what to write at the three axes.
        resolution: how many points each curve is computed at.

    Raises:
        ImportError: if matplotlib is not installed.
    """
    figure = new_figure(7.2, 7.6)
    rows = figure.subplots(3, 1, sharex=True, height_ratios=(1.5, 1, 1))
    xs = np.linspace(*interval, resolution)
    curves = [_values(f, [[x] for x in xs.tolist()])]
    smooth = Plain("plot_derivatives", f, 1)
    curves += [[smooth.derivative(x, order) for x in xs.tolist()] for order in (1, 2)]
    found = [classify_critical_point(f, x) for x in points]
    for axes, curve, formula in zip(rows, curves, formulas):
        axes.axhline(0.0, color=DARK, linewidth=0.8)
        axes.plot(xs, curve, color=BLUE, linewidth=2.0)
        plain(axes, ylabel=formula)
        for x in points:
            axes.axvline(x, color=DARK, linewidth=0.8, linestyle=":")
    if tangent is not None:
        _draw_tangent(rows[0], rows[1], smooth, tangent, interval)
    for order, axes in enumerate(rows):
        for point in found:
            heights = [point.value, point.gradient[0], point.hessian[0][0]]
            label = f"{point.kind} at x = {point.x[0]:g}" if order == 0 else None
            _mark(axes, point.kind, (point.x[0], heights[order]), markersize=9, label=label)
    rows[-1].set(xlabel="x", xlim=interval)
    legend_above(rows[0], columns=2)
    figure.align_ylabels()
    return figure


def _draw_tangent(axes: Axes, below: Axes, f: Plain, at: float, interval: Interval) -> None:
    value, (slope,) = f.value_and_gradient([at])
    reach = 0.2 * (interval[1] - interval[0])
    ends = np.array([max(at - reach, interval[0]), min(at + reach, interval[1])])
    label = f"tangent at x = {at:g}: slope f'({at:g}) = {slope:.3g}"
    axes.plot(ends, value + slope * (ends - at), color=ORANGE, linestyle="--", linewidth=2.0)
    axes.plot([at], [value], color=ORANGE, marker="o", linestyle="--", linewidth=2.0, label=label)
    below.plot([at], [slope], color=ORANGE, marker="o")


def plot_contours(
    f: Function,
    x_interval: Interval,
    y_interval: Interval,
    *,
    axes: Axes | None = None,
    arrows: Sequence[Sequence[float]] = (),
    runs: Mapping[str, Descent] | None = None,
    points: Sequence[Sequence[float]] = (),
    levels: int | Sequence[float] = 14,
    resolution: int = 101,
) -> Figure:
    """The level curves of a function of two numbers, with its gradient and descents on it.

    Both axes have one scale, so that the right angle between gradient and level curve is one.

    Args:
        f: the function.
        x_interval: from where to where, across.
        y_interval: from where to where, upwards.
        axes: where to draw; by default in a new figure, with a legend.
        arrows: points at which to draw the gradient; all arrows on one scale.
        runs: descents to draw, by the name that the legend gives them; four at most.
        points: critical points to mark, by the kind that each is found to be.
        levels: the values of f to draw a curve for, or how many.
        resolution: how many points f is computed at, along each axis.

    Raises:
        ImportError: if matplotlib is not installed.
    """
    own_figure = axes is None
    if axes is None:
        width, height = (b - a for a, b in (x_interval, y_interval))
        scale = 5.6 / max(width, height)
        figure = new_figure(max(width * scale, 4.0) + 1.6, max(height * scale, 3.0) + 1.5)
        axes = figure.add_subplot()
    x, y, heights = grid(f, x_interval, y_interval, resolution)
    axes.contourf(x, y, heights, levels=levels, cmap=_pale(), extend="both")
    axes.contour(x, y, heights, levels=levels, colors=DARK, linewidths=0.6, linestyles="-")
    if arrows:
        smooth = Plain("plot_contours", f, 2)
        slopes = np.array([smooth.value_and_gradient(point)[1] for point in arrows])
        longest = float(np.hypot(*slopes.T).max()) or 1.0
        axes.quiver(
            *np.transpose(arrows),
            *slopes.T,
            angles="xy",
            scale_units="xy",
            scale=longest / (0.16 * max(x[-1] - x[0], y[-1] - y[0])),
            color=DARK,
            width=0.006,
            zorder=3,
        )
        # Only for the legend, which would show a block.
        axes.plot(
            [],
            [],
            color=DARK,
            marker=r"$\rightarrow$",
            markersize=16,
            linestyle="",
            label="gradient",
        )
    for (name, run), color, marker in zip((runs or {}).items(), COLORS, "osD^"):
        path = np.array(run.path, dtype=float)
        axes.plot(*path.T, color="white", linewidth=3.2, zorder=4)
        axes.plot(
            *path.T, color=color, marker=marker, markersize=4, linewidth=1.6, zorder=5, label=name
        )
        axes.plot(*path[0], color=color, marker=marker, markersize=9, zorder=6)
    shown = set()
    for point in points:
        kind = classify_critical_point(f, point).kind
        label = None if kind in shown else kind
        _mark(axes, kind, point, markersize=11, zorder=7, label=label)
        shown.add(kind)
    axes.set(aspect="equal", xlim=x_interval, ylim=y_interval, xlabel="$x_1$", ylabel="$x_2$")
    if own_figure:
        legend_above(axes, columns=2)
    return axes.figure  # type: ignore[return-value]


def draw_contours(axes: Axes, *what: Any, **options: Any) -> None:
    """As ``plot_contours``, on axes that there are, and without a legend."""
    plot_contours(*what, axes=axes, **options)


def _mark(axes: Axes, kind: str, place: Sequence[float], **style: Any) -> None:
    """A critical point: its kind is told by the marker, and by its colour."""
    marker, color = KINDS[kind]
    axes.plot(*place, marker, color=color, markeredgecolor="white", **style)


def draw_descent(
    axes: Axes,
    f: Function,
    interval: Interval,
    run: Descent,
    *,
    color: str = ORANGE,
    steps: int | None = None,
) -> None:
    """The graph of a function of one number, and the points of a descent on it, joined in order.

    The start is a hollow circle. Of a longer run only the first ``steps`` steps are drawn, and of
    any run what lies in the interval.
    """
    xs = np.linspace(*interval, 201)
    curve = _values(f, [[x] for x in xs.tolist()])
    axes.plot(xs, curve, color=BLUE, linewidth=2.0)
    path = [(x, y) for x, y in zip(run.path, run.values) if interval[0] <= x <= interval[1]]
    path = path[: None if steps is None else steps + 1]
    axes.plot(*np.transpose(path), color=color, marker="o", markersize=5, linewidth=1.0, alpha=0.9)
    axes.plot(*path[0], color=color, marker="o", markersize=10, markerfacecolor="white")
    plain(axes, xlim=interval)


def grid(
    f: Function, x_interval: Interval, y_interval: Interval, resolution: int
) -> tuple[Any, Any, Any]:
    """Coordinates along both axes, and f at each pair: an array with a row for each y."""
    x, y = (np.linspace(*interval, resolution) for interval in (x_interval, y_interval))
    heights = _values(f, [[a, b] for b in y.tolist() for a in x.tolist()])
    return x, y, np.reshape(heights, (resolution, resolution))


def _values(f: Function, points: Sequence[Sequence[float]]) -> list[float]:
    """The values at some points: on plain floats, which is faster, where f takes them."""
    function = ConstantFunction("plot", f, len(points[0]))
    variables = function.leaves(points[0])
    function.look(function(variables), variables)  # which says what is wrong with f, if it is
    values = []
    for point in points:
        value = function.plain(point)
        values.append(function(function.leaves(point)).data if value is None else value)
    return values


def plain(axes: Axes, **properties: Any) -> None:
    """No frame above and to the right, and a grid that stays behind the curves.

    Args:
        axes: what to change.
        properties: others to set: ``xlabel="x"`` and so on.
    """
    axes.grid(alpha=0.25)
    axes.set(axisbelow=True, **properties)
    axes.spines[["top", "right"]].set_visible(False)


def legend_above(axes: Axes, columns: int = 1) -> None:
    """The legend above the axes, where it covers no data; none where there is nothing to say."""
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=columns, frameon=False)


def new_figure(width: float, height: float) -> Figure:
    """A figure of the given size in inches that belongs to no window and no global state.

    A notebook shows it without a magic command, and ``show()`` opens a window from a script.

    Raises:
        ImportError: if matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "plots need matplotlib; install it with: pip install matplotlib"
        ) from error
    return _shown(Figure)(figsize=(width, height), dpi=150, layout="constrained")


@functools.cache
def _shown(kind: type[Figure]) -> type[Figure]:
    class ShownFigure(kind):  # type: ignore[valid-type, misc]
        """A figure that shows itself."""

        def show(self, warn: bool = True) -> None:
            """Open a window with the figure, until it is closed.

            Raises:
                RuntimeError: if there are no windows here.
            """
            import matplotlib
            from matplotlib import pyplot

            if matplotlib.get_backend().lower() in _WINDOWLESS:
                raise RuntimeError(
                    f"matplotlib's backend {matplotlib.get_backend()} opens no windows; write a "
                    f"file, such as figure.savefig('figure.png'), or show the figure in a notebook"
                )
            # Only a figure of pyplot's has a window: this one takes its place there.
            manager = pyplot.figure(figsize=self.get_size_inches()).canvas.manager
            assert manager is not None
            manager.canvas.figure = self
            self.set_canvas(manager.canvas)
            pyplot.show()

        def _repr_png_(self) -> bytes:
            """What a notebook shows."""
            content = io.BytesIO()
            self.savefig(content, format="png", dpi=100)
            return content.getvalue()

    return ShownFigure


def _pale() -> Any:
    """From white to light blue: dark lines and markers stand out on all of it."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("pale", ["#ffffff", "#9ecae6"])
