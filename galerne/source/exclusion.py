"""Known-bad hours: times that a record shall not hold.

What is excluded is left out where a record is regridded, and never comes further: statistics
and training see the times that are left, and windows do not straddle the gap.

Conventions: times in UTC; both ends of a span are excluded.
"""

__all__ = ["Span", "is_excluded", "without_excluded"]

from collections.abc import Sequence

import numpy as np
import xarray as xr

from jaxtyping import Bool, Shaped

Span = Sequence[str]


def is_excluded(
    times: Shaped[np.ndarray, " time"], exclude: Sequence[Span]
) -> Bool[np.ndarray, " time"]:
    """Tells which times lie in one of some spans.

    Arguments:
        times: Times (UTC), datetime64.
        exclude: First and last time (ISO 8601, UTC) of each span.

    Example:
        >>> times = np.array(["2001-01-01T00", "2001-01-01T06"], "datetime64[ns]")
        >>> is_excluded(times, [("2001-01-01T06:00", "2001-01-01T18:00")])
        array([False,  True])
    """
    found = np.zeros(len(times), bool)
    for first, last in exclude:
        found |= (times >= np.datetime64(first, "ns")) & (times <= np.datetime64(last, "ns"))
    return found


def without_excluded(fields: xr.Dataset, exclude: Sequence[Span], where: str) -> xr.Dataset:
    """Leaves out excluded times, and the second of two equal ones.

    Arguments:
        fields: Fields with a dimension ``time``, in order.
        exclude: First and last time (ISO 8601, UTC) of each span.
        where: The name of the data in the error.

    Raises:
        ValueError: If no time is left.
    """
    times = fields["time"].values
    first = np.concatenate([[True], times[1:] != times[:-1]])
    kept = first & ~is_excluded(times, exclude)
    if not kept.any():
        raise ValueError(f"{where}: all {len(times)} times are excluded")
    return fields if kept.all() else fields.isel(time=np.flatnonzero(kept))
