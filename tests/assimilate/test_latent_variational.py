"""Latent 4D-Var is the exact posterior of its Gaussian; 3D-Var that of states apart."""

import numpy as np
import pytest
import torch

from bench.worlds.metrics import compare
from bench.worlds.posterior import Posterior, condition
from bench.worlds.world import World, build_world
from galerne.assimilate.latent_variational import Latent4DVar, StatesApart
from galerne.assimilate.posterior import draw_posterior_windows

SETTINGS = {
    "sampler": "redraw",
    "steps": 1,
    "linearisation": "exact",
    "outer": 1,
    "iterations": 30,
    "modes": 60,
}


@pytest.fixture(scope="module")
def world() -> World:
    return build_world("exact")


@pytest.fixture(scope="module")
def observed(world: World):  # noqa: ANN201
    rng = np.random.default_rng(1)
    return world.observe(world.truth.draw(rng, 1)[0], rng)


def drawn(world: World, observed: object, guidance: str) -> np.ndarray:
    members = draw_posterior_windows(
        world.prior, world.decoder, world.transform, observed,
        members=range(1024), seed=0, guidance=guidance, **SETTINGS,
    )  # fmt: skip
    return members.reshape(1024, -1).astype(float)


def test_four_dimensional_var_is_the_exact_posterior(world, observed) -> None:
    verdict = compare(drawn(world, observed, "latent_4dvar"), world.exact(observed))
    assert verdict.mean_error <= 0.05
    assert 0.95 <= verdict.variance_ratio <= 1.05


def test_three_dimensional_var_is_that_of_states_apart(world, observed) -> None:
    n = len(world.truth.within) // world.states
    apart = np.kron(np.eye(world.states), np.ones((n, n))) * world.truth.within
    prior = Posterior(np.ones(1), np.zeros((1, len(apart))), apart)
    y, error = (observed.table[key].to_numpy() for key in ("observation", "error"))
    exact = condition(prior, world.observing, y, error).seen_through(world.decoding)
    found = drawn(world, observed, "latent_3dvar")
    assert compare(found, exact).mean_error <= 0.05
    assert 0.95 <= compare(found, exact).variance_ratio <= 1.05
    assert compare(found, world.exact(observed)).mean_error > 0.2


def test_states_apart_have_the_covariance_of_each(world) -> None:
    window = world.prior.gaussian
    apart, infinite = StatesApart(window, 5), torch.tensor(torch.inf)
    noise = torch.randn(1, *window.shape, generator=torch.Generator().manual_seed(0))
    one = torch.zeros(1, 5, *window.shape[1:])
    one[:, 2] = noise[:, 0]
    seen = apart.posterior_covariance(one, infinite)
    assert not seen[:, [0, 1, 3, 4]].any()
    first = torch.zeros_like(noise)
    first[:, 0] = noise[:, 0]
    assert torch.allclose(
        seen[:, 2], window.posterior_covariance(first, infinite)[:, 0], atol=1e-4
    )
    ((vectors, variance),) = apart.leading(1)
    assert vectors.shape == (1, 5, *window.shape[1:])
    assert variance > 0


def test_states_apart_know_what_eigenvectors_leave(random_gaussian) -> None:
    window, infinite = random_gaussian(rank=4), torch.tensor(torch.inf)
    states, *grid = window.shape
    z = torch.randn(1, *grid)
    each = torch.zeros(states, *window.shape)
    each[range(states), range(states)] = z
    own = window.posterior_covariance(each, infinite)[range(states), range(states)]
    apart = StatesApart(window, 1).posterior_covariance(z[None], infinite)
    torch.testing.assert_close(apart[0, 0], own.mean(0), atol=1e-4, rtol=1e-4)


def test_it_wants_one_step_at_infinite_noise(world) -> None:
    own = {"linearisation": "exact", "outer": 1, "iterations": 2, "modes": 0}
    given = Latent4DVar(world.prior, torch.zeros(1), lambda z: z.flatten(1)[:, :1], **own)
    z = torch.zeros(1, *world.prior.gaussian.shape)
    with pytest.raises(ValueError, match="needs the sampler redraw, in one step"):
        given.draw(z, torch.tensor(0.5), lambda use, shape: torch.zeros(1, *shape))
    with pytest.raises(ValueError, match="needs the sampler redraw, in one step"):
        given(z, torch.tensor(0.5))
