"""A browser, and a page made of small made-up data."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from galerne.report.explorer import MapSet, pack_maps
from galerne.report.figures import plot_overview
from galerne.report.page import Bill, Figure, Page, Panel, write_page
from galerne.report.panels import score_charts
from galerne.report.plots import plot_rows
from galerne.report.style import png, svg
from galerne.report.tables import score_table
from tests.report.conftest import (
    CHANNELS,
    CHOICE,
    CONFIG,
    LEGEND,
    make_maps,
    make_observations,
    make_scores,
)
from tests.report.made import make_evidence

from .devtools import Browser, find_browser

WINDOWS = ("20040114T00_12h", "20040129T00_12h")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A browser, where there is one."""
    program = find_browser()
    if program is None:
        pytest.skip("no chromium or google-chrome on PATH")
    with Browser(program) as one:
        yield one


def noisy(seed: int) -> xr.Dataset:
    """Maps in which no two fields are alike."""
    maps, rng = make_maps(), np.random.default_rng(seed)
    for name in ("truth", "mean", "spread", "members", "prior_sample"):
        maps[name] = maps[name] + rng.gamma(2.0, size=maps[name].shape)
    level = maps["channel"].values.tolist()
    return maps.assign_coords(channel=level)


def chart(title: str) -> Figure:
    """A chart of every method."""
    values = {"climatology": 1.0, "reconstruction": 0.1, "prior": 1.1, "mmps": 0.4, "oi": 0.3}
    rows = [{"row": "a", "method": name, "value": value} for name, value in values.items()]
    table = pd.DataFrame(rows).assign(lower=np.nan, upper=np.nan)
    figure = plot_rows({"": table}, LEGEND, rows={"a": "All"}, label="RMSE")
    return Figure(title, f"{title}, said.", svg=svg(figure))


def scored(folder: Path) -> dict[str, list[Figure]]:
    """Every chart of scores of a task with leads, and of an experiment, by tab."""
    evidence = make_evidence(folder, leads=(6, 12), networks=("sparse", "half"))
    choices = [CHOICE | {"network": name} for name in ("sparse", "half")]
    found: dict[str, list[Figure]] = {}
    for one in score_charts(evidence, choices, CHANNELS, LEGEND):
        figure = Figure(one.title, one.alt, svg(one.figure), note=one.note, group=one.group)
        found.setdefault(one.tab, []).append(figure)
    return found


def make_page(folder: Path) -> Page:
    """A page with every part."""
    charts = scored(folder)
    panels = {"reanalysis": next(iter(charts.values()))}
    panels |= {name: [chart(f"{name} {k}") for k in (1, 2)] for name in ("filtering", "forecast")}
    sets = [
        MapSet(
            CHOICE | {"window": window, "method": method, "task": task}, task,
            noisy(100 * k + 10 * j + i), make_observations(), 6,
        )
        for k, task in enumerate(("reanalysis", "filtering"))
        for j, method in enumerate(("mmps", "oi"))
        for i, window in enumerate(WINDOWS)
    ]  # fmt: skip
    rest = {key: value for key, value in CHOICE.items() if key != "method"}
    table = score_table(make_scores(), rest, LEGEND, space="grid")
    still = png(plot_overview(noisy(7), make_observations(), 0, step_hours=6))
    return Page(
        title=CONFIG["report"]["title"],
        subtitle="a nature run",
        verdict=["One sentence.", "A second one.", "And a third."],
        tiles=[("0.400", "RMSE ÷ climatology", "less is better")] * 4,
        limits=["Not the real one."],
        explorer=pack_maps(sets, LEGEND, beside="oi"),
        stills=[Figure("A still picture", "what it shows", png=still)],
        comparison=table,
        panels=[Panel(name, figures, [table]) for name, figures in panels.items()],
        experiments=Panel("Experiments", charts["Experiments"], [table]),
        methods=table,
        training=[chart("Training")],
        data=[table],
        audit=[chart("Audit")],
        findings=[table],
        config=CONFIG,
        differences=[("a.b", "1", "a_rather_long_value_without_any_space_in_it" * 3)],
        digests=[("write_report", "abc")],
        products=[("world/grid/test", "4 time", "1.00 MB, 2.50 : 1", "f" * 64)],
        seed=3,
        record=[("written", "today"), ("commit", "f" * 40)],
        bill=Bill("One job.", ["A note."], replace(table, total=True), chart("Cost")),
    )


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page as a file."""
    folder = tmp_path_factory.mktemp("page")
    path = folder / "report.html"
    write_page(make_page(folder / "tables"), path)
    return path
