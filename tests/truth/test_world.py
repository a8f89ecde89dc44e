"""Worlds: what assimilation is given is what the exact answer reckons with."""

import numpy as np
import pytest
import torch

from bench.worlds.posterior import condition
from bench.worlds.sphere import Grid
from bench.worlds.world import WORLDS, World, build_world


def build(name: str) -> World:
    return build_world(name, states=2, grid=Grid(6, 12), degree=8)


@pytest.mark.parametrize("sigma", [0.05, 1.0, 20.0])
@pytest.mark.parametrize("name", WORLDS)
def test_the_denoiser_is_exact(name: str, sigma: float) -> None:
    """The mean of the clean window, against the posterior of seeing every number with noise."""
    world, rng = build(name), np.random.default_rng(0)
    z = world.truth.draw(rng, 3)
    noisy = z + sigma * rng.normal(size=z.shape)
    eye, error = np.eye(z.shape[1]), np.full(z.shape[1], sigma)
    expected = [condition(world.truth, eye, row, error).mean for row in noisy]
    z_t = torch.from_numpy(noisy).float().view(3, 2, 2, 6, 12)
    season = torch.zeros(1, 4)
    found = world.prior.mean(z_t, torch.tensor(sigma), season).flatten(1).numpy()
    np.testing.assert_allclose(found, np.stack(expected), atol=3e-4)


def test_the_misjudged_gaussian_is_wrong_and_that_of_regimes_has_the_right_covariance() -> None:
    def assumed(world: World) -> np.ndarray:
        size = len(world.truth.within)
        eye = torch.eye(size).view(size, 2, 2, 6, 12)
        return world.prior.gaussian.apply_gain(eye, lambda v: v).flatten(1).numpy()

    wrong, regimes = build("misjudged"), build("two_regimes")
    ratio = np.linalg.eigvalsh(assumed(wrong)) / np.linalg.eigvalsh(wrong.truth.covariance)
    assert ratio.max() > 2
    np.testing.assert_allclose(assumed(regimes), regimes.truth.covariance, atol=1e-5)


def test_the_matrix_of_the_operator_is_what_the_decoder_and_the_table_say() -> None:
    """One observation at a grid point and a state's time sees the mixed latents there."""
    world = build("exact")
    grid = world.dynamics.grid
    one = world.table.iloc[:1].assign(
        time=world.times[1], lat=grid.latitude[2], lon=grid.longitude[5],
        variable="temperature", level=500.0,
    )  # fmt: skip
    G = World(world.name, 2, world.prior, world.truth, world.dynamics, one).observing
    expected = np.zeros((2, 2, 6, 12))
    expected[1, :, 2, 5] = 0.6
    np.testing.assert_allclose(G.reshape(2, 2, 6, 12), expected, atol=1e-12)
    z = torch.randn(2, 2, 6, 12)
    decoded = world.decoder.decode(z).flatten().numpy()
    np.testing.assert_allclose(world.decoding @ z.flatten().numpy(), decoded, atol=1e-5)


def test_an_unknown_world_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown world 'flat'; there are: exact"):
        build_world("flat")
