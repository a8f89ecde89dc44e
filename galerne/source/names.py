"""What archives call the variables and coordinates that are known here.

Names may be those of WeatherBench 2, of GRIB, or of the Copernicus netCDF files. ERA5's ``tp``
is the precipitation of one hour, so it is not taken for ``total_precipitation_6hr``; that one
is known by its long name only.
"""

__all__ = ["COORDINATES", "SURFACE_GEOPOTENTIAL", "known_name", "possible_names"]

from ..catalogue import STATIC, VARIABLES

SURFACE_GEOPOTENTIAL = "geopotential_at_surface"
COORDINATES = {
    "valid_time": "time",
    "isobaricInhPa": "level",
    "pressure_level": "level",
    "plev": "level",
    "lat": "latitude",
    "lon": "longitude",
}

_SHORT = {v.short_name: v.name for v in VARIABLES.values() if v.short_name != "tp"}
_NAMES = _SHORT | {
    "t2m": "2m_temperature",
    "d2m": "2m_dewpoint_temperature",
    "siconc": "sea_ice_cover",
    "u10": "10m_u_component_of_wind",
    "v10": "10m_v_component_of_wind",
    "lsm": "land_sea_mask",
}


def known_name(name: str, *, on_levels: bool) -> str | None:
    """Returns the name used here of a variable in an archive; ``None`` for any other.

    Arguments:
        name: Its name in the archive.
        on_levels: Whether it has a dimension of pressure levels.

    Example:
        >>> known_name("z", on_levels=False)
        'geopotential_at_surface'
    """
    long = _NAMES.get(name, name)
    if long == "geopotential" and not on_levels:
        long = SURFACE_GEOPOTENTIAL
    return long if long in VARIABLES or long in STATIC else None


def possible_names(name: str) -> list[str]:
    """Every name that an archive may have for a variable known here, the long one first.

    Example:
        >>> possible_names("2m_temperature")
        ['2m_temperature', '2t', 't2m']
    """
    other = "geopotential" if name == SURFACE_GEOPOTENTIAL else name
    return list(dict.fromkeys([name, other, *(s for s, long in _NAMES.items() if long == other)]))
