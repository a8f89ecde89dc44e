"""Where and when: regions from comparisons, hours over the climatology's at the same hour."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from galerne.report.evidence import Evidence
from galerne.report.places import named_region, place_charts

from .conftest import LEGEND
from .made import make_evidence, markers


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    return make_evidence(tmp_path)


def plots(evidence: Evidence) -> dict:
    return {plot.name: plot for plot in place_charts(evidence, LEGEND)}


def test_regions_have_a_row_each_with_intervals(evidence: Evidence) -> None:
    plot = plots(evidence)["regions"]
    labels = [text.get_text() for text in plot.figure.axes[0].get_yticklabels()]
    assert labels == ["Globe", "Tropics"]
    assert markers(plot.figure, "Posterior (mmps)")[0].tolist() == [0.4, 0.4]
    assert "Tropics: Autoencoder floor 0.1 (0.05 to 0.15)" in plot.alt


def test_distances_come_last_from_near_to_far(evidence: Evidence) -> None:
    rows = evidence.regional[evidence.regional["region"] == "tropics"]
    names = ("distance_from_1000_km", "distance_below_500_km", "distance_500_to_1000_km")
    more = pd.concat([evidence.regional, *(rows.assign(region=name) for name in names)])
    plot = plots(replace(evidence, regional=more))["regions"]
    labels = [text.get_text() for text in plot.figure.axes[0].get_yticklabels()]
    assert labels == [
        "Globe", "Tropics", "Below 500 km from obs.", "500 to 1000 km from obs.",
        "From 1000 km from obs.",
    ]  # fmt: skip
    assert named_region("land") == "Land"


def test_hours_are_over_the_climatology_of_the_same_hour(evidence: Evidence) -> None:
    plot = plots(evidence)["hours"]
    values = [
        line.get_ydata().tolist()
        for ax in plot.figure.axes
        for line in ax.lines
        if line.get_label() == "Posterior (mmps)"
    ]
    assert values == [pytest.approx([0.95 / 2] * 2)] * 2 + [pytest.approx([0.95] * 2)]
    late = evidence.regions
    twice = late["value"].where((late["hour"] != "12") | (late["method"] != "climatology"), 4.0)
    plot = plots(replace(evidence, regions=late.assign(value=twice)))["hours"]
    assert "RMSE at 12 h: Prior, no observations 0.3;" in plot.alt


def test_one_hour_or_region_is_no_chart(evidence: Evidence) -> None:
    one = replace(
        evidence,
        regions=evidence.regions[evidence.regions["hour"] != "00"],
        regional=evidence.regional[evidence.regional["region"] == "globe"],
    )
    assert plots(one) == {}
