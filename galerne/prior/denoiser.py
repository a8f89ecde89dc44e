r"""The denoiser of the prior: the exact Gaussian, and a network for what it misses.

.. math:: \mu_\phi(z_t) = \mu_G(z_t) + c(\sigma_t) \, b_\phi \left( \frac{z_t}
    {\sqrt{1 + \sigma_t^2}}, \mu_G(z_t), \log \sigma_t, \text{season} \right)

The output scale :math:`c(\sigma_t)` is the root mean posterior variance of the Gaussian, known
in closed form: the network always corrects an error of unit size, and its loss, divided by
:math:`c^2`, is one at every noise level before training. This takes the place of the skip
connection of EDM, which is the Gaussian denoiser of an isotropic covariance.

References:
    | Elucidating the Design Space of Diffusion-Based Generative Models (Karras et al., 2022)
    | https://arxiv.org/abs/2206.00364
"""

__all__ = ["WindowDenoiser"]

import math

from collections.abc import Callable

import torch

from azula.denoise import Denoiser, DiracPosterior
from azula.noise import VESchedule
from jaxtyping import Float
from torch import Tensor

from ..nn.parallel import Draws
from ..nn.precision import reduced
from .backbone import Backbone
from .gaussian import WindowGaussian

TRAINING_SIGMA = (0.05, 30.0)  # noise levels that training draws from, log-uniformly


class WindowDenoiser(Denoiser):
    """Denoises windows of latents.

    Arguments:
        gaussian: The Gaussian part.
        backbone: The network, or ``None`` for the Gaussian alone.
        sigma_min: Least noise level of the schedule.
        sigma_max: Greatest noise level of the schedule.
        precision: Of the network: ``float32`` or ``bfloat16``.
    """

    def __init__(
        self,
        gaussian: WindowGaussian,
        backbone: Backbone | None,
        sigma_min: float,
        sigma_max: float,
        precision: str = "float32",
    ) -> None:
        super().__init__()
        self.gaussian, self.backbone, self.precision = gaussian, backbone, precision
        self.schedule = VESchedule(sigma_min, sigma_max)
        self.starts = [0]  # the first state of each window that is denoised: of this one alone

    def forward(
        self,
        z_t: Float[Tensor, "batch state channel y x"],
        t: Float[Tensor, "..."],
        season: Float[Tensor, "#batch 4"] | None = None,
    ) -> DiracPosterior:
        """Returns the mean of the clean windows given noisy ones.

        Arguments:
            z_t: Noisy windows.
            t: The time of the schedule, one for all or one each.
            season: Season and hour, see :func:`galerne.prior.backbone.calendar`; needed by
                the network only.
        """
        _, sigma_t = self.schedule(t)
        return DiracPosterior(mean=self.mean(z_t, sigma_t, season))

    def draw(
        self,
        z_t: Float[Tensor, "batch state channel y x"],
        t: Float[Tensor, ""] | None,
        noise: Callable[..., Tensor],
        season: Float[Tensor, "#batch 4"] | None = None,
    ) -> Float[Tensor, "batch state channel y x"]:
        """Draws clean windows given noisy ones, with the spread of the Gaussian part.

        Arguments:
            z_t: Noisy windows.
            t: The time of the schedule; ``None`` for infinite noise, where the network has
                nothing to say.
            noise: White noise of each window, by use and shape.
            season: Season and hour, as in :meth:`forward`.
        """
        z_hat, sigma_t = self.moments(z_t, t, season)
        return z_hat + self.gaussian.deviate(noise("prior", z_t.shape[1:]), sigma_t)

    def moments(
        self, z_t: Tensor, t: Tensor | None, season: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Returns the mean at a time, as :meth:`draw`, and the noise level."""
        if t is None:
            return self.gaussian.mean.expand(z_t.shape), z_t.new_tensor(math.inf)
        _, sigma_t = self.schedule(t)
        return self.mean(z_t, sigma_t, season), sigma_t

    def mean(self, z_t: Tensor, sigma_t: Tensor, season: Tensor | None) -> Tensor:
        """Returns the mean at a noise level, one for all or one each."""
        guess = self.gaussian.denoise(z_t, sigma_t)
        if self.backbone is None:
            return guess
        sigma_t = sigma_t.expand(len(z_t))
        scale = self.gaussian.uncertainty(sigma_t)[:, None, None, None, None]
        c_in = torch.rsqrt(1 + sigma_t.square())[:, None, None, None, None]
        season = season.expand(len(z_t), -1)
        with reduced(self.precision, z_t.device):
            added = self.backbone(c_in * z_t, guess, sigma_t.log(), season)
        return guess + scale * added.float()

    def loss(
        self,
        z: Float[Tensor, "batch state channel y x"],
        season: Float[Tensor, "#batch 4"],
        draws: Draws,
    ) -> Float[Tensor, ""]:
        """Returns the squared error of the mean in units of the Gaussian's uncertainty.

        Arguments:
            z: Clean windows.
            season: Season and hour of each.
            draws: Source of noise levels and noise.
        """
        low, high = map(math.log, TRAINING_SIGMA)
        # Stratified: the noise levels of a batch are spread over the whole range.
        sigma_t = torch.exp(low + (high - low) * draws.strata(len(z)))
        z_t = z + sigma_t[:, None, None, None, None] * draws.normal(z.shape)
        error = (self.mean(z_t, sigma_t, season) - z).square().mean((1, 2, 3, 4))
        return (error / self.gaussian.uncertainty(sigma_t).square()).mean()
