r"""What the worlds of Lorenz share: mixtures of Gaussians, a particle filter, and a distance.

First states lie around many points of an attractor. Along the trajectory of each point the
dynamics are linearised, which makes the window a mixture of as many Gaussians: its denoiser, and
its posterior given observations of some numbers, are known in closed form. A bootstrap filter of
the true dynamics knows nothing of that.
"""

__all__ = [
    "MixtureNetwork",
    "Seen",
    "distance",
    "draw_given",
    "filter_particles",
    "linearised",
]

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
import torch

from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.special import softmax
from torch import Tensor, nn

from galerne.assimilate.posterior import Observations
from galerne.prior.backbone import Backbone
from galerne.prior.gaussian import WindowGaussian


class Seen(NamedTuple):
    """Observations of single numbers of a window.

    Arguments:
        state: The state of each, shape (obs,).
        number: Which number of the state, shape (obs,).
        value: What was observed, shape (obs,) [units of the state].
        error: With what error, shape (obs,).
    """

    state: np.ndarray
    number: np.ndarray
    value: np.ndarray
    error: np.ndarray


class Chaos(Protocol):
    """What a particle filter needs of a world."""

    states: int

    def first(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Draws first states, shape (count, n)."""

    def follow(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Takes states forward by a step, with noise."""

    def seen(self, observations: Observations) -> Seen:
        """Finds what a table of observations sees."""


class MixtureNetwork(Backbone):
    """Stands in for a network: corrects the Gaussian to the mean of a mixture.

    Arguments:
        assumed: The Gaussian part of the prior.
        means: The means of the parts, shape (k, n).
        covariances: Their covariances, shape (k, n, n).
    """

    def __init__(self, assumed: WindowGaussian, means: Tensor, covariances: Tensor) -> None:
        nn.Module.__init__(self)
        self.assumed = assumed
        values, vectors = torch.linalg.eigh(covariances)
        self.register_buffer("means", means.float())
        self.register_buffer("values", values.clamp_min(0).float())
        self.register_buffer("flat", vectors.movedim(1, 0).flatten(1).float())  # (n, k n)
        shifts = torch.einsum("ki,kij->kj", means, vectors)
        self.register_buffer("shifts", shifts.float())

    def forward(self, z_t: Tensor, guess: Tensor, level: Tensor, season: Tensor) -> Tensor:
        """Returns what is missing, in units of the Gaussian's uncertainty."""
        sigma = level.exp()
        z = z_t.flatten(1) * (1 + sigma.square()).sqrt()[:, None]
        mean = self.mean(z, sigma.square()).view_as(guess)
        return (mean - guess) / self.assumed.uncertainty(sigma)[:, None, None, None, None]

    def mean(self, z: Tensor, s2: Tensor) -> Tensor:
        """The mean of clean windows, shape (batch, n), given noisy ones and their variance."""
        count, size = self.means.shape
        noisy = self.values + s2[0]  # one noise level for the batch
        along = (z @ self.flat).view(-1, count, size) - self.shifts
        logits = -(along.square() / noisy).sum(-1) / 2 - noisy.log().sum(-1) / 2
        weights = logits.softmax(-1)
        shrunk = along * (self.values / noisy) * weights[..., None]
        return weights @ self.means + shrunk.flatten(1) @ self.flat.T


def linearised(
    advance: Callable[[Tensor], Tensor], x: Tensor, states: int, spread: Tensor, noise: Tensor
) -> tuple[Tensor, Tensor]:
    """Means and covariances of windows that begin around some points.

    Arguments:
        advance: The dynamics, of states, shape (..., n).
        x: The points, shape (k, n).
        states: States in a window.
        spread: Variances of a first state about its point, shape (n,).
        noise: Variances of the noise of a step, shape (n,).

    Returns:
        Shapes (k, states n) and (k, states n, states n).
    """
    jacobian: Callable[[Tensor], Tensor] = torch.vmap(torch.func.jacfwd(advance))
    mean, covariance = [x], [[spread.diag().expand(len(x), -1, -1)]]
    for _ in range(states - 1):
        J = jacobian(mean[-1])
        mean.append(advance(mean[-1]))
        last = [J @ block for block in covariance[-1]]  # of the new state with those before
        covariance.append([*last, last[-1] @ J.mT + noise.diag()])
    blocks = [
        torch.cat([covariance[i][j] if i >= j else covariance[j][i].mT for j in range(states)], -1)
        for i in range(states)
    ]
    return torch.stack(mean, 1).flatten(1), torch.cat(blocks, 1)


def draw_given(
    means: np.ndarray,
    covariances: np.ndarray,
    numbers: np.ndarray,
    value: np.ndarray,
    error: np.ndarray,
    rng: np.random.Generator,
    count: int,
) -> np.ndarray:
    """Draws from the exact posterior of a mixture of Gaussians, shape (count, n).

    Arguments:
        means: Means of the parts, equally likely, shape (k, n).
        covariances: Their covariances, shape (k, n, n).
        numbers: Which numbers are observed.
        value: What was observed.
        error: With what error.
        rng: Source of the draws.
        count: How many.
    """
    cross = covariances[:, :, numbers]
    system = cross[:, numbers] + np.diag(error**2)
    innovation = value - means[:, numbers]
    white = np.linalg.solve(system, innovation[..., None])[..., 0]
    fit = (innovation * white).sum(-1) + np.linalg.slogdet(system)[1]
    chosen = rng.choice(len(fit), count, p=softmax(-fit / 2))
    z = np.empty((count, means.shape[1]))
    for k in np.unique(chosen):
        gain = np.linalg.solve(system[k], cross[k].T).T
        within = covariances[k] - gain @ cross[k].T
        mean = means[k] + gain @ innovation[k]
        z[chosen == k] = rng.multivariate_normal(mean, within, (chosen == k).sum())
    return z


def filter_particles(
    world: Chaos, observations: Observations, rng: np.random.Generator, count: int = 16_384
) -> np.ndarray:
    """Draws windows given observations by a bootstrap filter of the true dynamics.

    Whole trajectories are resampled at each observed state, as in the paper of SDA.

    Arguments:
        world: Where first states come from, and where they go.
        observations: What conditions the window.
        rng: Source of noise.
        count: The number of particles.

    Returns:
        Windows of equal weight, shape (count, state, n) [units of the state].
    """
    seen = world.seen(observations)
    x = world.first(rng, count)[:, None]
    for k in range(world.states):
        if k:
            x = np.concatenate([x, world.follow(x[:, -1], rng)[:, None]], axis=1)
        now = seen.state == k
        if now.any():
            gap = (x[:, -1, seen.number[now]] - seen.value[now]) / seen.error[now]
            weights = softmax(-(gap**2).sum(-1) / 2)
            places = (np.arange(count) + rng.uniform()) / count  # systematic resampling
            x = x[np.searchsorted(weights.cumsum(), places).clip(max=count - 1)]
    return x


def distance(x: np.ndarray, y: np.ndarray) -> float:
    """The 1-Wasserstein (earth mover's) distance of two ensembles of one size.

    Arguments:
        x: An ensemble, shape (member, ...).
        y: Another, of the same shape.

    Raises:
        ValueError: If the ensembles differ in size.
    """
    if len(x) != len(y):
        raise ValueError(f"{len(x)} members against {len(y)}")
    costs = cdist(x.reshape(len(x), -1), y.reshape(len(y), -1))
    return float(costs[linear_sum_assignment(costs)].mean())
