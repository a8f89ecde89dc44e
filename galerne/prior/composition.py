r"""A prior over trajectories of any length, from one over windows.

A trajectory is longer than the windows that the prior has learned. Its Gaussian part is
composed exactly: states in blocks of :math:`g` form a Markov chain (:mod:`galerne.prior.chain`)
whose law for two neighbouring blocks is that of the prior's Gaussian, averaged over all places
in its window. What the network adds is averaged over windows that overlap,

.. math:: \mu(z_t) = \mu_G(z_t) + \sum_w S_w^T \, \omega_w \,
    \left( \mu_\phi(S_w z_t) - \mu_{G,w}(S_w z_t) \right), \qquad \sum_w S_w^T \omega_w = 1

with the selection :math:`S_w` of a window's states and weights :math:`\omega_w` that grow from its
ends inwards. The mean of overlapping windows alone, which is the usual way, is wrong even for a
Gaussian: noisy states are no Markov process, and a window does not know what lies outside.

With several processes (``torchrun``) each takes some wavenumbers of the Gaussian and some of
the windows; one sum over processes, at every product, gives all of them the whole.

References:
    | Score-based Data Assimilation (Rozet & Louppe, 2023), composition over time
    | https://arxiv.org/abs/2306.10574
"""

__all__ = ["LongDenoiser", "LongGaussian", "lengthen"]

from collections.abc import Callable, Iterator

import torch

from azula.denoise import Denoiser, DiracPosterior
from azula.noise import Schedule
from jaxtyping import Float
from torch import Tensor

from ..nn.parallel import Team
from .chain import Chain
from .denoiser import WindowDenoiser
from .gaussian import WindowGaussian, from_waves, project, to_waves

FAR = 1e5  # a noise level that leaves a state of unit variance as it is, in single precision
CHUNK = 8  # windows that the network sees at once


