"""Tests of the pictures: what is drawn where, and that it is written on the axes.

Matplotlib's own objects are asked for the curves, the colours and the words. What the pictures
look like to a person no test can say.
"""

import io
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nn
from autograd import Value
from nn import History, plots
from nn.plots import (
    plot_beside_text,
    plot_confusion_matrix,
    plot_decision_boundary,
    plot_history,
    plot_images,
)

image = pytest.importorskip("matplotlib.image")
colors = pytest.importorskip("matplotlib.colors")

SQUARE, LABELS = [[-1.0, 0.0], [-1.0, 2.0], [1.0, 0.0], [1.0, 2.0]], [0.0, 0.0, 1.0, 1.0]
FULL = History(
    loss=[0.75, 0.5, 0.25],
    accuracy=[0.5, 0.75, 1.0],
    validation_loss=[1.0, 0.875, 0.75],
    validation_accuracy=[0.25, 0.5, 0.5],
    seconds=[0.1, 0.1, 0.1],
)


def saved(figure: Any, width: float, height: float) -> Any:
    """The figure as an array of pixels, at least as many as its size in inches promises."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    file.seek(0)
    pixels = image.imread(file)[..., :3]
    assert pixels.shape[0] >= 100 * height and pixels.shape[1] >= 100 * width
    return pixels


def lines(axes: Any) -> dict[str, list[tuple[float, float]]]:
    return {
        line.get_label(): list(zip(line.get_xdata(), line.get_ydata(), strict=True))
        for line in axes.lines
    }


def legend(axes: Any) -> list[str]:
    shown = axes.get_legend()
    return [text.get_text() for text in shown.get_texts()] if shown else []


# The history.


def test_all_four_curves_of_a_history() -> None:
    figure = FULL.plot()
    loss, accuracy = figure.axes
    assert lines(loss) == {
        "training": [(1, 0.75), (2, 0.5), (3, 0.25)],
        "validation": [(1, 1.0), (2, 0.875), (3, 0.75)],
    }
    assert lines(accuracy) == {
        "training": [(1, 50.0), (2, 75.0), (3, 100.0)],
        "validation": [(1, 25.0), (2, 50.0), (3, 50.0)],
    }
    assert (loss.get_ylabel(), loss.get_xlabel()) == ("loss (average divergence)", "")
    assert (accuracy.get_ylabel(), accuracy.get_xlabel()) == ("accuracy (%)", "epoch")
    for axes in (loss, accuracy):
        assert legend(axes) == ["training", "validation"]
        training, validation = axes.lines
        assert training.get_color() != validation.get_color()
        assert training.get_linestyle() != validation.get_linestyle(), "also in black and white"
    assert loss.get_position().y0 > accuracy.get_position().y0


def test_a_loss_alone_needs_no_legend() -> None:
    [axes] = plot_history(History(loss=[2.0, 1.0])).axes
    assert lines(axes) == {"training": [(1, 2.0), (2, 1.0)]}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "loss (average divergence)")
    assert legend(axes) == []


def test_epochs_are_whole_numbers() -> None:
    for epochs in (1, 2, 3, 100):
        figure = plot_history(History(loss=[1.0] * epochs))
        figure.canvas.draw()
        ticks = figure.axes[0].get_xticks()
        assert all(tick == round(tick) for tick in ticks)
        assert len(ticks) >= min(2, epochs)


def test_a_single_epoch_can_be_seen() -> None:
    """A line through one point has no length; only its marker shows."""
    pixels = saved(plot_history(History(loss=[0.5])), 7.0, 3.2)
    blue = colors.to_rgb(nn.plots.BLUE)
    assert np.all(np.abs(pixels - blue) < 0.02, axis=2).sum() > 10


def test_an_interrupted_history_can_be_plotted() -> None:
    figure = plot_history(History(loss=[2.0, 1.0], validation_loss=[3.0]))
    assert lines(figure.axes[0]) == {
        "training": [(1, 2.0), (2, 1.0)],
        "validation": [(1, 3.0)],
    }


def test_a_history_of_a_run_plots_itself() -> None:
    model = nn.MLP(2, [1], output="sigmoid")
    history = nn.fit(model, SQUARE, LABELS, epochs=3, progress=False)
    assert [y for _, y in lines(history.plot().axes[0])["training"]] == history.loss


def test_a_history_without_epochs_is_refused() -> None:
    with pytest.raises(ValueError, match="the history holds no epoch"):
        History(reason="interrupted").plot()


# The decision boundary.


def boundary(**options: Any) -> Any:
    """Of the model y = x1, whose threshold is a vertical line."""
    return plot_decision_boundary(
        lambda x: x[0], SQUARE, LABELS, **{"threshold": 0.25, "resolution": 11, **options}
    )


def test_points_are_drawn_by_their_class() -> None:
    axes = boundary().axes[0]
    drawn = {
        points.get_label(): points.get_offsets().tolist()
        for points in axes.collections
        if points.get_label().startswith("d = ")
    }
    assert drawn == {"d = 0": SQUARE[:2], "d = 1": SQUARE[2:]}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("$x_1$", "$x_2$")
    assert sorted(legend(axes)) == ["d = 0", "d = 1", "y = 0.25"]


def test_the_line_is_where_the_output_is_the_threshold() -> None:
    axes = boundary().axes[0]
    [contour] = [c for c in axes.collections if list(getattr(c, "levels", [])) == [0.25]]
    [path] = [path for path in contour.get_paths() if len(path)]
    assert path.vertices[:, 0] == pytest.approx(0.25)
    # It runs from the bottom to the top of a frame that leaves some room around the points.
    assert path.vertices[:, 1].min() < 0.0 and path.vertices[:, 1].max() > 2.0
    assert axes.get_xlim()[0] < -1.0 and axes.get_xlim()[1] > 1.0


def test_the_plane_is_coloured_by_the_output() -> None:
    figure = boundary()
    axes, bar = figure.axes
    assert bar.get_ylabel() == "output y"
    [shades] = [c for c in axes.collections if len(getattr(c, "levels", [])) > 1]
    # The threshold is in the middle of the scale, and the largest output within it.
    assert (shades.levels[0] + shades.levels[-1]) / 2 == pytest.approx(0.25)
    assert shades.levels[0] <= -1.24 and shades.levels[-1] >= 1.24
    assert list(shades.levels) == sorted(shades.levels)
    low, high = (np.array(shades.cmap(shades.norm(y))) for y in (-1.0, 1.0))
    assert low[0] > low[2] and high[2] > high[0], "orange below and blue above"


def test_colours_of_points_and_plane_belong_together() -> None:
    for label, channel in (("d = 0", 0), ("d = 1", 2)):
        [points] = [c for c in boundary().axes[0].collections if c.get_label() == label]
        color = points.get_facecolor()[0]
        assert color[channel] == max(color[:3])


@pytest.mark.parametrize(
    "model",
    [
        lambda x: 0.75,
        lambda x: [Value(0.25)],
        lambda x: 0.5,
        nn.MLP(2, [3, 1], output="sigmoid"),
    ],
    ids=["above", "below", "on the threshold", "a network"],
)
def test_any_model_of_one_output_can_be_drawn(model: Any) -> None:
    pixels = saved(plot_decision_boundary(model, SQUARE, LABELS, resolution=8), 6.4, 5.2)
    assert pixels.std() > 0.05


def test_where_no_boundary_is_none_is_promised() -> None:
    axes = plot_decision_boundary(lambda x: 0.75, SQUARE, LABELS, resolution=5).axes[0]
    assert legend(axes) == ["d = 0", "d = 1"]


def test_the_model_is_asked_on_a_grid_that_covers_the_data() -> None:
    asked = []

    def model(x: list[float]) -> float:
        asked.append(tuple(x))
        return x[0] + x[1]

    plot_decision_boundary(model, SQUARE, LABELS, resolution=7, engine="python")
    assert len(asked) == len(set(asked)) == 49
    assert len({a for a, _ in asked}) == len({b for _, b in asked}) == 7
    assert min(asked) < (-1.0, 0.0) and max(asked) > (1.0, 2.0)
    assert all(type(a) is float for point in asked for a in point)


def test_arrays_and_a_single_point_can_be_drawn() -> None:
    saved(plot_decision_boundary(sum, np.array(SQUARE), np.array(LABELS), resolution=5), 6.4, 5.2)
    saved(plot_decision_boundary(sum, [[1.0, 2.0]], [1.0], resolution=5), 6.4, 5.2)


@pytest.mark.parametrize(
    ("X", "d"),
    [
        ([[1.0]], [1.0]),
        ([[1.0, 2.0, 3.0]], [1.0]),
        (SQUARE, LABELS[:3]),
        (SQUARE, [[1.0, 0.0]] * 4),
        ([1.0, 2.0], [0.0, 1.0]),
        ([], []),
    ],
)
def test_other_data_than_points_of_the_plane_are_refused(X: Any, d: Any) -> None:
    with pytest.raises(ValueError, match=r"takes T points of two coordinates and T labels, got"):
        plot_decision_boundary(sum, X, d)


def test_a_model_of_several_outputs_is_refused() -> None:
    model = nn.MLP(2, [2], output="softmax")
    with pytest.raises(ValueError, match=r"gives 2; for a softmax of two pass lambda x: model"):
        plot_decision_boundary(model, SQUARE, LABELS, resolution=5)
    plot_decision_boundary(lambda x: model(x)[1], SQUARE, LABELS, resolution=5)


# Images.


def test_images_stand_in_rows_under_their_titles() -> None:
    images = [[i / 10, 0.0, 1.0, 0.5] for i in range(5)]
    figure = plot_images(images, list("abcde"), columns=3)
    assert [axes.get_title() for axes in figure.axes] == list("abcde")
    assert [axes.images[0].get_array().tolist() for axes in figure.axes] == [
        [[i / 10, 0.0], [1.0, 0.5]] for i in range(5)
    ]
    figure.canvas.draw()
    corners = [axes.get_position() for axes in figure.axes]
    assert corners[0].x0 < corners[1].x0 < corners[2].x0
    assert corners[0].y0 == pytest.approx(corners[2].y0)
    assert corners[3].y0 < corners[0].y0
    assert corners[3].x0 == pytest.approx(corners[0].x0)


def test_ink_is_dark_on_every_image_alike() -> None:
    for axes in plot_images([[0.0] * 4, [0.5] * 4], ["", ""]).axes:
        [drawn] = axes.images
        assert drawn.get_clim() == (0.0, 1.0)
        assert drawn.cmap(0.0)[0] > 0.9 and drawn.cmap(1.0)[0] < 0.1


def test_few_images_leave_no_empty_columns() -> None:
    one, eight = (plot_images([[0.5] * 4] * n, [""] * n) for n in (1, 8))
    assert one.get_size_inches()[0] < eight.get_size_inches()[0] / 4
    saved(one, 1.1, 1.1)


def test_titles_of_what_is_wrong_stand_out() -> None:
    figure = plot_images([[0.5]] * 3, ["a", "b", "c"], wrong=[False, True, False])
    shown = [colors.to_hex(axes.title.get_color()) for axes in figure.axes]
    assert shown[0] == shown[2] != shown[1]
    with pytest.raises(ValueError, match="3 images and 3 titles"):
        plot_images([[0.5]] * 3, ["a", "b", "c"], wrong=[True])


def test_a_confusion_matrix_shows_every_count_in_its_place() -> None:
    counts = [[30, 0, 1], [0, 25, 0], [2, 0, 28]]
    [axes] = plot_confusion_matrix(counts).axes
    # The row is the class, from the top down, and the column what was found.
    found = {(text.get_position()[::-1], text.get_text()) for text in axes.texts}
    assert found == {((0, 0), "30"), ((1, 1), "25"), ((2, 2), "28"), ((0, 2), "1"), ((2, 0), "2")}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("class found", "class")
    assert axes.get_title() == "3 of 86 wrong"
    top, bottom = axes.get_ylim()[::-1]
    assert top < bottom
    right, wrong = (np.ma.filled(picture.get_array(), np.nan) for picture in axes.images)
    assert np.isnan(right).sum() == 6 and np.isnan(wrong).sum() == 3
    saved(plot_confusion_matrix([[0]]), 1.0, 1.0)


@pytest.mark.parametrize("counts", [[], [[1, 2]], [[1], [2]], [[[1]]]])
def test_counts_that_make_no_matrix_are_refused(counts: Any) -> None:
    with pytest.raises(ValueError, match="K rows of K counts, got an array of shape"):
        plot_confusion_matrix(counts)


@pytest.mark.parametrize("size", [200, 900])
def test_a_picture_and_a_text_do_not_cover_each_other(size: int, tmp_path: Path) -> None:
    path = tmp_path / "red.png"
    image.imsave(path, np.tile([[[1.0, 0.0, 0.0]]], (300, size, 1)))
    figure = plot_beside_text(path, "def step():\n    a $x$ = 1\n", "a title")
    saved(figure, 2.0, 1.0)
    picture, program = figure.axes
    [text] = program.texts
    assert text.get_text() == "def step():\n    a $x$ = 1"
    assert figure.get_suptitle() == "a title"
    letters = text.get_window_extent()
    drawn = picture.get_window_extent()
    assert drawn.x1 <= letters.x0 if size < 300 else letters.y1 <= drawn.y0
    assert 0 <= letters.y0 < letters.y1 <= figure.bbox.height and letters.x1 <= figure.bbox.width


def test_digits_can_be_drawn() -> None:
    images, digits = nn.datasets.digits()
    pixels = saved(plot_images(images[:4], [str(digit) for digit in digits[:4]]), 4.0, 1.0)
    assert pixels.min() < 0.1 and pixels.max() == 1.0


@pytest.mark.parametrize(
    ("images", "titles", "message"),
    [
        ([], [], "got 0 images and 0 titles"),
        ([[0.0]], [], "got 1 images and 0 titles"),
        ([[0.0]], ["a", "b"], "got 1 images and 2 titles"),
        ([[0.0], [0.0] * 3], ["a", "b"], "image 1 has 3 pixels, which make no square"),
    ],
)
def test_images_that_cannot_be_drawn_are_refused(images: Any, titles: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plot_images(images, titles)


# All of them.

FIGURES: dict[str, tuple[Callable[[], Any], float, float]] = {
    "history": (FULL.plot, 7.0, 6.4),
    "boundary": (boundary, 6.4, 5.2),
    "images": (lambda: plot_images([[0.0, 0.5, 0.75, 1.0]], ["a"]), 1.0, 1.0),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_saved_figure_is_no_blank_sheet(name: str, tmp_path: Path) -> None:
    make, width, height = FIGURES[name]
    figure, path = make(), tmp_path / "figure.svg"
    pixels = saved(figure, width, height)
    assert len(set(map(tuple, pixels[::3, ::3].reshape(-1, 3).tolist()))) > 5
    figure.savefig(path)
    assert path.read_bytes().startswith(b"<?xml") and path.stat().st_size > 1000


@pytest.mark.parametrize("name", FIGURES)
def test_no_window_and_no_global_figure_is_opened(name: str) -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    before = pyplot.get_fignums()
    one, two = FIGURES[name][0](), FIGURES[name][0]()
    assert one is not two
    assert pyplot.get_fignums() == before


@pytest.mark.parametrize("name", FIGURES)
def test_without_matplotlib_it_says_what_to_install(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [m for m in sys.modules if m.partition(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError) as caught:
        FIGURES[name][0]()
    assert str(caught.value) == ("plots need matplotlib; install it with: pip install matplotlib")


def test_networks_train_without_importing_matplotlib() -> None:
    program = (
        "import sys, nn, nn.plots\n"
        "nn.fit(nn.MLP(1, [1]), [[1.0]], [1.0], divergence=nn.divergences.l2, epochs=1)\n"
        "print([name for name in sys.modules if name.startswith('matplotlib')])"
    )
    root = str(Path(nn.__file__).parent.parent)
    finished = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    assert finished.stdout == "[]\n"


def points_in(figure: Any) -> dict[str, int]:
    """How many points a boundary's picture shows, by their name in the legend."""
    return {
        str(dots.get_label()): len(dots.get_offsets())
        for dots in figure.axes[0].collections
        if str(dots.get_label()).startswith("d = ")
    }


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        ([-1, 1, 1, -1], {"d = -1": 2, "d = 1": 2}),
        ([0.1, 0.9, 0.9, 0.9], {"d = 0.1": 1, "d = 0.9": 3}),
        ([True, True, True, False], {"d = 0": 1, "d = 1": 3}),
    ],
)
def test_every_point_is_drawn_whatever_its_label(labels: Any, shown: dict[str, int]) -> None:
    for X, d in ((SQUARE, labels), (np.array(SQUARE, "f4"), [[label] for label in labels])):
        figure = plots.plot_decision_boundary(lambda x: x[0], X, d, resolution=3)
        assert points_in(figure) == shown
        # The line between the classes is where their labels say.
        assert (
            figure.axes[0].get_legend_handles_labels()[1][0] == f"y = {0 if -1 in labels else 0.5}"
        )


