r"""Moment-matching posterior sampling, with a solve that starts where the last one ended.

Given a denoiser :math:`\hat{z} = \mathbb{E}[z \mid z_t]` and observations
:math:`y = A(z) + \eta`, :math:`\eta \sim \mathcal{N}(0, R)`, MMPS approximates
:math:`p(z \mid z_t)` by a Gaussian of covariance :math:`V_t`, which gives

.. math:: \mathbb{E}[z \mid z_t, y] \approx \hat{z} + V_t A'^T
    \left( R + A' V_t A'^T \right)^{-1} (y - A(\hat{z}))

with :math:`A'` the derivative of the operator through the decoder at :math:`\hat{z}`. Two
covariances are offered:

* ``jacobian``: :math:`V_t = \sigma_t^2 \, \partial \hat{z} / \partial z_t` (Tweedie), by automatic
  differentiation of the denoiser, as published;
* ``gaussian``: that of the Gaussian part of the prior, in closed form, which is the same
  where the prior is Gaussian and spares a pass through the network for every iteration.

The solution changes little between neighbouring noise levels, so each solve starts from the
last one's: a few iterations at every step add up to many. Observations and operator come
whitened, so :math:`R` is the identity, and the operator is linearised once a step.

References:
    | Learning Diffusion Priors from Observations by Expectation Maximization (Rozet et al., 2024)
    | https://arxiv.org/abs/2405.13712
"""

__all__ = ["MomentMatching"]

from collections.abc import Callable
from functools import partial
from typing import Literal

import torch

from azula.denoise import Denoiser, DiracPosterior
from azula.linalg.solve import cg, gmres
from jaxtyping import Float
from torch import Tensor

from ..prior.denoiser import WindowDenoiser

SOLVERS = {"cg": cg, "gmres": gmres}


class MomentMatching(Denoiser):
    """A denoiser given observations.

    One instance serves one trajectory of noise levels: its ``memory`` holds the last solution.

    Arguments:
        denoiser: The denoiser of the prior.
        y: The observations, whitened, shape (obs,) [1].
        A: The operator from windows of latents, shape (batch, ...), to what would be observed
            without error, whitened likewise, shape (batch, obs) [1].
        covariance: ``gaussian`` or ``jacobian``.
        solver: ``cg`` or ``gmres``.
        iterations: Iterations of the solver at every step.
    """

    def __init__(
        self,
        denoiser: WindowDenoiser,
        y: Float[Tensor, "obs"],
        A: Callable[[Tensor], Tensor],
        *,
        covariance: Literal["gaussian", "jacobian"] = "gaussian",
        solver: Literal["cg", "gmres"] = "cg",
        iterations: int = 4,
    ) -> None:
        super().__init__()
        self.denoiser, self.y, self.A = denoiser, y, A
        self.covariance = covariance
        self.solve = partial(SOLVERS[solver], iterations=iterations)
        self.memory: dict[str, Tensor] = {}

    @property
    def schedule(self) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
        """The schedule of the prior."""
        return self.denoiser.schedule

    @torch.no_grad()
    def forward(
        self, z_t: Float[Tensor, "batch state channel y x"], t: Float[Tensor, ""], **kwargs: Tensor
    ) -> DiracPosterior:
        """Returns the mean of the clean windows given noisy ones and the observations."""
        _, sigma_t = self.schedule(t)
        z_hat, spread = self._moments(z_t, t, sigma_t, kwargs)
        y_hat, push, pull = _linearise(self.A, z_hat)

        def system(w: Tensor) -> Tensor:
            return w + push(spread(pull(w)))

        weights = self.solve(A=system, b=self.y - y_hat, x0=self.memory.get("weights"))
        self.memory["weights"] = weights
        return DiracPosterior(mean=z_hat + spread(pull(weights)))

    def _moments(
        self, z_t: Tensor, t: Tensor, sigma_t: Tensor, kwargs: dict[str, Tensor]
    ) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        """The mean of the clean windows, and the product with their covariance."""
        if self.covariance == "gaussian":
            z_hat = self.denoiser(z_t, t, **kwargs).mean
            return z_hat, lambda v: self.denoiser.gaussian.posterior_covariance(v, sigma_t)
        with torch.enable_grad():
            z_t = z_t.detach().requires_grad_()
            z_hat = self.denoiser(z_t, t, **kwargs).mean

        def spread(v: Tensor) -> Tensor:
            return sigma_t**2 * torch.autograd.grad(z_hat, z_t, v, retain_graph=True)[0]

        return z_hat.detach(), spread


def _linearise(
    f: Callable[[Tensor], Tensor], x: Tensor
) -> tuple[Tensor, Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    """The value of a function, and products with its derivative and the transpose of it.

    The transposed product is linear in its argument, so its own derivative is the product
    with the derivative itself: both reuse one graph.
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        y = f(x)
        v = torch.zeros_like(y, requires_grad=True)
        g = torch.autograd.grad(y, x, v, create_graph=True)[0]

    def push(u: Tensor) -> Tensor:
        return torch.autograd.grad(g, v, u, retain_graph=True)[0]

    def pull(w: Tensor) -> Tensor:
        return torch.autograd.grad(y, x, w, retain_graph=True)[0]

    return y.detach(), push, pull
