"""Tests of the experiment version: however a file tells it, it becomes one coordinate."""

import numpy as np
import pytest
import xarray as xr

from galerne.source.expver import (
    final,
    grib_versions,
    joined_versions,
    label,
    with_grib_versions,
    with_version,
)

from .cds import grib

TIMES = np.arange(4) * np.timedelta64(6, "h") + np.datetime64("2020-01-01", "ns")


@pytest.fixture
def fields() -> xr.Dataset:
    values = np.random.default_rng(0).normal(280, 5, (4, 2, 3))
    return xr.Dataset({"t2m": (("time", "latitude", "longitude"), values)}, {"time": TIMES})


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        (("time", ["0001", "0001", "0005", "0005"]), [1, 1, 5, 5]),
        (("time", np.array([1, 5, 5, 5])), [1, 5, 5, 5]),
        ("0005", [5] * 4),
        (1, [1] * 4),
    ],
)
def test_a_coordinate_is_read(fields, told, wanted) -> None:
    found = with_version(fields.assign_coords(expver=told))
    assert found["expver"].values.tolist() == wanted
    assert found["expver"].dtype == "int8"


def test_a_dimension_of_two_versions_becomes_one_field(fields) -> None:
    late = xr.DataArray(TIMES[1] < TIMES, dims="time")
    both = xr.concat([fields.where(~late), fields.where(late)], "expver")
    both = both.assign_coords(expver=[1, 5])
    found = with_version(both)
    assert np.array_equal(found["t2m"], fields["t2m"])
    assert found["expver"].values.tolist() == [1, 1, 5, 5]
    swapped = with_version(both.isel(expver=[1, 0]))
    assert swapped["expver"].values.tolist() == [1, 1, 5, 5]


def test_keys_of_messages_are_read(fields, tmp_path) -> None:
    body = {
        "variable": ["2m_temperature"], "year": ["2020"], "month": ["01"], "day": ["01"],
        "time": ["00:00", "06:00", "12:00", "18:00"],
    }  # fmt: skip
    (tmp_path / "a.grib").write_bytes(
        grib(body, "9999") + grib(body | {"time": ["18:00"]}, "2020")
    )
    versions = grib_versions(tmp_path / "a.grib")
    assert [versions[time] for time in TIMES] == ["0001"] * 3 + ["0005"]
    valid = fields.assign_coords(valid_time=("time", TIMES))
    found = with_version(with_grib_versions(valid, versions))
    assert found["expver"].values.tolist() == [1, 1, 1, 5]
    one = fields.isel(time=0).assign_coords(valid_time=TIMES[0])
    assert with_grib_versions(one, versions)["expver"] == "0001"
    assert "expver" not in with_grib_versions(fields, versions).coords


def test_versions_of_other_experiments_are_no_versions_of_era5(fields) -> None:
    valid = fields.assign_coords(valid_time=("time", TIMES))
    told = with_grib_versions(valid, dict.fromkeys(TIMES, "abcd"))
    assert "expver" not in with_version(told).coords


def test_what_is_told_in_no_way_stays_untold(fields) -> None:
    assert "expver" not in with_version(fields).coords
    assert "expver" not in with_version(fields.assign_coords(expver="prod")).coords
    assert "expver" not in with_version(fields.isel(time=0).assign_coords(expver=1)).coords


def test_a_time_is_preliminary_where_any_variable_is(fields) -> None:
    one, other = final(fields), label(fields, np.array([1, 1, 1, 5]))
    assert joined_versions([one, other])["expver"].values.tolist() == [1, 1, 1, 5]
    assert joined_versions([fields]) == {}
