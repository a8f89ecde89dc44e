"""Labelled data and plain arrays hold the same numbers in the same order."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from galerne.arrays import (
    LAYOUT,
    describe_coordinates,
    stack_channels,
    state_blocks,
    unstack_channels,
)
from galerne.catalogue import VARIABLES, channels
from galerne.products import open_product, write_product

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


def test_blocks_are_the_record_in_order() -> None:
    times = TIME[0] + np.arange(5) * np.timedelta64(6, "h")
    values, dataset = labelled({"time": times})
    blocks = list(state_blocks(dataset, STATE, 2))
    assert [len(x) for x, _ in blocks] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate([x for x, _ in blocks]), values)
    np.testing.assert_array_equal(np.concatenate([when for _, when in blocks]), times)


def test_a_damaged_chunk_is_named_by_variable_product_and_times(tmp_path: Path) -> None:
    _, dataset = labelled({"time": TIME})
    write_product(dataset, tmp_path / "manifest.json")
    chunk = next(p for p in (tmp_path / "data.zarr/geopotential/c").rglob("*") if p.is_file())
    rotten = bytearray(chunk.read_bytes())
    rotten[len(rotten) // 2] ^= 0xFF
    chunk.write_bytes(rotten)
    said = r"'geopotential' of .*data\.zarr between 2001-01-01T00.* and 2001-01-01T06"
    with pytest.raises(ValueError, match=said):
        stack_channels(open_product(tmp_path / "manifest.json"), STATE)
