r"""An ensemble given observations: the states that a task asks for, leg by leg.

A leg is a window with the observations that condition it (:mod:`galerne.observe.legs`); one that
is longer than the prior's is composed (:mod:`galerne.prior.composition`). States that are asked
for are kept. A member has the same noise for every cutoff, unless legs go on from each other.
Where no observation may be used, the states are the prior's.

A draw that was cut goes on after its last saved step; of a finished leg the latents are
kept and decoded again, since fields are many times larger.
"""

__all__ = [
    "Observations",
    "draw_latents",
    "draw_posterior_windows",
    "draw_states",
    "unobserved",
    "usable",
]

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
from ..nn.fit import generator
from ..observe.legs import Leg
from ..observe.operator import ObservationOperator
from ..prior.backbone import calendar
from ..prior.composition import LongDenoiser, lengthen
from ..prior.denoiser import WindowDenoiser
from ..prior.trajectory import Noise, decode_members, draw_windows
from ..stats.logarithm import epsilons
from ..stats.transform import Transform
from .carried import Carried, WithCarried
from .forward import ForwardOperator, StateByState
from .methods import guide, remedy
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
    observations: pd.DataFrame,
    times: np.ndarray,
    last_observation: np.datetime64,
    after: np.datetime64 | None = None,
) -> Observations:
    """Keeps what may be used: not withheld, within the window, neither too late nor too early.

    Arguments:
        observations: All observations.
        times: The times of the states of the window, shape (state,).
        last_observation: The last time of an observation that is kept.
        after: Those up to this time are not kept; ``None`` keeps them.
    """
    when = observations["time"]
    kept = ~observations["withheld"] & (when >= times[0]) & (when <= last_observation)
    if after is not None:
        kept &= when > after
    return Observations(observations[kept].reset_index(drop=True), times)


def unobserved(
    observations: pd.DataFrame, times: np.ndarray, plan: Sequence[Leg]
) -> list[np.datetime64]:
    """Lists the legs that neither an observation nor a state before informs, by their ends.

    Arguments:
        observations: All observations.
        times: The times of the states of the stretch, shape (state,).
        plan: The legs of the task.
    """
    return [
        leg.until
        for leg in plan
        if not leg.given and _observations(observations, times, leg).table.empty
    ]


def _observations(table: pd.DataFrame, times: np.ndarray, leg: Leg) -> Observations:
    span = times[leg.first : leg.first + leg.states]
    return usable(table, span, leg.until, leg.after)


def draw_states(
    prior: WindowDenoiser,
    autoencoder: Autoencoder,
    transform: Transform,
    table: pd.DataFrame,
    times: np.ndarray,
    plan: Sequence[Leg],
    *,
    progress: Progress,
    members: Sequence[int],
    seed: int,
    overlap: int | None = None,
    error: float | None = None,
    **settings: object,
) -> Float[np.ndarray, "member state channel lat lon"]:
    """Draws the states that a task asks for, leg after leg [unit of each variable].

    Arguments:
        prior: The prior over windows of latents.
        autoencoder: The decoder.
        transform: The transform between anomalies and fields.
        table: All observations.
        times: The times of the states of the stretch, shape (state,).
        plan: The legs of the task, all of one length.
        progress: Where the draw is saved.
        members: The members to draw.
        seed: Seed of the noise; legs that go on from others have their own.
        overlap: States that windows of the prior share where a leg is longer than one.
        error: Error of states that are carried from leg to leg [1].
        settings: Passed to :func:`draw_latents`.

    Raises:
        Interrupted: If a stop was asked for; all that was done is saved.
    """
    prior = lengthen(prior, plan[0].states, overlap)
    parts, z, before = [], None, 0
    for number, leg in enumerate(plan, start=1):
        observations, carried = _observations(table, times, leg), None
        _tell(table, observations, leg)
        if leg.given:
            states = z[:, [k - before for k in leg.given]]
            carried = Carried(states, [k - leg.first for k in leg.given], error)
        own = spawn(seed, number) if leg.given else seed
        part = progress.part("window" if _goes_on(plan) else "cutoff", number, len(plan))
        z, before = draw_latents(
            prior, autoencoder, transform, observations, members=members, seed=own,
            carried=carried, progress=part, **settings,
        ), leg.first  # fmt: skip
        if leg.kept:
            noise = Noise(own, members, z.device.type)
            fields = transform.inverse(decode_members(autoencoder, z, noise), observations.times)
            parts.append(fields[:, [k - leg.first for k in leg.kept]])
    return np.concatenate(parts, axis=1)


