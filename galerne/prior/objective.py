"""How well a prior denoises windows it has not seen, by noise level."""

__all__ = ["NOISE_LEVELS", "validation_losses"]

import torch

from ..nn.fit import generator
from .backbone import calendar
from .denoiser import WindowDenoiser
from .window import LatentRecords

NOISE_LEVELS = (0.1, 0.3, 1.0, 3.0, 10.0)
WINDOWS = 16


@torch.no_grad()
def validation_losses(
    denoiser: WindowDenoiser, records: LatentRecords, seed: int
) -> dict[str, float]:
    """Returns the squared error of the denoiser over that of its Gaussian, by noise level.

    Arguments:
        denoiser: The denoiser.
        records: Records of the validation periods.
        seed: Seed of the noise, the same for both.

    Returns:
        One entry for each noise level, such as ``validation_at_sigma_0.1``; one is no gain.
    """
    chosen = torch.linspace(0, len(records) - 1, min(WINDOWS, len(records))).long().tolist()
    windows, starts = records.read(sorted(set(chosen)))
    device = denoiser.gaussian.mean.device
    z, season = windows.to(device), calendar(starts).to(device)
    losses = {}
    for level in NOISE_LEVELS:
        sigma = torch.full((), level, device=device)
        z_t = z + sigma * torch.randn(z.shape, generator=generator(seed, 0)).to(device)
        ours = (denoiser.mean(z_t, sigma, season) - z).square().mean()
        base = (denoiser.gaussian.denoise(z_t, sigma) - z).square().mean()
        losses[f"validation_at_sigma_{level:g}"] = (ours / base).item()
    return losses
