"""ERA5 variables: what each is called, measured in, and allowed to be.

Names are those of WeatherBench2 (the long names of the ECMWF parameter database in snake
case); short names are those of GRIB and of the Copernicus netCDF files. The physical range
is wide enough for any real state and for a global model, and narrow enough to catch a wrong
unit: geopotential height instead of geopotential, hPa instead of Pa, °C instead of K.

Depends on: nothing but the standard library.
"""

__all__ = [
    "DERIVED",
    "ELEVATIONS",
    "MEAN_RADIUS",
    "STATIC",
    "VARIABLES",
    "Channel",
    "Derived",
    "Variable",
    "channels",
    "variable",
]

from dataclasses import dataclass

MEAN_RADIUS = 6_371.0  # of the Earth [km], IUGG, rounded
ELEVATIONS = (-500.0, 9_000.0)  # of any place on land [m]


@dataclass(frozen=True)
class Variable:
    """An ERA5 variable.

    Arguments:
        name: The WeatherBench2 name.
        short_name: The GRIB short name.
        units: The CF unit of the values.
        standard_name: The CF standard name.
        on_levels: Whether the variable lives on pressure levels.
        minimum: The least plausible value [units].
        maximum: The greatest plausible value [units].
        label: A short label for figures.
        masked: Whether the variable is undefined in places (NaN), such as over land.
        northward: For an eastward component of a wind, the name of the northward one.
    """

    name: str
    short_name: str
    units: str
    standard_name: str
    on_levels: bool
    minimum: float
    maximum: float
    label: str
    masked: bool = False
    northward: str | None = None


@dataclass(frozen=True)
class Derived(Variable):
    """A variable that instruments see and that follows from others of the state.

    Arguments:
        inputs: The variables it follows from: one, or both components of a wind.
    """

    inputs: tuple[str, ...] = ()


_ROWS = (
    Variable("geopotential", "z", "m**2 s**-2", "geopotential", True, -1e4, 5e5, "Z"),
    Variable("temperature", "t", "K", "air_temperature", True, 150.0, 350.0, "T"),
    Variable(
        "u_component_of_wind",
        "u",
        "m s**-1",
        "eastward_wind",
        True,
        -200.0,
        200.0,
        "U",
        northward="v_component_of_wind",
    ),
    Variable("v_component_of_wind", "v", "m s**-1", "northward_wind", True, -200.0, 200.0, "V"),
    Variable("specific_humidity", "q", "kg kg**-1", "specific_humidity", True, -1e-3, 0.05, "Q"),
    Variable("vorticity", "vo", "s**-1", "atmosphere_relative_vorticity", True, -0.01, 0.01, "VO"),
    Variable("2m_temperature", "2t", "K", "air_temperature", False, 170.0, 345.0, "T2M"),
    Variable(
        "vertical_velocity",
        "w",
        "Pa s**-1",
        "lagrangian_tendency_of_air_pressure",
        True,
        -100.0,
        100.0,
        "W",
    ),
    Variable(
        "10m_u_component_of_wind",
        "10u",
        "m s**-1",
        "eastward_wind",
        False,
        -90.0,
        90.0,
        "U10",
        northward="10m_v_component_of_wind",
    ),
    Variable(
        "10m_v_component_of_wind", "10v", "m s**-1", "northward_wind", False, -90.0, 90.0, "V10"
    ),
    Variable(
        "mean_sea_level_pressure",
        "msl",
        "Pa",
        "air_pressure_at_mean_sea_level",
        False,
        85_000.0,
        110_000.0,
        "MSLP",
    ),
    Variable(
        "total_precipitation_6hr",
        "tp",
        "m",
        "lwe_thickness_of_precipitation_amount",
        False,
        -1e-6,
        1.0,
        "TP6h",
    ),
    Variable(
        "2m_dewpoint_temperature",
        "2d",
        "K",
        "dew_point_temperature",
        False,
        150.0,
        320.0,
        "D2M",
    ),
    Variable(
        "surface_pressure", "sp", "Pa", "surface_air_pressure", False, 40_000.0, 110_000.0, "SP"
    ),
    Variable(
        "total_column_water_vapour",
        "tcwv",
        "kg m**-2",
        "atmosphere_mass_content_of_water_vapor",
        False,
        -0.1,
        150.0,
        "TCWV",
    ),
    Variable("total_cloud_cover", "tcc", "1", "cloud_area_fraction", False, -1e-3, 1.001, "TCC"),
    Variable(
        "sea_surface_temperature",
        "sst",
        "K",
        "sea_surface_temperature",
        False,
        265.0,
        315.0,
        "SST",
        masked=True,
    ),
    Variable(
        "sea_ice_cover",
        "ci",
        "1",
        "sea_ice_area_fraction",
        False,
        -1e-3,
        1.001,
        "SIC",
        masked=True,
    ),
)

