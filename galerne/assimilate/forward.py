r"""The forward operator: from windows of latents to what the instruments would see.

.. math:: A(z) = H \left( c + s \odot D(z) \right)

with the decoder :math:`D`, the climatology :math:`c` and scale :math:`s` of the transform, and
the observation operator :math:`H` in physical units.
"""

__all__ = ["ForwardOperator"]

import numpy as np
import torch

from jaxtyping import Float
from torch import Tensor, nn

from ..latent.autoencoder import Autoencoder
from ..observe.operator import Interpolation


class ForwardOperator(nn.Module):
    """Decodes windows of latents and observes them.

    Arguments:
        autoencoder: The decoder.
        operator: The observation operator, for the states of a window.
        climatology: The climatology at the states of the window [unit of each channel].
        scale: The scale of anomalies at the states of the window [unit of each channel].
    """

    def __init__(
        self,
        autoencoder: Autoencoder,
        operator: Interpolation,
        climatology: Float[np.ndarray, "state channel lat lon"],
        scale: Float[np.ndarray, "state channel lat 1"],
    ) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        count, places = operator.indices.shape
        self.shape = (count, places)
        # What the climatology alone would show, in double precision: pressure is large
        # against its anomalies.
        offset = torch.from_numpy(operator.apply(climatology.astype(np.float64)))
        row = operator.indices // operator.shape[3]
        weights = operator.weights * scale.reshape(-1)[row]
        self.register_buffer("offset", offset.double())
        self.register_buffer("indices", torch.from_numpy(operator.indices.reshape(-1)))
        self.register_buffer("weights", torch.from_numpy(weights).float())

    def forward(self, z: Float[Tensor, "batch state latent y x"]) -> Float[Tensor, "batch obs"]:
        """Returns what is seen of the anomalies [unit of each variable]."""
        anomaly = self.autoencoder.decode(z.flatten(0, 1)).reshape(len(z), -1)
        seen = anomaly.index_select(1, self.indices).unflatten(1, self.shape)
        return (seen * self.weights).sum(-1)

    def innovate(self, observation: Float[np.ndarray, "obs"]) -> Float[Tensor, "obs"]:
        """Takes the climatology out of observations [unit of each variable]."""
        observed = torch.tensor(observation, dtype=torch.float64, device=self.offset.device)
        return (observed - self.offset).float()
