r"""An ensemble given observations: the states that a task asks for, leg by leg.

A leg is a window with the observations that condition it (:mod:`galerne.observe.legs`); one that
is longer than the prior's is composed (:mod:`galerne.prior.composition`). States that are asked
for are kept. A member has the same noise for every cutoff, unless legs go on from each other.
Where no observation may be used, the states are the prior's.

Members are drawn in batches (:mod:`galerne.prior.batches`), each by itself, with what they share
made once for a leg. A draw that was cut goes on after the last saved step of its last batch; of
what is finished the latents are kept, which are decoded when they are written, state by state,
since fields are many times larger.
"""

__all__ = [
    "Conditioned",
    "draw_posterior_windows",
    "draw_states",
    "unobserved",
]

import logging
import math

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial

import numpy as np
import pandas as pd
import torch

from azula.denoise import Denoiser
from jaxtyping import Float
from torch import Tensor

from ..jobs.progress import Progress
from ..latent.autoencoder import Autoencoder
from ..nn.fit import generator
from ..nn.parallel import Team
from ..observe.legs import Leg
from ..observe.operator import ObservationOperator
from ..observe.task import Observations, usable
from ..prior.backbone import calendar
from ..prior.batches import Batches, batch_size
from ..prior.composition import LongDenoiser, lengthen
from ..prior.denoiser import WindowDenoiser
from ..prior.ensemble import Drawn
from ..prior.footprint import member_bytes
from ..prior.trajectory import Noise, decode_members, draw_windows, finished_windows
from ..stats.climatology import apart_in_year, days_since_2000
from ..stats.logarithm import epsilons
from ..stats.transform import Transform
from .carried import Carried, WithCarried
from .forward import ForwardOperator, StateByState
from .localisation import LocalCovariance
from .methods import guide, remedy
from .screening import screen
from .whitening import Whitening

log = logging.getLogger(__name__)
DRAWS = 64  # of residuals, whose variance is so known to within 18 % (1 / sqrt(32))


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
    free_bytes: int | float = math.inf,
    team: Team | None = None,
    **settings: object,
) -> Drawn:
    """Draws the states that a task asks for, leg after leg, in batches of members.

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
        free_bytes: Free memory of the device.
        team: The processes that share a stretch longer than the prior's windows.
        settings: Passed to :class:`Conditioned`.

    Raises:
        Interrupted: If a stop was asked for; all that was done is saved.
        ValueError: If several processes are to share a window that is not longer.
    """
    prior = lengthen(prior, plan[0].states, overlap, team)
    if team is not None and team.size > 1:
        progress = progress.shared(team)
    device, seen = prior.gaussian.mean.device.type, [_observations(table, times, k) for k in plan]
    most = max(len(observations.table) for observations in seen)
    need = member_bytes(prior, autoencoder, most, **settings)
    size = batch_size(len(members), need, free_bytes, device)
    batches = Batches(len(members), size, device, progress, team)
    drawn = Drawn(autoencoder, transform, members, batches.size)
    z, before = None, 0
    for number, (leg, observations) in enumerate(zip(plan, seen, strict=True), start=1):
        carried = None
        _tell(table, observations, leg)
        if leg.given:
            states = z[:, [k - before for k in leg.given]]
            carried = Carried(states, [k - leg.first for k in leg.given], error)
        own = spawn(seed, number) if leg.given else seed
        given = Conditioned(
            prior, autoencoder, transform, observations, seed=own, carried=carried, **settings
        )
        part = progress.part("window" if _goes_on(plan) else "cutoff", number, len(plan))
        z = batches.draw(partial(_draw_batch, given, members), part)
        before = leg.first
        if leg.kept:
            places = [k - leg.first for k in leg.kept]
            drawn.add(z[:, places], places, times[list(leg.kept)], own)
    return drawn


def _draw_batch(
    given: "Conditioned", members: Sequence[int], places: list[int], progress: Progress
) -> Tensor:
    return given.draw([members[k] for k in places], progress=progress, places=places)


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
    """Draws members of the posterior of a window [unit of each variable], all at once.

    Arguments:
        prior: The prior over windows of latents, of as many states as there are times.
        autoencoder: The decoder.
        transform: The transform between anomalies and fields.
        observations: What conditions the window.
        members: The members to draw.
        seed: Seed of the noise.
        settings: Passed to :class:`Conditioned`.
    """
    given = Conditioned(prior, autoencoder, transform, observations, seed=seed, **settings)
    z = given.draw(members)
    noise = Noise(seed, members, z.device.type)
    return transform.inverse(decode_members(autoencoder, z, noise), observations.times)


