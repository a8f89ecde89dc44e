"""Sampling: the right distribution, and members that do not depend on their batch."""

from collections.abc import Callable

import pytest
import torch

from galerne.jobs import interrupt
from galerne.jobs.interrupt import Interrupted
from galerne.jobs.progress import Progress
from galerne.prior.backbone import Backbone
from galerne.prior.denoiser import WindowDenoiser
from galerne.prior.gaussian import WindowGaussian
from galerne.prior.integrator import SAMPLERS
from galerne.prior.trajectory import Noise, draw_windows

SHAPE = (3, 2, 2, 8)
SEASON = torch.zeros(1, 4)


def white(members: int) -> Callable[..., torch.Tensor]:
    """Noise of many members from one generator, which is fast."""
    rng = torch.Generator().manual_seed(0)
    return lambda use, shape: torch.randn(members, *shape, generator=rng)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_samples_of_a_gaussian_have_its_mean_and_covariance(
    sampler: str,
    random_gaussian: Callable[..., WindowGaussian],
    dense: Callable[[WindowGaussian], torch.Tensor],
) -> None:
    gaussian = random_gaussian()
    prior = WindowDenoiser(gaussian, None, 0.01, 100.0)
    # DDPM at 128 steps still lacks 7 % of the variance.
    steps = {"ddim": 128, "ddpm": 400, "pc": 128, "redraw": 3}.get(sampler, 40)
    noise = white(4000)
    z = draw_windows(prior, noise, SHAPE, sampler=sampler, steps=steps, season=SEASON)
    variance = z.var(0).flatten().double()
    ratio = variance / dense(gaussian).diagonal()
    assert ratio.mean() == pytest.approx(1, abs=0.06)
    miss = (z.mean(0) - gaussian.mean) / z.std(0)
    assert miss.square().mean().sqrt() < 2 / 4000**0.5


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_redrawing_is_exact_for_a_gaussian_at_any_number_of_steps(
    steps: int,
    random_gaussian: Callable[..., WindowGaussian],
    dense: Callable[[WindowGaussian], torch.Tensor],
) -> None:
    gaussian = random_gaussian()
    prior = WindowDenoiser(gaussian, None, 0.01, 100.0)
    settings = {"sampler": "redraw", "steps": steps, "season": SEASON}
    z = draw_windows(prior, white(20_000), SHAPE, **settings).flatten(1).double()
    values, vectors = torch.linalg.eigh(dense(gaussian))
    whitened = (z - z.mean(0)) @ vectors / values.sqrt()
    found = whitened.T @ whitened / len(z)
    # Monte-Carlo error of an entry: sqrt(1 / 20,000) = 0.007, on the diagonal 0.01.
    assert (found - torch.eye(len(found))).abs().max() < 0.05
    assert (found - torch.eye(len(found))).square().mean().sqrt() < 0.009


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_member_is_the_same_in_any_batch(
    sampler: str, random_gaussian: Callable[..., WindowGaussian]
) -> None:
    prior = WindowDenoiser(random_gaussian(), None, 0.01, 100.0)
    settings = {"sampler": sampler, "steps": 8, "season": SEASON}
    draw = {
        members: draw_windows(prior, Noise(7, members), SHAPE, **settings)
        for members in ((0, 1, 2), (2,))
    }
    torch.testing.assert_close(draw[0, 1, 2][2:], draw[2,], atol=1e-5, rtol=1e-5)
    assert (draw[0, 1, 2][0] - draw[0, 1, 2][1]).abs().max() > 0.1


def test_an_unknown_sampler_is_refused(random_gaussian: Callable[..., WindowGaussian]) -> None:
    prior = WindowDenoiser(random_gaussian(), None, 0.01, 100.0)
    with pytest.raises(ValueError, match="unknown sampler 'euler'; allowed: ddim, ddpm"):
        draw_windows(prior, Noise(0, [0]), SHAPE, sampler="euler", steps=2, season=SEASON)


