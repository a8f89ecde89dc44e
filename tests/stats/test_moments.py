"""Moments by block equal those of the whole, by hand and where precision is at stake."""

from collections.abc import Callable
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from galerne.catalogue import channels
from galerne.grid.areas import cell_areas
from galerne.products import write_record
from galerne.reading import Record
from galerne.stats import moments as module
from galerne.stats.moments import Moments, record_moments

AREAS = np.array([0.1, 0.4, 0.4, 0.1])
LATITUDE = np.array([60.0, 20, -20, -60])


@pytest.fixture
def x() -> np.ndarray:
    """Two channels, one with a mean that is large against its spread."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(23, 2, 4, 6))
    x[:, 1] = 5e6 + 3 * x[:, 1]
    return x.astype("float32")


def test_blocks_of_unequal_length_pool_to_one_pass(x) -> None:
    whole = Moments.of(x, AREAS)
    parts = [Moments.of(part, AREAS) for part in np.split(x, [1, 8, 20])]
    pooled = reduce(add, parts)
    assert pooled.weight.tolist() == pytest.approx([23, 23])
    assert whole.weight.tolist() == pytest.approx([23, 23])
    np.testing.assert_allclose(pooled.mean, whole.mean, rtol=1e-13)
    np.testing.assert_allclose(pooled.std, whole.std, rtol=1e-10)


def test_order_of_blocks_does_not_matter(x) -> None:
    parts = [Moments.of(part, AREAS) for part in np.split(x, [5, 6])]
    np.testing.assert_allclose(reduce(add, parts).std, reduce(add, parts[::-1]).std, rtol=1e-10)


def test_a_large_offset_costs_no_precision(x) -> None:
    shifted = x[:, 1:].astype("float64") - 5e6
    parts = [Moments.of(part, AREAS) for part in np.split(x, 23)]
    pooled = reduce(add, parts)
    alone = Moments.of(shifted, AREAS)
    np.testing.assert_allclose(pooled.mean[1] - 5e6, alone.mean[0], atol=1e-8)
    np.testing.assert_allclose(pooled.std[1], alone.std[0], rtol=1e-9)


def test_rows_count_by_their_area() -> None:
    x = np.broadcast_to(np.array([10.0, 0, 0, -10])[:, None], (3, 1, 4, 5))
    found = Moments.of(x, np.array([0.3, 0.2, 0.4, 0.1]))
    assert found.mean == pytest.approx([2.0])
    assert found.std == pytest.approx([(0.4 * 100 - 4) ** 0.5])


def test_equal_areas_give_the_plain_moments(x) -> None:
    found = Moments.of(x[:, :1], np.full(4, 0.25))
    assert found.mean[0] == pytest.approx(x[:, 0].astype("float64").mean())
    assert found.std[0] == pytest.approx(x[:, 0].astype("float64").std())


def test_missing_points_are_left_out_and_count_by_their_area(x) -> None:
    x[4, 0, 1:3, 2] = np.nan
    x[7, 0] = np.nan
    x[0, 0, 0, 0] = np.nan
    found = Moments.of(x, AREAS)
    good = np.isfinite(x[:, 0])
    weights = np.broadcast_to(AREAS[:, None] / 6, good.shape)[good]
    values = x[:, 0][good].astype(float)
    mean = np.average(values, weights=weights)
    assert found.weight == pytest.approx([weights.sum(), 23])
    assert found.mean[0] == pytest.approx(mean, rel=1e-10)
    assert found.std[0] == pytest.approx(np.average((values - mean) ** 2, weights=weights) ** 0.5)


def test_nothing_adds_nothing(x) -> None:
    some, none = Moments.of(x, AREAS), Moments.none(2)
    for one in (some + none, none + some):
        assert np.array_equal(one.mean, some.mean)
        assert np.array_equal(one.deviation, some.deviation)
    assert np.isnan(none.std).all()


@pytest.fixture
def pooled(tmp_path: Path) -> Callable[..., tuple[Moments, Moments]]:
    """Stores states of a temperature, and computes their moments."""

    def pool(x: np.ndarray, hours: np.ndarray, levels: list[int]) -> tuple[Moments, Moments]:
        dims = ("time", "level", "latitude", "longitude")
        times = np.datetime64("2001-01-01", "ns") + hours * np.timedelta64(1, "h")
        coords = {"time": times, "level": [500, 850], "latitude": LATITUDE}
        fields = xr.Dataset(
            {"temperature": (dims, x)}, coords | {"longitude": np.arange(6) * 60.0}
        )
        write_record(fields, tmp_path / "manifest.json")
        record = Record(tmp_path / "manifest.json", ["temperature"])
        return record_moments(record, LATITUDE, channels([], ["temperature"], levels))

    return pool


def test_a_record_is_pooled_with_its_changes_and_blocks_leave_no_trace(
    x, pooled, monkeypatch
) -> None:
    x[4:6, 0, 1:3, 2] = np.nan
    x[7, 1, 2] = np.inf
    whole = pooled(x, 6 * np.arange(23), [500, 850])
    wanted = Moments.of(np.diff(x.astype("float64"), axis=0), cell_areas(LATITUDE))
    for one, two in zip(whole, (Moments.of(x, cell_areas(LATITUDE)), wanted), strict=True):
        np.testing.assert_allclose(one.weight, two.weight, rtol=1e-14)
        np.testing.assert_allclose(one.mean, two.mean, rtol=1e-10)
        np.testing.assert_allclose(one.std, two.std, rtol=1e-12)
    monkeypatch.setattr(module, "BLOCK_BYTES", 4 * 48 * 5)
    for one, two in zip(whole, pooled(x, 6 * np.arange(23), [500, 850]), strict=True):
        np.testing.assert_array_equal(one.mean, two.mean)
        np.testing.assert_array_equal(one.deviation, two.deviation)


def test_rows_that_are_worked_on_together_leave_no_trace(x, pooled, monkeypatch) -> None:
    whole = pooled(x, 6 * np.arange(23), [500, 850])
    monkeypatch.setattr(module, "CACHED", 3 * 6)
    for one, two in zip(whole, pooled(x, 6 * np.arange(23), [500, 850]), strict=True):
        np.testing.assert_array_equal(one.mean, two.mean)
        np.testing.assert_array_equal(one.deviation, two.deviation)


def test_levels_are_in_the_order_asked_for(x, pooled) -> None:
    both, turned = (pooled(x, 6 * np.arange(23), levels) for levels in ([500, 850], [850, 500]))
    np.testing.assert_array_equal(both[0].mean[::-1], turned[0].mean)
    np.testing.assert_array_equal(both[1].std[::-1], turned[1].std)


def test_small_changes_keep_their_precision(pooled) -> None:
    rng = np.random.default_rng(0)
    steps = rng.integers(-4, 5, (23, 2, 4, 6)) / 64  # exact in float32
    x = (260 + 64 * rng.integers(-1, 2, (2, 4, 6)) + np.cumsum(steps, 0)).astype("float32")
    _, changes = pooled(x, 6 * np.arange(23), [500, 850])
    wanted = Moments.of(np.diff(x.astype("float64"), axis=0), cell_areas(LATITUDE))
    np.testing.assert_allclose(changes.mean, wanted.mean, atol=1e-14)
    np.testing.assert_allclose(changes.std, wanted.std, rtol=1e-9)
    _, none = pooled(np.repeat(x[:1], 9, 0), 6 * np.arange(9), [500, 850])
    assert none.weight.tolist() == pytest.approx([8, 8])
    assert none.mean.tolist() == none.std.tolist() == [0, 0]


def test_there_is_no_change_across_a_gap(x, pooled) -> None:
    hours = 6 * np.array([*range(10), *range(14, 27)])
    _, changes = pooled(x, hours, [850])
    assert changes.weight == pytest.approx([21])
    gaps = np.delete(np.diff(x[:, 1:].astype("float64"), axis=0), 9, axis=0)
    wanted = Moments.of(gaps, cell_areas(LATITUDE))
    np.testing.assert_allclose(changes.mean, wanted.mean)


def test_a_table_keeps_every_bit(x, tmp_path) -> None:
    some = Moments.of(x, AREAS)
    some.to_frame("a_").to_csv(tmp_path / "m.csv", index=False)
    back = pd.read_csv(tmp_path / "m.csv", float_precision="round_trip")
    for name in ("weight", "mean", "deviation"):
        assert np.array_equal(getattr(Moments.from_frame(back, "a_"), name), getattr(some, name))


def test_a_level_that_the_data_lack_is_named(x, pooled) -> None:
    with pytest.raises(ValueError, match="level 700 hPa of 'temperature' is not in the data"):
        pooled(x, 6 * np.arange(23), [700])
