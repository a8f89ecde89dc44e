"""Variables have one name, one unit, and a range that tells units apart."""

import pytest

from galerne.catalogue import STATIC, VARIABLES, Channel, channels, variable

# Typical values in the unit of the catalogue, and what the same value reads in a wrong unit.
TYPICAL = {
    "geopotential": 54_000.0,  # m2/s2 at 500 hPa
    "temperature": 255.0,  # K
    "specific_humidity": 0.004,  # kg/kg
    "2m_temperature": 288.0,  # K
    "mean_sea_level_pressure": 101_325.0,  # Pa
    "surface_pressure": 55_000.0,  # Pa, over Tibet
    "sea_surface_temperature": 271.4,  # K, where sea water freezes
}
MISREAD = {
    "temperature": -18.0,  # degrees Celsius
    "specific_humidity": 4.0,  # g/kg
    "2m_temperature": 15.0,  # degrees Celsius
    "mean_sea_level_pressure": 1013.25,  # hPa
    "surface_pressure": 985.0,  # hPa
    "sea_surface_temperature": 18.0,  # degrees Celsius
    "total_cloud_cover": 70.0,  # %
    "total_precipitation_6hr": 12.0,  # mm
}


@pytest.mark.parametrize("name", VARIABLES)
def test_rows_are_filed_under_their_names_with_a_sound_range(name: str) -> None:
    row = VARIABLES[name]
    assert row.name == name
    assert row.minimum < row.maximum
    assert row.units
    assert row.standard_name
    assert row.label


def test_short_names_and_labels_are_unique_among_their_kind() -> None:
    for field in ("short_name", "label", "standard_name"):
        keys = [(getattr(row, field), row.on_levels) for row in VARIABLES.values()]
        if field != "standard_name":
            assert len(set(keys)) == len(keys)
    assert not set(STATIC) & set(VARIABLES)


def test_each_eastward_wind_has_its_northward_one() -> None:
    pairs = {row.name: row.northward for row in VARIABLES.values() if row.northward}
    assert set(pairs) == {
        row.name for row in VARIABLES.values() if row.standard_name == "eastward_wind"
    }
    for east, north in pairs.items():
        assert VARIABLES[north].standard_name == "northward_wind"
        assert VARIABLES[north].on_levels == VARIABLES[east].on_levels


def test_what_is_defined_over_the_sea_alone_is_masked() -> None:
    masked = {row.name for row in VARIABLES.values() if row.masked}
    assert masked == {"sea_surface_temperature", "sea_ice_cover"}


@pytest.mark.parametrize(("name", "value"), TYPICAL.items())
def test_typical_values_are_allowed(name: str, value: float) -> None:
    assert VARIABLES[name].minimum <= value <= VARIABLES[name].maximum


@pytest.mark.parametrize(("name", "value"), MISREAD.items())
def test_values_in_a_wrong_unit_are_not(name: str, value: float) -> None:
    assert not VARIABLES[name].minimum <= value <= VARIABLES[name].maximum


def test_unknown_variable_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(ValueError, match=r"unknown variable 't2m'; allowed: .*2m_temperature"):
        variable("t2m")


def test_channels_list_surface_first_then_variables_by_level() -> None:
    found = channels(["2m_temperature"], ["geopotential", "temperature"], [850, 500])
    assert [str(channel) for channel in found] == [
        *("2m_temperature", "geopotential_850", "geopotential_500"),
        *("temperature_850", "temperature_500"),
    ]
    assert found[1] == Channel("geopotential", 850)
    assert found[2].label == f"{VARIABLES['geopotential'].label}500"
    assert found[0].label == VARIABLES["2m_temperature"].label


@pytest.mark.parametrize(
    ("surface", "pressure", "message"),
    [
        (["temperature"], [], "'temperature' lives on pressure levels"),
        ([], ["2m_temperature"], "'2m_temperature' has no pressure levels"),
        (["2m_temprature"], [], "unknown variable '2m_temprature'"),
    ],
)
def test_variables_of_the_other_kind_are_refused(
    surface: list[str], pressure: list[str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        channels(surface, pressure, [500])
