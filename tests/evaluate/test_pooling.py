"""Pooling of statistics over states and windows."""

import numpy as np
import pandas as pd
import pytest

from galerne.evaluate.pooling import COLUMNS, pool, score_table, sort_scores, stratified_table

CHOICE = {
    name: name[0] for name in ("dataset", "autoencoder", "prior", "network", "method", "task")
}


def rows(squared, *, count=1, members=4, window="2001-01-01T00:00", level=500.0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "window": window,
            "time": pd.Timestamp(window),
            "space": "grid",
            "region": "globe",
            "variable": "temperature",
            "level": level,
            "lead_hours": 0,
            "count": count,
            "members": members,
            "squared_error": np.atleast_1d(np.asarray(squared, float)),
            "error": 1.0,
            "variance": 0.8,
            "crps": 0.3,
            "coverage_50": 0.5,
            "coverage_90": 0.8,
            "covariance": 1.0,
            "mean_square": 2.0,
            "truth_square": 2.0,
            "error_variance": 0.0,
            "energy": 0.4,
            "brier": np.nan,
        }
    )


def value(scores, metric, window="all") -> float:
    found = scores[(scores["metric"] == metric) & (scores["window"] == window)]
    assert len(found) == 1
    return found["value"].iloc[0]


def test_rmse_is_the_root_of_the_pooled_square_and_no_mean_of_roots() -> None:
    other = "2001-02-01T00:00"
    scores = score_table(pd.concat([rows([1.0, 3.0]), rows([9.0, 11.0], window=other)]), CHOICE)
    assert value(scores, "rmse", "2001-01-01T00:00") == pytest.approx(np.sqrt(2))
    assert value(scores, "rmse", other) == pytest.approx(np.sqrt(10))
    assert value(scores, "rmse") == pytest.approx(np.sqrt(6))
    assert value(scores, "ssr") == pytest.approx(np.sqrt(5 / 4 * 0.8 / 6))
    assert value(scores, "acc") == 0.5


def test_rows_count_by_the_cases_behind_them() -> None:
    both = pd.concat([rows(1.0, count=30), rows(5.0, count=10)])
    pooled = pool(both, ["variable"])
    assert pooled["squared_error"].tolist() == [2.0]
    assert pooled["count"].tolist() == [40]


def test_what_no_row_has_stays_unknown_and_is_no_zero() -> None:
    pooled = pool(rows([1.0, 2.0]), ["variable"])
    assert pooled["brier"].isna().all()
    assert "brier" not in set(score_table(rows(1.0), CHOICE)["metric"])


def test_the_surface_is_a_level_of_its_own() -> None:
    scores = score_table(pd.concat([rows(1.0), rows(4.0, level=np.nan)]), CHOICE)
    rmse = scores[(scores["metric"] == "rmse") & (scores["window"] == "all")]
    assert rmse["level"].isna().tolist() == [True, False]
    assert rmse["value"].tolist() == [2.0, 1.0]


def test_one_member_has_neither_spread_nor_intervals() -> None:
    found = set(score_table(rows(1.0, members=1), CHOICE)["metric"])
    assert found == {"rmse", "bias", "crps", "acc", "energy_score"}


def test_ensembles_of_unlike_size_are_refused_unless_they_may_be_pooled() -> None:
    both = pd.concat([rows(1.0), rows(1.0, members=8)])
    with pytest.raises(ValueError, match=r"unlike size cannot be pooled: \[4, 8\]"):
        pool(both, ["variable"])
    scores = score_table(both, CHOICE, unlike=True)
    assert value(scores, "ssr") == pytest.approx(np.sqrt(0.8 * (5 / 4 + 9 / 8) / 2))


def test_scores_are_of_the_globe_and_regions_have_a_table_of_their_own() -> None:
    tropics = rows(9.0).assign(region="tropics", energy=np.nan)
    both = pd.concat([rows(1.0), tropics, rows(3.0, window="2001-01-01T06:00")])
    assert value(score_table(both, CHOICE), "rmse") == pytest.approx(np.sqrt(2))
    table = stratified_table(both, CHOICE)
    rmse = table[table["metric"] == "rmse"].set_index(["region", "hour"])["value"]
    expected = {("globe", "00"): 1.0, ("globe", "06"): 3**0.5, ("globe", "all"): 2**0.5}
    assert rmse.to_dict() == pytest.approx(expected | {("tropics", "all"): 3.0})
    assert len(table[(table["region"] == "tropics") & (table["metric"] == "energy_score")]) == 0


def test_the_table_is_tidy_and_sorted_whatever_came_first() -> None:
    scores = score_table(pd.concat([rows(1.0), rows(4.0, level=np.nan)]), CHOICE)
    assert list(scores.columns) == COLUMNS
    assert scores["metric"].tolist()[:5] == ["rmse", "bias", "crps", "spread", "ssr"]
    pd.testing.assert_frame_equal(sort_scores(scores.sample(frac=1, random_state=0)), scores)
