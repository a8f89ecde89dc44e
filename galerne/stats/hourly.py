r"""A climatology by hour of day and day of year, as WeatherBench2 computes and stores it.

.. math:: c(h, d) = \frac{\sum_{y} \sum_{|k| \le w / 2} a_k \, x(y, d + k, h)}
    {\sum_{y} \sum_{|k| \le w / 2} a_k}, \qquad a_k = 1 - \frac{|k|}{\lfloor w / 2 \rfloor}

over the years :math:`y` of the record: a mean over a window of days that wraps around the year,
with weights that fall linearly to zero at its ends. A year without a day 366 has there what it
has on day 365. What is missing is left out, of numerator and denominator alike.

References:
    | WeatherBench 2: A benchmark for the next generation of data-driven global weather models
    | (Rasp et al., 2024), https://doi.org/10.1029/2023MS004019
    | ``compute_hourly_stat`` of https://github.com/google-research/weatherbench2

Depends on: numpy, scipy, dask, xarray.
"""

__all__ = ["DAYS", "hourly_climatology", "window_weights"]

from collections.abc import Sequence
from functools import partial

import dask
import dask.array as da
import numpy as np
import pandas as pd
import xarray as xr

from jaxtyping import Float, Float32
from scipy.ndimage import convolve1d

from ..arrays import describe_coordinates, read_values, select_levels
from ..catalogue import VARIABLES, Channel

DAYS = 366
SUMS_BYTES = 2**30  # of sums in memory; a finer grid is read once for each of several bands


def window_weights(days: int) -> Float[np.ndarray, " days"]:
    """Returns the weights of a window of days: one in the middle, zero at both ends.

    Raises:
        ValueError: If the number of days is even, or less than three.

    Example:
        >>> window_weights(5)
        array([0. , 0.5, 1. , 0.5, 0. ])
    """
    if days < 3 or days % 2 == 0:
        raise ValueError(
            f"a window of {days} days has no middle day: an odd number from 3 is needed"
        )
    return 1 - np.abs(np.linspace(-1, 1, days))


def hourly_climatology(
    records: Sequence[xr.Dataset], channels: Sequence[Channel], window_days: int
) -> xr.Dataset:
    """Lays out the climatology; each hour of each variable is computed when it is asked for.

    Arguments:
        records: Fields with dimensions ``time [level] latitude longitude`` on one grid, opened
            lazily; each is read once, unless sums over it are larger than ``SUMS_BYTES``.
        channels: The channels.
        window_days: Length of the window (odd).

    Returns:
        Variables with dimensions ``hour dayofyear [level] latitude longitude``, float32; NaN
        where the record holds nothing within the window.

    Raises:
        ValueError: If a variable or a level is missing or damaged, by name, or the window is even.
    """
    weights = window_weights(window_days)
    times = [pd.DatetimeIndex(record["time"].values) for record in records]
    hours = sorted({hour for index in times for hour in index.hour.unique()})
    places = {name: records[0][name].values for name in ("latitude", "longitude")}
    found = xr.Dataset(coords={"hour": hours, "dayofyear": np.arange(1, DAYS + 1), **places})
    for name in dict.fromkeys(channel.variable for channel in channels):
        levels = [channel.level for channel in channels if channel.variable == name]
        fields = [select_levels(record, name, levels) for record in records]
        values = da.stack([_lazy(fields, hour, weights) for hour in hours])
        about, dims = VARIABLES[name], ["hour", "dayofyear", "level", "latitude", "longitude"]
        attrs = {"units": about.units, "standard_name": about.standard_name}
        if about.on_levels:
            found = found.assign_coords(level=levels)
        else:
            values = values[:, :, 0]
            dims.remove("level")
        found[name] = (dims, values, attrs)
    return describe_coordinates(found)


def _lazy(fields: Sequence[xr.DataArray], hour: int, weights: np.ndarray) -> da.Array:
    shape = (DAYS, *fields[0].shape[1:])
    made = dask.delayed(partial(_of_hour, fields, hour, weights))()
    return da.from_delayed(made, shape, dtype="float32")


def _of_hour(
    fields: Sequence[xr.DataArray], hour: int, weights: np.ndarray
) -> Float32[np.ndarray, "day level lat lon"]:
    """Computes the climatology of one variable at one hour, in bands of latitude."""
    _, levels, rows, columns = fields[0].shape
    size = max(int(SUMS_BYTES // (8 * DAYS * levels * columns)), 1)
    bands = [slice(first, first + size) for first in range(0, rows, size)]
    return np.concatenate([_of_band(fields, hour, weights, band) for band in bands], axis=2)


def _of_band(
    fields: Sequence[xr.DataArray], hour: int, weights: np.ndarray, band: slice
) -> Float32[np.ndarray, "day level lat lon"]:
    shape = (DAYS, *fields[0][0, :, band].shape)
    sums, counts = np.zeros(shape), np.zeros(shape, "uint16")
    for field in fields:
        times = pd.DatetimeIndex(field["time"].values)
        days, leap = times.day_of_year, times.is_leap_year
        for k in np.flatnonzero(times.hour == hour):
            x = read_values(field[k : k + 1, :, band], "the record")[0]
            known = np.isfinite(x)
            day = int(days[k])
            last = DAYS if day == DAYS - 1 and not leap[k] else day
            sums[day - 1 : last] += np.where(known, x, 0)
            counts[day - 1 : last] += known
    for level in range(shape[1]):  # one at a time, since this makes copies
        total = convolve1d(sums[:, level], weights, axis=0, mode="wrap")
        weight = convolve1d(counts[:, level].astype("float64"), weights, axis=0, mode="wrap")
        with np.errstate(invalid="ignore", divide="ignore"):
            sums[:, level] = np.where(weight > 0, total / weight, np.nan)
    return sums.astype("float32")