class Conditioned:
    """The posterior of a window, from which members are drawn as latents.

    What all members share (the operator, its preconditioner) is made at the first draw.

    Arguments:
        prior: The prior over windows of latents, of as many states as there are times.
        autoencoder: The decoder.
        transform: The transform between anomalies and fields.
        observations: What conditions the window.
        seed: Seed of the noise.
        guidance: Name of the method (:data:`galerne.assimilate.methods.GUIDANCE`).
        sampler: Name of the sampler.
        steps: Sampling steps.
        carried: States of the window before, of all members.
        background_check: The limit of the background check, in standard deviations; ``None``
            leaves it out.
        local: Settings of the local part (:class:`LocalCovariance`); ``None`` for none.
        settings: The method's own settings, and those of the sampler ``pc``, which others ignore.
    """

    def __init__(
        self,
        prior: WindowDenoiser | LongDenoiser,
        autoencoder: Autoencoder,
        transform: Transform,
        observations: Observations,
        *,
        seed: int,
        guidance: str,
        sampler: str,
        steps: int,
        carried: Carried | None = None,
        background_check: float | None = None,
        local: Mapping[str, float] | None = None,
        **settings: object,
    ) -> None:
        self.prior, self.seed, self.carried, self.guidance = prior, seed, carried, guidance
        self.models, self.observations = (autoencoder, transform), observations
        own = {name: settings.pop(name) for name in ("corrections", "delta") if name in settings}
        own = own if sampler == "pc" else {}
        self.limit = background_check
        self.walking: dict[str, object] = {"sampler": sampler, "steps": steps, **own}
        self.settings = {"sampler": sampler, **settings}
        self.local = local

    def draw(
        self,
        members: Sequence[int],
        *,
        progress: Progress | None = None,
        places: Sequence[int] | None = None,
    ) -> Float[Tensor, "member state latent y x"]:
        """Draws some members.

        Arguments:
            members: Their numbers; each is the same in any batch, up to rounding.
            progress: Where the draw is saved, and taken up if it has been cut; ``None`` for
                nowhere.
            places: Where they stand among the members whose states are carried; needed then only.

        Raises:
            ValueError: If there is no such method or integrator, or they do not go together.
            FloatingPointError: If a member diverges; what may help is said.
        """
        if (z := finished_windows(progress, self.walking["steps"])) is not None:
            return z
        given, memory, device = self.prior, None, self.prior.gaussian.mean.device
        if self._given is not None:
            given, memory = self._given, self._given.memory
            memory.clear()
            if self.carried is not None:
                given.y = self.carried.observed(self._seen[0], places)
        season = calendar(self.observations.times[self.prior.starts]).to(device)
        try:
            return draw_windows(
                given,
                Noise(self.seed, members, device.type),
                self.prior.gaussian.shape,
                season=season,
                progress=progress,
                memory=memory,
                **self.walking,
            )
        except FloatingPointError as error:
            if self._given is None:
                raise
            message = f"guidance {self.guidance!r} diverged: {error}; {remedy(self.guidance)}"
            raise FloatingPointError(message) from error

    @cached_property
    def _seen(self) -> tuple[Tensor, ForwardOperator | WithCarried | None]:
        """What instruments have seen, and the operator that sees all."""
        device = self.prior.gaussian.mean.device
        y, A = torch.zeros(0, device=device), None
        if not self.observations.table.empty:
            y, A = _whitened(*self.models, self.observations, self.seed, device)
            if self.limit is not None and not (passed := self._passed(y, A)).all():
                kept = self.observations.table[passed].reset_index(drop=True)
                self.observations = replace(self.observations, table=kept)
                y, A = _whitened(*self.models, self.observations, self.seed, device)
        return y, A if self.carried is None else WithCarried(A, self.carried)

    def _passed(self, y: Tensor, A: ForwardOperator) -> np.ndarray:
        """Which observations pass the background check; how many do not is told."""

        def noise(draw: int) -> Tensor:
            white = Noise(self.seed, [draw], y.device.type)
            return white("check", self.prior.gaussian.shape)[0]

        settings = {"modes": self.settings["modes"], "limit": self.limit}
        passed = screen(self.prior.gaussian, y, A, noise, **settings).cpu().numpy()
        platforms = self.observations.table["platform"][~passed].value_counts().sort_index()
        words = ", ".join(f"{count} of {name}" for name, count in platforms.items())
        log.info("the background check rejects %s", f"observations: {words}" if words else "none")
        return passed

    @cached_property
    def _given(self) -> Denoiser | None:
        """The denoiser that knows the observations; ``None`` where there are none."""
        y, A = self._seen
        if A is None:
            return None
        local = {} if self.local is None else {"local": self._local()}
        return guide(self.guidance, self.prior, y, A, **self.settings, **local)

    def _local(self) -> LocalCovariance:
        """The local part of the prior, for all its windows."""
        autoencoder, transform = self.models
        gaussian = getattr(self.prior, "window", self.prior).gaussian
        begin = days_since_2000(self.observations.times[self.prior.starts])
        apart = gaussian.days.cpu().double().numpy() - begin[:, None]
        return LocalCovariance(
            gaussian.windows,
            gaussian.window_components,
            autoencoder,
            transform.latitude,
            transform.longitude,
            apart=apart_in_year(apart),
            starts=self.prior.starts,
            weights=getattr(self.prior, "weights", None),
            **self.local,
        )


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
