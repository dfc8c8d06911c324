"""Pages as their reader meets them: a headless Chromium, driven by keys, clicks and fingers.

The fixture ``page`` gives one. Where there is no Chromium with chromedriver, or no selenium, tests
of pages are skipped; with BROWSER_TESTS=required, as ``.ci/run`` sets it, that is a failure. Each
process of pytest has one browser, for one test after the other.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any, NoReturn

import pytest

import autograd
import nn
from autograd import Value

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
    "--hide-scrollbars",
)


def missing(what: str) -> NoReturn:
    if os.environ.get("BROWSER_TESTS") == "required":
        pytest.fail(what)
    pytest.skip(what)


def start(profile: Path) -> Any:
    """A browser, which the caller quits."""
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
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(
        options=options, service=webdriver.ChromeService(executable_path=service)
    )


def axe() -> str:
    """The script of axe-core, which finds what keeps people from using a page."""
    chosen = os.environ.get("AXE")  # a newer one, such as that of npm
    if chosen:
        return Path(chosen).read_text()
    try:
        return resources.files("axe_core_python").joinpath("axe.min.js").read_text()
    except ModuleNotFoundError:
        missing("axe-core-python is not installed")


class Page:
    """A page in the browser, in the words of its reader."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(
        self,
        path: Path,
        *,
        width: int = 1280,
        height: int = 800,
        fragment: str = "",
        script: bool = True,
        **media: str,
    ) -> Page:
        """Show a file in a window of this size; one narrower than 500 pixels is a phone's.

        Args:
            path: the file.
            width: of the window.
            height: of the window.
            fragment: what stands behind ``#`` in the address.
            script: whether scripts run.
            media: what the reader prefers, such as ``color_scheme="dark"``.
        """
        phone = width < 500
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        self.command("Emulation.setDeviceMetricsOverride", metrics)
        self.command("Emulation.setTouchEmulationEnabled", {"enabled": phone, "maxTouchPoints": 1})
        self.command("Emulation.setScriptExecutionDisabled", {"value": not script})
        chosen = {"prefers-color-scheme": "light", "prefers-reduced-motion": "reduce"} | {
            f"prefers-{name.replace('_', '-')}": value for name, value in media.items()
        }
        features = [{"name": name, "value": value} for name, value in chosen.items()]
        self.command("Emulation.setEmulatedMedia", {"media": "", "features": features})
        self.driver.get("about:blank")  # so that a new fragment loads the page anew
        self.driver.get(path.as_uri() + fragment)
        return self

    def command(self, name: str, arguments: dict[str, Any]) -> Any:
        """A command to the browser itself."""
        return self.driver.execute_cdp_cmd(name, arguments)

    def press(self, *names: str, **held: bool) -> None:
        """Press keys: letters, or what selenium calls them, such as ``"ARROW_RIGHT"``.

        With ``shift=True`` or ``alt=True`` those are held meanwhile.
        """
        from selenium.webdriver import ActionChains
        from selenium.webdriver.common.keys import Keys

        chain = ActionChains(self.driver, duration=0)
        for key in held:
            chain.key_down(getattr(Keys, key.upper()))
        chain.send_keys(*[getattr(Keys, name) if len(name) > 1 else name for name in names])
        for key in held:
            chain.key_up(getattr(Keys, key.upper()))
        chain.perform()
        self.paint()

    def drag(self, selector: str, right: int, down: int = 0) -> None:
        """Take an element by the mouse and move it in some steps."""
        from selenium.webdriver import ActionChains

        chain = ActionChains(self.driver, duration=0).move_to_element(self.find(selector))
        chain.click_and_hold()
        for _ in range(5):
            chain.move_by_offset(right // 5, down // 5)
        chain.release().perform()
        self.paint()

    def swipe(self, selector: str, right: int, down: int = 0) -> None:
        """Take an element by a finger and move it in some steps."""
        x, y = self.run(
            "const b = document.querySelector(arguments[0]).getBoundingClientRect();"
            "return [b.x + b.width / 2, b.y + b.height / 2]",
            selector,
        )
        self.touch("touchStart", [{"x": x, "y": y}])
        for k in range(1, 6):
            self.touch("touchMove", [{"x": x + right * k / 5, "y": y + down * k / 5}])
        self.touch("touchEnd", [])
        self.paint()

    def touch(self, kind: str, points: list[dict[str, float]]) -> None:
        self.command("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def click(self, selector: str) -> None:
        self.find(selector).click()
        self.paint()

    def paint(self) -> None:
        """Do not wait for the next frame."""
        self.run("app.paint()")

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def run(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def text(self, selector: str) -> str:
        """All text in an element, on one line, whatever of it is seen."""
        found = self.run("return document.querySelector(arguments[0]).textContent", selector)
        return " ".join(str(found).split())

    @property
    def focused(self) -> str:
        """The id of the element that has the focus."""
        return str(self.run("return document.activeElement.id"))

    def until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < end, "waited for 20 s"
            time.sleep(0.02)

    def check_axe(self, script: str) -> list[str]:
        """What axe-core finds wrong."""
        self.run(f"if (!window.axe) {{ {script} }}; window.axe = window.axe ?? axe")
        found = self.driver.execute_async_script(
            "const done = arguments[0];"
            "axe.run(document, {rules: {'label-content-name-mismatch': {enabled: true}},"
            "  resultTypes: ['violations']}).then(done, (error) => done(String(error)))"
        )
        assert isinstance(found, dict), found
        told = [line["message"] for line in self.driver.get_log("browser")]
        assert all("Canvas2D" in message for message in told), told  # axe's own
        return [
            f"{rule['impact']} {rule['id']}: {node['html'][:120]}"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]


# Five graphs ------------------------------------------------------------------------------------


def named(value: Value, label: str) -> Value:
    value.label = label
    return value


def expression() -> Value:
    a, b, c, f = Value(2, "a"), Value(-3, "b"), Value(10, "c"), Value(-2, "f")
    e = named(a * b, "e")
    return named(named(e + c, "d") * f, "L")


def neuron() -> Value:
    w1, x1, w2, x2 = Value(-3, "w1"), Value(2, "x1"), Value(1, "w2"), Value(0.5, "x2")
    y = named(autograd.tanh(w1 * x1 + w2 * x2 + Value(6.88, "b")), "y")
    return named(nn.divergences.l2(y, Value(1, "d")), "div")


def reused() -> Value:
    a = Value(1.5, "a")
    b = named(a + a, "b")
    return named(named(b * b, "c") + b, "d")


def classes() -> Value:
    z = [Value(x, f"z{i}") for i, x in enumerate([1.0, -0.5, 2.0], start=1)]
    return named(nn.divergences.cross_entropy(autograd.softmax(z), [0, 0, 1]), "div")


def network(points: int = 20, widths: tuple[int, ...] = (4, 1)) -> Value:
    X, D = nn.datasets.moons(points, seed=1)
    model = nn.MLP(2, list(widths), output="sigmoid", rng=random.Random(0))
    return nn.EmpiricalRisk(model, nn.divergences.binary_kl)(X, D)


GRAPHS = {make.__name__: make for make in (expression, neuron, reused, classes, network)}
