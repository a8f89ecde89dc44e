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

__all__ = ["LorenzWorld", "build_lorenz"]

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from torch import Tensor, nn

from galerne.assimilate.posterior import Observations
from galerne.catalogue import channels
from galerne.latent.autoencoder import Autoencoder
from galerne.prior.denoiser import WindowDenoiser
from galerne.prior.gaussian import WindowGaussian
from galerne.stats.transform import Transform

from .mixture import MixtureNetwork, Seen, draw_given, linearised

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
        seen = self.seen(observations)
        numbers, (centre, scale) = 3 * seen.state + seen.number, (CENTRE[0], SCALE[0])
        z = draw_given(
            self.means, self.covariances, numbers,
            (seen.value - centre) / scale, seen.error / scale, rng, count,
        )  # fmt: skip
        return z.reshape(count, self.states, 3) * SCALE + CENTRE

    def seen(self, observations: Observations) -> Seen:
        """Finds what a table of observations sees: the first variable."""
        table = observations.table
        state = np.searchsorted(self.times, table["time"].to_numpy())
        value, error = (table[name].to_numpy() for name in ("observation", "error"))
        return Seen(state, np.zeros_like(state), value, error)

    def follow(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Takes states, shape (count, 3), forward by a step, with noise."""
        return _noisy(x, rng)


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
    centre, scale = torch.from_numpy(CENTRE), torch.from_numpy(SCALE)
    means, covariances = linearised(
        lambda u: (advance(u * scale + centre) - centre) / scale,
        (torch.from_numpy(x) - centre) / scale,
        states,
        torch.full((3,), SPREAD**2, dtype=torch.float64),
        STEP / scale**2,
    )
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
