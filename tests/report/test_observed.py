"""The space of observations: sites nobody used, and what those used give away."""

from pathlib import Path

import pandas as pd
import pytest

from galerne.report.evidence import Evidence
from galerne.report.observed import observation_charts, observation_table

from .conftest import LEGEND
from .made import make_evidence, markers


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    return make_evidence(tmp_path)


def plots(evidence: Evidence) -> dict:
    return {plot.name: plot for plot in observation_charts(evidence, LEGEND)}


def test_withheld_sites_have_no_floor_of_the_crps(evidence: Evidence) -> None:
    plot = plots(evidence)["withheld"]
    assert [len(markers(plot.figure, n)) for n in ("Posterior (mmps)", "Autoencoder floor")] == [
        2,
        1,
    ]
    assert "CRPS: Prior, no observations 1.1 (0.9 to 1.3)" in plot.alt


def test_consistency_is_by_instrument_and_whether_it_was_used(evidence: Evidence) -> None:
    plot = plots(evidence)["consistency"]
    titles = [ax.get_title(loc="left") for ax in plot.figure.axes]
    assert titles == [
        "Innovation χ², used", "Innovation χ², withheld or unused",
        "Error by Desroziers ÷ stated", "Signal of an observation",
    ]  # fmt: skip
    values = [x.tolist() for x in markers(plot.figure, "Posterior (mmps)")]
    assert values == [[1.5], [1.1], [0.9], [0.5]]


def test_signals_add_up_and_means_are_weighted(evidence: Evidence, tmp_path: Path) -> None:
    rows = evidence.consistency
    more = rows.assign(variable="temperature", count=120.0, value=rows["value"] * 2)
    both = type(evidence)(**(vars(evidence) | {"consistency": pd.concat([rows, more])}))
    table = observation_table(both, LEGEND)
    row = next(row for row in table.rows if row[0] == "Posterior (mmps)")
    assert row[1:4] == ["Stations", "160", "60.0"]
    assert float(row[4]) == pytest.approx((0.5 * 40 + 1.0 * 120) / 160, rel=1e-2)
    assert {len(row) for row in table.rows} == {len(table.header)}


def test_what_saw_nothing_has_no_table(evidence: Evidence) -> None:
    assert observation_table(evidence.choose({"task": "other"}), LEGEND) is None
    assert plots(evidence.choose({"task": "other"})) == {}
