"""Tabs and charts follow the choices and what was scored."""

import pandas as pd

from galerne.report.panels import score_charts, score_tables, tabs

from .conftest import CHANNELS, CHOICE, LEGEND, make_comparisons, make_scores

NONE = make_comparisons().iloc[:0]


def test_tabs_name_the_task_and_what_else_differs() -> None:
    assert list(tabs([CHOICE], LEGEND)) == ["Reanalysis"]
    both = [CHOICE, CHOICE | {"network": "half"}]
    assert list(tabs(both, LEGEND)) == [
        "Reanalysis · Sparse",
        "Reanalysis · 50 % of observations",
    ]


def test_methods_share_a_tab() -> None:
    assert len(tabs([CHOICE, CHOICE | {"method": "dps"}], LEGEND)) == 1


def test_charts_of_a_task_without_leads(scores: pd.DataFrame) -> None:
    charts = score_charts(scores, NONE, [CHOICE], CHANNELS, LEGEND)
    assert [chart.file for chart in charts] == [
        f"00_reanalysis_{name}_{space}.svg"
        for space in ("grid", "withheld")
        for name in ("rmse", "crps", "ssr")
    ]
    assert "Posterior (mmps) 0.4" in charts[0].alt
    assert "Autoencoder" not in charts[1].alt


def test_leads_have_a_chart_of_their_own() -> None:
    charts = score_charts(make_scores(leads=(6, 12)), NONE, [CHOICE], CHANNELS, LEGEND)
    assert charts[-1].file == "00_reanalysis_rmse_lead.svg"


def test_charts_leave_out_what_is_not_scored(scores: pd.DataFrame) -> None:
    only = scores[(scores["metric"] == "rmse") & (scores["space"] == "grid")]
    (chart,) = score_charts(only, NONE, [CHOICE], [], LEGEND)
    assert chart.file == "00_reanalysis_rmse_grid.svg"
    assert len(score_tables(only, tabs([CHOICE], LEGEND)["Reanalysis"], LEGEND)) == 1
    nothing = scores[scores["method"] != "mmps"]
    assert not [c for c in score_charts(nothing, NONE, [CHOICE], [], LEGEND) if "rmse" in c.file]


def test_comparisons_come_first(scores: pd.DataFrame, comparisons: pd.DataFrame) -> None:
    charts = score_charts(scores, comparisons, [CHOICE], CHANNELS, LEGEND)
    names = ("against_mmps", "scorecard_mmps_crps", "scorecard_mmps_rmse", "rmse_grid")
    assert [c.file for c in charts[:4]] == [f"00_reanalysis_{name}.svg" for name in names]
    assert charts[0].tab == "Reanalysis"
