"""A GPT in one file, of scalars: it learns names letter by letter, and makes up others.

    python demos/tiny_gpt.py --out out/tiny_gpt
    python demos/tiny_gpt.py --engine numpy --steps 5000

A name goes in letter by letter, and after each the model says how likely every letter is to come
next: an embedding of the letter and of its place, attention to the letters so far, and a network
with one hidden layer, as in GPT-2 but with RMS norm, ReLU and no biases (the shape of Karpathy's
microgpt). The eager engine records a graph for each name. With ``--engine numpy`` one graph, of the
longest name, is recorded and lowered: letters become inputs that are 0 or 1, and what is said past
the end of a name counts 0. Both are shown the same names and find the same losses, up to rounding.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import inf, log, sqrt
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import options

import nn
from autograd import Value, dot, logsumexp, lower, relu, softmax, sum
from autograd.text import counted

Vector: TypeAlias = Sequence[Value]
Matrix: TypeAlias = Sequence[Vector]
Cache: TypeAlias = tuple[list[Vector], list[Vector]]  # keys and values of the letters so far

WIDTH, HEADS, LAYERS = 16, 4, 1
END = 0  # the letter that stands before and after each name
NAMES = Path(__file__).parent / "names.txt"


# The model ----------------------------------------------------------------------------------------


class GPT:
    """A transformer.

    Args:
        letters: V, how many different ones there are, the end of a name counted as one.
        places: the longest name with its end.
        rng: draws the weights.
    """

    def __init__(self, letters: int, places: int, rng: random.Random) -> None:
        def matrix(rows: int, columns: int = WIDTH) -> Matrix:
            return [[Value(rng.gauss(0.0, 0.08)) for _ in range(columns)] for _ in range(rows)]

        self.letters, self.places, self.last = matrix(letters), matrix(places), matrix(letters)
        self.layers = [
            {name: matrix(WIDTH) for name in ("query", "key", "value", "mix")}
            | {"hidden": matrix(4 * WIDTH), "output": matrix(WIDTH, 4 * WIDTH)}
            for _ in range(LAYERS)
        ]

    def parameters(self) -> list[Value]:
        """All weights."""
        inner = [W for layer in self.layers for W in layer.values()]
        matrices = [self.letters, self.places, self.last, *inner]
        return [w for W in matrices for row in W for w in row]

    def nothing_seen(self) -> list[Cache]:
        """The caches of a name that begins, one for each layer."""
        return [([], []) for _ in self.layers]

    def next(self, letter: int | Vector, seen: list[Cache]) -> Vector:
        """The logits of what follows a letter.

        Args:
            letter: which of the V it is; or V numbers that are 1 there and 0 elsewhere.
            seen: the caches of the letters before; they take in this one.

        Returns:
            V numbers.
        """
        place = len(seen[0][0])
        if isinstance(letter, int):
            row = self.letters[letter]
        else:  # the same row, in a way that an array program can go
            row = linear([*zip(*self.letters)], letter)
        x = normalized(added(row, self.places[place]))
        for layer, cache in zip(self.layers, seen):
            x = added(x, attention(layer, normalized(x), cache))
            hidden = [relu(h) for h in linear(layer["hidden"], normalized(x))]
            x = added(x, linear(layer["output"], hidden))
        return linear(self.last, x)

    def loss(self, name: Sequence[int]) -> Value:
        """The mean over a name of -log of the probability that each next letter was given."""
        seen, losses = self.nothing_seen(), []
        for letter, following in pairwise(name):
            logits = self.next(letter, seen)
            losses.append(logsumexp(logits) - logits[following])
        return sum(losses) / len(losses)


def attention(layer: dict[str, Matrix], x: Vector, seen: Cache) -> Vector:
    """What a place takes from itself and those before: the mean of their values, each weighted by
    how well its key fits the query, head by head.
    """
    keys, values = seen
    query = linear(layer["query"], x)
    keys.append(linear(layer["key"], x))
    values.append(linear(layer["value"], x))
    size, found = WIDTH // HEADS, list[Value]()
    for start in range(0, WIDTH, size):
        head = slice(start, start + size)
        weights = softmax([dot(query[head], key[head]) / sqrt(size) for key in keys])
        found += [dot(weights, column) for column in zip(*[value[head] for value in values])]
    return linear(layer["mix"], found)


def linear(W: Matrix, x: Vector) -> list[Value]:
    """The product of a matrix and a vector."""
    return [dot(row, x) for row in W]


def normalized(x: Vector) -> list[Value]:
    """A vector over the root of the mean of its squares (RMS norm)."""
    scale = (dot(x, x) / len(x) + 1e-5) ** -0.5
    return [x_i * scale for x_i in x]


def added(x: Vector, y: Vector) -> list[Value]:
    """The sum of two vectors."""
    return [x_i + y_i for x_i, y_i in zip(x, y)]


# Two ways to differentiate it ---------------------------------------------------------------------


class Eager:
    """The loss of a batch of names and its gradient, from graphs that are recorded anew each time.

    Attributes:
        parameters: an array of all weights, to be changed in place.
    """

    def __init__(self, model: GPT, names: Sequence[Sequence[int]]) -> None:
        self.model, self.names, self.weights = model, names, model.parameters()
        self.parameters = np.array([w.data for w in self.weights])

    def __call__(self, batch: Sequence[int]) -> tuple[float, Any]:
        """The mean of the losses of the names with these numbers, and its gradient."""
        self.write_back()
        total = 0.0
        for i in batch:  # one at a time: a small graph stays in the processor's cache
            loss = self.model.loss(self.names[i]) / len(batch)
            loss.backward()
            total += loss.data
        return total, np.array([w.grad for w in self.weights])

    def write_back(self) -> None:
        """Put the parameters into the model, and take its gradients away."""
        for w, number in zip(self.weights, self.parameters.tolist()):
            w.data, w.grad = number, 0.0


class Lowered:
    """The same by an array program for a batch, made of the graph of one name of all places."""

    def __init__(self, model: GPT, names: Sequence[Sequence[int]]) -> None:
        V, places = len(model.letters), len(model.places)
        inputs, losses, seen = list[Value](), list[Value](), model.nothing_seen()
        for _ in range(places):
            letter, following = [[Value(0.0) for _ in range(V)] for _ in range(2)]
            weight = Value(0.0)
            logits = model.next(letter, seen)
            losses.append(weight * (logsumexp(logits) - dot(following, logits)))
            inputs += [*letter, *following, weight]
        program = lower(sum(losses), inputs, wrt=model.parameters())
        self.program = program.bind([instance(name, V, places) for name in names])
        self.parameters, self.write_back = self.program.parameters, self.program.write_back

    def __call__(self, batch: Sequence[int]) -> tuple[float, Any]:
        """The mean of the losses of the names with these numbers, and its gradient."""
        self.program.select(batch)
        return self.program()


def instance(name: Sequence[int], letters: int, places: int) -> list[float]:
    """A name as inputs: at each place its letter, the next one, and how much that counts."""
    pairs = [(name[i], name[i + 1], 1.0 / (len(name) - 1)) for i in range(len(name) - 1)]
    numbers = list[float]()
    for letter, following, weight in pairs + [(END, END, 0.0)] * (places - len(pairs)):
        numbers += [*nn.one_hot(letter, letters), *nn.one_hot(following, letters), weight]
    return numbers


# Training and sampling ----------------------------------------------------------------------------


def train(
    engine: Eager | Lowered, names: int, steps: int, batch: int, rng: random.Random
) -> Iterator[float]:
    """Improve the parameters by Adam, with steps that shrink to nothing: the loss of each batch."""
    adam = nn.Adam(lr=lambda k: 0.01 * (1.0 - k / steps), beta1=0.85, beta2=0.99)
    state = adam.start(len(engine.parameters))
    for _ in range(steps):
        loss, gradient = engine(rng.choices(range(names), k=batch))
        adam.update(engine.parameters, gradient, state)
        yield loss
    engine.write_back()


def sample(model: GPT, temperature: float, rng: random.Random) -> list[int]:
    """A name: each letter drawn by the model's probabilities, which a low temperature sharpens."""
    letter, letters, seen = END, list[int](), model.nothing_seen()
    for _ in model.places:
        chances = softmax([z.data / temperature for z in model.next(letter, seen)])
        [letter] = rng.choices(range(len(chances)), chances)
        if letter == END:
            break
        letters.append(letter)
    return letters


