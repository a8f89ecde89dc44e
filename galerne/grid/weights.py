r"""Weights between latitude-longitude grids: one sparse matrix over rows, one over columns.

On such grids every linear regridding here is separable,

.. math:: Y = R \, X \, C^T + p_N \, \bar{x}_N + p_S \, \bar{x}_S,

with :math:`R` over rows and :math:`C` over columns, each of whose rows sums to one where
nothing is taken from the poles, so a constant stays constant.

* **Conservative**, first order: the share of each target row (in :math:`\sin\phi`) or column
  that a source row or column covers. The mean over a target cell is that of the source cells
  weighted by the area they share with it, and the integral over the sphere is kept.
* **Bilinear**: between the two nearest rows and columns. Poleward of the last row, the value at
  the pole is the mean of that row, :math:`\bar{x}`, of which :math:`p` is the share taken.
* **Nearest**: the nearest row and the nearest column; of two as near, the southern and the
  western one.

Longitude is periodic; the first and last row reach to the poles.

Conventions: any monotonic latitude, evenly spaced or not; longitudes increasing within 360.
Depends on: numpy, scipy.

References:
    | Jones (1999), First- and second-order conservative remapping schemes
    | https://doi.org/10.1175/1520-0493(1999)127%3C2204:FASOCR%3E2.0.CO;2
"""

__all__ = ["METHODS", "Weights", "latitude_overlap", "longitude_overlap"]

from dataclasses import dataclass

import numpy as np

from jaxtyping import Float
from scipy.sparse import csr_array

from .areas import latitude_edges

METHODS = ("conservative", "bilinear", "nearest")
Axes = tuple[Float[np.ndarray, " _"], Float[np.ndarray, " _"]]  # rows and columns


@dataclass(frozen=True)
class Weights:
    """Weights from one grid to another.

    Arguments:
        rows: Weights of the source rows for each target row [1], shape (south, lat).
        columns: Weights of the source columns for each target column [1], shape (east, lon).
        poles: What each target row takes of the mean of the first and of the last source
            row [1]; ``None`` if nothing.
    """

    rows: csr_array
    columns: csr_array
    poles: Float[np.ndarray, "south 2"] | None = None

    @classmethod
    def between(cls, source: Axes, target: Axes, method: str) -> "Weights":
        """Computes the weights of a method.

        Arguments:
            source: Row centres [degrees_north] and column centres [degrees_east].
            target: The same of the grid wanted.
            method: One of :data:`METHODS`.

        Raises:
            ValueError: If the method is unknown, or an axis is no axis of a globe.
        """
        if method == "conservative":
            rows = latitude_overlap(source[0], target[0])
            return cls(csr_array(rows), csr_array(longitude_overlap(source[1], target[1])))
        if method == "bilinear":
            rows, poles = _between_rows(source[0], target[0])
            columns = _between_columns(source[1], target[1])
            return cls(csr_array(rows), csr_array(columns), poles if poles.any() else None)
        if method == "nearest":
            return cls(*(csr_array(m) for m in _nearest(source, target)))
        raise ValueError(f"unknown method {method!r}; allowed: {', '.join(METHODS)}")


def latitude_overlap(
    source: Float[np.ndarray, " lat"], target: Float[np.ndarray, " south"]
) -> Float[np.ndarray, "south lat"]:
    """Computes the share of each target row that each source row covers.

    Arguments:
        source: Row centres [degrees_north], strictly monotonic.
        target: Row centres wanted [degrees_north], strictly monotonic.

    Returns:
        Weights [1] whose rows sum to one.

    Example:
        >>> latitude_overlap(np.array([60.0, 0.0, -60.0]), np.array([45.0, -45.0]))
        array([[0.5, 0.5, 0. ],
               [0. , 0.5, 0.5]])
    """
    ends = [np.sin(np.deg2rad(latitude_edges(rows))) for rows in (source, target)]
    (lower, upper), (low, high) = [
        (np.minimum(e[:-1], e[1:]), np.maximum(e[:-1], e[1:])) for e in ends
    ]
    shared = np.minimum(high[:, None], upper) - np.maximum(low[:, None], lower)
    return np.clip(shared, 0, None) / (high - low)[:, None]


