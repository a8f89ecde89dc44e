"""Exact posteriors: two ways that know nothing of each other agree."""

import numpy as np
import pytest

from bench.worlds.posterior import Posterior, condition, smooth
from bench.worlds.sphere import Grid
from bench.worlds.world import World, build_world


@pytest.fixture(scope="module")
def world() -> World:
    return build_world("exact", states=3, grid=Grid(6, 12), degree=8)


def test_smoother_and_direct_algebra_agree(world: World) -> None:
    rng = np.random.default_rng(1)
    seen = world.observe(world.truth.draw(rng, 1)[0], rng).table
    y, error = (seen[key].to_numpy() for key in ("observation", "error"))
    direct = condition(world.truth, world.observing, y, error)
    means, pairs = smooth(world.dynamics, world.states, world.observing, y, error)
    np.testing.assert_allclose(means.ravel(), direct.mean, atol=1e-8)
    n = means.shape[1]
    for i in range(world.states):
        own, before = slice(i * n, (i + 1) * n), slice((i - 1) * n, i * n)
        np.testing.assert_allclose(pairs[i, 0, :, 0], direct.covariance[own, own], atol=1e-8)
        if i:
            lagged = direct.covariance[own, before]
            np.testing.assert_allclose(pairs[i, 0, :, 1], lagged, atol=1e-8)


def test_the_system_is_ill_conditioned_and_times_lie_between_states(world: World) -> None:
    error = world.table["error"].to_numpy()
    white = world.observing / error[:, None]
    system = np.eye(len(error)) + white @ world.truth.within @ white.T
    assert np.linalg.cond(system) > 500
    assert (~world.table["time"].isin(world.times)).sum() > 30


def test_an_observation_of_distant_states_is_refused(world: World) -> None:
    G = np.zeros((1, world.observing.shape[1]))
    G[0, [0, -1]] = 1
    with pytest.raises(ValueError, match="no neighbours"):
        smooth(world.dynamics, world.states, G, np.zeros(1), np.ones(1))


def test_a_mixture_is_conditioned_as_bayes_says() -> None:
    """One number: weights by the ratio of the likelihoods, moments of the parts by hand."""
    prior = Posterior(np.array([0.25, 0.75]), np.array([[-1.0], [2.0]]), np.array([[1.0]]))
    found = condition(prior, np.array([[1.0]]), np.array([1.0]), np.array([1.0]))
    likely = np.array([0.25, 0.75]) * np.exp(-np.array([4.0, 1.0]) / 4)
    np.testing.assert_allclose(found.weights, likely / likely.sum())
    np.testing.assert_allclose(found.means[:, 0], [0.0, 1.5])
    np.testing.assert_allclose(found.within, 0.5)
    p = found.weights[1]
    np.testing.assert_allclose(found.covariance, 0.5 + p * (1 - p) * 1.5**2)
    draws = found.draw(np.random.default_rng(0), 100_000)
    below = (draws < 1.0).mean()
    assert below == pytest.approx(found.cdf(np.array([1.0]))[0], abs=0.005)
