"""The residual denoiser: the Gaussian at first, with a loss of one where it is exact."""

from collections.abc import Callable

import pytest
import torch

from galerne.nn.parallel import Draws
from galerne.prior.backbone import Backbone
from galerne.prior.denoiser import WindowDenoiser
from galerne.prior.gaussian import WindowGaussian

SHAPE = (3, 2, 2, 8)
SEASON = torch.zeros(1, 4)


def network() -> Backbone:
    return Backbone(*SHAPE, patch=2, hidden_channels=16, blocks=1, heads=2)


def test_an_untrained_network_leaves_the_gaussian(
    random_gaussian: Callable[..., WindowGaussian],
) -> None:
    gaussian = random_gaussian()
    z, t = torch.randn(2, *SHAPE), torch.tensor(0.5)
    alone = WindowDenoiser(gaussian, None, 0.01, 100.0)
    both = WindowDenoiser(gaussian, network(), 0.01, 100.0)
    _, sigma = alone.schedule(t)
    assert sigma == pytest.approx(1.0)
    torch.testing.assert_close(both(z, t, SEASON).mean, alone(z, t).mean)
    torch.testing.assert_close(alone(z, t).mean, gaussian.denoise(z, sigma))


def test_the_output_is_scaled_by_the_uncertainty(
    random_gaussian: Callable[..., WindowGaussian],
) -> None:
    gaussian = random_gaussian()
    model = WindowDenoiser(gaussian, network(), 0.01, 100.0)
    torch.nn.init.ones_(model.backbone.transformer.out_proj.bias)
    z, sigma = torch.randn(2, *SHAPE), torch.tensor([0.3, 4.0])
    added = model.mean(z, sigma, SEASON) - gaussian.denoise(z, sigma)
    expected = gaussian.uncertainty(sigma)[:, None, None, None, None].expand_as(added)
    torch.testing.assert_close(added, expected, atol=1e-5, rtol=1e-4)


def test_a_reduced_network_leaves_the_gaussian_as_it_is(
    random_gaussian: Callable[..., WindowGaussian],
) -> None:
    gaussian, z, sigma = random_gaussian(), torch.randn(2, *SHAPE), torch.tensor([0.3, 4.0])
    found = {}
    backbone = network()
    torch.nn.init.normal_(backbone.transformer.out_proj.weight, std=0.3)
    for precision in ("float32", "bfloat16"):
        model = WindowDenoiser(gaussian, backbone, 0.01, 100.0, precision)
        found[precision] = model.mean(z, sigma, SEASON) - gaussian.denoise(z, sigma)
    whole, half = found.values()
    assert half.dtype == torch.float32
    assert 0 < (half - whole).std() < 0.02 * whole.std()


def test_loss_of_an_exact_gaussian_is_one(random_gaussian: Callable[..., WindowGaussian]) -> None:
    gaussian = random_gaussian()
    model = WindowDenoiser(gaussian, None, 0.01, 100.0)
    rng = torch.Generator().manual_seed(0)
    z = gaussian.sample(torch.randn(4000, *SHAPE, generator=rng))
    assert model.loss(z, SEASON, Draws(rng)).item() == pytest.approx(1, abs=0.01)
