"""Labelled data and plain arrays hold the same numbers in the same order."""

import numpy as np
import pytest
import xarray as xr

from galerne.arrays import LAYOUT, describe_coordinates, stack_channels, unstack_channels
from galerne.catalogue import VARIABLES, channels

STATE = channels(["2m_temperature"], ["geopotential", "temperature"], [500, 850])
LATITUDE = np.array([60.0, 0.0, -60.0])
LONGITUDE = np.array([0.0, 90.0, 180.0, 270.0])


def labelled(lead: dict[str, np.ndarray]) -> tuple[np.ndarray, xr.Dataset]:
    shape = (*map(len, lead.values()), len(STATE), len(LATITUDE), len(LONGITUDE))
    values = np.arange(np.prod(shape), dtype="float32").reshape(shape)
    return values, unstack_channels(
        values, STATE, lead | {"latitude": LATITUDE, "longitude": LONGITUDE}
    )


TIME = np.array(["2001-01-01T00", "2001-01-01T06"], dtype="datetime64[ns]")
LEAD = np.array([6, 12], dtype="timedelta64[h]").astype("timedelta64[ns]")
LEADS = [
    {},
    {"time": TIME},
    {"number": np.arange(3), "time": TIME},
    {"number": np.arange(3), "time": TIME[:1], "prediction_timedelta": LEAD},
]


@pytest.mark.parametrize("lead", LEADS, ids=lambda lead: " ".join(lead) or "none")
def test_stacking_undoes_unstacking(lead: dict[str, np.ndarray]) -> None:
    values, dataset = labelled(lead)
    stacked = stack_channels(dataset, STATE)
    assert stacked.dtype == np.float32
    np.testing.assert_array_equal(stacked, values)


def test_numbers_are_filed_under_their_variable_and_level() -> None:
    values, dataset = labelled({"time": TIME})
    np.testing.assert_array_equal(
        dataset["temperature"].sel(level=850).values, values[:, STATE.index(STATE[-1])]
    )
    np.testing.assert_array_equal(dataset["2m_temperature"].values, values[:, 0])
    assert set(dataset["2m_temperature"].dims) == {"time", "latitude", "longitude"}


def test_the_order_of_dimensions_and_levels_in_the_data_does_not_matter() -> None:
    values, dataset = labelled({"time": TIME})
    shuffled = dataset.transpose("longitude", "latitude", ..., "time").isel(level=[1, 0])
    np.testing.assert_array_equal(stack_channels(shuffled, STATE), values)


def test_channels_come_in_the_order_asked() -> None:
    values, dataset = labelled({})
    np.testing.assert_array_equal(stack_channels(dataset, STATE[::-1]), values[::-1])


def test_units_and_coordinates_are_described() -> None:
    _, dataset = labelled({"number": np.arange(3), "time": TIME})
    for name, array in dataset.data_vars.items():
        assert array.attrs["units"] == VARIABLES[name].units
        assert array.attrs["standard_name"] == VARIABLES[name].standard_name
    assert dataset["level"].attrs["units"] == "hPa"
    assert dataset["latitude"].attrs["units"] == "degrees_north"
    assert dataset["longitude"].attrs["units"] == "degrees_east"
    assert dataset["number"].attrs["standard_name"] == "realization"
    assert set(map(str, dataset.dims)) <= set(LAYOUT)


def test_describing_adds_no_coordinate() -> None:
    assert list(describe_coordinates(xr.Dataset(coords={"time": TIME})).coords) == ["time"]


def test_missing_variables_and_levels_are_named() -> None:
    _, dataset = labelled({})
    with pytest.raises(ValueError, match=r"'geopotential' is not in the data; found: .*2m_temp"):
        stack_channels(dataset.drop_vars("geopotential"), STATE)
    with pytest.raises(ValueError, match=r"level 500 hPa of 'geopotential'.*found: \[850\]"):
        stack_channels(dataset.sel(level=[850]), STATE)
