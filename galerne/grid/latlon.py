"""Regular latitude-longitude grids.

An equiangular grid either has its first and last row on the poles (rows 180/(n-1) degrees
apart, as ERA5) or half a row away from them (rows 180/n apart, as WeatherBench2's coarse
grids). Columns start at the prime meridian.

Conventions: latitude north to south, longitude 0 to 360 eastward, degrees.
Depends on: numpy only.
"""

__all__ = ["equiangular", "is_same"]

import numpy as np

from jaxtyping import Float


def equiangular(
    latitudes: int, longitudes: int, *, poles: bool
) -> tuple[Float[np.ndarray, " lat"], Float[np.ndarray, " lon"]]:
    """Lays out an equiangular grid.

    Arguments:
        latitudes: Number of rows.
        longitudes: Number of columns.
        poles: Whether the first and last row lie on the poles.

    Returns:
        Row centres [degrees_north], north to south, and column centres [degrees_east].

    Raises:
        ValueError: If there are fewer than two rows or columns.

    Example:
        >>> equiangular(3, 4, poles=True)
        (array([ 90.,   0., -90.]), array([  0.,  90., 180., 270.]))
        >>> equiangular(2, 2, poles=False)[0]
        array([ 45., -45.])
    """
    if latitudes < 2 or longitudes < 2:
        raise ValueError(f"a grid needs two rows and columns, not {latitudes} x {longitudes}")
    step = 180 / (latitudes - 1 if poles else latitudes)
    first = 90 - (0 if poles else step / 2)
    return np.linspace(first, -first, latitudes), np.arange(longitudes) * 360 / longitudes


def is_same(
    one: tuple[Float[np.ndarray, " lat"], Float[np.ndarray, " lon"]],
    two: tuple[Float[np.ndarray, " south"], Float[np.ndarray, " east"]],
) -> bool:
    """Whether two grids have the same rows and columns, to a ten-thousandth of a degree.

    Example:
        >>> is_same(equiangular(4, 8, poles=False), equiangular(4, 8, poles=True))
        False
    """
    return all(
        a.shape == b.shape and np.allclose(a, b, rtol=0, atol=1e-4)
        for a, b in zip(one, two, strict=True)
    )
