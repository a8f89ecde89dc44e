"""Sampling: the right distribution, and members that do not depend on their batch."""

from collections.abc import Callable

import pytest
import torch

from galerne.prior.denoiser import WindowDenoiser
from galerne.prior.gaussian import WindowGaussian
from galerne.prior.trajectory import SAMPLERS, draw_windows, member_noise

SHAPE = (3, 2, 2, 8)
SEASON = torch.zeros(1, 4)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_samples_of_a_gaussian_have_its_mean_and_covariance(
    sampler: str,
    random_gaussian: Callable[..., WindowGaussian],
    dense: Callable[[WindowGaussian], torch.Tensor],
) -> None:
    gaussian = random_gaussian()
    prior = WindowDenoiser(gaussian, None, 0.01, 100.0)
    noise = torch.randn(4000, *SHAPE, generator=torch.Generator().manual_seed(0))
    steps = 128 if sampler == "ddim" else 40
    z = draw_windows(prior, noise, sampler=sampler, steps=steps, season=SEASON)
    variance = z.var(0).flatten().double()
    ratio = variance / dense(gaussian).diagonal()
    assert ratio.mean() == pytest.approx(1, abs=0.06)
    miss = (z.mean(0) - gaussian.mean) / z.std(0)
    assert miss.square().mean().sqrt() < 2 / 4000**0.5


def test_a_member_is_the_same_in_any_batch(random_gaussian: Callable[..., WindowGaussian]) -> None:
    prior = WindowDenoiser(random_gaussian(), None, 0.01, 100.0)
    draw = {
        members: draw_windows(
            prior, member_noise(7, members, SHAPE), sampler="xeab", steps=8, season=SEASON
        )
        for members in ((0, 1, 2), (2,))
    }
    torch.testing.assert_close(draw[0, 1, 2][2:], draw[2,], atol=1e-5, rtol=1e-5)
    assert (draw[0, 1, 2][0] - draw[0, 1, 2][1]).abs().max() > 0.1


def test_an_unknown_sampler_is_refused(random_gaussian: Callable[..., WindowGaussian]) -> None:
    prior = WindowDenoiser(random_gaussian(), None, 0.01, 100.0)
    with pytest.raises(ValueError, match="unknown sampler 'euler'; allowed: ddim, heun"):
        draw_windows(prior, torch.zeros(1, *SHAPE), sampler="euler", steps=2, season=SEASON)


def test_a_member_that_is_not_finite_is_named(
    random_gaussian: Callable[..., WindowGaussian],
) -> None:
    prior = WindowDenoiser(random_gaussian(), None, 0.01, 100.0)
    noise = torch.zeros(2, *SHAPE)
    noise[1, 0, 0, 0, 0] = torch.nan
    with pytest.raises(FloatingPointError, match=r"members \[1\]"):
        draw_windows(prior, noise, sampler="xeab", steps=2, season=SEASON)
