"""A page in headless Chromium, in the words of its reader; the fixture ``page`` gives one.

Where there is no Chromium with chromedriver, or no selenium, tests of pages are skipped; with
BROWSER_TESTS=required, as ``.ci/run`` sets it, that is a failure. One browser serves all of them,
one after the other.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
)


def start(profile: Path) -> Any:
    """A browser, which the caller quits."""

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
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(
        options=options, service=webdriver.ChromeService(executable_path=service)
    )


class Page:
    """A page in the browser, in the words of its reader."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, path: Path, *, width: int = 1280, height: int = 800, **media: str) -> Page:
        """Load a file into a window of that size; ``color_scheme="dark"``, for example."""
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
        """Press keys: letters, or what selenium calls them, such as ``"ARROW_RIGHT"``."""
        from selenium.webdriver import ActionChains
        from selenium.webdriver.common.keys import Keys

        keys = [getattr(Keys, name) if len(name) > 1 else name for name in names]
        ActionChains(self.driver, duration=0).send_keys(*keys).perform()
        self.paint()

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


# Graphs that are tried on pages ------------------------------------------------------------------


def named(value: Value, label: str) -> Value:
    value.label = label
    return value


def lecture() -> Value:
    a, b, c, f = Value(2, "a"), Value(-3, "b"), Value(10, "c"), Value(-2, "f")
    e = named(a * b, "e")
    return named(named(e + c, "d") * f, "L")


def reused() -> Value:
    a = Value(1.5, "a")
    b = named(a + a, "b")
    return named(named(b * b, "c") + b, "d")


def softmaxed() -> Value:
    z = [Value(x, f"z{i}") for i, x in enumerate((1.0, -0.5, 2.0), start=1)]
    return named(nn.divergences.cross_entropy(autograd.softmax(z), [0, 0, 1]), "div")
