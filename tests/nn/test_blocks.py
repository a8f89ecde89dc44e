"""Convolutions know no date line; a residual block begins as the identity."""

import pytest
import torch

from galerne.nn.blocks import ResidualBlock, SphereConv


@pytest.mark.parametrize("size", [1, 3, 5])
def test_convolution_keeps_the_grid_and_turns_with_the_globe(size) -> None:
    conv = SphereConv(2, 3, size)
    x = torch.randn(2, 2, 6, 8)
    assert conv(x).shape == (2, 3, 6, 8)
    for turn in (1, 5):
        torch.testing.assert_close(conv(x.roll(turn, -1)), conv(x).roll(turn, -1))


def test_a_mean_over_neighbours_by_hand_at_a_pole() -> None:
    conv = SphereConv(1, 1)
    torch.nn.init.constant_(conv.weight, 1.0)
    torch.nn.init.zeros_(conv.bias)
    x = torch.zeros(1, 1, 4, 8)
    x[0, 0, 0, 1] = 1
    seen = torch.zeros(4, 8)
    seen[:2, 0:3] = 1
    seen[0, 4:7] = 1  # across the pole
    torch.testing.assert_close(conv(x)[0, 0].detach(), seen)


def test_residual_block_is_the_identity_at_first() -> None:
    x = torch.randn(2, 4, 6, 8)
    assert torch.equal(ResidualBlock(4)(x), x)


def test_residual_block_turns_with_the_globe_and_learns() -> None:
    block = ResidualBlock(4)
    torch.nn.init.normal_(block.second.weight)
    x = torch.randn(2, 4, 6, 8)
    assert not torch.equal(block(x), x)
    torch.testing.assert_close(block(x.roll(3, -1)), block(x).roll(3, -1))
    ResidualBlock(4)(x).square().mean().backward()


def test_gradients_reach_a_residual_block_that_is_the_identity() -> None:
    block = ResidualBlock(4)
    block(torch.randn(2, 4, 6, 8)).square().mean().backward()
    assert block.second.weight.grad.abs().max() > 0
