r"""An ensemble given observations: the states that a task asks for, cutoff by cutoff.

For each cutoff the observations up to it condition the whole window, and the states asked
for are kept. A member has the same noise for every cutoff. Where no observation may be used, the
states are the prior's.

A draw that was cut goes on after its last saved step; of a finished cutoff the latents are
kept and decoded again, since fields are many times larger.
"""

__all__ = ["Observations", "draw_posterior_windows", "draw_states", "unobserved", "usable"]

import logging

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from jaxtyping import Float
from torch import Tensor

from ..jobs.progress import Progress
from ..latent.autoencoder import Autoencoder
from ..observe.operator import ObservationOperator
from ..observe.task import Cutoff
from ..prior.backbone import calendar
from ..prior.denoiser import WindowDenoiser
from ..prior.trajectory import Noise, decode_members, draw_windows
from ..stats.logarithm import epsilons
from ..stats.transform import Transform
from .forward import ForwardOperator
from .methods import guide
from .whitening import Whitening

log = logging.getLogger(__name__)
DRAWS = 64  # of residuals, whose variance is so known to within 18 % (1 / sqrt(32))


@dataclass(frozen=True)
class Observations:
    """What conditions a window.

    Arguments:
        table: The observations; those withheld or after the cutoff are already gone.
        times: The times of the states of the window, shape (state,).
    """

    table: pd.DataFrame
    times: np.ndarray


def usable(
    observations: pd.DataFrame, times: np.ndarray, last_observation: np.datetime64
) -> Observations:
    """Keeps what may be used: not withheld, within the window, not after the cutoff."""
    when = observations["time"]
    kept = ~observations["withheld"] & (when >= times[0]) & (when <= last_observation)
    return Observations(observations[kept].reset_index(drop=True), times)


def unobserved(
    observations: pd.DataFrame, times: np.ndarray, asked: Sequence[Cutoff]
) -> list[np.datetime64]:
    """Lists the cutoffs for which no observation may be used, by the last time of each.

    Arguments:
        observations: All observations.
        times: The times of the states of the window, shape (state,).
        asked: The cutoffs of the task.
    """
    ends = [cutoff.last_observation for cutoff in asked]
    return [end for end in ends if usable(observations, times, end).table.empty]


def draw_states(
    prior: WindowDenoiser,
    autoencoder: Autoencoder,
    transform: Transform,
    table: pd.DataFrame,
    times: np.ndarray,
    asked: Sequence[Cutoff],
    *,
    progress: Progress,
    **settings: object,
) -> Float[np.ndarray, "member state channel lat lon"]:
    """Draws the states that a task asks for, cutoff after cutoff [unit of each variable].

    Arguments:
        prior: The prior over windows of latents.
        autoencoder: The decoder.
        transform: The transform between anomalies and fields.
        table: All observations.
        times: The times of the states of the window, shape (state,).
        asked: The cutoffs of the task.
        progress: Where the draw is saved.
        settings: Passed to :func:`draw_posterior_windows`.

    Raises:
        Interrupted: If a stop was asked for; all that was done is saved.
    """
    parts = []
    for number, cutoff in enumerate(asked, start=1):
        observations = usable(table, times, cutoff.last_observation)
        log.info("%d observations up to %s", len(observations.table), cutoff.last_observation)
        if observations.table.empty:
            log.warning(
                "no observation between %s and %s may be used (%d in the table, %d withheld): "
                "the states are the prior's",
                times[0], cutoff.last_observation, len(table), table["withheld"].sum(),
            )  # fmt: skip
        part = progress.part("cutoff", number, len(asked))
        drawn = draw_posterior_windows(
            prior, autoencoder, transform, observations, progress=part, **settings
        )
        parts.append(drawn[:, np.isin(times, cutoff.valid)])
    return np.concatenate(parts, axis=1)


def draw_posterior_windows(
    prior: WindowDenoiser,
    autoencoder: Autoencoder,
    transform: Transform,
    observations: Observations,
    *,
    members: Sequence[int],
    seed: int,
    guidance: str,
    sampler: str,
    steps: int,
    progress: Progress | None = None,
    **settings: object,
) -> Float[np.ndarray, "member state channel lat lon"]:
    """Draws members of the posterior of a window [unit of each variable].

    Arguments:
        prior: The prior over windows of latents.
        autoencoder: The decoder.
        transform: The transform between anomalies and fields.
        observations: What conditions the window.
        members: The members to draw; each is the same in any batch, up to rounding.
        seed: Seed of the noise.
        guidance: Name of the method (:data:`galerne.assimilate.methods.GUIDANCE`).
        sampler: Name of the sampler.
        steps: Sampling steps.
        progress: Where the draw is saved, and taken up if it has been cut; ``None`` for nowhere.
        settings: The method's own settings, and those of the sampler ``pc``.

    Raises:
        ValueError: If there is no such method or integrator, or they do not go together.
    """
    walking = {name: settings.pop(name) for name in ("corrections", "delta") if name in settings}
    given, memory = prior, None
    if not observations.table.empty:
        y, A = _whitened(autoencoder, transform, observations, seed, prior.gaussian.mean.device)
        given = guide(guidance, prior, y, A, sampler=sampler, **settings)
        memory = given.memory
    device, times = prior.gaussian.mean.device, observations.times
    noise = Noise(seed, members, device.type)
    z = draw_windows(
        given,
        noise,
        prior.gaussian.shape,
        sampler=sampler,
        steps=steps,
        season=calendar(times[:1]).to(device),
        progress=progress,
        memory=memory,
        **walking,
    )
    return transform.inverse(decode_members(autoencoder, z, noise), times)


def _whitened(
    autoencoder: Autoencoder,
    transform: Transform,
    observations: Observations,
    seed: int,
    device: torch.device,
) -> tuple[Float[Tensor, "obs"], ForwardOperator]:
    """The observations less the climatology and the operator, in units of the errors [1]."""
    times, table = observations.times, observations.table
    operator = ObservationOperator.build(
        table,
        times=times,
        channels=transform.channels,
        latitude=transform.latitude,
        longitude=transform.longitude,
    )
    A = ForwardOperator(
        autoencoder,
        operator,
        transform.centre(times),
        transform.scale_at(times),
        epsilons(transform.channels),
        Whitening(table),
    ).to(device)
    shape = transform.centre(times).shape
    draws = (Noise(seed, [k], device.type)("representation", shape)[0] for k in range(DRAWS))
    error = np.hypot(table["error"], A.representation_error(draws).cpu().numpy())
    A.whiten = Whitening(table.assign(error=error)).to(device)
    return A.innovate(table["observation"].to_numpy()), A
