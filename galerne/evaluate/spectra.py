r"""Power spectra of fields: along circles of latitude, and over the sphere.

**Zonal.** With :math:`F_m = \frac1N \sum_n f_n e^{-i m \lambda_n}` on a row of :math:`N`
columns, wavenumber :math:`m` has the power :math:`2 |F_m|^2` (once for :math:`m = 0` and for
half of :math:`N`), averaged over the rows from 30 to 60 degrees in both hemispheres by area; the
sum over :math:`m` is the mean square.

**Spherical.** :math:`S_l = |f_{l0}|^2 + 2 \sum_{m=1}^l |f_{lm}|^2` with :math:`f_{lm} = \frac12
\int F_m(\mu) \bar P_{lm}(\mu) \, d\mu` and functions of unit mean square over the sphere, so
that :math:`\sum_l S_l` is the mean square. Integrals over latitude are sums with the weights
that are exact for polynomials of degree below the number of rows; so are products of two
functions up to half of that degree, where the spectrum ends.

References:
    | WeatherBench 2 (Rasp et al., 2024), zonal energy spectra, https://arxiv.org/abs/2308.15560
    | Holmes and Featherstone (2002), forward column recursion of Legendre functions
    | https://doi.org/10.1007/s00190-002-0216-2
"""

__all__ = ["quadrature", "spherical_power", "zonal_power"]

from functools import lru_cache

import numpy as np

from jaxtyping import Float

from ..grid.areas import cell_areas

MIDDLE = (30.0, 60.0)  # degrees, of either hemisphere


def zonal_power(
    fields: Float[np.ndarray, "*batch lat lon"], latitude: Float[np.ndarray, " lat"]
) -> Float[np.ndarray, "*batch wavenumber"]:
    """Computes the power by zonal wavenumber in middle latitudes [unit squared].

    Arguments:
        fields: Fields [unit].
        latitude: Rows [degrees_north].

    Raises:
        ValueError: If no row lies in middle latitudes.
    """
    rows = (np.abs(latitude) >= MIDDLE[0]) & (np.abs(latitude) <= MIDDLE[1])
    if not rows.any():
        raise ValueError(
            f"no row lies between {MIDDLE[0]:g} and {MIDDLE[1]:g} degrees: {latitude}"
        )
    columns = fields.shape[-1]
    power = np.square(np.abs(np.fft.rfft(fields[..., rows, :].astype("float64")) / columns))
    power[..., 1 : (columns + 1) // 2] *= 2
    areas = cell_areas(latitude.astype("float64"))[rows]
    return np.einsum("...ym,y->...m", power, areas / areas.sum())


def spherical_power(
    fields: Float[np.ndarray, "*batch lat lon"], latitude: Float[np.ndarray, " lat"]
) -> Float[np.ndarray, "*batch degree"]:
    """Computes the power by spherical degree [unit squared].

    Arguments:
        fields: Fields [unit], on rows around the globe.
        latitude: Rows [degrees_north].

    Returns:
        The power of each degree that the rows resolve exactly: half their number, or as many
        as columns resolve.
    """
    rows, columns = fields.shape[-2:]
    most = min((rows - 1) // 2, columns // 2 - 1)
    sine = np.sin(np.deg2rad(latitude.astype("float64")))
    zonal = np.fft.rfft(fields.astype("float64"))[..., : most + 1] / columns
    weighted = zonal * quadrature(tuple(latitude.tolist()))[:, None]
    power = np.zeros((*fields.shape[:-2], most + 1))
    for m in range(most + 1):
        functions = _legendre(m, most, sine)
        coefficients = np.einsum("ly,...y->...l", functions, weighted[..., m])
        power[..., m:] += (1 if m == 0 else 2) * np.square(np.abs(coefficients))
    return power


@lru_cache(maxsize=8)
def quadrature(latitude: tuple[float, ...]) -> Float[np.ndarray, " lat"]:
    """Weights of rows that integrate polynomials of the sine of latitude exactly; of sum one.

    Example:
        >>> quadrature((90.0, 0.0, -90.0)).round(6)  # the rule of Simpson
        array([0.166667, 0.666667, 0.166667])
    """
    sine = np.sin(np.deg2rad(np.array(latitude)))
    first = np.zeros(len(sine))
    first[0] = 1.0
    return np.linalg.solve(np.polynomial.legendre.legvander(sine, len(sine) - 1).T, first)


def _legendre(
    order: int, most: int, sine: Float[np.ndarray, " lat"]
) -> Float[np.ndarray, "degree lat"]:
    """Associated Legendre functions of one order, whose mean squares over [-1, 1] are one."""
    cosine = np.sqrt(1 - sine**2)
    first = np.ones_like(sine)
    for m in range(1, order + 1):
        first = first * np.sqrt((2 * m + 1) / (2 * m)) * cosine
    functions = np.zeros((most - order + 1, len(sine)))
    functions[0] = first
    if most > order:
        functions[1] = np.sqrt(2 * order + 3) * sine * first
    for k in range(2, most - order + 1):
        n = order + k
        a = np.sqrt((4 * n**2 - 1) / (n**2 - order**2))
        b = np.sqrt((2 * n + 1) * ((n - 1) ** 2 - order**2) / ((2 * n - 3) * (n**2 - order**2)))
        functions[k] = a * sine * functions[k - 1] - b * functions[k - 2]
    return functions
