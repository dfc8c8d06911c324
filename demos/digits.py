"""Multi-class recognition: which digit is this 8x8 image of handwriting?

    python demos/digits.py --out out/digits

Trains MLP(64, [32, 10]) with the KL divergence of its softmax on 1,437 of the 1,797 images, and is
tested on the other 360. With --checkpoint FILE a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import options

import nn
from nn import plots

Images = tuple[list[list[float]], list[int]]


def split(seed: int, size: int) -> tuple[Images, Images]:
    """As many of the images and their digits to train on, and the others."""
    images, digits = nn.datasets.digits()
    order = list(range(len(images)))
    random.Random(seed).shuffle(order)

    def pick(indices: list[int]) -> Images:
        return [images[i] for i in indices], [digits[i] for i in indices]

    return pick(order[:size]), pick(order[size:])


def train(model: nn.MLP, training: Images, test: Images, chosen: argparse.Namespace) -> nn.History:
    """Minimise the KL divergence; from logits, so that no probability is rounded to 0."""
    (X, digits), (X_test, digits_test) = training, test
    return nn.fit(
        model,
        X,
        [nn.one_hot(digit, 10) for digit in digits],
        divergence=nn.divergences.kl_from_logits,
        optimizer=nn.Adam(lr=0.005),
        epochs=chosen.epochs,
        batch_size=32,
        validation=(X_test, [nn.one_hot(digit, 10) for digit in digits_test]),
        checkpoint=chosen.checkpoint,
        seed=chosen.seed,
        progress=not chosen.quiet,
        engine=chosen.engine,
    )


def pictures(logits: list[list[float]], test: Images, history: nn.History, out: Path) -> None:
    """The learning curves, the confusion matrix, and the test images, the misread ones first."""
    X, digits = test
    D = [nn.one_hot(digit, 10) for digit in digits]
    read = [max(range(10), key=z.__getitem__) for z in logits]
    order = sorted(range(len(X)), key=lambda i: (read[i] == digits[i], i))[:32]
    wrong = [read[i] != digits[i] for i in order]
    titles = [
        f"{digits[i]} read as {read[i]}" if bad else f"{digits[i]}" for i, bad in zip(order, wrong)
    ]
    shown = plots.plot_images([X[i] for i in order], titles, wrong=wrong)
    matrix = plots.plot_confusion_matrix(nn.confusion_matrix(logits, D))
    options.save(history.plot().savefig, out / "curves.png")
    options.save(matrix.savefig, out / "confusion.png")
    options.save(shown.savefig, out / "images.png")


def main() -> None:
    """Train, test, and draw."""
    parser = options.parser(__doc__, out="out/digits")
    parser.add_argument("--epochs", type=options.count, default=30, help="passes over the data")
    parser.add_argument("--engine", choices=nn.ENGINES, default="numpy", help="what computes")
    parser.add_argument("--checkpoint", type=Path, help="file to save to, and to go on from")
    chosen = options.parse(parser)
    options.check_plots()

    training, test = split(chosen.seed, 1437)
    model = nn.MLP(64, [32, 10], rng=random.Random(chosen.seed))
    history = train(model, training, test, chosen)
    options.stop_unless_trained(history)
    logits = nn.predict(model, test[0])
    pictures(logits, test, history, chosen.out)
    accuracy = nn.accuracy(logits, [nn.one_hot(digit, 10) for digit in test[1]])
    print(
        f"final loss {history.loss[-1]:.6f}, training accuracy {history.accuracy[-1]:.1%}, "
        f"test accuracy {accuracy:.1%}"
    )


if __name__ == "__main__":
    options.run(main)
