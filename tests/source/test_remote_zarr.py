"""Tests of which objects hold a selection, for every layout of Zarr and of the archives."""

import json

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from bench.loopback import Counter, fields, served, write_store
from galerne.archives import LEVELS_37
from galerne.catalogue import STATIC
from galerne.source.mirror import Mirror
from galerne.source.remote_zarr import RemoteZarr
from galerne.source.selection import Selection
from galerne.source.transport import Remote

LAST = np.datetime64("2020-01-31T18", "ns")


def opened(url: str, folder: Path, hasty, until=LAST) -> RemoteZarr:
    return RemoteZarr(Mirror(folder, Remote(url, hasty)), until)


def test_only_what_is_asked_for_is_named(loopback, february, tmp_path, hasty) -> None:
    store = opened(loopback.url + loopback.prefix.rstrip("/"), tmp_path / "m", hasty)
    # Times 124 to 239 in chunks of 4.
    places = range(124 // 4, 239 // 4 + 1)
    static = {f"{name}/0.0" for name in STATIC}
    wanted = {f"2m_temperature/{k}.0.0" for k in places}
    wanted |= {f"temperature/{k}.0.0.0" for k in places} | static
    assert set(store.keys(february)) == wanted
    assert set(store.coordinates) == {"time/0", "level/0", "latitude/0", "longitude/0"}
    assert store.largest(wanted) == 4 * 13 * 64 * 32 * 4
    assert not [path for path in loopback.counter.paths() if "temperature" in path]


def test_the_layout_at_a_quarter_degree_has_one_time_with_all_levels_in_a_chunk(
    tmp_path, hasty
) -> None:
    full = fields(
        "2020-01-01", 5, step_hours=1, shape=(9, 16), variables=("geopotential",), levels=LEVELS_37
    )
    write_store(tmp_path / "full.zarr", full, chunk=1, southward=True)
    metadata = json.loads((tmp_path / "full.zarr/geopotential/.zarray").read_text())
    assert metadata["chunks"] == [1, 37, 9, 16]
    selection = Selection((), ("geopotential",), (500,), "2020-01-01T01", "2020-01-01T03", 2)
    with served(tmp_path) as url:
        store = opened(f"{url}/full.zarr", tmp_path / "m", hasty)
        keys = store.keys(selection)
    assert [k for k in keys if k.startswith("geopotential/")] == [
        "geopotential/1.0.0.0",
        "geopotential/3.0.0.0",
    ]


@pytest.mark.parametrize("consolidated", [True, False])
@pytest.mark.parametrize("version", [2, 3, "sharded"])
def test_every_version_of_zarr_is_read(tmp_path, hasty, version, consolidated) -> None:
    small = fields("2020-01-01", 8, shape=(4, 8), variables=("2m_temperature",)).rename(
        {"2m_temperature": "t2m", "time": "valid_time", "latitude": "lat"}
    )
    encoding = {
        "t2m": {"chunks": (2, 4, 8)} | ({"shards": (4, 4, 8)} if version == "sharded" else {})
    }
    small.to_zarr(
        tmp_path / "a.zarr",
        zarr_format=2 if version == 2 else 3,
        consolidated=consolidated,
        encoding=encoding,
    )
    selection = Selection(("2m_temperature",), (), (), "2020-01-01T12", "2020-01-01T12", 6)
    with served(tmp_path) as url:
        store = opened(f"{url}/a.zarr", tmp_path / "m", hasty)
        keys = [key for key in store.keys(selection) if key.startswith("t2m")]
        expected = {2: "t2m/1.0.0", 3: "t2m/c/1/0/0", "sharded": "t2m/c/0/0/0"}[version]
        assert keys == [expected]
        body = (tmp_path / "a.zarr" / expected).read_bytes()
        assert store.unsound(expected, body) is None
        assert "does not decode" in store.unsound(expected, body[: len(body) // 2])


@pytest.mark.parametrize("kept", [0, 10, 100, 0.5, -1])
def test_a_frame_of_blosc_that_was_cut_is_found(loopback, february, tmp_path, hasty, kept) -> None:
    store = opened(loopback.url + loopback.prefix.rstrip("/"), tmp_path / "m", hasty)
    key = "temperature/40.0.0.0"
    body = (loopback.path / key).read_bytes()
    assert store.unsound(key, body) is None
    cut = body[: int(kept * len(body)) if isinstance(kept, float) else kept]
    assert "does not decode (a Blosc frame of " in store.unsound(key, cut)


def test_no_store_is_said_so(tmp_path, hasty) -> None:
    with served(tmp_path) as url, pytest.raises(FileNotFoundError, match="there is no Zarr store"):
        opened(f"{url}/a.zarr", tmp_path / "m", hasty)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"surface": ("mean_sea_level_pressure",)}, "'mean_sea_level_pressure' is not in the "
         "store; it holds: 2m_temperature, geopotential, geopotential_at_surface"),
        ({"levels": (510,)}, "level 510 hPa is not in the store; it holds: 50, 100"),
        ({"end": "2020-03-20"}, "2020-03-20T00:00 leaves the data, which hold 2020-01-01"),
        ({"start": "2020-02-01T03", "end": "2020-02-02T03"}, "none of the 5 times from"),
    ],
)  # fmt: skip
def test_what_the_store_lacks_is_an_error_with_what_it_has(
    loopback, february, tmp_path, hasty, change, message
) -> None:
    store = opened(loopback.url + loopback.prefix.rstrip("/"), tmp_path / "m", hasty)
    selection = Selection(**(vars(february) | change))
    with pytest.raises(ValueError, match=message):
        store.keys(selection)


