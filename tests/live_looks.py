"""How live pages look: five graphs, three windows, light and dark, in every mode.

python tests/live_looks.py FOLDER       writes a screenshot of each and says what is wrong with it

What is wrong is found by ``looks.js``, in the page, and by axe-core: a page wider than its window,
a current card that is not seen whole, text under 10 pixels, texts over each other, contrast under
4.5 for texts and 3 for lines, and targets under 44 pixels where there are fingers.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from browser import GRAPHS, Page, axe, chromium

from autograd import live

WINDOWS = ((1400, 900), (1280, 720), (390, 844))
SCHEMES = ("light", "dark")
LOOKS = Path(__file__).with_name("looks.js").read_text()
# What must be seen whole at first: where the pass begins, or where it stands.
CURRENT = "#picture .card.now, #picture .card.root"


def modes(page: Page) -> list[str]:
    found: list[str] = page.run(
        "return [...document.querySelectorAll('#modes button')].map(b => b.dataset.mode)"
    )
    return found


def problems(page: Page, width: int, script: str = "") -> Iterator[str]:
    """What is wrong with what a page shows now."""
    page.painted()
    yield from page.run(LOOKS, width < 500, CURRENT)
    if script:
        yield from page.check_axe(script)


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    script, count, found = axe(), 0, 0
    with tempfile.TemporaryDirectory() as place, chromium(Path(place)) as driver:
        page = Page(driver)
        for name, make in GRAPHS.items():
            if len(sys.argv) > 2 and name not in sys.argv[2:]:
                continue
            path = live(make(), folder / f"{name}.html")
            assert isinstance(path, Path)
            for (width, height), scheme in product(WINDOWS, SCHEMES):
                page.open(path, width=width, height=height, color_scheme=scheme)
                for mode in modes(page):
                    page.run("stepgrad.mode(arguments[0])", mode)
                    page.painted()
                    shot = folder / f"{name}-{width}-{scheme}-{mode}.png"
                    wrong = list(problems(page, width, script))
                    driver.save_screenshot(str(shot))
                    count, found = count + 1, found + bool(wrong)
                    for sentence in wrong:
                        print(f"{shot.stem}: {sentence}")
            for line in driver.get_log("browser"):
                print(f"{name}: console: {line['message']}")
    print(f"{count} looks, {found} with something wrong")
    sys.exit(found > 0)


if __name__ == "__main__":
    main()
