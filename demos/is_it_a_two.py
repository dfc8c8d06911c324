"""Binary recognition: is this 8x8 image of a handwritten digit a 2, or not?

    python demos/is_it_a_two.py --out out/is_it_a_two

Trains on 100 twos and 200 others, and is tested on images that it has never seen.
"""

from __future__ import annotations

import random

import options

import nn
from nn import plots

Images = tuple[list[list[float]], list[float]]


def split(seed: int, twos: int, others: int) -> tuple[Images, Images]:
    """Images to train on, and 400 of the remaining ones to test with, each with d = 1 for a two."""
    images, labels = nn.datasets.digits()
    order = list(range(len(images)))
    random.Random(seed).shuffle(order)
    training = [i for i in order if labels[i] == 2][:twos]
    training += [i for i in order if labels[i] != 2][:others]
    chosen = set(training)
    test = [i for i in order if i not in chosen][:400]

    def pick(indices: list[int]) -> Images:
        return [images[i] for i in indices], [float(labels[i] == 2) for i in indices]

    return pick(training), pick(test)


def main() -> None:
    """Train, test, and draw."""
    parser = options.parser(__doc__.splitlines()[0], out="out/is_it_a_two")
    parser.add_argument("--twos", type=options.count, default=100, help="twos to train on")
    parser.add_argument("--others", type=options.count, default=200, help="others to train on")
    parser.add_argument("--epochs", type=options.count, default=6, help="passes over the data")
    chosen = options.parse(parser)

    (X, d), (X_test, d_test) = split(chosen.seed, chosen.twos, chosen.others)
    model = nn.MLP(64, [8, 1], output="sigmoid", rng=random.Random(chosen.seed))
    history = nn.fit(
        model,
        X,
        d,
        divergence=nn.divergences.binary_kl,
        optimizer=nn.Adam(lr=0.02),
        epochs=chosen.epochs,
        batch_size=20,
        seed=chosen.seed,
        progress=not chosen.quiet,
        engine="numpy",
    )

    training_accuracy = nn.accuracy(nn.predict(model, X), d)
    outputs = nn.predict(model, X_test)
    accuracy = nn.accuracy(outputs, d_test)
    (not_right, taken_for_two), (missed, found) = nn.confusion_matrix(outputs, d_test)
    history.plot().savefig(chosen.out / "loss.png")
    twos = [(x, y) for x, y, d_x in zip(X_test, outputs, d_test) if d_x == 1.0][:16]
    others = [(x, y) for x, y, d_x in zip(X_test, outputs, d_test) if d_x == 0.0][:16]
    shown = twos + others
    figure = plots.plot_images([x for x, _ in shown], [f"y = {y:.2f}" for _, [y] in shown])
    figure.savefig(chosen.out / "images.png")

    options.wrote(chosen.out / "loss.png", chosen.out / "images.png")
    if not chosen.quiet:
        print(f"of {found + missed} twos {found} were found; ", end="")
        print(f"of {not_right + taken_for_two} others {taken_for_two} were taken for twos")
    print(
        f"final loss {history.loss[-1]:.6f}, training accuracy {training_accuracy:.1%}, "
        f"test accuracy {accuracy:.1%}"
    )


if __name__ == "__main__":
    main()
