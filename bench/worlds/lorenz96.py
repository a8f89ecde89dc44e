r"""Lorenz-96 with noise: forty numbers around a circle of latitude, chaotic.

.. math:: \dot{x}_i = (x_{i+1} - x_{i-2}) x_{i-1} - x_i + 8

by one step of Runge and Kutta of length :math:`\Delta = 0.05` (six hours, as errors grow), and
noise of variance :math:`\Delta` after each. As in Lorenz-63 (:mod:`bench.worlds.lorenz`), first
states lie close around many points of the attractor, so that windows are a mixture of Gaussians,
whose denoiser and posterior are closed forms. The Gaussian part of the prior, which does not
change with longitude, sees none of the parts.

Two references know nothing of the closed forms: a bootstrap filter of the true dynamics, and an
ensemble Kalman smoother, which is what a Gaussian makes of as many true trajectories.

A state is a latent of one channel and one row, decoded onto two rows.

References:
    | Predictability: A problem partly solved (Lorenz, 1996), section 3, equation 1
    | https://www.ecmwf.int/en/elibrary/75462-predictability-problem-partly-solved
    | Sequential data assimilation with a nonlinear quasi-geostrophic model using Monte Carlo
      methods to forecast error statistics (Evensen, 1994)
    | https://doi.org/10.1029/94JC00572
"""

__all__ = ["Lorenz96World", "build_lorenz96", "smooth_ensemble"]

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from torch import Tensor, nn

from galerne.assimilate.posterior import Observations
from galerne.catalogue import channels
from galerne.latent.autoencoder import Autoencoder
from galerne.prior.denoiser import WindowDenoiser
from galerne.stats.transform import Transform

from .mixture import MixtureNetwork, Seen, draw_given, linearised
from .sphere import Grid, window_gaussian

SIZE, FORCING = 40, 8.0
STEP = 0.05  # time units
CENTRE, SCALE = 2.35, 3.7  # mean and standard deviation over 1000 steps of 128 trajectories
SPREAD = 0.1  # of a first state around its point [SCALE]
CHANNELS = channels(["2m_temperature"], [], [])
INTERVAL = np.timedelta64(6, "h")
START = np.datetime64("2001-01-01", "ns")


def _velocity(x: Tensor) -> Tensor:
    return (x.roll(-1, -1) - x.roll(2, -1)) * x.roll(1, -1) - x + FORCING


def advance(x: Tensor) -> Tensor:
    """Takes states, shape (..., 40), forward by a step, without noise."""
    k1 = _velocity(x)
    k2 = _velocity(x + STEP / 2 * k1)
    k3 = _velocity(x + STEP / 2 * k2)
    k4 = _velocity(x + STEP * k3)
    return x + STEP / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


class OneRow(Autoencoder):
    """Shows the state on two rows."""

    def __init__(self) -> None:
        nn.Module.__init__(self)

    def decode(self, z: Tensor) -> Tensor:
        """Decodes latents, (batch, 1, 1, 40), into fields, (batch, 1, 2, 40)."""
        return z.expand(-1, -1, 2, -1)

    def decode_linearly(self, z: Tensor) -> Tensor:
        """The same: nothing is left out."""
        return self.decode(z)

    def residuals(self, noise: Tensor) -> Tensor:
        """None: latents say all."""
        return torch.zeros_like(noise)


