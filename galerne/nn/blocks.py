"""Convolutions over the sphere and the residual block made of them."""

__all__ = ["ResidualBlock", "SphereConv"]

import torch

from azula.nn.layers import LayerNorm
from jaxtyping import Float
from torch import Tensor, nn

from .padding import pad_sphere


class SphereConv(nn.Conv2d):
    """A convolution with an odd square kernel whose input is continued over the sphere.

    Arguments:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        size: Size of the kernel, odd.
    """

    def __init__(self, in_channels: int, out_channels: int, size: int = 3) -> None:
        super().__init__(in_channels, out_channels, size)

    def forward(
        self, x: Float[Tensor, "batch channel lat lon"]
    ) -> Float[Tensor, "batch channel2 lat lon"]:
        """Convolves, keeping the grid."""
        return super().forward(pad_sphere(x, self.kernel_size[0] // 2))


class ResidualBlock(nn.Module):
    """Normalise, convolve, activate, convolve, add; the identity at first.

    Arguments:
        channels: Channels of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = LayerNorm(dim=-3)
        self.first = SphereConv(channels, channels)
        self.second = SphereConv(channels, channels)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(
        self, x: Float[Tensor, "batch channel lat lon"]
    ) -> Float[Tensor, "batch channel lat lon"]:
        """Transforms the features, keeping the grid."""
        return x + self.second(torch.nn.functional.silu(self.first(self.norm(x))))
