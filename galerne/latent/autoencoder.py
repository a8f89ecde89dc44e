r"""A convolutional autoencoder that starts from the best linear one.

The field is cut into patches of :math:`r \times r` points. With the leading principal
components :math:`P` of the patches (orthonormal, area-weighted over the training data),

.. math::
    u & = \tfrac{1}{g} P^T \mathrm{patches}(x) + e_\phi(x) &
    z & = s \odot b(u / s) \\
    \tilde{u} & = s \odot b^{-1}(z / s) &
    \hat{x} & = \mathrm{patches}^{-1} \left( g P \tilde{u} + d_\phi(\tilde{u}) \right)

where :math:`e_\phi, d_\phi` are residual convolutional networks over the sphere, zero at
first, :math:`g` makes the latents of unit mean variance, and :math:`s` is the standard
deviation of each latent channel. The saturation :math:`b(v) = v / \sqrt{1 + v^2 / B^2}`
bounds the latents as Appa does; it is undone exactly before decoding (up to
:math:`|v| = 2 B`, where the inverse goes on linearly so that gradients stay finite).

Because :math:`P` is orthonormal, noise of equal size on every latent is noise of equal size
on every standardised field, and the Gaussian prior of latents is one of fields.

What latents do not say is a residual :math:`\hat{x} - x`. Its covariance within a patch,
:math:`C = L L^T`, is measured on states that trained nothing
(:func:`galerne.latent.objective.residual_factor`), so residuals can be drawn: patches are
taken to be independent, of each other and of the latents.

References:
    | Appa: Bending Weather Dynamics with Latent Diffusion Models (Andry et al., 2025)
    | https://arxiv.org/abs/2504.18720
"""

__all__ = ["Autoencoder", "patch_components"]

from collections.abc import Iterable

import torch

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from ..nn.blocks import ResidualBlock
from ..nn.precision import reduced

LIMIT = 0.8  # of the squared bound: the inverse saturation is linear beyond, where v = 2 B


