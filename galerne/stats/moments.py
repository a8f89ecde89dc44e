r"""Area-weighted mean and standard deviation of each channel, accumulated in one pass.

Of every field the sums of :math:`w (x - c)` and :math:`w (x - c)^2` are taken in float64 about a
constant :math:`c` near its values, and fields are merged with the pairwise update of Chan, Golub
and LeVeque (1983): no precision is lost where the mean is large against the spread (geopotential:
5e4 against 3e3), and a year more is one more summand. Points without a value are left out. The
order of merging is that of time, so the result does not depend on how the work is cut.

Depends on: numpy, xarray.
"""

__all__ = ["Moments", "record_moments"]

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import reduce
from operator import add

import numpy as np
import pandas as pd
import xarray as xr

from jaxtyping import Float

from ..arrays import read_values, select_levels
from ..catalogue import Channel
from ..grid.areas import cell_areas

BLOCK_BYTES = 2**26  # of one variable in memory at a time


@dataclass(frozen=True)
class Moments:
    """Weight, mean and sum of squared deviations of every channel.

    Arguments:
        weight: The number of fields, those with missing points counting by their valid area [1].
        mean: The weighted means [unit of each channel].
        deviation: The weighted sums of squared deviations [unit squared].

    References:
        | Algorithms for Computing the Sample Variance (Chan et al., 1983)
        | https://doi.org/10.1080/00031305.1983.10483115
    """

    weight: Float[np.ndarray, " channel"]
    mean: Float[np.ndarray, " channel"]
    deviation: Float[np.ndarray, " channel"]

    @classmethod
    def none(cls, channels: int) -> "Moments":
        """The moments of no field at all."""
        return cls(*(np.zeros(channels) for _ in fields(cls)))

    @classmethod
    def of(
        cls, x: Float[np.ndarray, "time channel lat lon"], areas: Float[np.ndarray, " lat"]
    ) -> "Moments":
        """Computes the moments of one block.

        Arguments:
            x: The values [unit of each channel]; those that are not finite are left out.
            areas: The share of the sphere of each latitude row [1], summing to one.
        """
        return reduce(
            add, (_of_state(state, areas) for state in x.astype("float64")), cls.none(x.shape[1])
        )

    def __add__(self, other: "Moments") -> "Moments":
        total = self.weight + other.weight
        share = np.divide(other.weight, total, out=np.zeros_like(total), where=total > 0)
        gap = other.mean - self.mean
        return Moments(
            weight=total,
            mean=self.mean + gap * share,
            deviation=self.deviation + other.deviation + gap**2 * self.weight * share,
        )

    @property
    def std(self) -> Float[np.ndarray, " channel"]:
        """The weighted (population) standard deviations [unit of each channel]; NaN of nothing."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.sqrt(self.deviation / self.weight)

    def to_frame(self, prefix: str = "") -> pd.DataFrame:
        """A column for each part, a row for each channel."""
        return pd.DataFrame({f"{prefix}{f.name}": getattr(self, f.name) for f in fields(self)})

    @classmethod
    def from_frame(cls, table: pd.DataFrame, prefix: str = "") -> "Moments":
        """Reads what :meth:`to_frame` wrote."""
        return cls(*(table[f"{prefix}{f.name}"].to_numpy("float64") for f in fields(cls)))


def record_moments(dataset: xr.Dataset, channels: Sequence[Channel]) -> tuple[Moments, Moments]:
    """Computes the moments of a record, and those of its changes from one state to the next.

    Every field is read once, variable by variable; memory does not grow with the record. There is
    no change across a gap in time, such as excluded hours leave.

    Arguments:
        dataset: Fields with dimensions ``time [level] latitude longitude``.
        channels: The channels, in the order wanted.

    Returns:
        The moments of the states, and of the differences between consecutive ones.

    Raises:
        ValueError: If a variable or a level is missing or damaged, by name.
    """
    areas, times = cell_areas(dataset["latitude"].values), dataset["time"].values
    steps = np.diff(times)
    joined = np.concatenate([[False], steps == steps.min()]) if len(steps) else np.array([False])
    states, changes = Moments.none(len(channels)), Moments.none(len(channels))
    for name in dict.fromkeys(channel.variable for channel in channels):
        rows = [k for k, channel in enumerate(channels) if channel.variable == name]
        field = select_levels(dataset, name, [channels[k].level for k in rows])
        one, two = _moments_of(field, areas, joined, dataset.encoding.get("source", "the data"))
        for whole, part in ((states, one), (changes, two)):
            for about in fields(Moments):
                getattr(whole, about.name)[rows] = getattr(part, about.name)
    return states, changes


def _moments_of(
    field: xr.DataArray, areas: np.ndarray, joined: np.ndarray, source: str
) -> tuple[Moments, Moments]:
    states, changes = (Moments.none(field.sizes["level"]) for _ in range(2))
    size = max(BLOCK_BYTES // (4 * field[0].size), 1)
    last: np.ndarray | None = None
    for first in range(0, field.sizes["time"], size):
        block = read_values(field[first : first + size], source)
        for k, state in enumerate(block):
            state = state.astype("float64")
            states += _of_state(state, areas)
            if joined[first + k]:
                changes += _of_state(state - last, areas)
            last = state
    return states, changes


def _of_state(x: Float[np.ndarray, "channel lat lon"], areas: np.ndarray) -> Moments:
    """The moments of one state in float64, about the first value of each channel."""
    weights = np.repeat(areas / x.shape[-1], x.shape[-1])
    weight, mean, deviation = np.ones(len(x)), np.zeros(len(x)), np.zeros(len(x))
    for k, field in enumerate(x.reshape(len(x), -1)):
        near = field[0] if np.isfinite(field[0]) else 0.0
        gaps = field - near
        weighted = weights * gaps
        first, second = weighted.sum(), weighted @ gaps
        if not np.isfinite(second):
            good = np.isfinite(gaps)
            weight[k] = weights[good].sum()
            if weight[k] == 0:
                continue
            weighted, gaps = weighted[good], gaps[good]
            first, second = weighted.sum(), weighted @ gaps
        mean[k] = near + first / weight[k]
        deviation[k] = max(second - first**2 / weight[k], 0.0)
    return Moments(weight, mean, deviation)
