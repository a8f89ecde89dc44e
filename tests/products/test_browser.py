"""The report of the tiny run in a browser."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.checks import CHECKS
from tests.browser.devtools import Browser, find_browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = find_browser()
    if program is None:
        pytest.skip("no chromium or google-chrome on PATH")
    with Browser(program) as one:
        yield one


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_report(browser: Browser, folder: Path, check: Callable[[Browser, Path], None]) -> None:
    check(browser, folder / "report.html")
