"""The page is well formed, escaped, complete in itself, and the same for the same input."""

import re

from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pandas as pd
import pytest
import xarray as xr

from galerne.report.canonical import canonical
from galerne.report.explorer import MapSet, pack_maps
from galerne.report.page import Bill, Figure, Page, Panel, inline_svg, render
from galerne.report.plots import plot_rows
from galerne.report.rulegraph import draw_rules
from galerne.report.style import INK, svg
from galerne.report.tables import score_table

from .conftest import CHOICE, CONFIG, LEGEND, make_maps, make_scores

VOID = {"meta", "link", "img", "br", "input", "hr"}


class Reader(HTMLParser):
    """Collects the tags of a page, and checks that they nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def chart() -> Figure:
    rows = pd.DataFrame({"method": ["mmps"], "value": [0.4], "lower": [0.3], "upper": [0.5]})
    figure = plot_rows({"": rows.assign(row="a")}, LEGEND, rows={"a": "A"}, label="x")
    return Figure("Errors <1>", 'the "alt"', svg=svg(figure))


@pytest.fixture(scope="module")
def page() -> Page:
    rest = {k: v for k, v in CHOICE.items() if k != "method"}
    table = score_table(make_scores(), rest, LEGEND, space="grid")
    maps: xr.Dataset = make_maps()
    sets = [MapSet(CHOICE | {"window": "20040114T00_12h"}, "reanalysis", maps, None, 6)]
    return Page(
        title=CONFIG["report"]["title"],
        subtitle="a nature run",
        verdict=["One.", "Two.", "Three."],
        tiles=[("0.4", "RMSE", "less is better")],
        limits=["Not the real one."],
        explorer=pack_maps(sets, LEGEND),
        stills=[Figure("Still", "alt", png=b"png")],
        comparison=table,
        panels=[Panel("reanalysis", [chart(), chart()], [table])],
        data=[],
        audit=[],
        findings=[],
        training=[chart()],
        config=CONFIG | {"note": "</pre><script>alert(1)</script>"},
        differences=[("a.b", "1", "<2>")],
        digests=[("write_report", "abc")],
        products=[("world/grid/test", "4 time", "1.00 MB, 2.50 : 1", "f" * 64)],
        seed=3,
        record=[("written", "today")],
        bill=Bill("One <job>.", ["A note."], replace(table, total=True), chart()),
    )


@pytest.fixture(scope="module")
def html(page: Page) -> str:
    return render(page)


@pytest.fixture(scope="module")
def reader(html: str) -> Reader:
    found = Reader()
    found.feed(html)
    return found


def test_tags_nest(reader: Reader) -> None:
    assert not reader.wrong
    assert not reader.open


def test_page_asks_for_nothing_outside_itself(html: str, reader: Reader) -> None:
    for _, attributes in reader.tags:
        for name in ("src", "href", "xlink:href", "data", "action"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:"))
    outside = [
        u for u in re.findall(r"url\(([^)]*)\)", html) if not u.strip("\"'").startswith("#")
    ]
    assert not outside
    assert not re.search(r"@import|\bfetch\(|XMLHttpRequest|\bimport\(|WebSocket", html)


def test_text_is_escaped(html: str, reader: Reader) -> None:
    assert "A &lt;b&gt;world&lt;/b&gt;" in html
    assert "<script>alert" not in html
    assert "&lt;2&gt;" in html
    assert [tag for tag, _ in reader.tags].count("script") == 2


def test_identifiers_are_unique_and_links_find_them(reader: Reader) -> None:
    names = [a["id"] for _, a in reader.tags if a.get("id")]
    assert len(names) == len(set(names))
    links = [a[k][1:] for _, a in reader.tags for k in ("href", "xlink:href") if a.get(k)]
    assert {link for link in links if link and not link.startswith("ata:")} <= set(names)


def test_pictures_have_descriptions(reader: Reader) -> None:
    for tag, attributes in reader.tags:
        if tag == "img":
            assert attributes["alt"]
        if tag == "svg":
            assert attributes["role"] == "img"
            assert attributes["aria-label"] == 'the "alt"'


def test_headings_descend_without_a_gap(reader: Reader) -> None:
    levels = [int(tag[1]) for tag, _ in reader.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_page_says_its_language_and_fits_narrow_screens(reader: Reader) -> None:
    tags = dict(reader.tags)
    assert tags["html"]["lang"] == "en"
    assert any(a.get("name") == "viewport" for _, a in reader.tags)


def test_only_the_record_and_the_place_change_from_run_to_run(page: Page, html: str) -> None:
    elsewhere = CONFIG | {"results": "/scratch/<two>", "note": page.config["note"]}
    later = render(replace(page, record=[("written", "tomorrow")], config=elsewhere))
    assert "results: <span data-volatile>/scratch/&lt;two&gt;</span>\n" in later
    assert canonical(later) == canonical(html)
    assert "today" not in canonical(html)
    assert canonical(render(replace(page, seed=4))) != canonical(html)


def test_the_first_screen_has_a_picture_and_the_run_its_rules(page: Page) -> None:
    plan = {"fetch_period": {"stage": "source", "jobs": 3, "after": []}}
    text = render(
        replace(page, glance=Figure("At a glance", "maps", png=b"p"), rules=draw_rules(plan))
    )
    first = text[text.index('id="verdict"') : text.index('id="maps"')]
    assert "At a glance" in first
    assert first.index("At a glance") < first.index("What this does not show")
    run = text[text.index('id="run"') : text.index('id="run-record"')]
    assert ">fetch_period</text>" in run
    assert "fetch_period" not in canonical(text)
    assert 'fill="currentColor"' in run


def test_the_bill_is_set_with_its_total_last(html: str) -> None:
    part = html[html.index('id="run-record"') :]
    assert '<p class="lead">One &lt;job&gt;.</p>' in part
    assert "<li>A note.</li>" in part
    assert part.count('<tr class="total">') == html.count('<tr class="total">') == 1
    last = part[part.index('<tr class="total">') :]
    assert last[last.index("</tr>") :].split("<", 3)[2].startswith("/tbody")
    assert 'id="cost-' in part
    assert "Error" in canonical(html)
    assert "A note." not in canonical(html)


def test_maps_take_what_the_rest_leaves(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def pack(budget: int) -> dict:
        asked.append(budget)
        return page.explorer

    monkeypatch.setattr("galerne.report.page.LARGEST", 600_000)
    bare = replace(page, explorer=pack)
    text = render(bare)
    assert 'id="explorer-data"' in text
    render(replace(bare, record=[("written", "x" * 5_000)]))
    render(replace(bare, verdict=["y" * 1_000]))
    render(replace(bare, verdict=["y" * 600_000]))
    assert asked[0] == asked[1]
    assert 0 < asked[0] - asked[2] < 1_000
    assert asked[3] == 60_000


def test_a_page_of_many_choices_leaves_out_charts_and_says_so(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = "<svg><title>{}</title>" + "<path/>" * 10_000 + "</svg>"

    def tab(name: str) -> Panel:
        figures = [Figure(f"{name}{g}", "alt", svg=large.format(g), group=g) for g in "abc"]
        return Panel(name, figures, page.panels[0].tables)

    many = replace(page, panels=[tab("one"), tab("two"), tab("three")])
    several = replace(many, explorer=lambda budget: page.explorer)
    whole = render(several)
    assert "Left out" not in whole
    small = len(canonical(render(replace(several, panels=[]))).encode())
    for room, shown in ((9.5, "abc|abc|abc"), (7.5, "abc|ab|ab"), (4.5, "ab|ab|"), (0.0, "||")):
        monkeypatch.setattr("galerne.report.page.LARGEST", int((small + room * 70_000) / 0.75))
        text = render(several)
        found = "|".join(
            "".join(g for g in "abc" if f"<figcaption>{name}{g}</figcaption>" in text)
            for name in ("one", "two", "three")
        )
        assert found == shown
        assert ("Still pictures" in text) == (room == 9.5)
        assert ("Left out for the size of the page: 1 still pictures" in text) == (room < 9)
        assert len(canonical(text).encode()) < small + max(room, 0.5) * 70_000
        assert text.count("Table: ") == whole.count("Table: ")


def test_keys_without_a_default_stand_apart(page: Page) -> None:
    text = render(replace(page, differences=[("a.b", "1", "2"), ("c.d", "–", "3")]))
    part = text[text.index("Differences from the default") :]
    assert part.index("a.b") < part.index("does not have (1)") < part.index("c.d")
    assert "does not have" not in render(page)
    assert "Differences from" not in render(replace(page, differences=[("c.d", "–", "3")]))


def test_parts_that_are_missing_are_left_out(page: Page) -> None:
    bare = replace(
        page, explorer=pack_maps([], LEGEND), stills=[], panels=[], training=[], comparison=None,
        differences=[], products=[], digests=[], tiles=[], verdict=["Nothing."], bill=None,
    )  # fmt: skip
    text = render(bare)
    assert "No maps were made." in text
    assert "The configuration is the default one." in text
    assert 'id="training"' not in text


def test_inlined_chart_takes_the_ink_of_the_page() -> None:
    text = str(inline_svg(chart().svg, "a", "words"))
    assert "currentColor" in text
    assert INK not in text
    assert "<style" not in text
    assert "<metadata" not in text
    head = text.split(">", 1)[0]
    assert "viewBox" in head
    assert "width=" not in head
    assert set(re.findall(r'\bid="(\w+)-', text)) == {"a"}
