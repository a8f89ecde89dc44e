"""Spectra of waves and harmonics that are known, and Parseval's identity."""

import numpy as np
import pytest

from scipy.special import sph_harm_y

from galerne.evaluate.spectra import quadrature, spherical_power, zonal_power
from galerne.grid.areas import cell_areas
from galerne.grid.latlon import equiangular, gaussian

GRIDS = {
    "equiangular": equiangular(32, 64, poles=False),
    "poles": equiangular(33, 64, poles=True),
    "gaussian": gaussian(32, 64),
}


def harmonic(degree, order, latitude, longitude) -> np.ndarray:
    """A real spherical harmonic of unit mean square, from another implementation."""
    theta, phi = np.deg2rad(90 - latitude)[:, None], np.deg2rad(longitude)
    values = sph_harm_y(degree, order, theta, phi)
    return np.sqrt(4 * np.pi) * (np.sqrt(2) * values.real if order else values.real)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize(("degree", "order"), [(0, 0), (1, 0), (7, 0), (7, 3), (15, 15), (15, 1)])
def test_a_harmonic_has_all_its_power_at_its_degree(grid, degree, order) -> None:
    latitude, longitude = GRIDS[grid]
    power = spherical_power(3.0 * harmonic(degree, order, latitude, longitude), latitude)
    expected = np.zeros(len(power))
    expected[degree] = 9.0
    np.testing.assert_allclose(power, expected, atol=1e-9)


def test_the_powers_of_a_smooth_field_add_up_to_its_mean_square() -> None:
    latitude, longitude = GRIDS["poles"]
    rng = np.random.default_rng(0)
    parts = [(degree, order) for degree in range(12) for order in range(degree + 1)]
    field = sum(rng.normal() * harmonic(*part, latitude, longitude) for part in parts)
    squares = np.square(field).mean(axis=1) @ quadrature(tuple(latitude.tolist()))
    assert spherical_power(field, latitude).sum() == pytest.approx(squares)


def test_the_weights_of_gaussian_rows_are_the_gaussian_ones() -> None:
    latitude, _ = GRIDS["gaussian"]
    np.testing.assert_allclose(
        quadrature(tuple(latitude.tolist())), cell_areas(latitude), rtol=1e-3
    )
    assert (np.array(quadrature(tuple(GRIDS["equiangular"][0].tolist()))) > 0).all()


def test_a_wave_has_all_its_power_at_its_zonal_wavenumber() -> None:
    latitude, longitude = GRIDS["equiangular"]
    field = 5 + 2 * np.cos(np.deg2rad(6 * longitude + 20)) * np.ones((32, 1))
    power = zonal_power(np.stack([field, 0 * field]), latitude)
    expected = np.zeros(33)
    expected[[0, 6]] = 25, 2
    np.testing.assert_allclose(power, [expected, 0 * expected], atol=1e-12)


def test_zonal_powers_add_up_to_the_mean_square_of_middle_latitudes() -> None:
    latitude, _ = GRIDS["equiangular"]
    field = np.random.default_rng(1).normal(size=(32, 64))
    rows = (np.abs(latitude) >= 30) & (np.abs(latitude) <= 60)
    areas = cell_areas(latitude)[rows]
    expected = np.square(field[rows]).mean(axis=1) @ areas / areas.sum()
    assert zonal_power(field, latitude).sum() == pytest.approx(expected)


def test_rows_without_middle_latitudes_are_refused() -> None:
    with pytest.raises(ValueError, match="no row lies between 30 and 60 degrees"):
        zonal_power(np.zeros((2, 4)), np.array([80.0, -80.0]))
