"""README's moving picture: a weight of a neuron is dragged in its live page, and all follows.

python tests/draw_drag.py demos/pictures/live.gif

needs what the tests of pages need, a Chromium with chromedriver and selenium, and Pillow.
"""

from __future__ import annotations

import io
import math
import sys
import tempfile
from pathlib import Path

from browser import Page, start
from PIL import Image, ImageDraw

from autograd import Value, live, tanh

SIZE = {"width": 1120, "height": 660}
FRAMES, MILLISECONDS = 30, 90
HAND = [(0, 0), (0, 17), (4, 13), (7, 20), (10, 19), (7, 12), (12, 12)]


def neuron(path: Path) -> Path:
    w, x, b = Value(-3.0, "w"), Value(2.0, "x"), Value(6.88, "b")
    y = tanh(w * x + b)
    y.label = "y"
    return live(y, path, trainable=[w])


def frames(page: Page) -> list[Image.Image]:
    """The page while the hand goes to the right, to the left and back."""
    box = page.run(
        "const b = document.getElementById(`node-${app.place('w')}`).getBoundingClientRect();"
        "return [b.left + 0.4 * b.width, b.top + 0.5 * b.height];"
    )
    found = []
    mouse(page, "mousePressed", *box)
    for k in range(FRAMES):
        at = box[0] + 62 * math.sin(2 * math.pi * k / FRAMES), box[1]
        mouse(page, "mouseMoved", *at)
        page.run("app.paint()")
        picture = Image.open(io.BytesIO(page.driver.get_screenshot_as_png())).convert("RGB")
        outline = [(at[0] + dx, at[1] + dy) for dx, dy in HAND]
        ImageDraw.Draw(picture).polygon(outline, fill="#1f2933", outline="#ffffff")
        found.append(picture)
    mouse(page, "mouseReleased", *box)
    return found


def mouse(page: Page, kind: str, x: float, y: float) -> None:
    event = {"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1}
    page.driver.execute_cdp_cmd("Input.dispatchMouseEvent", event)


def main(path: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        driver = start(Path(folder) / "profile")
        try:
            page = Page(driver).open(neuron(Path(folder) / "neuron.html"), **SIZE)
            pictures = frames(page)
        finally:
            driver.quit()
    # One palette for all, so that nothing flickers.
    both = Image.new("RGB", (SIZE["width"], 2 * SIZE["height"]))
    both.paste(pictures[0])
    both.paste(pictures[FRAMES // 4], (0, SIZE["height"]))
    palette = both.quantize(128, dither=Image.Dither.NONE)
    drawn = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    first, *others = drawn
    timing = {"duration": MILLISECONDS, "loop": 0}
    first.save(path, save_all=True, append_images=others, optimize=True, **timing)


if __name__ == "__main__":
    main(*sys.argv[1:])
