"""Instruments: where and when each looks during a window, at what, and how well.

An instrument lists what it will observe as rows of the table of observations
(:mod:`galerne.observe.table`) without values: ``time lat lon level variable error platform
station withheld``. Stations and soundings report from fixed sites, at hours of the day
(UTC); a swath has footprints at their own places and times, between the states as well.

Conventions: errors are standard deviations [unit of the variable], levels in hPa.
"""

__all__ = [
    "Draw",
    "Instrument",
    "Soundings",
    "Stations",
    "Swath",
    "instrument",
    "place_observations",
]

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from .correlation import MOST
from .network import SITE_COLUMNS, withhold
from .noise import generator
from .orbit import Orbit
from .table import sort_observations

DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class Draw:
    """What is random about an instrument in a window, apart from the errors.

    Arguments:
        platform: The name of the instrument; its draws are its own.
        withheld_share: Share of sites, or of scan lines, kept for verification only [1].
        seed: Seed of the window.
    """

    platform: str
    withheld_share: float
    seed: int


class Instrument(ABC):
    """Something that observes the atmosphere during a window.

    Attributes:
        levels: Levels [hPa]; none at the surface.
        errors: Error of each variable [its unit].
    """

    levels: Sequence[int]
    errors: Mapping[str, float]
    correlation: Mapping[str, float | None] | None = None

    def blocks(self, rows: pd.DataFrame) -> pd.Series:
        """Names the block of correlated errors that each row belongs to: one look."""
        return rows["station"] + "@" + rows["time"].map(pd.Timestamp.isoformat)

    @abstractmethod
    def looks(
        self, sites: pd.DataFrame, start: np.datetime64, end: np.datetime64, draw: Draw
    ) -> pd.DataFrame:
        """Lists places and times: columns ``time lat lon station withheld``.

        Arguments:
            sites: Its fixed sites, with columns ``station lat lon withheld``, and perhaps
                ``elevation``.
            start: First time of the window.
            end: Last time of the window, included.
            draw: What is random about it.
        """


@dataclass(frozen=True)
class Stations(Instrument):
    """Surface stations.

    Arguments:
        every_hours: Time between reports, counted from 00 UTC [h].
        errors: Error of each surface variable [its unit].
    """

    every_hours: int
    errors: Mapping[str, float]
    levels: ClassVar[tuple[int, ...]] = ()

    def looks(
        self, sites: pd.DataFrame, start: np.datetime64, end: np.datetime64, draw: Draw
    ) -> pd.DataFrame:
        """Every site, at every hour of report."""
        return _at_hours(sites, range(0, 24, self.every_hours), start, end)


@dataclass(frozen=True)
class Soundings(Instrument):
    """Columns at fixed sites and hours; without drift, so every level is at the site.

    Arguments:
        hours: Hours of launch [UTC].
        levels: Reported levels [hPa].
        errors: Error of each variable [its unit].
        correlation: ``log_pressure``: the length by which errors of a sounding are correlated
            in the vertical [1]; ``None``: they are independent.
    """

    hours: Sequence[int]
    levels: Sequence[int]
    errors: Mapping[str, float]
    correlation: Mapping[str, float | None] | None = None

    def looks(
        self, sites: pd.DataFrame, start: np.datetime64, end: np.datetime64, draw: Draw
    ) -> pd.DataFrame:
        """Every site, at every hour of launch."""
        return _at_hours(sites, self.hours, start, end)


