"""Statistics of an ensemble against the truth and against observations."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from galerne.arrays import unstack_channels
from galerne.catalogue import channels
from galerne.evaluate import ensemble as reading
from galerne.evaluate.ensemble import Ensemble
from galerne.evaluate.verification import Standard, verify
from galerne.observe.task import Cutoff, cutoffs
from galerne.products import write_product

CHANNELS = channels(["2m_temperature"], ["temperature"], [500, 850])
TIMES = np.datetime64("2001-01-01", "ns") + np.arange(4) * np.timedelta64(6, "h")
PLACE = {"latitude": np.array([67.5, 22.5, -22.5, -67.5]), "longitude": np.arange(8) * 45.0}
SETTINGS = {
    "crps": "fair",
    "thresholds": {"2m_temperature": [3.0]},
    "distances_km": [1500.0],
    "density_degrees": 1.0,
}


def product(path, values, **coords: np.ndarray) -> Path:
    dataset = unstack_channels(values.astype("float32"), CHANNELS, {**coords, **PLACE})
    write_product(dataset, path)
    return path


def warming(members=2, states=4) -> np.ndarray:
    """Members that are 1 K apart and warm by 6 K between states."""
    offset = np.arange(members)[:, None] + 6.0 * np.arange(states)
    return np.broadcast_to(offset[..., None, None, None], (members, states, 3, 4, 8))


def observations(hours, withheld=True, level=np.nan, error=1.0, lat=10.0) -> pd.DataFrame:
    hours = np.atleast_1d(np.asarray(hours, float))
    return pd.DataFrame(
        {
            "time": TIMES[0] + (hours * 3600e9).astype("timedelta64[ns]"),
            "lat": lat,
            "lon": 20.0,
            "level": level,
            "variable": "2m_temperature" if np.isnan(level) else "temperature",
            "observation": hours,
            "error": error,
            "platform": "land",
            "withheld": withheld,
        }
    )


def judge(
    folder, seen, cutoff, *, members=None, truth=0.0, seed=0, settings=SETTINGS
) -> dict[str, pd.DataFrame]:
    """Judges members that lie beside a truth of one value everywhere."""
    members = warming() if members is None else members
    number = np.arange(len(members))
    drawn = product(folder / "drawn/manifest.json", members, number=number, time=TIMES)
    normal = np.full((1, *members.shape[1:]), -1.0)
    mean = product(folder / "mean/manifest.json", normal, number=np.zeros(1, int), time=TIMES)
    values = np.broadcast_to(np.asarray(truth, "float32"), members.shape[1:])
    fields = unstack_channels(values, CHANNELS, {"time": TIMES, **PLACE})
    return verify(
        Ensemble.open([drawn]),
        Ensemble.open([mean]),
        fields,
        seen,
        cutoff,
        Standard.of(fields, CHANNELS, settings),
        np.random.default_rng(seed),
    )


def of(tables, space, region="globe") -> pd.DataFrame:
    rows = tables["statistics"]
    return rows[(rows["space"] == space) & (rows["region"] == region)].reset_index(drop=True)


def test_the_grid_has_a_row_by_state_channel_and_region_at_its_lead(tmp_path) -> None:
    cutoff = Cutoff(TIMES[1], tuple(TIMES[2:]))
    tables = judge(tmp_path, observations(0, withheld=False), cutoff)
    rows = of(tables, "grid").sort_values(["lead_hours", "variable", "level"])
    assert rows["lead_hours"].tolist() == [6, 6, 6, 12, 12, 12]
    np.testing.assert_allclose(rows["squared_error"], [12.5**2] * 3 + [18.5**2] * 3)
    np.testing.assert_allclose(rows["variance"], 0.5)
    np.testing.assert_allclose(rows["truth_square"], 1)
    np.testing.assert_array_equal(rows["time"], np.repeat(TIMES[2:], 3))
    assert set(tables["statistics"]["region"]) == {
        "globe",
        "northern_extratropics",
        "southern_extratropics",
    }


def test_ranks_and_events_are_counted(tmp_path) -> None:
    (cutoff,) = cutoffs("reanalysis", TIMES)
    tables = judge(tmp_path, observations(0), cutoff, truth=0.5)
    ranks = tables["ranks"].groupby(["space", "rank"])["weight"].sum()
    # Between the members at first, below both afterwards: three channels of four states.
    np.testing.assert_allclose(ranks["grid"], [9, 3, 0], atol=1e-12)
    events = tables["events"]
    assert set(events["variable"]) == {"2m_temperature"}
    # Members exceed 3 K from the second state on, the truth never.
    np.testing.assert_allclose(events.groupby("class")["weight"].sum(), [1, 3])
    assert events["event"].sum() == 0
    brier = of(tables, "grid").groupby("variable")["brier"].mean()
    assert brier["2m_temperature"] == pytest.approx(3 / 4)
    assert np.isnan(brier["temperature"])


def test_distances_are_to_what_was_observed_then_or_last(tmp_path) -> None:
    def site(hours, lat, withheld=False) -> pd.DataFrame:
        return observations(hours, withheld, lat=lat).assign(lon=0.0)

    # At the first state, at the cutoff, after it, and withheld; each on the centre of a cell.
    seen = [site(0, 22.5), site(6, -67.5), site(8, 67.5), site(6, -22.5, withheld=True)]
    cutoff = Cutoff(TIMES[1], (TIMES[0], TIMES[2]))
    rows = judge(tmp_path, pd.concat(seen), cutoff)["statistics"]
    rows = rows[rows["level"].isna()].set_index(["region", "time"])["count"]
    inner, polar = np.sin(np.deg2rad(45)) / 16, (1 - np.sin(np.deg2rad(45))) / 16
    near = rows["distance_below_1500_km"]
    assert near.to_dict() == pytest.approx({TIMES[0]: inner, TIMES[2]: polar})
    np.testing.assert_allclose(near + rows["distance_from_1500_km"], 1)


def test_withheld_observations_between_states_are_interpolated(tmp_path) -> None:
    (cutoff,) = cutoffs("reanalysis", TIMES)
    rows = of(judge(tmp_path, observations([3.0, 9.5, 18.0]), cutoff), "withheld")
    assert rows["time"].tolist() == [pd.Timestamp(TIMES[k]) for k in (1, 2, 3)]
    np.testing.assert_allclose(rows["error"], 0.5)  # the mean of both members
    np.testing.assert_allclose(rows["error_variance"], 1)
    assert rows["count"].sum() == 3


def test_used_observations_do_not_count_as_withheld(tmp_path) -> None:
    (cutoff,) = cutoffs("reanalysis", TIMES)
    seen = pd.concat([observations(6), observations([0, 12], withheld=False)])
    tables = judge(tmp_path, seen, cutoff)
    assert of(tables, "withheld")["count"].sum() == 1
    counted = tables["consistency"].groupby("withheld")["count"].sum()
    assert counted.to_dict() == {True: 1, False: 2}


def test_only_observations_at_a_filtered_state_count(tmp_path) -> None:
    cutoff = Cutoff(TIMES[1], (TIMES[1],))
    rows = of(judge(tmp_path, observations([0, 5.9, 6, 6.1, 12]), cutoff), "withheld")
    assert rows["count"].tolist() == [1]
    assert rows["lead_hours"].tolist() == [0]


def test_observations_after_the_cutoff_were_not_assimilated(tmp_path) -> None:
    cutoff = Cutoff(TIMES[0], tuple(TIMES[1:]))
    seen = pd.concat([observations([6, 9], withheld=False), observations(12)])
    tables = judge(tmp_path, seen, cutoff)
    assert tables["consistency"]["withheld"].all()
    assert of(tables, "withheld")["lead_hours"].tolist() == [12]


def test_without_observations_there_are_fields_alone(tmp_path) -> None:
    (cutoff,) = cutoffs("reanalysis", TIMES)
    tables = judge(tmp_path, observations([]), cutoff)
    assert tables["consistency"].empty
    assert set(tables["statistics"]["space"]) == {"grid"}


def test_a_small_memory_gives_the_same(tmp_path, monkeypatch) -> None:
    (cutoff,) = cutoffs("reanalysis", TIMES)
    rng = np.random.default_rng(0)
    members, seen = rng.normal(size=(3, 4, 3, 4, 8)), observations([3, 9.5], level=600.0)
    whole = judge(tmp_path / "a", seen, cutoff, members=members)
    monkeypatch.setattr(reading.blocks, "__defaults__", (1,))
    parts = judge(tmp_path / "b", seen, cutoff, members=members)
    for name, table in whole.items():
        order = [c for c in table if c not in ("count",) and table[c].dtype != float] + ["level"]
        one, other = (t.sort_values(order, ignore_index=True) for t in (table, parts[name]))
        pd.testing.assert_frame_equal(one, other)


def test_values_that_are_not_finite_are_refused_by_name(tmp_path) -> None:
    (cutoff,) = cutoffs("reanalysis", TIMES)
    members = warming().copy()
    members[1, 2, 0, 3, 3] = np.nan
    with pytest.raises(ValueError, match=r"2m_temperature of member 1, state 3 of 4, in .*drawn"):
        judge(tmp_path / "a", observations(0), cutoff, members=members)
    truth = np.zeros((4, 3, 4, 8))
    truth[3, 1, 0, 0] = np.inf
    with pytest.raises(ValueError, match=r"truth .* not finite: temperature_500 at 2001-01-01T18"):
        judge(tmp_path / "b", observations(0), cutoff, truth=truth)


def test_the_truth_keeps_its_land(tmp_path) -> None:
    fields = unstack_channels(np.zeros((4, 3, 4, 8)), CHANNELS, {"time": TIMES, **PLACE})
    land = xr.DataArray(np.eye(8, 4), dims=("longitude", "latitude"))
    standard = Standard.of(fields.assign(land_sea_mask=land), CHANNELS, SETTINGS)
    np.testing.assert_array_equal(standard.land, np.eye(8, 4).T)
    assert standard.step_hours == 6
    assert Standard.of(fields, CHANNELS, SETTINGS).land is None
