"""Windows of states, by the name that products are filed under.

``20040114T00_42h`` begins on 14 January 2004 at 00 UTC; its last state is 42 hours later.

Depends on: numpy and xarray only.
"""

__all__ = ["select_window", "window_span", "window_times"]

import re

import numpy as np
import xarray as xr

NAME = re.compile(r"(\d{4})(\d{2})(\d{2})T(\d{2})_(\d+)h")


def window_span(window: str) -> tuple[np.datetime64, np.datetime64]:
    """Returns the times of the first and the last state of a window.

    Raises:
        ValueError: If this is no name of a window.

    Example:
        >>> [str(time)[:13] for time in window_span("20040114T00_42h")]
        ['2004-01-14T00', '2004-01-15T18']
    """
    match = NAME.fullmatch(window)
    if match is None:
        raise ValueError(f"no window: {window!r}; windows are called like 20040114T00_42h")
    year, month, day, hour, length = match.groups()
    start = np.datetime64(f"{year}-{month}-{day}T{hour}", "ns")
    return start, start + np.timedelta64(int(length), "h")


def window_times(window: str, step_hours: int) -> np.ndarray:
    """Returns the times of all states of a window, shape (state,).

    Example:
        >>> len(window_times("20040114T00_42h", 6))
        8
    """
    start, end = window_span(window)
    step = np.timedelta64(step_hours, "h")
    return np.arange(start, end + step, step)


def select_window(fields: xr.Dataset, window: str) -> xr.Dataset:
    """Selects the states of a window.

    Raises:
        ValueError: If the fields do not reach from its first to its last state, or lack a
            time between them.
    """
    start, end = window_span(window)
    times = fields["time"].values
    if start not in times or end not in times:
        raise ValueError(
            f"window {window} ({start} to {end}) leaves the data, {times[0]} to {times[-1]}"
        )
    found = fields.sel(time=slice(start, end))
    steps = np.diff(found["time"].values)
    if len(steps) and steps.min() != steps.max():
        before = found["time"].values[int(steps.argmax())]
        raise ValueError(f"window {window} lacks times: the data leave out what follows {before}")
    return found
