"""The legs of a draw: windows that follow each other, each with its observations.

A task on a long stretch is done in one leg, a window as long as the stretch, or in several legs
of shorter windows:

* *filtering*: one leg for each analysis time, the window that ends then;
* *forecasting*: the window that ends at the last observation, and then windows that each go on
  from the last states of the one before.

A leg may be given the last states of the leg before. What was observed up to then has made
them and is not used again.
"""

__all__ = ["Leg", "legs", "plan_task"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .task import Cutoff, cutoffs


@dataclass(frozen=True)
class Leg:
    """One window of a draw.

    Arguments:
        first: The first state, counted from that of the stretch.
        states: How many there are.
        after: Only observations after this time are used; ``None``: from the first state on.
        until: No observation after this time is used.
        given: States taken from the leg before, counted as ``first``.
        kept: States that are asked for and found by this leg, counted as ``first``.
    """

    first: int
    states: int
    after: np.datetime64 | None
    until: np.datetime64
    given: tuple[int, ...]
    kept: tuple[int, ...]


def legs(
    asked: Sequence[Cutoff], times: np.ndarray, window: int | None = None, carried: int = 0
) -> list[Leg]:
    """Lists the legs of a task.

    Arguments:
        asked: The cutoffs of the task, in their order.
        times: The times of the states of the stretch, shape (state,).
        window: States in the window of a leg; ``None``: all of the stretch.
        carried: States that each leg takes from the one before; 0: it starts anew.

    Raises:
        ValueError: If the windows do not reach every state that is asked for.

    Example:
        >>> times = np.datetime64("2001-01-01", "ns") + np.arange(9) * np.timedelta64(6, "h")
        >>> analyses = [Cutoff(times[k], (times[k],)) for k in (3, 6)]
        >>> [(leg.first, leg.given, leg.kept) for leg in legs(analyses, times, 4)]
        [(0, (), (3,)), (3, (), (6,))]
        >>> forecast = [Cutoff(times[3], tuple(times[4:]))]
        >>> [(leg.first, leg.given, leg.kept) for leg in legs(forecast, times, 4, carried=2)]
        [(0, (), ()), (2, (2, 3), (4, 5)), (4, (4, 5), (6, 7)), (5, (6, 7), (8,))]
    """
    window = len(times) if window is None else window
    if not carried < window <= len(times):
        raise ValueError(
            f"a window of {window} states with {carried} carried does not fit {len(times)} states"
        )
    found: list[Leg] = []
    for cutoff in asked:
        now = int(np.flatnonzero(times == cutoff.last_observation)[0])
        found += _one(cutoff, now, times, window, carried, found)
    return found


def plan_task(
    times: np.ndarray,
    step_hours: int,
    *,
    kind: str,
    now_hours: Sequence[int] = (),
    window_hours: int | None = None,
    carry: Mapping[str, object] | None = None,
) -> tuple[list[Cutoff], list[Leg]]:
    """Lists what a task asks for, and the legs that find it.

    Arguments:
        times: The times of the states of the stretch, shape (state,).
        step_hours: The time between states [h].
        kind: ``reanalysis``, ``filtering`` or ``forecasting``.
        now_hours: Analysis times [h], counted from the first state.
        window_hours: From the first to the last state of a leg [h]; ``None``: all.
        carry: Under ``states``, how many each leg takes from the one before; ``None``: none.

    Raises:
        ValueError: If a time asked for is no state, or the windows do not reach every one.
    """
    asked = cutoffs(kind, times, now_hours)
    states = None if window_hours is None else window_hours // step_hours + 1
    return asked, legs(asked, times, states, int((carry or {"states": 0})["states"]))


def _one(
    cutoff: Cutoff,
    now: int,
    times: np.ndarray,
    window: int,
    carried: int,
    before: Sequence[Leg],
) -> list[Leg]:
    """The legs of one cutoff, after those before."""
    latest = len(times) - window
    wanted = np.flatnonzero(np.isin(times, cutoff.valid)).tolist()
    since = before[-1].until if before and carried else None
    first = min(max(now - window + 1, 0), latest)
    given: tuple[int, ...] = ()
    if since is not None:
        last = int(np.flatnonzero(times == since)[0])
        given = tuple(range(max(last - carried + 1, 0), last + 1))
        first = min(given[0], latest)
        if now >= first + window:
            raise ValueError(
                f"a window of {window} states with {carried} carried does not reach from "
                f"{since} to {times[now]}"
            )
    found, end = [], first + window
    kept = tuple(k for k in wanted if k < end)
    found.append(Leg(first, window, since, times[now], given, kept))
    while wanted and end <= wanted[-1]:
        if not carried:
            raise ValueError(
                f"a window of {window} states does not reach {times[wanted[-1]]}: "
                "states must be carried from one window to the next"
            )
        given = tuple(range(end - carried, end))
        first = min(given[0], latest)
        kept = tuple(k for k in wanted if end <= k < first + window)
        found.append(Leg(first, window, times[now], times[now], given, kept))
        end = first + window
    return found
