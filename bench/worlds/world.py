"""A world: what real assimilation is given, and the exact answer beside it.

Three priors of one truth:

``exact``
    The Gaussian part is the truth and there is no network.
``misjudged``
    The Gaussian part is wrong: variances off by up to three either way by scale, too short a
    memory, no waves that travel. A stand-in for the network makes up for all of it, so the
    denoiser is exact: what a real prior is like, whose network knows more than its Gaussian.
``two_regimes``
    The truth is one of two Gaussians apart along a zonal pattern, which a Gaussian part with
    the right covariance cannot see; again the denoiser is exact. Few observations, so that the
    posterior keeps both.
"""

__all__ = ["WORLDS", "World", "build_world"]

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
import torch

from torch import Tensor, nn

from galerne.assimilate.posterior import Observations
from galerne.catalogue import channels
from galerne.latent.autoencoder import Autoencoder
from galerne.observe.operator import Interpolation
from galerne.prior.backbone import Backbone
from galerne.prior.denoiser import WindowDenoiser
from galerne.prior.gaussian import WindowGaussian
from galerne.stats.transform import Transform

from .posterior import Posterior, condition
from .sphere import Dynamics, Grid, window_gaussian

WORLDS = ("exact", "misjudged", "two_regimes")
CHANNELS = channels(["2m_temperature", "mean_sea_level_pressure"], ["temperature"], [500])
MIXING = np.array([[1.0, 0.3], [-0.5, 0.8], [0.6, 0.6]])  # latent channels to fields
STEP = np.timedelta64(6, "h")
START = np.datetime64("2001-01-01", "ns")
FACTOR = 3.0  # of the variances of the misjudged Gaussian, at either end
APART = 0.8  # half the distance of the two regimes, in standard deviations at its greatest


class LinearDecoder(Autoencoder):
    """Mixes latent channels into fields, point by point."""

    def __init__(self, matrix: np.ndarray) -> None:
        nn.Module.__init__(self)
        self.register_buffer("matrix", torch.from_numpy(matrix).float())

    def decode(self, z: Tensor) -> Tensor:
        """Decodes latents, (batch, latent, y, x), into fields, (batch, channel, lat, lon)."""
        return torch.einsum("cl,blyx->bcyx", self.matrix, z)

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


class PerfectNetwork(Backbone):
    """Stands in for a network: corrects the mean of a Gaussian to that of a known mixture.

    Arguments:
        assumed: The Gaussian part of the prior that is to be corrected.
        exact: The covariance of the truth around its regimes.
        means: The means of the regimes, shape (k, state, channel, y, x); equally likely.
    """

    def __init__(self, assumed: WindowGaussian, exact: WindowGaussian, means: np.ndarray) -> None:
        nn.Module.__init__(self)
        self.assumed, self.exact = assumed, exact
        self.register_buffer("means", torch.from_numpy(means).float())

    def forward(self, z_t: Tensor, guess: Tensor, level: Tensor, season: Tensor) -> Tensor:
        """Returns what is missing, in units of the Gaussian's uncertainty."""
        sigma, wide = level.exp(), (slice(None), None, None, None, None)
        z_t = z_t * (1 + sigma.square()).sqrt()[wide]
        weights, means = self._responsible(z_t, sigma), self.means.unbind()
        about = sum(w[wide] * mean for w, mean in zip(weights.unbind(-1), means, strict=True))
        mean = about + self.exact.denoise(z_t - about, sigma)
        return (mean - guess) / self.assumed.uncertainty(sigma)[wide]

    def _responsible(self, z_t: Tensor, sigma: Tensor) -> Tensor:
        """The probability of each regime given noisy windows, (batch, k)."""
        s2 = sigma.square().reshape(1, -1, 1)
        logits = []
        for mean in self.means:
            white = self.exact.apply_gain(
                mean.expand(len(z_t), *mean.shape).contiguous(), lambda v: 1 / (v + s2)
            )
            logits.append(((z_t - mean / 2) * white).flatten(1).sum(1))
        return torch.stack(logits, -1).softmax(-1)


