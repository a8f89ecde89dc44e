"""What a task asks of a window."""

import numpy as np
import pytest

from galerne.observe.task import Cutoff, cutoffs

TIMES = np.datetime64("2001-01-01", "ns") + np.arange(4) * np.timedelta64(6, "h")


def test_reanalysis_asks_for_every_state_given_everything() -> None:
    assert cutoffs("reanalysis", TIMES) == [Cutoff(TIMES[3], tuple(TIMES))]


def test_filtering_asks_for_the_state_now_given_what_came_before() -> None:
    found = cutoffs("filtering", TIMES, [6, 18])
    assert found == [Cutoff(TIMES[1], (TIMES[1],)), Cutoff(TIMES[3], (TIMES[3],))]


def test_forecasting_asks_only_for_states_after_the_last_observation() -> None:
    (found,) = cutoffs("forecasting", TIMES, [6])
    assert found.last_observation == TIMES[1]
    assert found.valid == (TIMES[2], TIMES[3])


@pytest.mark.parametrize(
    ("kind", "now_hours", "message"),
    [
        ("smoothing", [6], "unknown task 'smoothing'"),
        ("filtering", [7], "7 h from .* leaves no state"),
        ("filtering", [24], "24 h from .* leaves no state"),
        ("forecasting", [18], "18 h from .* leaves no state"),
    ],
)
def test_what_no_window_holds_is_refused(kind, now_hours, message) -> None:
    with pytest.raises(ValueError, match=message):
        cutoffs(kind, TIMES, now_hours)
