r"""The local ensemble transform Kalman filter, with an ensemble of the climate.

Prior: the Gaussian of the covariance of :math:`N` trajectories of the training data, localised.
Likelihood: that of the observations, whose errors grow with their distance :math:`d` from
the point and time analysed: :math:`R^{-1} \to \rho R^{-1}`, with the function of Gaspari and Cohn
:math:`\rho`, in space times in time. With perturbations :math:`X`, what is seen of
them :math:`Y`, whitened, and the innovation :math:`\delta`,

.. math:: \tilde{P} = \left( (N - 1) I + Y^T \rho Y \right)^{-1}, \quad
    \bar{w} = \tilde{P} Y^T \rho \, \delta, \quad
    W = \left( (N - 1) \tilde{P} \right)^{1/2}, \quad x_k = X (\bar{w} + W_k)

at each point and time; trajectories make observations at other times count, and forecasts.
Weights are smooth: they are found at every ``stride``-th row and column, and interpolated.

References:
    | Efficient data assimilation for spatiotemporal chaos (Hunt et al., 2007), section 2.3
    | https://doi.org/10.1016/j.physd.2006.11.008
    | Construction of correlation functions (Gaspari and Cohn, 1999), equation 4.10
    | https://doi.org/10.1002/qj.49712555417
    | Weight interpolation for efficient data assimilation with the LETKF (Yang et al., 2009)
    | https://doi.org/10.1002/qj.353
"""

__all__ = ["analyse_locally"]

import numpy as np
import torch

from jaxtyping import Float
from torch import Tensor

from ..assimilate.distances import gaspari_cohn
from .fields import Case, distances

LEAST = 1e-3  # weights of observations below it are none


def analyse_locally(
    case: Case,
    ensemble: Float[Tensor, "n state channel lat lon"],
    *,
    length_km: float,
    hours: float,
    inflation: float = 1.0,
    stride: int = 2,
) -> Float[Tensor, "member state channel lat lon"]:
    """Returns some members of the analysis [1].

    Arguments:
        case: What is to be analysed; member ``k`` is the ``k``-th of the ensemble.
        ensemble: Trajectories of anomalies [1]; their mean is taken out, so that the prior is
            about the climatology.
        length_km: Distance from which observations do not count [km].
        hours: Distance in time from which they do not [h].
        inflation: What the variance of the prior is multiplied by [1].
        stride: Rows and columns from one point to the next at which weights are found.

    Raises:
        ValueError: If there are more members than the ensemble has.
    """
    count, members = len(ensemble), list(case.members)
    if max(members) >= count:
        raise ValueError(f"member {max(members)}: the ensemble has {count} trajectories only")
    X = (ensemble - ensemble.mean(0)) * inflation**0.5
    if case.table.empty:
        return X[members]
    seen = case.operator(X)
    Y, innovation = seen - seen.mean(0), case.y - seen.mean(0)
    latitude, longitude = case.transform.latitude, case.transform.longitude
    rows = sorted({*range(0, len(latitude), stride), len(latitude) - 1})
    columns = list(range(0, len(longitude), stride))
    apart = distances(case, latitude[rows], longitude[columns])
    near = gaspari_cohn(2 * apart / length_km)
    analysed = []
    for k in range(len(case.times)):
        lag = np.abs(case.hours - k * case.step_hours)
        weights = _weights(Y, innovation, near * gaspari_cohn(2 * lag / hours), members)
        weights = weights.unflatten(0, (len(rows), len(columns)))
        weights = torch.einsum("ij,jlnm->ilnm", _linear(len(latitude), rows), weights)
        weights = torch.einsum("kl,ilnm->iknm", _around(len(longitude), columns), weights)
        analysed.append(torch.einsum("ncik,iknm->mcik", X[:, k], weights))
    return torch.stack(analysed, 1)


def _weights(
    Y: Tensor, innovation: Tensor, rho: np.ndarray, members: list[int]
) -> Float[Tensor, "node n m"]:
    """The weights of the trajectories in each member, at every node."""
    count = len(Y)
    known = torch.empty(len(rho), count, count)
    pulled = torch.empty(len(rho), count, 1)
    for node, weight in enumerate(rho):
        chosen = np.flatnonzero(weight > LEAST)
        own = Y[:, torch.from_numpy(chosen)]
        scaled = own * torch.from_numpy(weight[chosen]).float()
        known[node] = scaled @ own.T
        pulled[node] = scaled @ innovation[torch.from_numpy(chosen), None]
    values, vectors = torch.linalg.eigh(known)
    values = values.clamp_min(0)[..., None] + (count - 1)
    mean = vectors @ ((vectors.mT @ pulled) / values)
    root = vectors @ (((count - 1) / values).sqrt() * vectors.mT)
    return mean + root[..., members]


def _linear(size: int, nodes: list[int]) -> Float[Tensor, "size node"]:
    """Linear interpolation from some rows to all."""
    eye = np.eye(len(nodes))
    found = [np.interp(np.arange(size), nodes, column) for column in eye]
    return torch.from_numpy(np.stack(found, 1)).float()


def _around(size: int, nodes: list[int]) -> Float[Tensor, "size node"]:
    """Linear interpolation from some columns to all, around the globe."""
    eye = np.eye(len(nodes))
    found = [np.interp(np.arange(size), nodes, column, period=size) for column in eye]
    return torch.from_numpy(np.stack(found, 1)).float()
