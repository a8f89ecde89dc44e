"""What a page must do in a browser: each check takes a browser and the page, and may fail.

The same checks look at a small page made up for them and at the report of a finished run.
"""

import io
import json

from pathlib import Path

import numpy as np

from PIL import Image

from .devtools import Browser, Tab

NARROW = 360  # of the screens of small telephones [px]
SCRIPTS = Path(__file__).with_name("checks.js").read_text()
PICTURES = "checks.pictures().join()"


def opened(browser: Browser, page: Path, **screen: object) -> Tab:
    """The page, its maps drawn, with the scripts of the checks."""
    tab = browser.open(page, **screen)
    tab.evaluate(SCRIPTS)
    tab.wait("checks.drawn()")
    return tab


def quiet(browser: Browser, page: Path) -> None:
    """Nothing is complained of, and nothing outside of the file is asked for."""
    tab = opened(browser, page)
    tab.evaluate("checks.openAll()")
    assert tab.complaints() == []
    assert tab.requests() == []
    tab.close()


def rendered(browser: Browser, page: Path) -> None:
    """Every figure shows something."""
    tab = opened(browser, page)
    maps = tab.evaluate("checks.colours()")
    assert len(maps) >= 9
    assert [name for name, (count, share) in maps.items() if count < 10 or share < 0.5] == []
    seen = 0
    for k in range(tab.evaluate("checks.openAll()")):
        tab.evaluate(f"checks.openTab({k})")
        tab.wait("[...document.images].every((image) => image.complete)")
        boxes = tab.evaluate("checks.figures()")
        picture = np.asarray(Image.open(io.BytesIO(tab.picture())).convert("L"), "int16")
        for title, x, y, width, height in boxes:
            part = picture[round(y) : round(y + height), round(x) : round(x + width)]
            ground = np.bincount(part.ravel() if part.size else [0]).argmax()
            inked = float((abs(part - ground) > 20).mean()) if part.size else 0.0
            assert inked > 0.005, f"{title} is blank: {inked:.4f} of it differs from the ground"
        seen += len(boxes)
    assert seen > 0
    tab.close()


def tabs_open_by_keyboard(browser: Browser, page: Path) -> None:
    """Arrow keys open every tab, and one panel shows at a time."""
    tab = opened(browser, page)
    labels = tab.evaluate("checks.tabs()")
    assert len(labels) > 1
    tab.evaluate("checks.focusTab()")
    for k in [*range(1, len(labels)), 0]:
        tab.press("ArrowRight")
        assert tab.evaluate("document.activeElement.textContent") == labels[k]
        assert tab.evaluate("checks.panels()") == [labels[k]]
    tab.press("ArrowLeft")
    assert tab.evaluate("checks.panels()") == labels[-1:]
    tab.close()


def focus_is_seen_wherever_it_goes(browser: Browser, page: Path) -> None:
    """The tab key reaches every control, and the focus is always visible."""
    tab = opened(browser, page)
    wanted, reached = set(tab.evaluate("checks.controls()")), set()
    for _ in range(600):
        tab.press("Tab")
        name, outline = tab.evaluate("checks.focused()")
        if name is None or not wanted - reached:
            break
        assert outline, f"{name} has the focus and does not show it"
        reached.add(name)
    assert wanted - reached == set()
    tab.close()


def controls_change_the_picture(browser: Browser, page: Path) -> None:
    """Every control of the maps changes them, by keyboard."""
    tab = opened(browser, page)
    for label in tab.evaluate("checks.choices()"):
        before = tab.evaluate(PICTURES)
        drawn = tab.evaluate("checks.drawn()")
        tab.evaluate(f"checks.focusChoice({json.dumps(label)})")
        tab.press("ArrowDown")
        tab.wait(f"checks.drawn() > {drawn}")
        assert tab.evaluate(PICTURES) != before, f"{label} changes nothing"
        drawn = tab.evaluate("checks.drawn()")
        tab.press("ArrowUp")  # one choice may leave none for another
        tab.wait(f"checks.drawn() > {drawn}")
    tab.close()
    tab = opened(browser, page)
    for key, place in ((".", "map"), (",", "map"), ("ArrowRight", "slider"), ("Enter", "next")):
        before = tab.evaluate(PICTURES)
        tab.evaluate(f"checks.focus({json.dumps(place)})")
        tab.press(key)
        assert tab.evaluate(PICTURES) != before, f"{key} on {place} changes nothing"
    tab.close()


