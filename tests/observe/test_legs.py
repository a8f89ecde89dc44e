"""Legs reach every state that is asked for, and none sees what is to come."""

from itertools import pairwise

import numpy as np
import pytest

from galerne.observe.legs import legs, plan_task
from galerne.observe.task import cutoffs

TIMES = np.datetime64("2001-01-01", "ns") + np.arange(20) * np.timedelta64(6, "h")


@pytest.mark.parametrize("kind", ["reanalysis", "filtering", "forecasting"])
def test_one_window_is_one_leg_for_each_cutoff(kind: str) -> None:
    asked = cutoffs(kind, TIMES, [18, 36] if kind == "filtering" else [18])
    found = legs(asked, TIMES)
    assert len(found) == len(asked)
    for leg, cutoff in zip(found, asked, strict=True):
        assert (leg.first, leg.states, leg.given, leg.after) == (0, 20, (), None)
        assert tuple(TIMES[list(leg.kept)]) == cutoff.valid
        assert leg.until == cutoff.last_observation


@pytest.mark.parametrize("carried", [0, 1, 3])
@pytest.mark.parametrize("now_hours", [[0, 6, 12, 24], [18, 42, 60, 84, 114], [114]])
def test_analyses_end_windows_and_never_look_ahead(now_hours: list[int], carried: int) -> None:
    found = legs(cutoffs("filtering", TIMES, now_hours), TIMES, 8, carried)
    for k, (leg, hours) in enumerate(zip(found, now_hours, strict=True)):
        now = hours // 6
        assert leg.until == TIMES[now]
        assert leg.kept == (now,)
        assert 0 <= leg.first <= now < leg.first + leg.states <= 20
        if k and carried:
            before = now_hours[k - 1] // 6
            assert leg.given[-1] == before
            assert len(leg.given) == min(carried, before + 1)
            assert leg.after == TIMES[before]
            assert leg.first <= leg.given[0]
        else:
            assert leg.given == ()
            assert leg.after is None


@pytest.mark.parametrize("carried", [1, 2, 7])
@pytest.mark.parametrize("now", [0, 5, 7, 12, 18])
def test_a_forecast_goes_on_from_window_to_window(now: int, carried: int) -> None:
    found = legs(cutoffs("forecasting", TIMES, [6 * now]), TIMES, 8, carried)
    assert [k for leg in found for k in leg.kept] == list(range(now + 1, 20))
    for before, leg in pairwise(found):
        assert leg.after == leg.until == TIMES[now]
        assert leg.given == tuple(range(before.first + 8 - carried, before.first + 8))
        assert set(leg.given) <= set(range(leg.first, leg.first + 8))
        assert leg.kept[0] == leg.given[-1] + 1
    assert all(leg.until == TIMES[now] for leg in found)


def test_what_does_not_reach_is_refused() -> None:
    forecast = cutoffs("forecasting", TIMES, [18])
    with pytest.raises(
        ValueError, match=r"8 states does not reach 2001-01-05T18.*must be carried"
    ):
        legs(forecast, TIMES, 8)
    with pytest.raises(ValueError, match=r"8 states with 8 carried does not fit 20"):
        legs(forecast, TIMES, 8, 8)
    with pytest.raises(ValueError, match=r"21 states with 0 carried does not fit 20"):
        legs(forecast, TIMES, 21)
    with pytest.raises(ValueError, match=r"does not reach from 2001-01-01T18.* to 2001-01-03T12"):
        legs(cutoffs("filtering", TIMES, [18, 60]), TIMES, 8, 2)


def test_a_task_says_its_legs() -> None:
    settings = {"kind": "filtering", "now_hours": [18, 42], "window_hours": 42}
    asked, found = plan_task(TIMES, 6, **settings, carry={"states": 2, "error": 0.3})
    assert asked == cutoffs("filtering", TIMES, [18, 42])
    assert found == legs(asked, TIMES, 8, 2)
    assert plan_task(TIMES, 6, **settings)[1] == legs(asked, TIMES, 8)
    assert plan_task(TIMES, 6, kind="reanalysis")[1][0].states == 20
