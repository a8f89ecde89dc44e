"""Metrics catch the faults that are planted, and find none in exact draws."""

from dataclasses import asdict

import numpy as np
import pytest

from bench.worlds.metrics import compare
from bench.worlds.posterior import Posterior

COUNT, SIZE = 4000, 40


@pytest.fixture(scope="module")
def exact() -> Posterior:
    rng = np.random.default_rng(0)
    root = rng.normal(size=(SIZE, SIZE)) * np.exp(-np.arange(SIZE) / 12)
    return Posterior(np.ones(1), rng.normal(size=(1, SIZE)), root @ root.T)


@pytest.fixture(scope="module")
def members(exact: Posterior) -> np.ndarray:
    return exact.draw(np.random.default_rng(1), COUNT)


def test_exact_draws_pass(exact: Posterior, members: np.ndarray) -> None:
    found = compare(members, exact)
    assert found.mean_error < 0.012
    assert found.mean_floor == pytest.approx(COUNT**-0.5, rel=0.05)
    assert found.variance_ratio == pytest.approx(1, abs=0.01)
    assert 1 - 4 * found.variance_noise < found.variance_least
    assert found.variance_most < 1 + 4 * found.variance_noise
    assert found.covariance_error < 0.02
    assert found.distance < 0.06
    assert found.inside_50 == pytest.approx(0.5, abs=0.005)
    assert found.inside_90 == pytest.approx(0.9, abs=0.005)


def test_noise_is_taken_out_whatever_the_size_of_the_ensemble(exact: Posterior) -> None:
    errors = [
        compare(exact.draw(np.random.default_rng(k), 50), exact).mean_error ** 2 for k in range(40)
    ]
    assert np.mean(errors) < 0.25 / 50  # of exact draws the raw square is 1 / 50


def test_a_shifted_mean_is_measured(exact: Posterior, members: np.ndarray) -> None:
    shifted = members + 0.3 * np.sqrt(exact.covariance.diagonal())
    assert compare(shifted, exact).mean_error == pytest.approx(0.3, abs=0.02)


def test_an_inflated_variance_is_measured(exact: Posterior, members: np.ndarray) -> None:
    wide = exact.mean + np.sqrt(1.4) * (members - exact.mean)
    found = compare(wide, exact)
    assert found.variance_ratio == pytest.approx(1.4, abs=0.02)
    assert found.covariance_error == pytest.approx(0.4, abs=0.03)
    assert found.inside_50 > 0.56
    # W2 of Gaussians of proportional covariance, by the total variance: sqrt(1.4) - 1.
    assert found.distance == pytest.approx(np.sqrt(1.4) - 1, abs=0.02)


def test_one_number_of_too_large_a_variance_is_the_worst(
    exact: Posterior, members: np.ndarray
) -> None:
    wide = members.copy()
    wide[:, 7] = exact.mean[7] + np.sqrt(1.3) * (wide[:, 7] - exact.mean[7])
    found = compare(wide, exact)
    assert found.variance_most == pytest.approx(1.3, abs=0.1)
    assert found.variance_ratio == pytest.approx(1, abs=0.02)


def test_permuted_members_keep_variances_but_not_the_covariance(
    exact: Posterior, members: np.ndarray
) -> None:
    rng = np.random.default_rng(2)
    mixed = rng.permuted(members, axis=0)  # each number by itself
    whole, broken = compare(members, exact), compare(mixed, exact)
    for key in ("mean_error", "variance_ratio", "variance_most", "inside_50"):
        assert asdict(broken)[key] == pytest.approx(asdict(whole)[key], abs=1e-12)
    assert broken.covariance_error > 0.5
    assert broken.distance > 5 * whole.distance
    assert broken.along_most < 1 or broken.along_least < 0.7


def test_what_cannot_be_judged_is_refused(exact: Posterior, members: np.ndarray) -> None:
    with pytest.raises(ValueError, match="1 members"):
        compare(members[:1], exact)
    broken = members.copy()
    broken[3, 3] = np.nan
    with pytest.raises(ValueError, match="finite: False"):
        compare(broken, exact)
