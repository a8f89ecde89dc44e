r"""Latent 3D-Var and 4D-Var: the Gaussian part of the prior, through the decoder.

Prior: the Gaussian part of the prior of latents, without the network; in 3D-Var the states of a
window are independent of each other, in 4D-Var they have their covariance in time. Likelihood:
that of the observations, with the decoder's residual as an error of theirs. Each member is the
analysis of a perturbed background and perturbed observations
(:mod:`galerne.assimilate.variational`), by Gauss-Newton steps through the whole decoder.

The sampler ``redraw`` in one step asks for a draw at infinite noise and keeps it: that is the
analysis, and no noise level is walked through.
"""

__all__ = ["Latent3DVar", "Latent4DVar", "StatesApart"]

import math

from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal

import torch

from azula.denoise import Denoiser, DiracPosterior
from jaxtyping import Float
from torch import Tensor

from ..prior.composition import LongDenoiser, LongGaussian
from ..prior.denoiser import WindowDenoiser
from ..prior.gaussian import WindowGaussian
from .linear import Preconditioner, linearised_by
from .variational import gauss_newton


class Latent4DVar(Denoiser):
    """The posterior of the Gaussian part of the prior, of which members are drawn at once.

    Arguments:
        denoiser: The denoiser of the prior; of it only the Gaussian counts.
        y: The observations, whitened [1]; the same for all members, or each its own.
        A: The operator from windows of latents, shape (batch, ...), to what would be observed
            without error, whitened likewise, shape (batch, obs) [1].
        linearisation: ``exact``, or ``linear``: by ``A.linearise``, with a linear decoder, while
            what is seen of each guess goes through the whole decoder.
        outer: Gauss-Newton steps.
        iterations: Iterations of the solver at each of them.
        modes: Leading eigenvectors of the prior in the preconditioner; 0 for none.
    """

    def __init__(
        self,
        denoiser: WindowDenoiser | LongDenoiser,
        y: Float[Tensor, "*member obs"],
        A: Callable[[Tensor], Tensor],
        *,
        linearisation: Literal["exact", "linear"],
        outer: int,
        iterations: int,
        modes: int,
    ) -> None:
        super().__init__()
        self.denoiser, self.y = denoiser, y
        self.linearise, self.push = linearised_by(A, linearisation)
        self.outer, self.iterations, self.modes = outer, iterations, modes
        self.gaussian = self.background(denoiser.gaussian)
        self.memory: dict[str, Tensor] = {}
        self._preconditioner: Preconditioner | None = None

    @staticmethod
    def background(
        gaussian: WindowGaussian | LongGaussian,
    ) -> "WindowGaussian | LongGaussian | StatesApart":
        """The Gaussian of the background: that of whole windows."""
        return gaussian

    @property
    def schedule(self) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
        """The schedule of the prior."""
        return self.denoiser.schedule

    def forward(self, z_t: Tensor, t: Tensor, **kwargs: Tensor) -> DiracPosterior:
        """Has no mean at a noise level.

        Raises:
            ValueError: Always.
        """
        raise ValueError("variational guidance needs the sampler redraw, in one step")

    @torch.no_grad()
    def draw(
        self,
        z_t: Float[Tensor, "batch state channel y x"],
        t: Float[Tensor, ""] | None,
        noise: Callable[..., Tensor],
        **kwargs: Tensor,
    ) -> Float[Tensor, "batch state channel y x"]:
        """Returns the analysis of a perturbed background for each window.

        Arguments:
            z_t: Windows, of which only the number counts.
            t: ``None``, for infinite noise.
            noise: White noise of each window, by use and shape.
            kwargs: What others pass to the denoiser of the prior.

        Raises:
            ValueError: If the noise is not infinite.
        """
        if t is not None:
            raise ValueError("variational guidance needs the sampler redraw, in one step")
        infinite = z_t.new_tensor(math.inf)
        deviation = self.gaussian.deviate(noise("prior", z_t.shape[1:]), infinite)
        y = self.y + noise("observations", self.y.shape[-1:])
        return gauss_newton(
            self.gaussian.mean + deviation,
            y,
            self.linearise,
            partial(self.gaussian.posterior_covariance, sigma_t=infinite),
            steps=self.outer,
            iterations=self.iterations,
            precondition=self._precondition().at(infinite) if self.modes else None,
        )

    def _precondition(self) -> Preconditioner:
        """The preconditioner, linearised at the mean of the prior: made once."""
        if self._preconditioner is None:
            gaussian = self.gaussian

            def push(vectors: Tensor) -> Tensor:
                return self.push(gaussian.mean.expand(vectors.shape), vectors)

            pieces = getattr(gaussian, "pieces", None)
            self._preconditioner = Preconditioner(push, gaussian.leading(self.modes), pieces)
        return self._preconditioner