@pytest.mark.parametrize(
    ("X", "d", "message"),
    [
        (SQUARE, [1, 2, 2, 1], r"draws two classes, .* but d holds the class numbers 1, 2; for"),
        (SQUARE, [0, 1, 2, 3], r"d holds the class numbers 0, 1, 2, 3; for class c against"),
        (SQUARE, [0.3] * 4, r"d\[0\] is 0\.3, which is no class"),
        (SQUARE, ["a"] * 4, r"d\[0\] is 'a' of type str, .*number the texts"),
        ([[1.0, math.inf], *SQUARE[1:]], [0, 1, 0, 1], r"X\[0\]\[1\] is inf, which has no place"),
        ([[1.0, None], *SQUARE[1:]], [0, 1, 0, 1], r"X\[0\]\[1\] is None"),
    ],
)
def test_points_that_have_no_place_or_class_are_refused(X: Any, d: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        plots.plot_decision_boundary(lambda x: x[0], X, d, resolution=3)


def test_outputs_that_are_not_finite_stay_white_or_are_refused() -> None:
    def model(x: Any) -> float:
        return math.nan if x[0] < 0.0 else x[0]

    labels = [0, 1, 0, 1]
    assert points_in(plots.plot_decision_boundary(model, SQUARE, labels, resolution=3))
    with pytest.raises(ValueError, match="no output of the model is finite"):
        plots.plot_decision_boundary(lambda x: math.inf, SQUARE, labels, resolution=3)


def test_counts_are_written_where_they_are_coloured() -> None:
    figure = plots.plot_confusion_matrix(pd.DataFrame([[5, 2], [0, 7]]))  # asked by column
    written = {text.get_text(): text.get_position() for text in figure.axes[0].texts}
    assert written == {"5": (0, 0), "2": (1, 0), "7": (1, 1)}
    for bad in ([[1.5, 0], [0, 1]], [[-1, 0], [0, 1]], [[math.nan, 0], [0, 1]]):
        with pytest.raises(ValueError, match=r"counts\[0\]\[0\] is .*, which is no count"):
            plots.plot_confusion_matrix(bad)


def test_images_of_bytes_are_refused_and_images_in_rows_are_drawn() -> None:
    with pytest.raises(ValueError, match=r"image 0 has a pixel 255, .*\[0, 1\]; divide by"):
        plots.plot_images(np.full((1, 2, 2), 255, np.uint8), ["bright"])
    rows = [[0.0, 1.0], [0.5, 0.25]]
    figure = plots.plot_images([rows], np.array([7]), wrong=np.array([True]))
    assert figure.axes[0].images[0].get_array().tolist() == rows
    assert figure.axes[0].get_title() == "7"


def test_a_notebook_shows_a_figure_and_a_script_is_told_where_no_window_opens() -> None:
    figure = plot_history(History(loss=[0.5, 0.25]))
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
    with pytest.raises(RuntimeError, match="opens no windows; write a file"):
        figure.show()
    assert repr(History(loss=[0.5] * 10_000)) == "<History: epoch 10000  loss 0.5>"


def test_classes_of_a_confusion_matrix_may_have_names() -> None:
    figure = plot_confusion_matrix([[3, 1], [0, 2]], names=["$a", "a rather long name"])
    [axes] = figure.axes
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [label.get_text() for label in labels if label.get_text()] == [
            "$a",
            "a rather long name",
        ]
    saved(figure, *figure.get_size_inches())
    with pytest.raises(ValueError, match="takes a name for each of 2 classes, got 1"):
        plot_confusion_matrix([[3, 1], [0, 2]], names=["a"])


def test_the_divergence_says_where_the_boundary_is() -> None:
    for divergence, border in ((nn.divergences.hinge, "0"), (nn.divergences.binary_kl, "0.5")):
        figure = plot_decision_boundary(
            lambda x: x[0] - x[1] / 3, SQUARE, LABELS, threshold=divergence, resolution=5
        )
        legend = figure.axes[0].get_legend()
        assert legend is not None and legend.get_texts()[0].get_text() == f"y = {border}"
