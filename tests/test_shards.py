"""States read from shards are those that Zarr reads; what is damaged is an error."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr

from galerne import products
from galerne.products import write_record
from galerne.shards import Shards

STATES, IN_SHARD = 20, 6
SHAPES = {"deep": (2, 16, 16), "flat": (16, 16), "series": ()}


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> zarr.Group:
    """Variables of several shapes in shards of six states, with chunks that hold nothing."""
    monkeypatch.setattr(products, "SHARD_STATES", IN_SHARD)
    rng = np.random.default_rng(0)
    fields = {}
    for name, shape in SHAPES.items():
        values = rng.normal(size=(STATES, *shape)).astype("float32")
        values[3:5] = np.nan  # chunks that are not there
        values[IN_SHARD : 2 * IN_SHARD] = np.nan  # a shard that is not there
        fields[name] = (("time", *("level", "y", "x")[3 - len(shape) :]), values)
    fields["number"] = (("time", "n"), rng.integers(0, 9, (STATES, 5)))
    times = np.datetime64("2001-01-01", "ns") + np.arange(STATES) * np.timedelta64(6, "h")
    write_record(xr.Dataset(fields, {"time": times}), tmp_path / "manifest.json")
    return zarr.open_group(tmp_path / "data.zarr", mode="r")


def read(array: zarr.Array, first: int, last: int, threads: int = 2) -> np.ndarray:
    values, parts = Shards(array, threads).begin(first, last)
    for part in parts:
        part.result()
    return values


def shard(group: zarr.Group, name: str, number: int) -> Path:
    array = group[name]
    return Path(group.store.root) / name / f"c/{number}{'/0' * (array.ndim - 1)}"


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", [*SHAPES, "number"])
def test_states_are_those_that_zarr_reads(group: zarr.Group, name: str, threads: int) -> None:
    array = group[name]
    assert Shards.suit(array)
    for first, last in ((0, 1), (2, 5), (4, 14), (7, 11), (5, 7), (0, 20), (18, 99), (9, 9)):
        wanted, found = array[first:last], read(array, first, last, threads)
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)


def test_chunks_and_shards_that_hold_nothing_are_not_there(group: zarr.Group) -> None:
    assert not shard(group, "deep", 1).exists()
    assert shard(group, "deep", 0).stat().st_size < 0.9 * shard(group, "deep", 2).stat().st_size


@pytest.mark.parametrize("place", [0, 100, 700, -1, -5, -30])
def test_every_byte_of_a_shard_counts(group: zarr.Group, place: int) -> None:
    path = shard(group, "deep", 0)
    rotten = bytearray(path.read_bytes())
    rotten[place] ^= 1
    path.write_bytes(bytes(rotten))
    with pytest.raises(ValueError, match="the checksum is another"):
        read(group["deep"], 0, IN_SHARD)


@pytest.mark.parametrize("left", [0, 50, 99, 2000])
def test_a_shard_that_was_cut_is_an_error(group: zarr.Group, left: int) -> None:
    path = shard(group, "deep", 0)
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(ValueError, match=r"checksum is another|of 100 bytes are there"):
        read(group["deep"], 0, 1)


def test_a_frame_of_another_size_is_an_error(group: zarr.Group) -> None:
    path = shard(group, "series", 0)
    path.write_bytes(shard(group, "number", 0).read_bytes())
    with pytest.raises(ValueError, match="a chunk of 40 bytes"):
        read(group["series"], 0, 1)


def test_a_shard_that_is_lost_after_its_index_was_read_is_an_error(group: zarr.Group) -> None:
    shards = Shards(group["deep"], 1)
    shards.begin(0, 1)[1][0].result()
    shard(group, "deep", 0).unlink()
    with pytest.raises(FileNotFoundError):
        shards.begin(1, 2)[1][0].result()


@pytest.mark.parametrize(
    "changed",
    [
        {"compressors": [zarr.codecs.ZstdCodec()]},
        {"compressors": [zarr.codecs.BloscCodec()]},
        {"compressors": [zarr.codecs.BloscCodec(), zarr.codecs.Crc32cCodec()], "shards": None},
        {"chunks": (2, 4)},
        {"chunks": (1, 2)},
        {"shards": (6, 8)},
        {"zarr_format": 2, "shards": None, "compressors": None},
        {"serializer": zarr.codecs.BytesCodec(endian="big")},
    ],
)
def test_what_is_stored_otherwise_is_left_to_zarr(tmp_path: Path, changed: dict) -> None:
    codecs = [zarr.codecs.BloscCodec(), zarr.codecs.Crc32cCodec()]
    usual = {"shape": (12, 4), "shards": (6, 4), "chunks": (1, 4), "compressors": codecs}
    about = usual | {"dtype": "float32", "store": tmp_path / "a.zarr"}
    assert Shards.suit(zarr.create_array(**about, overwrite=True))
    assert not Shards.suit(zarr.create_array(**about | changed, overwrite=True))
