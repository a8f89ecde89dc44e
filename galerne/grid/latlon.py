r"""Regular latitude-longitude grids.

An equiangular grid either has its first and last row on the poles (rows 180/(n-1) degrees
apart, as ERA5) or half a row away from them (rows 180/n apart, as WeatherBench2's coarse
grids). The rows of a Gaussian grid are where the Legendre polynomial :math:`P_n(\sin\phi)` is
zero; ours is the full (regular) one, with as many columns in every row. Columns start at the
prime meridian.

Conventions: latitude north to south, longitude 0 to 360 eastward, degrees.
Depends on: numpy, scipy.

References:
    | Hortal and Simmons (1991), Use of reduced Gaussian grids in spectral models
    | https://doi.org/10.1175/1520-0493(1991)119%3C1057:UORGGI%3E2.0.CO;2
"""

__all__ = ["GAUSSIAN_TOLERANCE", "equiangular", "gaussian", "gaussian_rows", "is_same", "lay_out"]

from functools import lru_cache

import numpy as np

from jaxtyping import Float
from scipy.special import roots_legendre

GAUSSIAN_TOLERANCE = 2e-3  # files give Gaussian latitudes to a thousandth [degrees]


def lay_out(
    kind: str, latitudes: int, longitudes: int, *, poles: bool = False
) -> tuple[Float[np.ndarray, " lat"], Float[np.ndarray, " lon"]]:
    """Lays out a grid of a kind.

    Arguments:
        kind: ``equiangular`` or ``gaussian``.
        latitudes: Number of rows.
        longitudes: Number of columns.
        poles: Whether the first and last row lie on the poles; never those of a Gaussian grid.

    Returns:
        Row centres [degrees_north], north to south, and column centres [degrees_east].

    Raises:
        ValueError: If the kind is unknown, or the grid has poles or sizes that it cannot have.
    """
    if kind == "equiangular":
        return equiangular(latitudes, longitudes, poles=poles)
    if kind != "gaussian":
        raise ValueError(f"unknown kind of grid {kind!r}; allowed: equiangular, gaussian")
    if poles:
        raise ValueError("no row of a Gaussian grid lies on a pole")
    return gaussian(latitudes, longitudes)


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
    _check_size(latitudes, longitudes)
    step = 180 / (latitudes - 1 if poles else latitudes)
    first = 90 - (0 if poles else step / 2)
    return np.linspace(first, -first, latitudes), np.arange(longitudes) * 360 / longitudes


def gaussian(
    latitudes: int, longitudes: int
) -> tuple[Float[np.ndarray, " lat"], Float[np.ndarray, " lon"]]:
    """Lays out a full Gaussian grid.

    Arguments:
        latitudes: Number of rows.
        longitudes: Number of columns.

    Returns:
        Row centres [degrees_north], north to south, and column centres [degrees_east].

    Raises:
        ValueError: If there are fewer than two rows or columns.

    Example:
        >>> gaussian(4, 8)[0].round(4)
        array([ 59.4444,  19.8757, -19.8757, -59.4444])
    """
    _check_size(latitudes, longitudes)
    return gaussian_rows(latitudes)[0].copy(), np.arange(longitudes) * 360 / longitudes


@lru_cache
def gaussian_rows(
    latitudes: int,
) -> tuple[Float[np.ndarray, " lat"], Float[np.ndarray, " lat"]]:
    """Rows of a Gaussian grid and their quadrature weights.

    Arguments:
        latitudes: Number of rows.

    Returns:
        Row centres [degrees_north], north to south, and Gaussian weights [1], which sum to two.
        They are shared: not to be changed.
    """
    roots, weights = roots_legendre(latitudes)
    return np.rad2deg(np.arcsin(roots))[::-1], weights[::-1]


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


def _check_size(latitudes: int, longitudes: int) -> None:
    if latitudes < 2 or longitudes < 2:
        raise ValueError(f"a grid needs two rows and columns, not {latitudes} x {longitudes}")
