"""Binary recognition: is this 8x8 image of a handwritten digit a 2, or not?

    python demos/is_it_a_two.py --out out/is_it_a_two

Trains on 1,200 of the 1,797 images, of which a tenth are twos, and is tested on the others.
"""

from __future__ import annotations

import random

import options
from digits import split

import nn
from nn import plots


def is_two(digits: list[int]) -> list[float]:
    """The targets: 1 for a two."""
    return [float(digit == 2) for digit in digits]


def main() -> None:
    """Train, test, and draw."""
    parser = options.parser(__doc__, out="out/is_it_a_two")
    parser.add_argument("--train", type=options.count, default=1200, help="images to train on")
    parser.add_argument("--epochs", type=options.count, default=20, help="passes over the data")
    chosen = options.parse(parser)
    options.check_plots()

    (X, digits), (X_test, digits_test) = split(chosen.seed, chosen.train)
    d, d_test = is_two(digits), is_two(digits_test)
    if not X_test:
        parser.error(f"--train {chosen.train}: leaves none of the {len(X)} images to test with")
    model = nn.MLP(64, [16, 1], output="sigmoid", rng=random.Random(chosen.seed))
    history = nn.fit(
        model,
        X,
        d,
        divergence=nn.divergences.binary_kl,
        optimizer=nn.Adam(lr=0.01),
        epochs=chosen.epochs,
        batch_size=32,
        seed=chosen.seed,
        progress=not chosen.quiet,
    )

    options.stop_unless_trained(history)
    training_accuracy = nn.accuracy(nn.predict(model, X), d)
    outputs = nn.predict(model, X_test)
    accuracy = nn.accuracy(outputs, d_test)
    (not_right, taken_for_two), (missed, found) = nn.confusion_matrix(outputs, d_test)
    twos = [(x, y) for x, y, d_x in zip(X_test, outputs, d_test) if d_x == 1.0][:16]
    others = [(x, y) for x, y, d_x in zip(X_test, outputs, d_test) if d_x == 0.0][:16]
    shown = twos + others
    figure = plots.plot_images([x for x, _ in shown], [f"y = {y:.2f}" for _, [y] in shown])

    options.save(history.plot().savefig, chosen.out / "loss.png")
    options.save(figure.savefig, chosen.out / "images.png")
    if not chosen.quiet:
        print(f"of {found + missed} twos {found} were found; ", end="")
        print(f"of {not_right + taken_for_two} others {taken_for_two} were taken for twos")
    print(
        f"final loss {history.loss[-1]:.6f}, training accuracy {training_accuracy:.1%}, "
        f"test accuracy {accuracy:.1%}"
    )


if __name__ == "__main__":
    options.run(main)
