r"""The invertible transform between physical states and standardised anomalies.

.. math:: \tilde{x}(\tau) = \frac{x(\tau) - c(\tau)}{s(\tau)}, \qquad
    s(\tau) = \bar{s} \sqrt{\frac{v(\tau)}{\bar{v}}}

with the smooth climatology :math:`c` at each point and time; one scale :math:`\bar{s}` per
channel, the area-weighted root mean square of what the climatology leaves; and the season's
share :math:`v(\tau) / \bar{v}` of the variance at each latitude, kept within a quarter and
four. So anomalies are of one size all year round, while storm tracks stay livelier than the
tropics. An anomaly of zero is the climatology. Precipitation is its logarithm in all of this
(:mod:`galerne.stats.logarithm`).
"""

__all__ = ["Transform"]

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from jaxtyping import Float

from ..catalogue import Channel
from ..products import open_product
from .climatology import harmonics
from .logarithm import epsilons, from_logarithm, to_logarithm

SEASONAL_SHARE = (0.25, 4.0)


@dataclass(frozen=True)
class Transform:
    """Climatology and scale of every channel.

    Arguments:
        channels: The channels, in order.
        coefficients: Coefficients of the climatology [unit of each channel; 1 of a logarithm].
        variance: Coefficients of the zonal mean variance [unit squared].
        scale: The standard deviation of the anomalies [unit of each channel].
        of_year: Number of harmonics of the day of year.
        of_day: Number of harmonics of the hour of day.
        latitude: Latitude rows [degrees_north], north to south.
        longitude: Longitude columns [degrees_east].
    """

    channels: tuple[Channel, ...]
    coefficients: Float[np.ndarray, "term channel lat lon"]
    variance: Float[np.ndarray, "term channel lat"]
    scale: Float[np.ndarray, "channel"]
    of_year: int
    of_day: int
    latitude: Float[np.ndarray, "lat"]
    longitude: Float[np.ndarray, "lon"]

    def climatology(self, times: np.ndarray) -> Float[np.ndarray, "time channel lat lon"]:
        """Evaluates the climatology at some times (UTC) [unit of each channel]."""
        return self._changed(self.centre(times), from_logarithm)

    def centre(self, times: np.ndarray) -> Float[np.ndarray, "time channel lat lon"]:
        """Evaluates what anomalies are about: the climatology, or the mean of the logarithm."""
        phi = harmonics(times, self.of_year, self.of_day)
        return np.tensordot(phi, self.coefficients, axes=1).astype(np.float32)

    def scale_at(self, times: np.ndarray) -> Float[np.ndarray, "time channel lat 1"]:
        """Evaluates the scale of anomalies at some times (UTC) [unit of each channel]."""
        phi = harmonics(times, self.of_year, self.of_day)
        mean = np.maximum(self.variance[0], np.finfo(np.float64).tiny)
        share = np.clip(np.tensordot(phi, self.variance, axes=1) / mean, *SEASONAL_SHARE)
        scale = self.scale[:, None] * np.sqrt(share)
        return scale[..., None].astype(np.float32)

    def forward(
        self, x: Float[np.ndarray, "*batch time channel lat lon"], times: np.ndarray
    ) -> Float[np.ndarray, "*batch time channel lat lon"]:
        """Standardises states [unit of each channel] at their times into anomalies [1]."""
        x = self._changed(x, to_logarithm)
        return (x - self.centre(times)) / self.scale_at(times)

    def inverse(
        self, anomaly: Float[np.ndarray, "*batch time channel lat lon"], times: np.ndarray
    ) -> Float[np.ndarray, "*batch time channel lat lon"]:
        """Turns anomalies [1] at their times back into states [unit of each channel]."""
        y = anomaly * self.scale_at(times) + self.centre(times)
        return self._changed(y, from_logarithm)

    def _changed(
        self, x: Float[np.ndarray, "*batch channel lat lon"], change: Callable[..., np.ndarray]
    ) -> Float[np.ndarray, "*batch channel lat lon"]:
        """Applies a function to the channels that are their logarithm; without any, nothing."""
        constants = epsilons(self.channels)
        if constants.any():
            x = x.copy()
            for k in np.flatnonzero(constants):
                x[..., k, :, :] = change(x[..., k, :, :], constants[k])
        return x

    def to_dataset(self) -> xr.Dataset:
        """Labels the coefficients and scales, to be written as a product."""
        return xr.Dataset(
            {
                "coefficients": (("term", "channel", "latitude", "longitude"), self.coefficients),
                "variance": (("term", "channel", "latitude"), self.variance),
                "scale": ("channel", self.scale),
            },
            {
                "channel": [str(channel) for channel in self.channels],
                "variable": ("channel", [channel.variable for channel in self.channels]),
                "level": ("channel", [channel.level or 0 for channel in self.channels]),
                "latitude": self.latitude,
                "longitude": self.longitude,
            },
            {"harmonics_of_year": self.of_year, "harmonics_of_day": self.of_day},
        )

    @classmethod
    def open(cls, path_manifest: Path) -> "Transform":
        """Reads a transform written by :meth:`to_dataset`."""
        dataset = open_product(path_manifest).load()
        pairs = zip(dataset["variable"].values, dataset["level"].values, strict=True)
        return cls(
            channels=tuple(Channel(str(name), int(level) or None) for name, level in pairs),
            coefficients=dataset["coefficients"].values,
            variance=dataset["variance"].values,
            scale=dataset["scale"].values,
            of_year=int(dataset.attrs["harmonics_of_year"]),
            of_day=int(dataset.attrs["harmonics_of_day"]),
            latitude=dataset["latitude"].values,
            longitude=dataset["longitude"].values,
        )
