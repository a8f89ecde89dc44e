"""Tests of cell areas."""

import numpy as np
import pytest

from hypothesis import given
from hypothesis import strategies as st

from galerne.grid.areas import cell_areas, latitude_edges
from galerne.grid.latlon import equiangular, gaussian, gaussian_rows


@given(st.integers(2, 200), st.booleans())
def test_areas_cover_the_sphere_and_mirror(rows, poles) -> None:
    latitude, _ = equiangular(rows, 4, poles=poles)
    areas = cell_areas(latitude)
    assert areas.sum() == pytest.approx(1)
    assert (areas > 0).all()
    assert np.allclose(areas, areas[::-1])
    assert np.allclose(areas, cell_areas(latitude[::-1]))


def test_rows_between_30_degrees_hold_half_of_the_sphere() -> None:
    latitude, _ = equiangular(18, 4, poles=False)
    assert cell_areas(latitude)[np.abs(latitude) < 30].sum() == pytest.approx(0.5)


def test_edges_reach_the_poles_in_both_orders() -> None:
    assert latitude_edges(np.array([-80.0, 10.0, 70.0])).tolist() == [-90, -35, 40, 90]
    assert latitude_edges(np.array([90.0, 0.0, -90.0])).tolist() == [90, 45, -45, -90]


@pytest.mark.parametrize("rows", [[10.0], [10.0, 10.0], [0.0, 10.0, 5.0], [0.0, 91.0]])
def test_refuses_rows_that_are_no_grid(rows) -> None:
    with pytest.raises(ValueError, match="latitudes"):
        cell_areas(np.array(rows))


@pytest.mark.parametrize("rows", [2, 3, 32, 33, 320])
def test_gaussian_rows_have_their_weights_as_areas(rows) -> None:
    latitude, _ = gaussian(rows, 4)
    for seen in (latitude, latitude[::-1], latitude.round(3)):
        assert np.allclose(cell_areas(seen) * 2, gaussian_rows(rows)[1], atol=1e-12)
        edges = latitude_edges(seen)
        assert ((edges[:-1] - seen) * (edges[1:] - seen) < 0).all()  # each within its cell


@given(st.integers(4, 400), st.booleans())
def test_equiangular_rows_are_not_taken_for_gaussian_ones(rows, poles) -> None:
    latitude, _ = equiangular(rows, 4, poles=poles)
    middle = (latitude[1:] + latitude[:-1]) / 2
    assert np.allclose(latitude_edges(latitude)[1:-1], middle)
