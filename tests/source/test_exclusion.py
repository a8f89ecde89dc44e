"""Excluded hours and repeated times are left out, and nothing else is."""

import numpy as np
import pytest
import xarray as xr

from galerne.source.exclusion import is_excluded, without_excluded

TIMES = np.datetime64("2001-01-01", "ns") + np.arange(8) * np.timedelta64(6, "h")
SPANS = [("2001-01-01T06:00", "2001-01-01T12:00"), ("2001-01-02T18:00", "2001-01-02T18:00")]


def record(times: np.ndarray) -> xr.Dataset:
    return xr.Dataset({"x": ("time", np.arange(len(times)))}, {"time": times})


def test_both_ends_of_a_span_are_excluded() -> None:
    assert np.flatnonzero(is_excluded(TIMES, SPANS)).tolist() == [1, 2, 7]
    assert not is_excluded(TIMES, []).any()


def test_the_others_stay_in_order() -> None:
    assert without_excluded(record(TIMES), SPANS, "here")["x"].values.tolist() == [0, 3, 4, 5, 6]


def test_of_equal_times_the_first_stays() -> None:
    twice = record(TIMES[[0, 1, 1, 1, 2]])
    assert without_excluded(twice, [], "here")["x"].values.tolist() == [0, 1, 4]


def test_a_record_without_either_is_the_same_object() -> None:
    whole = record(TIMES)
    assert without_excluded(whole, [], "here") is whole


def test_a_period_of_excluded_times_only_is_refused() -> None:
    with pytest.raises(ValueError, match="here: all 8 times are excluded"):
        without_excluded(record(TIMES), [("2001-01-01", "2001-01-03")], "here")
