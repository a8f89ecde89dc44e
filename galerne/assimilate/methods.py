r"""Methods of guidance by observations, by the name that a configuration gives them.

Each is a denoiser over windows that knows the observations: where the prior's gives
:math:`\hat{z} = \mathbb{E}[z \mid z_t]`, it gives

.. math:: \mathbb{E}[z \mid z_t, y] \approx \hat{z} + B_t A'^T
    \left( I + C_t \right)^{-1} (y - A(\hat{z}))

with observations and operator whitened (:math:`y = A(z) + \eta`,
:math:`\eta \sim \mathcal{N}(0, I)`), the derivative :math:`A'` of the operator at
:math:`\hat{z}`, and for each method its own :math:`B_t` and :math:`C_t`. With Tweedie's
covariance :math:`T_t = \sigma_t^2 (\partial \hat{z} / \partial z_t)^T` and the covariance of
the prior's Gaussian given a noisy window, :math:`G_t`:

==================  =============================  ===========================================
name                :math:`B_t`                    :math:`C_t`
==================  =============================  ===========================================
``mmps``            :math:`G_t` or :math:`T_t`     :math:`A' B_t A'^T`, warm start (ours)
``mmps_published``  :math:`T_t`                    :math:`A' T_t A'^T`, cold start (azula)
``tmpd``            :math:`T_t`                    row sums of :math:`A' T_t A'^T`, as a diagonal
``jfps``            :math:`G_t`                    :math:`A' G_t A'^T`, cold start (azula)
``diffpir``         :math:`\sigma_t^2/\lambda`     :math:`\sigma_t^2/\lambda \; A' A'^T`
``pgdm``            :math:`T_t`                    :math:`r_t^2 A' A'^T`, :math:`r_t^2 =
                                                   \sigma_t^2 / (1 + \sigma_t^2)`
``sda``             :math:`T_t`                    :math:`\gamma \sigma_t^2
                                                   \, \mathrm{diag}(A' A'^T)`
``dps``             :math:`\zeta_t \, T_t`         none, but the innovation is scaled to length 1
==================  =============================  ===========================================

Three are baselines that know the Gaussian part of the prior alone: ``mmps_gaussian``, which is
``mmps`` without the network, and ``latent_3dvar`` and ``latent_4dvar``
(:mod:`galerne.assimilate.latent_variational`).

The schedule is variance exploding: :math:`\alpha_t = 1`.

References:
    | Learning Diffusion Priors from Observations by Expectation Maximization (Rozet et al., 2024)
    | https://arxiv.org/abs/2405.13712
    | the others: :mod:`galerne.assimilate.corrections`
"""

__all__ = ["GUIDANCE", "guide", "remedy"]

from collections.abc import Callable
from typing import Literal

from azula.denoise import Denoiser
from azula.guidance.jfps import JFPSDenoiser
from azula.guidance.mmps import MMPSDenoiser
from azula.linalg.covariance import IsotropicCovariance
from jaxtyping import Float
from torch import Tensor

from ..prior.composition import LongDenoiser
from ..prior.denoiser import WindowDenoiser
from ..prior.gaussian import WindowGaussian
from .corrections import (
    PlugAndPlay,
    PosteriorGradient,
    PseudoInverse,
    ScoreBased,
    TweedieMoments,
)
from .guidance import MomentMatching
from .latent_variational import Latent3DVar, Latent4DVar


class PublishedMomentMatching(MMPSDenoiser):
    """MMPS as published: Tweedie's covariance, each solve from zero (azula's).

    Arguments:
        denoiser: The denoiser of the prior.
        y: The observations, whitened [1]; the same for all members, or each its own.
        A: The operator, whitened likewise.
        solver: ``cg`` or ``gmres``.
        iterations: Iterations of the solver at every step.
    """

    def __init__(
        self,
        denoiser: WindowDenoiser | LongDenoiser,
        y: Float[Tensor, "*member obs"],
        A: Callable[[Tensor], Tensor],
        *,
        solver: Literal["cg", "gmres"],
        iterations: int,
    ) -> None:
        white = IsotropicCovariance(1.0)
        super().__init__(denoiser, y, A, white, solver=solver, iterations=iterations)
        self.memory: dict[str, Tensor] = {}


