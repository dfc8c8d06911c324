"""How live pages look: five graphs and a classifier, three windows, light and dark, in every mode.

python tests/live_looks.py FOLDER       writes a screenshot of each and says what is wrong with it

What is wrong is found by ``looks.js``, in the page, and by axe-core: a page wider than its window,
a current card that is not seen whole, text under 10 pixels, texts over each other, contrast under
4.5 for texts and 3 for lines, and targets under 44 pixels where there are fingers.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

from browser import GRAPHS, Page, axe, start

import nn
from autograd import Value, live

WINDOWS = ((1400, 900), (1280, 720), (390, 844))
SCHEMES = ("light", "dark")
LOOKS = Path(__file__).with_name("looks.js").read_text()
# What must be seen whole at first: where the pass begins, or where it stands.
CURRENT = "#picture .card.now, #picture .card.root"


def page_of(make: Callable[[], Value]) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        live(make(), path)
        return path

    return write


def classifier(path: Path) -> Path:
    X, D = nn.datasets.moons(60, seed=1)
    model = nn.MLP(2, [6, 1], output="sigmoid", rng=random.Random(0))
    nn.live(model, X, D, nn.divergences.binary_kl, path)
    return path


PAGES = {name: page_of(make) for name, make in GRAPHS.items()} | {"classifier": classifier}


def modes(page: Page) -> list[str]:
    found: list[str] = page.run(
        "return [...document.querySelectorAll('#modes button')].map(b => b.dataset.mode)"
    )
    return found


def problems(page: Page, width: int, script: str = "") -> Iterator[str]:
    """What is wrong with what a page shows now."""
    page.paint()
    yield from page.run(LOOKS, width < 500, CURRENT)
    if script:
        yield from page.check_axe(script)


def looks(page: Page, folder: Path, only: list[str], script: str) -> Iterator[tuple[str, str]]:
    """Every look, by its name, with what is wrong with it."""
    for name, make in PAGES.items():
        if only and name not in only:
            continue
        path = make(folder / f"{name}.html")
        for (width, height), scheme in product(WINDOWS, SCHEMES):
            page.open(path, width=width, height=height, color_scheme=scheme)
            for mode in modes(page):
                page.run("stepgrad.mode(arguments[0])", mode)
                shot = f"{name}-{width}-{scheme}-{mode}"
                yield shot, "\n    ".join(problems(page, width, script))
                page.driver.save_screenshot(str(folder / f"{shot}.png"))
        for line in page.driver.get_log("browser"):
            yield f"{name}: console", line["message"]


def main() -> None:
    folder, *only = sys.argv[1:]
    Path(folder).mkdir(exist_ok=True)
    count = found = 0
    with tempfile.TemporaryDirectory() as profile:
        driver = start(Path(profile))
        try:
            for shot, wrong in looks(Page(driver), Path(folder), only, axe()):
                count, found = count + 1, found + bool(wrong)
                if wrong:
                    print(f"{shot}:\n    {wrong}")
        finally:
            driver.quit()
    print(f"{count} looks, {found} with something wrong")
    sys.exit(found > 0)


if __name__ == "__main__":
    main()
