r"""How well fields of one time fit each other.

**Winds.** Large-scale flow turns much more than it spreads: of vorticity :math:`\zeta` and
divergence :math:`\delta` the *divergent share*
:math:`\overline{\delta^2} / (\overline{\zeta^2} + \overline{\delta^2})` is some hundredths aloft
and below a fifth at 1000 hPa. Stored upside down, or with the sign of one component turned,
either becomes a deformation, and the share one third to a half. It needs no other field and no
season. Where the geopotential :math:`\Phi` is known, winds are correlated with
:math:`u_g = -\Phi_\phi / (f a)`, :math:`v_g = \Phi_\lambda / (f a \cos\phi)` between 25 and 70
degrees; where vorticity is, with the one that the winds have.

**Mass.** The thickness of a layer gives its mean virtual temperature,
:math:`\bar T_v = \Delta\Phi / (R \ln(p_2 / p_1))`, to be compared with the mean of
:math:`T_v = T (1 + 0.608 q)` at both levels. On ERA5 the root mean square of the difference is
1 to 2 K where levels are a factor of two apart or closer.

Derivatives are taken of means over blocks of points, five degrees or so wide: the small scales
of a fine grid do spread.

Depends on: numpy only.

References:
    | An Introduction to Dynamic Meteorology (Holton, 2004), sections 1.4, 3.2 and 4.2
"""

__all__ = [
    "coarsened", "divergent_share", "fit_of_vorticity", "fit_of_winds", "geostrophic_wind",
    "thickness_error",
]  # fmt: skip

import numpy as np

from jaxtyping import Float

from ..source.vertical import GAS_CONSTANT

RADIUS = 6.371e6  # of the earth [m]
ROTATION = 7.292e-5  # of the earth [s**-1]
COLUMNS = 60  # at least, of a grid on which derivatives are taken

Fields = Float[np.ndarray, "*batch lat lon"]
Rows = Float[np.ndarray, " lat"]
Columns = Float[np.ndarray, " lon"]


