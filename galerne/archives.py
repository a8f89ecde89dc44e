"""Public archives of ERA5: where each lies, what it holds, and the stretches it is fetched in.

One table for the stores of WeatherBench 2 and ARCO-ERA5 (public buckets of Google Cloud, read
without an account) and one for the collections of the Copernicus climate data store. Both are
as published; what a store holds today stands in its own metadata, which are read before
anything is fetched.

References:
    | WeatherBench 2, data guide
    | https://weatherbench2.readthedocs.io/en/latest/data-guide.html
    | ARCO-ERA5, README
    | https://github.com/google-research/arco-era5
    | ERA5 hourly data on single and on pressure levels, Copernicus climate data store
    | https://cds.climate.copernicus.eu/datasets/reanalysis-era5-pressure-levels

Conventions: times in UTC, both ends included.
Depends on: nothing but the standard library.
"""

__all__ = [
    "ARCO_ERA5",
    "COLLECTIONS",
    "GOOGLE",
    "WEATHERBENCH2",
    "Store",
    "known_store",
    "stretch_times",
    "stretches",
]

import re

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

GOOGLE = "https://storage.googleapis.com"  # where a gs:// address is read without an account
LEVELS_13 = (50, 100, 150, 200, 250, 300, 400, 500, 600, 700, 850, 925, 1000)
LEVELS_37 = (
    *(1, 2, 3, 5, 7, 10, 20, 30, 50, 70, 100, 125, 150, 175, 200, 225, 250, 300, 350, 400, 450),
    *(500, 550, 600, 650, 700, 750, 775, 800, 825, 850, 875, 900, 925, 950, 975, 1000),
)
Unit = Literal["month", "year"]


@dataclass(frozen=True)
class Store:
    """One Zarr store of an archive.

    Arguments:
        bucket: The bucket of Google Cloud storage.
        path: The path within the bucket.
        latitudes: Rows of the grid.
        longitudes: Columns of the grid.
        poles: Whether the first and last row lie on the poles.
        step_hours: Time between states [h].
        levels: Pressure levels [hPa].
        first: The first time.
        last: The last time; ``None`` where the archive grows.
        unit: What one job fetches; a month where one time is a chunk of its own, a year where
            chunks hold weeks.
    """

    bucket: str
    path: str
    latitudes: int
    longitudes: int
    poles: bool
    step_hours: int
    levels: tuple[int, ...]
    first: datetime
    last: datetime | None
    unit: Unit

    @property
    def url(self) -> str:
        """The published address."""
        return f"gs://{self.bucket}/{self.path}"

    def address(self, endpoint: str | None) -> str:
        """The address it is read from: Google's, or a mirror's with the same buckets and paths."""
        return f"{(endpoint or GOOGLE).rstrip('/')}/{self.bucket}/{self.path}"


def _weatherbench2(name: str, *grid: int | bool, unit: Unit, hourly: bool = False) -> Store:
    latitudes, longitudes, poles = grid
    return Store(
        bucket="weatherbench2",
        path=f"datasets/era5/1959-2023_01_10-{name}.zarr",
        latitudes=latitudes,
        longitudes=longitudes,
        poles=bool(poles),
        step_hours=1 if hourly else 6,
        levels=LEVELS_37 if hourly else LEVELS_13,
        first=datetime(1959, 1, 1),
        last=datetime(2023, 1, 10, 23 if hourly else 18),
        unit=unit,
    )


