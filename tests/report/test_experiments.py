"""Experiments: a curve where there are shares, rows where there are changes, and paired costs."""

from dataclasses import replace
from pathlib import Path

import pytest

from galerne.report.experiments import experiment_charts, experiment_tables, shares
from galerne.report.legend import Legend

from .conftest import CHOICE, LEGEND, NAMES
from .made import make_evidence, markers, texts

BOTH = [CHOICE, CHOICE | {"network": "half"}]
THIN = {"of": "sparse", "change": "thin", "every": True}
MANY = Legend(
    NAMES["kinds"],
    {name: THIN | {"instruments": {"a": share}} for name, share in (("half", 0.5), ("tenth", 0.1))}
    | {"blind": {"of": "sparse", "change": "deny", "instruments": ["a"], "every": False}},
)


def plots(folder: Path, legend: Legend, *networks: str) -> dict:
    evidence = make_evidence(folder, networks=("sparse", *networks))
    choices = [CHOICE | {"network": name} for name in ("sparse", *networks)]
    return {plot.name: plot for plot in experiment_charts(evidence, choices, legend)}


def test_shares_are_those_of_every_instrument() -> None:
    assert [shares(MANY, n) for n in ("sparse", "half", "tenth")] == [1.0, 0.5, 0.1]
    uneven = THIN | {"instruments": {"a": 0.5, "b": 0.2}}
    some = THIN | {"instruments": {"a": 0.5}, "every": False}
    legend = Legend({}, {"uneven": uneven, "some": some})
    assert str(shares(legend, "uneven")) == str(shares(legend, "some")) == "nan"


def test_shares_are_a_curve_and_changes_are_rows(tmp_path: Path) -> None:
    found = plots(tmp_path, MANY, "half", "tenth", "blind")
    assert list(found) == ["00_density", "00_changes", "00_paired"]
    assert markers(found["00_density"].figure, "Posterior (mmps)")[0].tolist() == [10, 50, 100]
    rows = found["00_changes"].figure.axes[0].get_yticklabels()
    assert [text.get_text() for text in rows] == ["Unchanged", "Without a"]
    assert markers(found["00_changes"].figure, "Optimal interpolation")[0].tolist() == [0.27] * 2


def test_a_single_share_is_a_row(tmp_path: Path) -> None:
    found = plots(tmp_path, LEGEND, "half")
    assert list(found) == ["00_changes", "00_paired"]
    assert "50 % of observations" in texts(found["00_changes"].figure)


def test_costs_are_paired_with_their_intervals(tmp_path: Path) -> None:
    plot = plots(tmp_path, LEGEND, "half")["00_paired"]
    assert [x.tolist() for x in markers(plot.figure, "Posterior (mmps)")] == [[1.2]] * 3
    assert "50 % of observations: Optimal interpolation 1.2 (0.9 to 1.4)" in plot.alt
    assert not markers(plot.figure, "Prior, no observations")


def test_tables_have_a_row_for_each_network_and_method(tmp_path: Path) -> None:
    evidence = make_evidence(tmp_path, networks=("sparse", "half"))
    (table,) = experiment_tables(evidence, BOTH, LEGEND)
    assert [row[:2] for row in table.rows] == [
        [network, method]
        for network in ("Unchanged", "50 % of observations")
        for method in ("Optimal interpolation", "Posterior (mmps)")
    ]
    assert table.rows[0][-2:] == ["–", ""]
    assert table.rows[3][2] == "0.400 (0.300 to 0.500)"
    assert table.rows[3][-2:] == ["1.20 (1.10 to 1.40)", "worse ▲"]
    assert {len(row) for row in table.rows} == {len(table.header)}


def test_a_method_without_some_network_has_no_row_for_it(tmp_path: Path) -> None:
    evidence = make_evidence(tmp_path, networks=("sparse", "half"))
    absent = {}
    for name in ("intervals", "comparisons"):
        table = getattr(evidence, name)
        mine = (table["network"] == "sparse") & (table["method"] == "mmps")
        assert mine.any()
        absent[name] = table[~mine]
    (table,) = experiment_tables(replace(evidence, **absent), BOTH, LEGEND)
    assert [row[:2] for row in table.rows] == [
        ["Unchanged", "Optimal interpolation"],
        ["50 % of observations", "Optimal interpolation"],
        ["50 % of observations", "Posterior (mmps)"],
    ]


@pytest.mark.parametrize("choices", [[CHOICE], [CHOICE, CHOICE | {"network": "other"}]])
def test_networks_without_variants_are_no_experiment(choices, tmp_path: Path) -> None:
    evidence = make_evidence(tmp_path, networks=tuple(c["network"] for c in choices))
    assert experiment_charts(evidence, choices, LEGEND) == []
    assert experiment_tables(evidence, choices, LEGEND) == []
