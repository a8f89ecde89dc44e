r"""Successive corrections after Cressman: weighted means of what observations lack.

Prior and likelihood: none; it is a scheme, not a posterior, and has one member without spread.
It begins with the climatology. In each pass a point is corrected by the mean of the
misfits of the observations of its own channel, weighted by

.. math:: w = \frac{R^2 - d^2}{R^2 + d^2} \cdot \frac{T^2 - t^2}{T^2 + t^2}

with the distance :math:`d < R` and the time :math:`t < T` from the point, and the
radius :math:`R` halved from pass to pass. Errors of observations do not count, and what is
not a channel of the state (derived variables), or is one by its logarithm, is not used. Levels
between those of the state count for the nearest.

References:
    | An operational objective analysis system (Cressman, 1959)
    | https://doi.org/10.1175/1520-0493(1959)087<0367:AOOAS>2.0.CO;2
"""

__all__ = ["correct_successively"]

import numpy as np
import torch

from jaxtyping import Float
from torch import Tensor

from ..observe.operator import ObservationOperator
from ..stats.logarithm import epsilons
from .fields import Case, distances


def correct_successively(
    case: Case, *, radius_km: float, hours: float, passes: int
) -> Float[Tensor, "1 state channel lat lon"]:
    """Returns the analysis, alone [1].

    Arguments:
        case: What is to be analysed.
        radius_km: Radius of the first pass [km].
        hours: Reach in time [h].
        passes: How many.
    """
    t = case.transform
    x = np.zeros(case.shape)
    known = {c.variable for c, e in zip(t.channels, epsilons(t.channels), strict=True) if not e}
    table = case.table[case.table["variable"].isin(known)]
    if table.empty:
        return torch.zeros(1, *case.shape)
    table = table.reset_index(drop=True)
    own = Case(t, table, case.times, case.noise, case.members)
    operator = ObservationOperator.build(
        table, times=case.times, channels=t.channels, latitude=t.latitude, longitude=t.longitude
    )
    scale = operator.apply(np.broadcast_to(t.scale_at(case.times), case.shape))
    apart, lag = distances(own, t.latitude, t.longitude), _lags(own)
    groups = _channels(own)
    for number in range(passes):
        seen = operator.apply(t.inverse(x.astype("float32"), case.times))
        misfit = (table["observation"].to_numpy() - seen) / scale
        near = _weight(apart, radius_km / 2**number)
        for channel, rows in groups.items():
            when, where = _weight(lag[:, rows], hours), near[:, rows]
            total = where @ when.T
            change = (where @ (when * misfit[rows]).T) / np.where(total > 0, total, 1)
            x[:, channel] += change.T.reshape(len(case.times), *case.shape[2:])
    return torch.from_numpy(x[None]).float()


def _weight(distance: np.ndarray, reach: float) -> np.ndarray:
    return np.maximum(reach**2 - distance**2, 0) / (reach**2 + distance**2)


def _lags(case: Case) -> Float[np.ndarray, "state obs"]:
    """Time between states and observations [h]."""
    return np.abs(case.hours - case.step_hours * np.arange(len(case.times))[:, None])


def _channels(case: Case) -> dict[int, np.ndarray]:
    """The observations of each channel: of its variable, and its level the nearest."""
    found = {}
    for name, rows in case.table.groupby("variable", sort=False).indices.items():
        own = [(k, c.level) for k, c in enumerate(case.transform.channels) if c.variable == name]
        places = np.array([k for k, _ in own])
        nearest = np.zeros(len(rows), int)
        if own[0][1] is not None:
            levels = np.log([level for _, level in own])
            wanted = np.log(case.table["level"].to_numpy(float)[rows])
            nearest = np.abs(wanted[:, None] - levels).argmin(1)
        for k in np.unique(nearest):
            found[int(places[k])] = rows[nearest == k]
    return found
