r"""Corrections of the prior's mean by observations: those that are closed forms of a few products.

Observations and operator come whitened, and the schedule is variance exploding. The operator is
linearised once a step. azula has TMPD and DiffPIR too, but applies the operator itself to
directions, which is its derivative for linear operators alone, and no decoder is linear;
its DPS and PGDM are samplers, tied to one kind of step and to the global generator.

References:
    | Tweedie Moment Projected Diffusions For Inverse Problems (Boys et al., 2023)
    | https://arxiv.org/abs/2310.06721
    | Denoising Diffusion Models for Plug-and-Play Image Restoration (Zhu et al., 2023)
    | https://arxiv.org/abs/2305.08995
    | Pseudoinverse-Guided Diffusion Models for Inverse Problems (Song et al., 2023)
    | https://openreview.net/forum?id=9_gsMA8MRKQ
    | Score-based Data Assimilation (Rozet & Louppe, 2023)
    | https://arxiv.org/abs/2306.10574
    | Diffusion Posterior Sampling for General Noisy Inverse Problems (Chung et al., 2022)
    | https://arxiv.org/abs/2209.14687
"""

__all__ = [
    "PlugAndPlay",
    "PosteriorGradient",
    "PseudoInverse",
    "ScoreBased",
    "TweedieMoments",
]

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

import torch

from azula.denoise import Denoiser, DiracPosterior
from azula.linalg.solve import cg, gmres
from jaxtyping import Float
from torch import Tensor

from ..prior.composition import LongDenoiser
from ..prior.denoiser import WindowDenoiser
from .linear import derivative

SOLVERS = {"cg": cg, "gmres": gmres}
PROBES = 16  # random signs that estimate the diagonal of a matrix
Product = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Step:
    """A noise level: what is known there, and the products that corrections are made of.

    Arguments:
        sigma: The noise level.
        innovation: Observations less what is expected of them, whitened, shape (batch, obs).
        push: The product with the derivative of the operator, from windows to observations.
        pull: The product with its transpose.
        tweedie: The product with Tweedie's covariance.
        shape: Shape of the windows.
    """

    sigma: Tensor
    innovation: Float[Tensor, "batch obs"]
    push: Product
    pull: Product
    tweedie: Product
    shape: torch.Size


class Guided(Denoiser):
    """A denoiser given observations, by a correction of the prior's.

    Arguments:
        denoiser: The denoiser of the prior.
        y: The observations, whitened [1]; the same for all members, or each its own.
        A: The operator from windows of latents, shape (batch, ...), to what would be observed
            without error, whitened likewise, shape (batch, obs) [1].
    """

    needs_next_time: ClassVar[bool] = False

    def __init__(
        self,
        denoiser: WindowDenoiser | LongDenoiser,
        y: Float[Tensor, "*member obs"],
        A: Callable[[Tensor], Tensor],
    ) -> None:
        super().__init__()
        self.denoiser, self.y, self.A = denoiser, y, A
        self.memory: dict[str, Tensor] = {}

    @property
    def schedule(self) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
        """The schedule of the prior."""
        return self.denoiser.schedule

    @torch.no_grad()
    def forward(
        self,
        z_t: Float[Tensor, "batch state channel y x"],
        t: Float[Tensor, ""],
        next_time: Float[Tensor, ""] | None = None,
        **condition: Tensor,
    ) -> DiracPosterior:
        """Returns the mean of the clean windows given noisy ones and the observations.

        Arguments:
            z_t: Noisy windows.
            t: The time of the schedule.
            next_time: The time that the sampler goes to, for methods that need it.
            condition: Passed to the denoiser of the prior.
        """
        _, sigma_t = self.schedule(t)
        with torch.enable_grad():
            z_t = z_t.detach().requires_grad_()
            z_hat = self.denoiser(z_t, t, **condition).mean

        def tweedie(v: Tensor) -> Tensor:
            return sigma_t**2 * torch.autograd.grad(z_hat, z_t, v, retain_graph=True)[0]

        y_hat, push, pull = derivative(self.A, z_hat)
        step = Step(sigma_t, self.y - y_hat, push, pull, tweedie, z_t.shape)
        return DiracPosterior(mean=z_hat.detach() + self.correction(step, next_time))

    @abstractmethod
    def correction(self, step: Step, next_time: Tensor | None) -> Tensor:
        """What observations add to the prior's mean."""


class TweedieMoments(Guided):
    """TMPD: the covariance of what is observed, by its row sums.

    A row sum stands for a variance, so those below zero count as zero.
    """

    def correction(self, step: Step, next_time: Tensor | None) -> Tensor:
        """Two products with Tweedie's covariance, no solve."""
        rows = step.push(step.tweedie(step.pull(torch.ones_like(step.innovation))))
        return step.tweedie(step.pull(step.innovation / (1 + rows.clamp_min(0))))


