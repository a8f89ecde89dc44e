"""Tables lay methods side by side in units that people read."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from galerne.report.tables import compare, number, pick, read_scores, relative, score_table

from .conftest import CHOICE, LEGEND, make_scores

REST = {k: v for k, v in CHOICE.items() if k != "method"}


def test_scores_are_read_with_the_names_of_channels(scores: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    scores.drop(columns="channel").to_csv(path, index=False)
    assert list(read_scores(path)["channel"].unique()) == ["2m_temperature", "geopotential_500"]


def test_table_of_another_kind_is_refused_by_the_names_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    make_scores().drop(columns=["space", "metric"]).to_csv(path, index=False)
    with pytest.raises(ValueError, match="lacks the columns space, metric"):
        read_scores(path)


def test_methods_stand_side_by_side_baselines_first(scores: pd.DataFrame) -> None:
    wide = pick(scores, REST, "rmse", space="grid")
    assert list(wide) == ["climatology", "reconstruction", "prior", "mmps"]
    assert wide.loc[("geopotential_500", 0), "mmps"] == pytest.approx(4.0)


def test_scores_are_relative_to_climatology_of_the_same_channel(scores: pd.DataFrame) -> None:
    one = scores["channel"] == "2m_temperature"
    scores.loc[one, "value"] *= 1000
    np.testing.assert_allclose(relative(scores, REST, "rmse", space="grid")["mmps"], 0.4)


def test_without_climatology_nothing_is_relative(scores: pd.DataFrame) -> None:
    scores = scores[scores["method"] != "climatology"]
    assert relative(scores, REST, "rmse", space="grid").empty


def test_table_has_units_that_people_read() -> None:
    scores = make_scores()
    scores["variable"] = scores["variable"].replace("2m_temperature", "mean_sea_level_pressure")
    scores["channel"] = scores["channel"].replace("2m_temperature", "mean_sea_level_pressure")
    table = score_table(scores, REST, LEGEND, space="grid")
    row = next(row for row in table.rows if row[0] == "MSLP")
    assert row[1] == "hPa"
    assert row[2] == "0.100"


def test_table_keeps_its_shape(scores: pd.DataFrame) -> None:
    for table in (score_table(scores, REST, LEGEND, space=s) for s in ("grid", "withheld")):
        assert sum(span for _, span in table.groups) == len(table.header)
        assert {len(row) for row in table.rows} == {len(table.header)}


def test_table_without_spread_has_no_such_column(scores: pd.DataFrame) -> None:
    scores = scores[~scores["metric"].isin(["ssr", "spread", "crps"])]
    table = score_table(scores, REST, LEGEND, space="grid")
    assert [name for name, _ in table.groups] == ["", "RMSE", "RMSE ÷ climatology", "Bias"]


def test_leads_have_rows_of_their_own() -> None:
    table = score_table(make_scores(leads=(6, 12)), REST, LEGEND, space="grid")
    assert table.header[2] == "Lead [h]"
    assert [row[2] for row in table.rows] == ["6", "12", "6", "12"]


def test_no_scores_no_table(scores: pd.DataFrame) -> None:
    assert score_table(scores[scores["space"] == "grid"], REST, LEGEND, space="withheld") is None


def test_comparison_names_only_what_differs() -> None:
    both = pd.concat([make_scores(0.4), make_scores(0.6, network="half")])
    table = compare(both, [CHOICE, CHOICE | {"network": "half"}], LEGEND)
    assert table.header[:3] == ["Network", "Task", "Method"]
    mine = [row for row in table.rows if row[2] == "Posterior (mmps)"]
    assert [row[0] for row in mine] == ["Sparse", "50 % of observations"]
    assert [row[3] for row in mine] == ["0.400", "0.600"]
    assert {len(row) for row in table.rows} == {len(table.header)}


def test_comparison_has_a_row_for_what_was_not_asked_for_but_is_scored() -> None:
    scores = make_scores(0.4)
    more = scores[scores["method"] == "mmps"].assign(method="oi")
    table = compare(pd.concat([scores, more]), [CHOICE], LEGEND)
    assert [row[1] for row in table.rows] == [
        "Prior, no observations",
        "Optimal interpolation",
        "Posterior (mmps)",
    ]


def test_numbers_have_three_digits() -> None:
    assert [number(x) for x in (0.41159, 12.345, 1234.5, np.nan)] == ["0.412", "12.3", "1234", "–"]
