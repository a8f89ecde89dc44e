"""Distances on the sphere, and a correlation that falls with them.

References:
    | Construction of correlation functions (Gaspari and Cohn, 1999), equation 4.10
    | https://doi.org/10.1002/qj.49712555417
"""

__all__ = ["gaspari_cohn", "great_circles"]

import numpy as np

from jaxtyping import Float

from ..observe.orbit import MEAN_RADIUS


def gaspari_cohn(r: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """The correlation function of Gaspari and Cohn, zero from 2 on.

    Example:
        >>> gaspari_cohn(np.array([0.0, 1.0, 2.0])).round(4)
        array([1.    , 0.2083, 0.    ])
    """
    r = np.minimum(np.abs(r), 2.0)
    inner = 1 + r**2 * (-5 / 3 + r * (5 / 8 + r * (1 / 2 - r / 4)))
    s = np.maximum(r, 1.0)
    outer = 4 - 5 * s + s**2 * (5 / 3 + s * (5 / 8 + s * (-1 / 2 + s / 12))) - 2 / (3 * s)
    return np.where(r <= 1, inner, np.maximum(outer, 0))


def great_circles(
    ones: tuple[np.ndarray, np.ndarray], others: tuple[np.ndarray, np.ndarray]
) -> Float[np.ndarray, "one other"]:
    """Distances between places given as latitudes and longitudes [degrees], in km."""
    return MEAN_RADIUS * np.arccos(np.clip(_unit(*ones) @ _unit(*others).T, -1, 1))


def _unit(latitude: np.ndarray, longitude: np.ndarray) -> Float[np.ndarray, "n 3"]:
    phi, lam = np.radians(latitude), np.radians(longitude)
    return np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], 1)
