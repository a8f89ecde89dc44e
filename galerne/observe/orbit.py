r"""A polar orbit and the footprints of a scanner on it.

The orbit is circular and propagated by SGP4, in the inertial frame TEME, from mean elements:
the mean motion follows from the altitude by Kepler's third law,

.. math:: n = \sqrt{\mu / (R + h)^3}

The Earth turns below it by Greenwich mean sidereal time. Footprints of a scan line lie on
the great circle through the point below the satellite, square to its track over ground:

.. math:: p(\theta) = r \cos\theta + (r \times v) \sin\theta, \qquad \theta = d / R

with unit vectors :math:`r` (up) and :math:`v` (along), and the distance :math:`d` on ground.
The Earth is a sphere here, as it is for the grid.

References:
    | Revisiting Spacetrack Report #3 (Vallado et al., 2006)
    | https://celestrak.org/publications/AIAA/2006-6753/
"""

__all__ = ["Orbit"]

from dataclasses import dataclass

import numpy as np

from jaxtyping import Float
from sgp4.api import WGS72, Satrec

from ..catalogue import MEAN_RADIUS

GRAVITATIONAL_PARAMETER = 398_600.8  # km3 s-2, WGS 72, as in SGP4
EQUATORIAL_RADIUS = 6_378.135  # km, WGS 72, as in SGP4
ROTATION_RATE = 7.292_115e-5  # rad s-1, WGS 84
UNIX_EPOCH = 2_440_587.5  # Julian date of 1970-01-01T00
SGP4_EPOCH = 2_433_281.5  # Julian date of 1949-12-31T00
J2000 = 2_451_545.0  # Julian date of 2000-01-01T12


@dataclass(frozen=True)
class Orbit:
    """A circular orbit.

    Arguments:
        altitude: Height above the equatorial radius [km].
        inclination: Inclination [degrees].
        node: Right ascension of the ascending node at 2000-01-01T12 UTC [degrees].
        phase: Angle from that node to the satellite, at the same time [degrees].
    """

    altitude: float
    inclination: float
    node: float
    phase: float

    @property
    def period(self) -> float:
        """Time of one revolution [s], before perturbations."""
        axis = EQUATORIAL_RADIUS + self.altitude
        return float(2 * np.pi * np.sqrt(axis**3 / GRAVITATIONAL_PARAMETER))

    def footprints(
        self, times: np.ndarray, *, width: float, across: int
    ) -> tuple[Float[np.ndarray, "time across"], Float[np.ndarray, "time across"]]:
        """Places the footprints of scan lines.

        Arguments:
            times: Time of each scan line, datetime64, shape (time,).
            width: Width of the swath on the ground [km].
            across: Footprints in a line, each in the middle of its share of the width.

        Returns:
            Latitudes [degrees_north] and longitudes in [0, 360) [degrees_east].

        Raises:
            ValueError: If SGP4 gives up on the orbit.
        """
        up, along = self._track(times)
        side = np.cross(up, along)
        theta = ((np.arange(across) + 0.5) / across - 0.5) * width / MEAN_RADIUS
        points = (
            up[:, None] * np.cos(theta)[None, :, None]
            + side[:, None] * np.sin(theta)[None, :, None]
        )
        lat = np.degrees(np.arcsin(np.clip(points[..., 2], -1, 1)))
        return lat, np.degrees(np.arctan2(points[..., 1], points[..., 0])) % 360

    def _track(
        self, times: np.ndarray
    ) -> tuple[Float[np.ndarray, "time 3"], Float[np.ndarray, "time 3"]]:
        """Unit vectors up and along the track over ground, turning with the Earth."""
        days = (times - np.datetime64("1970-01-01", "ns")) / np.timedelta64(1, "D")
        whole = np.floor(days)
        error, place, velocity = self._satellite().sgp4_array(UNIX_EPOCH + whole, days - whole)
        if error.any():
            raise ValueError(f"SGP4 cannot propagate {self}: error {error[error != 0][0]}")
        angle = sidereal_angle(UNIX_EPOCH + days)
        place, velocity = _turned(place, angle), _turned(velocity, angle)
        velocity = velocity - np.cross([0.0, 0.0, ROTATION_RATE], place)
        up = place / np.linalg.norm(place, axis=1, keepdims=True)
        along = velocity - up * np.sum(velocity * up, axis=1, keepdims=True)
        return up, along / np.linalg.norm(along, axis=1, keepdims=True)

    def _satellite(self) -> Satrec:
        satellite = Satrec()
        satellite.sgp4init(
            WGS72,
            "i",  # improved mode of SGP4
            0,  # catalogue number
            J2000 - SGP4_EPOCH,
            0.0,  # drag
            0.0,  # first derivative of the mean motion
            0.0,  # second derivative of the mean motion
            0.0,  # eccentricity
            0.0,  # argument of perigee [rad]
            np.radians(self.inclination),
            np.radians(self.phase),
            60 * 2 * np.pi / self.period,  # mean motion [rad min-1]
            np.radians(self.node),
        )
        return satellite


def sidereal_angle(julian_date: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
    """Greenwich mean sidereal time [rad].

    References:
        | Vallado et al. (2006), the same polynomial (IAU 1982) as SGP4's own ``gstime``
    """
    t = (julian_date - J2000) / 36_525
    seconds = 67_310.548_41 + (876_600 * 3600 + 8_640_184.812_866) * t
    seconds = seconds + 0.093_104 * t**2 - 6.2e-6 * t**3
    return np.radians(seconds / 240) % (2 * np.pi)


def _turned(vectors: np.ndarray, angle: np.ndarray) -> Float[np.ndarray, "time 3"]:
    """Vectors in a frame turned eastward by an angle."""
    x, y, z = vectors.T
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([cos * x + sin * y, cos * y - sin * x, z], 1)