@dataclass(frozen=True)
class World:
    """A truth, what is assumed of it, and what is observed.

    Arguments:
        name: One of ``WORLDS``.
        states: States in a window.
        prior: The denoiser that assimilation is given.
        truth: The distribution of windows of latents, in double precision.
        dynamics: The process behind it; of the regimes, around their means.
        table: Where, when and what is observed, and with what error; values are missing.
    """

    name: str
    states: int
    prior: WindowDenoiser
    truth: Posterior
    dynamics: Dynamics
    table: pd.DataFrame
    decoder: Autoencoder = field(default_factory=lambda: LinearDecoder(MIXING))

    @property
    def times(self) -> np.ndarray:
        """The times of the states."""
        return START + np.arange(self.states) * STEP

    @cached_property
    def transform(self) -> Transform:
        """No climatology, and scale one: fields are anomalies."""
        grid, count = self.dynamics.grid, len(CHANNELS)
        return Transform(
            channels=CHANNELS,
            coefficients=np.zeros((1, count, grid.rows, grid.columns)),
            variance=np.ones((1, count, grid.rows)),
            scale=np.ones(count),
            of_year=0,
            of_day=0,
            latitude=grid.latitude,
            longitude=grid.longitude,
        )

    @cached_property
    def decoding(self) -> np.ndarray:
        """The decoder as a matrix, windows of latents to windows of fields."""
        points = self.dynamics.grid.rows * self.dynamics.grid.columns
        return np.kron(np.eye(self.states), np.kron(MIXING, np.eye(points)))

    @cached_property
    def observing(self) -> np.ndarray:
        """The observation operator after the decoder as a matrix, shape (obs, latents)."""
        grid = self.dynamics.grid
        operator = Interpolation.build(
            self.table,
            times=self.times,
            channels=CHANNELS,
            latitude=grid.latitude,
            longitude=grid.longitude,
        )
        H = operator.adjoint(np.eye(len(self.table))).reshape(len(self.table), -1)
        return H @ self.decoding

    def observe(self, z: np.ndarray, rng: np.random.Generator) -> Observations:
        """Observes a window of latents, shape (latents,), with errors drawn."""
        error = self.table["error"].to_numpy()
        y = self.observing @ z + error * rng.normal(size=len(error))
        return Observations(self.table.assign(observation=y), self.times)

    def exact(self, observations: Observations) -> Posterior:
        """The exact posterior of fields."""
        y, error = (observations.table[key].to_numpy() for key in ("observation", "error"))
        return condition(self.truth, self.observing, y, error).seen_through(self.decoding)


def build_world(
    name: str, *, states: int = 3, grid: Grid | None = None, degree: int = 12, seed: int = 0
) -> World:
    """Builds a world.

    Arguments:
        name: One of ``WORLDS``.
        states: States in a window.
        grid: The grid of latents and fields.
        degree: The greatest degree of the harmonics.
        seed: Seed of the places that are observed.

    Raises:
        ValueError: If there is no such world.
    """
    if name not in WORLDS:
        raise ValueError(f"unknown world {name!r}; there are: {', '.join(WORLDS)}")
    grid = grid or Grid(8, 16)
    dynamics = Dynamics.build(grid, degree, turn=0.4)
    covariance = dynamics.covariance(states)
    means, assumed = np.zeros((1, len(covariance))), covariance
    if name == "misjudged":
        assumed = dynamics.misjudged(FACTOR).covariance(states)
    if name == "two_regimes":
        means = APART * np.stack([sign * _zonal_pattern(grid, states) for sign in (1, -1)])
        assumed = covariance + means.T @ means / 2
    gaussian = window_gaussian(assumed, states, dynamics.channels, grid)
    network = None
    if name != "exact":
        exact = window_gaussian(covariance, states, dynamics.channels, grid)
        shape = (len(means), states, dynamics.channels, grid.rows, grid.columns)
        network = PerfectNetwork(gaussian, exact, means.reshape(shape))
    prior = WindowDenoiser(gaussian, network, 0.01, 100.0).requires_grad_(False)
    truth = Posterior(np.full(len(means), 1 / len(means)), means, covariance)
    network_of_sites = (10, 0) if name == "two_regimes" else (60, 3)
    table = _table(np.random.default_rng(seed), states, *network_of_sites)
    return World(name, states, prior, truth, dynamics, table)


def _zonal_pattern(grid: Grid, states: int) -> np.ndarray:
    """A pattern of both channels that does not change with longitude, its greatest value one."""
    rows = np.sin(2 * np.radians(grid.latitude)) ** 2 * np.sign(grid.latitude)
    field_ = np.repeat(rows, grid.columns)
    return np.tile(np.concatenate([field_, -field_]), states)


def _table(rng: np.random.Generator, states: int, alone: int, clusters: int) -> pd.DataFrame:
    """Sites anywhere at any time, and dense clusters, which make the system ill-conditioned."""
    each = 15
    window = (states - 1) * STEP / np.timedelta64(1, "s")
    count = alone + clusters * each
    centre = rng.uniform([-60, 0], [60, 360], (clusters, 2)).repeat(each, 0)
    latitude = np.degrees(np.arcsin(rng.uniform(-1, 1, alone)))
    scattered = np.stack([latitude, rng.uniform(0, 360, alone)], 1)
    gathered = centre + rng.normal(0, 2, (clusters * each, 2))
    places = np.concatenate([scattered, gathered])
    moments = np.concatenate(
        [
            rng.uniform(0, window, alone),
            np.repeat(np.arange(clusters) % states, each) * (STEP / np.timedelta64(1, "s")),
        ]
    )
    kinds = rng.integers(0, len(CHANNELS), count)
    errors = np.concatenate([rng.choice([0.1, 0.3, 1.0], alone), np.full(clusters * each, 0.15)])
    return pd.DataFrame(
        {
            "time": START + moments.astype("timedelta64[s]"),
            "lat": places[:, 0].clip(-90, 90),
            "lon": places[:, 1] % 360,
            "level": [float(CHANNELS[k].level or np.nan) for k in kinds],
            "variable": [CHANNELS[k].variable for k in kinds],
            "observation": np.nan,
            "error": errors,
            "platform": np.where(np.arange(count) < alone, "stations", "cluster"),
            "station": [str(k) for k in range(count)],
            "withheld": False,
        }
    )
