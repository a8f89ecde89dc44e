r"""A smooth climatology: harmonics of the day of year and the hour of day at every point.

.. math:: c(\tau) = \sum_k \beta_k \, \phi_k(\tau), \qquad
    \phi = \left( 1, \cos \omega_y \tau, \sin \omega_y \tau, \dots,
    \cos \omega_d \tau, \sin \omega_d \tau, \dots \right)

with :math:`\omega_y` one turn per tropical year and :math:`\omega_d` one per day. The
coefficients solve the normal equations :math:`(\Phi^T \Phi) \beta = \Phi^T x`.

What the climatology leaves is livelier in winter. The zonal mean of its square is fitted by
the same harmonics, :math:`v(\tau) = \gamma \cdot \phi(\tau)` for every channel and latitude. The
right-hand side of its normal equations needs no second pass over the record:

.. math:: \sum_\tau \phi_i \overline{(x - \phi \cdot \beta)^2} = \sum_\tau \phi_i \overline{x^2}
    - 2 \sum_k \overline{\beta_k \sum_\tau \phi_i \phi_k x}
    + \sum_{kl} \overline{\beta_k \beta_l} \sum_\tau \phi_i \phi_k \phi_l

with the zonal mean :math:`\overline{\cdot}`. All sums are taken in float64 about a state of the
record, so what cancels is of the size of the seasons, not of the values themselves; sums of two
periods are moved to one centre exactly when they are added. A year more is one more summand.

Conventions: times are UTC; longitude is left to the coefficients.
Depends on: numpy, xarray.
"""

__all__ = [
    "HarmonicSums",
    "apart_in_year",
    "days_since_2000",
    "harmonics",
    "record_harmonics",
]

import logging

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from jaxtyping import Float

from ..arrays import read_values, select_levels
from ..catalogue import Channel
from .logarithm import EPSILON, to_logarithm

log = logging.getLogger(__name__)
YEAR_HOURS = 365.2422 * 24  # tropical year [h]
EPOCH = np.datetime64("2000-01-01T00", "ns")
BLOCK_BYTES = 2**26  # of one variable in memory at a time
BLOCK_STATES = 120  # most in a block
DIMS = {
    "triple": ("channel", "pair", "term"),
    "centre": ("channel", "latitude", "longitude"),
    "sums": ("channel", "pair", "latitude", "longitude"),
    "squares": ("channel", "term", "latitude"),
}


def days_since_2000(times: np.ndarray) -> Float[np.ndarray, " time"]:
    """Times (UTC) as numbers [days]."""
    return (times.astype("datetime64[ns]") - EPOCH) / np.timedelta64(1, "D")


def apart_in_year(days: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """Distances in the year [days] of times that are so many days apart.

    Example:
        >>> apart_in_year(np.array([-10.0, 360.0])).round(1)
        array([10. ,  5.2])
    """
    year = YEAR_HOURS / 24
    return np.abs((days + year / 2) % year - year / 2)


def harmonics(times: np.ndarray, of_year: int, of_day: int) -> Float[np.ndarray, "time term"]:
    """Evaluates the harmonics at some times.

    Arguments:
        times: Times (UTC), datetime64, shape (time,).
        of_year: Number of harmonics of the day of year.
        of_day: Number of harmonics of the hour of day.

    Returns:
        The constant one, then cosine and sine of each harmonic [1].

    Example:
        >>> harmonics(np.array(["2000-01-01T06"], "datetime64[ns]"), 0, 1).round(6)
        array([[1., 0., 1.]])
    """
    hours = (times.astype("datetime64[ns]") - EPOCH) / np.timedelta64(1, "h")
    turns = [k * hours / YEAR_HOURS for k in range(1, of_year + 1)]
    turns += [k * hours / 24 for k in range(1, of_day + 1)]
    terms = [np.ones(len(times))]
    for turn in turns:
        terms += [np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn)]
    return np.stack(terms, axis=-1)


