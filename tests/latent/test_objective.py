"""The training error by hand: areas, noise, and errors relative to each channel."""

import numpy as np
import pytest
import torch

from galerne.catalogue import channels
from galerne.latent.autoencoder import Autoencoder
from galerne.latent.objective import (
    error_table,
    reconstruction_loss,
    relative_errors,
    residual_factor,
)
from galerne.nn.fit import generator
from galerne.nn.parallel import Draws
from galerne.stats.transform import Transform

AREAS = torch.tensor([0.25, 0.75])


def linear(*basis: float, bound: float = 1e6) -> Autoencoder:
    """Two channels at each point, projected onto one direction."""
    model = Autoencoder(2, 2, 4, 1, 1, 4, 1, bound).requires_grad_(False)
    model.basis.copy_(torch.tensor(basis)[:, None])
    return model


def fields(first: float, second: float, states: int = 3) -> torch.Tensor:
    """One value in each row of each channel: (first, second) and twice of them."""
    rows = torch.tensor([[first, 2.0 * first], [second, 2.0 * second]])
    return rows[None, :, :, None].expand(states, 2, 2, 4).contiguous()


def test_loss_weighs_rows_by_area_and_channels_alike() -> None:
    loss = reconstruction_loss(linear(1.0, 0.0), fields(5, 3), AREAS, 0.0, Draws(generator(0, 0)))
    assert loss.item() == pytest.approx((0 + (0.25 * 3**2 + 0.75 * 6**2)) / 2)


def test_noise_on_latents_adds_its_variance() -> None:
    x = fields(5, 0, 4000)
    loss = reconstruction_loss(linear(1.0, 0.0), x, AREAS, 0.3, Draws(generator(0, 0)))
    assert loss.item() == pytest.approx(0.3**2 / 2, rel=4 * (2 / 20_000) ** 0.5)


def test_loss_hangs_on_the_generator_alone() -> None:
    def draw(step: int) -> float:
        rng = generator(0, step)
        return reconstruction_loss(linear(1.0, 0.0), fields(5, 3), AREAS, 0.3, Draws(rng)).item()

    assert draw(1) == draw(1) != draw(2)


def test_gradients_reach_encoder_and_decoder() -> None:
    model = linear(0.6, 0.8).requires_grad_(True)
    reconstruction_loss(model, fields(5, 3), AREAS, 0.1, Draws(generator(0, 0))).backward()
    for network in (model.encoder, model.decoder):
        assert network[-1].weight.grad.abs().max() > 0


def test_relative_error_is_that_of_each_channel_over_its_size() -> None:
    a, b = 5.0, 3.0
    u = 0.6 * a + 0.8 * b
    expected = torch.tensor([abs(0.6 * u - a) / a, abs(0.8 * u - b) / b])
    torch.testing.assert_close(relative_errors(linear(0.6, 0.8), fields(a, b), AREAS), expected)


def test_relative_error_does_not_hang_on_units_or_batches() -> None:
    x = torch.randn(130, 2, 2, 4, generator=generator(0, 0))
    whole = relative_errors(linear(0.6, 0.8), x, AREAS)
    torch.testing.assert_close(relative_errors(linear(0.6, 0.8), 7 * x, AREAS), whole)
    torch.testing.assert_close(relative_errors(linear(0.6, 0.8), x.flip(0), AREAS), whole)
    assert not whole.requires_grad


def test_relative_error_weighs_rows_by_area() -> None:
    x = fields(5, 3)
    x[:, 0, 0], x[:, 1, 1] = 0, 0
    # Row 1 has the first channel alone (10), row 0 the second alone (3).
    found = relative_errors(linear(0.6, 0.8), x, AREAS)
    first = 0.25 * (0.48 * 3) ** 2 + 0.75 * (0.64 * 10) ** 2
    second = 0.25 * (0.36 * 3) ** 2 + 0.75 * (0.48 * 10) ** 2
    expected = torch.tensor([first / (0.75 * 10**2), second / (0.25 * 3**2)]).sqrt()
    torch.testing.assert_close(found, expected)


def test_errors_are_tabulated_in_the_unit_of_each_channel() -> None:
    transform = Transform(
        channels=channels(["2m_temperature"], ["geopotential"], [500]),
        coefficients=np.zeros((1, 2, 2, 4)),
        variance=np.ones((1, 2, 2)),
        scale=np.array([4.0, 900.0]),
        of_year=0,
        of_day=0,
        latitude=np.array([45.0, -45.0]),
        longitude=np.arange(4) * 90.0,
    )
    table = error_table(np.array([0.5, 0.1]), transform)
    assert table.columns.tolist() == ["channel", "relative_rmse", "rmse"]
    assert table.values.tolist() == [["2m_temperature", 0.5, 2.0], ["geopotential_500", 0.1, 90.0]]


def test_residuals_are_drawn_with_the_covariance_that_was_measured() -> None:
    """Latents hold one direction of two: the other is left, and its rows weigh by area."""
    model = linear(0.6, 0.8)
    x = fields(1.0, -2.0, states=4) * torch.tensor([1.0, -1.0, 2.0, -2.0])[:, None, None, None]
    left = model.decode(model.encode(x)) - x
    outer = torch.einsum("bfyx,bgyx->bfgyx", left, left).mean((0, 4))
    expected = (outer * AREAS).sum(-1).double()
    model.residual.copy_(residual_factor(model, x, AREAS))
    torch.testing.assert_close(
        (model.residual @ model.residual.T).double(), expected, atol=1e-4, rtol=1e-3
    )
    drawn = model.residuals(torch.randn(5000, 2, 2, 4)).movedim(1, -1).flatten(0, 2)
    torch.testing.assert_close(drawn.T.cov().double(), expected, atol=0.05, rtol=0.05)
