"""Multi-class recognition: which digit is on this 8x8 image of a handwritten one?

    python demos/digits.py --out out/digits

Trains on 1,200 of the 1,797 images with one-hot targets, and is tested on the others. Writes the
loss, some images with the answer, and how often each digit was taken for each other.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import options

import autograd
import nn
from autograd import plots
from nn.plots import plot_images

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLASSES = 10


def plot_confusion(counts: list[list[int]]) -> Figure:
    """A table of counts: what each digit was taken for; mistakes stand out."""
    figure = plots.new_figure(5.6, 5.4)
    axes = figure.add_subplot()
    mistakes = [[n if i != j else 0 for j, n in enumerate(row)] for i, row in enumerate(counts)]
    axes.imshow(mistakes, cmap="Oranges", vmin=0, vmax=max(10, *(2 * max(row) for row in mistakes)))
    for i, row in enumerate(counts):
        for j, n in enumerate(row):
            if n:
                weight = "bold" if i == j else "normal"
                axes.text(j, i, str(n), ha="center", va="center", fontsize=10, fontweight=weight)
    axes.set_xticks(range(CLASSES))
    axes.set_yticks(range(CLASSES))
    axes.set_xlabel("what it was taken for")
    axes.set_ylabel("the digit")
    return figure


def most_likely(probabilities: list[float]) -> int:
    """The class of the largest output."""
    return max(range(len(probabilities)), key=probabilities.__getitem__)


def main() -> None:
    """Train, test, and draw."""
    parser = options.parser(__doc__.splitlines()[0], out="out/digits")
    parser.add_argument("--train", type=options.count, default=1200, help="images to train on")
    parser.add_argument("--epochs", type=options.count, default=30, help="passes over the data")
    chosen = options.parse(parser)

    images, labels = nn.datasets.digits()
    if chosen.train >= len(images):
        parser.error(
            f"--train {chosen.train}: leaves none of the {len(images)} images to test with"
        )
    order = list(range(len(images)))
    random.Random(chosen.seed).shuffle(order)
    X, D = [images[i] for i in order], [nn.one_hot(labels[i], CLASSES) for i in order]
    training, test = slice(chosen.train), slice(chosen.train, None)
    model = nn.MLP(64, [32, CLASSES], rng=random.Random(chosen.seed))  # the logits
    history = nn.fit(
        model,
        X[training],
        D[training],
        divergence=nn.divergences.kl_from_logits,
        optimizer=nn.Adam(lr=0.01),
        epochs=chosen.epochs,
        batch_size=32,
        seed=chosen.seed,
        progress=not chosen.quiet,
        engine="numpy",
    )

    options.stop_unless_trained(history)
    logits = nn.predict(model, X, engine="numpy")
    accuracies = [nn.accuracy(logits[part], D[part]) for part in (training, test)]
    answers = [autograd.softmax(z) for z in logits[test]]
    right = [most_likely(y) == most_likely(d) for y, d in zip(answers, D[test])]
    # The mistakes, and enough of the others to fill four rows.
    wrong_first = sorted(range(len(right)), key=right.__getitem__)[:32]
    titles = []
    for i in wrong_first:
        found = most_likely(answers[i])
        mark = "" if right[i] else f", is {most_likely(D[test][i])}"
        titles.append(f"{found} ({answers[i][found]:.0%}){mark}")
    figure = plot_images([X[test][i] for i in wrong_first], titles)
    counts = nn.confusion_matrix(logits[test], D[test])

    options.save(history.plot().savefig, chosen.out / "loss.png")
    options.save(figure.savefig, chosen.out / "images.png")
    options.save(plot_confusion(counts).savefig, chosen.out / "confusion.png")
    if not chosen.quiet:
        print(f"{sum(right)} of {len(right)} images it had not seen were recognised")
    print(
        f"final loss {history.loss[-1]:.6f}, training accuracy {accuracies[0]:.1%}, "
        f"test accuracy {accuracies[1]:.1%}"
    )


if __name__ == "__main__":
    options.run(main)
