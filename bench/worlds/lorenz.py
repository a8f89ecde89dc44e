r"""Lorenz-63 with noise: windows of a chaotic system, their denoiser, and a particle filter.

.. math:: \dot{x} = 10 (y - x), \quad \dot{y} = x (28 - z) - y, \quad \dot{z} = x y - \tfrac83 z

by one step of Runge and Kutta of length :math:`\Delta = 0.025`, and noise of variance
:math:`\Delta` after each, as in the paper. The first state is drawn around one of many points
of the attractor, with a small spread. Along the trajectory of each point the dynamics are
linearised, which makes the window a mixture of as many Gaussians: its denoiser, and its
posterior given linear observations, are known in closed form. A bootstrap filter of the true
dynamics, from the same first states, knows nothing of that; the distance of the two is what the
linearisation costs.

A state is a latent of three channels and one point, decoded onto a grid of 2 x 2 points.

References:
    | Score-based Data Assimilation (Rozet & Louppe, 2023), section 4.1
    | https://arxiv.org/abs/2306.10574
"""

__all__ = ["LorenzWorld", "build_lorenz", "distance", "filter_particles"]

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.special import softmax
from torch import Tensor, nn

from galerne.assimilate.posterior import Observations
from galerne.catalogue import channels
from galerne.latent.autoencoder import Autoencoder
from galerne.prior.backbone import Backbone
from galerne.prior.denoiser import WindowDenoiser
from galerne.prior.gaussian import WindowGaussian
from galerne.stats.transform import Transform

STEP = 0.025  # time units
CENTRE, SCALE = np.array([0.0, 0.0, 25.0]), np.array([8.0, 9.0, 8.6])
SPREAD = 0.08  # of a first state around its point, in units of SCALE
CHANNELS = channels(["2m_temperature", "mean_sea_level_pressure", "surface_pressure"], [], [])
INTERVAL = np.timedelta64(6, "h")  # states are that far apart, in name
START = np.datetime64("2001-01-01", "ns")


def _velocity(x: Tensor) -> Tensor:
    a, b, c = x.unbind(-1)
    return torch.stack([10 * (b - a), a * (28 - c) - b, a * b - 8 / 3 * c], -1)


def advance(x: Tensor) -> Tensor:
    """Takes states, shape (..., 3), forward by a step, without noise."""
    k1 = _velocity(x)
    k2 = _velocity(x + STEP / 2 * k1)
    k3 = _velocity(x + STEP / 2 * k2)
    k4 = _velocity(x + STEP * k3)
    return x + STEP / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


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


class OnePoint(Autoencoder):
    """Shows the state everywhere on a grid of 2 x 2 points."""

    def __init__(self) -> None:
        nn.Module.__init__(self)

    def decode(self, z: Tensor) -> Tensor:
        """Decodes latents, (batch, 3, 1, 1), into fields, (batch, 3, 2, 2)."""
        return z.expand(-1, -1, 2, 2)

    def decode_linearly(self, z: Tensor) -> Tensor:
        """The same: nothing is left out."""
        return self.decode(z)

    def decode_points(self, z: Tensor, points: Tensor) -> Tensor:
        """Some points of windows of fields."""
        fields = self.decode_linearly(z.flatten(0, 1)).unflatten(0, z.shape[:2])
        return fields.flatten(1).index_select(1, points)

    def residuals(self, noise: Tensor) -> Tensor:
        """None: latents say all."""
        return torch.zeros_like(noise)


