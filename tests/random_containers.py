"""Random data in random containers through fit, predict, risks and metrics, against plain lists.

python tests/random_containers.py 1000 7      so many runs, from this seed

What goes wrong is printed with what it takes to try it again; the exit status says if anything did.
The suite tries some of the same in ``test_data.py``.
"""

from __future__ import annotations

import random
import sys
import warnings
from typing import Any

from test_data import CONTAINERS, assert_alike, results


def main(runs: int, seed: int) -> int:
    """How many of some runs went wrong."""
    warnings.simplefilter("error")
    generator, wrong = random.Random(seed), 0
    for _ in range(runs):
        T, width = generator.randint(1, 6), generator.randint(1, 3)
        X = [[float(generator.randint(0, 1)) for _ in range(width)] for _ in range(T)]
        D = [float(generator.randint(0, 1)) for _ in range(T)]
        rows, numbers = generator.choice([*CONTAINERS]), generator.choice([*CONTAINERS])
        engine = generator.choice(["python"] * 4 + ["numpy"])

        def again(X: Any = X, D: Any = D, rows: str = rows, numbers: str = numbers) -> Any:
            return CONTAINERS[rows][0](X), CONTAINERS[numbers][1](D)

        try:
            assert_alike(results(*again(), engine, width, again), results(X, D, engine, width))
        except Exception as error:
            wrong += 1
            print(f"{rows}, {numbers}, {engine}, {X}, {D}: {type(error).__name__} {error}")
    print(f"{runs} runs, {wrong} wrong")
    return wrong


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])) != 0)
