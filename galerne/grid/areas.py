r"""Areas of the cells of a latitude-longitude grid.

A cell between the latitudes :math:`\phi_s < \phi_n` covers a share of its meridional band
equal to :math:`\sin\phi_n - \sin\phi_s`. Cell edges lie halfway between centres; the first
and last edge are the poles, whether or not the poles are themselves centres.

Rows of a Gaussian grid, which are known by their latitudes, have edges of their own: those
that give each row its Gaussian weight as area,
:math:`\sin\phi_{k+1/2} = 1 - \sum_{i \le k} w_i`. They part the rows as the midpoints do
(Chebyshev, Markov, Stieltjes), and sums over the grid are the Gaussian quadrature, exact for
spherical harmonics up to degree :math:`2 n - 1`.

Conventions: latitudes in degrees, north positive, in any monotonic order.
Depends on: numpy.

References:
    | Szegő (1975), Orthogonal Polynomials, 3.41 (theorem of separation)
"""

__all__ = ["cell_areas", "latitude_edges"]

import numpy as np

from jaxtyping import Float

from .latlon import GAUSSIAN_TOLERANCE, gaussian_rows


def latitude_edges(latitude: Float[np.ndarray, " lat"]) -> Float[np.ndarray, " lat+1"]:
    """Places the edges of latitude rows: halfway between centres, and at the poles.

    Those of Gaussian rows lie where each row has the area of its Gaussian weight.

    Arguments:
        latitude: Row centres [degrees_north], strictly monotonic, within [-90, 90].

    Returns:
        The edges [degrees_north], in the order of the centres.

    Raises:
        ValueError: If there are fewer than two rows, or the centres are not strictly
            monotonic or leave [-90, 90].

    Example:
        >>> latitude_edges(np.array([60.0, 0.0, -60.0]))
        array([ 90.,  30., -30., -90.])
    """
    latitude = np.asarray(latitude, dtype="float64")
    steps = np.diff(latitude)
    if not len(steps) or not ((steps > 0).all() or (steps < 0).all()):
        raise ValueError(f"latitudes must be strictly monotonic, two or more: {latitude}")
    if np.abs(latitude).max() > 90:
        raise ValueError(f"latitudes leave [-90, 90]: {latitude}")
    down = -np.sign(steps[0])
    rows, weights = gaussian_rows(len(latitude))
    if np.abs(down * latitude - rows).max() < GAUSSIAN_TOLERANCE:
        inner = np.rad2deg(np.arcsin(1 - np.cumsum(weights)[:-1]))
        return down * np.concatenate([[90.0], inner, [-90.0]])
    pole = -90 * down
    return np.concatenate([[-pole], (latitude[1:] + latitude[:-1]) / 2, [pole]])


def cell_areas(latitude: Float[np.ndarray, " lat"]) -> Float[np.ndarray, " lat"]:
    r"""Computes the share of the sphere covered by each latitude row.

    Arguments:
        latitude: Row centres [degrees_north], strictly monotonic, within [-90, 90].

    Returns:
        The share of the sphere of each row [1], positive and summing to one.

    Raises:
        ValueError: If the centres are not strictly monotonic or leave [-90, 90].

    References:
        | WeatherBench 2 (Rasp et al., 2024), latitude weights
        | https://arxiv.org/abs/2308.15560

    Example:
        >>> cell_areas(np.array([-45.0, 45.0]))
        array([0.5, 0.5])
    """
    return np.abs(np.diff(np.sin(np.deg2rad(latitude_edges(latitude))))) / 2
