"""Imbalances of states whose balance is known."""

import numpy as np
import pytest

from galerne.audit.balance import RADIUS, ROTATION
from galerne.catalogue import channels
from galerne.evaluate.balance import imbalances
from galerne.grid.latlon import equiangular
from galerne.source.vertical import GAS_CONSTANT

LATITUDE, LONGITUDE = equiangular(64, 128, poles=False)
WINDS = channels([], ["u_component_of_wind", "v_component_of_wind", "geopotential"], [500])


def turning(speed) -> np.ndarray:
    """A solid rotation and the geopotential that is in geostrophic balance with it."""
    sine = np.sin(np.deg2rad(LATITUDE))[:, None] * np.ones(128)
    cosine = np.cos(np.deg2rad(LATITUDE))[:, None] * np.ones(128)
    phi = -ROTATION * RADIUS * speed * sine**2
    return np.stack([speed * cosine, 0 * cosine, phi])


def test_a_geostrophic_wind_has_no_imbalance_and_a_turned_one_has() -> None:
    balanced = turning(20.0)
    found = imbalances(balanced, WINDS, LATITUDE, LONGITUDE)
    assert found["geostrophic", "1", 500.0] < 0.01
    turned = balanced[[1, 0, 2]]
    found = imbalances(turned, WINDS, LATITUDE, LONGITUDE)
    assert found["geostrophic", "1", 500.0] == pytest.approx(np.sqrt(2), abs=0.02)


def test_an_isothermal_column_is_hydrostatic_and_a_warmer_one_is_off_by_as_much() -> None:
    state = channels([], ["geopotential", "temperature"], [500, 700, 850])
    levels = np.array([500.0, 700.0, 850.0])
    phi = -GAS_CONSTANT * 260 * np.log(levels / 1000)
    column = np.concatenate([phi, [260.0] * 3])
    fields = np.broadcast_to(column[:, None, None], (2, 6, 64, 128)).copy()
    fields[1, 3:] += 2.0
    found = imbalances(fields, state, LATITUDE, LONGITUDE)
    for level in (500.0, 700.0):
        np.testing.assert_allclose(found["hydrostatic", "K", level], [0, 2], atol=1e-2)
    assert ("hydrostatic", "K", 850.0) not in found


def test_humidity_counts_where_there_is_any() -> None:
    state = channels([], ["geopotential", "temperature", "specific_humidity"], [500, 850])
    virtual = 260 * (1 + 0.608 * 0.01)
    phi = -GAS_CONSTANT * virtual * np.log(np.array([500.0, 850.0]) / 1000)
    column = np.concatenate([phi, [260.0] * 2, [0.01] * 2])
    fields = np.broadcast_to(column[:, None, None], (6, 64, 128))
    found = imbalances(fields, state, LATITUDE, LONGITUDE)
    assert float(found["hydrostatic", "K", 500.0]) == pytest.approx(0, abs=1e-2)


def test_mass_is_the_global_mean_of_surface_pressure_or_of_what_stands_for_it() -> None:
    state = channels(["mean_sea_level_pressure", "surface_pressure"], [], [])
    fields = np.stack([np.full((64, 128), 1e5), np.full((64, 128), 9e4)])
    fields[:, :32] += 200
    both = imbalances(fields, state, LATITUDE, LONGITUDE)
    (key,) = both
    assert key[:2] == ("mass", "Pa")
    assert both[key] == pytest.approx(9e4 + 100)
    (alone,) = imbalances(fields[:1], state[:1], LATITUDE, LONGITUDE).values()
    assert alone == pytest.approx(1e5 + 100)


def test_states_without_such_variables_have_no_imbalance() -> None:
    state = channels(["2m_temperature"], ["temperature"], [500])
    assert imbalances(np.zeros((2, 64, 128)), state, LATITUDE, LONGITUDE) == {}
