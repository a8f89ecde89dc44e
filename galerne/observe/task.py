"""What is asked of the observations: reanalysis, filtering, forecasting.

A task cuts the observations of a window at one or several times and says which states are
wanted given the observations up to each:

* *reanalysis*: all observations, every state of the window;
* *filtering*: the observations up to now, the state now;
* *forecasting*: the observations up to now, the states after it.
"""

__all__ = ["Cutoff", "Observations", "cutoffs", "usable"]

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Cutoff:
    """States wanted, given the observations up to a time.

    Arguments:
        last_observation: Observations after this time are not used.
        valid: The times of the states wanted.
    """

    last_observation: np.datetime64
    valid: tuple[np.datetime64, ...]


def cutoffs(kind: str, times: np.ndarray, now_hours: Sequence[int] = ()) -> list[Cutoff]:
    """Lists the cutoffs of a task on a window.

    Arguments:
        kind: ``reanalysis``, ``filtering`` or ``forecasting``.
        times: The times of the states of the window, shape (state,), increasing.
        now_hours: Analysis times [h], counted from the first state.

    Raises:
        ValueError: If the kind is unknown, or a time asked for is no state of the window.

    Example:
        >>> times = np.array(["2001-01-01T00", "2001-01-01T06"], "datetime64[ns]")
        >>> [len(c.valid) for c in cutoffs("reanalysis", times)]
        [2]
    """
    if kind == "reanalysis":
        return [Cutoff(times[-1], tuple(times))]
    if kind not in ("filtering", "forecasting"):
        raise ValueError(f"unknown task {kind!r}; allowed: reanalysis, filtering, forecasting")
    found = []
    for hours in now_hours:
        now = times[0] + np.timedelta64(hours, "h")
        valid = times[times == now] if kind == "filtering" else times[times > now]
        if now not in times or not len(valid):
            raise ValueError(f"now_hours: {hours} h from {times[0]} leaves no state of the window")
        found.append(Cutoff(now, tuple(valid)))
    return found


@dataclass(frozen=True)
class Observations:
    """What conditions a window.

    Arguments:
        table: The observations; those withheld or after the cutoff are already gone.
        times: The times of the states of the window, shape (state,).
    """

    table: pd.DataFrame
    times: np.ndarray


def usable(
    observations: pd.DataFrame,
    times: np.ndarray,
    last_observation: np.datetime64,
    after: np.datetime64 | None = None,
) -> Observations:
    """Keeps what may be used: not withheld, within the window, neither too late nor too early.

    Arguments:
        observations: All observations.
        times: The times of the states of the window, shape (state,).
        last_observation: The last time of an observation that is kept.
        after: Those up to this time are not kept; ``None`` keeps them.
    """
    when = observations["time"]
    kept = ~observations["withheld"] & (when >= times[0]) & (when <= last_observation)
    if after is not None:
        kept &= when > after
    return Observations(observations[kept].reset_index(drop=True), times)