class Latent3DVar(Latent4DVar):
    """The same for a background whose states are independent of each other."""

    @staticmethod
    def background(gaussian: WindowGaussian | LongGaussian) -> "StatesApart":
        """The Gaussian of the background: that of states apart."""
        return StatesApart(getattr(gaussian, "window", gaussian), gaussian.shape[0])


class StatesApart:
    """The Gaussian of a window whose states know nothing of each other.

    Arguments:
        window: The Gaussian of windows; each state has the mean covariance of its states.
        states: How many states there are.
    """

    def __init__(self, window: WindowGaussian, states: int) -> None:
        self.shape, self.mean = (states, *window.shape[1:]), window.mean
        self.pieces = [slice(k, k + 1) for k in range(states)]
        self.state = _marginal(window)

    def posterior_covariance(
        self, z: Float[Tensor, "batch state channel y x"], sigma_t: Float[Tensor, ""]
    ) -> Float[Tensor, "batch state channel y x"]:
        """Applies the covariance of clean windows given noisy ones."""
        return self._alone(partial(self.state.posterior_covariance, sigma_t=sigma_t), z)

    def deviate(
        self, noise: Float[Tensor, "batch state channel y x"], sigma_t: Float[Tensor, ""]
    ) -> Float[Tensor, "batch state channel y x"]:
        """Turns white noise into deviations of clean windows given noisy ones from their mean."""
        return self._alone(partial(self.state.deviate, sigma_t=sigma_t), noise)

    def leading(
        self, count: int, chunk: int = 32
    ) -> Iterator[tuple[Float[Tensor, "n state channel y x"], Float[Tensor, " n"]]]:
        """Yields the leading eigenvectors of states, laid one behind the other in a window.

        Arguments:
            count: How many of a state.
            chunk: How many at a time in a state; fewer in a window.
        """
        for vectors, variance in self.state.leading(count, max(chunk // self.shape[0], 1)):
            yield vectors.expand(-1, self.shape[0], -1, -1, -1), variance

    def _alone(self, act: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
        return act(z.flatten(0, 1)[:, None]).reshape(z.shape)


def _marginal(window: WindowGaussian) -> WindowGaussian:
    """The Gaussian of one state of a window, the mean over its states."""
    states, channels, rows, columns = window.shape
    components = window.space.shape[2]
    one = WindowGaussian(1, channels, rows, columns, components).to(window.mean.device)
    joint = torch.view_as_complex(window.joint).unflatten(1, (states, components))
    scaled = joint * (window.variance - window.tail[:, None])[:, None, None]
    covariance = torch.einsum("mtkj,mtlj->mkl", scaled, joint.conj()) / states
    covariance = covariance + window.tail[:, None, None] * torch.eye(components).to(covariance)
    values, vectors = torch.linalg.eigh((covariance + covariance.mH) / 2)
    one.mean.copy_(window.mean)
    one.space.copy_(window.space)
    one.joint.copy_(torch.view_as_real(vectors.flip(-1).contiguous()))
    one.variance.copy_(values.flip(-1).clamp_min(0))
    one.rest.copy_(torch.view_as_real(torch.ones_like(one.rest[..., 0], dtype=torch.complex64)))
    one.rest_variance.copy_(window.rest_variance.mean(-1, keepdim=True))
    return one
