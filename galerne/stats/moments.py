r"""Area-weighted mean and standard deviation of each channel, accumulated in one pass.

Of every row of latitude the sums of :math:`x - c` and :math:`(x - c)^2` over longitude and time
are taken in float64 about a constant :math:`c`, its first value, so that no precision is lost
where the mean is large against the spread (geopotential: 5e4 against 3e3). Areas weigh the rows
at the end. Records are merged with the pairwise update of Chan, Golub and LeVeque (1983): a year
more is one more summand. Points without a value are left out. Sums are made row by row in the
order of time, so the result does not depend on how the work is cut. A few rows at a time are
subtracted, multiplied and summed while they are in the processor's cache.

Depends on: numpy, and :mod:`galerne.reading` for records.
"""

__all__ = ["Moments", "record_moments"]

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from jaxtyping import Bool, Float

from ..catalogue import Channel
from ..grid.areas import cell_areas
from ..reading import Record

BLOCK_BYTES = 2**24  # of one variable in memory at a time
CACHED = 2**15  # values that are worked on at a time


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
        rows = _Rows(x[0], areas)
        rows.add(x, np.zeros(len(x), bool))
        return rows.states()

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


def record_moments(
    record: Record, latitude: Float[np.ndarray, " lat"], channels: Sequence[Channel]
) -> tuple[Moments, Moments]:
    """Computes the moments of a record, and those of its changes from one state to the next.

    Every field is read once, variable by variable; memory does not grow with the record. There is
    no change across a gap in time, such as excluded hours leave.

    Arguments:
        record: Fields with dimensions ``time [level] latitude longitude``; it has the variables
            of the channels.
        latitude: Of each row [degrees].
        channels: The channels, in the order wanted.

    Returns:
        The moments of the states, and of the differences between consecutive ones.

    Raises:
        ValueError: If a level is missing, or a field damaged, by name.
    """
    areas, steps = cell_areas(latitude), np.diff(record.times)
    joined = np.concatenate([[False], steps == steps.min()]) if len(steps) else np.array([False])
    states, changes = Moments.none(len(channels)), Moments.none(len(channels))
    for name in dict.fromkeys(channel.variable for channel in channels):
        places = [k for k, channel in enumerate(channels) if channel.variable == name]
        levels = _places(record, name, [channels[k].level for k in places])
        parts = _moments_of(record, name, levels, areas, joined)
        for whole, part in zip((states, changes), parts, strict=True):
            for about in fields(Moments):
                getattr(whole, about.name)[places] = getattr(part, about.name)
    return states, changes


def _places(record: Record, name: str, levels: list[int | None]) -> list[int] | None:
    """Where the levels of a variable are in a record; ``None`` for a variable without."""
    for level in levels:
        if level is not None and level not in record.levels:
            raise ValueError(
                f"level {level} hPa of {name!r} is not in the data; found: {record.levels}"
            )
    return None if levels == [None] else [record.levels.index(level) for level in levels]


