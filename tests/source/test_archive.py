"""Tests of archives: every layout reads as the same fields."""

import os

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from galerne.source.archive import open_archive
from galerne.source.selection import Selection

from . import cds
from .cds import grib

START, END = "2001-01-01T06:00", "2001-01-02T00:00"
SELECTION = Selection(
    ("mean_sea_level_pressure", "2m_temperature"), ("geopotential",), (850, 500), START, END, 6
)
TIMES = np.arange(
    np.datetime64("2001-01-01", "ns"), np.datetime64("2001-01-03", "ns"), np.timedelta64(6, "h")
)


@pytest.fixture
def era5() -> xr.Dataset:
    """Fields with WeatherBench2's names, in the order that the result has."""
    rng = np.random.default_rng(0)
    dims, shape = ("time", "latitude", "longitude"), (8, 5, 8)
    return xr.Dataset(
        {
            "mean_sea_level_pressure": (dims, rng.normal(1e5, 1e3, shape).astype("float32")),
            "2m_temperature": (dims, rng.normal(280, 9, shape).astype("float32")),
            "geopotential": (
                ("time", "level", *dims[1:]),
                rng.normal(3e4, 1e3, (8, 3, 5, 8)).astype("float32"),
            ),
            "land_sea_mask": (dims[1:], rng.uniform(0, 1, (5, 8)).astype("float32")),
            "geopotential_at_surface": (
                dims[1:],
                rng.uniform(0, 5e4, (5, 8)).astype("float32"),
            ),
        },
        coords={
            "time": TIMES,
            "level": [500, 700, 850],
            "latitude": [90.0, 45.0, 0.0, -45.0, -90.0],
            "longitude": np.arange(8) * 45.0,
        },
    )


def expected(era5) -> xr.Dataset:
    return era5.sel(time=SELECTION.times, level=[500, 850])


def check(found, era5) -> None:
    found, wanted = found.load(), expected(era5)
    for name in wanted.data_vars:
        if name in found:
            assert found[name].dims == wanted[name].dims
            assert np.array_equal(found[name], wanted[name])
    for name in wanted.coords:
        assert np.array_equal(found[name], wanted[name])
    assert {*SELECTION.surface, *SELECTION.pressure} <= set(found.data_vars)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_reads_zarr_of_both_versions(tmp_path, era5, zarr_format) -> None:
    era5.to_zarr(tmp_path / "era5.zarr", zarr_format=zarr_format, consolidated=False)
    found = open_archive(SELECTION, path=tmp_path / "era5.zarr")
    assert found.chunks
    check(found, era5)
    assert found.attrs["source"] == "archive era5.zarr"


def copernicus(era5) -> xr.Dataset:
    """The layout of the Copernicus netCDF files, turned about in every axis."""
    names = {
        "mean_sea_level_pressure": "msl",
        "2m_temperature": "t2m",
        "geopotential": "z",
        "land_sea_mask": "lsm",
        "time": "valid_time",
        "level": "pressure_level",
        "latitude": "lat",
        "longitude": "lon",
    }
    dataset = era5.drop_vars("geopotential_at_surface").rename(names)
    dataset = dataset.assign_coords(
        lon=(dataset["lon"] + 180) % 360 - 180,
        number=0,
        expver=("valid_time", ["0001"] * 8),
    )
    dataset = dataset.sortby("lon").isel(lat=slice(None, None, -1), pressure_level=[2, 0, 1])
    return dataset.transpose("valid_time", "pressure_level", "lon", "lat")


def test_names_and_orders_are_normalised(tmp_path, era5) -> None:
    turned = copernicus(era5)
    assert turned["lon"].values[0] == -180
    assert turned["msl"].dims == ("valid_time", "lon", "lat")
    turned.to_netcdf(tmp_path / "era5.nc")
    found = open_archive(SELECTION, path=tmp_path / "era5.nc")
    check(found, era5)
    assert set(found.coords) == {"time", "level", "latitude", "longitude", "expver"}
    assert found["expver"].values.tolist() == [1] * len(found["time"])
    assert np.array_equal(found["land_sea_mask"], era5["land_sea_mask"])


def test_a_doubled_column_is_dropped(tmp_path, era5) -> None:
    closed = xr.concat([era5, era5.isel(longitude=0).assign_coords(longitude=360.0)], "longitude")
    closed = closed.transpose("time", "level", "latitude", "longitude")
    closed.to_netcdf(tmp_path / "era5.nc")
    check(open_archive(SELECTION, path=tmp_path / "era5.nc"), era5)


