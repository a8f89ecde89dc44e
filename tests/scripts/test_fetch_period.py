"""Tests of the script that fetches a period."""

import numpy as np
import pytest
import xarray as xr

from galerne.products import open_product
from workflow.scripts.fetch_period import fetch_period

SELECTION = {
    "surface": ["2m_temperature"],
    "pressure": [],
    "levels": [],
    "start": "2001-01-02T00:00:00",
    "end": "2001-02-04T18:00:00",
    "step_hours": 6,
}


@pytest.fixture
def archive(tmp_path) -> xr.Dataset:
    times = np.datetime64("2001-01-01", "ns") + np.arange(160) * np.timedelta64(6, "h")
    values = np.random.default_rng(0).normal(280, 9, (160, 4, 8)).astype("float32")
    coords = {
        "valid_time": times,
        "latitude": [67.5, 22.5, -22.5, -67.5],
        "longitude": np.arange(8) * 45.0 - 180,
    }
    dims = ("valid_time", "latitude", "longitude")
    return xr.Dataset({"t2m": (dims, values)}, coords)


def source(tmp_path) -> dict[str, str]:
    return {"kind": "archive", "path": str(tmp_path / "era5.nc")}


def test_an_archive_becomes_a_product(tmp_path, archive) -> None:
    archive.to_netcdf(tmp_path / "era5.nc")
    path = tmp_path / "source" / "manifest.json"
    fetch_period(path, source=source(tmp_path), selection=SELECTION)
    found = open_product(path)
    assert found.sizes == {"time": 136, "latitude": 4, "longitude": 8}
    assert found["2m_temperature"].encoding["chunks"] == (120, 4, 8)
    wanted = archive["t2m"].isel(valid_time=slice(4, 140)).roll(longitude=4)
    assert np.array_equal(found["2m_temperature"], wanted)


def test_implausible_values_are_fetched_as_they_are(tmp_path, archive) -> None:
    archive["t2m"][130, 2, 3] = np.nan
    archive.to_netcdf(tmp_path / "era5.nc")
    path = tmp_path / "source" / "manifest.json"
    fetch_period(path, source=source(tmp_path), selection=SELECTION)
    assert int(open_product(path)["2m_temperature"].isnull().sum()) == 1


def test_a_damaged_chunk_leaves_no_product(tmp_path, archive) -> None:
    archive.chunk(valid_time=40).to_zarr(tmp_path / "era5.zarr", zarr_format=3)
    chunk = tmp_path / "era5.zarr/t2m/c/3/0/0"
    content = bytearray(chunk.read_bytes())
    content[0] ^= 0xFF
    chunk.write_bytes(bytes(content))
    path = tmp_path / "source" / "manifest.json"
    place = r"era5.zarr: variable '2m_temp.*, times 2001-01-31T00:00 to .*: cannot be read"
    with pytest.raises(ValueError, match=place):
        fetch_period(
            path,
            source={"kind": "archive", "path": str(tmp_path / "era5.zarr")},
            selection=SELECTION,
        )
    assert not path.exists()
    with pytest.raises(FileNotFoundError, match="no finished product"):
        open_product(path)


def test_an_unknown_kind_is_refused(tmp_path) -> None:
    with pytest.raises(KeyError, match="cloud"):
        fetch_period(tmp_path / "manifest.json", source={"kind": "cloud"}, selection=SELECTION)
