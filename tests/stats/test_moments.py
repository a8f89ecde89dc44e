"""Moments by block equal those of the whole, by hand and where precision is at stake."""

from functools import reduce
from operator import add

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from galerne.catalogue import channels
from galerne.grid.areas import cell_areas
from galerne.stats import moments as module
from galerne.stats.moments import Moments, record_moments

AREAS = np.array([0.1, 0.4, 0.4, 0.1])


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


def record(x: np.ndarray, hours: np.ndarray) -> xr.Dataset:
    dims = ("time", "level", "latitude", "longitude")
    times = np.datetime64("2001-01-01", "ns") + hours * np.timedelta64(1, "h")
    coords = {"time": times, "level": [500, 850], "latitude": [60.0, 20, -20, -60]}
    return xr.Dataset({"temperature": (dims, x)}, coords | {"longitude": np.arange(6) * 60.0})


def test_a_record_is_pooled_with_its_changes_and_blocks_leave_no_trace(x, monkeypatch) -> None:
    state = channels([], ["temperature"], [500, 850])
    data = record(x, 6 * np.arange(23))
    areas = cell_areas(data["latitude"].values)
    states, changes = record_moments(data, state)
    np.testing.assert_array_equal(states.mean, Moments.of(x, areas).mean)
    wanted = Moments.of(np.diff(x.astype("float64"), axis=0), areas)
    np.testing.assert_array_equal(changes.std, wanted.std)
    assert changes.weight == pytest.approx([22, 22])
    monkeypatch.setattr(module, "BLOCK_BYTES", 4 * 48 * 5)
    for one, two in zip((states, changes), record_moments(data, state), strict=True):
        np.testing.assert_array_equal(one.mean, two.mean)
        np.testing.assert_array_equal(one.deviation, two.deviation)


def test_there_is_no_change_across_a_gap(x) -> None:
    hours = 6 * np.array([*range(10), *range(14, 27)])
    _, changes = record_moments(record(x, hours), channels([], ["temperature"], [850]))
    assert changes.weight == pytest.approx([21])
    gaps = np.delete(np.diff(x[:, 1:].astype("float64"), axis=0), 9, axis=0)
    wanted = Moments.of(gaps, cell_areas(np.array([60.0, 20, -20, -60])))
    np.testing.assert_allclose(changes.mean, wanted.mean)


def test_a_table_keeps_every_bit(x, tmp_path) -> None:
    some = Moments.of(x, AREAS)
    some.to_frame("a_").to_csv(tmp_path / "m.csv", index=False)
    back = pd.read_csv(tmp_path / "m.csv", float_precision="round_trip")
    for name in ("weight", "mean", "deviation"):
        assert np.array_equal(getattr(Moments.from_frame(back, "a_"), name), getattr(some, name))


def test_what_the_data_lack_is_named(x) -> None:
    data = record(x, 6 * np.arange(23))
    with pytest.raises(ValueError, match="level 700 hPa of 'temperature' is not in the data"):
        record_moments(data, channels([], ["temperature"], [700]))
    with pytest.raises(ValueError, match="'2m_temperature' is not in the data; found: temper"):
        record_moments(data, channels(["2m_temperature"], [], []))
