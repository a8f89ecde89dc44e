"""Errors of observations: their law, and who shares their draws."""

import numpy as np
import pytest

from galerne.observe.noise import error_variances, generator, perturb, perturb_by_platform


def test_errors_have_the_size_said() -> None:
    errors = np.array([0.5, 2.0])
    noise = perturb(np.zeros((40_000, 2)), errors, generator(0, "any"))
    np.testing.assert_allclose(noise.std(0) / errors, 1, atol=4 / np.sqrt(2 * 40_000))
    np.testing.assert_allclose(noise.mean(0) / errors, 0, atol=4 / np.sqrt(40_000))
    assert abs(np.corrcoef(noise.T)[0, 1]) < 4 / np.sqrt(40_000)


def test_another_instrument_leaves_the_draws_of_a_platform_as_they_were() -> None:
    values, errors = np.zeros(6), np.ones(6)
    alone = perturb_by_platform(values[:3], errors[:3], np.array(["b"] * 3), 7)
    both = perturb_by_platform(values, errors, np.array(["a", "b", "a", "b", "b", "a"]), 7)
    np.testing.assert_array_equal(both[[1, 3, 4]], alone)
    assert not np.isin(both[[0, 2, 5]], alone).any()


def test_seeds_and_names_tell_generators_apart() -> None:
    draws = [generator(*names).normal() for names in [(0, "a", "b"), (1, "a", "b"), (0, "b", "a")]]
    assert len(set(draws)) == 3
    assert generator(0, "a", "b").normal() == draws[0]


@pytest.mark.parametrize("error", [0.0, -1.0, np.nan])
def test_errors_that_are_not_positive_are_refused(error) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        error_variances(np.array([1.0, error]))