@dataclass(frozen=True)
class LorenzWorld:
    """Windows of Lorenz-63.

    Arguments:
        states: States in a window.
        prior: The denoiser that assimilation is given.
        points: First states, shape (k, 3) [Lorenz units].
        means: Means of the parts of the mixture, shape (k, n) [SCALE].
        covariances: Their covariances, shape (k, n, n).
    """

    states: int
    prior: WindowDenoiser
    points: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    decoder: Autoencoder
    transform: Transform

    @property
    def times(self) -> np.ndarray:
        """The times of the states, in name."""
        return START + np.arange(self.states) * INTERVAL

    def draw(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Draws windows of the true dynamics, shape (count, state, 3) [Lorenz units]."""
        x = [self.first(rng, count)]
        for _ in range(self.states - 1):
            x.append(_noisy(x[-1], rng))
        return np.stack(x, axis=1)

    def first(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Draws first states, shape (count, 3) [Lorenz units]."""
        chosen = self.points[rng.integers(len(self.points), size=count)]
        return chosen + SPREAD * SCALE * rng.normal(size=(count, 3))

    def observe(
        self, window: np.ndarray, every: int, error: float, rng: np.random.Generator
    ) -> Observations:
        """Observes the first variable of a window.

        Arguments:
            window: The window, shape (state, 3) [Lorenz units].
            every: Steps between observations, from the first state on.
            error: Their error [SCALE].
            rng: Source of the errors.
        """
        rows, error = np.arange(0, self.states, every), error * SCALE[0]
        table = pd.DataFrame({"time": self.times[rows], "lat": 0.0, "lon": 0.0, "level": np.nan})
        table = table.assign(
            variable=CHANNELS[0].variable,
            observation=window[rows, 0] + error * rng.normal(size=len(rows)),
            error=error,
            platform="lorenz",
            station="0",
            withheld=False,
        )
        return Observations(table, self.times)

    def windows(self, members: np.ndarray) -> np.ndarray:
        """Fields as the pipeline writes them, (member, n), to windows, (member, state, 3)."""
        return members.reshape(len(members), self.states, 3, 4)[..., 0]

    def exact(
        self, observations: Observations, rng: np.random.Generator, count: int
    ) -> np.ndarray:
        """Draws from the exact posterior of the mixture, (count, state, 3) [Lorenz units]."""
        table = observations.table
        rows = np.searchsorted(self.times, table["time"].to_numpy())
        G = np.zeros((len(rows), self.means.shape[1]))
        G[np.arange(len(rows)), 3 * rows] = 1
        y = (table["observation"].to_numpy() - CENTRE[0]) / SCALE[0]
        R = np.diag((table["error"].to_numpy() / SCALE[0]) ** 2)
        cross = self.covariances @ G.T
        system, innovation = G @ cross + R, y - self.means @ G.T
        white = np.linalg.solve(system, innovation[..., None])[..., 0]
        fit = (innovation * white).sum(-1) + np.linalg.slogdet(system)[1]
        chosen = rng.choice(len(fit), count, p=softmax(-fit / 2))
        z = np.empty((count, self.means.shape[1]))
        for k in np.unique(chosen):
            gain = np.linalg.solve(system[k], cross[k].T).T
            within = self.covariances[k] - gain @ cross[k].T
            mean = self.means[k] + gain @ innovation[k]
            z[chosen == k] = rng.multivariate_normal(mean, within, (chosen == k).sum())
        return z.reshape(count, self.states, 3) * SCALE + CENTRE


def _noisy(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return advance(torch.from_numpy(x)).numpy() + np.sqrt(STEP) * rng.normal(size=x.shape)


def build_lorenz(states: int = 9, parts: int = 512, seed: int = 0) -> LorenzWorld:
    """Builds the world from points of a long trajectory.

    Arguments:
        states: States in a window.
        parts: Points of the attractor, and Gaussians of the mixture.
        seed: Seed of the trajectories.
    """
    rng = np.random.default_rng(seed)
    x = CENTRE + SCALE * rng.normal(size=(parts, 3))
    for _ in range(800):  # 20 time units
        x = _noisy(x, rng)
    means, covariances = _linearised(torch.from_numpy(x), states)
    together = means.mean(0)
    apart = means - together
    total = covariances.mean(0) + apart.T @ apart / parts
    model = WindowGaussian(states, 3, 1, 1, 3)
    values, vectors = torch.linalg.eigh(total)
    model.space.copy_(torch.view_as_real(torch.eye(3).to(torch.complex64))[None])
    model.joint.copy_(torch.view_as_real(vectors.flip(-1).contiguous().to(torch.complex64))[None])
    model.variance.copy_(values.flip(-1)[None].clamp_min(0))
    model.rest.copy_(torch.view_as_real(torch.eye(states).to(torch.complex64))[None])
    # The Gaussian has one mean for all states; what it lacks is the network's to know.
    model.mean.copy_(together.view(states, 3).mean(0)[:, None, None])
    network = MixtureNetwork(model, means, covariances)
    prior = WindowDenoiser(model, network, 0.002, 100.0).requires_grad_(False)
    transform = Transform(
        channels=CHANNELS,
        coefficients=np.broadcast_to(CENTRE[None, :, None, None], (1, 3, 2, 2)).copy(),
        variance=np.ones((1, 3, 2)),
        scale=SCALE,
        of_year=0,
        of_day=0,
        latitude=np.array([45.0, -45.0]),
        longitude=np.array([0.0, 180.0]),
    )
    found = (means.numpy(), covariances.numpy())
    return LorenzWorld(states, prior, x, *found, OnePoint(), transform)


def _linearised(x: Tensor, states: int) -> tuple[Tensor, Tensor]:
    """Means and covariances of windows from some points, in units of SCALE."""
    scale = torch.from_numpy(SCALE)
    noise = STEP * torch.diag(scale**-2)
    jacobian: Callable[[Tensor], Tensor] = torch.vmap(torch.func.jacfwd(advance))
    mean, covariance = [x], [[(SPREAD**2 * torch.eye(3, dtype=x.dtype)).expand(len(x), 3, 3)]]
    for _ in range(states - 1):
        J = jacobian(mean[-1]) * scale / scale[:, None]
        mean.append(advance(mean[-1]))
        last = [J @ block for block in covariance[-1]]  # of the new state with those before
        covariance.append([*last, last[-1] @ J.mT + noise])
    blocks = [
        torch.cat([covariance[i][j] if i >= j else covariance[j][i].mT for j in range(states)], -1)
        for i in range(states)
    ]
    means = (torch.stack(mean, 1) - torch.from_numpy(CENTRE)) / scale
    return means.flatten(1), torch.cat(blocks, 1)


def filter_particles(
    world: LorenzWorld, observations: Observations, rng: np.random.Generator, count: int = 16_384
) -> np.ndarray:
    """Draws windows given observations by a bootstrap filter of the true dynamics.

    Whole trajectories are resampled at each observation, as in the paper.

    Arguments:
        world: Where first states come from.
        observations: What conditions the window.
        rng: Source of noise.
        count: The number of particles.

    Returns:
        Windows of equal weight, shape (count, state, 3) [Lorenz units].
    """
    table = observations.table.set_index("time")
    x = world.first(rng, count)[:, None]
    for k, time in enumerate(world.times):
        if k:
            x = np.concatenate([x, _noisy(x[:, -1], rng)[:, None]], axis=1)
        if time in table.index:
            row = table.loc[time]
            weights = softmax(-(((x[:, -1, 0] - row["observation"]) / row["error"]) ** 2) / 2)
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
