r"""The observation operator: from states on a grid to what an instrument would have seen.

An observation at time :math:`t`, place :math:`(\phi, \lambda)` and pressure :math:`p` sees

.. math:: (H x)_i = \sum_k w_{ik} \, x_{j_{ik}}

where :math:`x` is a trajectory of states, flattened, and the weights are products of linear
weights in time, in :math:`\log p`, in latitude and in longitude: at most sixteen neighbours.
:math:`H` is linear, so it is stored as the indices :math:`j` and the weights :math:`w`, which
serve NumPy here and tensors elsewhere, and its adjoint is :func:`Interpolation.adjoint`.

Longitude is periodic. Between the last row and a pole, the meridian is continued across the
pole: the next row is the last one again, half a turn away, where eastward and northward
point the other way, so wind components change sign.

Conventions: trajectories are ``time channel lat lon``, latitude north to south, longitude
eastward and evenly spaced, levels in hPa.
"""

__all__ = ["Interpolation", "ObservationOperator", "check_observed"]

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from jaxtyping import Bool, Float, Int64

from ..catalogue import Channel
from .derived import Expansion, expand, speed

FLIPPED_ACROSS_POLE = (
    "u_component_of_wind",
    "v_component_of_wind",
    "10m_u_component_of_wind",
    "10m_v_component_of_wind",
)


@dataclass(frozen=True)
class _Bracket:
    """Two neighbours along one axis, and their weights (the second may be the first again)."""

    index: Int64[np.ndarray, "obs 2"]
    weight: Float[np.ndarray, "obs 2"]


@dataclass(frozen=True)
class Interpolation:
    """A linear interpolation from a trajectory of states to observations, in physical units.

    Arguments:
        indices: Places in the flattened trajectory that each observation sees.
        weights: Weight of each place [1]; zero where an observation needs fewer places.
        shape: Sizes of the trajectory: time, channel, lat, lon.
    """

    indices: Int64[np.ndarray, "obs k"]
    weights: Float[np.ndarray, "obs k"]
    shape: tuple[int, int, int, int]

    @classmethod
    def build(
        cls,
        observations: pd.DataFrame,
        *,
        times: np.ndarray,
        channels: Sequence[Channel],
        latitude: Float[np.ndarray, " lat"],
        longitude: Float[np.ndarray, " lon"],
    ) -> "Interpolation":
        """Finds the neighbours of every observation and their weights.

        Arguments:
            observations: A table with columns ``time lat lon level variable``; only these
                are read.
            times: Times of the states, shape (time,), increasing.
            channels: The channels of the states.
            latitude: Rows of the grid [degrees_north], north to south.
            longitude: Columns of the grid [degrees_east], eastward, evenly around the globe,
                even in number.

        Raises:
            ValueError: If an observation lies outside the times or the levels of the states,
                if the states lack its variable, or if the grid is another one than said.

        Example:
            >>> one = pd.DataFrame({"time": [np.datetime64("2001-01-01")], "lat": [30.0],
            ...     "lon": [45.0], "level": [np.nan], "variable": ["2m_temperature"]})
            >>> operator = Interpolation.build(
            ...     one, times=np.array(["2001-01-01"], "datetime64[ns]"),
            ...     channels=[Channel("2m_temperature")], latitude=np.array([60.0, 0.0, -60.0]),
            ...     longitude=np.array([0.0, 90.0, 180.0, 270.0]))
            >>> operator.weights
            array([[0.25, 0.25, 0.25, 0.25]])
        """
        _check_grid(latitude, longitude)
        table = observations.reset_index(drop=True)
        time = _bracket_times(table["time"], times)
        channel = _bracket_levels(table, channels)
        places, weights = _neighbours(table, latitude, longitude)
        size = latitude.size * longitude.size
        state = time.index[:, :, None] * len(channels) + channel.index[:, None, :]
        indices = state[..., None] * size + places[:, None, None, :]
        product = (
            time.weight[:, :, None, None]
            * channel.weight[:, None, :, None]
            * weights[:, None, None, :]
        )
        shape = (len(times), len(channels), latitude.size, longitude.size)
        many = (len(table), 16)
        return cls(*_compact(indices.reshape(many), product.reshape(many)), shape)

    def apply(
        self, trajectory: Float[np.ndarray, "*batch time channel lat lon"]
    ) -> Float[np.ndarray, "*batch obs"]:
        """Interpolates trajectories to the observations.

        Arguments:
            trajectory: States [unit of each variable], with any leading dimensions.

        Returns:
            What each observation would see without error [unit of its variable], float64.

        Raises:
            ValueError: If the trajectory has another shape than the operator was built for.
        """
        if trajectory.shape[-4:] != self.shape:
            raise ValueError(f"the operator is for {self.shape}, not {trajectory.shape[-4:]}")
        flat = trajectory.reshape(*trajectory.shape[:-4], -1)
        seen = np.zeros((*flat.shape[:-1], len(self.indices)))
        for index, weight in zip(self.indices.T, self.weights.T, strict=True):
            seen += weight * flat[..., index]
        return seen

    def adjoint(
        self, observed: Float[np.ndarray, "*batch obs"]
    ) -> Float[np.ndarray, "*batch time channel lat lon"]:
        r"""Applies the transpose: :math:`\langle Hx, y\rangle = \langle x, H^\top y\rangle`."""
        batch = observed.shape[:-1]
        rows = observed.reshape(-1, len(self.indices))
        spread = np.zeros((len(rows), int(np.prod(self.shape))))
        for row, values in zip(spread, rows, strict=True):
            np.add.at(row, self.indices, values[:, None] * self.weights)
        return spread.reshape(*batch, *self.shape)

    def select(self, chosen: Bool[np.ndarray, " obs"]) -> "Interpolation":
        """Keeps the operator of some observations."""
        return replace(self, indices=self.indices[chosen], weights=self.weights[chosen])


