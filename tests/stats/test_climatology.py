"""The harmonic climatology is that of two passes over the record, and says when it cannot be."""

from functools import reduce
from operator import add

import numpy as np
import pytest
import xarray as xr

from galerne.catalogue import channels
from galerne.stats import climatology as module
from galerne.stats.climatology import YEAR_HOURS, HarmonicSums, harmonics, record_harmonics

START = np.datetime64("2001-01-01", "ns")
STATE = channels(["mean_sea_level_pressure"], ["temperature"], [500, 850])
MEANS, SIZES = np.array([1e5, 250.0, 280.0]), np.array([300.0, 4.0, 0.01])


def every(hours: int, days: int) -> np.ndarray:
    return START + np.arange(0, days * 24, hours) * np.timedelta64(hours, "h") // hours


def record(x: np.ndarray, times: np.ndarray) -> xr.Dataset:
    """Labels states of the three channels, levels in the other order on disk."""
    places = {
        "latitude": np.linspace(60, -60, x.shape[2]),
        "longitude": np.arange(x.shape[3]) * 9.0,
    }
    surface, pressure = (
        ("time", "latitude", "longitude"),
        ("time", "level", "latitude", "longitude"),
    )
    return xr.Dataset(
        {"mean_sea_level_pressure": (surface, x[:, 0]), "temperature": (pressure, x[:, [2, 1]])},
        {"time": times, "level": [850, 500], **places},
    )


