r"""Areas of the cells of a latitude-longitude grid.

A cell between the latitudes :math:`\phi_s < \phi_n` covers a share of its meridional band
equal to :math:`\sin\phi_n - \sin\phi_s`. Cell edges lie halfway between centres; the first
and last edge are the poles, whether or not the poles are themselves centres.

Conventions: latitudes in degrees, north positive, in any monotonic order.
Depends on: numpy only.
"""

__all__ = ["cell_areas", "latitude_edges"]

import numpy as np

from jaxtyping import Float


def latitude_edges(latitude: Float[np.ndarray, " lat"]) -> Float[np.ndarray, " lat+1"]:
    """Places the edges of latitude rows halfway between centres, and at the poles.

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
    pole = 90 * np.sign(steps[0])
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
