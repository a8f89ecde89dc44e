r"""Members of an ensemble: windows of latents drawn by following a denoiser from noise.

Every member starts from noise of its own seed and follows a deterministic integrator of the
probability-flow equation (azula), so a member is the same whatever batch it is drawn in, up
to rounding.
"""

__all__ = ["SAMPLERS", "decode_members", "draw_windows", "member_noise"]

from collections.abc import Sequence

import numpy as np
import torch

from azula.denoise import Denoiser
from azula.sample import DDIMSampler, HeunSampler, Sampler, xEABSampler, zABSampler
from jaxtyping import Float
from torch import Tensor

from ..latent.autoencoder import Autoencoder
from ..nn.fit import generator

SAMPLERS: dict[str, type[Sampler]] = {
    "ddim": DDIMSampler,
    "heun": HeunSampler,
    "zab": zABSampler,
    "xeab": xEABSampler,
}


def member_noise(
    seed: int, members: Sequence[int], shape: tuple[int, ...]
) -> Float[Tensor, "member state channel y x"]:
    """Draws white noise for each member from a generator of its own."""
    return torch.stack([torch.randn(shape, generator=generator(seed, k)) for k in members])


def draw_windows(
    denoiser: Denoiser,
    noise: Float[Tensor, "member state channel y x"],
    *,
    sampler: str,
    steps: int,
    season: Float[Tensor, "1 4"],
) -> Float[Tensor, "member state channel y x"]:
    """Integrates from the greatest noise level to the least.

    Arguments:
        denoiser: The denoiser, of the prior or given observations.
        noise: White noise, one window for each member.
        sampler: Name of the integrator.
        steps: Steps from the greatest to the least noise level.
        season: Season and hour of the window.

    Raises:
        ValueError: If there is no such integrator.
        FloatingPointError: If a member is not finite in the end.
    """
    if sampler not in SAMPLERS:
        raise ValueError(f"unknown sampler {sampler!r}; allowed: {', '.join(SAMPLERS)}")
    walk = SAMPLERS[sampler](denoiser, steps=steps, silent=True)
    _, sigma = denoiser.schedule(torch.ones(()))
    z = walk((1 + sigma**2).sqrt() * noise, season=season)
    if not torch.isfinite(z).all():
        bad = (~torch.isfinite(z).flatten(1).all(1)).nonzero().flatten().tolist()
        raise FloatingPointError(f"members {bad} of the batch are not finite; take more steps")
    return z


@torch.no_grad()
def decode_members(
    autoencoder: Autoencoder, z: Float[Tensor, "member state channel y x"]
) -> Float[np.ndarray, "member state channel2 lat lon"]:
    """Decodes windows member by member into standardised anomalies [1]."""
    return torch.stack([autoencoder.decode(window) for window in z]).numpy()
