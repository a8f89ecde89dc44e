r"""The logarithm that precipitation is learned in, and its inverse.

.. math:: y = \ln \left( 1 + x / \epsilon \right), \qquad x = \epsilon \left( e^y - 1 \right)

Most of precipitation is zero and the rest is skewed over four decades; in :math:`y` a shower
and a storm are a few standard deviations apart. The constant sets what still counts as rain.

Specific humidity stays linear: it is skewed by a factor within a level, not by decades, and the
scale of anomalies follows level, latitude and season already; the observation operator stays
linear in it, and its errors are given in kg kg**-1, alike from dry to moist air.

References:
    | FourCastNet (Pathak et al., 2022), section on precipitation: the same with 1e-5 m
    | https://arxiv.org/abs/2202.11214
"""

__all__ = ["EPSILON", "epsilons", "from_logarithm", "to_logarithm"]

from collections.abc import Sequence

import numpy as np

from ..catalogue import Channel

EPSILON = {"total_precipitation_6hr": 1e-5}  # [unit of the variable]
Array = np.ndarray


def epsilons(channels: Sequence[Channel]) -> Array:
    """Returns the constant of each channel [its unit]; zero where it stays linear."""
    return np.array([EPSILON.get(channel.variable, 0.0) for channel in channels])


def to_logarithm(x: Array, epsilon: float) -> Array:
    """Takes the logarithm; what is negative by rounding counts as zero."""
    return np.log1p(np.maximum(x, 0) / epsilon).astype(x.dtype)


def from_logarithm(y: Array, epsilon: float) -> Array:
    """Undoes :func:`to_logarithm`; never less than minus the constant."""
    return (epsilon * np.expm1(y)).astype(y.dtype)
