r"""Maps without a map library: an equal-area projection, and coasts from the land-sea mask.

The Equal Earth projection sends longitude :math:`\lambda` and latitude :math:`\phi` to

.. math::
    x = \frac{2\sqrt3\,\lambda\cos\theta}
             {3\,(9A_4\theta^8 + 7A_3\theta^6 + 3A_2\theta^2 + A_1)}, \qquad
    y = A_4\theta^9 + A_3\theta^7 + A_2\theta^3 + A_1\theta, \qquad
    \sin\theta = \tfrac{\sqrt3}{2}\sin\phi .

Areas are kept, so a storm on a map is as large as its weight in an area-weighted score.
Rows of constant latitude are straight, which makes the way back a table look-up.

Conventions: longitude in degrees, drawn from -180 to 180; latitude north to south.
Depends on: numpy, contourpy.
References: Savric, Patterson and Jenny (2018), https://doi.org/10.1080/13658816.2018.1504949
"""

__all__ = ["HEIGHT", "WIDTH", "Projection", "coastlines", "equal_earth", "outline"]

import contourpy
import numpy as np

from jaxtyping import Float

_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796


def equal_earth(
    longitude: Float[np.ndarray, "..."], latitude: Float[np.ndarray, "..."]
) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    """Projects places to the plane.

    Arguments:
        longitude: [degrees], within -180 and 180.
        latitude: [degrees].

    Returns:
        The coordinates x and y [Earth radii].

    Example:
        >>> x, y = equal_earth(np.array([0.0]), np.array([0.0]))
        >>> float(x[0]), float(y[0])
        (0.0, 0.0)
    """
    theta = np.arcsin(np.sqrt(3) / 2 * np.sin(np.radians(latitude)))
    t2 = theta**2
    t6 = t2**3
    slope = 9 * _A4 * t6 * t2 + 7 * _A3 * t6 + 3 * _A2 * t2 + _A1
    x = 2 * np.sqrt(3) / 3 * np.radians(longitude) * np.cos(theta) / slope
    return x, theta * (_A1 + _A2 * t2 + t6 * (_A3 + _A4 * t2))


WIDTH = float(equal_earth(np.array([180.0]), np.zeros(1))[0][0])
HEIGHT = float(equal_earth(np.zeros(1), np.array([90.0]))[1][0])


def outline(points: int = 181) -> Float[np.ndarray, "point 2"]:
    """Returns the closed edge of the map in the plane."""
    latitude = np.linspace(-90.0, 90.0, points)
    right, y = equal_earth(np.full_like(latitude, 180.0), latitude)
    return np.concatenate([np.stack([right, y], -1), np.stack([-right, y], -1)[::-1]])


class Projection:
    """Draws fields of one grid as images of the whole Earth, bilinearly in longitude and latitude.

    Arguments:
        latitude: Centres of the rows [degrees], evenly spaced.
        longitude: Centres of the columns [degrees], evenly spaced around the globe.
        width: Width of the image [pixels].
    """

    def __init__(
        self,
        latitude: Float[np.ndarray, "lat"],
        longitude: Float[np.ndarray, "lon"],
        width: int = 360,
    ):
        height = round(width * HEIGHT / WIDTH)
        y = HEIGHT * (1 - 2 * (np.arange(height) + 0.5) / height)
        x = WIDTH * (2 * (np.arange(width) + 0.5) / width - 1)
        phi = np.linspace(-90.0, 90.0, 3601)
        unit, table = equal_earth(np.ones_like(phi), phi)
        rows = np.interp(y, table, phi)
        places = x[None] / np.interp(rows, phi, unit)[:, None]
        n, m = len(longitude), len(latitude)
        i = (places - longitude[0]) / (longitude[1] - longitude[0])
        j = np.clip((rows - latitude[0]) / (latitude[1] - latitude[0]), 0, m - 1)
        self.inside = np.abs(places) <= 180
        self._west, self._u = np.floor(i).astype(int) % n, i - np.floor(i)
        self._east = (self._west + 1) % n
        self._north = np.minimum(j.astype(int), m - 2)[:, None]
        self._v = j[:, None] - self._north

    def __call__(self, field: Float[np.ndarray, "lat lon"]) -> Float[np.ndarray, "row column"]:
        """Returns the image of a field, not a number outside the map."""
        south = self._north + 1
        above = field[self._north, self._west] * (1 - self._u)
        above = above + field[self._north, self._east] * self._u
        below = field[south, self._west] * (1 - self._u) + field[south, self._east] * self._u
        return np.where(self.inside, above * (1 - self._v) + below * self._v, np.nan)


def coastlines(
    mask: Float[np.ndarray, "lat lon"],
    latitude: Float[np.ndarray, "lat"],
    longitude: Float[np.ndarray, "lon"],
) -> list[Float[np.ndarray, "point 2"]]:
    """Traces where half of a cell is land.

    Arguments:
        mask: Land area fraction [1].
        latitude: Centres of the rows [degrees].
        longitude: Centres of the columns [degrees], around the globe.

    Returns:
        Lines of longitude (-180 to 180) and latitude [degrees].
    """
    wrapped = (longitude + 180) % 360 - 180
    order = np.argsort(wrapped)
    west, values = wrapped[order], mask[:, order]
    around = np.concatenate([west[-1:] - 360, west, west[:1] + 360])
    values = np.concatenate([values[:, -1:], values, values[:, :1]], axis=1)
    east = np.unique(np.concatenate([[-180.0], west, [180.0]]))
    values = np.stack([np.interp(east, around, row) for row in values])
    lines = contourpy.contour_generator(east, latitude, values).lines(0.5)
    return [np.asarray(line, dtype="float64") for line in lines if len(line) > 1]
