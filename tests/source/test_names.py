"""Tests of names: those of every archive lead to one."""

import pytest

from galerne.catalogue import STATIC, VARIABLES
from galerne.source.names import known_name, possible_names


@pytest.mark.parametrize("name", [*VARIABLES, *STATIC])
def test_every_possible_name_leads_back(name) -> None:
    on_levels = name in VARIABLES and VARIABLES[name].on_levels
    for other in possible_names(name):
        assert known_name(other, on_levels=on_levels) == name


def test_geopotential_of_the_ground_is_told_by_its_dimensions() -> None:
    assert known_name("z", on_levels=True) == "geopotential"
    assert known_name("geopotential", on_levels=False) == "geopotential_at_surface"


def test_what_is_not_known_has_no_name() -> None:
    assert known_name("divergence", on_levels=True) is None
    assert known_name("tp", on_levels=False) is None
