"""Tests of the weights between grids."""

import numpy as np
import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from galerne.grid.latlon import equiangular, gaussian
from galerne.grid.weights import METHODS, Weights, latitude_overlap, longitude_overlap


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(METHODS), st.integers(2, 30), st.integers(2, 30), st.booleans())
def test_all_that_a_cell_takes_adds_up_to_one(method, rows, columns, poles) -> None:
    source, target = equiangular(rows, columns, poles=poles), gaussian(columns, rows)
    weights = Weights.between(source, target, method)
    from_poles = 0 if weights.poles is None else weights.poles.sum(1)
    assert np.allclose(weights.rows.sum(1) + from_poles, 1)
    assert np.allclose(weights.columns.sum(1), 1)
    assert (weights.rows.data > -1e-12).all()


def test_no_method_takes_more_than_it_needs() -> None:
    source, target = equiangular(721, 1440, poles=True), equiangular(121, 240, poles=True)
    stored = {m: Weights.between(source, target, m).rows.nnz for m in METHODS}
    assert stored == {"conservative": 7 * 119 + 2 * 4, "bilinear": 121, "nearest": 121}


def test_weights_of_the_prime_meridian_come_from_both_sides() -> None:
    weights = longitude_overlap(np.arange(360) + 0.5, np.array([0.0, 120.0, 240.0]))
    assert np.allclose(weights[0, [0, 59, 300, 359]], 1 / 120)
    assert np.allclose(weights[0, 60:300], 0)


def test_latitude_in_either_order_gives_the_same() -> None:
    up = latitude_overlap(np.array([-60.0, 0.0, 60.0]), np.array([45.0, -45.0]))
    down = latitude_overlap(np.array([60.0, 0.0, -60.0]), np.array([45.0, -45.0]))
    assert np.allclose(up, down[:, ::-1])


def test_refuses_longitudes_that_are_no_globe() -> None:
    with pytest.raises(ValueError, match="must increase"):
        longitude_overlap(np.array([0.0, 180.0, 360.0]), np.array([0.0, 180.0]))
