r"""Observations in units of their errors, with the identity as the covariance of the errors.

With standard deviations :math:`E` and the Cholesky factor :math:`L` of the correlation,
:math:`R = E L L^T E`, and :math:`L^{-1} E^{-1} \eta` is white. The correlation is a matrix of
blocks (:mod:`galerne.observe.correlation`); independent errors are only divided by :math:`E`.
"""

__all__ = ["Whitening"]

import numpy as np
import pandas as pd
import torch

from jaxtyping import Float
from scipy.linalg import solve_triangular
from torch import Tensor, nn

from ..observe.correlation import block_factors


class Whitening(nn.Module):
    """Divides by the square root of the covariance of the errors.

    Arguments:
        observations: A table of observations with their errors and correlations.
    """

    def __init__(self, observations: pd.DataFrame) -> None:
        super().__init__()
        error = torch.tensor(observations["error"].to_numpy(), dtype=torch.float32)
        self.register_buffer("error", error)
        blocks = block_factors(observations)
        self.correlated = bool(blocks)
        if not blocks:
            return
        # Blocks are padded to the largest with rows of zeros, which read row 0 and are dropped.
        size = max(len(rows) for rows, _ in blocks)
        inverse, index = np.zeros((len(blocks), size, size)), np.zeros((len(blocks), size), int)
        order = np.arange(len(observations))  # where each row is found, behind the blocks or in
        for k, (rows, factor) in enumerate(blocks):
            n = len(rows)
            inverse[k, :n, :n] = solve_triangular(factor, np.eye(n), lower=True)
            index[k, :n] = rows
            order[rows] = len(observations) + k * size + np.arange(n)
        self.register_buffer("inverse", torch.from_numpy(inverse).float())
        self.register_buffer("index", torch.from_numpy(index.ravel()))
        self.register_buffer("order", torch.from_numpy(order))

    def forward(self, seen: Float[Tensor, "*batch obs"]) -> Float[Tensor, "*batch obs"]:
        """Whitens what is seen [unit of each variable], into no unit."""
        scaled = seen / self.error
        if not self.correlated:
            return scaled
        blocks = scaled.index_select(-1, self.index).unflatten(-1, self.inverse.shape[:2])
        white = torch.einsum("kij,...kj->...ki", self.inverse, blocks).flatten(-2)
        return torch.cat([scaled, white], -1).index_select(-1, self.order)
