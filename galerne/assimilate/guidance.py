r"""Moment-matching posterior sampling, with a solve that starts where the last one ended.

Given a denoiser :math:`\hat{z} = \mathbb{E}[z \mid z_t]` and observations
:math:`y = A(z) + \eta`, :math:`\eta \sim \mathcal{N}(0, R)`, MMPS approximates
:math:`p(z \mid z_t)` by a Gaussian of covariance :math:`V_t`, which gives

.. math:: \mathbb{E}[z \mid z_t, y] \approx \hat{z} + V_t A'^T
    \left( R + A' V_t A'^T \right)^{-1} (y - A(\hat{z}))

with :math:`A'` the derivative of the operator through the decoder at :math:`\hat{z}`. Two
covariances are offered:

* ``jacobian``: :math:`V_t = \sigma_t^2 \, \partial \hat{z} / \partial z_t` (Tweedie), by automatic
  differentiation of the denoiser, as published; with ``probes``, how it changes with
  :math:`z_t` is not left out (:mod:`galerne.assimilate.evidence`);
* ``gaussian``: that of the Gaussian part of the prior, in closed form, which is the same
  where the prior is Gaussian and spares a pass through the network for every iteration.

A mean alone serves samplers that follow means. For the sampler ``redraw``, a clean window is
drawn from the same Gaussian by Matheron's rule,

.. math:: z = \hat{z} + d + V_t A'^T \left( R + A' V_t A'^T \right)^{-1}
    (y + \eta - A(\hat{z}) - A' d), \qquad d \sim \mathcal{N}(0, V_t), \;
    \eta \sim \mathcal{N}(0, R)

which takes one solve too. Where prior and observations are linear and Gaussian, this is an
exact draw from :math:`p(z \mid z_t, y)`.

With a local part of the prior (:mod:`galerne.assimilate.localisation`), :math:`z = \zeta + b`,
both are drawn together in the first step, with :math:`V_t + B` for :math:`V_t`. Noise is added to
:math:`\zeta` alone, which the other steps draw given :math:`b`, the noisy window and the
observations: as exact, and spared the products with :math:`B`. Where windows of the local part
count by resembling a first guess, that is the mean given the observations, linearised at the mean
of the prior, with all windows of the season.

The operator is linearised once a step, by its exact derivative or with the linear part of the
decoder (``linearisation``), which is many times cheaper, and well conditioned where the decoder
is steep; what is seen of :math:`\hat{z}` itself always goes through the whole decoder. The system
is preconditioned by the leading eigenvectors of the prior's covariance. The solution for a mean
changes little between neighbouring noise levels, so each such solve starts from the last one's.

Observations and operator come whitened: :math:`R` is the identity.

References:
    | Learning Diffusion Priors from Observations by Expectation Maximization (Rozet et al., 2024)
    | https://arxiv.org/abs/2405.13712
"""

__all__ = ["MomentMatching"]

import math

from collections.abc import Callable
from functools import partial
from typing import Literal

import torch

from azula.denoise import Denoiser, DiracPosterior
from azula.linalg.solve import gmres
from jaxtyping import Float
from torch import Tensor

from ..prior.composition import LongDenoiser
from ..prior.denoiser import WindowDenoiser
from .evidence import Tweedie, correct
from .linear import Preconditioner, Product, linearised_by, place_levels, solve
from .localisation import LocalCovariance