def test_a_member_that_is_not_finite_is_named(
    random_gaussian: Callable[..., WindowGaussian],
) -> None:
    prior = WindowDenoiser(random_gaussian(), None, 0.01, 100.0)

    def noise(use: str, shape: tuple[int, ...]) -> torch.Tensor:
        drawn = torch.zeros(2, *shape)
        drawn[1, 0, 0, 0, 0] = torch.nan
        return drawn

    with pytest.raises(FloatingPointError, match=r"members \[1\]"):
        draw_windows(prior, noise, SHAPE, sampler="xeab", steps=2, season=SEASON)


@pytest.fixture
def prior(random_gaussian: Callable[..., WindowGaussian]) -> WindowDenoiser:
    """A Gaussian and a network that says something."""
    network = Backbone(*SHAPE, patch=2, hidden_channels=8, blocks=1, heads=1)
    torch.nn.init.normal_(network.transformer.out_proj.weight, std=0.3)
    return WindowDenoiser(random_gaussian(), network, 0.01, 100.0).requires_grad_(False)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_draw_cut_after_every_step_ends_in_the_same_bits(
    sampler: str, prior: WindowDenoiser, tmp_path, monkeypatch
) -> None:
    settings = {"sampler": sampler, "steps": 6, "season": torch.ones(1, 4)}
    noise = Noise(7, [0, 1])
    expected = draw_windows(prior, noise, SHAPE, **settings)
    monkeypatch.setattr(interrupt, "requested", lambda: True)
    for step in range(1, 7):
        with pytest.raises(Interrupted, match=f"^step {step} of 6$"):
            draw_windows(prior, noise, SHAPE, progress=Progress(tmp_path), **settings)
    found = draw_windows(prior, noise, SHAPE, progress=Progress(tmp_path), **settings)
    assert torch.equal(found, expected)


def test_a_finished_walk_takes_no_more_steps(prior: WindowDenoiser, tmp_path, monkeypatch) -> None:
    settings = {"sampler": "xeab", "steps": 4, "season": torch.ones(1, 4)}
    noise = Noise(7, [0, 1])
    first = draw_windows(prior, noise, SHAPE, progress=Progress(tmp_path), **settings)
    monkeypatch.setattr(WindowDenoiser, "forward", None)
    again = draw_windows(prior, noise, SHAPE, progress=Progress(tmp_path), **settings)
    assert torch.equal(first, again)


def test_a_draw_on_an_accelerator_keeps_every_tensor_there(
    prior: WindowDenoiser, monkeypatch
) -> None:
    """On a device without data, which like any refuses tensors of another."""
    monkeypatch.setattr(torch, "isfinite", lambda z: torch.ones(z.shape))
    season = torch.empty(1, 4, device="meta")
    prior = prior.to("meta")
    for sampler in SAMPLERS:
        noise = Noise(0, [0, 1], "meta")
        z = draw_windows(prior, noise, SHAPE, sampler=sampler, steps=3, season=season)
        assert z.device.type == "meta"
        assert z.shape == (2, *SHAPE)


class Diverging(WindowDenoiser):
    """Loses its second member below a noise level of one."""

    def mean(self, z_t: torch.Tensor, sigma_t: torch.Tensor, season: torch.Tensor) -> torch.Tensor:
        found = super().mean(z_t, sigma_t, season)
        found[1] /= sigma_t > 0.9
        return found


def test_a_member_that_is_lost_is_named_where_it_was_lost(prior: WindowDenoiser) -> None:
    """By hand: of levels from 100 to 0.01 by factors of ten to the half, the sixth is 0.32."""
    lost = Diverging(prior.gaussian, None, 0.01, 100.0)
    settings = {"sampler": "ddim", "steps": 8, "season": torch.ones(1, 4)}
    message = r"members \[1\] .* after step 6 of 8 of the sampler 'ddim', at noise level 0.1"
    with pytest.raises(FloatingPointError, match=message):
        draw_windows(lost, Noise(7, [0, 1, 2]), SHAPE, **settings)