def time_plays_and_stops(browser: Browser, page: Path) -> None:
    """The animation goes on by itself until it is stopped; not where motion is unwanted."""
    tab = opened(browser, page)
    tab.evaluate("checks.focus('map')")
    before = tab.evaluate(PICTURES)
    tab.press(" ")
    drawn = tab.evaluate("checks.drawn()")
    tab.wait(f"checks.drawn() > {drawn + 1}")
    tab.press(" ")
    assert tab.evaluate(PICTURES) != before
    drawn = tab.evaluate("checks.drawn()")
    tab.evaluate("new Promise((done) => setTimeout(done, 1000))")
    assert tab.evaluate("checks.drawn()") == drawn
    tab.close()
    calm = opened(browser, page, calm=True)
    assert not calm.evaluate("checks.seen('play')")
    calm.evaluate("checks.focus('map')")
    drawn = calm.evaluate("checks.drawn()")
    calm.press(" ")
    calm.evaluate("new Promise((done) => setTimeout(done, 1000))")
    assert calm.evaluate("checks.drawn()") == drawn
    calm.close()


def a_place_has_a_series(browser: Browser, page: Path) -> None:
    """A place is set by keys, by numbers and by a click, and its series follows it."""
    tab = opened(browser, page)
    assert tab.evaluate("checks.series()") is None
    tab.evaluate("checks.focus('map')")
    tab.press("Enter")
    found = [tab.evaluate("checks.series()")]
    assert found[0]["lines"] >= 3
    assert found[0]["rows"] >= 1
    assert "0.0°N 0.0°E" in found[0]["words"]
    tab.press("ArrowUp", shift=True)
    found.append(tab.evaluate("checks.series()"))
    tab.evaluate("checks.type(-20, 30)")
    found.append(tab.evaluate("checks.series()"))
    assert "20.0°S 30.0°E" in found[2]["words"]
    assert "observation" in found[2]["words"]
    tab.click(*tab.evaluate("checks.middleOfMap()"))
    found.append(tab.evaluate("checks.series()"))
    assert len({one["shape"] for one in found}) == 4
    tab.evaluate("checks.focus('map')")
    tab.press("Escape")
    assert tab.evaluate("checks.series()") is None
    tab.close()


def fits_a_narrow_screen(browser: Browser, page: Path) -> None:
    """Nothing but what scrolls by itself is wider than the screen, in any tab."""
    tab = opened(browser, page, width=NARROW, height=740)
    tab.evaluate("checks.focus('map')")
    tab.press("Enter")
    for k in range(tab.evaluate("checks.openAll()")):
        tab.evaluate(f"checks.openTab({k})")
        assert tab.evaluate("checks.tooWide()") == []
        assert tab.evaluate("document.documentElement.scrollWidth") <= NARROW
    tab.close()


def text_stands_out(browser: Browser, page: Path) -> None:
    """Text has the contrast that WCAG 2.1 asks for (AA), light and dark."""
    for dark in (False, True):
        tab = opened(browser, page, dark=dark)
        tab.evaluate("checks.focus('map')")
        tab.press("Enter")
        for k in range(tab.evaluate("checks.openAll()")):
            tab.evaluate(f"checks.openTab({k})")
            assert tab.evaluate("checks.pale()") == []
        tab.close()


def colours_read_in_greyscale(browser: Browser, page: Path) -> None:
    """Lightness grows or falls with the value in every bar of colours."""
    tab = opened(browser, page)
    bars = tab.evaluate("checks.bars()")
    assert len(bars) >= 9
    for bar in bars:
        light = np.array([0.2126, 0.7152, 0.0722]) @ (np.array(bar) / 255).T ** 2.2
        steps = np.diff(light)
        assert (steps > -2e-3).all() or (steps < 2e-3).all()
        assert np.ptp(light) > 0.5
    tab.close()


def methods_differ_without_colour(browser: Browser, page: Path) -> None:
    """In no legend two entries have the same marker, and a line as broken and as thick."""
    tab = opened(browser, page)
    legends = tab.evaluate("checks.legends()")
    assert len(legends) > 0
    for title, entries in legends:
        assert len(set(entries)) == len(entries), f"{title}: two entries look alike in greyscale"
    tab.close()


CHECKS = (
    quiet, rendered, tabs_open_by_keyboard, focus_is_seen_wherever_it_goes,
    controls_change_the_picture, time_plays_and_stops, a_place_has_a_series,
    fits_a_narrow_screen, text_stands_out, colours_read_in_greyscale,
    methods_differ_without_colour,
)  # fmt: skip
