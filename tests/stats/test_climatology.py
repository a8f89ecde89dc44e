"""The harmonic climatology finds what was planted, and says when it cannot."""

import numpy as np
import pytest

from galerne.stats.climatology import YEAR_HOURS, HarmonicFit, harmonics

START = np.datetime64("2001-01-01", "ns")


def every(hours: int, days: int) -> np.ndarray:
    return START + np.arange(0, days * 24, hours) * np.timedelta64(hours, "h") // hours


def planted(times: np.ndarray, of_year: int, of_day: int) -> tuple[np.ndarray, np.ndarray]:
    terms = 1 + 2 * (of_year + of_day)
    beta = np.random.default_rng(1).normal(size=(terms, 2, 3, 4))
    return beta, np.tensordot(harmonics(times, of_year, of_day), beta, axes=1)


@pytest.mark.parametrize(("of_year", "of_day"), [(1, 0), (2, 1), (0, 2)])
def test_planted_harmonics_are_recovered(of_year, of_day) -> None:
    times = every(3, 730)
    beta, x = planted(times, of_year, of_day)
    fit = HarmonicFit(of_year, of_day)
    fit.add(x, times)
    np.testing.assert_allclose(fit.solve(), beta, atol=1e-10)


def test_blocks_add_up_to_the_whole() -> None:
    times = every(6, 500)
    x = planted(times, 1, 1)[1] + np.random.default_rng(2).normal(size=(len(times), 2, 3, 4))
    whole, parts = HarmonicFit(1, 1), HarmonicFit(1, 1)
    whole.add(x, times)
    for rows in np.array_split(np.arange(len(times)), 7):
        parts.add(x[rows], times[rows])
    np.testing.assert_allclose(parts.solve(), whole.solve(), atol=1e-11)


def test_without_harmonics_the_climatology_is_the_mean_over_time() -> None:
    x = np.random.default_rng(3).normal(size=(9, 2, 3, 4))
    fit = HarmonicFit(0, 0)
    fit.add(x, every(6, 90)[:9])
    np.testing.assert_allclose(fit.solve(), x.mean(0, keepdims=True), atol=1e-14)


def test_harmonics_return_after_a_year_and_after_a_day() -> None:
    times = every(6, 4)
    year = np.timedelta64(round(YEAR_HOURS * 3600e9), "ns")
    day = np.timedelta64(24, "h")
    np.testing.assert_allclose(harmonics(times + year, 3, 0), harmonics(times, 3, 0), atol=1e-9)
    np.testing.assert_allclose(harmonics(times + day, 0, 3), harmonics(times, 0, 3), atol=1e-9)


def test_a_record_too_short_for_the_year_is_refused() -> None:
    times = every(6, 20)
    fit = HarmonicFit(1, 0)
    fit.add(planted(times, 1, 0)[1], times)
    message = "80 training times cannot tell 1 harmonics of the year and 0 of the day apart"
    with pytest.raises(ValueError, match=message):
        fit.solve()


def test_harmonics_of_the_day_finer_than_the_step_are_refused() -> None:
    times = every(12, 300)
    fit = HarmonicFit(0, 1)
    fit.add(planted(times, 0, 1)[1], times)
    with pytest.raises(ValueError, match=r"600 training times .* 1 of the day apart"):
        fit.solve()


def test_no_record_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="0 training times cannot tell"):
        HarmonicFit(1, 0).solve()
