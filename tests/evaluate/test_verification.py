"""Statistics of an ensemble against the truth and against withheld observations."""

import numpy as np
import pandas as pd
import pytest

from galerne.catalogue import channels
from galerne.evaluate.verification import grid_rows, withheld_rows
from galerne.observe.task import cutoffs

CHANNELS = channels(["2m_temperature"], ["temperature"], [500, 850])
TIMES = np.datetime64("2001-01-01", "ns") + np.arange(4) * np.timedelta64(6, "h")
LATITUDE, LONGITUDE = np.array([67.5, 22.5, -22.5, -67.5]), np.arange(8) * 45.0


def warming(members=2, states=4) -> np.ndarray:
    """Members that are 1 K apart and warm by 6 K between states."""
    offset = np.arange(members)[:, None] + 6.0 * np.arange(states)
    return np.broadcast_to(offset[..., None, None, None], (members, states, 3, 4, 8))


def observations(hours, withheld=True, level=np.nan, error=1.0) -> pd.DataFrame:
    hours = np.atleast_1d(np.asarray(hours, float))
    return pd.DataFrame(
        {
            "time": TIMES[0] + (hours * 3600e9).astype("timedelta64[ns]"),
            "lat": 10.0,
            "lon": 20.0,
            "level": level,
            "variable": "2m_temperature" if np.isnan(level) else "temperature",
            "observation": hours,
            "error": error,
            "withheld": withheld,
        }
    )


def judge(members, seen, cutoff, seed=0) -> pd.DataFrame:
    return withheld_rows(
        members,
        seen,
        cutoff=cutoff,
        channels=CHANNELS,
        latitude=LATITUDE,
        longitude=LONGITUDE,
        crps="fair",
        rng=np.random.default_rng(seed),
    )


def test_the_grid_has_a_row_by_state_and_channel_at_its_lead() -> None:
    (cutoff,) = cutoffs("forecasting", TIMES, [6])
    truth = np.zeros((2, 3, 4, 8))
    rows = grid_rows(
        warming(states=2),
        truth,
        cutoff=cutoff,
        channels=CHANNELS,
        latitude=LATITUDE,
        crps="fair",
    )
    assert rows["lead_hours"].tolist() == [6, 6, 6, 12, 12, 12]
    assert rows["variable"].tolist()[:3] == ["2m_temperature", "temperature", "temperature"]
    np.testing.assert_allclose(rows["squared_error"], [0.25] * 3 + [6.5**2] * 3)
    np.testing.assert_allclose(rows["variance"], 0.5)


def test_the_whole_window_of_a_reanalysis_takes_part_between_states() -> None:
    (cutoff,) = cutoffs("reanalysis", TIMES)
    seen = pd.concat([observations([0, 4.5, 18]), observations([3], withheld=False)])
    rows = judge(warming(), seen, cutoff)
    assert rows[["count", "lead_hours", "members"]].to_numpy().tolist() == [[3, 0, 2]]
    assert rows["error"].tolist() == pytest.approx([0.5])
    assert rows["squared_error"].tolist() == pytest.approx([0.25])
    assert rows["error_variance"].tolist() == [1.0]


def test_one_state_meets_only_the_observations_of_its_time() -> None:
    (cutoff,) = cutoffs("filtering", TIMES, [12])
    rows = judge(warming(states=1), observations([6, 11.9, 12, 12, 18]), cutoff)
    assert rows["count"].tolist() == [2]
    assert rows["error"].tolist() == pytest.approx([0.5 - 12])


def test_observations_count_for_the_lead_of_the_state_at_or_after_them() -> None:
    (cutoff,) = cutoffs("forecasting", TIMES, [0])
    rows = judge(warming(states=3), observations([3, 6, 6.1, 12, 17]), cutoff)
    assert dict(zip(rows["lead_hours"], rows["count"], strict=True)) == {6: 1, 12: 2, 18: 1}


def test_levels_are_judged_apart_and_between_states_levels() -> None:
    (cutoff,) = cutoffs("reanalysis", TIMES)
    seen = pd.concat([observations([6], level=700.0), observations([6]), observations([6])])
    rows = judge(warming(), seen, cutoff)
    assert dict(zip(rows["variable"], rows["count"], strict=True)) == {
        "temperature": 1,
        "2m_temperature": 2,
    }


def test_nothing_withheld_leaves_no_row() -> None:
    (cutoff,) = cutoffs("reanalysis", TIMES)
    rows = judge(warming(), observations([6], withheld=False), cutoff)
    assert len(rows) == 0
    assert "crps" in rows


def test_no_observation_has_no_rows() -> None:
    (cutoff,) = cutoffs("reanalysis", TIMES)
    assert judge(warming(), observations([6.0]).iloc[:0], cutoff).empty
    assert judge(warming(), observations([6.0], withheld=False), cutoff).empty
