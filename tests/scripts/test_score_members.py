"""Scores of one choice, by script, for ensembles whose scores are known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from galerne.arrays import unstack_channels
from galerne.catalogue import channels
from galerne.observe.table import write_observations
from galerne.products import write_product
from workflow.scripts.score_members import score_members

STATE = {"surface": ["2m_temperature"], "pressure": ["temperature"], "levels": [500]}
CHOICE = dict(dataset="d", autoencoder="a", prior="p", network="n", method="m", task="t")
WINDOWS = ["20010101T00_12h", "20010103T00_12h"]
HOURS = np.timedelta64(6, "h")
COORDS = {
    "time": np.datetime64("2001-01-01", "ns") + np.arange(12) * HOURS,
    "latitude": 90 - (np.arange(8) + 0.5) * 22.5,
    "longitude": np.arange(16) * 22.5,
}


def write(path, values, **coords: np.ndarray) -> Path:
    coords = {name: coords.get(name, COORDS.get(name)) for name in (*coords, *COORDS)}
    labelled = unstack_channels(values.astype("float32"), channels(**STATE), coords)
    write_product(labelled, path)
    return path


@pytest.fixture
def products(tmp_path) -> dict[str, list[Path]]:
    """Two windows; members are the truth plus 1 K and minus 3 K, in two batches."""
    rng = np.random.default_rng(0)
    truth = 280 + rng.normal(size=(12, 2, 8, 16))
    made = {"truth": [write(tmp_path / "truth/manifest.json", truth)] * 2}
    made |= {"members": [], "observations": []}
    for window, first in zip(WINDOWS, (0, 8), strict=True):
        times = COORDS["time"][first : first + 3]
        for number, error in enumerate((1.0, -3.0)):
            path = tmp_path / window / f"members_{number}" / "manifest.json"
            values = truth[None, first : first + 3] + error
            made["members"].append(write(path, values, number=np.array([number]), time=times))
        seen = pd.DataFrame(
            {
                "time": np.repeat(times, 40),
                "lat": COORDS["latitude"][2],
                "lon": COORDS["longitude"][5],
                "level": np.nan,
                "variable": "2m_temperature",
                "observation": np.repeat(truth[first : first + 3, 0, 2, 5], 40),
                "error": 0.5,
                "platform": "land",
                "station": "s",
                "withheld": np.arange(120) % 4 == 0,
            }
        )
        made["observations"].append(tmp_path / window / "observations.parquet")
        write_observations(seen, made["observations"][-1])
    return made


def score(products, path, task, members=None) -> pd.DataFrame:
    score_members(
        products["truth"],
        products["observations"],
        products["members"] if members is None else members,
        path,
        windows=WINDOWS,
        choice=CHOICE,
        task=task,
        state=STATE,
        crps="fair",
        seed=0,
    )
    return pd.read_csv(path)


def test_scores_of_two_members_known_by_hand(products, tmp_path) -> None:
    scores = score(products, tmp_path / "scores.csv", {"kind": "reanalysis"})
    grid = scores[scores["space"] == "grid"]
    assert set(grid["window"]) == {"2001-01-01T00:00", "2001-01-03T00:00", "all"}
    assert len(grid) == 3 * 2 * 5
    expected = {"rmse": 1.0, "bias": -1.0, "crps": 0.0, "spread": 8**0.5, "ssr": 12**0.5}
    for metric, value in expected.items():
        got = grid.loc[grid["metric"] == metric, "value"]
        np.testing.assert_allclose(got, value, atol=1e-4)
    withheld = scores[(scores["space"] == "withheld") & (scores["window"] == "all")]
    found = withheld.set_index("metric")["value"]
    assert found["bias"] == pytest.approx(-1, abs=1e-4)
    assert found["rmse"] == pytest.approx(np.sqrt(1 - 0.25), abs=1e-4)
    assert found["ssr"] == pytest.approx(np.sqrt(12 + 0.25), abs=1e-3)
    assert (scores["lead_hours"] == 0).all()


def test_a_baseline_has_the_leads_of_the_task_and_no_spread(products, tmp_path) -> None:
    alone = products["members"][::2]
    task = {"kind": "forecasting", "now_hours": [0]}
    scores = score(products, tmp_path / "scores.csv", task, members=alone)
    assert set(scores.loc[scores["space"] == "grid", "lead_hours"]) == {6, 12}
    assert set(scores["metric"]) == {"rmse", "bias", "crps"}
    assert set(scores[list(CHOICE)].iloc[0]) == set(CHOICE.values())


def test_filtering_pools_every_analysis_at_lead_zero(products, tmp_path) -> None:
    task = {"kind": "filtering", "now_hours": [0, 12]}
    scores = score(products, tmp_path / "scores.csv", task)
    assert set(scores["lead_hours"]) == {0}
    assert scores["value"].notna().all()


def test_a_rerun_writes_the_same_bytes(products, tmp_path) -> None:
    for name in ("a.csv", "b.csv"):
        score(products, tmp_path / name, {"kind": "reanalysis"})
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