class Autoencoder(nn.Module):
    """Encodes standardised states into bounded latents and back.

    Arguments:
        channels: Channels of a state.
        latitudes: Rows of the grid.
        longitudes: Columns of the grid.
        latent_channels: Channels of a latent state.
        downsampling: Grid points per latent point and axis, the patch size.
        hidden_channels: Channels of the residual networks.
        blocks: Residual blocks of encoder and decoder each.
        bound: The bound of each latent, in its standard deviations.
        networks: Whether there are networks beside the linear part.

    Raises:
        ValueError: If the grid does not divide into patches, or a patch holds fewer numbers
            than the latent has channels.
    """

    def __init__(
        self,
        channels: int,
        latitudes: int,
        longitudes: int,
        latent_channels: int,
        downsampling: int,
        hidden_channels: int,
        blocks: int,
        bound: float,
        networks: bool = True,
    ) -> None:
        super().__init__()
        features = channels * downsampling**2
        if latitudes % downsampling or longitudes % downsampling:
            raise ValueError(
                f"{latitudes} x {longitudes} points do not divide into patches of "
                f"{downsampling} x {downsampling}"
            )
        if latent_channels > features:
            raise ValueError(
                f"latent_channels {latent_channels} exceeds the {features} numbers of a patch"
            )
        self.downsampling, self.bound = downsampling, bound
        self.precision = "float32"  # of the network that decodes
        self.grid = (latitudes // downsampling, longitudes // downsampling)
        self.register_buffer("basis", torch.eye(features)[:, :latent_channels].contiguous())
        self.register_buffer("unit", torch.ones(()))
        self.register_buffer("spread", torch.ones(latent_channels))
        self.register_buffer("residual", torch.zeros(features, features))
        self.encoder = self.decoder = None
        if networks:
            inner = (hidden_channels, blocks, self.grid)
            self.encoder = _residual_network(features, latent_channels, *inner)
            self.decoder = _residual_network(latent_channels, features, *inner)

    def start_from(
        self, basis: Float[Tensor, "feature latent"], variance: Float[Tensor, "latent"]
    ) -> None:
        """Sets the linear part: components of the patches, and their variances."""
        unit = variance.mean().sqrt()
        self.basis.copy_(basis)
        self.unit.copy_(unit)
        self.spread.copy_((variance.sqrt() / unit).clamp_min(1e-3))

    def encode(
        self, x: Float[Tensor, "batch channel lat lon"]
    ) -> Float[Tensor, "batch latent y x"]:
        """Encodes standardised anomalies [1] into latents [1]."""
        patches = pixel_unshuffle(x, self.downsampling)
        u = torch.einsum("bfyx,fk->bkyx", patches, self.basis) / self.unit
        if self.encoder is not None:
            u = u + self.encoder(patches)
        v = u / self._spread
        return self._spread * v * torch.rsqrt(1 + (v / self.bound) ** 2)

    def decode(
        self, z: Float[Tensor, "batch latent y x"]
    ) -> Float[Tensor, "batch channel lat lon"]:
        """Decodes latents [1] into standardised anomalies [1]."""
        v = z / self._spread
        v = v * torch.rsqrt(1 - ((v / self.bound) ** 2).clamp_max(LIMIT))
        patches = torch.einsum("bkyx,fk->bfyx", self.unit * self._spread * v, self.basis)
        if self.decoder is not None:
            with reduced(self.precision, z.device):
                added = self.decoder(v)
            patches = patches + added.float()
        return pixel_shuffle(patches, self.downsampling)

    def decode_linearly(
        self, z: Float[Tensor, "batch latent y x"]
    ) -> Float[Tensor, "batch channel lat lon"]:
        """Decodes small latents by the linear part alone [1]."""
        patches = torch.einsum("bkyx,fk->bfyx", self.unit * z, self.basis)
        return pixel_shuffle(patches, self.downsampling)

    def decode_points(
        self, z: Float[Tensor, "batch state latent y x"], points: Int[Tensor, " point"]
    ) -> Float[Tensor, "batch point"]:
        """Decodes some points of small latents by the linear part alone [1].

        Arguments:
            z: Windows of latents.
            points: Places in the flattened fields, (state, channel, lat, lon).
        """
        side, (rows, columns) = self.downsampling, self.grid
        rest, x = points // (columns * side), points % (columns * side)
        rest, y = rest // (rows * side), rest % (rows * side)
        channels = len(self.basis) // side**2
        state, channel = rest // channels, rest % channels
        feature = (channel * side + y % side) * side + x % side
        place = (state * rows + y // side) * columns + x // side
        latents = z.movedim(2, -1).flatten(1, 3).index_select(1, place)
        return self.unit * torch.einsum("bpk,pk->bp", latents, self.basis[feature])

    def residuals(
        self, noise: Float[Tensor, "batch channel lat lon"]
    ) -> Float[Tensor, "batch channel lat lon"]:
        """Turns white noise into what the latents of a state do not say [1]."""
        patches = pixel_unshuffle(noise, self.downsampling)
        patches = torch.einsum("fg,bgyx->bfyx", self.residual, patches)
        return pixel_shuffle(patches, self.downsampling)

    @property
    def _spread(self) -> Tensor:
        return self.spread[:, None, None]


def _residual_network(
    inputs: int, outputs: int, hidden: int, blocks: int, grid: tuple[int, int]
) -> nn.Sequential:
    last = nn.Conv2d(hidden, outputs, 1)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(
        nn.Conv2d(inputs, hidden, 1),
        _Place(hidden, *grid),
        *(ResidualBlock(hidden) for _ in range(blocks)),
        last,
    )


class _Place(nn.Module):
    """Adds what is learnt about each place: mountains and coasts do not move."""

    def __init__(self, channels: int, rows: int, columns: int) -> None:
        super().__init__()
        self.features = nn.Parameter(torch.zeros(channels, rows, columns))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.features


def patch_components(
    blocks: Iterable[Float[Tensor, "_ channel lat lon"]],
    areas: Float[Tensor, "lat"],
    downsampling: int,
    components: int,
) -> tuple[Float[Tensor, "feature latent"], Float[Tensor, "latent"]]:
    """Finds the area-weighted principal components of the patches of some fields.

    Arguments:
        blocks: Standardised fields, block by block.
        areas: The share of the sphere of each latitude row [1].
        downsampling: Points per patch and axis.
        components: Components kept.

    Returns:
        The components, orthonormal columns by falling variance, and their mean variances
        over the latent grid (each point alike).
    """
    weights = areas.reshape(-1, downsampling).sum(-1).double()
    weights = weights / weights.sum()
    weighted, plain, count = 0.0, 0.0, 0
    for block in blocks:
        patches = pixel_unshuffle(block, downsampling).double()
        flat = patches * weights.sqrt()[:, None]
        weighted = weighted + torch.einsum("bfyx,bgyx->fg", flat, flat)
        plain = plain + torch.einsum("bfyx,bgyx->fg", patches, patches)
        count += len(block)
    points = patches.shape[-2] * patches.shape[-1]
    _, vectors = torch.linalg.eigh(weighted)
    basis = vectors.flip(-1)[:, :components]
    # The largest entry of each component is positive: the same basis on every machine.
    peaks = basis.gather(0, basis.abs().argmax(0, keepdim=True))
    basis = basis * peaks.sign()
    variance = torch.einsum("fk,fg,gk->k", basis, plain, basis) / (count * points)
    return basis.float(), variance.float()
