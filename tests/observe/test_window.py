"""Names of windows, and the states they hold."""

import numpy as np
import pytest
import xarray as xr

from galerne.observe.window import select_window, window_span

TIMES = np.datetime64("2004-01-01", "ns") + np.arange(8) * np.timedelta64(6, "h")
FIELDS = xr.Dataset({"x": ("time", np.arange(8.0))}, {"time": TIMES})


def test_a_window_holds_its_first_and_its_last_state() -> None:
    chosen = select_window(FIELDS, "20040101T06_18h")
    np.testing.assert_array_equal(chosen["x"], [1, 2, 3, 4])


def test_a_window_may_cross_into_another_year() -> None:
    start, end = window_span("20031231T18_12h")
    assert (start, end) == (np.datetime64("2003-12-31T18"), np.datetime64("2004-01-01T06"))


@pytest.mark.parametrize("window", ["20040102T12_12h", "20031231T18_12h", "20040101T03_6h"])
def test_a_window_that_leaves_the_data_is_refused(window) -> None:
    with pytest.raises(ValueError, match=f"window {window} .* leaves the data"):
        select_window(FIELDS, window)


def test_what_is_no_window_is_refused() -> None:
    with pytest.raises(ValueError, match="no window: '2004'"):
        window_span("2004")


def test_a_window_with_a_gap_is_refused() -> None:
    gap = FIELDS.isel(time=[0, 1, 2, 4, 5])
    with pytest.raises(ValueError, match=r"lacks times: .* what follows 2004-01-01T12"):
        select_window(gap, "20040101T00_30h")