def _moments_of(
    record: Record,
    name: str,
    levels: list[int] | None,
    areas: Float[np.ndarray, " lat"],
    joined: Bool[np.ndarray, " time"],
) -> tuple[Moments, Moments]:
    """The moments of some levels of a variable, and of their changes."""
    rows: _Rows | None = None
    size = max(BLOCK_BYTES // record.bytes_of(name), 1)
    for first in range(0, len(record), size):
        block = record.read_one(name, first, min(first + size, len(record)))
        block = block[:, None] if levels is None else block
        if levels is not None and levels != list(range(block.shape[1])):
            block = block[:, levels]
        rows = rows or _Rows(block[0], areas)
        rows.add(block, joined[first : first + size])
    if rows is None:
        raise ValueError(f"{record.path.parent}: the record holds no state")
    return rows.states(), rows.changes()


class _Sums:
    """Number, sum, and sum of squares of the values in every row, gathered over time."""

    def __init__(self, rows: int) -> None:
        self.count, self.total, self.squares = (np.zeros(rows) for _ in range(3))

    def add(
        self,
        rows: slice,
        count: Float[np.ndarray, " row"] | int,
        total: Float[np.ndarray, " row"],
        squares: Float[np.ndarray, " row"],
    ) -> None:
        """Adds values to some of the rows."""
        self.count[rows] += count
        self.total[rows] += total
        self.squares[rows] += squares


class _Rows:
    """Sums of states and of their changes, about the first value of every row.

    The sums of a change :math:`y - x` are those of its states, and of :math:`y^2 + x^2 - 2 x y`.

    Arguments:
        first: The first state [unit of each channel].
        areas: The share of the sphere of each row [1].
    """

    def __init__(
        self, first: Float[np.ndarray, "channel lat lon"], areas: Float[np.ndarray, " lat"]
    ) -> None:
        self.areas, columns = areas, first.shape[-1]
        near = first.reshape(-1, columns)[:, 0].astype("float64")
        self.near = np.where(np.isfinite(near), near, 0.0)
        self.last = np.zeros((len(near), columns))
        self.sums = [_Sums(len(near)) for _ in range(2)]

    def add(
        self, x: Float[np.ndarray, "time channel lat lon"], joined: Bool[np.ndarray, " time"]
    ) -> None:
        """Adds states, and the changes of those that are joined to the one before."""
        rows, columns = self.last.shape
        step = max(CACHED // columns, 1)
        for first in range(0, rows, step):
            some = slice(first, first + step)
            self._add_rows(x.reshape(-1, rows, columns)[:, some], joined, some)

    def _add_rows(
        self, x: Float[np.ndarray, "time row lon"], joined: Bool[np.ndarray, " time"], some: slice
    ) -> None:
        columns, last = x.shape[-1], self.last[some].copy()
        near, now = np.repeat(self.near[some, None], columns, 1), np.empty_like(last)
        before, (of_states, of_changes) = _summed(last), self.sums
        for state, follows in zip(x, joined, strict=True):
            now[...] = state
            now -= near
            total, squares, whole = found = _summed(now)
            of_states.add(some, *((columns, total, squares) if whole else _present(now)))
            if follows and whole and before[2]:
                both = squares + before[1] - 2 * np.vecdot(now, last)
                of_changes.add(some, columns, total - before[0], both)
            elif follows:
                with np.errstate(invalid="ignore"):  # infinite values are none
                    of_changes.add(some, *_present(now - last))
            now, last, before = last, now, found
        self.last[some] = last

    def states(self) -> Moments:
        """The moments of the states."""
        return self._weighted(self.sums[0], self.near)

    def changes(self) -> Moments:
        """The moments of the changes."""
        return self._weighted(self.sums[1], np.zeros(len(self.near)))

    def _weighted(self, sums: _Sums, near: Float[np.ndarray, " row"]) -> Moments:
        """Puts rows together by their areas, with gaps from a row's constant to the first one."""
        shape = (-1, len(self.areas))
        count, total, squares, near = (
            a.reshape(shape) for a in (sums.count, sums.total, sums.squares, near)
        )
        weights = self.areas / self.last.shape[-1]
        with np.errstate(divide="ignore", invalid="ignore"):
            gaps = np.where(count > 0, total / count, 0.0)
        inside = np.maximum(squares - total * gaps, 0.0)
        gaps += near - near[:, :1]
        weight = count @ weights
        mean = np.divide((count * gaps) @ weights, weight, out=weight * 0, where=weight > 0)
        deviation = (inside + count * (gaps - mean[:, None]) ** 2) @ weights
        return Moments(weight, np.where(weight > 0, near[:, 0] + mean, 0.0), deviation)


def _summed(x: Float[np.ndarray, "row lon"]) -> tuple[np.ndarray, np.ndarray, bool]:
    """Sum and sum of squares of each row, and whether all values are there."""
    squares = np.vecdot(x, x)
    return np.vecdot(x, np.ones(x.shape[-1])), squares, bool(np.isfinite(squares).all())


def _present(x: Float[np.ndarray, "row lon"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number, sum and sum of squares of the values in each row that are there."""
    good = np.isfinite(x)
    x = np.where(good, x, 0.0)
    return good.sum(-1).astype("float64"), *_summed(x)[:2]
