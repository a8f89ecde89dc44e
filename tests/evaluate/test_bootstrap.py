"""Resamples are stationary, and intervals hold what they promise, also for few windows."""

import numpy as np
import pandas as pd
import pytest

from scipy.stats import t as student

from galerne.evaluate.bootstrap import interval, resample, units


def names(count, hours=360) -> list[str]:
    starts = pd.date_range("2001-01-01", periods=count, freq=f"{hours}h")
    return [f"{start:%Y-%m-%dT%H:%M}" for start in starts]


def means_of(series, hours, resamples=200, block=120.0, seed=0) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the interval of the mean of a series."""
    drawn = resample(names(len(series), hours), block, resamples, np.random.default_rng(seed))
    means = (drawn.counts @ series / len(series))[:, None]
    runs = np.array([len(series) / drawn.run])
    low, high = interval(np.array([series.mean()]), means, runs, 0.95)
    return low[0], high[0]


def test_every_resample_has_as_many_units_and_each_is_drawn_alike() -> None:
    for hours in (360, 24):
        drawn = resample(names(12, hours), 120.0, 4000, np.random.default_rng(0))
        np.testing.assert_array_equal(drawn.counts.sum(axis=1), 12)
        np.testing.assert_allclose(drawn.counts.mean(axis=0), 1, atol=0.1)


def test_runs_span_the_block_where_units_start_close_together() -> None:
    rng = np.random.default_rng(0)
    assert resample(names(9, 360), 120.0, 100, rng).run == 1
    assert resample(names(40, 24), 120.0, 100, rng).run == 5
    assert resample(names(3, 6), 120.0, 100, rng).run == 3


def test_runs_have_geometric_lengths() -> None:
    # Draws h apart are units h apart with probability (4/5)^h, and any units otherwise.
    drawn = resample(names(40, 24), 120.0, 20_000, np.random.default_rng(1)).counts - 1
    apart = np.arange(-39, 40)
    same = 0.8 ** np.abs(apart)
    for k in range(4):
        meet = same * (apart % 40 == k) + (1 - same) / 40
        expected = np.sum((1 - np.abs(apart) / 40) * meet) - 1
        found = np.mean(drawn * np.roll(drawn, -k, axis=1))
        assert found == pytest.approx(expected, abs=0.05)


def test_the_interval_of_a_mean_of_independent_windows_is_the_classical_one() -> None:
    series = np.random.default_rng(2).normal(size=6)
    low, high = means_of(series, 360, resamples=100_000)
    half = student.ppf(0.975, 5) * series.std(ddof=1) / np.sqrt(6)
    assert (high - low) / 2 == pytest.approx(half, rel=0.01)
    assert (high + low) / 2 == pytest.approx(series.mean())


@pytest.mark.parametrize("count", [4, 30])
def test_intervals_hold_the_truth_as_often_as_they_say(count) -> None:
    rng = np.random.default_rng(3)
    ends = [means_of(rng.normal(size=count), 360, seed=k) for k in range(250)]
    assert np.mean([low < 0 < high for low, high in ends]) == pytest.approx(0.95, abs=0.045)


def test_windows_that_follow_each_other_are_no_independent_ones() -> None:
    rng, held = np.random.default_rng(4), {"runs": [], "alone": []}
    for k in range(150):
        noise = rng.normal(size=160)
        series = np.zeros(160)
        for n in range(1, 160):
            series[n] = 0.8 * series[n - 1] + noise[n]
        for name, block in (("runs", 480.0), ("alone", 24.0)):
            low, high = means_of(series[40:], 24, block=block, seed=k)
            held[name].append(low < 0 < high)
    assert np.mean(held["alone"]) < 0.6
    assert np.mean(held["runs"]) > 0.85


def test_one_window_has_no_interval() -> None:
    assert np.isnan(means_of(np.ones(1), 360)).all()


def test_a_window_is_a_unit_and_a_long_one_is_cut() -> None:
    times = pd.date_range("2001-01-01", periods=41, freq="6h")
    rows = pd.DataFrame({"window": "2001-01-01T00:00", "time": times})
    assert units(rows, 480.0).nunique() == 1
    found = units(rows, 120.0)
    assert found.value_counts().tolist() == [20, 20, 1]
    assert found.iloc[20] == "2001-01-06T00:00"