@dataclass(frozen=True)
class Lorenz96World:
    """Windows of Lorenz-96.

    Arguments:
        states: States in a window.
        prior: The denoiser that assimilation is given.
        points: First states, shape (k, 40) [1].
        means: Means of the parts of the mixture, shape (k, n) [SCALE, about CENTRE].
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

    def first(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Draws first states, shape (count, 40) [1]."""
        chosen = self.points[rng.integers(len(self.points), size=count)]
        return chosen + SPREAD * SCALE * rng.normal(size=(count, SIZE))

    def follow(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Takes states, shape (count, 40), forward by a step, with noise."""
        return advance(torch.from_numpy(x)).numpy() + np.sqrt(STEP) * rng.normal(size=x.shape)

    def draw(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Draws windows of the true dynamics, shape (count, state, 40) [1]."""
        x = [self.first(rng, count)]
        for _ in range(self.states - 1):
            x.append(self.follow(x[-1], rng))
        return np.stack(x, axis=1)

    def observe(
        self,
        window: np.ndarray,
        states: list[int],
        sites: int,
        error: float,
        rng: np.random.Generator,
    ) -> Observations:
        """Observes a window at some states.

        Arguments:
            window: The window, shape (state, 40) [1].
            states: Which states.
            sites: At how many sites, equally far apart.
            error: The error of an observation [1].
            rng: Source of the errors.
        """
        state, place = np.meshgrid(states, np.arange(0, SIZE, SIZE // sites), indexing="ij")
        state, place = state.ravel(), place.ravel()
        value = window[state, place] + error * rng.normal(size=len(place))
        table = pd.DataFrame({"time": self.times[state], "lat": 45.0, "lon": place * 360 / SIZE})
        table = table.assign(
            level=np.nan,
            variable=CHANNELS[0].variable,
            observation=value,
            error=error,
            platform="lorenz",
            station=place.astype(str),
            withheld=False,
        )
        return Observations(table, self.times)

    def seen(self, observations: Observations) -> Seen:
        """Finds what a table of observations sees."""
        table = observations.table
        state = np.searchsorted(self.times, table["time"].to_numpy())
        place = (table["lon"].to_numpy() * SIZE / 360).round().astype(int)
        return Seen(state, place, table["observation"].to_numpy(), table["error"].to_numpy())

    def windows(self, members: np.ndarray) -> np.ndarray:
        """Fields as the pipeline writes them, (member, n), to windows, (member, state, 40)."""
        return members.reshape(len(members), self.states, 2, SIZE)[:, :, 0]

    def exact(
        self, observations: Observations, rng: np.random.Generator, count: int
    ) -> np.ndarray:
        """Draws from the exact posterior of the mixture, (count, state, 40) [1]."""
        seen = self.seen(observations)
        numbers, value = SIZE * seen.state + seen.number, (seen.value - CENTRE) / SCALE
        z = draw_given(
            self.means, self.covariances, numbers, value, seen.error / SCALE, rng, count
        )
        return z.reshape(count, self.states, SIZE) * SCALE + CENTRE


def build_lorenz96(states: int = 3, parts: int = 64, seed: int = 0) -> Lorenz96World:
    """Builds the world from points of trajectories.

    Arguments:
        states: States in a window.
        parts: Points of the attractor, and Gaussians of the mixture.
        seed: Seed of the trajectories.
    """
    rng = np.random.default_rng(seed)
    x = torch.from_numpy(FORCING + rng.normal(size=(parts, SIZE)))
    for _ in range(800):  # 40 time units
        x = advance(x) + STEP**0.5 * torch.from_numpy(rng.normal(size=x.shape))
    unit = torch.ones(SIZE, dtype=torch.float64)
    means, covariances = linearised(
        lambda u: (advance(u * SCALE + CENTRE) - CENTRE) / SCALE,
        (x - CENTRE) / SCALE,
        states,
        SPREAD**2 * unit,
        STEP / SCALE**2 * unit,
    )
    # The Gaussian part is centred, and the same at all longitudes.
    total = covariances.mean(0) + means.T @ means / parts
    total = total.numpy().reshape(states, SIZE, states, SIZE)
    total = sum(np.roll(total, (k, k), axis=(1, 3)) for k in range(SIZE)) / SIZE
    n = states * SIZE
    model = window_gaussian(total.reshape(n, n), states, 1, Grid(1, SIZE))
    network = MixtureNetwork(model, means, covariances)
    prior = WindowDenoiser(model, network, 0.002, 100.0).requires_grad_(False)
    transform = Transform(
        channels=CHANNELS,
        coefficients=np.full((1, 1, 2, SIZE), CENTRE),
        variance=np.ones((1, 1, 2)),
        scale=np.array([SCALE]),
        of_year=0,
        of_day=0,
        latitude=np.array([45.0, -45.0]),
        longitude=np.arange(SIZE) * 360 / SIZE,
    )
    found = (means.numpy(), covariances.numpy())
    return Lorenz96World(states, prior, x.numpy(), *found, OneRow(), transform)


def smooth_ensemble(
    world: Lorenz96World, observations: Observations, rng: np.random.Generator, count: int
) -> np.ndarray:
    """Draws windows given observations by an ensemble Kalman smoother, all at once.

    Trajectories of the true dynamics are moved by the gain of their own covariances, towards
    observations with errors drawn. Exact for a large ensemble where all is Gaussian.

    Arguments:
        world: Where trajectories come from.
        observations: What conditions the window.
        rng: Source of noise.
        count: The number of members.

    Returns:
        Windows, shape (count, state, 40) [1].
    """
    seen, x = world.seen(observations), world.draw(rng, count)
    shown = x[:, seen.state, seen.number]
    apart, gaps = (part - part.mean(0) for part in (x.reshape(count, -1), shown))
    system = gaps.T @ gaps / (count - 1) + np.diag(seen.error**2)
    innovation = seen.value + seen.error * rng.normal(size=shown.shape) - shown
    moved = np.linalg.solve(system, innovation.T).T @ (gaps.T @ apart) / (count - 1)
    return x + moved.reshape(x.shape)
