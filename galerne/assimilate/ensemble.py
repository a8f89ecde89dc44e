"""Labels of an ensemble, as WeatherBench tools read them.

Analyses (reanalysis, filtering) have ``number time ...`` with the times the states are valid
at. A forecast has ``number time prediction_timedelta ...``: the time it starts from, that of
the last observation, and the lead.
"""

__all__ = ["label_members"]

from collections.abc import Sequence

import dask.array as da
import numpy as np
import xarray as xr

from jaxtyping import Float

from ..arrays import unstack_channels
from ..observe.task import Cutoff
from ..stats.transform import Transform


def label_members(
    values: Float[np.ndarray, "member state channel lat lon"]
    | Float[da.Array, "member state channel lat lon"],
    members: Sequence[int],
    asked: Sequence[Cutoff],
    transform: Transform,
    unobserved: Sequence[np.datetime64] = (),
) -> xr.Dataset:
    """Labels members of an ensemble [unit of each variable].

    Arguments:
        values: The states asked for, cutoff after cutoff.
        members: The numbers of the members.
        asked: The cutoffs of the task; a lone one followed by later states is a forecast.
        transform: Holds channels and grid.
        unobserved: The last times of cutoffs whose states are the prior's, noted as an attribute.
    """
    data = _labelled(values, members, asked, transform)
    if unobserved:
        data.attrs["unobserved"] = ", ".join(str(t.astype("M8[m]")) for t in unobserved)
    return data


def _labelled(
    values: np.ndarray | da.Array,
    members: Sequence[int],
    asked: Sequence[Cutoff],
    transform: Transform,
) -> xr.Dataset:
    grid = {"latitude": transform.latitude, "longitude": transform.longitude}
    valid = np.array([time for cutoff in asked for time in cutoff.valid], "datetime64[ns]")
    start = asked[0].last_observation
    if len(asked) > 1 or valid[0] <= start:
        coords = {"number": np.asarray(members), "time": valid, **grid}
        return unstack_channels(values, transform.channels, coords)
    coords = {
        "number": np.asarray(members),
        "time": np.array([start], "datetime64[ns]"),
        "prediction_timedelta": (valid - start).astype("timedelta64[ns]"),
        **grid,
    }
    return unstack_channels(values[:, None], transform.channels, coords)