@dataclass(frozen=True)
class HarmonicSums:
    r"""Sums over time that climatology and variance of some channels follow from.

    A pair stands for two harmonics :math:`i \le k`, in the order of rows of the upper triangle.
    Points without a value are NaN in ``centre`` and in ``sums``.

    Arguments:
        of_year: Number of harmonics of the day of year.
        of_day: Number of harmonics of the hour of day.
        triple: Sums of products of three harmonics [1].
        centre: The state that is taken off every other [unit of each channel].
        sums: Sums of states times products of two harmonics [unit of each channel].
        squares: Sums of zonal mean squares times harmonics [unit squared].
    """

    of_year: int
    of_day: int
    triple: Float[np.ndarray, "channel pair term"]
    centre: Float[np.ndarray, "channel lat lon"]
    sums: Float[np.ndarray, "channel pair lat lon"]
    squares: Float[np.ndarray, "channel term lat"]

    @property
    def counts(self) -> Float[np.ndarray, " channel"]:
        """The number of states of each channel."""
        return self.triple[:, 0, 0]

    def __add__(self, other: "HarmonicSums") -> "HarmonicSums":
        if not np.array_equal(np.isnan(self.centre), np.isnan(other.centre)):
            raise ValueError("points without a value are not the same in all periods")
        gap = other.centre - self.centre
        moved = other.sums + gap[:, None] * other.triple[:, :, :1, None]
        first = other.sums[:, : other.triple.shape[2]]  # of pairs with the constant
        counts = other.triple[:, : first.shape[1], :1]
        change = _zonal_mean(gap[:, None] * (2 * first)) + _zonal_mean(gap**2)[:, None] * counts
        return replace(
            self,
            triple=self.triple + other.triple,
            sums=self.sums + moved,
            squares=self.squares + other.squares + change,
        )

    def solve(
        self,
    ) -> tuple[Float[np.ndarray, "term channel lat lon"], Float[np.ndarray, "term channel lat"]]:
        """Solves for the coefficients of the climatology and of the zonal mean variance.

        Returns:
            Coefficients [unit of each channel] and those of the variance [unit squared].

        Raises:
            ValueError: If the record is too short to tell the harmonics apart.
        """
        channels, _, terms = self.triple.shape
        rows, columns = np.triu_indices(terms)
        cube = np.empty((channels, terms, terms, terms))
        cube[:, rows, columns] = cube[:, columns, rows] = self.triple
        gram = cube[:, 0]
        self._check(gram)
        points = self.centre.shape[1:]
        cross = self.sums[:, :terms].reshape(channels, terms, -1)
        beta = np.linalg.solve(gram, cross).reshape(channels, terms, *points)
        left = self.squares.copy()
        for pair, (i, k) in enumerate(zip(rows, columns, strict=True)):
            left[:, i] -= 2 * _zonal_mean(beta[:, k] * self.sums[:, pair])
            if i != k:
                left[:, k] -= 2 * _zonal_mean(beta[:, i] * self.sums[:, pair])
            squares = _zonal_mean(beta[:, i] * beta[:, k])
            left += (1 if i == k else 2) * cube[:, i, k, :, None] * squares[:, None]
        variance = np.linalg.solve(gram, left)
        beta[:, 0] += self.centre
        return beta.swapaxes(0, 1), variance.swapaxes(0, 1)

    def _check(self, gram: np.ndarray) -> None:
        for count, matrix in zip(self.counts, gram, strict=True):
            condition = np.linalg.cond(matrix / max(count, 1))
            if condition > 1e4:
                raise ValueError(
                    f"{count:.0f} training times cannot tell {self.of_year} harmonics of the "
                    f"year and {self.of_day} of the day apart (condition number "
                    f"{condition:.0e}); use fewer in climatology, or a longer training period"
                )

    def to_dataset(self) -> xr.Dataset:
        """Labels the sums, to be written as a product."""
        about = {"harmonics_of_year": self.of_year, "harmonics_of_day": self.of_day}
        return xr.Dataset({n: (dims, getattr(self, n)) for n, dims in DIMS.items()}, attrs=about)

    @classmethod
    def from_dataset(cls, dataset: xr.Dataset) -> "HarmonicSums":
        """Reads what :meth:`to_dataset` labelled, or some channels of it."""
        source = dataset.encoding.get("source", "the sums")
        orders = (int(dataset.attrs[f"harmonics_of_{name}"]) for name in ("year", "day"))
        return cls(*orders, *(read_values(dataset[name], source) for name in DIMS))