def coarsened(
    fields: list[Fields], latitude: Rows, longitude: Columns
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Averages fields over blocks of points, to sixty columns or a few more.

    Arguments:
        fields: Fields on one grid.
        latitude: Rows [degrees_north]; those that fill no block are left out.
        longitude: Columns [degrees_east].

    Returns:
        The fields in float64, and their rows and columns.
    """
    count = len(longitude)
    factor = max(
        f for f in range(1, count + 1) if not count % f and (count // f >= COLUMNS or f == 1)
    )
    rows = len(latitude) // factor

    def mean(x: np.ndarray) -> np.ndarray:
        x = x[..., : rows * factor, :]
        shape = (*x.shape[:-2], rows, factor, count // factor, factor)
        return x.reshape(shape).mean((-3, -1), dtype="float64")

    lat = latitude[: rows * factor].reshape(rows, factor).mean(-1)
    lon = longitude.reshape(-1, factor).mean(-1)
    return [mean(x) for x in fields], lat, lon


def divergent_share(
    u: Fields, v: Fields, latitude: Rows, longitude: Columns
) -> Float[np.ndarray, "*batch"]:
    """Computes the share of divergence in divergence and vorticity, outside of the deep tropics.

    Arguments:
        u: Eastward wind [m s**-1].
        v: Northward wind [m s**-1].
        latitude: Rows [degrees_north].
        longitude: Columns [degrees_east].
    """
    (u, v), lat, lon = coarsened([u, v], latitude, longitude)
    turning, spreading = _vorticity(u, v, lat, lon), _divergence(u, v, lat, lon)
    rows = (np.abs(lat) > 10) & (np.abs(lat) < 75)
    one, two = (_mean_square(x, lat, rows) for x in (spreading, turning))
    with np.errstate(invalid="ignore"):
        return one / (one + two)


def fit_of_winds(
    u: Fields, v: Fields, phi: Fields, latitude: Rows, longitude: Columns
) -> Float[np.ndarray, "*batch"]:
    """Correlates winds with geostrophic ones, and returns the lesser of both components.

    Arguments:
        u: Eastward wind [m s**-1].
        v: Northward wind [m s**-1].
        phi: Geopotential [m**2 s**-2].
        latitude: Rows [degrees_north].
        longitude: Columns [degrees_east].
    """
    (u, v, phi), lat, lon = coarsened([u, v, phi], latitude, longitude)
    rows = (np.abs(lat) > 25) & (np.abs(lat) < 70)
    eastward, northward = geostrophic_wind(phi, lat, lon)
    return np.minimum(_correlation(u, eastward, lat, rows), _correlation(v, northward, lat, rows))


def geostrophic_wind(phi: Fields, latitude: Rows, longitude: Columns) -> tuple[Fields, Fields]:
    """Returns the eastward and northward geostrophic wind [m s**-1]; not finite at the equator.

    Arguments:
        phi: Geopotential on a level of pressure [m**2 s**-2].
        latitude: Rows [degrees_north].
        longitude: Columns [degrees_east].
    """
    coriolis = (2 * ROTATION * np.sin(np.deg2rad(latitude)))[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        eastward = -_northward_slope(phi, latitude) / (coriolis * RADIUS)
        northward = _eastward_slope(phi, longitude) / (coriolis * RADIUS * _cosine(latitude))
    return eastward, northward


def fit_of_vorticity(
    u: Fields, v: Fields, vorticity: Fields, latitude: Rows, longitude: Columns
) -> Float[np.ndarray, "*batch"]:
    """Correlates vorticity [s**-1] with that of the winds [m s**-1]."""
    (u, v, vorticity), lat, lon = coarsened([u, v, vorticity], latitude, longitude)
    rows = np.abs(lat) < 75
    return _correlation(_vorticity(u, v, lat, lon), vorticity, lat, rows)


def thickness_error(
    phi: Float[np.ndarray, "*batch level lat lon"],
    temperature: Float[np.ndarray, "*batch level lat lon"],
    humidity: Float[np.ndarray, "*batch level lat lon"] | None,
    levels: Float[np.ndarray, " level"],
) -> Float[np.ndarray, "*batch level-1 lat lon"]:
    """Compares the virtual temperature of layers by thickness and by temperature [K].

    Arguments:
        phi: Geopotential [m**2 s**-2].
        temperature: Temperature [K].
        humidity: Specific humidity [kg kg**-1], or nothing: air is then taken to be dry.
        levels: Pressure [hPa], ascending.
    """
    virtual = temperature if humidity is None else temperature * (1 + 0.608 * humidity)
    depth = np.diff(np.log(levels))[:, None, None].astype(phi.dtype)
    layer = -np.diff(phi, axis=-3) / (np.float32(GAS_CONSTANT) * depth)
    return layer - (virtual[..., 1:, :, :] + virtual[..., :-1, :, :]) / 2


def _cosine(lat: np.ndarray) -> np.ndarray:
    return np.maximum(np.cos(np.deg2rad(lat)), 1e-6)[:, None]


def _eastward_slope(x: np.ndarray, lon: np.ndarray) -> np.ndarray:
    return (np.roll(x, -1, -1) - np.roll(x, 1, -1)) / (2 * np.deg2rad(lon[1] - lon[0]))


def _northward_slope(x: np.ndarray, lat: np.ndarray) -> np.ndarray:
    return np.gradient(x, np.deg2rad(lat), axis=-2)


def _vorticity(u: np.ndarray, v: np.ndarray, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    cosine = _cosine(lat)
    return (_eastward_slope(v, lon) - _northward_slope(u * cosine, lat)) / (RADIUS * cosine)


def _divergence(u: np.ndarray, v: np.ndarray, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    cosine = _cosine(lat)
    return (_eastward_slope(u, lon) + _northward_slope(v * cosine, lat)) / (RADIUS * cosine)


def _mean_square(x: np.ndarray, lat: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return (np.square(x[..., rows, :]) * _cosine(lat)[rows]).mean((-2, -1))


def _correlation(x: np.ndarray, y: np.ndarray, lat: np.ndarray, rows: np.ndarray) -> np.ndarray:
    weights = np.broadcast_to(_cosine(lat)[rows], x[..., rows, :].shape[-2:])
    weights = weights / weights.sum()
    x, y = (f[..., rows, :] for f in (x, y))
    x, y = (f - (f * weights).sum((-2, -1), keepdims=True) for f in (x, y))
    product, one, two = ((f * weights).sum((-2, -1)) for f in (x * y, x * x, y * y))
    with np.errstate(divide="ignore", invalid="ignore"):
        return product / np.sqrt(one * two)
