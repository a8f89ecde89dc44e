"""The page: one HTML file that needs nothing else.

Styles, script, charts and data are inlined; no address outside the file is ever asked for.
Text is escaped by the template engine; charts and data enter as markup that this module made.
Whatever differs between two runs on equal inputs (times, costs, machine, the folder of the
products) stands in elements with the attribute ``data-volatile``, which
:mod:`galerne.report.canonical` empties to compare them.

Depends on: jinja2, PyYAML, and products.
"""

__all__ = ["Bill", "Figure", "Page", "Panel", "inline_svg", "render", "write_page"]

import base64
import json
import re

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from ..products import replacing
from .canonical import canonical
from .style import INK
from .tables import Table

LARGEST = 14_000_000  # characters of a page, besides what changes from run to run
MAPS = 9_000_000  # at most of them for maps
CLEAR = 0.75  # share of the largest that all but the maps may take
ASSETS = Path(__file__).parent / "assets"
SCRIPTS = ("page.js", "maps.js", "explorer.js")


@dataclass(frozen=True)
class Figure:
    """A chart or picture with its words.

    Arguments:
        title: What it shows.
        alt: What a reader who cannot see it should know.
        svg: The text of an SVG file, or nothing.
        png: The bytes of a PNG file, or nothing.
        note: How to read it, or a remark below it.
        group: The heading that it stands under.
    """

    title: str
    alt: str
    svg: str = ""
    png: bytes = b""
    note: str = ""
    group: str = ""


@dataclass(frozen=True)
class Panel:
    """The charts and tables behind one tab.

    Arguments:
        label: Name of the tab.
        figures: Charts.
        tables: Tables below them.
    """

    label: str
    figures: list[Figure]
    tables: list[Table]


@dataclass(frozen=True)
class Bill:
    """What a run cost.

    Arguments:
        summary: The cost in one sentence.
        notes: What the reader should know of the figures, sentence by sentence.
        table: The cost by rule; ``None`` if nothing is known.
        chart: The same as a chart.
    """

    summary: str
    notes: list[str] = field(default_factory=list)
    table: Table | None = None
    chart: Figure | None = None


@dataclass(frozen=True)
class Page:
    """Everything the report shows.

    Arguments:
        title: Headline.
        subtitle: What was run, in one line.
        verdict: The summary, sentence by sentence.
        tiles: Value, name and meaning of the numbers that matter.
        limits: What the result cannot claim.
        explorer: The packed maps; or what packs them into so many characters (``budget``).
        stills: Maps for readers without scripts.
        comparison: Every choice at a glance.
        panels: Scores by choice and task.
        training: Training curves.
        data: Moments of the training data.
        audit: Pictures of the data with findings of the audit.
        findings: Tables of the findings.
        config: The effective configuration.
        differences: Key, default and value of what differs from the default.
        digests: Script and digest of the code it reaches.
        products: Folder, sizes, bytes and digest of each main product.
        seed: The seed of the run.
        record: Names and values that change from run to run.
        bill: What it cost.
        methods: What each method targets, and how it was tuned.
        experiments: What changes of the observations do, where there are any.
        glance: Truth, observations and mean of one variable.
        rules: The rules of the run, as the text of an SVG file.
        omitted: What was left out for the size of the page, sentence by sentence.
    """

    title: str
    subtitle: str
    verdict: list[str]
    tiles: list[tuple[str, str, str]]
    limits: list[str]
    explorer: dict[str, object] | Callable[..., dict[str, object]]
    stills: list[Figure]
    comparison: Table | None
    panels: list[Panel]
    training: list[Figure]
    data: list[Table]
    audit: list[Figure]
    findings: list[Table]
    config: dict[str, object]
    differences: list[tuple[str, str, str]]
    digests: list[tuple[str, str]]
    products: list[tuple[str, str, str, str]]
    seed: int
    record: list[tuple[str, str]] = field(default_factory=list)
    bill: Bill | None = None
    methods: Table | None = None
    experiments: Panel | None = None
    glance: Figure | None = None
    rules: str = ""
    omitted: list[str] = field(default_factory=list)


