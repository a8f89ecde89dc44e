"""Labels: valid times for analyses, start and lead for forecasts."""

import numpy as np

from galerne.assimilate.ensemble import label_members
from galerne.observe.task import cutoffs
from galerne.stats.transform import Transform

TIMES = np.datetime64("2001-01-01", "ns") + np.arange(3) * np.timedelta64(6, "h")


def values(states: int) -> np.ndarray:
    return np.arange(2 * states * 2 * 8 * 16, dtype="float32").reshape(2, states, 2, 8, 16)


def test_a_reanalysis_has_every_time(transform: Transform) -> None:
    data = label_members(values(3), [4, 5], cutoffs("reanalysis", TIMES), transform)
    assert dict(data.sizes) == {"number": 2, "time": 3, "latitude": 8, "longitude": 16, "level": 1}
    assert data["number"].values.tolist() == [4, 5]
    assert data["geopotential"].dims == ("number", "time", "level", "latitude", "longitude")
    np.testing.assert_array_equal(data["2m_temperature"].values, values(3)[:, :, 0])


def test_filtering_has_the_analysis_times_only(transform: Transform) -> None:
    asked = cutoffs("filtering", TIMES, [6])
    data = label_members(values(1), [0, 1], asked, transform)
    assert data["time"].values.tolist() == TIMES[1:2].tolist()
    assert "prediction_timedelta" not in data.dims


def test_a_forecast_starts_at_the_last_observation(transform: Transform) -> None:
    asked = cutoffs("forecasting", TIMES, [0])
    data = label_members(values(2), [0, 1], asked, transform)
    assert data["2m_temperature"].dims[:3] == ("number", "time", "prediction_timedelta")
    assert data["time"].values.tolist() == TIMES[:1].tolist()
    hours = data["prediction_timedelta"].values / np.timedelta64(1, "h")
    assert hours.tolist() == [6, 12]
    np.testing.assert_array_equal(
        data["geopotential"].isel(time=0, level=0).values, values(2)[:, :, 1]
    )
