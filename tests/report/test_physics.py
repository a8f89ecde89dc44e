"""Spectra and balances stand beside those of the truth."""

from pathlib import Path

import pytest

from galerne.report.evidence import Evidence
from galerne.report.physics import physics_charts

from .conftest import CHANNELS, LEGEND
from .made import make_evidence, markers


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    return make_evidence(tmp_path)


def plots(evidence: Evidence) -> dict:
    return {plot.name: plot for plot in physics_charts(evidence, CHANNELS, LEGEND)}


def test_power_is_drawn_and_what_share_of_the_truth_it_is(evidence: Evidence) -> None:
    figure = plots(evidence)["spectra_spherical"].figure
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == ["Z500", "T2M", "Z500, ÷ truth's", "T2M, ÷ truth's"]
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert lines["Truth"].get_ydata().tolist() == pytest.approx([0.1, 0.01, 0.001])
    assert lines["Truth"].get_xdata().tolist() == [1, 2, 3]  # the mean is no wave
    shares = {line.get_label(): line for line in figure.axes[2].lines}
    assert shares["Posterior (mmps)"].get_ydata().tolist() == pytest.approx([0.5] * 3)
    assert shares["Posterior (mmps), mean"].get_ydata().tolist() == pytest.approx([0.25] * 3)
    assert "Truth" not in shares


def test_words_name_the_smallest_scale(evidence: Evidence) -> None:
    alt = plots(evidence)["spectra_zonal"].alt
    assert "Z500 at wavenumber 3, over the truth's: Autoencoder floor 0.5" in alt


def test_imbalance_is_over_that_of_the_truth_and_mass_in_pascal(evidence: Evidence) -> None:
    found = plots(evidence)
    values = [x.tolist() for x in markers(found["balance"].figure, "Posterior (mmps)")]
    assert values == [[pytest.approx(2.0)], [pytest.approx(2.0)]]
    values = [x.tolist() for x in markers(found["mass"].figure, "Posterior (mmps)")]
    assert values == [[pytest.approx(12.0)], [pytest.approx(5.0)]]
    assert "Difference [Pa]" in found["mass"].alt


def test_only_channels_that_are_asked_for_are_drawn(evidence: Evidence) -> None:
    found = {p.name: p for p in physics_charts(evidence, ["2m_temperature", "none"], LEGEND)}
    assert len(found["spectra_zonal"].figure.axes) == 2
    assert plots(evidence.choose({"task": "other"})) == {}
