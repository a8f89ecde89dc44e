"""Tests of regular grids."""

import numpy as np
import pytest

from galerne.grid.latlon import equiangular, is_same


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
