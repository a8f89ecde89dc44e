"""Ensembles on disk, whoever wrote them, cut to the states that a task asks for.

A product of members has dimensions ``number time [level] latitude longitude``, or, for
forecasts, ``number time prediction_timedelta [level] latitude longitude``, where ``time`` is
that of the last observation. A baseline is one product for all tasks: its states are cut to
the times that the task asks for, so that its scores stand beside those of a posterior.
"""

__all__ = ["lead_hours", "read_members"]

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from jaxtyping import Float, Int64

from ..arrays import stack_channels
from ..catalogue import Channel
from ..observe.task import Cutoff
from ..products import open_product


def read_members(
    paths: Sequence[Path], cutoff: Cutoff, channels: Sequence[Channel]
) -> Float[np.ndarray, "member time channel lat lon"]:
    """Reads the members of every batch at the valid times of a cutoff.

    Arguments:
        paths: Manifests of the batches.
        cutoff: The states wanted.
        channels: The channels wanted.

    Returns:
        The members [unit of each channel], ordered by number, float32.

    Raises:
        ValueError: If a state is missing, or two batches hold the same member.
    """
    batches = [_valid(open_product(path), cutoff, path) for path in paths]
    number = np.concatenate([batch["number"].values for batch in batches])
    if len(np.unique(number)) != len(number):
        raise ValueError(f"members appear twice among {len(paths)} batches: {np.sort(number)}")
    members = np.concatenate([stack_channels(batch, channels) for batch in batches])
    return members[np.argsort(number)]


def lead_hours(cutoff: Cutoff) -> Int64[np.ndarray, " time"]:
    """Returns the lead of each valid state [h]: the time since the last observation.

    States no later than the last observation have the lead zero.
    """
    leads = (np.array(cutoff.valid) - cutoff.last_observation) / np.timedelta64(1, "h")
    return np.maximum(np.round(leads), 0).astype("int64")


def _valid(batch: xr.Dataset, cutoff: Cutoff, path: Path) -> xr.Dataset:
    times = np.array(cutoff.valid, "datetime64[ns]")
    try:
        if "prediction_timedelta" not in batch.dims:
            return batch.sel(time=times)
        start = np.datetime64(cutoff.last_observation, "ns")
        chosen = batch.sel(time=start, prediction_timedelta=times - start)
        return chosen.drop_vars("time").rename(prediction_timedelta="time")
    except KeyError as error:
        raise ValueError(f"{path.parent} lacks a state of {times[0]} to {times[-1]}") from error