# Chunks as published: 100 times of 64 x 32 with all levels; one time of 1440 x 721 with all.
WEATHERBENCH2 = {
    "64x32_equiangular_conservative": _weatherbench2(
        "6h-64x32_equiangular_conservative", 32, 64, False, unit="year"
    ),
    "240x121_equiangular_with_poles_conservative": _weatherbench2(
        "6h-240x121_equiangular_with_poles_conservative", 121, 240, True, unit="month"
    ),
    "1440x721": _weatherbench2(
        "wb13-6h-1440x721_with_derived_variables", 721, 1440, True, unit="month"
    ),
    "full_37-1h-0p25deg": _weatherbench2(
        "full_37-1h-0p25deg-chunk-1", 721, 1440, True, unit="month", hourly=True
    ),
}
# A chunk holds one time of one variable with all 37 levels (154 MB before compression). The
# time axis is padded from 1900 to 2050; attributes of the store say where the data end, and
# since when they are preliminary (ERA5T).
ARCO_ERA5 = {
    "full_37-1h-0p25deg": Store(
        bucket="gcp-public-data-arco-era5",
        path="ar/full_37-1h-0p25deg-chunk-1.zarr-v3",
        latitudes=721,
        longitudes=1440,
        poles=True,
        step_hours=1,
        levels=LEVELS_37,
        first=datetime(1940, 1, 1),
        last=None,
        unit="month",
    )
}
KNOWN = {"weatherbench2": WEATHERBENCH2, "arco_era5": ARCO_ERA5}
COLLECTIONS = {
    "surface": "reanalysis-era5-single-levels",
    "pressure": "reanalysis-era5-pressure-levels",
}


def known_store(kind: str, name: str) -> Store:
    """Returns a store of the table.

    Raises:
        ValueError: If the archive has no such store, with those it has.

    Example:
        >>> known_store("arco_era5", "full_37-1h-0p25deg").url
        'gs://gcp-public-data-arco-era5/ar/full_37-1h-0p25deg-chunk-1.zarr-v3'
    """
    if name not in KNOWN[kind]:
        raise ValueError(f"{kind} has no store {name!r}; known: {', '.join(KNOWN[kind])}")
    return KNOWN[kind][name]


def stretches(start: datetime, end: datetime, step_hours: int, unit: Unit) -> list[str]:
    """Names the stretches that a period is fetched in: whole months or years, and what is left.

    Arguments:
        start: The first time.
        end: The last time, included.
        step_hours: The time between states [h].
        unit: ``month`` or ``year``.

    Example:
        >>> stretches(datetime(2001, 1, 30), datetime(2001, 3, 1), 12, "month")
        ['20010130T00-20010131T12', '200102', '20010301T00-20010301T00']
    """
    step, phase = timedelta(hours=step_hours), start.hour % step_hours
    names, time = [], start
    while time <= end:
        name = f"{time:%Y%m}" if unit == "month" else f"{time:%Y}"
        first, last = _ends(name, step_hours, phase)
        until = min(last, end - (end - start) % step)
        whole = time == first and until == last
        names.append(name if whole else f"{time:%Y%m%dT%H}-{until:%Y%m%dT%H}")
        time = until + step
    return names


def stretch_times(name: str, step_hours: int, phase: int) -> tuple[datetime, datetime]:
    """The first and last time of a stretch.

    Arguments:
        name: As of :func:`stretches`.
        step_hours: The time between states [h].
        phase: The hour of the day of the first state, modulo the step [h].
    """
    if "-" in name:
        first, last = (datetime.strptime(part, "%Y%m%dT%H") for part in name.split("-"))
        return first, last
    return _ends(name, step_hours, phase)


def _ends(name: str, step_hours: int, phase: int) -> tuple[datetime, datetime]:
    """The first and last time of a month or a year; steps divide the day."""
    if not re.fullmatch(r"\d{4}(\d{2})?", name):
        raise ValueError(f"{name!r} is no stretch: 2001, 200101 or 20010101T00-20010102T18")
    year, month = int(name[:4]), int(name[4:] or 1)
    after = datetime(year + 1, 1, 1) if len(name) == 4 or month == 12 else None
    after = after or datetime(year, month + 1, 1)
    return (
        datetime(year, month, 1, phase),
        after - timedelta(hours=step_hours) + timedelta(hours=phase),
    )
