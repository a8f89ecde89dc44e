"""Draws members in a world: by the engine of the pipeline, or by azula's as published.

The published setting is that of Appa: MMPS with two iterations of GMRES and the Jacobian of
the denoiser, 32 steps of a predictor and two corrections of amplitude 0.1; decoder, operator and
denoiser are the same objects as ours, counted the same way.

References:
    | Appa: Bending Weather Dynamics with Latent Diffusion Models (Andry et al., 2025)
    | https://arxiv.org/abs/2504.18720
"""

__all__ = ["PUBLISHED", "Drawn", "all_methods", "default_method", "draw", "draw_published"]

import time

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
import yaml

from azula.guidance.mmps import MMPSDenoiser
from azula.linalg.covariance import IsotropicCovariance
from azula.sample import PCSampler

from galerne.assimilate.forward import ForwardOperator
from galerne.assimilate.posterior import Observations, draw_posterior_windows
from galerne.assimilate.whitening import Whitening
from galerne.latent.autoencoder import Autoencoder
from galerne.observe.operator import Interpolation
from galerne.prior.backbone import calendar
from galerne.prior.denoiser import WindowDenoiser
from galerne.prior.trajectory import Noise, decode_members
from galerne.stats.logarithm import epsilons
from galerne.stats.transform import Transform

from .counting import Count, counted

DEFAULT = Path(__file__).parents[2] / "config" / "default.yaml"
PUBLISHED = {"steps": 32, "corrections": 2, "delta": 0.1, "iterations": 2}


class Given(Protocol):
    """What a draw needs of a world."""

    prior: WindowDenoiser
    decoder: Autoencoder
    transform: Transform


@dataclass(frozen=True)
class Drawn:
    """An ensemble and what it cost.

    Arguments:
        members: Windows of fields, shape (member, n).
        count: The evaluations of all members together.
        seconds: Wall time [s].
    """

    members: np.ndarray
    count: Count
    seconds: float

    @property
    def evaluations(self) -> float:
        """Evaluations of decoder and denoiser for a member."""
        return self.count.total() / len(self.members)

    @property
    def closed_forms(self) -> float:
        """Applications of the Gaussian part's closed form for a member."""
        return self.count.windows["gaussian forward"] / len(self.members)


def all_methods() -> dict[str, dict[str, object]]:
    """The settings of every method in ``config/default.yaml``, by name.

    Priors of worlds have no local part.
    """
    methods = yaml.safe_load(DEFAULT.read_text())["methods"]
    return {
        name: block | {"local": None} if "local" in block else block
        for name, block in methods.items()
    }


def default_method() -> tuple[str, dict[str, object]]:
    """The name and the settings of the method that ``config/default.yaml`` assimilates with."""
    (experiment,) = yaml.safe_load(DEFAULT.read_text())["experiments"].values()
    name = experiment["methods"][0]
    return name, all_methods()[name]


def draw(
    world: Given,
    observations: Observations,
    method: dict[str, object],
    *,
    members: Sequence[int],
    seed: int,
) -> Drawn:
    """Draws members as the pipeline does.

    Arguments:
        world: Prior, decoder and transform.
        observations: What conditions the window.
        method: Settings as under ``methods`` in the configuration.
        members: The members to draw.
        seed: Seed of the noise.
    """
    prior, decoder, count = counted(world.prior, world.decoder)
    begun = time.perf_counter()
    fields = draw_posterior_windows(
        prior, decoder, world.transform, observations, members=members, seed=seed, **method
    )
    seconds = time.perf_counter() - begun
    return Drawn(fields.reshape(len(fields), -1), count, seconds)


def draw_published(
    world: Given,
    observations: Observations,
    *,
    members: Sequence[int],
    seed: int,
    setting: dict[str, float] | None = None,
) -> Drawn:
    """Draws members by azula's MMPS and predictor-corrector, in the published setting.

    Arguments:
        world: Prior, decoder and transform.
        observations: What conditions the window.
        members: The members to draw.
        seed: Seed of the noise.
        setting: What differs from ``PUBLISHED``.
    """
    setting = PUBLISHED | (setting or {})
    prior, decoder, count = counted(world.prior, world.decoder)
    transform, table, times = world.transform, observations.table, observations.times
    operator = Interpolation.build(
        table,
        times=times,
        channels=transform.channels,
        latitude=transform.latitude,
        longitude=transform.longitude,
    )
    centre, scale = transform.centre(times), transform.scale_at(times)
    white = Whitening(table)
    A = ForwardOperator(decoder, operator, centre, scale, epsilons(transform.channels), white)
    y = A.innovate(table["observation"].to_numpy())
    unit = IsotropicCovariance(1.0)
    given = MMPSDenoiser(prior, y, A, unit.__matmul__, "gmres", setting["iterations"])
    pc = {key: setting[key] for key in ("steps", "corrections", "delta")}
    sampler = PCSampler(given, silent=True, **pc)
    begun = time.perf_counter()
    noise = Noise(seed, members)
    _, sigma = prior.schedule(torch.ones(()))
    torch.manual_seed(seed)
    start = (1 + sigma**2).sqrt() * noise("start", prior.gaussian.shape)
    z = sampler(start, season=calendar(times[:1]))
    fields = transform.inverse(decode_members(decoder, z, noise), times)
    seconds = time.perf_counter() - begun
    return Drawn(fields.reshape(len(fields), -1), count, seconds)
