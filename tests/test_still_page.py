"""The page of ``render(root, "x.html")`` in a browser, and the zoom that it shares with others."""

from __future__ import annotations

from pathlib import Path

import browser
import pytest

import autograd
from autograd import Value, render

LOOKS = Path(__file__).with_name("looks.js").read_text()
PLACE = "const r = svg.getBoundingClientRect(); return [(400 - r.left) / r.width, view.scale]"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture that fits no window, in which the end of the graph is at the right."""
    pytest.importorskip("pygraphviz")
    x = Value(0.5, "x")
    y = x
    for k in range(25):
        y = (y * x).tanh() if k % 5 else y + x
    y.label = "y"
    y.backward()
    place = tmp_path_factory.mktemp("still") / "large.html"
    return render(y, place, rankdir="LR", max_nodes=60)


def wheel(page: browser.Page, down: int, ctrl: bool) -> None:
    event = {"type": "mouseWheel", "x": 400, "y": 300, "deltaX": 0, "deltaY": down}
    page.command("Input.dispatchMouseEvent", {**event, "modifiers": 2 * ctrl})


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_still_page_looks_right(
    page: browser.Page, tmp_path: Path, large: Path, width: int, scheme: str
) -> None:
    root = browser.classes()
    root.backward()
    for path in (large, render(root, tmp_path / "classes.html")):
        page.open(path, width=width, height=800, color_scheme=scheme)
        assert page.run(LOOKS, width < 500, ".root") == []
        grounds = page.run(
            "return ['body', '.stage'].map(s => getComputedStyle(document.querySelector(s))"
            ".backgroundColor)"
        )
        assert len(set(grounds)) == 1  # no seam
    assert page.check_axe(browser.axe()) == []


def test_the_zoom_keeps_what_is_under_the_pointer_and_begins_at_what_can_be_read(
    page: browser.Page, large: Path
) -> None:
    page.open(large)
    before, scale = page.run(PLACE)
    assert scale == 1.0
    wheel(page, -120, ctrl=True)
    page.until(lambda: page.run(PLACE)[1] > 1.2)
    assert page.run(PLACE)[0] == pytest.approx(before, abs=1e-3)
    wheel(page, 120, ctrl=True)
    page.until(lambda: page.run(PLACE)[1] == pytest.approx(1.0))
    for _ in range(12):  # until all of it is seen, and no further
        page.driver.find_element("css selector", "[data-zoom=out]").click()
    boxes = "return [svg, stage].map(e => e.getBoundingClientRect()).map(b => [b.width, b.height])"
    (width, height), (across, down) = page.run(boxes)
    assert width <= across and height <= down and (width > across - 9 or height > down - 9)
    page.driver.find_element("css selector", "[data-zoom=fit]").click()
    assert page.run(PLACE)[1] == 1.0


def test_keys_zoom_and_scroll_but_not_while_something_is_typed(
    page: browser.Page, large: Path
) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    page.open(large)
    left = page.run("return stage.scrollLeft")

    def press(key: str) -> None:
        ActionChains(page.driver, duration=0).send_keys(key).perform()

    press("+")
    assert page.run("return view.scale") == 1.25
    press("-")
    press("0")
    assert page.run("return view.scale") == 1.0
    press(Keys.ARROW_LEFT)
    assert page.run("return stage.scrollLeft") == pytest.approx(left - 60, abs=2)
    page.run(
        "document.body.append(document.createElement('input'));"
        "document.querySelector('input').focus()"
    )
    press("+")
    assert page.run("return [view.scale, document.querySelector('input').value]") == [1.0, "+"]


def test_the_mouse_drags_the_ground_and_fingers_pinch(page: browser.Page, large: Path) -> None:
    from selenium.webdriver import ActionChains

    page.open(large)
    left = page.run("return stage.scrollLeft")
    chain = ActionChains(page.driver, duration=0).move_to_element(page.find(".stage"))
    chain.click_and_hold().move_by_offset(80, 0).move_by_offset(80, 0).release().perform()
    assert page.run("return stage.scrollLeft") == pytest.approx(left - 160, abs=3)
    # A part that is dragged itself keeps its pointer.
    page.run("svg.addEventListener('pointerdown', (event) => event.preventDefault())")
    chain.perform()
    assert page.run("return stage.scrollLeft") == pytest.approx(left - 160, abs=3)
    page.open(large, width=390)
    pinch = {"x": 200, "y": 400, "scaleFactor": 2, "relativeSpeed": 4000}
    page.command("Input.synthesizePinchGesture", pinch)
    assert page.run("return view.scale") > 1.2
    assert page.run("return visualViewport.scale") == 1  # the page itself stays as it is


def test_parts_say_what_they_are_and_come_into_view_when_they_have_the_focus(
    page: browser.Page, large: Path
) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    page.open(large)
    for _ in range(12):
        ActionChains(page.driver, duration=0).send_keys(Keys.TAB).perform()
        if page.run("return document.activeElement.matches('.node')"):
            break
    [text, title] = page.run(
        "return [document.getElementById('about').textContent,"
        "document.activeElement.querySelector('title').textContent]"
    )
    assert text == title and title.startswith("x\ndata = 0.5\n")
    seen = page.run(
        "const [b, s] = [document.activeElement, stage].map(e => e.getBoundingClientRect());"
        "return b.left >= s.left && b.right <= s.right && b.top >= s.top && b.bottom <= s.bottom"
    )
    assert seen
    ActionChains(page.driver, duration=0).send_keys(Keys.ESCAPE).perform()
    assert page.run("return document.getElementById('about').hidden")


def test_a_window_that_changes_shows_all_that_fits_again(
    page: browser.Page, tmp_path: Path
) -> None:
    pytest.importorskip("pygraphviz")
    path = render(autograd.tanh(Value(0.5, "x")), tmp_path / "small.html")
    page.open(path, width=700)
    wide = page.run("return view.scale")
    page.command(
        "Emulation.setDeviceMetricsOverride",
        {"width": 520, "height": 800, "deviceScaleFactor": 1, "mobile": False},
    )
    page.until(lambda: page.run("return view.scale") < wide)


def test_without_scripts_and_on_paper_there_is_the_picture_alone(
    page: browser.Page, large: Path
) -> None:
    page.open(large, script=False)
    assert page.find("svg").rect["width"] > 1280
    assert not page.find("[data-zoom=in]").is_displayed()
    page.open(large, color_scheme="dark")
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    page.command("Emulation.setEmulatedMedia", {"media": "print", "features": dark})
    assert page.find("svg").rect["width"] <= 1280
    assert not page.find("[data-zoom=in]").is_displayed()
    ink = page.run("return getComputedStyle(document.querySelector('h1')).color")
    assert ink == "rgb(31, 41, 51)"  # dark letters, for paper is white
