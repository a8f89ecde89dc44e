r"""A smooth climatology: harmonics of the day of year and the hour of day at every point.

.. math:: c(\tau) = \sum_k \beta_k \, \phi_k(\tau), \qquad
    \phi = \left( 1, \cos \omega_y \tau, \sin \omega_y \tau, \dots,
    \cos \omega_d \tau, \sin \omega_d \tau, \dots \right)

with :math:`\omega_y` one turn per tropical year and :math:`\omega_d` one per day. The
coefficients solve the normal equations :math:`(\Phi^T \Phi) \beta = \Phi^T x`, whose two sides
are sums over time: the record is read once, block by block.

What the climatology leaves is livelier in winter. The zonal mean of its square is fitted by
the same harmonics, :math:`v(\tau) = \gamma \cdot \phi(\tau)` for every channel and latitude.

Conventions: times are UTC; longitude is left to the coefficients.
Depends on: numpy only.
"""

__all__ = ["HarmonicFit", "harmonics"]

import numpy as np

from jaxtyping import Float

YEAR_HOURS = 365.2422 * 24  # tropical year [h]
EPOCH = np.datetime64("2000-01-01T00", "ns")


def harmonics(times: np.ndarray, of_year: int, of_day: int) -> Float[np.ndarray, "time term"]:
    """Evaluates the harmonics at some times.

    Arguments:
        times: Times (UTC), datetime64, shape (time,).
        of_year: Number of harmonics of the day of year.
        of_day: Number of harmonics of the hour of day.

    Returns:
        The constant one, then cosine and sine of each harmonic [1].

    Example:
        >>> harmonics(np.array(["2000-01-01T06"], "datetime64[ns]"), 0, 1).round(6)
        array([[1., 0., 1.]])
    """
    hours = (times.astype("datetime64[ns]") - EPOCH) / np.timedelta64(1, "h")
    turns = [k * hours / YEAR_HOURS for k in range(1, of_year + 1)]
    turns += [k * hours / 24 for k in range(1, of_day + 1)]
    terms = [np.ones(len(times))]
    for turn in turns:
        terms += [np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn)]
    return np.stack(terms, axis=-1)


class HarmonicFit:
    """Accumulates the normal equations of the harmonics of some fields.

    Arguments:
        of_year: Number of harmonics of the day of year.
        of_day: Number of harmonics of the hour of day.
    """

    def __init__(self, of_year: int, of_day: int) -> None:
        self.of_year, self.of_day = of_year, of_day
        terms = 1 + 2 * (of_year + of_day)
        self.gram = np.zeros((terms, terms))
        self.cross: np.ndarray | float = 0.0
        self.count = 0

    def add(self, x: Float[np.ndarray, "time *field"], times: np.ndarray) -> None:
        """Adds a block of fields at their times (UTC)."""
        phi = harmonics(times, self.of_year, self.of_day)
        self.gram += phi.T @ phi
        self.cross = self.cross + np.tensordot(phi.T, x.astype(np.float64), axes=1)
        self.count += len(times)

    def solve(self) -> Float[np.ndarray, "term *field"]:
        """Solves for the coefficients [unit of the fields].

        Raises:
            ValueError: If the record is too short to tell the harmonics apart.
        """
        condition = np.linalg.cond(self.gram / max(self.count, 1))
        if condition > 1e4:
            raise ValueError(
                f"{self.count} training times cannot tell {self.of_year} harmonics of the year "
                f"and {self.of_day} of the day apart (condition number {condition:.0e}); "
                "use fewer in climatology, or a longer training period"
            )
        beta = np.linalg.solve(self.gram, self.cross.reshape(len(self.gram), -1))
        return beta.reshape(self.cross.shape)
