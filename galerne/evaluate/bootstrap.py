r"""Intervals from the stationary bootstrap of windows.

What is resampled are *units*: windows, and within windows longer than a block of time, pieces of
that length. Units in the order of time are drawn in runs of geometric length, wrapping around at
the end (Politis and Romano); the mean run spans the block, so units that start further apart than
that are drawn one by one. Every method is resampled by the same draws: comparisons are paired.

There may be four windows, and percentiles of so few are far too narrow. So an interval of
:math:`\theta` is :math:`\hat\theta \pm t_{n - 1} \sqrt{n / (n - 1)} \, s^*`, with the standard
deviation :math:`s^*` of the resampled values and Student's :math:`t` for :math:`n` units by run:
for a mean of independent units it is the classical interval, for many it is that of the
bootstrap. One run alone has no interval.

References:
    | The stationary bootstrap (Politis and Romano, 1994)
    | https://doi.org/10.1080/01621459.1994.10476870
    | What teachers should know about the bootstrap (Hesterberg, 2015), 4.1 on narrowness bias
    | https://doi.org/10.1080/00031305.2015.1089789
"""

__all__ = ["Resampling", "interval", "resample", "units"]

import warnings

from dataclasses import dataclass

import numpy as np
import pandas as pd

from jaxtyping import Float, Int
from scipy.stats import t as student


@dataclass(frozen=True)
class Resampling:
    """How often each unit is drawn in each of many resamples.

    Arguments:
        counts: Draws of each unit.
        run: Mean number of units in a run [1].
    """

    counts: Float[np.ndarray, "resample unit"]
    run: float


def units(rows: pd.DataFrame, block_hours: float) -> pd.Series:
    """Names the unit of each row: its window, or the piece of it, by first time.

    Arguments:
        rows: With ``window``, its first time as text, and ``time``, the valid time.
        block_hours: Length of a piece [h].

    Example:
        >>> rows = pd.DataFrame({"window": "2001-01-01T00:00",
        ...     "time": pd.to_datetime(["2001-01-01", "2001-01-02"])})
        >>> units(rows, 24.0).tolist()
        ['2001-01-01T00:00', '2001-01-02T00:00']
    """
    start = pd.to_datetime(rows["window"])
    block = pd.Timedelta(hours=block_hours)
    pieces = (rows["time"] - start) // block
    return (start + pieces * block).dt.strftime("%Y-%m-%dT%H:%M")


def resample(
    names: list[str], block_hours: float, resamples: int, rng: np.random.Generator
) -> Resampling:
    """Draws units in runs.

    Arguments:
        names: First time of each unit, sorted.
        block_hours: Time that a mean run spans [h].
        resamples: How many resamples.
        rng: Where the draws come from.
    """
    count = len(names)
    starts = pd.to_datetime(pd.Series(names))
    gaps = starts.diff().dropna() / pd.Timedelta(hours=1)
    spacing = max(float(gaps.median()), 1e-9) if len(gaps) else block_hours
    run = min(max(block_hours / spacing, 1.0), float(count))
    begins = rng.random((resamples, count)) < 1 / run
    fresh = rng.integers(0, count, (resamples, count))
    index = np.empty((resamples, count), dtype=np.int64)
    index[:, 0] = fresh[:, 0]
    for k in range(1, count):
        index[:, k] = np.where(begins[:, k], fresh[:, k], (index[:, k - 1] + 1) % count)
    return Resampling(_counts(index, count), run)


def interval(
    estimate: Float[np.ndarray, " value"],
    resampled: Float[np.ndarray, "resample value"],
    runs: Float[np.ndarray, " value"],
    level: float,
) -> tuple[Float[np.ndarray, " value"], Float[np.ndarray, " value"]]:
    """Returns the ends of the interval of each estimate; not numbers where there is none.

    Arguments:
        estimate: From all units.
        resampled: The same from each resample; not a number where it had none of the cases.
        runs: How many runs the units with cases make: the size of the sample.
        level: Probability that the interval is to have [1].
    """
    several = np.where(runs >= 2, runs, np.nan)
    half = student.ppf((1 + level) / 2, several - 1) * np.sqrt(several / (several - 1))
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of resamples that are all empty
        half = half * np.nanstd(resampled, axis=0)
    return estimate - half, estimate + half


def _counts(
    index: Int[np.ndarray, "resample unit"], count: int
) -> Float[np.ndarray, "resample unit"]:
    rows = np.arange(len(index))[:, None] * count
    flat = np.bincount((rows + index).ravel(), minlength=len(index) * count)
    return flat.reshape(len(index), count).astype("float64")