VARIABLES: dict[str, Variable] = {row.name: row for row in _ROWS}

STATIC: dict[str, Variable] = {
    "land_sea_mask": Variable(
        "land_sea_mask", "lsm", "1", "land_area_fraction", False, -1e-3, 1.001, "LSM"
    ),
    "geopotential_at_surface": Variable(
        "geopotential_at_surface",
        "z",
        "m**2 s**-2",
        "surface_geopotential",
        False,
        -1e4,
        1e5,
        "ZS",
    ),
}

_DERIVED = (
    Derived(
        "10m_wind_speed", "10si", "m s**-1", "wind_speed", False, 0.0, 130.0, "WS10",
        inputs=("10m_u_component_of_wind", "10m_v_component_of_wind"),
    ),
    Derived(
        "wind_speed", "ws", "m s**-1", "wind_speed", True, 0.0, 280.0, "WS",
        inputs=("u_component_of_wind", "v_component_of_wind"),
    ),
    Derived(
        "layer_thickness", "thick", "m",
        "atmosphere_layer_thickness_expressed_as_geopotential_height_difference",
        True, 0.0, 2e4, "DZ", inputs=("geopotential",),
    ),
    Derived(
        "total_column_water_vapour", "tcwv", "kg m**-2",
        "atmosphere_mass_content_of_water_vapor", False, -0.1, 150.0, "TCWV",
        inputs=("specific_humidity",),
    ),
    Derived(
        "brightness_temperature", "btmp", "K", "brightness_temperature", True, 150.0, 350.0, "TB",
        inputs=("temperature",),
    ),
)  # fmt: skip

# What networks can observe besides the variables of the state (galerne.observe.derived).
DERIVED: dict[str, Derived] = {row.name: row for row in _DERIVED}


def variable(name: str) -> Variable:
    """Returns the variable of this name.

    Raises:
        ValueError: If the catalogue has no such variable.

    Example:
        >>> variable("2m_temperature").units
        'K'
    """
    if name not in VARIABLES:
        raise ValueError(f"unknown variable {name!r}; allowed: {', '.join(VARIABLES)}")
    return VARIABLES[name]


@dataclass(frozen=True)
class Channel:
    """One horizontal field of the state: a variable, and its level if it has one.

    Arguments:
        variable: The WeatherBench2 name.
        level: The pressure level [hPa], or ``None`` at the surface.

    Example:
        >>> str(Channel("geopotential", 500))
        'geopotential_500'
    """

    variable: str
    level: int | None = None

    def __str__(self) -> str:
        return self.variable if self.level is None else f"{self.variable}_{self.level}"

    @property
    def label(self) -> str:
        """A short label for figures, such as ``Z500``."""
        return VARIABLES[self.variable].label + ("" if self.level is None else str(self.level))


def channels(surface: list[str], pressure: list[str], levels: list[int]) -> tuple[Channel, ...]:
    """Lists the channels of a state: surface variables first, then each variable by level.

    Arguments:
        surface: Names of surface variables.
        pressure: Names of variables on pressure levels.
        levels: The levels of every pressure variable [hPa].

    Raises:
        ValueError: If a name is unknown or is of the other kind.

    Example:
        >>> [str(c) for c in channels(["2m_temperature"], ["geopotential"], [500, 850])]
        ['2m_temperature', 'geopotential_500', 'geopotential_850']
    """
    for name, on_levels in [(n, False) for n in surface] + [(n, True) for n in pressure]:
        if variable(name).on_levels != on_levels:
            kind = "lives on pressure levels" if not on_levels else "has no pressure levels"
            raise ValueError(f"variable {name!r} {kind}")
    columns = tuple(Channel(name, level) for name in pressure for level in levels)
    return tuple(Channel(name) for name in surface) + columns
