"""Tests of regular grids."""

import numpy as np
import pytest

from galerne.grid.latlon import equiangular, gaussian, gaussian_rows, is_same, lay_out


def test_the_grid_of_era5_has_its_rows_on_the_poles() -> None:
    latitude, longitude = equiangular(721, 1440, poles=True)
    assert latitude[[0, 1, -1]].tolist() == [90, 89.75, -90]
    assert longitude[[0, 1, -1]].tolist() == [0, 0.25, 359.75]


def test_the_coarse_grid_of_weatherbench_stays_off_the_poles() -> None:
    latitude, longitude = equiangular(32, 64, poles=False)
    assert latitude[[0, -1]].tolist() == [87.1875, -87.1875]
    assert longitude[1] == 5.625


def test_same_forgives_rounding_and_nothing_more() -> None:
    grid = equiangular(32, 64, poles=False)
    assert is_same(grid, tuple(axis.astype("float32").astype("float64") for axis in grid))
    assert not is_same(grid, (grid[0][::-1], grid[1]))
    assert not is_same(grid, (grid[0], grid[1] + 0.01))


def test_refuses_a_grid_of_one_row() -> None:
    with pytest.raises(ValueError, match="1 x 4"):
        equiangular(1, 4, poles=False)
    assert np.isfinite(equiangular(2, 4, poles=True)[0]).all()


def test_gaussian_rows_are_the_roots_of_the_legendre_polynomial() -> None:
    latitude, longitude = gaussian(64, 128)
    polynomial = np.polynomial.Legendre.basis(64)(np.sin(np.deg2rad(latitude)))
    assert np.abs(polynomial).max() < 1e-12
    assert (np.diff(latitude) < 0).all()
    assert latitude[[0, -1]].round(4).tolist() == [87.8638, -87.8638]  # T42, as published
    assert longitude[1] == 360 / 128


def test_large_gaussian_grids_keep_their_accuracy() -> None:
    rows, weights = gaussian_rows(640)
    assert weights.sum() == pytest.approx(2, abs=1e-12)
    assert rows[0] == pytest.approx(89.7848769072, abs=1e-6)  # N320, as published
    assert weights @ np.sin(np.deg2rad(rows)) ** 8 == pytest.approx(2 / 9, abs=1e-12)


@pytest.mark.parametrize(
    ("kind", "poles", "message"),
    [
        ("gaussian", True, "no row of a Gaussian grid lies on a pole"),
        ("octahedral", False, "unknown kind of grid 'octahedral'"),
    ],
)
def test_grids_that_are_none_are_refused(kind, poles, message) -> None:
    with pytest.raises(ValueError, match=message):
        lay_out(kind, 4, 8, poles=poles)
