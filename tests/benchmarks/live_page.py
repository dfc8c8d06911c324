"""How long a move takes in the live page, and a file to load, by the size of a graph.

python tests/benchmarks/live_page.py

A move is measured in headless Chromium from ``app.set`` until the frame that shows it is
there, and without waiting for one: what the page itself computes and paints. Loading is from the
beginning of the navigation to the first frame after the page is built. Medians, and the least in
brackets. Run it by itself.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from browser import Page, network, start

from autograd import live

MOVES, LOADS = 41, 5
# Points of the two moons, and the widths of a network on them: so many nodes.
SIZES = ((20, (4, 1)), (61, (8, 4, 1)), (52, (16, 16, 1)))

MOVE = """
const [count, done] = arguments, times = [], own = [];
const leaf = app.pass.trainable[0], from = app.graph.data[leaf];
const frame = () => new Promise((then) => requestAnimationFrame(then));
(async () => {
  for (let k = 1; k <= count; k++) {
    await frame();
    const start = performance.now();
    app.set(leaf, from + k / 100);
    await frame();  // in which the page paints; a task comes when that is done
    await new Promise((then) => setTimeout(then));
    times.push(performance.now() - start);
    const begin = performance.now();
    app.graph.set(leaf, from - k / 100);
    app.paint();
    own.push(performance.now() - begin);
  }
  done([times, own]);
})();
"""
LOADED = """
const done = arguments[0];
requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now())));
"""


def told(times: list[float]) -> str:
    return f"{statistics.median(times):8.1f} ({min(times):.1f})"


def measure(page: Page, path: Path) -> tuple[Any, Any, list[float]]:
    page.open(path, width=1400, height=900)
    times, own = page.driver.execute_async_script(MOVE, MOVES)
    loads = []
    for _ in range(LOADS):
        page.open(path, width=1400, height=900)
        loads.append(page.driver.execute_async_script(LOADED))
    return times, own, loads


def main() -> None:
    print("   nodes  file/kB   move to frame/ms   without frame/ms            load/ms")
    with tempfile.TemporaryDirectory() as folder:
        driver = start(Path(folder) / "profile")
        try:
            driver.set_script_timeout(300)
            page = Page(driver)
            for points, widths in SIZES:
                path = live(network(points, widths), Path(folder) / "page.html")
                assert isinstance(path, Path)
                times, own, loads = measure(page, path)
                nodes = page.run("return app.graph.size")
                size = path.stat().st_size / 1000
                print(
                    f"{nodes:8,} {size:8,.0f} {told(times):>18} {told(own):>18} {told(loads):>18}"
                )
        finally:
            driver.quit()


if __name__ == "__main__":
    main()