@dataclass(frozen=True)
class ObservationOperator:
    """What instruments see of a trajectory, in physical units: sums, and speeds of winds.

    Arguments:
        sums: The linear part, a row for each sum.
        first: For each observation its sum, or that of the first component of a wind.
        second: The sum of the second component, or -1 where there is none.
    """

    sums: Interpolation
    first: Int64[np.ndarray, " obs"]
    second: Int64[np.ndarray, " obs"]

    @classmethod
    def build(
        cls,
        observations: pd.DataFrame,
        *,
        times: np.ndarray,
        channels: Sequence[Channel],
        latitude: Float[np.ndarray, " lat"],
        longitude: Float[np.ndarray, " lon"],
    ) -> "ObservationOperator":
        """Finds the sums, and the places and weights of each; as :meth:`Interpolation.build`.

        Raises:
            ValueError: As :meth:`Interpolation.build`, and if what a derived variable follows
                from is not in the states.
        """
        found = expand(observations, channels) if len(observations) else None
        terms = Interpolation.build(
            observations if found is None else found.terms,
            times=times,
            channels=channels,
            latitude=latitude,
            longitude=longitude,
        )
        if found is None:
            none = np.zeros(0, "int64")
            return cls(terms, none, none)
        return cls(_summed(terms, found), found.first, found.second)

    def apply(
        self, trajectory: Float[np.ndarray, "*batch time channel lat lon"]
    ) -> Float[np.ndarray, "*batch obs"]:
        """Returns what each observation would see without error [unit of its variable]."""
        sums = self.sums.apply(trajectory)
        one, other = sums[..., self.first], sums[..., self.second]
        return np.where(self.second < 0, one, speed(one, other))


def _summed(terms: Interpolation, found: Expansion) -> Interpolation:
    """Adds the terms of each sum: their places side by side, weights times factors."""
    order = np.argsort(found.sums, kind="stable")
    owner = found.sums[order]
    rank = np.arange(len(owner)) - np.searchsorted(owner, owner)
    many = (int(owner[-1]) + 1, int(rank.max()) + 1, terms.indices.shape[1])
    indices, weights = np.zeros(many, "int64"), np.zeros(many)
    indices[owner, rank] = terms.indices[order]
    weights[owner, rank] = terms.weights[order] * found.factors[order, None]
    flat = (many[0], many[1] * many[2])
    return Interpolation(*_compact(indices.reshape(flat), weights.reshape(flat)), terms.shape)


def check_observed(
    observations: pd.DataFrame, times: np.ndarray, channels: Sequence[Channel], source: object
) -> None:
    """Refuses observations of what a window of states does not hold.

    Arguments:
        observations: A table with columns ``time level variable``.
        times: Times of the states, shape (time,), increasing.
        channels: The channels of the states.
        source: Where the table comes from, for the message.

    Raises:
        ValueError: If an observation lies outside the times or the levels of the states, or if
            they lack its variable.
    """
    table = observations.reset_index(drop=True)
    try:
        _bracket_times(table["time"], times)
        _bracket_levels(expand(table, channels).terms, channels)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None


def _check_grid(latitude: np.ndarray, longitude: np.ndarray) -> None:
    if latitude.size < 2 or np.any(np.diff(latitude) >= 0):
        raise ValueError(f"latitudes must run north to south: {latitude}")
    spacing = 360 / longitude.size
    if longitude.size % 2 or not np.allclose(np.diff(longitude), spacing, atol=1e-3 * spacing):
        raise ValueError(f"longitudes must be even in number and evenly spaced: {longitude}")