def planted(times: np.ndarray, of_year: int, of_day: int) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients, and states that follow them about means that are large against them."""
    terms = 1 + 2 * (of_year + of_day)
    beta = np.random.default_rng(1).normal(size=(terms, 3, 4, 5)) * SIZES[:, None, None]
    beta[0] += MEANS[:, None, None]
    return beta, np.tensordot(harmonics(times, of_year, of_day), beta, axes=1)


def livelier(times: np.ndarray, of_year: int, of_day: int) -> np.ndarray:
    """States with planted harmonics and noise, more of it in winter and at some latitudes."""
    rng, shape = np.random.default_rng(2), (len(times), 3, 4, 5)
    season = 1.5 + harmonics(times, 1, 0)[:, 1, None, None, None]
    rows = np.array([1.0, 0.2, 0.3, 2.0])[:, None]
    noise = rng.normal(size=shape) * season * rows * SIZES[:, None, None]
    return planted(times, of_year, of_day)[1] + noise


def two_passes(x: np.ndarray, times: np.ndarray, orders: tuple[int, int]) -> list[np.ndarray]:
    """Least squares of all states at once, then of the zonal mean squares of what is left."""
    phi = harmonics(times, *orders)
    beta = np.linalg.lstsq(phi, x.reshape(len(x), -1), rcond=None)[0].reshape(-1, *x.shape[1:])
    left = np.nanmean(np.square(x - np.tensordot(phi, beta, axes=1)), axis=-1)
    rows = np.linalg.lstsq(phi, left.reshape(len(x), -1), rcond=None)[0]
    return [beta, rows.reshape(-1, *left.shape[1:])]


def sums(x: np.ndarray, times: np.ndarray, of_year: int, of_day: int) -> HarmonicSums:
    return record_harmonics(record(x, times), STATE, of_year, of_day)


ORDERS = [(0, 0), (1, 0), (2, 1), (0, 2)]


@pytest.mark.parametrize("orders", ORDERS)
def test_planted_harmonics_are_recovered(orders) -> None:
    times = every(3, 730)
    beta, x = planted(times, *orders)
    found = sums(x, times, *orders).solve()[0]
    np.testing.assert_allclose(
        found / SIZES[:, None, None], beta / SIZES[:, None, None], atol=1e-7
    )


@pytest.mark.parametrize("orders", ORDERS)
def test_sums_of_periods_give_what_two_passes_over_the_record_give(orders) -> None:
    times = every(3, 600)
    x = livelier(times, *orders)
    parts = np.split(np.arange(len(times)), [1460, 2920])
    pooled = reduce(add, (sums(x[rows], times[rows], *orders) for rows in parts))
    coefficients, variance = two_passes(x, times, orders)
    found = pooled.solve()
    sizes = SIZES[:, None, None]
    np.testing.assert_allclose(found[0] / sizes, coefficients / sizes, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(found[1] / sizes[:, 0] ** 2, variance / sizes[:, 0] ** 2, atol=1e-9)
    assert (pooled.counts == len(times)).all()


def test_blocks_leave_no_trace(monkeypatch) -> None:
    times = every(6, 500)
    x = livelier(times, 1, 1)
    whole = sums(x, times, 1, 1).solve()
    monkeypatch.setattr(module, "BLOCK_STATES", 7)
    for ours, theirs in zip(sums(x, times, 1, 1).solve(), whole, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_every_state_is_read_once_with_all_its_levels(monkeypatch) -> None:
    read, times = [], every(6, 100)
    monkeypatch.setattr(
        module, "read_values", lambda field, source: read.append(field.shape) or field.values
    )
    sums(livelier(times, 0, 1), times, 0, 1)
    assert sum(np.prod(shape) for shape in read) == len(times) * 3 * 4 * 5
    assert {shape[1] for shape in read} == {1, 2}


def test_points_that_never_have_a_value_stay_without_and_leave_the_others_alone() -> None:
    times, orders = every(6, 800), (1, 0)
    x = livelier(times, *orders)
    x[:, 1, 2, :3] = x[:, 0, 0] = np.nan
    parts = np.array_split(np.arange(len(times)), 2)
    found = reduce(add, (sums(x[rows], times[rows], *orders) for rows in parts)).solve()
    assert np.isnan(found[0][:, 1, 2, :3]).all()
    assert np.isfinite(found[0][:, 1, 2, 3:]).all()
    known = np.where(np.isnan(x), 0, x)
    masked = np.isnan(x[0, :, :, :])
    coefficients, _ = two_passes(known, times, orders)
    np.testing.assert_allclose(
        found[0][:, ~masked], coefficients[:, ~masked], rtol=1e-9, atol=1e-7
    )
    _, variance = two_passes(x[:, 1:2, 2:3, 3:], times, orders)
    np.testing.assert_allclose(found[1][:, 1, 2], variance[:, 0, 0], rtol=1e-8)
    assert (found[1][:, 0, 0] == 0).all()


def test_a_field_that_lacks_points_is_left_out_for_its_channel_alone(caplog) -> None:
    times, orders = every(6, 400), (0, 1)
    x = livelier(times, *orders)
    broken = x.copy()
    broken[0, 1], broken[700, 1, 1, 1] = np.nan, np.nan
    found, kept = sums(broken, times, *orders).solve(), np.delete(np.arange(len(times)), [0, 700])
    for ours, rest, whole in zip(
        found, two_passes(x[kept], times[kept], orders), two_passes(x, times, orders), strict=True
    ):
        np.testing.assert_allclose(ours[:, 1], rest[:, 1], rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(ours[:, 2], whole[:, 2], rtol=1e-7, atol=1e-9)
    assert "'temperature' at 500 hPa: 2 fields with missing points left out" in caplog.text


def test_a_channel_without_any_whole_field_is_refused() -> None:
    times = every(6, 30)
    x = livelier(times, 0, 0)
    x[:, 2] = np.nan
    with pytest.raises(
        ValueError, match="'temperature' at 850 hPa of the data: no field is whole"
    ):
        sums(x, times, 0, 0)


def test_periods_whose_points_without_a_value_differ_are_refused() -> None:
    times = every(6, 30)
    x, y = livelier(times, 0, 0), livelier(times, 0, 0)
    y[:, 0, 1, 1] = np.nan
    with pytest.raises(ValueError, match="points without a value are not the same"):
        sums(x, times, 0, 0) + sums(y, times, 0, 0)


def test_sums_are_labelled_and_read_again() -> None:
    times = every(6, 30)
    whole = sums(livelier(times, 0, 1), times, 0, 1)
    again = HarmonicSums.from_dataset(whole.to_dataset())
    for name in ("triple", "centre", "sums", "squares"):
        np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))
    assert (again.of_year, again.of_day) == (0, 1)


def test_harmonics_return_after_a_year_and_after_a_day() -> None:
    times = every(6, 4)
    year = np.timedelta64(round(YEAR_HOURS * 3600e9), "ns")
    day = np.timedelta64(24, "h")
    np.testing.assert_allclose(harmonics(times + year, 3, 0), harmonics(times, 3, 0), atol=1e-9)
    np.testing.assert_allclose(harmonics(times + day, 0, 3), harmonics(times, 0, 3), atol=1e-9)


@pytest.mark.parametrize(
    ("hours", "days", "orders", "message"),
    [
        (6, 20, (1, 0), "80 training times cannot tell 1 harmonics of the year and 0 of the day"),
        (12, 300, (0, 1), "600 training times .* 1 of the day apart"),
    ],
)
def test_a_record_that_cannot_tell_harmonics_apart_is_refused(
    hours, days, orders, message
) -> None:
    times = every(hours, days)
    with pytest.raises(ValueError, match=message):
        sums(planted(times, *orders)[1], times, *orders).solve()


def test_precipitation_is_summed_in_its_logarithm() -> None:
    times = every(6, 50)
    x = np.random.default_rng(5).exponential(1e-3, size=(len(times), 3, 4, 5))
    dry = record(x, times).rename(mean_sea_level_pressure="total_precipitation_6hr")
    found = record_harmonics(dry, channels(["total_precipitation_6hr"], [], []), 0, 1).solve()
    wanted = two_passes(np.log1p(x[:, :1] / 1e-5), times, (0, 1))
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
