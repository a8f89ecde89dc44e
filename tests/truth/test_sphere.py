"""The process on the sphere: isotropic, stationary, and held exactly by the Gaussian part."""

import numpy as np
import pytest
import torch

from scipy.special import eval_legendre

from bench.worlds.sphere import Dynamics, Grid, window_gaussian

GRID, STATES = Grid(6, 12), 3


@pytest.fixture(scope="module")
def dynamics() -> Dynamics:
    return Dynamics.build(GRID, 8, turn=0.4)


def angle(grid: Grid) -> np.ndarray:
    """The cosine of the angle between any two points."""
    lat, lon = np.meshgrid(np.radians(grid.latitude), np.radians(grid.longitude), indexing="ij")
    points = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], -1)
    points = points.reshape(-1, 3)
    return (points @ points.T).clip(-1, 1)


def test_covariance_of_a_state_follows_the_addition_theorem(dynamics: Dynamics) -> None:
    cosine, points = angle(GRID), GRID.rows * GRID.columns
    found = dynamics.covariance(1)
    for c, spectrum in enumerate(dynamics.spectrum):
        degree = np.arange(len(spectrum))
        weights = spectrum * (2 * degree + 1) / (4 * np.pi)
        expected = np.tensordot(weights, eval_legendre(degree[:, None, None], cosine), axes=1)
        part = slice(c * points, (c + 1) * points)
        np.testing.assert_allclose(found[part, part], expected, atol=1e-12)
    np.testing.assert_allclose(found.diagonal(), 1)


def test_waves_travel_eastward_by_the_turn() -> None:
    """A turn by two columns without damping moves the field by two columns."""
    still = Dynamics.build(GRID, 8, turn=2 * 2 * np.pi / 12, widths=(3.0,))
    whole = Dynamics(GRID, still.spectrum, np.ones_like(still.memory), still.turn)
    rng = np.random.default_rng(0)
    a = rng.normal(size=len(whole.variance))
    before, after = ((whole.harmonics @ x).reshape(6, 12) for x in (a, whole.transition @ a))
    np.testing.assert_allclose(after, np.roll(before, 2, axis=1), atol=1e-12)


def test_the_process_is_stationary(dynamics: Dynamics) -> None:
    P, F = np.diag(dynamics.variance), dynamics.transition
    fresh = P - F @ P @ F.T
    assert np.abs(fresh - np.diag(fresh.diagonal())).max() < 1e-12
    assert fresh.diagonal().min() > 0


@pytest.mark.parametrize("wrong", [False, True])
def test_the_gaussian_part_holds_the_covariance_exactly(dynamics: Dynamics, wrong: bool) -> None:
    dynamics = dynamics.misjudged(3.0) if wrong else dynamics
    covariance = dynamics.covariance(STATES)
    model = window_gaussian(covariance, STATES, 2, GRID)
    identity = torch.eye(len(covariance)).view(-1, STATES, 2, 6, 12)
    dense = model.apply_gain(identity, lambda v: v).flatten(1).numpy()
    np.testing.assert_allclose(dense, covariance, atol=2e-6)
    draws = model.sample(torch.randn(20_000, STATES, 2, 6, 12)).flatten(1).numpy()
    assert np.abs(np.cov(draws, rowvar=False) - covariance).max() < 0.06 * covariance.max()


def test_a_covariance_that_changes_with_longitude_is_refused(dynamics: Dynamics) -> None:
    covariance = dynamics.covariance(1)
    covariance[0, 0] += 0.1
    with pytest.raises(ValueError, match="changes when the globe is turned"):
        window_gaussian(covariance, 1, 2, GRID)
