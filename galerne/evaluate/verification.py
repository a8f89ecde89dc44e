"""Statistics of one ensemble against the truth, and against withheld observations.

Rows have the columns of :data:`KEYS`, the number of cases behind them (``count``), the size of
the ensemble (``members``) and the statistics of :mod:`galerne.evaluate.scores`. On the
grid, a case is a state; in the space of observations, an observation.
"""

__all__ = ["KEYS", "grid_rows", "withheld_rows"]

from collections.abc import Sequence

import numpy as np
import pandas as pd

from jaxtyping import Float

from ..catalogue import Channel
from ..observe.noise import perturb
from ..observe.operator import ObservationOperator
from ..observe.task import Cutoff
from .ensemble import lead_hours
from .scores import STATISTICS, Estimator, field_statistics, point_statistics

KEYS = ["space", "variable", "level", "lead_hours"]
ROW = [*KEYS, "count", "members", *STATISTICS]


def grid_rows(
    members: Float[np.ndarray, "member time channel lat lon"],
    truth: Float[np.ndarray, "time channel lat lon"],
    *,
    cutoff: Cutoff,
    channels: Sequence[Channel],
    latitude: Float[np.ndarray, " lat"],
    crps: Estimator,
) -> pd.DataFrame:
    """Compares every state with the truth: one row by state and channel.

    Arguments:
        members: The ensemble at the valid times of the cutoff [unit of each channel].
        truth: The true states at the same times [unit of each channel].
        cutoff: What was asked for.
        channels: The channels of both.
        latitude: Rows of the grid [degrees_north].
        crps: Estimator of the CRPS.
    """
    tables = []
    for k, lead in enumerate(lead_hours(cutoff)):
        found = field_statistics(members[:, k], truth[k], latitude, crps=crps)
        tables.append(
            pd.DataFrame(
                {
                    "space": "grid",
                    "variable": [channel.variable for channel in channels],
                    "level": [np.nan if c.level is None else float(c.level) for c in channels],
                    "lead_hours": int(lead),
                    "count": 1,
                    "members": len(members),
                    **found,
                }
            )
        )
    return pd.concat(tables, ignore_index=True)[ROW]


def withheld_rows(
    members: Float[np.ndarray, "member time channel lat lon"],
    observations: pd.DataFrame,
    *,
    cutoff: Cutoff,
    channels: Sequence[Channel],
    latitude: Float[np.ndarray, " lat"],
    longitude: Float[np.ndarray, " lon"],
    crps: Estimator,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Compares the ensemble with the withheld observations: one row by variable and level.

    Only observations from the first to the last valid time take part: between two states of
    one trajectory, or at the time of the only state. Each counts for the lead of the nearest
    valid state at its time or after it.

    Arguments:
        members: The ensemble at the valid times of the cutoff [unit of each channel].
        observations: The observations of the window, withheld or not.
        cutoff: What was asked for.
        channels: The channels of the ensemble.
        latitude: Rows of the grid [degrees_north].
        longitude: Columns of the grid [degrees_east].
        crps: Estimator of the CRPS.
        rng: Draws the errors of the members' own observations.
    """
    valid = np.array(cutoff.valid, "datetime64[ns]")
    inside = observations["time"].between(valid[0], valid[-1])
    chosen = observations[observations["withheld"] & inside].reset_index(drop=True)
    operator = ObservationOperator.build(
        chosen, times=valid, channels=channels, latitude=latitude, longitude=longitude
    )
    seen = operator.apply(members)
    errors = chosen["error"].to_numpy()
    noise = perturb(np.zeros(seen.shape), errors, rng)
    lead = lead_hours(cutoff)[np.searchsorted(valid, chosen["time"].to_numpy())]
    groups = chosen.assign(space="withheld", lead_hours=lead).groupby(KEYS, dropna=False)
    rows = []
    for key, place in groups.indices.items():
        values = chosen["observation"].to_numpy()[place]
        found = point_statistics(seen[:, place], values, errors[place], noise[:, place], crps=crps)
        about = {"count": len(place), "members": len(members)}
        rows.append(dict(zip(KEYS, key, strict=True)) | about | found)
    return pd.DataFrame(rows, columns=ROW)