class PseudoInverse(Guided):
    r"""PGDM with noise: clean windows about the mean, with variance :math:`r_t^2`.

    Arguments:
        iterations: Iterations of conjugate gradients at every step.
        arguments: Those of every method.
    """

    def __init__(self, *arguments: object, iterations: int) -> None:
        super().__init__(*arguments)
        self.solve = partial(SOLVERS["cg"], iterations=iterations)

    def correction(self, step: Step, next_time: Tensor | None) -> Tensor:
        """A solve without the network, and one product with Tweedie's covariance."""
        r2 = step.sigma**2 / (1 + step.sigma**2)
        weights = self.solve(lambda w: w + r2 * step.push(step.pull(w)), step.innovation)
        return step.tweedie(step.pull(weights))


class PlugAndPlay(Guided):
    r"""DiffPIR: the window nearest both to the mean and to the observations.

    Minimises :math:`\|y - A(z)\|^2 + \lambda \|z - \hat{z}\|^2 / \sigma_t^2` about the mean,
    solved in the space of observations.

    Arguments:
        lmbda: The strength of the prior :math:`\lambda` [1].
        solver: ``cg`` or ``gmres``.
        iterations: Iterations of the solver at every step.
        arguments: Those of every method.
    """

    def __init__(
        self, *arguments: object, lmbda: float, solver: Literal["cg", "gmres"], iterations: int
    ) -> None:
        super().__init__(*arguments)
        self.lmbda, self.solve = lmbda, partial(SOLVERS[solver], iterations=iterations)

    def correction(self, step: Step, next_time: Tensor | None) -> Tensor:
        """A solve without the network."""
        rho = step.sigma**2 / self.lmbda
        weights = self.solve(lambda w: w + rho * step.push(step.pull(w)), step.innovation)
        return rho * step.pull(weights)


class ScoreBased(Guided):
    r"""SDA: the variance that the prior adds to an observation grows with the noise.

    SDA's :math:`\Gamma = \gamma I` is meant for observations that are components of a state of
    unit variance. With the squared length of each row of :math:`A'` it is the same for those,
    and of the right unit for all others. The lengths are estimated once, by random signs
    (exactly, for components of the state).

    Arguments:
        gamma: The share of the noise's variance :math:`\gamma` [1].
        arguments: Those of every method.

    References:
        | An estimator for the diagonal of a matrix (Bekas et al., 2007)
        | https://doi.org/10.1016/j.apnum.2007.01.003
    """

    def __init__(self, *arguments: object, gamma: float) -> None:
        super().__init__(*arguments)
        self.gamma = gamma

    def correction(self, step: Step, next_time: Tensor | None) -> Tensor:
        """One product with Tweedie's covariance, no solve."""
        if "lengths" not in self.memory:
            self.memory["lengths"] = self._lengths(step)
        variance = 1 + self.gamma * step.sigma**2 * self.memory["lengths"]
        return step.tweedie(step.pull(step.innovation / variance))

    def _lengths(self, step: Step) -> Float[Tensor, "batch obs"]:
        """The squared length of each row of the operator's derivative, about."""
        rng = torch.Generator().manual_seed(0)
        total = torch.zeros_like(step.innovation)
        for _ in range(PROBES):
            signs = 2.0 * torch.randint(2, step.shape[1:], generator=rng) - 1
            signs = signs.to(step.innovation).expand(step.shape)
            total = total + step.push(signs).square()
        return total / PROBES


class PosteriorGradient(Guided):
    r"""DPS: a step of length :math:`\zeta` down the misfit, after each step of the sampler.

    With :math:`z_s = c \hat{z} + \dots` for the sampler's step to the time :math:`s`, the mean
    is moved by :math:`1/c`, so that the step goes where DPS goes. The misfit is that of each
    member by itself.

    Arguments:
        zeta: The length of the step :math:`\zeta` [1].
        sampler: ``ddpm`` or ``ddim``, whose step it is.
        arguments: Those of every method.

    Raises:
        ValueError: If the sampler is another.
    """

    needs_next_time: ClassVar[bool] = True

    def __init__(self, *arguments: object, zeta: float, sampler: str) -> None:
        super().__init__(*arguments)
        if sampler not in ("ddpm", "ddim"):
            raise ValueError(f"dps is defined for the samplers ddpm and ddim, not {sampler!r}")
        self.zeta, self.power = zeta, 2 if sampler == "ddpm" else 1

    def correction(self, step: Step, next_time: Tensor | None) -> Tensor:
        """One product with Tweedie's covariance, no solve."""
        if next_time is None:
            raise ValueError("dps needs the time that the sampler goes to (next_time)")
        _, sigma_s = self.schedule(next_time)
        share = 1 - (sigma_s / step.sigma) ** self.power
        misfit = torch.linalg.vector_norm(step.innovation, dim=-1, keepdim=True)
        direction = step.innovation / misfit.clamp_min(torch.finfo(misfit.dtype).tiny)
        return self.zeta / share * step.tweedie(step.pull(direction)) / step.sigma**2
