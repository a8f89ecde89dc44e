"""Scorecards show the verdicts they are given, in words and signs too."""

from pathlib import Path

import pandas as pd
import pytest

from galerne.report.scorecard import (
    against_best,
    plot_against,
    plot_scorecard,
    read_comparisons,
    scorecard_charts,
)
from galerne.report.style import svg

from .conftest import CHOICE, LEGEND, make_comparisons


def test_only_the_globe_is_read_with_the_surface_first(comparisons: pd.DataFrame) -> None:
    assert set(comparisons["region"]) == {"globe"}
    own = comparisons[comparisons["variable"] != "all"]
    assert list(dict.fromkeys(own["channel"])) == ["2m_temperature", "geopotential_500"]


def test_a_table_without_a_column_is_refused_by_name(tmp_path: Path) -> None:
    make_comparisons().drop(columns="verdict").to_csv(tmp_path / "c.csv", index=False)
    with pytest.raises(ValueError, match="is no table of comparisons: it lacks verdict"):
        read_comparisons(tmp_path / "c.csv")


def test_a_single_state_has_no_crps_to_compare(tmp_path: Path) -> None:
    table = make_comparisons().replace({"reference": {"prior": "reconstruction"}})
    table.to_csv(tmp_path / "c.csv", index=False)
    found = read_comparisons(tmp_path / "c.csv")
    floor = found[found["reference"] == "reconstruction"]
    assert set(floor["metric"]) == {"rmse"}


def test_the_best_baseline_is_the_one_that_is_marked(comparisons: pd.DataFrame) -> None:
    best = against_best(comparisons, CHOICE)
    assert (best["reference"], best["ratio"], best["verdict"]) == ("oi", 1.5, "worse")
    assert against_best(comparisons, CHOICE | {"method": "dps"}) is None


def test_charts_are_one_against_all_and_one_for_a_metric(comparisons: pd.DataFrame) -> None:
    plots = scorecard_charts(comparisons, LEGEND)
    names = ["against_mmps", "scorecard_mmps_crps", "scorecard_mmps_rmse"]
    assert [plot.name for plot in plots] == names
    assert "1.50 of Optimal interpolation (1.20 to 1.90, worse)" in plots[0].alt
    assert plots[1].alt == "CRPS of Posterior (mmps) ÷ others: 2 better, 2 worse, 2 no evidence."
    assert all(plot.note for plot in plots)
    assert not scorecard_charts(comparisons[comparisons["method"] != "mmps"], LEGEND)


def test_leads_stand_side_by_side_against_the_best(tmp_path: Path) -> None:
    make_comparisons(leads=(6, 12)).to_csv(tmp_path / "c.csv", index=False)
    charts = scorecard_charts(read_comparisons(tmp_path / "c.csv"), LEGEND)
    assert charts[1].title == "CRPS of Posterior (mmps) ÷ Optimal interpolation, by lead"
    text = svg(charts[1].figure)
    assert ">6 h<" in text
    assert ">12 h<" in text


def test_verdicts_have_signs(comparisons: pd.DataFrame) -> None:
    own = comparisons[(comparisons["metric"] == "crps") & (comparisons["space"] == "grid")]
    own = own[own["method"] == "mmps"]
    one = own[(own["variable"] != "all") & (own["reference"] == "oi")].set_index("channel")
    text = svg(plot_scorecard({"oi": one}))
    assert text.count("▲") == 2
    assert "▼" not in text
    whole = own[(own["variable"] == "all") & own["lead_hours"].isna()]
    text = svg(plot_against(whole, LEGEND))
    assert text.count("▼") == text.count("▲") == 1


def test_an_unknown_interval_does_not_stop_the_chart(comparisons: pd.DataFrame) -> None:
    own = comparisons[comparisons["method"] == "mmps"]
    whole = own[(own["variable"] == "all") & own["lead_hours"].isna()]
    unknown = whole.assign(lower=float("nan"), upper=float("nan"), verdict="no evidence")
    assert "</svg>" in svg(plot_against(unknown, LEGEND))