def record_harmonics(
    dataset: xr.Dataset, channels: Sequence[Channel], of_year: int, of_day: int
) -> HarmonicSums:
    """Computes the sums of a record.

    Every field is read once, variable by variable; memory does not grow with the record. Points
    that never have a value stay without; a field that lacks others is left out for its channel.

    Arguments:
        dataset: Fields with dimensions ``time [level] latitude longitude``.
        channels: The channels, in the order wanted.
        of_year: Number of harmonics of the day of year.
        of_day: Number of harmonics of the hour of day.

    Raises:
        ValueError: If a variable or a level is missing or damaged, or no field of a channel is
            whole, by name.
    """
    phi, parts, order = harmonics(dataset["time"].values, of_year, of_day), [], []
    for name in dict.fromkeys(channel.variable for channel in channels):
        rows = [k for k, channel in enumerate(channels) if channel.variable == name]
        field = select_levels(dataset, name, [channels[k].level for k in rows])
        parts.append(_sums_of(field, phi, dataset.encoding.get("source", "the data")))
        order += rows
    back = np.argsort(order)
    joined = (np.concatenate([part[name] for part in parts])[back] for name in DIMS)
    return HarmonicSums(of_year, of_day, *joined)


def _sums_of(field: xr.DataArray, phi: np.ndarray, source: str) -> dict[str, np.ndarray]:
    """The sums of one variable, its levels as channels."""
    count, *shape = field.shape
    levels, rows, columns = shape
    first, second = np.triu_indices(phi.shape[1])
    pairs = phi[:, first] * phi[:, second]
    triple = np.zeros((levels, len(first), phi.shape[1]))
    sums = np.zeros((len(first), levels * rows * columns))
    squares = np.zeros((phi.shape[1], levels * rows))
    size = min(max(BLOCK_BYTES // (4 * int(np.prod(shape))), 1), BLOCK_STATES)
    centre: np.ndarray | None = None
    for start in range(0, count, size):
        when = slice(start, start + size)
        x = read_values(field[when], source).astype("float64")
        if field.name in EPSILON:
            x = to_logarithm(x, EPSILON[field.name])
        if centre is None:
            centre = _centre(x)
            known = ~np.isnan(centre)
        y = np.where(known, x - np.where(known, centre, 0), 0)
        whole = np.isfinite(y).all((2, 3)) & known.any((1, 2))
        y[~whole] = 0
        triple += np.einsum("tc,tp,tk->cpk", whole.astype(float), pairs[when], phi[when])
        sums += pairs[when].T @ y.reshape(len(y), -1)
        total = np.einsum("tclm,tclm->tcl", y, y) / np.maximum(known.sum(-1), 1)
        squares += phi[when].T @ total.reshape(len(y), -1)
    _check_counts(field, triple[:, 0, 0], source)
    return {
        "triple": triple,
        "centre": centre,
        "sums": np.where(known, sums.reshape(-1, *shape), np.nan).swapaxes(0, 1),
        "squares": squares.reshape(-1, levels, rows).swapaxes(0, 1),
    }


def _centre(
    x: Float[np.ndarray, "time channel lat lon"],
) -> Float[np.ndarray, "channel lat lon"]:
    """The first field of each channel that lacks what most fields lack, and nothing else."""
    missing = ~np.isfinite(x)
    masked = missing.mean(0) > 0.5
    whole = (missing <= masked).all((2, 3))
    centre = x[whole.argmax(0), np.arange(x.shape[1])]
    return np.where(masked | ~np.isfinite(centre), np.nan, centre)


def _check_counts(field: xr.DataArray, counts: np.ndarray, source: str) -> None:
    levels = field["level"].values if "level" in field.coords else [None]
    for level, count in zip(levels, counts, strict=True):
        where = f"{field.name!r}" + (f" at {level} hPa" if level is not None else "")
        if not count:
            raise ValueError(f"{where} of {source}: no field is whole")
        if count < field.sizes["time"]:
            left = field.sizes["time"] - round(count)
            log.warning("%s: %d fields with missing points left out", where, left)


def _zonal_mean(x: Float[np.ndarray, "... lat lon"]) -> Float[np.ndarray, "... lat"]:
    """The mean over points with a value; zero of none."""
    known = ~np.isnan(x)
    return np.where(known, x, 0).sum(-1) / np.maximum(known.sum(-1), 1)
