"""Pictures of training, as matplotlib figures: curves, boundaries, images, mistakes and programs.

Every function returns a new figure and shows nothing, so that a script saves it and a notebook
displays it. Matplotlib is imported when a figure is asked for; it comes with the extra ``demos``.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from autograd.data import instances, numeric
from autograd.plots import BLUE, DARK, ORANGE, legend_above, new_figure
from autograd.text import whole_number

from .history import plot_history
from .prediction import predict
from .risk import Model
from .targets import Array, Labels, Threshold, table_of, threshold_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "plot_beside_text",
    "plot_confusion_matrix",
    "plot_decision_boundary",
    "plot_history",
    "plot_images",
]
RIGHT, WRONG = BLUE, ORANGE
COLORS = (ORANGE, BLUE)  # of two classes, as on the live page
MARKERS = ("o", "^")


def plot_decision_boundary(
    model: Model,
    X: Any,
    d: Any,
    *,
    threshold: Threshold = None,
    resolution: int = 60,
    engine: str | None = None,
) -> Figure:
    """The plane coloured by the output of a binary classifier, with the data on it.

    Args:
        model: takes a point of two coordinates and gives one number.
        X: T points.
        d: T labels of two classes, as ``nn.accuracy`` reads them: 0 and 1, or -1 and 1.
        threshold: where the output turns from one class to the other: the line that is drawn; by
            default 0.5, and 0 for labels -1 and 1. The divergence knows it too.
        resolution: how many points the output is computed at, along each axis, at least 2.
        engine: of ``predict``.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: if the points are not of two finite coordinates with one label each, the labels
            are not of two classes, or the model gives more than one number, or none that is finite.
        TypeError: if the points or labels are no data set.
    """
    figure = new_figure(6.4, 5.2)
    resolution = whole_number("resolution", resolution, 2)
    points, labels = _points_of_two_classes(X, d)
    given = threshold_of(threshold)
    border = labels.threshold if given is None else given
    low, high = points.min(axis=0), points.max(axis=0)
    # Around a single point there has to be some room as well.
    margin = 0.12 * np.where(high > low, high - low, np.maximum(1.0, np.abs(high)))
    x1, x2 = (
        np.linspace(low[i] - margin[i], high[i] + margin[i], resolution).tolist() for i in (0, 1)
    )
    outputs = predict(model, [[a, b] for b in x2 for a in x1], engine=engine)
    if len(outputs[0]) != 1:
        raise ValueError(
            f"plot_decision_boundary() takes a model that gives one number, got one that gives "
            f"{len(outputs[0])}; for a softmax of two pass lambda x: model(x)[1]"
        )
    surface = np.ma.masked_invalid(np.reshape(outputs, (resolution, resolution)))
    if surface.mask.all():
        raise ValueError(
            "plot_decision_boundary(): no output of the model is finite, so there is nothing to "
            "colour; look at predict(model, X), and at the parameters"
        )

    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.ticker import MaxNLocator

    axes = figure.add_subplot()
    pale = LinearSegmentedColormap.from_list("pale", ["#f2b58c", "#f7f7f7", "#8ec1e6"])
    reach = max(float(np.abs(surface - border).max()), 1e-9)
    shades = axes.contourf(
        x1, x2, surface, levels=np.linspace(border - reach, border + reach, 21), cmap=pale
    )
    if surface.min() < border < surface.max():
        axes.contour(x1, x2, surface, levels=[border], colors=DARK, linewidths=1.5)
        axes.plot([], [], color=DARK, linewidth=1.5, label=f"y = {border:g}")  # for the legend
    for c, (number, color, marker) in enumerate(zip(labels.pair or (), COLORS, MARKERS)):
        x, y = points[labels.classes == c].T
        dots = axes.scatter(x, y, s=28, c=color, marker=marker, label=f"d = {number:g}")
        dots.set(edgecolor="white", linewidth=0.7)
    figure.colorbar(shades, ax=axes, label="output y", ticks=MaxNLocator(6))
    axes.set(xlabel="$x_1$", ylabel="$x_2$")
    legend_above(axes, columns=3)
    return figure


def _points_of_two_classes(X: Any, d: Any) -> tuple[Array, Labels]:
    """T points of two coordinates, and their labels."""
    points, numbers = numeric("X", X), table_of("d", d)
    if points.ndim != 2 or points.shape[1] != 2 or numbers.shape != (len(points), 1):
        raise ValueError(
            f"plot_decision_boundary() takes T points of two coordinates and T labels, got arrays "
            f"of shapes {points.shape} and {numbers.shape}"
        )
    if not len(points):
        raise ValueError("plot_decision_boundary() takes one point at least, got none")
    finite = np.isfinite(points)
    if not finite.all():
        i, j = np.argwhere(~finite)[0]
        raise ValueError(f"X[{i}][{j}] is {points[i, j]}, which has no place in a picture")
    labels = Labels(numbers, "d")
    if labels.pair is None:
        found = ", ".join(f"{x:g}" for x in np.unique(labels.classes)[:5])
        raise ValueError(
            f"plot_decision_boundary() draws two classes, labelled 0 and 1 or -1 and 1, but d "
            f"holds the class numbers {found}; for class c against the others give "
            f"[float(k == c) for k in d], and the model's output for c"
        )
    return points, labels


def plot_images(
    images: Any,
    titles: Any,
    *,
    columns: int = 8,
    wrong: Any = (),
) -> Figure:
    """Square grey images in rows, each under its title.

    Args:
        images: each n * n numbers in [0, 1], row by row, or n rows of n; one image at least.
        titles: as many; any text, or a number.
        columns: images to a row, at most.
        wrong: as many, True for an image whose title is to stand out; none by default.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: if there are no images, not as many titles, or one is not square, or has a
            number that is not in [0, 1].
        TypeError: if images, titles or wrong are no lists.
    """
    images, titles = instances("images", images), instances("titles", titles)
    wrong = instances("wrong", wrong)
    wrong = wrong if len(wrong) else [False] * len(images)
    columns = whole_number("columns", columns)
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
        pixels = numeric(f"images[{i}]", image)
        side = math.isqrt(pixels.size)
        if side * side != pixels.size or pixels.shape not in ((side * side,), (side, side)):
            raise ValueError(
                f"image {i} has {pixels.size} pixels, which make no square"
                if pixels.ndim == 1
                else f"image {i} is of shape {pixels.shape}; give n rows of n numbers"
            )
        outside = ~((pixels >= 0.0) & (pixels <= 1.0))
        if outside.any():
            raise ValueError(
                f"image {i} has a pixel {pixels[outside][0]:g}, which is not in [0, 1]; divide by "
                f"the largest that there can be, such as 255"
            )
        axes.imshow(pixels.reshape(side, side), cmap="gray_r", vmin=0.0, vmax=1.0)
        color = WRONG if wrong[i] else "black"
        axes.set_title(f"{title}", fontsize=8, color=color, parse_math=False)
        axes.set_axis_off()
    return figure


def plot_confusion_matrix(counts: Any, *, names: Any = None) -> Figure:
    """How often an instance of each class (row) was found to be of each class (column).

    The right ones, on the diagonal, and the wrong ones have a colour each, in shades from none to
    the most of them, so that a few mistakes can be seen beside hundreds of right answers.

    Args:
        counts: K rows of K counts, as ``confusion_matrix`` gives.
        names: of the K classes; by default their numbers.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: if the counts are not K rows of K, with K at least 1, or one is no count, or
            there are not K names.
        TypeError: if they are no list.
    """
    table = numeric("counts", counts)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or not table.size:
        raise ValueError(
            f"plot_confusion_matrix() takes K rows of K counts, got an array of shape {table.shape}"
        )
    counted = (table >= 0.0) & (table == np.round(table)) & np.isfinite(table)
    if not counted.all():
        i, j = np.argwhere(~counted)[0]
        raise ValueError(
            f"counts[{i}][{j}] is {table[i, j]:g}, which is no count; give what "
            f"nn.confusion_matrix(outputs, targets) returns"
        )
    K = len(table)
    named = None if names is None else [f"{name}" for name in instances("names", names)]
    if named is not None and len(named) != K:
        raise ValueError(
            f"plot_confusion_matrix() takes a name for each of {K} classes, got {len(named)}"
        )
    room = 0.075 * max(map(len, named)) if named else 0.0  # inches of the longest, about
    figure = new_figure(0.9 + 0.45 * K + room, 1.1 + 0.45 * K + room)

    from matplotlib.colors import LinearSegmentedColormap

    axes = figure.add_subplot()
    right = np.eye(K, dtype=bool)
    for chosen, color in ((right, RIGHT), (~right, WRONG)):
        most = max(table[chosen].max(initial=0.0), 1.0)
        shades = LinearSegmentedColormap.from_list("shades", ["white", color])
        axes.imshow(np.where(chosen, table, np.nan), cmap=shades, vmin=0.0, vmax=1.25 * most)
        for row, column in np.argwhere(chosen & (table > 0.0)).tolist():
            dark = table[row, column] > 0.7 * most
            axes.text(
                column, row, f"{table[row, column]:.0f}", ha="center", va="center",
                fontsize=9, color="white" if dark else DARK,
            )  # fmt: skip
    axes.set(xticks=range(K), yticks=range(K), xlabel="class found", ylabel="class")
    if named:
        axes.set_xticklabels(named, rotation=90, parse_math=False)
        axes.set_yticklabels(named, parse_math=False)
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
