"""Every figure of skill has its error budget, from the tables and with their intervals."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from galerne.report.evidence import Evidence
from galerne.report.skill import budget, by_channel, ratios, skill_charts, spreads

from .conftest import CHANNELS, LEGEND
from .made import VALUES, make_evidence, markers, texts

LABELS = {
    "Autoencoder floor", "Prior, no observations", "Optimal interpolation", "Posterior (mmps)",
}  # fmt: skip


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    return make_evidence(tmp_path)


def plots(evidence: Evidence) -> dict:
    return {plot.name: plot for plot in skill_charts(evidence, CHANNELS, LEGEND)}


def test_a_budget_is_floor_prior_best_baseline_and_posterior(evidence: Evidence) -> None:
    assert budget(evidence, LEGEND, "rmse") == ["reconstruction", "prior", "oi", "mmps"]
    rows = evidence.comparisons
    alone = replace(evidence, comparisons=rows.assign(best_baseline=False))
    assert budget(alone, LEGEND, "rmse") == ["reconstruction", "prior", "mmps"]


def test_ratios_are_those_to_climatology_with_their_intervals(evidence: Evidence) -> None:
    rows = ratios(evidence, "rmse", "grid")
    whole = rows[(rows["channel"] == "all") & rows["lead"].isna()].set_index("method")
    assert whole["value"].to_dict() == {
        "mmps": 0.4,
        "prior": 1.1,
        "oi": 0.27,
        "reconstruction": 0.1,
    }
    assert whole.loc["oi", ["lower", "upper"]].tolist() == [0.2, 0.35]
    assert set(ratios(evidence, "crps", "withheld")["method"]) == {"mmps", "prior", "oi"}


def test_every_figure_of_errors_names_the_budget(evidence: Evidence) -> None:
    found = plots(evidence)
    assert list(found) == [
        "budget",
        "error_grid",
        "spread_grid",
        "error_withheld",
        "spread_withheld",
    ]
    for name in ("budget", "error_grid", "error_withheld"):
        assert set(texts(found[name].figure)) >= LABELS
        assert "0.4" in found[name].alt
    assert "0.27 (0.2 to 0.35)" in found["budget"].alt
    assert all(plot.note and plot.group for plot in found.values())


def test_values_are_drawn_as_they_are(evidence: Evidence) -> None:
    found = plots(evidence)
    assert [x.tolist() for x in markers(found["error_grid"].figure, "Posterior (mmps)")] == [
        [0.4, 0.4]
    ] * 2
    (spread,) = markers(found["spread_grid"].figure, "Optimal interpolation")
    assert spread.tolist() == [VALUES["oi"]] * 2


def test_leads_have_charts_of_their_own_and_channels_means_over_them(tmp_path: Path) -> None:
    evidence = make_evidence(tmp_path, leads=(6, 12))
    found = plots(evidence)
    assert {"rmse_lead", "crps_lead", "ssr_lead"} <= set(found)
    assert "At 6 h" in found["rmse_lead"].alt
    assert "At 12 h" in found["rmse_lead"].alt
    figure = found["rmse_lead"].figure
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["All variables", "Z500", "T2M"]
    assert markers(figure, "Posterior (mmps)")[0].tolist() == [6, 12]
    rows = by_channel(spreads(evidence, "ssr", "grid"))
    assert rows["lead"].isna().all()
    assert len(rows) == 2 * len(VALUES)


def test_profiles_are_of_variables_on_several_levels(evidence: Evidence) -> None:
    assert "levels" not in plots(evidence)

    def more(table):  # noqa: ANN202
        own = table[table["channel"] == "geopotential_500"]
        lower = own.assign(level=850.0, channel="geopotential_850")
        return pd.concat([table, lower])

    both = replace(
        evidence, comparisons=more(evidence.comparisons), intervals=more(evidence.intervals)
    )
    figure = plots(both)["levels"].figure
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["Z, RMSE", "Z, CRPS", "Z, Spread"]
    assert figure.axes[0].get_ylim()[0] > 850


def test_nothing_is_drawn_of_nothing(evidence: Evidence) -> None:
    assert plots(evidence.choose({"task": "other"})) == {}
