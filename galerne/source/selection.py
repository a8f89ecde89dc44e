"""What is wanted of a source: variables, levels and times.

Both sources take a :class:`Selection` and return the same labelled dataset; what each needs
besides (a path, or a seed and a truncation) are keyword arguments of its own.

Conventions: levels in hPa ascending, times in UTC, both ends included.
"""

__all__ = ["Selection"]

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..catalogue import Channel, channels


@dataclass(frozen=True)
class Selection:
    """Variables, levels and times.

    Arguments:
        surface: Names of surface variables.
        pressure: Names of variables on pressure levels.
        levels: The levels of every pressure variable [hPa].
        start: The first time (ISO 8601, UTC).
        end: The last time (ISO 8601, UTC), included.
        step_hours: The time between states [h].

    Raises:
        ValueError: If a variable is unknown, nothing is selected, or ``end`` is before
            ``start`` or not a whole number of steps after it.

    Example:
        >>> selection = Selection(("2m_temperature",), (), (), "2001-01-01", "2001-01-02", 6)
        >>> len(selection.times)
        5
    """

    surface: Sequence[str]
    pressure: Sequence[str]
    levels: Sequence[int]
    start: str
    end: str
    step_hours: int

    def __post_init__(self) -> None:
        if not self.channels:
            raise ValueError("nothing is selected: name surface or pressure variables")
        length = np.datetime64(self.end, "ns") - np.datetime64(self.start, "ns")
        if length < np.timedelta64(0) or length % self.step:
            raise ValueError(
                f"end {self.end} must lie a whole number of steps of {self.step_hours} h "
                f"after start {self.start}"
            )

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels of a state."""
        return channels(list(self.surface), list(self.pressure), sorted(self.levels))

    @property
    def step(self) -> np.timedelta64:
        """The time between states."""
        return np.timedelta64(self.step_hours, "h").astype("timedelta64[ns]")

    @property
    def times(self) -> np.ndarray:
        """Every time of the period."""
        start, end = np.datetime64(self.start, "ns"), np.datetime64(self.end, "ns")
        return np.arange(start, end + self.step, self.step)
