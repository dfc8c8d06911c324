"""What every test starts from."""

import itertools
import os

# Each of pytest's processes has one core to itself, and threads of NumPy's would wait for another.
# NumPy reads this when it is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# What is printed here is as wide as where there is no terminal, whatever somebody's shell says.
os.environ.pop("COLUMNS", None)

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import browser
import pytest

from autograd import Value, core, step_through
from autograd.core.table import BUILT_IN, EVERY, OPS
from autograd.page import page as pages
from autograd.page.still import Still
from autograd.stepping.stepper import Stepper
from nn import layers


def pytest_configure() -> None:
    """``CORE_TESTS``, in the environment, names the core that has to run."""
    wanted = os.environ.get("CORE_TESTS", core.NAME)
    if wanted != core.NAME:
        raise pytest.UsageError(
            f"CORE_TESTS={wanted} asks for the other core than {core.NAME}, which runs. {core.WHY}"
        )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which core was tested, however quiet the run."""
    terminalreporter.write_line(f"core: {core.NAME}" + (f" ({core.WHY})" if core.WHY else ""))


@pytest.fixture(autouse=True)
def table() -> Iterator[None]:
    """The operation table as autograd has it: rows that a test makes end with it."""
    yield
    for rows in (OPS, EVERY):
        for name in rows.keys() - BUILT_IN:
            del rows[name]


@pytest.fixture(autouse=True)
def layers_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """The initial weights of a program that has just begun, whichever tests ran before."""
    monkeypatch.setattr(layers, "_made", itertools.count())


@pytest.fixture
def equal_networks(layers_made: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks of one shape begin equal, so that runs of them can be compared."""
    monkeypatch.setattr(layers, "_made", itertools.repeat(0))


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The browser of one of pytest's processes, for all its tests of pages."""
    chrome = browser.start(tmp_path_factory.mktemp("profile"))
    yield chrome
    chrome.quit()


@pytest.fixture
def page(driver: Any) -> Iterator[browser.Page]:
    """A page, whose console must stay empty: no error, and nothing asked for that is blocked."""
    driver.get_log("browser")
    page = browser.Page(driver)
    yield page
    assert driver.get_log("browser") == []
    assert page.run("return performance.getEntriesByType('resource').length") == 0


@pytest.fixture
def no_stills(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages without the picture that remains where no script runs: it takes its time."""
    monkeypatch.setattr(pages, "still_of", lambda moment: Still(None, "no picture"))


@pytest.fixture
def opened(page: browser.Page, tmp_path: Path, no_stills: None) -> Callable[..., browser.Page]:
    """Opens the page of a stepper, or of a root at its start; without its still picture."""

    def open_page(of: Value | Stepper, **window: Any) -> browser.Page:
        stepper = of if isinstance(of, Stepper) else step_through(of)
        return page.open(stepper.save(tmp_path / "page.html"), **window)  # type: ignore[attr-defined]

    return open_page


def unnoticed(x: object) -> float:
    """The number of a Value or a float, taken in a way that no ``Watch`` notices."""
    number = getattr(x, "_data", x)
    assert isinstance(number, float)
    return number
