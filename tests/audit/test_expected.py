"""Mistaken units are named on every level; right ones are left alone."""

import pytest

from galerne.audit.expected import OTHER_UNITS, likely_unit
from galerne.catalogue import VARIABLES

# Global means of ERA5, by level [hPa].
MEANS = {
    "geopotential": {50: 201_000, 300: 89_900, 500: 54_600, 850: 13_900, 1000: 800},
    "temperature": {50: 212, 300: 229, 500: 253, 850: 275, 1000: 281},
    "specific_humidity": {50: 2.6e-6, 300: 1.4e-4, 500: 8.6e-4, 850: 6e-3, 1000: 9.5e-3},
    "2m_temperature": {None: 287},
    "mean_sea_level_pressure": {None: 100_950},
    "total_precipitation_6hr": {None: 6e-4},
}
CASES = [(name, level, float(x)) for name, by in MEANS.items() for level, x in by.items()]


@pytest.mark.parametrize(("name", "level", "mean"), CASES)
def test_the_unit_of_the_catalogue_is_not_doubted(name, level, mean) -> None:
    assert likely_unit(name, level, mean) is None


@pytest.mark.parametrize(("name", "level", "mean"), CASES)
def test_each_other_unit_is_named(name, level, mean) -> None:
    for other, _, factor, offset in OTHER_UNITS[VARIABLES[name].units]:
        named = likely_unit(name, level, (mean - offset) / factor)
        # In the cold both scales of temperature are alike, and neither is kelvin.
        assert named == other or (named and mean < 230 and "temperature" in name)
    assert likely_unit(name, level, -mean) in ("the opposite sign", "degrees Celsius")


def test_variables_without_an_expectation_are_not_judged() -> None:
    assert likely_unit("u_component_of_wind", 500, -1e9) is None
    assert likely_unit("2m_temperature", None, float("nan")) is None
