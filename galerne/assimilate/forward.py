r"""The forward operator: from windows of latents to what the instruments would see.

.. math:: A(z) = H \left( c + s \odot D(z) \right)

with the decoder :math:`D`, the climatology :math:`c` and scale :math:`s` of the transform, and
the observation operator :math:`H` in physical units. Where anomalies are those of the logarithm
:math:`\ln(1 + x / \epsilon)`, a point of the field is instead

.. math:: x = \epsilon \left( e^{c + s D(z)} - 1 \right)
    = \epsilon \left( e^c - 1 \right) + \epsilon e^c \left( e^{s D(z)} - 1 \right)

whose first term is what the climatology shows; derivatives go through the exponential.

What is seen is whitened: in units of the errors, and those independent.
"""

__all__ = ["ForwardOperator", "StateByState"]

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from jaxtyping import Float
from torch import Tensor, nn

from ..latent.autoencoder import Autoencoder
from ..observe.derived import speed
from ..observe.operator import Interpolation, ObservationOperator
from ..prior.footprint import WHOLE
from .linear import derivative, pushed
from .whitening import Whitening

FEW = 40  # a point decoded by itself takes as long as so many of a whole field (measured: 38)


@dataclass(frozen=True)
class StateByState:
    """Fields at some times, of which only one is in memory at a time.

    Arguments:
        evaluate: Gives the fields at some times, shape (time, channel, lat, lon).
        times: The times, shape (state,).
    """

    evaluate: Callable[[np.ndarray], np.ndarray]
    times: np.ndarray

    def __getitem__(self, state: int) -> Float[np.ndarray, "channel lat lon"]:
        """The field of a state."""
        return self.evaluate(self.times[state : state + 1])[0]


