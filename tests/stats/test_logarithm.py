"""Precipitation is learned in its logarithm; nothing else is."""

import numpy as np

from galerne.catalogue import VARIABLES, Channel
from galerne.stats.logarithm import EPSILON, epsilons, from_logarithm, to_logarithm


def test_the_logarithm_is_undone_from_drizzle_to_the_wettest_state() -> None:
    (epsilon,) = EPSILON.values()
    x = np.array([0, 1e-7, 1e-5, 1e-3, VARIABLES["total_precipitation_6hr"].maximum])
    y = to_logarithm(x, epsilon)
    np.testing.assert_allclose(y[2:4], [np.log(2), np.log(101)], rtol=1e-12)
    np.testing.assert_allclose(from_logarithm(y, epsilon), x, rtol=1e-12)
    assert to_logarithm(x.astype("float32"), epsilon).dtype == "float32"


def test_what_is_negative_by_rounding_is_dry() -> None:
    assert to_logarithm(np.array([-1e-7]), 1e-5) == 0


def test_only_precipitation_has_a_constant() -> None:
    found = epsilons([Channel(name, None) for name in VARIABLES])
    assert [n for n, e in zip(VARIABLES, found, strict=True) if e] == ["total_precipitation_6hr"]
