r"""What the autoencoder is trained for: the area-weighted squared error of noisy latents.

.. math:: \mathcal{L} = \mathbb{E} \sum_{c, i, j} a_i \left( D(E(x) + \epsilon) - x
    \right)_{cij}^2, \qquad \epsilon \sim \mathcal{N}(0, \nu^2 I)

The noise makes the decoder smooth at the scale that a diffusion sampler can resolve.
"""

__all__ = ["error_table", "reconstruction_loss", "relative_errors", "residual_factor"]

import numpy as np
import pandas as pd
import torch

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pixel_unshuffle

from ..nn.parallel import Draws
from ..stats.transform import Transform
from .autoencoder import Autoencoder


def reconstruction_loss(
    model: Autoencoder,
    x: Float[Tensor, "batch channel lat lon"],
    areas: Float[Tensor, "lat"],
    noise: float,
    draws: Draws,
) -> Float[Tensor, ""]:
    """Returns the mean squared error of decoded noisy latents [1].

    Arguments:
        model: The autoencoder.
        x: Standardised anomalies [1].
        areas: The share of the sphere of each row [1].
        noise: Standard deviation of the noise on latents [1].
        draws: Source of the noise.
    """
    z = model.encode(x)
    z = z + noise * draws.normal(z.shape)
    return _mean_square(model.decode(z) - x, areas).mean()


@torch.no_grad()
def relative_errors(
    model: Autoencoder, x: Float[Tensor, "batch channel lat lon"], areas: Float[Tensor, "lat"]
) -> Float[Tensor, "channel"]:
    """Returns the error of each channel over the size of its anomalies [1].

    The model may be on another device than the fields, which move to it part by part.
    """
    device = model.spread.device
    error = torch.cat(
        [model.decode(model.encode(part.to(device))).to(x.device) - part for part in x.split(64)]
    )
    return (_mean_square(error, areas) / _mean_square(x, areas)).sqrt()


@torch.no_grad()
def residual_factor(
    model: Autoencoder, x: Float[Tensor, "batch channel lat lon"], areas: Float[Tensor, "lat"]
) -> Float[Tensor, "feature feature"]:
    r"""Returns the Cholesky factor of the covariance of residuals within a patch [1].

    Arguments:
        model: The trained autoencoder.
        x: Standardised states that it was not trained on [1].
        areas: The share of the sphere of each row [1].
    """
    device, step = model.spread.device, model.downsampling
    weights = areas.double().reshape(-1, step).sum(-1)
    weights = (weights / weights.sum()).sqrt()[:, None]
    total, count = 0.0, 0
    for part in x.split(64):
        left = model.decode(model.encode(part.to(device))).to(x.device) - part
        patches = pixel_unshuffle(left, step).double() * weights
        total = total + torch.einsum("bfyx,bgyx->fg", patches, patches)
        count += len(part) * patches.shape[-1]
    covariance = total / count
    # Fewer states than numbers in a patch leave it singular; the floor is far below any error.
    floor = 1e-6 * covariance.diagonal().mean().clamp_min(1e-12)
    return torch.linalg.cholesky(covariance + floor * torch.eye(len(covariance))).float()


def error_table(relative: Float[np.ndarray, "channel"], transform: Transform) -> pd.DataFrame:
    """Tabulates relative errors [1] and what they are in physical units."""
    return pd.DataFrame(
        {
            "channel": [str(channel) for channel in transform.channels],
            "relative_rmse": relative,
            "rmse": relative * transform.scale,
        }
    )


def _mean_square(x: Tensor, areas: Tensor) -> Tensor:
    return torch.einsum("bcij,i->c", x.square(), areas) / (len(x) * x.shape[-1])
