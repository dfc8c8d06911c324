"""Tests of the page of a pass as its reader meets it: headless Chromium, driven by keys and clicks.

Skipped where there is no Chromium with chromedriver, or no selenium; with BROWSER_TESTS=required,
as ``.ci/run`` sets it, that is a failure. One browser serves all tests.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import autograd
import nn
from autograd import Value, step_through
from autograd.text import signed

# One worker does them all, with one browser.
pytestmark = pytest.mark.xdist_group("browser")

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
DRIVERS = ("chromedriver", "chromium.chromedriver")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
GRADS = (
    "[...document.querySelectorAll('.value')].map("
    "v => ['.name', '.grad'].map(part => v.querySelector(part).textContent))"
)
KINDS = (
    "[...document.querySelectorAll('.value')].map("
    "v => ['pos', 'neg', 'zero', 'other'].filter(kind => v.classList.contains(kind)))"
)
PLACE = (
    "const place = e => { const b = e.getBoundingClientRect();"
    "return [b.left, b.top, b.right, b.bottom] };"
)
DASH = "\u2014"
HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "<!--",
    "]]>",
    "\"'`",
    "a\u2028b\nc",
    "\\u003cb\\",
    "&lt;b&gt;",
    "\u05e9\u05dc\u05d5\u05dd",
    "\u202eright to left",
    "\u540d\u524d",
    "\U0001f9e0",
    "$root {x} %s",
    "long " * 40,
)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    def missing(what: str) -> None:
        if os.environ.get("BROWSER_TESTS") == "required":
            pytest.fail(what)
        pytest.skip(what)

    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    service = next(filter(None, map(shutil.which, DRIVERS)), None)
    if program is None or service is None:
        missing(f"no browser: looked for {', '.join(BROWSERS)} with {' or '.join(DRIVERS)}")
    try:
        from selenium import webdriver
    except ImportError:
        missing("selenium is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    profile = tmp_path_factory.mktemp("profile")
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(
        options=options, service=webdriver.ChromeService(executable_path=service)
    )
    yield chrome
    chrome.quit()


class Page:
    """A page in the browser, in the words of its reader."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, path: Path, *, width: int = 1280, height: int = 800, **media: str) -> Page:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        chosen = {"prefers-color-scheme": "light", "prefers-reduced-motion": "reduce"} | {
            f"prefers-{name.replace('_', '-')}": value for name, value in media.items()
        }
        features = [{"name": name, "value": value} for name, value in chosen.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self.driver.get(path.as_uri())
        return self

    def press(self, *names: str) -> None:
        from selenium.webdriver import ActionChains
        from selenium.webdriver.common.keys import Keys

        keys = [getattr(Keys, name) if len(name) > 1 else name for name in names]
        ActionChains(self.driver, duration=0).send_keys(*keys).perform()

    def click(self, selector: str) -> None:
        self.find(selector).click()

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def run(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    @property
    def where(self) -> str:
        return str(self.find("#where").text)

    @property
    def step(self) -> str:
        """The words of the only step that is shown, on one line."""
        (shown,) = [
            element
            for element in self.driver.find_elements("css selector", ".step")
            if element.is_displayed()
        ]
        return " ".join(shown.text.split())

    @property
    def grads(self) -> dict[str, str]:
        """The gradient that each box shows, by the name that it shows."""
        return dict(self.run(f"return {GRADS}"))

    def walk(self, expression: str) -> list[Any]:
        """What an expression gives after each press of the right arrow, until nothing moves."""
        found: list[Any] = self.run(
            "const found = []; let before;"
            "do { before = document.getElementById('where').textContent;"
            "  document.body.dispatchEvent(new KeyboardEvent('keydown',"
            "    {key: 'ArrowRight', bubbles: true}));"
            f"  found.push({expression});"
            "} while (document.getElementById('where').textContent !== before);"
            "return found"
        )
        return found[:-1]

    def until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < end, "waited for 20 s"
            time.sleep(0.02)


@pytest.fixture
def page(driver: Any) -> Iterator[Page]:
    """A page, whose console must stay empty: no error, and nothing asked for that is blocked."""
    driver.get_log("browser")
    page = Page(driver)
    yield page
    assert driver.get_log("browser") == []
    assert page.run("return performance.getEntriesByType('resource').length") == 0


def lecture() -> Value:
    a, b, c, f = Value(2, "a"), Value(-3, "b"), Value(10, "c"), Value(-2, "f")
    e = a * b
    e.label = "e"
    d = e + c
    d.label = "d"
    L = d * f
    L.label = "L"
    return L


def network() -> Value:
    model = nn.MLP(2, [2, 1], rng=random.Random(0))
    return nn.divergences.l2(model([0.5, -1.0])[0], 1.0)


def infinite() -> Value:
    x = Value(0.0, "x")
    w = Value(-2.0, "w")
    return autograd.log(x) * 0.0 + autograd.sqrt(w) + w * 3


def narrow() -> Value:
    """The gradient of x takes four times the room that its data and its name take."""
    x = Value(3.0, "x")
    return x * 1.23456e-7 - x * 2.34567e-12


def reused() -> Value:
    a = Value(1.5, "a")
    b = a + a
    b.label = "b"
    return b * b + b


@pytest.fixture(scope="module")
def saved(driver: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The page of a graph, at a position; each is written once."""
    folder = tmp_path_factory.mktemp("pages")

    def save(make: Callable[[], Value], position: int = 0) -> Path:
        path: Path = folder / f"{make.__name__}{position}.html"
        if not path.exists():
            stepper = step_through(make())
            while stepper.position < position:
                stepper.next()
            assert stepper.save(path) == path
        return path

    return save


# Worked by hand. The pass is L, d, f, e, c, a, b; each step says what is new after it.
LECTURE = [{"L": "+1", "d": "-2", "f": "+4"}, {"e": "-2", "c": "-2"}, {}, {"a": "+6", "b": "-4"}]
NOTHING = dict.fromkeys("abcdefL", DASH)


def test_the_keyboard_alone_drives_everything(page: Page, saved: Callable[..., Path]) -> None:
    page.open(saved(lecture))
    assert page.where == "0 / 7"
    shown = dict(NOTHING)
    assert page.grads == shown
    for number, news in enumerate([*LECTURE, {}, {}, {}], start=1):
        page.press("ARROW_RIGHT")
        shown |= news
        assert (page.where, page.grads) == (f"{number} / 7", shown)
    page.press("ARROW_RIGHT")
    assert page.where == "7 / 7"
    page.press("ARROW_LEFT", "ARROW_LEFT", "ARROW_LEFT", "ARROW_LEFT")
    assert (page.where, page.grads["a"], page.grads["e"]) == ("3 / 7", DASH, "-2")
    page.press("END")
    assert (page.where, page.grads["a"]) == ("7 / 7", "+6")
    page.press("HOME")
    assert (page.where, page.grads) == ("0 / 7", NOTHING)
    page.press("ARROW_LEFT")
    assert page.where == "0 / 7"
    page.press("SPACE")
    page.until(lambda: page.where != "0 / 7")
    page.press("SPACE")
    assert page.find("#play").get_attribute("aria-label") == "Play"


def test_a_step_says_the_chain_rule_with_symbols_and_numbers(
    page: Page, saved: Callable[..., Path]
) -> None:
    page.open(saved(lecture, 4))
    assert page.where == "4 / 7"
    assert page.step == (
        "Step 4 of 7 e = a * b "
        "dL / de = -2 1/1 consumers reported "
        "dL / da = dL / de · de / da = -2 · -3 = +6 with de / da = b = -3 "
        f"grad of a {DASH} → +6 1/1 consumers reported "
        "dL / db = dL / de · de / db = -2 · +2 = -4 with de / db = a = +2 "
        f"grad of b {DASH} → -4 1/1 consumers reported"
    )
    page.open(saved(reused, 3))
    assert page.grads == {"a": DASH, "b": "+7", "v3": "+1", "v4": "+1"} | {"a": "+14"}
    page.press("ARROW_LEFT")
    assert (
        "contribution to dv4 / db = dv4 / dv3 · local derivative = +1 · +3 = +3 "
        "with local derivative = b = +3 (operand 2)"
    ) in page.step
    assert "(operand 2) grad of b +4 → +7 3/3 consumers reported" in page.step
    assert "grad of b +1 → +4 2/3 consumers reported" in page.step
    assert page.find("#v3 .count").text == "3/3"
    page.press("ARROW_LEFT")
    assert (page.grads["b"], page.find("#v3 .count").text) == ("+1", "1/3")
    page.press("HOME")
    assert page.step.startswith("Before the pass")
    page.press("END")
    assert page.step.endswith("every gradient is final.")


def test_what_a_step_does_stands_out_with_the_sign_that_it_has(
    page: Page, saved: Callable[..., Path]
) -> None:
    def marks(*ids: str) -> list[set[str]]:
        script = "return arguments[0].map(id => [...document.getElementById(id).classList])"
        kinds = {"now", "carried", "pos", "neg", "zero", "other"}
        return [kinds & set(names) for names in page.run(script, ids)]

    page.open(saved(lecture, 4))
    assert marks("v4", "v1", "v6", "v7") == [{"now", "neg"}, {"pos"}, {"pos"}, {"neg"}]
    assert marks("v4_in1", "v4_in2") == [{"now", "carried", "pos"}, {"now", "carried", "neg"}]
    assert marks("v1_in1", "v1_in2", "v4_out") == [{"carried", "neg"}, {"carried", "pos"}, set()]
    page.press("ARROW_LEFT")
    assert marks("v3", "v4", "v6", "v4_in1") == [{"now", "pos"}, {"neg"}, set(), set()]
    page.open(saved(infinite))
    page.press("END")
    grads = page.grads
    kinds = {name: kind for name, (kind,) in zip(grads, page.run(f"return {KINDS}"))}
    assert {kinds[name] for name, grad in grads.items() if grad == "nan"} == {"other"}
    assert {kinds[name] for name, grad in grads.items() if grad in ("+0", "-0")} == {"zero"}


@pytest.mark.parametrize("make", [network, infinite, reused])
def test_every_moment_shows_what_the_stepper_has_written(
    make: Callable[[], Value], page: Page, saved: Callable[..., Path]
) -> None:
    page.open(saved(make))
    root = make()
    stepper = step_through(root)
    names = stepper.steps.names
    reached: set[Value] = set()
    moments = page.walk(GRADS)
    assert len(moments) == len(stepper.steps)
    for step, shown in zip(stepper.steps, moments):
        stepper.next()
        reached |= {root, *(edge.operand for edge in step.edges)}
        assert dict(shown) == {
            names[node]: signed(node.grad) if node in reached else DASH for node in names
        }
    assert {signed(node.grad) for node in names} >= ({"nan"} if make is infinite else {"+1"})


def test_each_control_does_what_it_says(page: Page, saved: Callable[..., Path]) -> None:
    page.open(saved(lecture))

    def enabled() -> set[str]:
        buttons = page.driver.find_elements("css selector", ".controls button")
        return {
            str(button.get_attribute("aria-label")) for button in buttons if button.is_enabled()
        }

    assert enabled() == {"Play", "Next", "Last"}
    page.click("#next")
    page.click("#next")
    assert page.where == "2 / 7"
    assert enabled() == {"First", "Previous", "Play", "Next", "Last"}
    page.click("#previous")
    assert page.where == "1 / 7"
    page.click("#last")
    assert page.where == "7 / 7"
    assert enabled() == {"First", "Previous", "Play"}
    page.click("#first")
    assert page.where == "0 / 7"
    page.run("document.getElementById('slider').focus()")
    page.press("ARROW_RIGHT")
    assert page.where == "1 / 7"
    page.press("END")
    assert page.where == "7 / 7"
    page.run("slider.value = 4; slider.dispatchEvent(new Event('input'))")
    assert (page.where, page.grads["b"]) == ("4 / 7", "-4")
    assert page.run("return slider.getAttribute('aria-valuetext')").startswith("Step 4 of 7: e")
    before = page.find(".frame").size["width"]
    page.click("#larger")
    assert page.find(".frame").size["width"] > before
    page.click("#fit")
    assert page.find(".frame").size["width"] == before
    page.press("-")
    assert page.find(".frame").size["width"] < before


def test_playing_goes_to_the_end_stops_there_and_begins_again(
    page: Page, saved: Callable[..., Path]
) -> None:
    page.open(saved(reused, 3))
    # In one go with the click, for the playing does not wait for a slow machine.
    click = "const play = document.getElementById('play'); play.click();"
    assert page.run(click + "return play.getAttribute('aria-label')") == "Pause"
    page.until(lambda: page.where == "4 / 4")
    assert page.find("#play").get_attribute("aria-label") == "Play"
    assert page.run(click + "return document.getElementById('where').textContent") == "0 / 4"
    page.click("#next")
    assert page.find("#play").get_attribute("aria-label") == "Play"


def test_a_node_leads_to_its_step_by_click_and_by_key(
    page: Page, saved: Callable[..., Path]
) -> None:
    page.open(saved(lecture))
    page.click("#v4 .data")
    assert (page.where, page.step[:22]) == ("4 / 7", "Step 4 of 7 e = a * b ")
    page.click("#v1_op")
    assert page.where == "1 / 7"
    page.run("document.getElementById('v2').focus()")
    page.press("ENTER")
    assert page.where == "2 / 7"
    page.run("document.getElementById('v7').focus()")
    page.press("SPACE")
    assert page.where == "7 / 7"
    assert page.find("#play").get_attribute("aria-label") == "Play"


def test_nodes_are_buttons_with_names_that_say_all(page: Page, saved: Callable[..., Path]) -> None:
    page.open(saved(lecture, 1))
    boxes = page.driver.find_elements("css selector", ".value")
    assert {(box.get_attribute("role"), box.get_attribute("tabindex")) for box in boxes} == {
        ("button", "0")
    }
    named = {box.get_attribute("aria-label") for box in boxes}
    assert "d: e + c, data +4, step 2, gradient -2" in named
    assert "a: leaf, data +2, step 6, gradient not yet known" in named
    assert page.find("[aria-current=step]").get_attribute("id") == "v1"
    seen = []
    for _ in range(12):
        page.press("TAB")
        seen.append(page.run("return document.activeElement.id"))
    assert {f"v{number}" for number in range(1, 8)} <= set(seen)
    assert page.find("#spoken").get_attribute("aria-live") == "polite"
    assert page.find("#spoken").get_attribute("textContent") == (
        "Step 1 of 7: L; dL/dL = +1; d receives -2; f receives +4"
    )


def test_labels_are_text(page: Page, driver: Any, tmp_path: Path) -> None:
    leaves = [Value(k, label) for k, label in enumerate(HOSTILE, start=1)]
    root = autograd.sum(leaves)
    root.label = "<img src=x onerror=alert(3)>"
    stepper = step_through(root)
    page.open(stepper.save(tmp_path / "hostile.html"), width=360, height=640)
    names = set(stepper.steps.names.values())
    assert set(page.grads) == names
    assert '"<script>alert(1)</script>"' in names
    assert page.driver.find_elements("css selector", "img, .step script, .frame script") == []
    seen = page.walk(
        "[sections[current].querySelector('h2 bdi').textContent,"
        " sections[current].scrollWidth - sections[current].clientWidth]"
    )
    assert len(seen) == len(names)
    for step, (heading, overflow) in zip(stepper.steps, seen):
        assert heading.startswith(f"{stepper.steps.names[step.node]} = ")
        assert overflow <= 0, heading


def test_the_policy_is_strict_and_in_force(page: Page, saved: Callable[..., Path]) -> None:
    page.open(saved(lecture))
    policy = page.find("meta[http-equiv]").get_attribute("content")
    assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy
    page.run(
        "const s = document.createElement('script'); s.textContent = 'window.broken = 1';"
        "document.body.append(s);"
        "const i = document.createElement('img'); i.src = 'picture.png'; document.body.append(i);"
    )
    assert page.run("return window.broken") is None
    complaints: list[str] = []

    def both_were_blocked() -> bool:
        complaints.extend(entry["message"] for entry in page.driver.get_log("browser"))
        return all(any(kind in text for text in complaints) for kind in ("script-src", "img-src"))

    page.until(both_were_blocked)
    page.open(saved(lecture))


@pytest.mark.parametrize(("width", "height"), [(360, 640), (390, 844), (844, 390), (1280, 800)])
def test_on_every_window_the_controls_and_the_current_node_are_in_view(
    page: Page, saved: Callable[..., Path], width: int, height: int
) -> None:
    page.open(saved(network), width=width, height=height)
    assert page.run("return document.documentElement.scrollWidth") <= width
    controls = page.run(
        PLACE + "return [...document.querySelectorAll("
        "'.controls button, #slider, #where')].map(place)"
    )
    assert len(controls) == 7
    for left, top, right, bottom in controls:
        assert 0 <= left < right <= width and 0 <= top < bottom <= height
    page.run(PLACE + "window.place = place")
    seen = page.walk("['.scroll', '.value.now'].map(s => place(document.querySelector(s)))")
    assert len(seen) > 20
    for pane, box in seen:
        assert pane[0] <= box[0] + 1 and box[2] - 1 <= pane[2]
        assert pane[1] <= box[1] + 1 and box[3] - 1 <= pane[3]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_light_and_dark(
    page: Page, saved: Callable[..., Path], scheme: str
) -> None:
    page.open(saved(network, 9), color_scheme=scheme)
    background = numbers(page.run("return getComputedStyle(document.body).backgroundColor"))
    assert (luminance(background) > 0.5) == (scheme == "light")
    pairs = page.run(
        "const style = (e, p) => e && getComputedStyle(e)[p];"
        "const step = sections[current];"
        "const at = [...document.querySelectorAll('.value')].flatMap(v => {"
        "  const card = style(v.querySelector('path'), 'fill');"
        "  return [...v.querySelectorAll('text')].map(t => [style(t, 'fill'), card]); });"
        "const op = [...document.querySelectorAll('.operation')].map(o =>"
        "  [style(o.querySelector('text'), 'fill'), style(o.firstElementChild, 'fill')]);"
        "const words = [...step.querySelectorAll('*')].map(e =>"
        "  [style(e, 'color'), style(step, 'backgroundColor')]);"
        "return [...at, ...op, ...words]"
    )
    assert len(pairs) > 100
    for ink, paper in pairs:
        light, dark = sorted([luminance(numbers(ink)), luminance(numbers(paper))], reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, paper)


def numbers(colour: str) -> list[float]:
    return [float(part) for part in colour[colour.index("(") + 1 : -1].split(",")][:3]


def luminance(rgb: list[float]) -> float:
    """The relative luminance of WCAG 2."""
    shares = [part / 255 for part in rgb]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_nothing_moves_where_motion_is_unwanted(page: Page, saved: Callable[..., Path]) -> None:
    script = "return getComputedStyle(document.querySelector('.edge path')).transitionDuration"
    page.open(saved(lecture), reduced_motion="no-preference")
    assert set(page.run(script)) & set("123456789")
    page.open(saved(lecture), reduced_motion="reduce")
    assert not set(page.run(script)) & set("123456789")


@pytest.mark.parametrize("make", [network, infinite, narrow])
def test_boxes_stay_where_they_are_and_texts_within_them(
    make: Callable[[], Value], page: Page, saved: Callable[..., Path]
) -> None:
    page.open(saved(make))
    page.run(
        "window.box = e => { const b = e.getBBox();"
        "return [b.x, b.y, b.x + b.width, b.y + b.height] };"
        "window.texts = v => [...v.querySelectorAll('text')].filter(t => t.textContent)"
        ".map(t => [t.textContent, ...box(t)])"
    )
    cards = "[...document.querySelectorAll('.value')].map(v => box(v.querySelector('path')))"
    at_first = page.run(f"return {cards}")
    moments = page.walk(f"[{cards}, [...document.querySelectorAll('.value')].map(texts)]")
    assert len(moments) == int(page.where.partition("/ ")[2])
    for now, written in moments:
        assert now == at_first
        for (left, top, right, bottom), texts in zip(now, written):
            for words, x1, y1, x2, y2 in texts:
                assert left <= x1 and x2 <= right, words
                assert top <= y1 + 4 and y2 - 4 <= bottom, words


def test_of_a_large_graph_the_part_around_the_position_is_shown(page: Page, tmp_path: Path) -> None:
    x = Value(1.0, "x")
    y = x
    for _ in range(2000):
        y = y + x
    stepper = step_through(y)
    stepper.until(stepper.steps[999].node)
    stepper.next()
    page.open(stepper.save(tmp_path / "large.html"))
    assert page.where == "1,000 / 2,001"
    notice = page.find(".notice").text
    drawn = len(page.driver.find_elements("css selector", ".value"))
    assert 20 <= drawn <= 60
    assert notice.startswith("Too large") and f"{2001 - drawn:,} are hidden" in notice
    assert "Step 1,000 of 2,001" in page.step
    # All but the first of the 1000 steps so far have added 1 to x.
    assert page.grads["x"] == "+1000"
    page.press("END")
    assert (page.where, page.grads["x"]) == ("2,001 / 2,001", "+2001")
    page.press("HOME")
    assert set(page.grads.values()) == {DASH}


def test_paper_gets_the_graph_and_the_step_and_no_buttons(
    page: Page, saved: Callable[..., Path]
) -> None:
    page.open(saved(lecture, 4))
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert not page.find(".controls").is_displayed()
        assert page.find(".frame").is_displayed() and page.step.startswith("Step 4 of 7")
    finally:
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