class LongGaussian:
    """The Gaussian of a trajectory.

    Arguments:
        window: The Gaussian of windows.
        states: States in the trajectory.
        overlap: States that a window shares with the next; a block has as many, or half a window.
        team: The processes that share the work.

    Attributes:
        pieces: Windows one behind the other, which :meth:`leading` speaks of.
    """

    def __init__(
        self, window: WindowGaussian, states: int, overlap: int, team: Team | None = None
    ) -> None:
        self.window, self.team, self.overlap = window, team or Team(), overlap
        self.shape = (states, *window.shape[1:])
        self.pieces = [slice(k, k + window.shape[0]) for k in range(0, states, window.shape[0])]
        block = max(min(overlap, window.shape[0] // 2), 1)
        waves = len(window.variance)
        rank, size = self.team.rank, self.team.size
        self.mine = slice(rank * waves // size, (rank + 1) * waves // size)
        parts = (
            (window.joint, window.variance, window.tail),
            (window.rest, window.rest_variance, torch.zeros_like(window.tail)),
        )
        self.joint, self.rest = (
            Chain(_pair(*(p[self.mine] for p in part), window.shape[0], block), block)
            for part in parts
        )

    @property
    def mean(self) -> Float[Tensor, "channel y x"]:
        """The mean of every state."""
        return self.window.mean

    def scaled(self, factor: float) -> "LongGaussian":
        """Returns the Gaussian of the same mean with its covariance times a factor."""
        window = self.window.scaled(factor)
        return LongGaussian(window, self.shape[0], self.overlap, self.team)

    def denoise(
        self, z_t: Float[Tensor, "batch state channel y x"], sigma_t: Float[Tensor, "..."]
    ) -> Float[Tensor, "batch state channel y x"]:
        r"""Returns the mean of :math:`z` given :math:`z_t = z + \sigma_t \varepsilon`.

        Raises:
            ValueError: If there is more than one noise level.
        """
        return self.mean + self._apply(z_t - self.mean, sigma_t, Chain.smooth)

    def posterior_covariance(
        self, z: Float[Tensor, "batch state channel y x"], sigma_t: Float[Tensor, ""]
    ) -> Float[Tensor, "batch state channel y x"]:
        r"""Applies the covariance of :math:`z` given :math:`z_t` to some trajectories.

        An infinite noise level gives the covariance of the prior.
        """
        return _level(sigma_t) ** 2 * self._apply(z, sigma_t, Chain.smooth)

    def deviate(
        self, noise: Float[Tensor, "batch state channel y x"], sigma_t: Float[Tensor, ""]
    ) -> Float[Tensor, "batch state channel y x"]:
        r"""Turns white noise into deviations of :math:`z` given :math:`z_t` from its mean."""
        return self._apply(noise, sigma_t, Chain.deviate)

    def sample(self, noise: Float[Tensor, "batch state channel y x"]) -> Tensor:
        """Turns white noise into trajectories drawn from the Gaussian."""
        return self.mean + self.deviate(noise, torch.tensor(torch.inf))

    def leading(
        self, count: int, chunk: int = 32
    ) -> Iterator[tuple[Float[Tensor, "n state channel y x"], Float[Tensor, " n"]]]:
        """Yields the leading eigenvectors of windows, laid one behind the other in a trajectory.

        Arguments:
            count: How many of a window.
            chunk: How many at a time in a window; fewer in a longer trajectory.
        """
        chunk = max(chunk // len(self.pieces), 1)
        for vectors, variance in self.window.leading(count, chunk):
            repeated = vectors.repeat(1, len(self.pieces), 1, 1, 1)
            yield repeated[:, : self.shape[0]], variance

    def _apply(
        self, z: Tensor, sigma_t: Tensor, act: Callable[[Chain, Tensor, float], Tensor]
    ) -> Tensor:
        sigma, space = _level(sigma_t), torch.view_as_complex(self.window.space)[self.mine]
        all_waves = to_waves(spread(z, self.team))
        waves = all_waves[self.mine]
        batch, states = z.shape[:2]
        flat = waves.flatten(1, 2)
        amplitudes = project(flat, space)
        remainder = (flat - amplitudes @ space.mT).unflatten(1, (batch, states))
        amplitudes = act(self.joint, amplitudes.unflatten(1, (batch, states)), sigma)
        points = remainder.movedim(3, 2).flatten(1, 2)[..., None]
        points = act(self.rest, points, sigma)[..., 0].unflatten(1, (batch, -1))
        rest = points.movedim(2, 3).flatten(1, 2)
        mine = (amplitudes.flatten(1, 2) @ space.mT + rest).unflatten(1, (batch, states))
        before, after = self.mine.start, len(all_waves) - self.mine.stop
        whole = torch.nn.functional.pad(mine, (0, 0, 0, 0, 0, 0, before, after))
        return gather(from_waves(whole, z.shape), self.team)


class LongDenoiser(Denoiser):
    """Denoises trajectories of latents.

    Arguments:
        denoiser: Denoises windows.
        states: States in the trajectory, more than in a window.
        overlap: States that neighbouring windows share.
        team: The processes that share the work.

    Raises:
        ValueError: If the trajectory is shorter than a window, or windows would not advance.
    """

    def __init__(
        self, denoiser: WindowDenoiser, states: int, overlap: int, team: Team | None = None
    ) -> None:
        super().__init__()
        size = denoiser.gaussian.shape[0]
        if states < size:
            raise ValueError(f"{states} states are fewer than the {size} of a window")
        if not 0 < overlap < size:
            raise ValueError(f"overlap {overlap}: windows of {size} states share 1 to {size - 1}")
        self.window, self.team = denoiser, team or Team()
        self.gaussian = LongGaussian(denoiser.gaussian, states, overlap, self.team)
        self.starts = window_starts(states, size, overlap)
        self.weights = window_weights(states, size, self.starts)

    @property
    def schedule(self) -> Schedule:
        """The schedule of the prior."""
        return self.window.schedule

    def forward(
        self,
        z_t: Float[Tensor, "batch state channel y x"],
        t: Float[Tensor, "..."],
        season: Float[Tensor, "#window 4"] | None = None,
    ) -> DiracPosterior:
        """Returns the mean of the clean trajectories given noisy ones.

        Arguments:
            z_t: Noisy trajectories.
            t: The time of the schedule.
            season: Season and hour at the start of each window (:attr:`starts`); needed by the
                network only.
        """
        return DiracPosterior(mean=self.moments(z_t, t, season)[0])

    def draw(
        self,
        z_t: Float[Tensor, "batch state channel y x"],
        t: Float[Tensor, ""] | None,
        noise: Callable[..., Tensor],
        season: Float[Tensor, "#window 4"] | None = None,
    ) -> Float[Tensor, "batch state channel y x"]:
        """Draws clean trajectories given noisy ones, as :meth:`WindowDenoiser.draw`."""
        z_hat, sigma_t = self.moments(z_t, t, season)
        return z_hat + self.gaussian.deviate(noise("prior", z_t.shape[1:]), sigma_t)

    def moments(
        self, z_t: Tensor, t: Tensor | None, season: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Returns the mean at a time, ``None`` for infinite noise, and the noise level."""
        if t is None:
            return self.gaussian.mean.expand(z_t.shape), z_t.new_tensor(torch.inf)
        _, sigma_t = self.schedule(t)
        mean = self.gaussian.denoise(z_t, sigma_t)
        if self.window.backbone is not None:
            mean = mean + self._correction(z_t, sigma_t, season)
        return mean, sigma_t

    def _correction(self, z_t: Tensor, sigma_t: Tensor, season: Tensor) -> Tensor:
        """What the network adds, averaged over windows; some windows at a time."""
        season = season.expand(len(self.starts), -1)
        size, z = self.window.gaussian.shape[0], spread(z_t, self.team)
        total = torch.zeros_like(z_t)
        mine = range(len(self.starts))[self.team.rank :: self.team.size]
        for first in range(0, len(mine), CHUNK):
            chosen = mine[first : first + CHUNK]
            windows = torch.cat([z[:, self.starts[w] :][:, :size] for w in chosen])
            seasons = torch.cat([season[w : w + 1].expand(len(z), -1) for w in chosen])
            added = self.window.mean(windows, sigma_t, seasons)
            added = added - self.window.gaussian.denoise(windows, sigma_t)
            for w, part in zip(chosen, added.chunk(len(chosen)), strict=True):
                weight = self.weights[w].to(part)[:, None, None, None]
                before = self.starts[w]
                after = z_t.shape[1] - before - size
                whole = torch.nn.functional.pad(weight * part, (0, 0) * 3 + (before, after))
                total = total + whole
        return gather(total, self.team)


def lengthen(
    denoiser: WindowDenoiser, states: int, overlap: int | None, team: Team | None = None
) -> WindowDenoiser | LongDenoiser:
    """Returns the denoiser itself for one window, and its composition for more states.

    Raises:
        ValueError: If there are fewer states than in a window, or several processes are to share
            one.
    """
    size = denoiser.gaussian.shape[0]
    if states < size:
        raise ValueError(f"{states} states are fewer than the {size} of a window")
    if states > size:
        return LongDenoiser(denoiser, states, overlap, team)
    if team is not None and team.size > 1:
        raise ValueError(
            f"{team.size} processes cannot share a window of {states} states, which is no longer "
            "than the prior's: give a draw one process, and divide members between jobs "
            "(members_per_job)"
        )
    return denoiser


def window_starts(states: int, size: int, overlap: int) -> list[int]:
    """The first state of every window; the last window ends with the trajectory.

    Example:
        >>> window_starts(11, 4, 2)
        [0, 2, 4, 6, 7]
    """
    last = states - size
    return [*range(0, last, size - overlap), last]


def window_weights(states: int, size: int, starts: list[int]) -> Float[Tensor, "window state"]:
    """The weight of every state of every window: squares of the distance from its ends.

    The ends of the trajectory are no ends of a window. Weights of a state add up to one.
    """
    index = torch.arange(size, dtype=torch.float32)
    raw = torch.zeros(len(starts), size)
    for k, start in enumerate(starts):
        left = index + 1 if start else torch.full_like(index, size)
        right = size - index if start + size < states else torch.full_like(index, size)
        raw[k] = torch.minimum(left, right).square()
    total = torch.zeros(states)
    for start, row in zip(starts, raw, strict=True):
        total[start : start + size] += row
    return torch.stack([r / total[s : s + size] for s, r in zip(starts, raw, strict=True)])


def _pair(vectors: Tensor, variance: Tensor, tail: Tensor, states: int, block: int) -> Tensor:
    """The covariance of two neighbouring blocks, averaged over all their places in a window."""
    basis = torch.view_as_complex(vectors).to(torch.complex128)
    unit = torch.eye(basis.shape[1]).to(basis)
    beside = tail.double()[:, None]
    whole = (basis * (variance - beside)[:, None]) @ basis.mH + beside[..., None] * unit
    each, span = whole.shape[-1] // states, 2 * block
    places = [slice(k * each, (k + span) * each) for k in range(states - span + 1)]
    return sum(whole[:, place, place] for place in places) / len(places)


def _level(sigma_t: Tensor) -> float:
    if sigma_t.numel() != 1:
        raise ValueError(f"one noise level for all trajectories, not {sigma_t.numel()}")
    return min(float(sigma_t), FAR)


class _Spread(torch.autograd.Function):
    """The same in every process; gradients of all are added."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: object, grad: Tensor) -> Tensor:
        return _total(grad)


class _Gather(torch.autograd.Function):
    """The sum over processes; its gradient is the same in each."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return _total(x)

    @staticmethod
    def backward(ctx: object, grad: Tensor) -> Tensor:
        return grad


def _total(x: Tensor) -> Tensor:
    x = x.contiguous().clone()
    torch.distributed.all_reduce(x)
    return x


def spread(x: Tensor, team: Team) -> Tensor:
    """Hands a tensor to parts of the work in every process."""
    return x if team.size == 1 else _Spread.apply(x)


def gather(x: Tensor, team: Team) -> Tensor:
    """Adds up the parts of every process."""
    return x if team.size == 1 else _Gather.apply(x)