class MomentMatching(Denoiser):
    """A denoiser given observations.

    One instance serves one trajectory of noise levels: its ``memory`` holds the last solution.

    Arguments:
        denoiser: The denoiser of the prior.
        y: The observations, whitened [1]; the same for all members, or each its own.
        A: The operator from windows of latents, shape (batch, ...), to what would be observed
            without error, whitened likewise, shape (batch, obs) [1].
        covariance: ``gaussian`` or ``jacobian``.
        linearisation: ``exact``, or ``linear``: by ``A.linearise``, with a linear decoder.
        solver: ``cg``, or ``gmres`` (azula), which needs no symmetry.
        iterations: Iterations of the solver at every step.
        modes: Leading eigenvectors of the prior in the preconditioner; 0 for none.
        placement: Of noise levels: ``even`` in their logarithm, or where the ``posterior``
            changes, as far as these eigenvectors know it.
        probes: How many probes of how the ``jacobian`` changes; 0 holds it fixed, and at least
            as many as observations make it exact.
        local: The part of the prior that is drawn along; ``None`` for none.

    Raises:
        ValueError: If there are probes of the covariance ``gaussian``, which does not change, or a
            local part with the other covariance.
    """

    def __init__(
        self,
        denoiser: WindowDenoiser | LongDenoiser,
        y: Float[Tensor, "*member obs"],
        A: Callable[[Tensor], Tensor],
        *,
        covariance: Literal["gaussian", "jacobian"] = "gaussian",
        linearisation: Literal["exact", "linear"] = "exact",
        solver: Literal["cg", "gmres"] = "cg",
        iterations: int = 4,
        modes: int = 0,
        placement: Literal["even", "posterior"] = "even",
        probes: int = 0,
        local: LocalCovariance | None = None,
    ) -> None:
        super().__init__()
        if probes and covariance != "jacobian":
            raise ValueError("probes need covariance: jacobian")
        if local is not None and covariance != "gaussian":
            raise ValueError("a local covariance needs covariance: gaussian")
        self.denoiser, self.y, self.A = denoiser, y, A
        self.covariance, self.iterations, self.modes = covariance, iterations, modes
        self.probes, self.local = probes, local
        # Diffusion is of what the local part leaves of the variance.
        whole = denoiser.gaussian
        self.gaussian = whole if local is None else whole.scaled(local.rest)
        self.linearise, self.push = linearised_by(A, linearisation)
        self.solver, self.placement = solver, placement
        self.memory: dict[str, Tensor] = {}
        self._preconditioner: Preconditioner | None = None
        self._resembling: LocalCovariance | None = None

    @property
    def schedule(self) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
        """The schedule of the prior."""
        return self.denoiser.schedule

    @property
    def needs_last(self) -> bool:
        """Whether a draw must be told that it is the last one."""
        return self.local is not None

    @torch.no_grad()
    def levels(self, steps: int) -> Float[Tensor, " level"] | None:
        """The noise levels that steps lead to before the last one; ``None`` for even ones."""
        if self.placement == "even":
            return None
        return place_levels(self._precondition().posterior_variances().cpu(), steps)

    @torch.no_grad()
    def forward(
        self, z_t: Float[Tensor, "batch state channel y x"], t: Float[Tensor, ""], **kwargs: Tensor
    ) -> DiracPosterior:
        """Returns the mean of the clean windows given noisy ones and the observations.

        Raises:
            ValueError: If there is a local part, which is drawn or not there.
        """
        if self.local is not None:
            raise ValueError("a local covariance needs the sampler redraw")
        z_hat, spread, sigma_t = self._moments(z_t, t, kwargs)
        y_hat, push, pull = self.linearise(z_hat)
        start, innovation = self.memory.get("weights"), self.y - y_hat
        solve = partial(self._solve, push, spread, pull, sigma_t)
        if self.probes:
            signs = self._signs(innovation)
            correction, weights = correct(
                spread, push, pull, innovation, signs=signs, solve=solve, start=start
            )
        else:
            weights = solve(innovation, start)
            correction = spread(pull(weights))
        self.memory["weights"] = weights
        return DiracPosterior(mean=z_hat + correction)

    @torch.no_grad()
    def draw(
        self,
        z_t: Float[Tensor, "batch state channel y x"],
        t: Float[Tensor, ""] | None,
        noise: Callable[..., Tensor],
        *,
        last: bool = True,
        **kwargs: Tensor,
    ) -> Float[Tensor, "batch state channel y x"]:
        """Draws clean windows given noisy ones and the observations.

        Arguments:
            z_t: Noisy windows.
            t: The time of the schedule; ``None`` for infinite noise.
            noise: White noise of each window, by use and shape.
            last: Whether these are the windows asked for; noise is added to the others, and of
                them the local part stays out, which is remembered.
            kwargs: Passed to the denoiser of the prior.

        Raises:
            ValueError: If the covariance is not that of the Gaussian, whose root is known.
        """
        if self.covariance != "gaussian":
            raise ValueError("the sampler redraw needs covariance: gaussian")
        known = self.memory.get("local")
        z_hat, spread, sigma_t = self._moments(z_t, t, kwargs)
        deviation = self.gaussian.deviate(noise("prior", z_t.shape[1:]), sigma_t)
        local = self._counting(z_t) if known is None else None
        whole = self._with_local(spread, local)
        b = known if local is None else local.deviate(noise, z_t.shape[1])
        drawn = deviation if local is None else deviation + b
        y_hat, push, pull = self.linearise(z_hat if known is None else z_hat + known)
        error = noise("observations", self.y.shape[-1:])
        innovation = self.y + error - y_hat - push(drawn)
        change = pull(self._solve(push, whole, pull, sigma_t, innovation, None, local))
        z = z_hat + deviation + spread(change)
        if local is not None:
            self.memory["local"] = b = b + local.product(change)
        return z + b if last and b is not None else z

    def _counting(self, z_t: Float[Tensor, "batch state channel y x"]) -> LocalCovariance | None:
        """The local part; its windows count as they resemble the first guess, if they are to."""
        if self.local is None or self.local.analogs is None:
            return self.local
        if self.y.ndim > 1:
            return self.local.resembling(self._guess(z_t.expand(len(self.y), *z_t.shape[1:])))
        if self._resembling is None:
            self._resembling = self.local.resembling(self._guess(z_t[:1]))
        return self._resembling

    def _guess(self, like: Float[Tensor, "batch state channel y x"]) -> Tensor:
        """The mean given the observations less that of the prior, with all windows."""
        sigma_t = like.new_tensor(math.inf)
        spread = partial(self.gaussian.posterior_covariance, sigma_t=sigma_t)
        whole = self._with_local(spread, self.local)
        y_hat, push, pull = self.linearise(self.gaussian.mean.expand(like.shape))
        innovation = self.y - y_hat
        return whole(pull(self._solve(push, whole, pull, sigma_t, innovation, None, self.local)))

    @staticmethod
    def _with_local(spread: Product, local: LocalCovariance | None) -> Product:
        return spread if local is None else lambda v: spread(v) + local.product(v)

    def _moments(
        self, z_t: Tensor, t: Tensor | None, kwargs: dict[str, Tensor]
    ) -> tuple[Tensor, Callable[[Tensor], Tensor], Tensor]:
        """The mean of the clean windows, the product with their covariance, the noise level.

        All without the local part, which the network is to see: it knows whole windows.
        """
        if self.covariance == "gaussian":
            seen = z_t + self.memory["local"] if "local" in self.memory else z_t
            z_hat, sigma_t = self.denoiser.moments(seen, t, **kwargs)
            if self.local is not None and t is not None:  # what the network adds stays
                added = z_hat - self.denoiser.gaussian.denoise(seen, sigma_t)
                z_hat = self.gaussian.denoise(z_t, sigma_t) + added
            spread = partial(self.gaussian.posterior_covariance, sigma_t=sigma_t)
            return z_hat, spread, sigma_t
        _, sigma_t = self.schedule(t)
        spread = Tweedie(lambda z: self.denoiser(z, t, **kwargs).mean, z_t, sigma_t)
        return spread.mean.detach(), spread, sigma_t

    def _signs(self, like: Float[Tensor, "batch obs"]) -> Float[Tensor, "probe obs"] | None:
        """Random signs, others at each call; none where columns are no more than probes."""
        if like.shape[-1] <= self.probes:
            return None
        call = self.memory.get("calls", torch.zeros((), dtype=torch.long))
        self.memory["calls"] = call + 1
        rng = torch.Generator().manual_seed(int(call))
        return 2.0 * torch.randint(2, (self.probes, like.shape[-1]), generator=rng).to(like) - 1

    def _solve(
        self,
        push: Callable[[Tensor], Tensor],
        spread: Callable[[Tensor], Tensor],
        pull: Callable[[Tensor], Tensor],
        sigma_t: Tensor,
        b: Tensor,
        start: Tensor | None,
        local: LocalCovariance | None = None,
    ) -> Tensor:
        """Solves for the weights of the observations."""

        def system(w: Tensor) -> Tensor:
            return w + push(spread(pull(w)))

        if self.solver == "gmres":
            return gmres(A=system, b=b, x0=start, iterations=self.iterations)
        # Along the leading directions the local part is about the same share of the variance.
        beside = 0.0 if local is None else local.share / (1 - local.share)
        inverse = self._precondition().at(sigma_t, beside) if self.modes else None
        return solve(system, b, iterations=self.iterations, start=start, precondition=inverse)

    def _precondition(self) -> Preconditioner:
        """The preconditioner, linearised at the mean of the prior: made once."""
        if self._preconditioner is None:
            gaussian = self.gaussian

            def push(vectors: Tensor) -> Tensor:
                return self.push(gaussian.mean.expand(vectors.shape), vectors)

            pieces = getattr(gaussian, "pieces", None)
            self._preconditioner = Preconditioner(push, gaussian.leading(self.modes), pieces)
        return self._preconditioner
