"""Tests of the pictures of calculus: what is drawn where, and that it is written on the axes."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from autograd import Value, gradient, gradient_descent
from autograd.plots import (
    KINDS,
    draw_descent,
    grid,
    legend_above,
    new_figure,
    plot_contours,
    plot_derivatives,
)

quiver = pytest.importorskip("matplotlib.quiver")


def cubic(x: Value) -> Value:
    return x**3 / 3 - x


def valley(x: Value, y: Value) -> Value:
    return x * x + 4 * y * y


def words(axes: Any) -> list[str]:
    shown = axes.get_legend()
    return [text.get_text() for text in shown.get_texts()] if shown else []


def dots(axes: Any) -> list[tuple[float, float]]:
    """The single points that are marked."""
    return [
        (float(line.get_xdata()[0]), float(line.get_ydata()[0]))
        for line in axes.lines
        if len(line.get_xdata()) == 1
    ]


def test_a_function_stands_above_its_derivatives() -> None:
    """By hand: x^3/3 - x, x^2 - 1, 2 x."""
    figure = plot_derivatives(cubic, (-2.0, 2.0), tangent=1.5, points=[-1.0, 1.0], resolution=5)
    rows = figure.axes
    curves = [next(line for line in axes.lines if len(line.get_xdata()) == 5) for axes in rows]
    xs = [-2.0, -1.0, 0.0, 1.0, 2.0]
    for curve, expected in zip(
        curves,
        ([-2 / 3, 2 / 3, 0, -2 / 3, 2 / 3], [3, 0, -1, 0, 3], [-4, -2, 0, 2, 4]),
        strict=True,
    ):
        assert list(curve.get_xdata()) == xs
        assert np.allclose(curve.get_ydata(), expected)
    assert [axes.get_ylabel() for axes in rows] == ["f(x)", "f'(x)", "f''(x)"]
    assert rows[-1].get_xlabel() == "x"
    assert words(rows[0]) == [
        "tangent at x = 1.5: slope f'(1.5) = 1.25",
        "maximum at x = -1",
        "minimum at x = 1",
    ]
    assert dots(rows[0]) == [
        (1.5, -0.375),
        (-1.0, pytest.approx(2 / 3)),
        (1.0, pytest.approx(-2 / 3)),
    ]
    assert dots(rows[1]) == [(1.5, 1.25), (-1.0, 0.0), (1.0, 0.0)]
    assert dots(rows[2]) == [(-1.0, -2.0), (1.0, 2.0)]
    tangent = next(line for line in rows[0].lines if line.get_linestyle() == "--")
    (x0, x1), (y0, y1) = tangent.get_xdata(), tangent.get_ydata()
    assert x0 < 1.5 < x1 <= 2.0
    assert (y1 - y0) / (x1 - x0) == pytest.approx(1.25)
    assert y0 + 1.25 * (1.5 - x0) == pytest.approx(-0.375)


def test_contours_with_gradients_at_right_angles() -> None:
    at = [[1.0, 0.5], [-1.0, 0.2], [0.3, -0.8]]
    figure = plot_contours(valley, (-2, 2), (-1, 1), arrows=at, points=[[0, 0]], resolution=9)
    [axes] = figure.axes
    assert axes.get_aspect() == 1.0, "or right angles are none"
    [arrows] = [c for c in axes.collections if isinstance(c, quiver.Quiver)]
    assert arrows.get_offsets().tolist() == at
    for point, u, v in zip(at, arrows.U, arrows.V, strict=True):
        assert [u, v] == gradient(valley, point)
        along = [-8 * point[1], 2 * point[0]]  # the level curve's direction, by hand
        assert u * along[0] + v * along[1] == pytest.approx(0.0)
    assert words(axes) == ["gradient", "minimum"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("$x_1$", "$x_2$")
    assert (axes.get_xlim(), axes.get_ylim()) == ((-2.0, 2.0), (-1.0, 1.0))


def test_contours_with_descents() -> None:
    runs = {
        name: gradient_descent(valley, start, max_steps=4)
        for name, start in (("right", [1.5, 0.5]), ("left", [-1.5, 0.5]))
    }
    [axes] = plot_contours(valley, (-2, 2), (-1, 1), runs=runs, resolution=9).axes
    drawn = {line.get_label(): line for line in axes.lines}
    for name, run in runs.items():
        assert np.transpose(drawn[name].get_data()).tolist() == run.path
    assert drawn["left"].get_color() != drawn["right"].get_color()
    assert drawn["left"].get_marker() != drawn["right"].get_marker(), "also in black and white"
    assert words(axes) == ["right", "left"]


def test_a_grid_has_a_row_for_each_height() -> None:
    x, y, heights = grid(lambda x, y: x + 10 * y, (0, 2), (0, 1), 3)
    assert (x.tolist(), y.tolist()) == ([0, 1, 2], [0, 0.5, 1])
    assert heights.tolist() == [[0, 1, 2], [5, 6, 7], [10, 11, 12]]


def test_the_points_of_a_descent_lie_on_the_curve() -> None:
    axes = new_figure(4, 3).add_subplot()
    run = gradient_descent(lambda x: x * x, 1.5, step=0.9, max_steps=30)
    draw_descent(axes, lambda x: x * x, (-2.0, 2.0), run, steps=5)
    path = next(line for line in axes.lines if len(line.get_xdata()) == 6)
    assert list(path.get_xdata()) == run.path[:6]
    assert list(path.get_ydata()) == run.values[:6]
    away = new_figure(4, 3).add_subplot()
    up = gradient_descent(lambda x: x * x, 1.5, step=1.2, max_steps=9)
    draw_descent(away, lambda x: x * x, (-2.0, 2.0), up)
    assert all(abs(x) <= 2.0 for line in away.lines for x in line.get_xdata())


def test_no_legend_where_there_is_nothing_to_say() -> None:
    axes = new_figure(4, 3).add_subplot()
    axes.plot([0, 1], [0, 1])
    legend_above(axes)
    assert words(axes) == []


def test_a_legend_stands_above_the_data() -> None:
    figure = plot_derivatives(cubic, (-2.0, 2.0), points=[1.0], resolution=5)
    figure.canvas.draw()
    axes = figure.axes[0]
    assert axes.get_legend().get_window_extent().y0 >= axes.bbox.y1


def test_kinds_differ_in_shape() -> None:
    shapes = {kind: marker for kind, (marker, _) in KINDS.items()}
    assert len(set(shapes.values())) == len(shapes)


def test_without_matplotlib_the_error_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = sys.modules['matplotlib.figure'] = None\n"
        "from autograd import plots\n"
        "try: plots.plot_derivatives(lambda x: x, (0, 1))\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "plots need matplotlib; install it with: pip install matplotlib\n"