def entropy(names: Sequence[Sequence[int]]) -> float:
    """The loss of a model that knows how frequent each letter is, and nothing else."""
    counts = Counter([letter for name in names for letter in name[1:]])
    total = counts.total()
    return -sum([n / total * log(n / total) for n in counts.values()])


def above_zero(text: str) -> float:
    """A number greater than 0, for ``add_argument(type=...)``."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0.0 < number < inf:
        raise argparse.ArgumentTypeError(f"must be a number greater than 0, got {text!r}")
    return number


def main() -> None:
    """Read the names, train, and make up others."""
    parser = options.parser(__doc__, out="out/tiny_gpt")
    parser.add_argument("--engine", choices=("python", "numpy"), default="python", help="computes")
    parser.add_argument("--steps", type=options.count, default=1000, help="updates of the weights")
    parser.add_argument("--batch", type=options.count, default=4, help="names of a step")
    parser.add_argument("--samples", type=options.count, default=20, help="names to make up")
    parser.add_argument("--temperature", type=above_zero, default=0.5, help="low: likely letters")
    parser.add_argument("--names", type=Path, default=NAMES, help="file of names, or other words")
    chosen = options.parse(parser)
    try:
        words = chosen.names.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        parser.error(f"--names {str(chosen.names)!r}: {error}; name a file of words in UTF-8")
    if not words:
        parser.error(f"--names {str(chosen.names)!r}: there is no word in it")

    alphabet = ["", *sorted(set("".join(words)))]
    names = [[END, *map(alphabet.index, word), END] for word in words]
    rng = random.Random(chosen.seed)
    model = GPT(len(alphabet), max(map(len, words)) + 1, rng)
    engine = (Lowered if chosen.engine == "numpy" else Eager)(model, names)
    if not chosen.quiet:
        weights = len(engine.parameters)
        print(f"{len(words)} names of {len(alphabet) - 1} letters, {weights} weights")
    losses, told, started = list[float](), max(1, chosen.steps // 20), time.perf_counter()
    for loss in train(engine, len(names), chosen.steps, chosen.batch, rng):
        losses.append(loss)
        if len(losses) % told == 0 and not chosen.quiet:
            print(f"step {len(losses):>5}  loss {np.mean(losses[-told:]):.4f}", flush=True)
    if not chosen.quiet:
        taken = time.perf_counter() - started
        print(f"{1e3 * taken / chosen.steps:.2f} ms a step", file=sys.stderr)

    drawn = [sample(model, chosen.temperature, rng) for _ in range(chosen.samples)]
    made = ["".join([alphabet[letter] for letter in name]) for name in drawn]
    if not chosen.quiet:
        print(" ".join(made))
    lines = "".join([f"{loss:.9f}\n" for loss in losses])
    options.save(lambda path: path.write_text(lines), chosen.out / "losses.txt")
    text = "\n".join([*made, ""])
    options.save(lambda path: path.write_text(text, encoding="utf-8"), chosen.out / "samples.txt")
    new = len(set(made) - set(words))
    print(
        f"loss {np.mean(losses[-told:]):.4f} (by the frequency of letters alone it would be "
        f"{entropy(names):.4f}); {counted(len(made), 'name')} made up, {new} new"
    )


if __name__ == "__main__":
    options.run(main)
