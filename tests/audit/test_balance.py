"""Balances that hold by construction, and break when a field is turned."""

import numpy as np
import pytest

from galerne.audit.balance import (
    coarsened,
    divergent_share,
    fit_of_vorticity,
    fit_of_winds,
    thickness_error,
)
from galerne.source.vertical import GAS_CONSTANT

from .conftest import LATITUDE, LONGITUDE, clean_record

GRID = LATITUDE, LONGITUDE


@pytest.fixture(scope="module")
def winds() -> tuple[np.ndarray, ...]:
    names = ("u_component_of_wind", "v_component_of_wind", "geopotential")
    fields = clean_record(12)
    return tuple(fields[name].values[:, 1] for name in names)


def test_winds_of_a_stream_function_do_not_spread(winds) -> None:
    u, v, _ = winds
    assert divergent_share(u, v, *GRID).max() < 0.02


def test_winds_of_a_potential_do_nothing_else(winds) -> None:
    u, v, _ = winds
    assert divergent_share(-v, u, *GRID).min() > 0.98


@pytest.mark.parametrize("turn", [lambda u, v: (u, -v), lambda u, v: (u[:, ::-1], v[:, ::-1])])
def test_turned_winds_spread_as_much_as_they_turn(winds, turn) -> None:
    assert 0.3 < divergent_share(*turn(*winds[:2]), *GRID).mean() < 0.7


def test_geostrophic_winds_fit_and_turned_ones_do_not(winds) -> None:
    u, v, phi = winds
    assert fit_of_winds(u, v, phi, *GRID).min() > 0.5
    assert fit_of_winds(u, -v, phi, *GRID).max() < -0.5
    assert fit_of_winds(u, v, phi[:, ::-1], *GRID).max() < 0.5


def test_vorticity_of_solid_rotation_is_known() -> None:
    cosine, sine = (f(np.deg2rad(LATITUDE))[:, None] for f in (np.cos, np.sin))
    u = np.broadcast_to(20 * cosine, (1, 37, 72))
    vorticity = np.broadcast_to(2 * 20 / 6.371e6 * sine, (1, 37, 72))
    assert fit_of_vorticity(u, 0 * u, vorticity, *GRID) > 0.9999
    assert fit_of_vorticity(u, 0 * u, -vorticity, *GRID) < -0.9999


def test_layers_of_linear_temperature_have_no_error_and_a_warm_one_has() -> None:
    levels = np.array([300.0, 500.0, 850.0])
    depth = np.log(levels / 1000)[:, None, None]
    temperature = np.broadcast_to(288 + 45 * depth, (3, 4, 8)).astype("float32")
    phi = np.broadcast_to(GAS_CONSTANT * (-288 * depth - 22.5 * depth**2), (3, 4, 8))
    phi = phi.astype("float32")
    assert np.abs(thickness_error(phi, temperature, None, levels)).max() < 0.01
    moist = thickness_error(phi, temperature, np.full_like(phi, 0.01), levels)
    assert moist.mean() == pytest.approx(-0.608 * 0.01 * temperature.mean(), rel=0.05)
    warm = thickness_error(phi, temperature + 10, None, levels)
    assert warm.mean() == pytest.approx(-10, abs=0.01)


def test_fine_grids_are_averaged_to_blocks_and_coarse_ones_kept() -> None:
    fine = np.arange(721 * 1440, dtype="float32").reshape(1, 721, 1440)
    (x,), lat, lon = coarsened([fine], np.linspace(90, -90, 721), np.arange(1440) / 4)
    assert x.shape == (1, 30, 60)
    assert x[0, 0, 0] == pytest.approx(fine[0, :24, :24].mean())
    assert lat[0] == pytest.approx(90 - 11.5 / 4)
    assert np.diff(lon) == pytest.approx(6)
    (same,), rows, _ = coarsened([np.ones((37, 72))], *GRID)
    assert same.shape == (37, 72)
    assert np.array_equal(rows, LATITUDE)
