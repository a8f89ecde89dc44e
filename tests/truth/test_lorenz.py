"""Lorenz-63: closed form, denoiser and particle filter agree, and distances are distances."""

import numpy as np
import pytest
import torch

from bench.worlds.lorenz import (
    CENTRE,
    SCALE,
    LorenzWorld,
    advance,
    build_lorenz,
)
from bench.worlds.mixture import MixtureNetwork, distance, filter_particles
from bench.worlds.posterior import Posterior, condition
from galerne.prior.gaussian import WindowGaussian


@pytest.fixture(scope="module")
def world() -> LorenzWorld:
    return build_lorenz(states=9, parts=128)


def test_the_fixed_points_stay_and_a_step_is_of_fourth_order() -> None:
    root = np.sqrt(8 / 3 * 27)
    fixed = torch.tensor([[root, root, 27.0], [-root, -root, 27.0], [0, 0, 0]])
    torch.testing.assert_close(advance(fixed), fixed)
    x = torch.tensor([1.0, 2.0, 20.0], dtype=torch.float64)
    # Taylor series of the third variable to the second order: c' = ab - 8c/3.
    a, b, c = x.tolist()
    da, db, dc = 10 * (b - a), a * (28 - c) - b, a * b - 8 / 3 * c
    second = (da * b + a * db - 8 / 3 * dc) / 2
    assert advance(x)[2] == pytest.approx(c + 0.025 * dc + 0.025**2 * second, abs=2e-3)


@pytest.mark.parametrize("sigma", [0.02, 0.3, 5.0])
def test_the_denoiser_is_that_of_the_mixture(world: LorenzWorld, sigma: float) -> None:
    """Each part is conditioned on every number with noise; parts by their likelihood."""
    rng = np.random.default_rng(0)
    z = (world.draw(rng, 2) - CENTRE) / SCALE
    noisy = z.reshape(2, -1) + sigma * rng.normal(size=(2, 27))
    eye = np.eye(27)
    parts = [
        Posterior(np.ones(1), mean[None], cov)
        for mean, cov in zip(world.means, world.covariances, strict=True)
    ]
    z_t = torch.from_numpy(noisy).float().view(2, 9, 3, 1, 1)
    found = world.prior.mean(z_t, torch.tensor(sigma), torch.zeros(1, 4)).flatten(1).numpy()
    for row, mean in zip(noisy, found, strict=True):
        logs = np.array([_likelihood(row, part, sigma) for part in parts])
        weights = np.exp(logs - logs.max())
        each = [condition(part, eye, row, np.full(27, sigma)).mean for part in parts]
        expected = weights @ np.stack(each) / weights.sum()
        np.testing.assert_allclose(mean, expected, atol=3e-3)


def _likelihood(row: np.ndarray, part: Posterior, sigma: float) -> float:
    noisy = part.within + sigma**2 * np.eye(len(row))
    gap = row - part.means[0]
    return -(gap @ np.linalg.solve(noisy, gap) + np.linalg.slogdet(noisy)[1]) / 2


def test_parts_of_one_mean_are_told_apart_by_their_spread() -> None:
    """By hand: two centred parts in one dimension, of the variances 1 and 9, and noise of 1."""
    parts = torch.tensor([1.0, 9.0])[:, None, None]
    network = MixtureNetwork(WindowGaussian(1, 1, 1, 1, 1), torch.zeros(2, 1), parts)
    z, noisy = 2.0, np.array([2.0, 10.0])
    weights = np.exp(-(z**2) / noisy / 2) / np.sqrt(noisy)
    expected = z * (weights @ [1 / 2, 9 / 10]) / weights.sum()
    found = network.mean(torch.tensor([[z]]), torch.ones(1))
    assert found.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("every", "error"), [(8, 0.05), (1, 0.25)])
def test_particles_and_closed_form_agree(world: LorenzWorld, every: int, error: float) -> None:
    """As near as two draws of particles, and far nearer than the prior."""
    rng = np.random.default_rng(3)
    seen = world.observe(world.draw(rng, 1)[0], every, error, rng)
    assert len(seen.table) == (2 if every == 8 else 9)
    particles = rng.permutation(filter_particles(world, seen, rng))[:512]
    floor = distance(particles[:256], particles[256:])
    assert distance(world.exact(seen, rng, 256), particles[:256]) < 1.6 * floor
    assert distance(world.draw(rng, 256), particles[:256]) > 8 * floor


def test_around_one_point_windows_have_the_linearised_moments() -> None:
    one = build_lorenz(states=9, parts=1, seed=4)
    drawn = (one.draw(np.random.default_rng(0), 20_000) - CENTRE) / SCALE
    drawn, spread = drawn.reshape(20_000, -1), np.sqrt(one.covariances[0].diagonal())
    np.testing.assert_allclose((drawn.mean(0) - one.means[0]) / spread, 0, atol=0.1)
    found = np.cov(drawn, rowvar=False) / np.outer(spread, spread)
    expected = one.covariances[0] / np.outer(spread, spread)
    np.testing.assert_allclose(found, expected, atol=0.08)


def test_the_gaussian_part_has_the_covariance_of_the_windows(world: LorenzWorld) -> None:
    eye = torch.eye(27).view(27, 9, 3, 1, 1)
    found = world.prior.gaussian.apply_gain(eye, lambda v: v).flatten(1).numpy()
    apart = world.means - world.means.mean(0)
    expected = world.covariances.mean(0) + apart.T @ apart / len(apart)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    drawn = (world.draw(np.random.default_rng(0), 4000) - CENTRE) / SCALE
    assert np.abs(np.cov(drawn.reshape(4000, -1), rowvar=False) - expected).max() < 0.12


def test_the_distance_is_the_earth_movers() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 3, 3))
    assert distance(x, x[::-1]) == 0
    assert distance(x, x + 0.5) == pytest.approx(0.5 * 3)  # a shift moves all of it
    line = np.sort(rng.normal(size=(2, 50)), axis=1)
    assert distance(line[0], line[1]) == pytest.approx(np.abs(line[0] - line[1]).mean())
    with pytest.raises(ValueError, match="64 members against 32"):
        distance(x, x[:32])
