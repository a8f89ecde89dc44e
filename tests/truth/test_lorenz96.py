"""Lorenz-96: closed form, particle filter and a Kalman smoother agree where they must."""

import numpy as np
import pytest
import torch

from bench.worlds.lorenz96 import (
    CENTRE,
    SCALE,
    SIZE,
    STEP,
    Lorenz96World,
    advance,
    build_lorenz96,
    smooth_ensemble,
)
from bench.worlds.mixture import distance, filter_particles


@pytest.fixture(scope="module")
def world() -> Lorenz96World:
    return build_lorenz96(states=3, parts=16)


def test_the_fixed_point_stays_and_turning_the_circle_changes_nothing() -> None:
    fixed = torch.full((SIZE,), 8.0, dtype=torch.float64)
    torch.testing.assert_close(advance(fixed), fixed)
    x = torch.randn(SIZE, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(advance(x.roll(7)), advance(x).roll(7))


def test_a_step_is_that_of_the_equation() -> None:
    """By hand, to the first order, with two neighbours of one place not zero."""
    x = torch.zeros(SIZE, dtype=torch.float64)
    x[4], x[6] = 2, 3
    expected = torch.full_like(x, 8.0)
    expected[4:7] = torch.tensor([8.0 - 2, 3 * 2 + 8.0, 8.0 - 3])
    assert ((advance(x) - x) / STEP - expected).abs().max() < 1.5  # second order: STEP / 2 * 50


def test_the_climate_is_that_of_the_scale(world: Lorenz96World) -> None:
    x = build_lorenz96(states=1, parts=512, seed=3).points
    assert x.mean() == pytest.approx(CENTRE, abs=0.1)
    assert x.std() == pytest.approx(SCALE, abs=0.1)


def test_windows_have_the_linearised_moments() -> None:
    one = build_lorenz96(states=3, parts=1, seed=4)
    drawn = (one.draw(np.random.default_rng(0), 20_000) - CENTRE) / SCALE
    drawn, spread = drawn.reshape(20_000, -1), np.sqrt(one.covariances[0].diagonal())
    np.testing.assert_allclose((drawn.mean(0) - one.means[0]) / spread, 0, atol=0.1)
    found = np.cov(drawn, rowvar=False) / np.outer(spread, spread)
    np.testing.assert_allclose(found, one.covariances[0] / np.outer(spread, spread), atol=0.08)


def test_the_gaussian_part_is_the_mean_over_turns(world: Lorenz96World) -> None:
    n = 3 * SIZE
    unit = torch.eye(n).view(n, 3, 1, 1, SIZE)
    found = world.prior.gaussian.apply_gain(unit, lambda v: v).reshape(n, n).numpy()
    second = world.covariances.mean(0) + world.means.T @ world.means / len(world.means)
    blocks, turned = (m.reshape(3, SIZE, 3, SIZE) for m in (second, found))
    np.testing.assert_allclose(
        turned[0, 0, 1, :], np.mean([np.roll(blocks[0, k, 1], -k) for k in range(SIZE)], 0),
        atol=2e-5,
    )  # fmt: skip
    np.testing.assert_allclose(turned[1, 9, 2], np.roll(turned[1, 0, 2], 9), atol=2e-5)


@pytest.mark.parametrize(("states", "sites", "error"), [([2], 4, 2.0), ([0, 1, 2], 2, 1.0)])
def test_particles_and_closed_form_agree(
    world: Lorenz96World, states: list[int], sites: int, error: float
) -> None:
    """As near as two draws of particles, and far nearer than the prior."""
    rng = np.random.default_rng(3)
    seen = world.observe(world.draw(rng, 1)[0], states, sites, error, rng)
    assert len(seen.table) == len(states) * sites
    particles = rng.permutation(filter_particles(world, seen, rng, 32_768))[:256]
    floor = distance(particles[:128], particles[128:])
    assert distance(world.exact(seen, rng, 128), particles[:128]) < 1.7 * floor
    assert distance(world.draw(rng, 128), particles[:128]) > 2.5 * floor


def test_around_one_point_a_large_smoother_is_exact() -> None:
    one = build_lorenz96(states=3, parts=1, seed=4)
    rng = np.random.default_rng(5)
    seen = one.observe(one.draw(rng, 1)[0], [2], 20, 0.3, rng)
    found = smooth_ensemble(one, seen, rng, 20_000).reshape(20_000, -1)
    expected = one.exact(seen, rng, 20_000).reshape(20_000, -1)
    spread = expected.std(0)
    assert np.abs((found.mean(0) - expected.mean(0)) / spread).max() < 0.15
    assert found.std(0) / spread == pytest.approx(np.ones(3 * SIZE), abs=0.12)
    before = one.draw(rng, 2000).reshape(2000, -1).std(0)
    assert (spread / before).min() < 0.7


def test_fields_are_windows(world: Lorenz96World) -> None:
    fields = np.arange(2 * 3 * 2 * SIZE).reshape(2, -1)
    found = world.windows(fields)
    assert found.shape == (2, 3, SIZE)
    assert found[1, 2, 7] == fields.reshape(2, 3, 2, SIZE)[1, 2, 0, 7]
