r"""What the autoencoder is trained for: the area-weighted squared error of noisy latents.

.. math:: \mathcal{L} = \mathbb{E} \sum_{c, i, j} a_i \left( D(E(x) + \epsilon) - x
    \right)_{cij}^2, \qquad \epsilon \sim \mathcal{N}(0, \nu^2 I)

The noise makes the decoder smooth at the scale that a diffusion sampler can resolve.
"""

__all__ = ["error_table", "reconstruction_loss", "relative_errors"]

import numpy as np
import pandas as pd
import torch

from jaxtyping import Float
from torch import Tensor

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
