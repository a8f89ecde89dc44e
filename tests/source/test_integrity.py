"""Tests of checks on fields: each fault is one error that says where it is."""

import numpy as np
import pytest
import xarray as xr

from galerne.products import open_product, write_product
from galerne.source.integrity import check_fields, guard_values, time_block
from galerne.source.selection import Selection

SELECTION = Selection(
    ("mean_sea_level_pressure",), ("temperature",), (850, 500), "2001-01-02", "2001-01-03", 6
)


def fields(times=None) -> xr.Dataset:
    if times is None:
        times = np.datetime64("2001-01-01", "ns") + np.arange(16) * np.timedelta64(6, "h")
    rng = np.random.default_rng(0)
    shape = (len(times), 4, 8)
    return xr.Dataset(
        {
            "mean_sea_level_pressure": (
                ("time", "latitude", "longitude"),
                rng.normal(1e5, 1e3, shape),
            ),
            "temperature": (
                ("time", "level", "latitude", "longitude"),
                rng.normal(260, 5, (len(times), 3, 4, 8)),
            ),
            "land_sea_mask": (("latitude", "longitude"), rng.uniform(0, 1, (4, 8))),
        },
        coords={
            "time": times,
            "level": [500.0, 700.0, 850.0],
            "latitude": [67.5, 22.5, -22.5, -67.5],
            "longitude": np.arange(8) * 45.0,
        },
    )


def test_selects_what_is_wanted_and_nothing_else() -> None:
    found = check_fields(fields(), SELECTION, "here").compute()
    assert np.array_equal(found["time"], SELECTION.times)
    assert found["level"].values.tolist() == [500, 850]
    assert set(found.data_vars) == {"mean_sea_level_pressure", "temperature", "land_sea_mask"}
    expected = fields()["temperature"].sel(level=[500, 850], time=SELECTION.times)
    assert np.allclose(found["temperature"], expected)
    assert found["temperature"].dtype == "float32"
    assert found["temperature"].attrs == {"units": "K", "standard_name": "air_temperature"}


@pytest.mark.parametrize(
    ("pick", "message"),
    [
        (range(3), "leaves the data, which hold 2001-01-01T00:00 to 2001-01-01T12:00"),
        (range(6, 16), "period 2001-01-02T00:00 to 2001-01-03T00:00 leaves the data"),
        ([0, 1, 15], "none of the 5 times from 2001-01-02T00:00 to .* step of 6 h is in the"),
        ([], "hold no time"),
    ],
)
def test_refuses_times_that_are_not_the_period(pick, message) -> None:
    faulty = fields().isel(time=list(pick))
    with pytest.raises(ValueError, match=message):
        check_fields(faulty, SELECTION, "here")


def test_missing_doubled_and_shuffled_times_are_left_to_the_audit_in_order() -> None:
    faulty = fields().isel(time=[0, 7, 15, 6, 4, 6])
    found = check_fields(faulty, SELECTION, "here")
    assert np.array_equal(found["time"], fields()["time"][[4, 6, 6, 7]])
    wanted = fields()["mean_sea_level_pressure"][[4, 6, 6, 7]]
    assert np.allclose(found["mean_sea_level_pressure"], wanted)


def test_refuses_missing_variables_and_levels() -> None:
    with pytest.raises(ValueError, match="'temperature' is not in the data; found: land_sea"):
        check_fields(fields().drop_vars("temperature"), SELECTION, "here")
    with pytest.raises(ValueError, match="level 850 hPa is not in the data; found: 500, 700"):
        check_fields(fields().isel(level=slice(2)), SELECTION, "here")


def test_implausible_values_are_read_as_they_are() -> None:
    faulty = fields()
    faulty["temperature"][6, 2, 1, 3] = np.nan
    faulty["temperature"][6, 2, 1, 4] = -13
    found = check_fields(faulty, SELECTION, "here")["temperature"].values[2, 1, 1]
    assert np.isnan(found[3])
    assert found[4] == -13


def test_units_of_the_source_are_kept_where_they_differ() -> None:
    said = fields()
    said["temperature"].attrs["units"] = "degC"
    said["mean_sea_level_pressure"].attrs["units"] = "Pa"
    found = guard_values(said, "here")
    assert found["temperature"].attrs["units"] == "K"
    assert found["temperature"].attrs["source_units"] == "degC"
    assert "source_units" not in found["mean_sea_level_pressure"].attrs
    assert guard_values(found, "here")["temperature"].attrs["source_units"] == "degC"


def test_refuses_an_unknown_variable() -> None:
    with pytest.raises(ValueError, match="unknown variable 'ozone'; allowed: geopotential"):
        guard_values(fields().rename(temperature="ozone"), "here")


def test_a_damaged_chunk_is_named_by_store_variable_and_times(tmp_path) -> None:
    write_product(fields(), tmp_path / "manifest.json", chunks={"time": 4})
    chunk = tmp_path / "data.zarr" / "temperature" / "c" / "2" / "0" / "0" / "0"
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 0xFF
    chunk.write_bytes(bytes(content))
    guarded = guard_values(open_product(tmp_path / "manifest.json"), "here")
    guarded["mean_sea_level_pressure"].load()
    with pytest.raises(
        ValueError,
        match="here: variable 'temperature', times 2001-01-03T00:00 to 2001-01-03T18:00: cannot",
    ):
        guarded["temperature"].load()


def test_values_are_read_only_when_computed_and_block_by_block() -> None:
    times = np.arange(300) * np.timedelta64(6, "h") + np.datetime64("2001-01-01", "ns")
    guarded = guard_values(fields(times), "here")
    assert guarded["temperature"].chunks[0] == (120, 120, 60)


def test_blocks_shrink_with_the_grid() -> None:
    assert time_block(fields()) == 120
    large = xr.Dataset({"x": (("time", "lat", "lon"), np.broadcast_to(0.0, (9, 3000, 3000)))})
    assert time_block(large) == 3
