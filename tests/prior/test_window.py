"""Windows stay within one record; blocks alternate without overlap."""

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from galerne import reading
from galerne.prior.window import LatentRecords, alternate_blocks, some_windows, turned_records
from galerne.products import write_product
from galerne.stats.climatology import days_since_2000


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Two records whose latents count up: 0 to 9, then 100 to 104."""
    found = []
    for name, first, count in (("a", 0, 10), ("b", 100, 5)):
        times = np.datetime64("2001-01-01", "ns") + np.arange(count) * np.timedelta64(6, "h")
        values = np.arange(first, first + count, dtype="float32")[:, None, None, None]
        data = xr.Dataset({"latents": (("time", "latent", "y", "x"), values)}, {"time": times})
        write_product(data, tmp_path / name / "manifest.json")
        found.append(tmp_path / name / "manifest.json")
    return found


def test_no_window_straddles_two_records(paths: list[Path]) -> None:
    records = LatentRecords(paths, 4)
    assert len(records) == 7 + 2
    windows, starts = records.read(range(len(records)))
    steps = windows.flatten(1).diff(dim=1)
    torch.testing.assert_close(steps, torch.ones_like(steps))
    assert windows[:, 0].flatten().tolist() == [0, 1, 2, 3, 4, 5, 6, 100, 101]
    assert starts[6] == np.datetime64("2001-01-02T12")
    assert starts[7] == np.datetime64("2001-01-01T00")


def test_records_shorter_than_a_window_are_refused(paths: list[Path]) -> None:
    with pytest.raises(ValueError, match="no period holds a window of 11 states; the longest has"):
        LatentRecords(paths, 11)


def test_blocks_part_the_training_record_and_hold_out_validation(paths: list[Path]) -> None:
    train, validation = LatentRecords(paths[:1], 1), LatentRecords(paths[1:], 1)
    parts = {
        heldout: [
            value
            for block in alternate_blocks(train, validation, 0.5, heldout)
            for value in block.flatten().tolist()
        ]
        for heldout in (False, True)
    }
    assert sorted(parts[False] + parts[True]) == [*range(10), *range(100, 105)]
    assert set(parts[True]) > set(range(100, 105))
    assert parts[False]
    assert max(parts[False]) < 100


def test_turned_latents_are_records_of_their_own(tmp_path: Path) -> None:
    times = np.datetime64("2001-01-01", "ns") + np.arange(6) * np.timedelta64(6, "h")
    values = np.arange(6, dtype="float32")[:, None, None, None]
    dims = ("time", "latent", "y", "x")
    data = {"latents": (dims, values), "latents_turned_1": (dims, values + 100)}
    write_product(xr.Dataset(data, {"time": times}), tmp_path / "manifest.json")
    plain, turned = turned_records([tmp_path / "manifest.json"], 4)
    assert plain.read([1])[0].flatten().tolist() == [1, 2, 3, 4]
    assert turned.read([1])[0].flatten().tolist() == [101, 102, 103, 104]


@pytest.mark.parametrize("kept", [1, 99])
def test_some_windows_are_spread_over_the_record_and_have_no_mean(
    paths: list[Path], kept: int
) -> None:
    """They count up alike, so that less their mean one component holds them."""
    records = LatentRecords(paths, 4)
    amplitudes, components, days = some_windows(paths, 4, 3, kept)
    expected, starts = records.read([0, round((len(records) - 1) / 2), len(records) - 1])
    assert days.tolist() == days_since_2000(starts).tolist()
    assert amplitudes.dtype == torch.float16
    assert len(components) == min(kept, 4)
    found = torch.einsum("ncyx,ctk->ntkyx", amplitudes.float(), components)
    expected = expected - expected.mean(0)
    torch.testing.assert_close(found, expected, rtol=2e-3, atol=2e-3)
    with pytest.raises(ValueError, match=rf"hold {len(records)} windows .* fewer than the 999"):
        some_windows(paths, 4, 999, 9)


def test_no_window_straddles_a_gap(tmp_path: Path) -> None:
    hours = np.array([0, 6, 12, 30, 36, 42, 48])  # 18 and 24 are left out
    values = np.arange(7, dtype="float32")[:, None, None, None]
    times = np.datetime64("2001-01-01", "ns") + hours * np.timedelta64(1, "h")
    data = xr.Dataset({"latents": (("time", "latent", "y", "x"), values)}, {"time": times})
    write_product(data, tmp_path / "manifest.json")
    records = LatentRecords([tmp_path / "manifest.json"], 3)
    windows, starts = records.read(range(len(records)))
    assert windows[:, :, 0, 0, 0].tolist() == [[0, 1, 2], [3, 4, 5], [4, 5, 6]]
    assert starts[1] == np.datetime64("2001-01-02T06")
    assert [block.flatten().tolist() for block in records.blocks(9)] == [[0, 1, 2], [3, 4, 5, 6]]
    with pytest.raises(ValueError, match="no period holds a window of 5 states"):
        LatentRecords([tmp_path / "manifest.json"], 5)


def test_windows_from_disk_are_those_from_memory(paths: list[Path], monkeypatch) -> None:
    kept = LatentRecords(paths, 3)
    monkeypatch.setattr(reading, "IN_MEMORY", 0)
    read = LatentRecords(paths, 3, threads=3)
    assert isinstance(kept.stretches[0].record.arrays[0], np.ndarray)
    assert not isinstance(read.stretches[0].record.arrays[0], np.ndarray)
    order = np.random.default_rng(0).permutation(len(kept)).tolist()
    for one, two in zip(kept.read(order), read.read(order), strict=True):
        assert np.array_equal(one, two)
    for one, two in zip(kept.blocks(4), read.blocks(4), strict=True):
        assert torch.equal(one, two)