class ForwardOperator(nn.Module):
    """Decodes windows of latents and observes them.

    Arguments:
        autoencoder: The decoder.
        operator: The observation operator, for the states of a window; speeds of winds are
            taken of whole winds, not of their anomalies.
        centre: What anomalies are about at each state of the window [unit of each channel];
            asked for one state at a time.
        scale: The scale of anomalies at each state of the window, likewise.
        epsilon: The constant of channels that are a logarithm, zero of the others.
        whiten: Takes the errors' covariance out.
    """

    def __init__(
        self,
        autoencoder: Autoencoder,
        operator: Interpolation | ObservationOperator,
        centre: Float[np.ndarray, "state channel lat lon"] | StateByState,
        scale: Float[np.ndarray, "state channel lat 1"] | StateByState,
        epsilon: Float[np.ndarray, " channel"],
        whiten: Whitening,
    ) -> None:
        super().__init__()
        self.autoencoder, self.whiten = autoencoder, whiten
        self.winds = isinstance(operator, ObservationOperator) and bool(
            (operator.second >= 0).any()
        )
        if isinstance(operator, ObservationOperator):
            self.register_buffer("first", torch.from_numpy(operator.first))
            self.register_buffer("second", torch.from_numpy(operator.second))
            operator = operator.sums
        else:
            self.first = None
        self.shape = operator.indices.shape
        self.size = int(np.prod(operator.shape[1:]))
        epsilon = epsilon[operator.indices % self.size // int(np.prod(operator.shape[2:]))]
        # What the climatology alone would show, in double precision: pressure is large
        # against its anomalies.
        shown = _picked(centre, operator).astype(np.float64)
        scales = _picked(scale, operator)
        weights, logarithm = operator.weights * scales, epsilon > 0
        self.curved = bool(logarithm.any())
        if self.curved:
            exponent = np.where(logarithm, shown, 0.0)
            shown = np.where(logarithm, epsilon * np.expm1(exponent), shown)
            steep = operator.weights * epsilon * np.exp(exponent)
            weights = np.where(logarithm, steep, weights)
            self.register_buffer("logarithm", torch.from_numpy(logarithm))
            exponents = np.where(logarithm, scales, 0)
            self.register_buffer("exponents", torch.from_numpy(exponents).float())
        offset = (operator.weights * shown).sum(-1)
        self.register_buffer("offset", torch.from_numpy(offset).double())
        frames, indices = _observed(operator)
        points, of = np.unique(indices, return_inverse=True)
        self.bounds = np.searchsorted(points, self.size * np.arange(len(frames) + 1)).tolist()
        self.few = FEW * len(points) < self.size * len(frames)
        self.states = frames.tolist()
        self.register_buffer("frames", torch.from_numpy(frames))
        self.register_buffer("points", torch.from_numpy(points))
        self.register_buffer("of", torch.from_numpy(of.reshape(-1)))
        self.register_buffer("weights", torch.from_numpy(weights).float())

    def forward(self, z: Float[Tensor, "batch state latent y x"]) -> Float[Tensor, "batch obs"]:
        """Returns what is seen of the anomalies, whitened [1]."""
        return self._observe(self._decoded(self.autoencoder.decode, z))

    def linearise(
        self, z: Float[Tensor, "batch state latent y x"]
    ) -> tuple[Float[Tensor, "batch obs"], Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
        """Returns what is seen of the anomalies, and products with an approximate derivative.

        Instruments are linearised at what the whole decoder makes of the windows, while small
        changes of latents are followed by the linear part of the decoder.

        Arguments:
            z: Windows of latents; a window that is expanded into a batch is decoded once.

        Returns:
            What is seen [1], the product with the derivative, and that with its transpose.
        """
        anomaly = self._anomaly(z)

        def follow(change: Tensor) -> Tensor:
            return self._observe(anomaly + self._followed(change))

        return derivative(follow, torch.zeros_like(z))

    def push(
        self,
        z: Float[Tensor, "batch state latent y x"],
        change: Float[Tensor, "batch state latent y x"],
    ) -> Float[Tensor, "batch obs"]:
        """Returns the product with the derivative of :meth:`linearise`, for one batch."""
        return pushed(self._observe, self._anomaly(z), self._followed(change))

    def _observe(self, anomaly: Tensor) -> Tensor:
        return self.whiten(self.see(anomaly))

    @torch.no_grad()
    def _anomaly(self, z: Tensor) -> Tensor:
        """The points that are seen of windows; one that is expanded is decoded once."""
        one = z[:1] if z.stride(0) == 0 else z
        return self._decoded(self.autoencoder.decode, one).expand(len(z), -1)

    def _decoded(self, decode: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
        """The points that are seen; some states at a time are whole."""
        some, seen = z.index_select(1, self.frames), []
        count = max(WHOLE // (len(z) * self.size), 1)
        for k in range(0, len(self.frames), count):
            part = some[:, k : k + count]
            fields = decode(part.flatten(0, 1)).unflatten(0, part.shape[:2]).flatten(1)
            points = self.points[self.bounds[k] : self.bounds[min(k + count, len(self.frames))]]
            seen.append(fields.index_select(1, points - k * self.size))
        return torch.cat(seen, dim=1)

    def _followed(self, change: Tensor) -> Tensor:
        """Changes of the points that are seen, by the linear part of the decoder."""
        if self.few:
            some = change.index_select(1, self.frames)
            return self.autoencoder.decode_points(some, self.points)
        return self._decoded(self.autoencoder.decode_linearly, change)

    @torch.no_grad()
    def representation_error(
        self, noise: Callable[[int, int], Tensor], draws: int
    ) -> Float[Tensor, "obs"]:
        """Returns the standard deviation of what is seen of residuals [unit of each variable].

        An observation sees the state, latents say it but for a residual: to latents, what is
        seen of the residual is an error. It is estimated from draws, about the climatology.

        Arguments:
            noise: White noise of a draw for a state, shape (channel, lat, lon).
            draws: How many draws.
        """
        total, bounds = torch.zeros(()), self.bounds
        for draw in range(draws):
            seen = []
            for k, state in enumerate(self.states):
                field = self.autoencoder.residuals(noise(draw, state)[None]).flatten()
                seen.append(field[self.points[bounds[k] : bounds[k + 1]] - k * self.size])
            total = total.to(field) + self.see(torch.cat(seen)[None])[0].square()
        return (total / draws).sqrt()

    def see(self, anomaly: Float[Tensor, "batch point"]) -> Float[Tensor, "batch obs"]:
        """Returns what is seen of standardised anomalies at the points seen [unit of each]."""
        seen = anomaly.index_select(1, self.of).unflatten(1, self.shape)
        if self.curved:
            seen = torch.where(self.logarithm, torch.expm1(seen * self.exponents), seen)
        return self._combined((seen * self.weights).sum(-1))

    def innovate(self, observation: Float[np.ndarray, "obs"]) -> Float[Tensor, "obs"]:
        """Takes the climatology out of observations [unit], whitened [1]."""
        observed = torch.tensor(observation, dtype=torch.float64, device=self.offset.device)
        shown = self.offset
        if self.first is not None:
            shown = shown[self.first]
        if self.winds:
            shown = torch.where(self.second < 0, shown, speed(shown, self.offset[self.second]))
        return self.whiten((observed - shown).float())

    def _combined(self, sums: Float[Tensor, "batch sum"]) -> Float[Tensor, "batch obs"]:
        """Anomalies of observations from those of their sums."""
        if self.first is None:
            return sums
        one = sums.index_select(1, self.first)
        if not self.winds:
            return one
        there = self.second.clamp_min(0)
        u, v = self.offset[self.first].float(), self.offset[there].float()
        moved = speed(one + u, sums.index_select(1, there) + v) - speed(u, v)
        return torch.where(self.second < 0, one, moved)


def _picked(
    fields: Float[np.ndarray, "state channel lat #lon"] | StateByState, operator: Interpolation
) -> Float[np.ndarray, "obs k"]:
    """The values at the places of an operator, from one field at a time."""
    state, place = np.divmod(operator.indices.reshape(-1), int(np.prod(operator.shape[1:])))
    order = np.argsort(state, kind="stable")
    found = np.empty(len(order), np.float32)
    for some in np.split(order, np.flatnonzero(np.diff(state[order])) + 1):
        field = np.broadcast_to(fields[int(state[some[0]])], operator.shape[1:])
        found[some] = field.reshape(-1)[place[some]]
    return found.reshape(operator.indices.shape)


def _observed(operator: Interpolation) -> tuple[np.ndarray, np.ndarray]:
    """The states that are seen, and the places counted in these alone."""
    size = int(np.prod(operator.shape[1:]))
    state, seen = operator.indices // size, operator.weights != 0
    frames = np.unique(state[seen])
    # A place of no weight may be anywhere.
    place = np.searchsorted(frames, np.where(seen, state, frames[0]))
    return frames, place * size + operator.indices % size