class JacobianFree(JFPSDenoiser):
    """JFPS with the prior's Gaussian as the covariance of windows (azula's).

    Arguments:
        denoiser: The denoiser of the prior.
        y: The observations, whitened [1]; the same for all members, or each its own.
        A: The operator, whitened likewise.
        solver: ``cg`` or ``gmres``.
        iterations: Iterations of the solver at every step.
    """

    def __init__(
        self,
        denoiser: WindowDenoiser,
        y: Float[Tensor, "*member obs"],
        A: Callable[[Tensor], Tensor],
        *,
        solver: Literal["cg", "gmres"],
        iterations: int,
    ) -> None:
        white, cov_x = IsotropicCovariance(1.0), WindowCovariance(denoiser.gaussian)
        super().__init__(denoiser, y, A, white, cov_x, solver=solver, iterations=iterations)
        self.memory: dict[str, Tensor] = {}


class WindowCovariance:
    """A function of the covariance of a Gaussian, with the algebra that azula's JFPS needs.

    Arguments:
        gaussian: The Gaussian.
        gain: The function of the variances.
    """

    def __init__(
        self, gaussian: WindowGaussian, gain: Callable[[Tensor], Tensor] = lambda v: v
    ) -> None:
        self.gaussian, self.gain = gaussian, gain

    def __call__(self, v: Tensor) -> Tensor:
        return self.gaussian.apply_gain(v, self.gain)

    def __add__(self, other: IsotropicCovariance) -> "WindowCovariance":
        return WindowCovariance(self.gaussian, lambda v: self.gain(v) + other.lmbda)

    @property
    def inv(self) -> "WindowCovariance":
        """The inverse; of a variance of zero it is infinite, and zero again when inverted."""
        return WindowCovariance(self.gaussian, lambda v: 1 / self.gain(v))


class GaussianAlone(WindowDenoiser):
    """The Gaussian part of a prior, without its network.

    Arguments:
        denoiser: The denoiser of the prior.
    """

    def __init__(self, denoiser: WindowDenoiser | LongDenoiser) -> None:
        Denoiser.__init__(self)
        self.gaussian, self.backbone = denoiser.gaussian, None
        self.schedule, self.starts = denoiser.schedule, denoiser.starts


GUIDANCE: dict[str, type[Denoiser]] = {
    "mmps": MomentMatching,
    "mmps_published": PublishedMomentMatching,
    "tmpd": TweedieMoments,
    "jfps": JacobianFree,
    "diffpir": PlugAndPlay,
    "pgdm": PseudoInverse,
    "sda": ScoreBased,
    "dps": PosteriorGradient,
    "mmps_gaussian": MomentMatching,
    "latent_3dvar": Latent3DVar,
    "latent_4dvar": Latent4DVar,
}


def guide(
    name: str,
    denoiser: WindowDenoiser | LongDenoiser,
    y: Float[Tensor, "*member obs"],
    A: Callable[[Tensor], Tensor],
    *,
    sampler: str,
    **settings: object,
) -> Denoiser:
    """Makes the denoiser of a prior one that knows the observations.

    Arguments:
        name: Name of the method.
        denoiser: The denoiser of the prior.
        y: The observations, whitened [1]; the same for all members, or each its own.
        A: The operator from windows of latents, shape (batch, ...), to what would be observed
            without error, whitened likewise, shape (batch, obs) [1].
        sampler: Name of the integrator, which some methods depend on.
        settings: The method's own settings.

    Returns:
        The denoiser; its ``memory`` is what it remembers between the steps of one walk.

    Raises:
        ValueError: If there is no such method, or it does not go with the sampler.
    """
    if name not in GUIDANCE:
        raise ValueError(f"unknown guidance {name!r}; allowed: {', '.join(GUIDANCE)}")
    method = GUIDANCE[name]
    if name == "mmps_gaussian":
        denoiser = GaussianAlone(denoiser)
    if getattr(method, "needs_next_time", False):
        settings = settings | {"sampler": sampler}
    return method(denoiser, y, A, **settings)


REMEDIES = {
    "mmps": "try covariance jacobian with sampler ddpm or pc, or more iterations of the solver",
    "mmps_published": "try more iterations of the solver, or a smaller delta",
    "tmpd": "its row sums stand for variances, which holds only where what is observed is "
    "positively correlated, and more steps do not help; try mmps",
    "jfps": "try more iterations of the solver, or mmps",
    "diffpir": "try a greater lmbda, or more iterations of the solver",
    "pgdm": "its variance of at most one for every direction is far too small for the leading "
    "ones of smooth fields, and more steps do not help; try mmps",
    "sda": "try a greater gamma, or more steps",
    "dps": "try a smaller zeta, or more steps",
    "mmps_gaussian": "try more iterations of the solver",
    "latent_3dvar": "try more iterations of the solver, or fewer outer steps",
    "latent_4dvar": "try more iterations of the solver, or fewer outer steps",
}


def remedy(name: str) -> str:
    """What to try where a method diverges, in words; of measurements see docs/method.md."""
    return REMEDIES[name]
