"""Random reads: what is on disk, checked, ahead of time and in any order."""

import threading

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from galerne import products, reading
from galerne.products import write_record
from galerne.reading import Ahead, Record, fits


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twenty states of two variables, one of them on levels, in shards of six."""
    monkeypatch.setattr(products, "SHARD_BYTES", 6 * 2 * 4 * 5 * 4)
    rng = np.random.default_rng(0)
    times = np.datetime64("2001-01-01", "ns") + np.arange(20) * np.timedelta64(6, "h")
    fields = xr.Dataset(
        {
            "z": (("time", "level", "y", "x"), rng.normal(size=(20, 2, 4, 5)).astype("float32")),
            "t": (("time", "y", "x"), rng.normal(size=(20, 4, 5)).astype("float32")),
        },
        {"time": times, "level": [500, 850]},
    )
    fields["t"][11] = np.nan
    fields["t"][12] = 0
    write_record(fields, tmp_path / "manifest.json")
    return tmp_path / "manifest.json"


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("span", [(0, 1), (5, 7), (4, 20), (10, 13), (19, 20)])
def test_states_are_those_of_the_product(path: Path, keep: bool, span: tuple[int, int]) -> None:
    record = Record(path, ["t", "z"], keep=keep)
    opened = products.open_product(path).isel(time=slice(*span)).load()
    for name, values in zip(("t", "z"), record.read(*span), strict=True):
        assert np.array_equal(values, opened[name].values, equal_nan=True)
    assert record.levels == [500, 850]
    assert len(record) == 20


@pytest.mark.parametrize("keep", [False, True])
def test_a_damaged_state_is_named(path: Path, keep: bool) -> None:
    shard = path.parent / "data.zarr/z/c/1/0/0/0"
    rotten = bytearray(shard.read_bytes())
    rotten[40] ^= 1
    shard.write_bytes(bytes(rotten))
    with pytest.raises(ValueError, match=r"'z' of .* between 2001-01-0.* bytes are damaged"):
        Record(path, ["t", "z"], keep=keep).read(0, 12)


def test_a_variable_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(ValueError, match="variable 'q' is not in the record; found: z, t"):
        Record(path, ["q"])


def test_what_fits_is_told_by_the_bytes_of_all_records(path: Path, monkeypatch) -> None:
    each = 20 * (2 + 1) * 4 * 5 * 4
    monkeypatch.setattr(reading, "IN_MEMORY", 2 * each)
    assert fits([path, path], ["z", "t"])
    assert fits([path] * 3, ["z"])
    assert not fits([path] * 3, ["z", "t"])


def test_what_comes_next_is_fetched_while_the_present_is_worked_on() -> None:
    asked, fetched = [], threading.Event()

    def read(indices: list[int]) -> list[int]:
        asked.append((indices, threading.current_thread().name))
        if indices == [2]:
            fetched.set()
        return [10 * i for i in indices]

    ahead = Ahead(read)
    assert ahead.take([1], coming=[2]) == [10]
    assert fetched.wait(10)  # before anyone asks
    assert ahead.take([2], coming=[3]) == [20]
    assert ahead.take([9]) == [90]  # after a surprise, what was fetched in vain is forgotten
    assert ahead.take([3]) == [30]
    ahead.close()
    assert [indices for indices, _ in asked[:2]] == [[1], [2]]
    assert asked[1][1].startswith("ahead")


def test_an_error_of_what_was_fetched_ahead_reaches_who_needs_it() -> None:
    def read(indices: list[int]) -> list[int]:
        if 2 in indices:
            raise ValueError("damaged")
        return indices

    ahead = Ahead(read)
    ahead.take([1], coming=[2])
    with pytest.raises(ValueError, match="damaged"):
        ahead.take([2])
    ahead.take([1], coming=[2])
    assert ahead.take([3]) == [3]
