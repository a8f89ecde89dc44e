r"""Area-weighted mean and standard deviation of each channel, accumulated in one pass.

Blocks are merged with the pairwise update of Chan, Golub and LeVeque (1983), which loses
no precision when the mean is large against the spread (geopotential: 5e4 against 3e3).

Depends on: numpy only.
"""

__all__ = ["Moments"]

from dataclasses import dataclass

import numpy as np

from jaxtyping import Float


@dataclass(frozen=True)
class Moments:
    """Weight, mean and sum of squared deviations of every channel.

    Arguments:
        weight: The total weight [1].
        mean: The weighted means [unit of each channel].
        deviation: The weighted sums of squared deviations [unit squared].

    References:
        | Algorithms for Computing the Sample Variance (Chan et al., 1983)
        | https://doi.org/10.1080/00031305.1983.10483115
    """

    weight: float
    mean: Float[np.ndarray, "channel"]
    deviation: Float[np.ndarray, "channel"]

    @classmethod
    def of(
        cls, x: Float[np.ndarray, "time channel lat lon"], areas: Float[np.ndarray, "lat"]
    ) -> "Moments":
        """Computes the moments of one block.

        Arguments:
            x: The values [unit of each channel].
            areas: The share of the sphere of each latitude row [1], summing to one.
        """
        x = x.astype(np.float64)
        weights = areas[:, None] / x.shape[-1]
        mean = np.einsum("tcij,ij->c", x, np.broadcast_to(weights, x.shape[-2:])) / len(x)
        gaps = x - mean[:, None, None]
        deviation = np.einsum(
            "tcij,tcij,ij->c", gaps, gaps, np.broadcast_to(weights, x.shape[-2:])
        )
        return cls(float(len(x)), mean, deviation)

    def __add__(self, other: "Moments") -> "Moments":
        total = self.weight + other.weight
        gap = other.mean - self.mean
        return Moments(
            weight=total,
            mean=self.mean + gap * (other.weight / total),
            deviation=self.deviation
            + other.deviation
            + gap**2 * (self.weight * other.weight / total),
        )

    @property
    def std(self) -> Float[np.ndarray, "channel"]:
        """The weighted (population) standard deviations [unit of each channel]."""
        return (self.deviation / self.weight) ** 0.5