def inline_svg(text: str, prefix: str, alt: str) -> Markup:
    """Makes the text of an SVG file part of a page.

    Its identifiers get a prefix, so that charts do not borrow each other's parts; its ink
    becomes the page's; its size follows the column.

    Arguments:
        text: The text of the file.
        prefix: A prefix unique on the page.
        alt: The description of the chart.
    """
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r'href="#', f'href="#{prefix}-', text)
    text = text.replace("url(#", f"url(#{prefix}-").replace(INK, "currentColor")
    head, body = text.split(">", 1)
    head = re.sub(r'\s(width|height)="[^"]*"', "", head)
    return Markup(f'{head} class="chart" role="img" aria-label="{escape(alt)}">{body}')


def _as_json(value: object) -> Markup:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace("&", "\\u0026"))


def _as_uri(picture: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(picture).decode()


def _as_yaml(config: dict[str, object]) -> Markup:
    """The whole configuration; the folder of the products says where, not what."""
    lines = yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=99).splitlines()
    marked = Markup("results: <span data-volatile>{}</span>")
    return Markup("\n").join(
        marked.format(line.removeprefix("results: ")) if line.startswith("results: ") else line
        for line in lines
    )


def render(page: Page) -> str:
    """Returns the page as one HTML document.

    Maps are packed into what the rest leaves of :data:`LARGEST`, not counting what changes from
    run to run: equal runs pack the same maps. Of very many choices, charts are left out.
    """
    if callable(page.explorer):
        bare = replace(page, explorer={"scenes": []})
        size = _size(bare)
        if size > CLEAR * LARGEST:
            bare = _thinned(bare, size - int(CLEAR * LARGEST))
            size = _size(bare)
        packed = page.explorer(budget=min(MAPS, max(LARGEST - size, LARGEST // 10)))
        page = replace(bare, explorer=packed)
    return _set(page)


def _size(page: Page) -> int:
    return len(canonical(_set(page)).encode())


def _thinned(page: Page, excess: int) -> Page:
    """Leaves out about so many characters.

    First go still pictures, which the explorer shows too, then charts of the last tabs, of which
    those under the first two headings stay longest.
    """
    stills, panels = list(page.stills), list(page.panels)
    while excess > 0 and stills:
        excess -= _length(stills.pop())
    for headings in (2, 0):
        for k in reversed(range(len(panels))):
            groups = list(dict.fromkeys(figure.group for figure in panels[k].figures))[:headings]
            kept = [figure for figure in panels[k].figures if figure.group in groups]
            if excess > 0:
                excess -= sum(map(_length, panels[k].figures)) - sum(map(_length, kept))
                panels[k] = replace(panels[k], figures=kept)
    still = len(page.stills) - len(stills)
    fewer = sum(len(a.figures) > len(b.figures) for a, b in zip(page.panels, panels, strict=True))
    said = [f"{still} still pictures of maps, in figures/ of each choice"] * (still > 0)
    said += [f"charts of the last tabs ({fewer}), in figures/scores/"] * (fewer > 0)
    words = [f"Left out for the size of the page: {'; '.join(said)}."] if said else []
    return replace(page, stills=stills, panels=panels, omitted=words)


def _length(figure: Figure) -> int:
    return len(figure.svg) + 4 * len(figure.png) // 3


def _set(page: Page) -> str:
    engine = Environment(
        loader=FileSystemLoader(ASSETS), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    engine.filters |= {"as_json": _as_json, "as_uri": _as_uri, "inline_svg": inline_svg}
    return engine.get_template("page.html").render(
        page=page,
        css=Markup((ASSETS / "page.css").read_text()),
        script=Markup("\n".join((ASSETS / name).read_text() for name in SCRIPTS)),
        config=_as_yaml(page.config),
    )


def write_page(page: Page, path: Path) -> None:
    """Writes the page as one HTML file, whole or not at all."""
    with replacing(path) as half:
        half.write_text(render(page), encoding="utf-8")