def _goes_on(plan: Sequence[Leg]) -> bool:
    return any(leg.given for leg in plan)


def _tell(table: pd.DataFrame, observations: Observations, leg: Leg) -> None:
    count, since = len(observations.table), leg.after or observations.times[0]
    log.info("%d observations up to %s", count, leg.until)
    if not count and not leg.given:
        log.warning(
            "no observation between %s and %s may be used (%d in the table, %d withheld): "
            "the states are the prior's",
            since, leg.until, len(table), table["withheld"].sum(),
        )  # fmt: skip


def spawn(seed: int, number: int) -> int:
    """A seed for one of several uses."""
    return int(generator(seed, f"leg/{number}").initial_seed()) % 2**31


def draw_posterior_windows(
    prior: WindowDenoiser,
    autoencoder: Autoencoder,
    transform: Transform,
    observations: Observations,
    *,
    members: Sequence[int],
    seed: int,
    **settings: object,
) -> Float[np.ndarray, "member state channel lat lon"]:
    """Draws members of the posterior of a window [unit of each variable].

    Arguments:
        prior: The prior over windows of latents, of as many states as there are times.
        autoencoder: The decoder.
        transform: The transform between anomalies and fields.
        observations: What conditions the window.
        members: The members to draw.
        seed: Seed of the noise.
        settings: Passed to :func:`draw_latents`.
    """
    z = draw_latents(
        prior, autoencoder, transform, observations, members=members, seed=seed, **settings
    )
    noise = Noise(seed, members, z.device.type)
    return transform.inverse(decode_members(autoencoder, z, noise), observations.times)


def draw_latents(
    prior: WindowDenoiser | LongDenoiser,
    autoencoder: Autoencoder,
    transform: Transform,
    observations: Observations,
    *,
    members: Sequence[int],
    seed: int,
    guidance: str,
    sampler: str,
    steps: int,
    carried: Carried | None = None,
    progress: Progress | None = None,
    **settings: object,
) -> Float[Tensor, "member state latent y x"]:
    """Draws members of the posterior of a window, as latents.

    Arguments:
        prior: The prior over windows of latents, of as many states as there are times.
        autoencoder: The decoder.
        transform: The transform between anomalies and fields.
        observations: What conditions the window.
        members: The members to draw; each is the same in any batch, up to rounding.
        seed: Seed of the noise.
        guidance: Name of the method (:data:`galerne.assimilate.methods.GUIDANCE`).
        sampler: Name of the sampler.
        steps: Sampling steps.
        carried: States of the window before, of these members.
        progress: Where the draw is saved, and taken up if it has been cut; ``None`` for nowhere.
        settings: The method's own settings, and those of the sampler ``pc``, which others ignore.

    Raises:
        ValueError: If there is no such method or integrator, or they do not go together.
        FloatingPointError: If a member diverges; what may help is said.
    """
    walking = {name: settings.pop(name) for name in ("corrections", "delta") if name in settings}
    walking = walking if sampler == "pc" else {}
    device, times = prior.gaussian.mean.device, observations.times
    given, memory, y, A = prior, None, torch.zeros(0, device=device), None
    if not observations.table.empty:
        y, A = _whitened(autoencoder, transform, observations, seed, device)
    if carried is not None:
        y, A = carried.observed(y), WithCarried(A, carried)
    if A is not None:
        given = guide(guidance, prior, y, A, sampler=sampler, **settings)
        memory = given.memory
    try:
        return draw_windows(
            given,
            Noise(seed, members, device.type),
            prior.gaussian.shape,
            sampler=sampler,
            steps=steps,
            season=calendar(times[prior.starts]).to(device),
            progress=progress,
            memory=memory,
            **walking,
        )
    except FloatingPointError as error:
        if A is None:
            raise
        message = f"guidance {guidance!r} diverged: {error}; {remedy(guidance)}"
        raise FloatingPointError(message) from error


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
        StateByState(transform.centre, times),
        StateByState(transform.scale_at, times),
        epsilons(transform.channels),
        Whitening(table),
    ).to(device)
    shape = operator.sums.shape[1:]

    def noise(draw: int, state: int) -> Tensor:
        return Noise(seed, [draw], device.type)(f"representation/{state}", shape)[0]

    error = np.hypot(table["error"], A.representation_error(noise, DRAWS).cpu().numpy())
    A.whiten = Whitening(table.assign(error=error)).to(device)
    return A.innovate(table["observation"].to_numpy()), A
