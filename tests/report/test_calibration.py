"""Calibration is drawn as it was found, and what chance may do beside it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from galerne.report.calibration import calibration_charts
from galerne.report.evidence import Evidence

from .conftest import LEGEND
from .made import make_evidence, markers, texts


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    return make_evidence(tmp_path)


def plots(evidence: Evidence) -> dict:
    return {plot.name: plot for plot in calibration_charts(evidence, LEGEND)}


def test_bars_are_shares_over_what_is_expected(evidence: Evidence) -> None:
    plot = plots(evidence)["ranks"]
    first = plot.figure.axes[0]
    assert [bar.get_height() for bar in first.patches] == pytest.approx([1.6, 0.88, 0.8, 0.72])
    assert "Posterior (mmps) on the grid: outer ranks 1.16 of expected, 3 of 4 beyond" in plot.alt
    assert len(plot.figure.axes) == 6


def test_the_band_is_that_of_the_intervals_and_none_without(evidence: Evidence) -> None:
    first = plots(evidence)["ranks"].figure.axes[0]
    (band,) = first.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((1 - 0.16, 1 + 0.16))
    bare = replace(evidence, ranks=evidence.ranks.assign(lower=np.nan, upper=np.nan))
    plot = plots(bare)["ranks"]
    assert not plot.figure.axes[0].collections
    assert "0 of 4 beyond" in plot.alt


def test_coverage_is_in_per_cent_with_a_line_where_it_should_be(evidence: Evidence) -> None:
    plot = plots(evidence)["coverage_grid"]
    assert [x.tolist() for x in markers(plot.figure, "Posterior (mmps)")] == [
        pytest.approx([52.0] * 3),
        pytest.approx([88.0] * 3),
    ]
    for axes, share in zip(plot.figure.axes, (50, 90), strict=True):
        assert share in [line.get_xdata()[0] for line in axes.lines]
    assert "90 %: Prior, no observations 88 (79.2 to 96.8)" in plot.alt
    assert "All" in texts(plot.figure)


def test_reliability_is_frequency_by_probability(evidence: Evidence) -> None:
    plot = plots(evidence)["reliability"]
    (axes,) = [ax for ax in plot.figure.axes if ax.axison]
    line = next(line for line in axes.lines if line.get_label() == "Posterior (mmps)")
    assert line.get_xdata().tolist() == pytest.approx([0, 0.5, 1])
    assert line.get_ydata().tolist() == pytest.approx([0.1, 0.5, 0.9])
    assert "T2M > 273.15 K: Posterior (mmps) 0.067" in plot.alt


def test_nothing_is_drawn_of_nothing(evidence: Evidence) -> None:
    assert plots(evidence.choose({"task": "other"})) == {}
