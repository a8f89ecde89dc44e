"""The fields behind the maps of a report: a few channels of one window.

Depends on: arrays and products; the report draws them and computes nothing.
"""

__all__ = ["map_fields"]

from collections.abc import Sequence

import numpy as np
import xarray as xr

from jaxtyping import Float

from ..arrays import describe_coordinates
from ..catalogue import VARIABLES, Channel

FRAME = ("channel", "frame", "latitude", "longitude")
MEMBERS = ("channel", "frame", "number", "latitude", "longitude")


def map_fields(
    members: Float[np.ndarray, "member frame channel lat lon"],
    truth: Float[np.ndarray, "frame channel lat lon"],
    climatology: Float[np.ndarray, "frame channel lat lon"],
    prior_sample: Float[np.ndarray, "frame channel lat lon"] | None,
    *,
    channels: Sequence[Channel],
    times: np.ndarray,
    leads: np.ndarray,
    latitude: Float[np.ndarray, " lat"],
    longitude: Float[np.ndarray, " lon"],
    kept: int,
) -> xr.Dataset:
    """Gathers truth, climatology, mean, spread, error and some members.

    Arguments:
        members: The ensemble [unit of each channel].
        truth: The true states.
        climatology: The climatology at the same times.
        prior_sample: One sample of the prior at the same times, if any.
        channels: The channels.
        times: Valid time of each frame, shape (frame,).
        leads: Lead of each frame [h], shape (frame,).
        latitude: Rows of the grid [degrees_north].
        longitude: Columns of the grid [degrees_east].
        kept: Members kept.

    Returns:
        Fields on ``channel frame [number] latitude longitude`` [unit of each channel]; the
        spread of one member is zero.
    """
    mean = members.mean(axis=0, dtype="float64")
    alone = len(members) < 2
    spread = np.zeros_like(mean) if alone else members.std(axis=0, ddof=1, dtype="float64")
    fields = {
        "truth": truth,
        "climatology": climatology,
        "mean": mean,
        "spread": spread,
        "error": mean - truth,
        "prior_sample": prior_sample,
    }
    few = np.moveaxis(members[:kept], (2, 1), (0, 1)).astype("float32")
    dataset = xr.Dataset(
        {
            **{
                n: (FRAME, np.swapaxes(x, 0, 1).astype("float32"))
                for n, x in fields.items()
                if x is not None
            },
            "members": (MEMBERS, few),
        },
        {
            "channel": [str(channel) for channel in channels],
            "units": ("channel", [VARIABLES[channel.variable].units for channel in channels]),
            "valid_time": ("frame", np.array(times, "datetime64[ns]")),
            "lead_hours": ("frame", np.array(leads)),
            "number": np.arange(few.shape[2]),
            "latitude": latitude,
            "longitude": longitude,
        },
    )
    dataset["lead_hours"].attrs["long_name"] = "hours since the last observation"
    return describe_coordinates(dataset)