def test_a_folder_is_joined_over_times_levels_and_variables(tmp_path, era5) -> None:
    for i, times in enumerate((slice(4, 8), slice(0, 4))):
        era5[["mean_sea_level_pressure"]].isel(time=times).to_netcdf(tmp_path / f"msl_{i}.nc")
        for level in (850, 500):
            one = era5[["geopotential"]].isel(time=times).sel(level=level)
            one.to_netcdf(tmp_path / f"z_{level}_{i}.nc")
    era5[["2m_temperature"]].to_netcdf(tmp_path / "t2m.nc")
    era5[["geopotential_at_surface"]].rename(geopotential_at_surface="z").to_netcdf(
        tmp_path / "orography.nc"
    )
    (tmp_path / "README.txt").write_text("not data")
    found = open_archive(SELECTION, path=tmp_path)
    check(found, era5)
    assert np.array_equal(found["geopotential_at_surface"], era5["geopotential_at_surface"])


def test_a_time_in_two_files_is_there_twice(tmp_path, era5) -> None:
    wanted = era5[["mean_sea_level_pressure"]]
    wanted.isel(time=slice(0, 5)).to_netcdf(tmp_path / "a.nc")
    wanted.isel(time=slice(4, 8)).to_netcdf(tmp_path / "b.nc")
    selection = Selection(("mean_sea_level_pressure",), (), (), START, END, 6)
    found = open_archive(selection, path=tmp_path)
    assert np.array_equal(found["time"], era5["time"][[1, 2, 3, 4, 4]])


def test_the_precipitation_of_one_hour_is_not_that_of_six(tmp_path, era5) -> None:
    rain = era5[["2m_temperature"]].rename({"2m_temperature": "tp"})
    rain.to_netcdf(tmp_path / "era5.nc")
    selection = Selection(("total_precipitation_6hr",), (), (), START, END, 6)
    with pytest.raises(ValueError, match="'total_precipitation_6hr' is not in the data"):
        open_archive(selection, path=tmp_path / "era5.nc")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.drop_vars("2m_temperature"), "'2m_temperature' is not in the data; found: "),
        (lambda d: d.expand_dims(number=2), "dimension 'number' of size 2 is not understood"),
        (lambda d: d.rename(latitude="y"), "no dimension 'latitude'; found: "),
        (lambda d: d.isel(time=0, drop=True), "'mean_sea_level_pressure' has no time"),
        (lambda d: d.isel(time=slice(0, 3)), "leaves the data"),
    ],
)
def test_refuses_another_layout(tmp_path, era5, change, message) -> None:
    change(era5).to_netcdf(tmp_path / "era5.nc")
    with pytest.raises(ValueError, match=message):
        open_archive(SELECTION, path=tmp_path / "era5.nc")


def test_several_files_are_joined(tmp_path, era5) -> None:
    paths = [tmp_path / "a.nc", tmp_path / "b.nc"]
    for path, times in zip(paths, (slice(0, 4), slice(4, 8)), strict=True):
        era5.isel(time=times).to_netcdf(path)
    (tmp_path / "c.nc").write_text("not asked for")
    check(open_archive(SELECTION, path=paths), era5)
    with pytest.raises(FileNotFoundError, match=r"there is no .*d\.nc"):
        open_archive(SELECTION, path=[*paths, tmp_path / "d.nc"])


def test_files_where_some_tell_their_version_are_joined(tmp_path, era5) -> None:
    versions = ("time", ["0001", "0001", "0005", "0005"])
    era5.isel(time=slice(0, 4)).to_netcdf(tmp_path / "a.nc")
    late = era5.isel(time=slice(4, 8)).assign_coords(expver=versions)
    late.to_netcdf(tmp_path / "b.nc")
    selection = Selection(("2m_temperature",), (), (), str(TIMES[0]), str(TIMES[-1]), 6)
    found = open_archive(selection, path=tmp_path)
    assert found["expver"].values.tolist() == [1] * 6 + [5] * 2


@pytest.mark.parametrize("kind", ["NETCDF4", "NETCDF3_64BIT"])
def test_a_netcdf_file_that_was_cut_is_an_error(tmp_path, era5, kind) -> None:
    path = tmp_path / "era5.nc"
    era5.drop_vars("level").to_netcdf(path, format=kind)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    selection = Selection(("2m_temperature",), (), (), START, END, 6)
    with pytest.raises(ValueError, match=r"era5\.nc"):
        open_archive(selection, path=path).load()