def longitude_overlap(
    source: Float[np.ndarray, " lon"], target: Float[np.ndarray, " east"]
) -> Float[np.ndarray, "east lon"]:
    """Computes the share of each target column that each source column covers.

    Arguments:
        source: Column centres [degrees_east], increasing, around the globe.
        target: Column centres wanted [degrees_east], increasing, around the globe.

    Returns:
        Weights [1] whose rows sum to one.

    Raises:
        ValueError: If longitudes are not increasing or span 360 degrees or more.

    Example:
        >>> longitude_overlap(np.array([0.0, 90.0, 180.0, 270.0]), np.array([0.0, 180.0]))
        array([[0.5 , 0.25, 0.  , 0.25],
               [0.  , 0.25, 0.5 , 0.25]])
    """
    (lower, upper), (low, high) = _longitude_edges(source), _longitude_edges(target)
    shared = np.zeros((len(target), len(source)))
    for turn in (-720, -360, 0, 360, 720):
        overlap = np.minimum(high[:, None], upper + turn) - np.maximum(low[:, None], lower + turn)
        shared += np.clip(overlap, 0, None)
    return shared / (high - low)[:, None]


def _longitude_edges(
    longitude: Float[np.ndarray, " lon"],
) -> tuple[Float[np.ndarray, " lon"], Float[np.ndarray, " lon"]]:
    """Western and eastern edges of columns, halfway between centres around the globe."""
    eastern = longitude + _steps(longitude) / 2
    return np.concatenate([[eastern[-1] - 360], eastern[:-1]]), eastern


def _steps(longitude: Float[np.ndarray, " lon"]) -> Float[np.ndarray, " lon"]:
    """From each column to the next, around the globe [degrees]."""
    steps = np.diff(longitude, append=longitude[0] + 360)
    if (steps <= 0).any():
        raise ValueError(f"longitudes must increase and span less than 360 degrees: {longitude}")
    return steps


def _between_rows(
    source: Float[np.ndarray, " lat"], target: Float[np.ndarray, " south"]
) -> tuple[Float[np.ndarray, "south lat"], Float[np.ndarray, "south 2"]]:
    """Linear weights of the rows, and of the means of the first and last row."""
    latitude_edges(source)  # refuses what are no rows
    up = source[0] < source[-1]
    rising = source if up else source[::-1]
    # The poles as rows of their own, whose values are the means of the rows beside them.
    knots = np.concatenate([[-90.0], rising, [90.0]])
    knots[[0, -1]] = np.where(np.abs(knots[[1, -2]]) < 90, knots[[0, -1]], [-180, 180])
    weights = _linear(knots, target)
    south, rows, north = weights[:, 0], weights[:, 1:-1], weights[:, -1]
    return (
        (rows, np.stack([south, north], 1)) if up else (rows[:, ::-1], np.stack([north, south], 1))
    )


def _between_columns(
    source: Float[np.ndarray, " lon"], target: Float[np.ndarray, " east"]
) -> Float[np.ndarray, "east lon"]:
    _steps(source)
    knots = np.concatenate([source, [source[0] + 360]])
    weights = _linear(knots, source[0] + (target - source[0]) % 360)
    weights[:, 0] += weights[:, -1]
    return weights[:, :-1]


def _linear(
    knots: Float[np.ndarray, " knot"], places: Float[np.ndarray, " place"]
) -> Float[np.ndarray, "place knot"]:
    """Weights of the two knots around each place."""
    left = np.clip(np.searchsorted(knots, places, side="right") - 1, 0, len(knots) - 2)
    share = (places - knots[left]) / (knots[left + 1] - knots[left])
    weights = np.zeros((len(places), len(knots)))
    each = np.arange(len(places))
    weights[each, left] = 1 - share
    weights[each, left + 1] += share
    return weights


def _nearest(
    source: Axes, target: Axes
) -> tuple[Float[np.ndarray, "south lat"], Float[np.ndarray, "east lon"]]:
    latitude_edges(source[0])
    _steps(source[1])
    found = []
    for places, ours in ((source[0], target[0]), (source[1], target[1])):
        turn = 360 if places is source[1] else np.inf
        away = np.abs(ours[:, None] - places)
        away = np.minimum(away, np.abs(turn - away)) if np.isfinite(turn) else away
        # Of two places as near (to rounding), the smaller: southern, western.
        order = np.argsort(places)
        chosen = order[np.argmin(away[:, order].round(9), axis=1)]
        weights = np.zeros(away.shape)
        weights[np.arange(len(ours)), chosen] = 1
        found.append(weights)
    return found[0], found[1]
