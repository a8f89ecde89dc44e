"""Trajectories of the training data at the season and hour of a window: what the climate does.

They are an ensemble of the climate, and the background ensemble of analyses that need one. Each
is kept as anomalies from the climatology of its own day, so that the season's march within
``season_days`` is no part of them.
"""

__all__ = ["draw_climate", "read_trajectories", "similar_starts"]

import numpy as np
import torch

from jaxtyping import Float, Int64
from torch import Tensor

from ..latent.record import StandardisedStates
from ..observe.noise import generator
from ..stats.climatology import apart_in_year
from .covariance import runs
from .fields import Case


def similar_starts(
    states: StandardisedStates, times: np.ndarray, season_days: float
) -> Int64[np.ndarray, " start"]:
    """Lists where trajectories begin at the hour of a window, within days of its day of year.

    Arguments:
        states: The training data.
        times: The times of the states of the window, shape (state,).
        season_days: The greatest distance in the year [days].

    Returns:
        The number of the first state of each, in the order of time.
    """
    own, found, length = np.concatenate([r.times for r in states.records]), [], len(times)
    day = np.timedelta64(1, "D")
    apart = (own - times[0]) / day
    near = apart_in_year(apart) <= season_days
    same_hour = (own - times[0]) % day == np.timedelta64(0)
    for run in runs(states):
        starts = run[: max(len(run) - length + 1, 0)]
        for start in starts[(near & same_hour)[starts]]:
            whole = own[start : start + length]
            if np.array_equal(whole - whole[0], times - times[0]):
                found.append(int(start))
    return np.array(found, "int64")


def read_trajectories(
    states: StandardisedStates, case: Case, *, count: int, season_days: float
) -> Float[Tensor, "n state channel lat lon"]:
    """Reads trajectories spread evenly over all that are similar, as anomalies [1].

    Arguments:
        states: The training data.
        case: What is to be analysed.
        count: How many.
        season_days: The greatest distance in the year [days].

    Raises:
        ValueError: If there are fewer.
    """
    starts = _enough(similar_starts(states, case.times, season_days), count, season_days, case)
    chosen = starts[np.linspace(0, len(starts) - 1, count).round().astype(int)]
    return torch.stack([states[range(k, k + len(case.times))] for k in chosen])


def draw_climate(
    case: Case, states: StandardisedStates, *, season_days: float
) -> Float[Tensor, "member state channel lat lon"]:
    """Draws trajectories of the climate, which know no observation, one for each member [1].

    Arguments:
        case: What is to be drawn.
        states: The training data.
        season_days: The greatest distance in the year [days].

    Raises:
        ValueError: If there are fewer than members.
    """
    starts = similar_starts(states, case.times, season_days)
    starts = _enough(starts, max(case.members) + 1, season_days, case)
    order = generator(case.noise.seed, "climate", str(case.times[0])).permutation(len(starts))
    chosen = [int(starts[order[k]]) for k in case.members]
    return torch.stack([states[range(k, k + len(case.times))] for k in chosen])


def _enough(starts: np.ndarray, count: int, season_days: float, case: Case) -> np.ndarray:
    if len(starts) < count:
        raise ValueError(
            f"the training data hold {len(starts)} trajectories of {len(case.times)} states that "
            f"begin within {season_days:g} days of the season of {case.times[0]}, fewer than "
            f"{count}: raise season_days, train on longer periods, or ask for fewer"
        )
    return starts
