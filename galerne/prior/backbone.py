r"""A diffusion transformer over windows of latents, at home on the sphere.

Tokens are patches of latents of one state. Their position is the state's place in the window
and the point on the unit sphere, so the date line is no border and the poles are points; it
enters as an embedding and turns queries and keys (rotary). The noise level and the season and
hour of the window modulate every block (azula's DiT).

References:
    | Scalable Diffusion Models with Transformers (Peebles & Xie, 2022)
    | https://arxiv.org/abs/2212.09748
"""

__all__ = ["Backbone", "calendar"]

import numpy as np
import torch

from azula.nn.dit import DiT
from azula.nn.layers import Patchify, SineEncoding, Unpatchify
from jaxtyping import Float
from torch import Tensor, nn

CALENDAR = 4  # cosine and sine of season and hour


class Backbone(nn.Module):
    """Maps noisy windows and a first guess to a correction; zero at first.

    Arguments:
        states: States in a window.
        channels: Latent channels.
        rows: Latent rows.
        columns: Latent columns.
        patch: Latent points per token and axis.
        hidden_channels: Channels of a token.
        blocks: Transformer blocks.
        heads: Attention heads.

    Raises:
        ValueError: If the latent grid does not divide into patches.
    """

    def __init__(
        self,
        states: int,
        channels: int,
        rows: int,
        columns: int,
        patch: int,
        hidden_channels: int,
        blocks: int,
        heads: int,
    ) -> None:
        super().__init__()
        if rows % patch or columns % patch:
            raise ValueError(f"{rows} x {columns} latents do not divide into patches of {patch}")
        self.patch = Patchify((patch, patch))
        self.unpatch = Unpatchify((patch, patch))
        self.grid = (rows // patch, columns // patch)
        features = channels * patch**2
        self.level = SineEncoding(hidden_channels, omega=1e2)
        self.modulation = nn.Sequential(
            nn.Linear(hidden_channels + CALENDAR, hidden_channels),
            nn.SiLU(),
            nn.Linear(hidden_channels, hidden_channels),
        )
        self.transformer = DiT(
            in_channels=2 * features,
            out_channels=features,
            mod_features=hidden_channels,
            pos_channels=4,
            hid_channels=hidden_channels,
            hid_blocks=blocks,
            attention_heads=heads,
            rope=True,
        )
        nn.init.zeros_(self.transformer.out_proj.weight)
        nn.init.zeros_(self.transformer.out_proj.bias)
        self.register_buffer("positions", _positions(states, *self.grid), persistent=False)

    def forward(
        self,
        z_t: Float[Tensor, "batch state channel y x"],
        guess: Float[Tensor, "batch state channel y x"],
        level: Float[Tensor, "batch"],
        season: Float[Tensor, "batch 4"],
    ) -> Float[Tensor, "batch state channel y x"]:
        r"""Computes the correction.

        Arguments:
            z_t: Noisy windows, scaled to about unit variance.
            guess: The Gaussian's mean given them.
            level: The logarithm of the noise level.
            season: Cosine and sine of season and hour, see :func:`calendar`.
        """
        x = self.patch(torch.cat([z_t, guess], dim=2))
        x = x.movedim(2, -1).flatten(1, 3)
        mod = self.modulation(torch.cat([self.level(10 * level), season], dim=-1))
        y = self.transformer(x, mod, pos=self.positions)
        y = y.unflatten(1, (z_t.shape[1], *self.grid)).movedim(-1, 2)
        return self.unpatch(y)


def calendar(times: np.ndarray) -> Float[Tensor, "batch 4"]:
    """Cosine and sine of the day of year and of the hour of day of some times (UTC)."""
    times = times.astype("datetime64[h]")
    year = (times - times.astype("datetime64[Y]")) / np.timedelta64(1, "h") / (365.2422 * 24)
    day = (times - times.astype("datetime64[D]")) / np.timedelta64(1, "h") / 24
    turns = 2 * np.pi * np.stack([year, day], axis=-1)
    return torch.from_numpy(np.concatenate([np.cos(turns), np.sin(turns)], axis=-1)).float()


def _positions(states: int, rows: int, columns: int) -> Float[Tensor, "token 4"]:
    """State in the window and point on the sphere of each token, scaled for embeddings."""
    time = torch.arange(states, dtype=torch.float32)
    latitude = torch.pi * ((torch.arange(rows) + 0.5) / rows - 0.5)
    longitude = 2 * torch.pi * torch.arange(columns) / columns
    t, lat, lon = torch.meshgrid(time, latitude, longitude, indexing="ij")
    sphere = [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
    return torch.stack([t, *(columns / 2 * axis for axis in sphere)], dim=-1).flatten(0, 2)
