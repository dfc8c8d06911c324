"""``History``: what happened in each epoch of a training run, and its curves as a figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from autograd.plots import BLUE, ORANGE, new_figure, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEW_EPOCHS = 25  # up to here each epoch is marked, as a single one would make no line at all
# The columns of a history: one number for each epoch, or none at all.
COLUMNS = ("loss", "accuracy", "validation_loss", "validation_accuracy", "seconds")


@dataclass(repr=False)
class History:
    """What happened in each epoch of a training run.

    Attributes:
        loss: the average divergence over the training data, each batch as it was met.
        accuracy: the share of those outputs that had the right class; empty for a divergence that
            is not a classifier's, and for targets that have no classes; see ``nn.accuracy``.
        validation_loss: the same over the validation data after the epoch; empty without them.
        validation_accuracy: likewise.
        seconds: the time that each epoch took.
        reason: why the run ended: ``"epochs"``, ``"tolerance"``, ``"patience"``, ``"callback"``,
            ``"interrupted"``, or ``"diverged: ..."`` with what became infinite or nan.
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    reason: str = ""

    def __len__(self) -> int:
        return len(self.loss)

    def __repr__(self) -> str:
        return f"<History: {self}>"

    def __str__(self) -> str:
        if not self.loss:
            return f"no epoch was finished ({self.reason})"
        parts = [f"epoch {len(self)}", f"loss {self.loss[-1]:.6g}"]
        if self.accuracy:
            parts.append(f"accuracy {self.accuracy[-1]:.1%}")
        if self.validation_loss:
            parts.append(f"validation loss {self.validation_loss[-1]:.6g}")
        if self.validation_accuracy:
            parts.append(f"validation accuracy {self.validation_accuracy[-1]:.1%}")
        return "  ".join(parts)

    def add(self, epoch: Mapping[str, float | None]) -> None:
        """One number more for each column that has one."""
        for name, number in epoch.items():
            if number is not None:
                column = getattr(self, name)
                # An accuracy changes seldom: in a long run equal numbers share one object.
                column.append(column[-1] if column and column[-1] == number else number)

    def cut(self, epochs: int) -> None:
        """Drop what comes after some epochs, such as half of one that was interrupted."""
        for name in COLUMNS:
            del getattr(self, name)[epochs:]

    def plot(self) -> Figure:
        """The loss, and the accuracy if there is one, over the epochs, as a matplotlib figure.

        Raises:
            ImportError: if matplotlib is not installed, saying how to install it.
        """
        return plot_history(self)


def plot_history(history: History) -> Figure:
    """The loss over the epochs and, if there is one, the accuracy below it.

    Raises:
        ImportError: if matplotlib is not installed.
        ValueError: if no epoch was finished.
    """
    if not history.loss:
        raise ValueError("the history holds no epoch, so there is nothing to plot")
    curves = [("loss (average divergence)", history.loss, history.validation_loss)]
    if history.accuracy:
        curves.append(("accuracy (%)", history.accuracy, history.validation_accuracy))
    figure = new_figure(7.0, 3.2 * len(curves))

    from matplotlib.ticker import MaxNLocator

    marker = "." if len(history) <= FEW_EPOCHS else ""
    for i, (name, training, validation) in enumerate(curves):
        axes = figure.add_subplot(len(curves), 1, i + 1)
        scale = 100.0 if "%" in name else 1.0
        for numbers, label, color, style in (
            (training, "training", BLUE, "-"),
            (validation, "validation", ORANGE, "--"),
        ):
            if numbers:
                epochs, heights = range(1, len(numbers) + 1), np.multiply(numbers, scale)
                axes.plot(epochs, heights, marker + style, color=color, label=label)
        if validation:
            axes.legend(frameon=False)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        plain(axes, ylabel=name)
    axes.set_xlabel("epoch")
    figure.align_ylabels()
    return figure
