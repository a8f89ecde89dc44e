"""The climatology by hour and day is WeatherBench2's, for whole years; gaps are left out."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from galerne.catalogue import channels
from galerne.stats import hourly as module
from galerne.stats.hourly import hourly_climatology, window_weights

STATE = channels(["2m_temperature"], ["geopotential"], [850, 500])
SURFACE, PRESSURE = ("time", "latitude", "longitude"), ("time", "level", "latitude", "longitude")


def record(first: str, last: str, seed: int = 0) -> xr.Dataset:
    """Noise every 12 hours, livelier in one half of the year."""
    times = pd.date_range(first, last, freq="12h")
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(len(times), 3, 2, 3)) + times.month.to_numpy()[:, None, None, None]
    return xr.Dataset(
        {"2m_temperature": (SURFACE, x[:, 0]), "geopotential": (PRESSURE, x[:, 1:])},
        {
            "time": times,
            "level": [500, 850],
            "latitude": [30.0, -30.0],
            "longitude": np.arange(3.0),
        },
    )


def by_rolling(x: xr.Dataset, days: int) -> xr.Dataset:
    """WeatherBench2's definition in xarray: years stacked, padded in a ring, rolled, weighted."""
    half, kept = days // 2, []
    ramp = np.linspace(0, 1, half + 1)
    weights = xr.DataArray(np.concatenate([ramp, ramp[-2::-1]]), dims="window")
    for hour in np.unique(x.time.dt.hour):
        years = []
        for year in np.unique(x.time.dt.year):
            one = x.isel(time=(x.time.dt.hour == hour) & (x.time.dt.year == year))
            days_of_year = one.time.dt.dayofyear.values
            one = (
                one.drop_vars("time")
                .rename(time="dayofyear")
                .assign_coords(dayofyear=days_of_year)
            )
            years.append(one)
        stacked = xr.concat(years, dim="year", join="outer")
        stacked = stacked.fillna(stacked.sel(dayofyear=365))
        padded = stacked.pad(dayofyear=half, mode="wrap")
        rolled = padded.rolling(dayofyear=days, center=True).construct("window")
        mean = rolled.weighted(weights).mean(("window", "year"))
        kept.append(mean.isel(dayofyear=slice(half, -half)).assign_coords(hour=hour))
    return xr.concat(kept, dim="hour")


@pytest.mark.parametrize("days", [3, 61])
def test_whole_years_give_the_numbers_of_weatherbench2(days) -> None:
    parts = [record("2003-01-01", "2003-12-31T12", 1), record("2004-01-01", "2005-12-31T12", 2)]
    found = hourly_climatology(parts, STATE, days).compute()
    wanted = by_rolling(xr.concat(parts, dim="time"), days)
    for name in ("2m_temperature", "geopotential"):
        ours, wanted = found[name], wanted.reindex(level=found["level"])
        theirs = wanted[name].transpose(*ours.dims)
        assert np.isfinite(ours).all()
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


def test_the_layout_is_that_of_weatherbench2() -> None:
    found = hourly_climatology([record("2004-01-01", "2004-12-31T12")], STATE, 61)
    assert dict(found.sizes) == {
        "hour": 2, "dayofyear": 366, "latitude": 2, "longitude": 3, "level": 2,
    }  # fmt: skip
    assert found["geopotential"].dims == ("hour", "dayofyear", "level", "latitude", "longitude")
    assert found["2m_temperature"].dims == ("hour", "dayofyear", "latitude", "longitude")
    assert found["hour"].values.tolist() == [0, 12]
    assert found["dayofyear"].values[[0, -1]].tolist() == [1, 366]
    assert found["level"].values.tolist() == [850, 500]
    assert found["2m_temperature"].dtype == "float32"
    assert found["geopotential"].attrs["units"] == "m**2 s**-2"


def test_what_is_missing_is_left_out_of_sum_and_weight() -> None:
    x = record("2003-02-01", "2003-04-30T12", 3)
    x["2m_temperature"][10, 0, 1] = np.nan
    x["2m_temperature"][:, 1, 2] = np.nan
    found = hourly_climatology([x.drop_isel(time=[20])], STATE, 5)["2m_temperature"].compute()
    hour = np.flatnonzero(x["time"].dt.hour == x["time"][10].dt.hour)
    days, weights = x["time"].dt.dayofyear.values[hour], [0.5, 1, 0.5]
    middle = int(x["time"][10].dt.dayofyear)
    values = x["2m_temperature"].values[hour][:, 0, 1]
    near = values[np.abs(days - middle) <= 1]
    assert np.isnan(near[1])
    wanted = np.nansum(near * weights) / 1.0
    here = found.sel(hour=0, dayofyear=middle)
    np.testing.assert_allclose(here[0, 1], wanted, rtol=1e-6)
    gap = int(x["time"][20].dt.dayofyear)
    values = x["2m_temperature"].values[hour][np.abs(days - gap) == 1]
    np.testing.assert_allclose(
        found.sel(hour=0, dayofyear=gap)[0, 0], values[:, 0, 0].mean(), rtol=1e-6
    )
    assert np.isnan(found[:, :, 1, 2]).all()
    assert np.isnan(found.sel(dayofyear=slice(150, 360))).all()


def test_bands_of_latitude_leave_no_trace(monkeypatch) -> None:
    x = [record("2003-01-01", "2003-12-31T12", 4)]
    whole = hourly_climatology(x, STATE, 31).compute()
    monkeypatch.setattr(module, "SUMS_BYTES", 1)
    assert hourly_climatology(x, STATE, 31).compute().identical(whole)


@pytest.mark.parametrize("days", [1, 60])
def test_a_window_without_a_middle_day_is_refused(days) -> None:
    with pytest.raises(ValueError, match=f"a window of {days} days has no middle day"):
        window_weights(days)