def message(variable: str = "2m_temperature") -> bytes:
    body = {"variable": [variable], "year": ["2001"], "month": ["01"], "day": ["01"]}
    return grib(body | {"time": ["06:00", "12:00"]}, "9999")


def test_a_grib_file_with_several_variables_is_read(tmp_path) -> None:
    path = tmp_path / "era5.grib"
    path.write_bytes(message() + message("mean_sea_level_pressure"))
    selection = Selection(
        ("2m_temperature", "mean_sea_level_pressure"), (), (), START, "2001-01-01T12", 6
    )
    found = open_archive(selection, path=path).load()
    assert found["mean_sea_level_pressure"].shape == (2, 5, 8)
    assert found["expver"].values.tolist() == [1, 1]


def test_a_grib_file_that_was_cut_is_an_error(tmp_path) -> None:
    path = tmp_path / "era5.grib"
    path.write_bytes(message()[:-30])
    selection = Selection(("2m_temperature",), (), (), START, "2001-01-01T12", 6)
    with pytest.raises(ValueError, match=r"era5\.grib"):
        open_archive(selection, path=path).load()


@pytest.mark.parametrize("other", ["2m_temperature", "mean_sea_level_pressure"])
def test_a_grib_file_with_mixed_grids_is_an_error(tmp_path, other, monkeypatch) -> None:
    path, first = tmp_path / "era5.grib", message()
    monkeypatch.setattr(cds, "COLUMNS", 16)
    path.write_bytes(first + message(other))
    names = tuple({"2m_temperature", other})
    selection = Selection(names, (), (), START, "2001-01-01T12", 6)
    with pytest.raises(ValueError, match=r"era5\.grib: (files|variables) differ in"):
        open_archive(selection, path=path)


def test_refuses_what_is_no_archive(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no .*nowhere\.zarr"):
        open_archive(SELECTION, path=tmp_path / "nowhere.zarr")
    with pytest.raises(FileNotFoundError, match="holds no netCDF or GRIB file"):
        open_archive(SELECTION, path=tmp_path)
    (tmp_path / "table.csv").write_text("a,b")
    with pytest.raises(ValueError, match="neither Zarr, netCDF"):
        open_archive(SELECTION, path=tmp_path / "table.csv")


def real(name) -> Path:
    """A file of real ERA5, or a reason to skip."""
    path = Path(os.environ.get("GALERNE_DATA", "")) / name
    if not os.environ.get("GALERNE_DATA") or not path.exists():
        pytest.skip(f"GALERNE_DATA names no folder with {name}")
    return path


def test_real_zarr_of_one_winter() -> None:
    path = real("era5/era5_msl_2025-2026_djf_2.5x2.5.zarr")
    selection = Selection(
        ("mean_sea_level_pressure",), (), (), "2025-12-01", "2026-02-28T18:00", 6
    )
    found = open_archive(selection, path=path)["mean_sea_level_pressure"].load()
    assert found.shape == (360, 73, 144)
    assert found.mean() == pytest.approx(101_000, abs=500)
    raw = xr.open_zarr(path)["msl"].isel(valid_time=200, latitude=7, longitude=100)
    assert found[200, 7, 100] == raw


def test_real_grib_of_two_levels() -> None:
    path = real("era5_single/earthkit_era5_1deg_zt_500_850_20070101T12.grib")
    when = "2007-01-01T12:00"
    selection = Selection((), ("geopotential", "temperature"), (500, 850), when, when, 6)
    found = open_archive(selection, path=path).load()
    assert found["temperature"].shape == (1, 2, 181, 360)
    assert float(found["geopotential"].sel(level=500).mean()) == pytest.approx(55_000, rel=0.03)
    assert not list(path.parent.glob("*.idx"))


def test_real_netcdf_with_latitude_last_and_southward() -> None:
    path = real("era5_single/neuralgcm_era5_tl31_37lev_19590102T00.nc")
    when = "1959-01-02T00:00"
    selection = Selection((), ("temperature",), (850,), when, when, 6)
    found = open_archive(selection, path=path)["temperature"].load()
    assert (np.diff(found["latitude"]) < 0).all()
    warm = found.sel(latitude=slice(20, -20)).mean()
    assert warm > found.sel(latitude=slice(90, 60)).mean() + 20
