"""Moments by block equal those of the whole, by hand and where precision is at stake."""

from functools import reduce
from operator import add

import numpy as np
import pytest

from galerne.stats.moments import Moments

AREAS = np.array([0.1, 0.4, 0.4, 0.1])


@pytest.fixture
def x() -> np.ndarray:
    """Two channels, one with a mean that is large against its spread."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(23, 2, 4, 6))
    x[:, 1] = 5e6 + 3 * x[:, 1]
    return x.astype("float32")


def test_blocks_of_unequal_length_pool_to_one_pass(x) -> None:
    whole = Moments.of(x, AREAS)
    parts = [Moments.of(part, AREAS) for part in np.split(x, [1, 8, 20])]
    pooled = reduce(add, parts)
    assert pooled.weight == whole.weight == 23
    np.testing.assert_allclose(pooled.mean, whole.mean, rtol=1e-13)
    np.testing.assert_allclose(pooled.std, whole.std, rtol=1e-10)


def test_order_of_blocks_does_not_matter(x) -> None:
    parts = [Moments.of(part, AREAS) for part in np.split(x, [5, 6])]
    np.testing.assert_allclose(reduce(add, parts).std, reduce(add, parts[::-1]).std, rtol=1e-10)


def test_a_large_offset_costs_no_precision(x) -> None:
    shifted = x[:, 1:].astype("float64") - 5e6
    parts = [Moments.of(part, AREAS) for part in np.split(x, 23)]
    pooled = reduce(add, parts)
    alone = Moments.of(shifted, AREAS)
    np.testing.assert_allclose(pooled.mean[1] - 5e6, alone.mean[0], atol=1e-8)
    np.testing.assert_allclose(pooled.std[1], alone.std[0], rtol=1e-9)


def test_rows_count_by_their_area() -> None:
    x = np.broadcast_to(np.array([10.0, 0, 0, -10])[:, None], (3, 1, 4, 5))
    found = Moments.of(x, np.array([0.3, 0.2, 0.4, 0.1]))
    assert found.mean == pytest.approx([2.0])
    assert found.std == pytest.approx([(0.4 * 100 - 4) ** 0.5])


def test_equal_areas_give_the_plain_moments(x) -> None:
    found = Moments.of(x[:, :1], np.full(4, 0.25))
    assert found.mean[0] == pytest.approx(x[:, 0].astype("float64").mean())
    assert found.std[0] == pytest.approx(x[:, 0].astype("float64").std())
