r"""Global means to be expected, and the units and signs that a field may be in by mistake.

Some wrong units leave the physical range (temperature in °C); others stay within (geopotential
height in metres). So the global mean of a record is compared with a rough expectation, of the
US Standard Atmosphere 1976 for temperature and geopotential, in the catalogue's unit and in
those usual elsewhere: where one of these fits much better, it is named.

Depends on: numpy only.
"""

__all__ = ["OTHER_UNITS", "likely_unit"]

from collections.abc import Callable

import numpy as np

from ..catalogue import VARIABLES
from ..source.vertical import GRAVITY

# unit of the catalogue -> other units: name, spellings, factor and offset to the catalogue's
OTHER_UNITS: dict[str, list[tuple[str, tuple[str, ...], float, float]]] = {
    "K": [
        ("degrees Celsius", ("degc", "c", "celsius", "deg_c", "°c", "degree_celsius"), 1, 273.15),
        ("degrees Fahrenheit", ("degf", "f", "fahrenheit", "°f"), 5 / 9, 255.372),
    ],
    "Pa": [("hectopascals", ("hpa", "mbar", "mb", "millibars"), 100, 0)],
    "m**2 s**-2": [
        ("metres of geopotential height", ("m", "gpm", "metres", "meters"), GRAVITY, 0),
        ("decametres of geopotential height", ("dam", "gpdam"), 10 * GRAVITY, 0),
    ],
    "m": [("millimetres", ("mm", "kgm-2", "kg/m2"), 1e-3, 0)],
    "kg kg**-1": [("grams per kilogram", ("gkg-1", "g/kg"), 1e-3, 0)],
    "m s**-1": [
        ("knots", ("kt", "kts", "knots", "knot"), 0.514444, 0),
        ("kilometres per hour", ("kmh-1", "km/h"), 1 / 3.6, 0),
    ],
}
MARGIN = np.log(1.5)  # by which another unit must fit better


def _standard_height(level: float) -> float:
    """The height of a pressure [hPa] in the standard atmosphere [m]."""
    if level >= 226.32:
        return 44_330.8 * (1 - (level / 1013.25) ** 0.190263)
    return 11_000 + 6_341.6 * float(np.log(226.32 / level))


# Climatological global means; humidity falls by three orders of magnitude and is known to a few.
_EXPECTED: dict[str, Callable[[float], float]] = {
    "geopotential": lambda level: GRAVITY * _standard_height(level),
    "temperature": lambda level: max(288.15 * (level / 1013.25) ** 0.190263, 216.65),
    "specific_humidity": lambda level: max(0.0105 * (level / 1000) ** 3, 2.5e-6),
    "2m_temperature": lambda _: 288.0,
    "sea_surface_temperature": lambda _: 291.0,
    "mean_sea_level_pressure": lambda _: 101_100.0,
    "surface_pressure": lambda _: 98_500.0,
    "total_precipitation_6hr": lambda _: 7e-4,
}


def likely_unit(variable: str, level: int | None, mean: float) -> str | None:
    """Names the unit, or the sign, in which a global mean would be as expected.

    Arguments:
        variable: The variable.
        level: Its level [hPa], or nothing.
        mean: Its global mean, in the catalogue's unit if all is well.

    Returns:
        The name of another unit, or nothing if the catalogue's fits about as well.

    Example:
        >>> likely_unit("geopotential", 500, 5574.0)
        'metres of geopotential height'
        >>> likely_unit("geopotential", 500, 54600.0)
    """
    if variable not in _EXPECTED or not np.isfinite(mean):
        return None
    expected = _EXPECTED[variable](float(level or 0))
    units = [
        (name, factor, offset)
        for name, _, factor, offset in OTHER_UNITS.get(VARIABLES[variable].units, [])
    ]
    units.append(("the opposite sign", -1, 0))

    def misfit(value: float) -> float:
        return abs(np.log(value / expected)) if value > 0 else np.inf

    name, best = min(
        ((name, misfit(mean * factor + offset)) for name, factor, offset in units),
        key=lambda pair: pair[1],
    )
    return name if best + MARGIN < misfit(mean) else None