@dataclass(frozen=True)
class Swath(Instrument):
    """Footprints below one polar orbiter; whole scan lines are withheld.

    Arguments:
        altitude_km: Height of the orbit [km].
        inclination_degrees: Inclination of the orbit [degrees].
        width_km: Width of the swath on the ground [km].
        across: Footprints in a scan line.
        every_seconds: Time between scan lines [s].
        levels: Observed levels [hPa]; none for surface variables.
        errors: Error of each variable [its unit].
        correlation: ``log_pressure`` [1] and ``km`` [km], or ``None`` of either: the lengths by
            which errors are correlated in the vertical, and across and along the swath, within
            blocks of whole scan lines; ``None``: they are independent.
    """

    altitude_km: float
    inclination_degrees: float
    width_km: float
    across: int
    every_seconds: float
    levels: Sequence[int]
    errors: Mapping[str, float]
    correlation: Mapping[str, float | None] | None = None

    def blocks(self, rows: pd.DataFrame) -> pd.Series:
        """As many scan lines as a block may hold; levels apart where they are independent."""
        apart = self.correlation is None or self.correlation.get("log_pressure") is None
        line = self.across * (1 if apart else max(len(self.levels), 1))
        if line > MOST:
            raise ValueError(f"a scan line has {line} correlated errors; at most {MOST}")
        number = rows["station"].rank(method="dense").astype(int) - 1
        named = (number // (MOST // line)).astype(str)
        return named + "/" + rows["level"].astype(str) if apart else named

    def orbit(self, platform: str) -> Orbit:
        """The orbit; plane and phase follow from the platform's name, for all windows."""
        node, phase = generator(0, "orbit", platform).uniform(0, 360, 2).tolist()
        return Orbit(float(self.altitude_km), float(self.inclination_degrees), node, phase)

    def looks(
        self, sites: pd.DataFrame, start: np.datetime64, end: np.datetime64, draw: Draw
    ) -> pd.DataFrame:
        """Every footprint of every scan line; lines count from the window's start."""
        step = np.timedelta64(round(self.every_seconds * 1e9), "ns")
        times = start + np.arange((end - start) // step + 1) * step
        lat, lon = self.orbit(draw.platform).footprints(
            times, width=float(self.width_km), across=self.across
        )
        rng = generator(draw.seed, "withheld", draw.platform)
        withheld = withhold(len(times), draw.withheld_share, rng)
        line = np.repeat(np.arange(len(times)), self.across)
        return pd.DataFrame(
            {
                "time": times[line],
                "lat": lat.ravel().round(4),
                "lon": lon.ravel().round(4) % 360,
                "station": np.datetime_as_string(times, "ms")[line],
                "withheld": withheld[line],
            }
        )


KINDS: dict[str, type[Instrument]] = {
    "stations": Stations,
    "soundings": Soundings,
    "swath": Swath,
}


def instrument(kind: str, **settings: object) -> Instrument:
    """Makes an instrument of a kind.

    Raises:
        ValueError: If there is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown instrument {kind!r}; allowed: {', '.join(KINDS)}")
    return KINDS[kind](**settings)


def place_observations(
    instruments: Mapping[str, Instrument],
    sites: pd.DataFrame,
    *,
    start: np.datetime64,
    end: np.datetime64,
    withheld_share: float,
    seed: int,
) -> pd.DataFrame:
    """Lists every observation of a network during a window, without values.

    Arguments:
        instruments: Instruments by name.
        sites: The fixed sites of all of them, with columns ``platform station lat lon withheld``.
        start: First time of the window.
        end: Last time of the window, included.
        withheld_share: Share of scan lines kept for verification only [1].
        seed: Seed of the window.

    Returns:
        Rows ``time lat lon station withheld level variable error platform``, sorted, with the
        columns of :mod:`.correlation` if errors are correlated, and ``elevation`` [m] if sites
        have it; none, if no instrument looks during the window.

    Raises:
        ValueError: If too many errors would be correlated.
    """
    found = []
    for platform, one in instruments.items():
        own = sites[sites["platform"] == platform]
        looks = one.looks(own, start, end, Draw(platform, withheld_share, seed))
        found.append(_correlated(_at_levels(looks, one), one).assign(platform=platform))
    return sort_observations(pd.concat(found, ignore_index=True))


def _at_hours(
    sites: pd.DataFrame, hours: Sequence[int], start: np.datetime64, end: np.datetime64
) -> pd.DataFrame:
    midnight = start.astype("datetime64[D]").astype("datetime64[ns]")
    days = midnight + np.arange((end - midnight) // DAY + 1) * DAY
    launches = np.array(sorted(hours), "int64") * np.timedelta64(1, "h")
    times = (days[:, None] + launches).ravel()
    times = pd.DataFrame({"time": times[(times >= start) & (times <= end)]})
    columns = [name for name in SITE_COLUMNS if name in sites and name != "platform"]
    return times.merge(sites[columns], how="cross")


def _correlated(rows: pd.DataFrame, one: Instrument) -> pd.DataFrame:
    """Adds what tells how errors are correlated, if they are."""
    if one.correlation is None:
        return rows
    lengths = {name: one.correlation.get(name) for name in ("log_pressure", "km")}
    lengths = {f"correlation_{k}": np.nan if v is None else v for k, v in lengths.items()}
    return rows.assign(block=one.blocks(rows), **lengths)


def _at_levels(looks: pd.DataFrame, one: Instrument) -> pd.DataFrame:
    levels = pd.DataFrame({"level": np.array(list(one.levels) or [np.nan], float)})
    errors = pd.DataFrame(
        {"variable": list(one.errors), "error": np.array(list(one.errors.values()), float)}
    )
    rows = looks.merge(errors, how="cross").merge(levels, how="cross")
    return rows.astype({"time": "datetime64[ns]", "withheld": bool})
