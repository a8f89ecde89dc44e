"""Tabs and charts follow the choices and what was scored."""

from dataclasses import replace
from pathlib import Path

import pytest

from galerne.report.evidence import Evidence
from galerne.report.panels import score_charts, score_tables, tabs

from .conftest import CHANNELS, CHOICE, LEGEND, make_scores
from .made import make_evidence

HALF = CHOICE | {"network": "half"}


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    return make_evidence(tmp_path)


def test_tabs_name_the_task_and_what_else_differs() -> None:
    assert list(tabs([CHOICE], LEGEND)) == ["Reanalysis"]
    assert list(tabs([CHOICE, HALF], LEGEND)) == [
        "Reanalysis · Sparse",
        "Reanalysis · 50 % of observations",
    ]


def test_methods_share_a_tab() -> None:
    assert len(tabs([CHOICE, CHOICE | {"method": "dps"}], LEGEND)) == 1


def test_charts_come_in_groups_comparisons_first(evidence: Evidence) -> None:
    charts = score_charts(evidence, [CHOICE], CHANNELS, LEGEND)
    assert [chart.group for chart in charts] == sorted(
        (chart.group for chart in charts),
        key=[
            "Comparisons", "Skill and error budget", "Calibration", "Spectra and balance",
            "Regions and time of day", "Space of observations",
        ].index,
    )  # fmt: skip
    assert charts[0].file == "00_reanalysis_against_mmps.svg"
    assert {chart.tab for chart in charts} == {"Reanalysis"}
    assert len({chart.file for chart in charts}) == len(charts)


def test_every_chart_has_a_title_words_with_numbers_and_a_guide(evidence: Evidence) -> None:
    for chart in score_charts(evidence, [CHOICE], CHANNELS, LEGEND):
        assert chart.title
        assert any(letter.isdigit() for letter in chart.alt), chart.file
        assert chart.note.endswith("."), chart.file


def test_variants_have_their_own_tab_without_diagnostics_and_a_section(tmp_path: Path) -> None:
    both = make_evidence(tmp_path, networks=("sparse", "half"))
    charts = score_charts(both, [CHOICE, HALF], CHANNELS, LEGEND)
    varied = [c.group for c in charts if c.tab == "Reanalysis · 50 % of observations"]
    assert set(varied) == {"Comparisons", "Skill and error budget", "Space of observations"}
    assert {c.file for c in charts if c.tab == "Experiments"} == {
        "experiments_00_changes.svg",
        "experiments_00_paired.svg",
    }


def test_charts_leave_out_what_is_not_there(evidence: Evidence) -> None:
    bare = replace(
        evidence, events=evidence.events.iloc[:0], consistency=evidence.consistency.iloc[:0]
    )
    names = {chart.file for chart in score_charts(bare, [CHOICE], [], LEGEND)}
    assert not [n for n in names if "reliability" in n or "consistency" in n or "spectra" in n]
    assert "00_reanalysis_budget.svg" in names


def test_tables_are_of_what_is_scored() -> None:
    scores = make_scores()
    only = scores[scores["space"] == "grid"]
    assert len(score_tables(only, tabs([CHOICE], LEGEND)["Reanalysis"], LEGEND)) == 1
    assert len(score_tables(scores, tabs([CHOICE], LEGEND)["Reanalysis"], LEGEND)) == 2