def _bracket(sorted_nodes: np.ndarray, wanted: np.ndarray) -> _Bracket:
    """Linear weights between the two nodes around each wanted value, all within the nodes."""
    low = np.searchsorted(sorted_nodes, wanted, side="right") - 1
    low = np.clip(low, 0, max(len(sorted_nodes) - 2, 0)).astype("int64")
    high = np.minimum(low + 1, len(sorted_nodes) - 1)
    gap = sorted_nodes[high] - sorted_nodes[low]
    share = np.where(gap > 0, (wanted - sorted_nodes[low]) / np.where(gap > 0, gap, 1), 0.0)
    return _Bracket(np.stack([low, high], 1), np.stack([1 - share, share], 1))


def _bracket_times(wanted: pd.Series, times: np.ndarray) -> _Bracket:
    first, last = times[0], times[-1]
    outside = (wanted < first) | (wanted > last)
    if outside.any():
        raise ValueError(
            f"observation at {wanted[outside].iloc[0]} lies outside the window, {first} to {last}"
        )
    nodes = (times - first) / np.timedelta64(1, "s")
    return _bracket(nodes, (wanted.to_numpy() - first) / np.timedelta64(1, "s"))


def _bracket_levels(table: pd.DataFrame, channels: Sequence[Channel]) -> _Bracket:
    index = np.zeros((len(table), 2), "int64")
    weight = np.zeros((len(table), 2))
    for name, rows in table.groupby("variable", sort=False).indices.items():
        level = table["level"].to_numpy(dtype=float)[rows]
        found = [(c.level, i) for i, c in enumerate(channels) if c.variable == name]
        if not found:
            raise ValueError(
                f"observed variable {name!r} is not in the states; "
                f"found: {', '.join(dict.fromkeys(c.variable for c in channels))}"
            )
        own = _bracket_level(str(name), level, sorted(found, key=lambda item: item[0] or 0))
        index[rows], weight[rows] = own.index, own.weight
    return _Bracket(index, weight)


def _bracket_level(name: str, level: np.ndarray, found: list[tuple]) -> _Bracket:
    levels, places = zip(*found, strict=True)
    at_surface = levels == (None,)
    if np.any(np.isnan(level) != at_surface):
        kind = "has no levels" if at_surface else "needs a level"
        raise ValueError(f"variable {name!r} {kind}, but is observed at {np.unique(level)} hPa")
    if at_surface:
        both = np.full((len(level), 2), places[0], "int64")
        return _Bracket(both, np.tile([1.0, 0.0], (len(level), 1)))
    outside = (level < levels[0]) | (level > levels[-1])
    if outside.any():
        raise ValueError(
            f"observation of {name!r} at {level[outside][0]:g} hPa lies outside the levels of "
            f"the states, {levels[0]} to {levels[-1]} hPa"
        )
    own = _bracket(np.log(np.array(levels, float)), np.log(level))
    return _Bracket(np.array(places, "int64")[own.index], own.weight)


def _neighbours(
    table: pd.DataFrame, latitude: np.ndarray, longitude: np.ndarray
) -> tuple[Int64[np.ndarray, "obs 4"], Float[np.ndarray, "obs 4"]]:
    """Places within a field, and weights, of the four corners of each observation's cell."""
    rows, columns = latitude.size, longitude.size
    wanted = table["lat"].to_numpy(dtype=float)
    if np.any(np.abs(wanted) > 90):
        raise ValueError(f"latitude {wanted[np.abs(wanted) > 90][0]} lies outside [-90, 90]")
    across = np.concatenate([[180 - latitude[0]], latitude, [-180 - latitude[-1]]])
    meridian = _bracket(-across, -wanted)
    beyond = (meridian.index == 0) | (meridian.index == rows + 1)
    row = np.clip(meridian.index - 1, 0, rows - 1)

    position = (table["lon"].to_numpy(dtype=float) - longitude[0]) / (360 / columns)
    west = np.floor(position)
    column = west[:, None].astype("int64") + np.array([0, 1])
    share = (position - west)[:, None]
    along = np.concatenate([1 - share, share], 1)

    turned = column[:, None, :] + np.where(beyond, columns // 2, 0)[:, :, None]
    places = row[:, :, None] * columns + turned % columns
    flips = table["variable"].isin(FLIPPED_ACROSS_POLE).to_numpy()
    sign = np.where(beyond & flips[:, None], -1.0, 1.0)
    weights = (sign * meridian.weight)[:, :, None] * along[:, None, :]
    return places.reshape(-1, 4), weights.reshape(-1, 4)


def _compact(
    indices: Int64[np.ndarray, "obs n"], weights: Float[np.ndarray, "obs n"]
) -> tuple[Int64[np.ndarray, "obs k"], Float[np.ndarray, "obs k"]]:
    """Drops places without weight: a station at a state's time needs four, not sixteen."""
    keep = max(int(np.count_nonzero(weights, axis=1).max(initial=0)), 1)
    order = np.argsort(weights == 0, axis=1, kind="stable")[:, :keep]
    return np.take_along_axis(indices, order, 1), np.take_along_axis(weights, order, 1)
