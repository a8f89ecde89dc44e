"""The page in a browser: what it shows, and what a reader can do with it by any means.

Each check is seen to fail on a page that is broken in one place.
"""

import base64
import json
import re

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from . import checks
from .checks import CHECKS
from .devtools import Browser, find_browser

Check = Callable[[Browser, Path], None]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_page(browser: Browser, page: Path, check: Check) -> None:
    check(browser, page)


def replaced(old: str, new: str, count: int = 1) -> Callable[[str], str]:
    """Other words in a page."""

    def make(text: str) -> str:
        found = re.sub(old, new, text, count=count, flags=re.DOTALL)
        assert found != text, f"nothing like {old}"
        return found

    return make


def styled(rule: str) -> Callable[[str], str]:
    """One more rule of style."""
    return replaced("</style>", rule + "</style>")


def recoloured(name: str) -> Callable[[str], str]:
    """Differences in other colours."""
    table = (mpl.colormaps[name](np.arange(256))[:, :3] * 255).astype("uint8")
    text = base64.b64encode(table.tobytes()).decode()

    def make(page: str) -> str:
        found = re.search(r'"difference":("[^"]*")', page)
        return page.replace(found[1], json.dumps(text))

    return make


def unmarked(page: str) -> str:
    """Markers of charts that are all alike."""
    return re.sub(r'<use xlink:href="#(s\d+f\d+)-m\w+"', r'<use xlink:href="#\1-figure_1"', page)


LOST = "<script>lost();</script>"
ASKED = '<img src="http://127.0.0.1:9/a.png" alt="">'
PALE = "color: #9aa0a6 !important;"
SKIPPED = "steered.tabIndex = 0; slider.onfocus = () => slider.blur();"
BROKEN: dict[Check, dict[str, Callable[[str], str]]] = {
    checks.quiet: {
        "it complains": replaced("</main>", f"</main>{LOST}"),
        "it asks for a picture": replaced("</main>", f"</main>{ASKED}"),
    },
    checks.rendered: {
        "maps are not painted": replaced(r"[\w.]+\(image, 0, 0\);\n  const", "const"),
        "a chart is empty": replaced(r'(<svg[^>]*class="chart".*?>).*?</svg>', r"\1</svg>"),
        "a picture is white": styled(".plate img { filter: brightness(100); }"),
    },
    checks.tabs_open_by_keyboard: {
        "tabs know no arrows": replaced("ArrowRight: 1", "Right: 1"),
        "tabs hide nothing": replaced("panel.hidden = i !== k", "panel.hidden = false"),
    },
    checks.focus_is_seen_wherever_it_goes: {
        "focus is not seen": styled("select:focus-visible { outline: none !important; }"),
        "what follows the slider is out of reach": replaced(r"steered\.tabIndex = 0;", SKIPPED),
    },
    checks.controls_change_the_picture: {
        "a control does nothing": replaced(r"state\.view === .anomalies.", "false"),
        "a key does nothing": replaced(r"step\(1\);\n  else if", "step(0);\n  else if"),
    },
    checks.time_plays_and_stops: {
        "time does not stop": replaced("clearInterval", "isNaN"),
        "motion is not asked for": replaced(r"calm = .*?;", "calm = matchMedia('(width: 1px)');"),
    },
    checks.a_place_has_a_series: {
        "the series is always of one place": replaced(r"= cellOf\(grid, state.place\);", "= 0;"),
        "clicks are lost": replaced(r"if \(place\) put\(place\);", ""),
    },
    checks.fits_a_narrow_screen: {"it is too wide": styled(".lead { width: 30rem; }")},
    checks.text_stands_out: {
        "text is pale": styled(f".note {{ {PALE} }}"),
        "text is pale in the dark": styled(
            "@media (prefers-color-scheme: dark) { .note { color: #555 !important; } }"
        ),
    },
    checks.colours_read_in_greyscale: {"two signs are as dark": recoloured("RdBu_r")},
    checks.methods_differ_without_colour: {"markers are alike": unmarked},
}
EACH = [(check, name) for check, breaks in BROKEN.items() for name in breaks]


@pytest.mark.parametrize(("check", "name"), EACH, ids=[name for _, name in EACH])
def test_a_broken_page_is_found(
    browser: Browser, page: Path, tmp_path: Path, check: Check, name: str
) -> None:
    path = tmp_path / "broken.html"
    path.write_text(BROKEN[check][name](page.read_text()))
    with pytest.raises((AssertionError, TimeoutError)):
        check(browser, path)


def test_every_check_is_seen_to_fail() -> None:
    assert list(BROKEN) == list(CHECKS)


def test_a_page_that_never_gets_there_is_a_timeout(
    browser: Browser, page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = browser.open(page)
    monkeypatch.setattr("tests.browser.devtools.PATIENCE", 0.2)
    with pytest.raises(TimeoutError):
        tab.wait("1 > 2")


def test_what_a_page_throws_is_an_error(browser: Browser, page: Path) -> None:
    tab = browser.open(page)
    with pytest.raises(RuntimeError, match="gone"):
        tab.evaluate("gone.away")
    tab.close()


def test_a_machine_without_a_browser_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert find_browser() is None
