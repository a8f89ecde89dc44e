"""Temperatures of stations are brought to the model's ground, and nothing else is."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from galerne.observe.height import as_reported, at_model_ground, possible_heights, with_heights

LATITUDE, LONGITUDE = np.array([60.0, 20.0, -20.0, -60.0]), np.arange(8) * 45.0


@pytest.fixture
def truth() -> xr.Dataset:
    """The ground rises by 10 m for each degree of longitude, and by 5 m for each of latitude."""
    metres = 2000 + 10 * LONGITUDE + 5 * LATITUDE[:, None]
    coords = {"latitude": LATITUDE, "longitude": LONGITUDE}
    ground = xr.DataArray(9.80665 * metres, coords, ("latitude", "longitude"))
    return xr.Dataset({"geopotential_at_surface": ground.transpose("longitude", "latitude")})


@pytest.fixture
def rows() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "lat": [30.0, 30.0, 30.0, -10.0],
            "lon": [100.0, 100.0, 100.0, 10.0],
            "variable": ["2m_temperature", "mean_sea_level_pressure", *["2m_temperature"] * 2],
            "observation": [280.0, 101000.0, 281.0, 290.0],
            "elevation": [3350.0, 3350.0, np.nan, 1050.0],
        }
    )


def test_the_ground_of_the_model_is_that_under_the_site(truth, rows) -> None:
    found = with_heights(rows, truth)
    assert found["model_elevation"][[0, 3]].tolist() == pytest.approx([3150, 2050])
    assert found["elevation"][[0, 3]].tolist() == [3350, 1050]
    assert found.loc[1:2, ["elevation", "model_elevation"]].isna().all(axis=None)


def test_temperatures_are_brought_down_or_up_by_the_standard_lapse_rate(truth, rows) -> None:
    found = at_model_ground(with_heights(rows, truth))
    # a site 200 m above the ground of the model is 1.3 K too cold; 1000 m below, 6.5 K too warm
    assert found["observation"].tolist() == pytest.approx([281.3, 101000.0, 281.0, 283.5])
    assert "elevation" not in found
    assert "model_elevation" not in found


def test_what_sites_report_is_the_inverse(truth, rows) -> None:
    high = with_heights(rows, truth)
    reported = as_reported(high)
    assert reported["observation"].tolist() == pytest.approx([278.7, 101000.0, 281.0, 296.5])
    back = at_model_ground(reported)["observation"]
    np.testing.assert_allclose(back, rows["observation"], rtol=1e-12)


def test_without_heights_nothing_is_changed(truth, rows) -> None:
    unknown = rows.assign(elevation=np.nan)
    for table in (unknown, unknown.drop(columns="elevation")):
        found = with_heights(table, truth)
        assert list(found.columns) == ["lat", "lon", "variable", "observation"]
        assert at_model_ground(found).equals(found)
        assert as_reported(found).equals(found)


def test_without_the_ground_of_the_model_heights_are_left_out_and_that_is_said(
    rows, caplog
) -> None:
    assert "elevation" not in with_heights(rows, xr.Dataset())
    assert "the data have no geopotential_at_surface" in caplog.text
    caplog.clear()
    with_heights(rows.assign(elevation=np.nan), xr.Dataset())
    with_heights(rows[rows["variable"] == "mean_sea_level_pressure"], xr.Dataset())
    assert not caplog.text


def test_one_height_without_the_other_is_not_possible() -> None:
    heights = [[100.0, 50.0], [np.nan, np.nan], [100.0, np.nan], [np.nan, 5.0], [9500.0, 0.0]]
    found = possible_heights(pd.DataFrame(heights, columns=["elevation", "model_elevation"]))
    assert found["elevation"][0].tolist() == [True, True, False, False, False]
    assert found["model_elevation"][0].tolist() == [True, True, False, False, True]
    assert "-500 to 9000 m, or NaN as the other height" in found["elevation"][1]
    assert possible_heights(pd.DataFrame({"lat": [1.0]})) == {}
