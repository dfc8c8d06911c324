"""Pictures of training, as matplotlib figures: curves, boundaries, images, mistakes and programs.

Every function returns a new figure and shows nothing, so that a script saves it and a notebook
displays it. Matplotlib is imported when a figure is asked for; it comes with the extra ``demos``.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from autograd.plots import BLUE, DARK, ORANGE, legend_above, new_figure

from .history import plot_history
from .prediction import predict
from .risk import Model

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "plot_beside_text",
    "plot_confusion_matrix",
    "plot_decision_boundary",
    "plot_history",
    "plot_images",
]
COLORS = (BLUE, ORANGE)
MARKERS = ("o", "^")


def plot_decision_boundary(
    model: Model,
    X: Sequence[Sequence[float]],
    d: Sequence[float],
    *,
    threshold: float = 0.5,
    resolution: int = 60,
    engine: str | None = None,
) -> Figure:
    """The plane coloured by the output of a binary classifier, with the data on it.

    Args:
        model: takes a point of two coordinates and gives one number.
        X: T points.
        d: T labels, 0 or 1.
        threshold: where the output turns from class 0 to class 1: the line that is drawn.
        resolution: how many points the output is computed at, along each axis.
        engine: of ``predict``.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: if the points are not of two coordinates with one label each, or the model
            gives more than one number.
    """
    figure = new_figure(6.4, 5.2)
    points, labels = np.asarray(X, dtype=float), np.asarray(d, dtype=float)
    if points.ndim != 2 or points.shape[1] != 2 or labels.shape != points.shape[:1] or not len(d):
        raise ValueError(
            f"plot_decision_boundary() takes T points of two coordinates and T labels, got arrays "
            f"of shapes {points.shape} and {labels.shape}"
        )
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.12 * (high - low) + 1e-9
    x1, x2 = (
        np.linspace(low[i] - margin[i], high[i] + margin[i], resolution).tolist() for i in (0, 1)
    )
    outputs = predict(model, [[a, b] for b in x2 for a in x1], engine=engine)
    if len(outputs[0]) != 1:
        raise ValueError(
            f"plot_decision_boundary() takes a model that gives one number, got one that gives "
            f"{len(outputs[0])}; for a softmax of two pass lambda x: model(x)[1]"
        )
    surface = np.reshape(outputs, (resolution, resolution))

    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.ticker import MaxNLocator

    axes = figure.add_subplot()
    pale = LinearSegmentedColormap.from_list("pale", ["#8ec1e6", "#f7f7f7", "#f2b58c"])
    reach = max(float(np.abs(surface - threshold).max()), 1e-9)
    shades = axes.contourf(
        x1, x2, surface, levels=np.linspace(threshold - reach, threshold + reach, 21), cmap=pale
    )
    if surface.min() < threshold < surface.max():
        axes.contour(x1, x2, surface, levels=[threshold], colors=DARK, linewidths=1.5)
        axes.plot([], [], color=DARK, linewidth=1.5, label=f"y = {threshold:g}")  # for the legend
    for label, color, marker in zip((0.0, 1.0), COLORS, MARKERS):
        x, y = points[labels == label].T
        dots = axes.scatter(x, y, s=28, c=color, marker=marker, label=f"d = {label:g}")
        dots.set(edgecolor="white", linewidth=0.7)
    figure.colorbar(shades, ax=axes, label="output y", ticks=MaxNLocator(6))
    axes.set(xlabel="$x_1$", ylabel="$x_2$")
    legend_above(axes, columns=3)
    return figure


def plot_images(
    images: Sequence[Sequence[float]],
    titles: Sequence[str],
    *,
    columns: int = 8,
    wrong: Sequence[bool] = (),
) -> Figure:
    """Square grey images in rows, each under its title.

    Args:
        images: each a list of n * n numbers in [0, 1], row by row; one image at least.
        titles: as many.
        columns: images to a row, at most.
        wrong: as many, True for an image whose title is to stand out; none by default.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: if there are no images, not as many titles, or one is not square.
    """
    wrong = wrong or [False] * len(images)
    if len(images) == 0 or not len(images) == len(titles) == len(wrong):
        raise ValueError(
            f"plot_images() takes one image at least and a title for each, got {len(images)} "
            f"images and {len(titles)} titles"
        )
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    figure = new_figure(1.15 * columns, 1.4 * rows)
    for i, (image, title) in enumerate(zip(images, titles)):
        axes = figure.add_subplot(rows, columns, i + 1)
        side = math.isqrt(len(image))
        if side * side != len(image):
            raise ValueError(f"image {i} has {len(image)} pixels, which make no square")
        axes.imshow(np.reshape(image, (side, side)), cmap="gray_r", vmin=0.0, vmax=1.0)
        axes.set_title(title, fontsize=8, color=COLORS[1] if wrong[i] else "black")
        axes.set_axis_off()
    return figure


def plot_confusion_matrix(counts: Sequence[Sequence[int]]) -> Figure:
    """How often an instance of each class (row) was found to be of each class (column).

    The right ones, on the diagonal, and the wrong ones have a colour each, in shades from none to
    the most of them, so that a few mistakes can be seen beside hundreds of right answers.

    Args:
        counts: K rows of K counts, as ``confusion_matrix`` gives.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: if the counts are not K rows of K, with K at least 1.
    """
    table = np.asarray(counts, dtype=float)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or not table.size:
        raise ValueError(
            f"plot_confusion_matrix() takes K rows of K counts, got an array of shape {table.shape}"
        )
    K = len(table)
    figure = new_figure(0.9 + 0.45 * K, 1.1 + 0.45 * K)

    from matplotlib.colors import LinearSegmentedColormap

    axes = figure.add_subplot()
    right = np.eye(K, dtype=bool)
    for chosen, color in ((right, COLORS[0]), (~right, COLORS[1])):
        most = max(table[chosen].max(initial=0.0), 1.0)
        shades = LinearSegmentedColormap.from_list("shades", ["white", color])
        axes.imshow(np.where(chosen, table, np.nan), cmap=shades, vmin=0.0, vmax=1.25 * most)
        for row, column in np.argwhere(chosen & (table > 0.0)).tolist():
            dark = table[row, column] > 0.7 * most
            axes.text(
                column, row, f"{counts[row][column]}", ha="center", va="center",
                fontsize=9, color="white" if dark else DARK,
            )  # fmt: skip
    axes.set(xticks=range(K), yticks=range(K), xlabel="class found", ylabel="class")
    axes.set_xticks(np.arange(K + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(K + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="#dddddd", linewidth=0.7)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    mistakes = int(table[~right].sum())
    axes.set_title(f"{mistakes} of {int(table.sum())} wrong", fontsize=10)
    return figure


def plot_beside_text(picture: str | os.PathLike[str], text: str, title: str) -> Figure:
    """A picture from a PNG file, and some text in letters of one width: beside it, or below.

    It is below where the picture is wide, so that the letters need not become small.

    Args:
        picture: the file, drawn at 100 dots per inch.
        text: lines, such as a program.
        title: above both.

    Raises:
        ImportError: if matplotlib is not installed.
        OSError: if the picture cannot be read.
    """
    lines = text.rstrip().splitlines() or [""]
    size = 12.0  # points; a letter of DejaVu Sans Mono is 0.602 of that wide
    text_width, text_height = max(map(len, lines)) * 0.602 * size / 72.0, len(lines) * 0.24
    figure = new_figure(1.0, 1.0)

    from matplotlib.image import imread

    image = imread(os.fspath(picture))
    tall, wide = (0.6 * pixels / 100.0 for pixels in image.shape[:2])
    if wide > 1.5 * text_width:
        figure.set_size_inches(wide + 0.4, tall + text_height + 1.0)
        graph, program = figure.subplots(2, 1, height_ratios=[tall, text_height])
    else:
        figure.set_size_inches(wide + text_width + 0.8, max(tall, text_height) + 0.7)
        graph, program = figure.subplots(1, 2, width_ratios=[wide, text_width])
    graph.imshow(image, interpolation="antialiased")
    program.text(
        0.0, 0.5, "\n".join(lines), family="DejaVu Sans Mono", fontsize=size, va="center",
        linespacing=1.3, color=DARK, transform=program.transAxes, parse_math=False,
    )  # fmt: skip
    for axes in (graph, program):
        axes.set_axis_off()
    figure.suptitle(title, fontsize=11)
    return figure
