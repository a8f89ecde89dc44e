"""Evaluations are counted one by one, and counting changes nothing."""

import numpy as np
import pytest
import torch

from bench.worlds.counting import counted
from bench.worlds.engine import default_method, draw, draw_published
from bench.worlds.sphere import Grid
from bench.worlds.world import World, build_world
from galerne.assimilate.posterior import Observations, draw_posterior_windows


@pytest.fixture(scope="module")
def world() -> World:
    return build_world("misjudged", states=2, grid=Grid(4, 8), degree=5)


@pytest.fixture(scope="module")
def seen(world: World) -> Observations:
    rng = np.random.default_rng(0)
    return world.observe(world.truth.draw(rng, 1)[0], rng)


def test_each_kind_of_evaluation_counts_once(world: World) -> None:
    prior, decoder, count = counted(world.prior, world.decoder)
    z = torch.randn(3, 2, 2, 4, 8, requires_grad=True)
    mean = prior.mean(z, torch.tensor(1.0), torch.zeros(1, 4))
    assert dict(count.windows) == {"gaussian forward": 3, "denoiser forward": 3}
    torch.autograd.grad(mean.sum(), z)
    assert count.windows["denoiser vjp"] == 3

    def decode(z: torch.Tensor) -> torch.Tensor:
        return decoder.decode(z.flatten(0, 1))

    y = decode(z)
    v = torch.zeros_like(y, requires_grad=True)
    (g,) = torch.autograd.grad(y, z, v, create_graph=True)
    assert [count.windows[f"decoder {kind}"] for kind in ("forward", "vjp", "jvp")] == [3, 3, 0]
    (pushed,) = torch.autograd.grad(g, v, z.detach(), retain_graph=True)
    torch.testing.assert_close(pushed, decode(z.detach()))  # it is linear
    assert [count.windows[f"decoder {kind}"] for kind in ("forward", "vjp", "jvp")] == [6, 3, 3]
    torch.func.jvp(decode, (z.detach(),), (z.detach(),))
    assert [count.windows[f"decoder {kind}"] for kind in ("forward", "vjp", "jvp")] == [6, 3, 6]
    assert count.total() == 3 + 3 + 6 + 3 + 6


def test_the_published_setting_costs_what_its_algorithm_says(
    world: World, seen: Observations
) -> None:
    """96 denoisings, each a value, and for an iteration vjp, vjp, jvp, and two vjp in the end."""
    drawn = draw_published(world, seen, members=range(2), seed=0)
    parts = {key: n / 2 for key, n in drawn.count.windows.items()}
    calls, iterations = 32 * 3, 2
    assert parts["denoiser forward"] == calls
    assert parts["denoiser vjp"] == calls * (iterations + 1)
    assert (
        parts["denoiser jvp" if "denoiser jvp" in parts else "decoder jvp"] == calls * iterations
    )
    assert parts["decoder vjp"] == calls * (iterations + 1)
    assert parts["decoder forward"] == calls + 1  # and the members themselves
    assert drawn.evaluations == 10 * calls + 1


def test_counting_changes_no_number(world: World, seen: Observations) -> None:
    _, method = default_method()
    drawn = draw(world, seen, method, members=range(3), seed=1)
    plain = draw_posterior_windows(
        world.prior, world.decoder, world.transform, seen, members=range(3), seed=1, **method
    )
    np.testing.assert_array_equal(drawn.members, plain.reshape(3, -1))
    assert drawn.evaluations > 0