def growing(path: Path, stop: str, era5t: str) -> None:
    """A store whose axis is padded, and whose attributes say where its data end."""
    padded = fields("2020-01-01", 240, shape=(4, 8), step_hours=1, variables=("2m_temperature",))
    padded.attrs = {
        "valid_time_start": "2020-01-02",
        "valid_time_stop": stop,
        "valid_time_stop_era5t": era5t,
    }
    write_store(path, padded, chunk=1, southward=True)


def test_an_archive_that_grows_is_looked_at_again(tmp_path, hasty) -> None:
    growing(tmp_path / "a.zarr", "2020-01-03", "2020-01-04")
    counter = Counter()
    with served(tmp_path, counter) as url:
        where, folder = f"{url}/a.zarr", tmp_path / "m"
        store = opened(where, folder, hasty, np.datetime64("2020-01-04T23", "ns"))
        assert store.ends == tuple(
            np.datetime64(day, "ns") for day in ("2020-01-02T00", "2020-01-04T23", "2020-01-03T23")
        )
        later = Selection(("2m_temperature",), (), (), "2020-01-05", "2020-01-05T23", 1)
        with pytest.raises(ValueError, match="which hold 2020-01-02T00:00 to 2020-01-04T23:00"):
            store.keys(later)
        growing(tmp_path / "a.zarr", "2020-01-04", "2020-01-05")
        before = len(counter.asked)
        store = opened(where, folder, hasty, later.times[-1])
        assert len(store.keys(later)) == 24 + len(STATIC)
        anew = [path.rpartition("/")[2] for path in counter.paths()[before:]]
        assert anew == [".zmetadata", ".zattrs", ".zgroup"]


def test_another_store_is_read_as_xarray_reads_it(tmp_path, hasty) -> None:
    one = fields("2020-01-01", 30, shape=(4, 8), variables=("2m_temperature", "temperature"))
    write_store(tmp_path / "a.zarr", one, chunk=7)
    selection = Selection(
        ("2m_temperature",), ("temperature",), (500,), "2020-01-02", "2020-01-05", 6
    )
    with served(tmp_path) as url:
        store = opened(f"{url}/a.zarr", tmp_path / "m", hasty)
        keys = store.keys(selection)
        store.mirror.fetch("a", keys, store.unsound, store.largest(keys))
    whole, part = (
        xr.open_zarr(path, chunks=None) for path in (tmp_path / "a.zarr", tmp_path / "m")
    )
    times = selection.times
    for name in ("2m_temperature", "temperature"):
        assert np.array_equal(part[name].sel(time=times), whole[name].sel(time=times))
