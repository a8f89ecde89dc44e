"""Scores of one choice, by script, for ensembles whose scores are known."""

import numpy as np
import pandas as pd
import pytest

from galerne.evaluate.tables import read_scores, read_table
from tests.scripts.scored import CHOICE, JUDGED, TABLES, make_products, score


@pytest.fixture
def products(tmp_path) -> dict:
    return make_products(tmp_path / "products")


def test_scores_of_two_members_known_by_hand(products, tmp_path) -> None:
    scores = read_scores(score(products, tmp_path, {"kind": "reanalysis"})["scores"])
    grid = scores[scores["space"] == "grid"]
    assert set(grid["window"]) == {"2001-01-01T00:00", "2001-01-03T00:00", "all"}
    expected = {"rmse": 1.0, "bias": -1.0, "crps": 0.0, "spread": 8**0.5, "ssr": 12**0.5}
    # The truth lies between both members: in the one of three ranks that is inside.
    expected |= {"coverage_50": 1.0, "coverage_90": 1.0}
    for metric, value in expected.items():
        got = grid.loc[grid["metric"] == metric, "value"]
        assert len(got) == 3 * 5
        np.testing.assert_allclose(got, value, atol=1e-4)
    withheld = scores[(scores["space"] == "withheld") & (scores["window"] == "all")]
    found = withheld.set_index("metric")["value"]
    assert found["bias"] == pytest.approx(-1, abs=1e-4)
    assert found["rmse"] == pytest.approx(np.sqrt(1 - 0.25), abs=1e-4)
    assert found["ssr"] == pytest.approx(np.sqrt(12 + 0.25), abs=1e-3)
    assert (scores["lead_hours"] == 0).all()


def test_every_table_is_there_and_about_both_windows(products, tmp_path) -> None:
    paths = score(products, tmp_path, {"kind": "reanalysis"})
    tables = {name: read_table(paths[name]) for name in TABLES}
    for name in ("statistics", "ranks", "events", "consistency"):
        assert tables[name]["window"].nunique() == 2
    assert set(tables["statistics"]["region"]) == {
        *("globe", "globe_by_density", "northern_extratropics", "southern_extratropics"),
        *("tropics", "distance_below_1000_km", "distance_from_1000_km"),
    }
    assert set(tables["events"]["variable"]) == {"temperature"}
    assert tables["consistency"]["count"].sum() == 240
    assert tables["spectra"]["count"].eq(6).all()
    assert set(tables["balance"]["measure"]) == {"hydrostatic", "mass", "drift"}
    # One member lies 1 Pa above the truth, the other 3 Pa below, always.
    mass = tables["balance"].set_index("measure").loc["mass"]
    assert mass["members"] / mass["count"] == pytest.approx((1 + 9) / 2, rel=1e-3)


def test_a_baseline_has_the_leads_of_the_task_and_no_spread(products, tmp_path) -> None:
    alone = products["members"][::2]
    task = {"kind": "forecasting", "now_hours": [0]}
    scores = read_scores(score(products, tmp_path, task, members=alone)["scores"])
    assert set(scores.loc[scores["space"] == "grid", "lead_hours"]) == {6, 12}
    assert not {"spread", "ssr", "coverage_90"} & set(scores["metric"])
    assert set(scores[list(CHOICE)].iloc[0]) == set(CHOICE.values())


def test_filtering_pools_every_analysis_at_lead_zero(products, tmp_path) -> None:
    task = {"kind": "filtering", "now_hours": [0, 12]}
    scores = read_scores(score(products, tmp_path, task)["scores"])
    assert set(scores["lead_hours"]) == {0}
    assert scores["value"].notna().all()


def test_missing_members_are_scored_around_only_where_asked(products, tmp_path) -> None:
    task, skip = {"kind": "reanalysis"}, JUDGED | {"missing_members": "skip"}
    some = products["members"][:3]  # of the second window one of two members
    with pytest.raises(ValueError, match=r"unlike size cannot be pooled: \[1, 2\]"):
        score(products, tmp_path / "a", task, members=some)
    scores = read_scores(
        score(products, tmp_path / "b", task, members=some, judged=skip)["scores"]
    )
    rmse = scores[(scores["metric"] == "rmse") & (scores["space"] == "grid")]
    assert rmse.groupby("window")["value"].mean().to_dict() == pytest.approx(
        {"2001-01-01T00:00": 1, "2001-01-03T00:00": 1, "all": 1}, abs=1e-4
    )
    none = products["members"][:2]  # of the second window no member
    with pytest.raises(ValueError, match="no member is there"):
        score(products, tmp_path / "c", task, members=none)
    scores = read_scores(
        score(products, tmp_path / "d", task, members=none, judged=skip)["scores"]
    )
    assert set(scores["window"]) == {"2001-01-01T00:00", "all"}


def test_a_rerun_writes_the_same_bytes(products, tmp_path) -> None:
    one, other = (score(products, tmp_path / name, {"kind": "reanalysis"}) for name in "ab")
    for name, path in one.items():
        assert path.read_bytes() == other[name].read_bytes()


def test_nothing_is_written_where_a_window_is_refused(products, tmp_path) -> None:
    (products["members"][-1].parent / "data.zarr/zarr.json").unlink()
    with pytest.raises(FileNotFoundError):
        score(products, tmp_path / "out", {"kind": "reanalysis"})
    assert not (tmp_path / "out").exists()


def test_tables_hold_times_as_times(products, tmp_path) -> None:
    table = read_table(score(products, tmp_path, {"kind": "reanalysis"})["statistics"])
    assert table["time"].dtype == "datetime64[ns]"
    assert table["time"].min() == pd.Timestamp("2001-01-01")
