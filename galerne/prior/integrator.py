r"""Samplers, one step at a time: of the probability-flow equation, and stochastic ones.

azula integrates from the greatest noise level to the least in one call. Here the same steps
are taken one by one, to the same bits, with all that a step needs of those before it in sight:
the window :math:`z_t`, what the denoiser remembers, and for the multistep methods the last
predictions. A walk can so be saved after any step and taken up again.

With the prediction :math:`f_i` of step :math:`i` and the coefficients :math:`b_{ij}` of Adams
and Bashforth in the variable :math:`u`,

.. math::
    \text{zab:} \quad z_s & = \tfrac{\alpha_s}{\alpha_t} z_t + \alpha_s \sum_j b_{ij} f_j,
    & f_i & = (z_t - \alpha_t \hat{z}) / \sigma_t, & u & = \sigma / \alpha \\
    \text{xeab:} \quad z_s & = \tfrac{\sigma_s}{\sigma_t} z_t - \sigma_s \sum_j b_{ij} f_j,
    & f_i & = \hat{z}, & u & = \log(\sigma / \alpha)

The stochastic samplers take their noise from a source that gives each member its own:

.. math::
    \text{ddpm:} \quad & z_s = r z_t + (1 - r) \hat{z} + \sigma_s \sqrt{1 - r} \, \varepsilon,
    \qquad r = \sigma_s^2 / \sigma_t^2 \\
    \text{pc:} \quad & z_t \leftarrow \hat{z} + \sqrt{1 - \delta} (z_t - \hat{z})
    + \sqrt{\delta} \sigma_t \varepsilon, \text{ several times, then a step of ddim} \\
    \text{redraw:} \quad & z_s = r z_t + (1 - r) z + \sigma_s \sqrt{1 - r} \, \varepsilon,
    \qquad z \sim p(z \mid z_t)

DDPM replaces the clean window by its mean, so variance is missing unless steps are many.
``redraw`` draws it, from a Gaussian of the mean :math:`\hat{z}` and the covariance of the Gaussian
part of the prior: given the draw, the step is exact. The first step draws as if the noise were
infinite, for the start knows nothing, and the last one keeps what it draws. Where the prior is
Gaussian, any number of steps so ends in exact draws; elsewhere, where the Gaussian part has
too much or too little variance, the error of a step is of second order in :math:`1 - r`.

References:
    | Denoising Diffusion Probabilistic Models (Ho et al., 2020)
    | https://arxiv.org/abs/2006.11239
    | Score-Based Generative Modeling through Stochastic Differential Equations (Song et al., 2021)
    | https://arxiv.org/abs/2011.13456
    | Fast Sampling of Diffusion Models with Exponential Integrator (Zhang et al., 2023)
    | https://arxiv.org/abs/2204.13902
    | DPM-Solver++: Fast Solver for Guided Sampling (Lu et al., 2022)
    | https://arxiv.org/abs/2211.01095
"""

__all__ = ["SAMPLERS", "Walk"]

import math

from collections.abc import Callable, Sequence
from functools import partial

import torch

from azula.denoise import Denoiser
from azula.sample import (
    DDIMSampler,
    DDPMSampler,
    HeunSampler,
    PCSampler,
    Sampler,
    xEABSampler,
    zABSampler,
)
from jaxtyping import Float
from torch import Tensor


class RedrawSampler(DDPMSampler):
    """DDPM with a drawn clean window in the place of its mean."""


SAMPLERS: dict[str, type[Sampler]] = {
    "ddim": DDIMSampler,
    "ddpm": DDPMSampler,
    "heun": HeunSampler,
    "pc": PCSampler,
    "redraw": RedrawSampler,
    "xeab": xEABSampler,
    "zab": zABSampler,
}


class Walk:
    """A walk of some windows from noise to clean windows.

    Arguments:
        denoiser: The denoiser.
        z: The windows at the greatest noise level.
        noise: White noise of each member, by use and shape; needed by the stochastic samplers.
        sampler: Name of the sampler.
        steps: Steps from the greatest to the least noise level.
        memory: What the denoiser remembers from step to step, by name; shared with it.
        levels: The noise levels that steps lead to before the last; even ones if ``None``.
        settings: Further settings of the sampler: ``corrections`` and ``delta`` of ``pc``.

    Raises:
        ValueError: If there is no such sampler, or the denoiser cannot do what it needs.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        z: Float[Tensor, "member state channel y x"],
        noise: Callable[..., Tensor] | None = None,
        *,
        sampler: str,
        steps: int,
        memory: dict[str, Tensor],
        levels: Float[Tensor, " level"] | None = None,
        **settings: int | float,
    ) -> None:
        if sampler not in SAMPLERS:
            raise ValueError(f"unknown sampler {sampler!r}; allowed: {', '.join(SAMPLERS)}")
        if sampler == "redraw" and not hasattr(denoiser, "draw"):
            raise ValueError("sampler 'redraw' needs guidance mmps, or none")
        self.denoiser, self.z, self.noise, self.memory = denoiser, z, noise, memory
        self.sampler = SAMPLERS[sampler](denoiser, steps=steps, silent=True, **settings)
        self.time = self.sampler.timesteps.to(z.device)
        if levels is not None:
            self.time[1:-1] = _times(denoiser.schedule, levels).to(self.time)
        self.predictions: list[Tensor] = []

    @torch.no_grad()
    def advance(self, step: int, **condition: Tensor | bool) -> None:
        """Takes a step, counted from 0; steps are to be taken in their order.

        Arguments:
            step: The step.
            condition: Passed to the denoiser.
        """
        if isinstance(self.sampler, (zABSampler, xEABSampler)):
            z = self._multistep(step, condition)
        elif isinstance(self.sampler, DDPMSampler):
            z = self._ancestor(step, condition)
        elif isinstance(self.sampler, PCSampler):
            z = self._corrected(step, condition)
        else:
            z = self.sampler.step(self.z, self.time[step], self.time[step + 1], **condition)
        self.z = z.contiguous()  # as it comes back from disk

    def level(self, step: int) -> float:
        """Returns the noise level before a step."""
        return self.denoiser.schedule(self.time[step])[1].item()

    def state(self) -> dict[str, Tensor]:
        """Returns all that the next step needs."""
        predictions = {f"prediction.{k}": f for k, f in enumerate(self.predictions)}
        memory = {f"memory.{name}": value for name, value in self.memory.items()}
        return {"z": self.z, **predictions, **memory}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Takes up the walk after the step whose state this is."""
        state = {name: value.to(self.z.device) for name, value in state.items()}
        count = sum(name.startswith("prediction.") for name in state)
        self.z, self.predictions = state["z"], [state[f"prediction.{k}"] for k in range(count)]
        self.memory.clear()
        for name, value in state.items():
            if name.startswith("memory."):
                self.memory[name.removeprefix("memory.")] = value

    def _multistep(self, i: int, condition: dict[str, Tensor | bool]) -> Tensor:
        alpha, sigma = self.denoiser.schedule(self.time)
        z_hat, n = self.denoiser(self.z, self.time[i], **condition).mean, self.sampler.order
        if isinstance(self.sampler, zABSampler):
            prediction = (self.z - alpha[i] * z_hat) / sigma[i]
            b = self.sampler._adams_bashforth(sigma / alpha, i=i, n=n)
            keep, add = alpha[i + 1] / alpha[i], alpha[i + 1]
        else:
            prediction = z_hat
            b = self.sampler._exponential_adams_bashforth(sigma.log() - alpha.log(), i=i, n=n)
            keep, add = sigma[i + 1] / sigma[i], -sigma[i + 1]
        self.predictions = [*self.predictions, prediction.contiguous()][-n:]
        return keep * self.z + add * sum(f * c for f, c in zip(self.predictions, b, strict=True))

    def _white(self, step: int, use: str, shape: Sequence[int] | None = None) -> Tensor:
        return self.noise(f"{step}/{use}", self.z.shape[1:] if shape is None else shape)

    def _ancestor(self, i: int, condition: dict[str, Tensor | bool]) -> Tensor:
        t, (alpha, sigma) = self.time[i], self.denoiser.schedule(self.time)
        rest = alpha[i] / alpha[i + 1] * sigma[i + 1] / sigma[i]
        if isinstance(self.sampler, RedrawSampler):
            if i == 0:
                t, rest = None, torch.zeros_like(rest)
            z = self.denoiser.draw(self.z, t, partial(self._white, i), **condition)
            if i == self.sampler.steps - 1:
                return z
        else:
            z = self.denoiser(self.z, t, **condition).mean
        z_s = alpha[i + 1] * z + sigma[i + 1] * rest / sigma[i] * (self.z - alpha[i] * z)
        return z_s + sigma[i + 1] * (1 - rest**2).sqrt() * self._white(i, "step")

    def _corrected(self, i: int, condition: dict[str, Tensor | bool]) -> Tensor:
        (alpha, sigma), delta = self.denoiser.schedule(self.time[i]), self.sampler.delta
        for number in range(self.sampler.corrections):
            z_hat = self.denoiser(self.z, self.time[i], **condition).mean
            kept = math.sqrt(1 - delta) * (self.z - alpha * z_hat)
            white = self._white(i, f"correction/{number}")
            self.z = alpha * z_hat + kept + math.sqrt(delta) * sigma * white
        alpha_s, sigma_s = self.denoiser.schedule(self.time[i + 1])
        z_hat = self.denoiser(self.z, self.time[i], **condition).mean
        return alpha_s * z_hat + sigma_s / sigma * (self.z - alpha * z_hat)


def _times(
    schedule: Callable[[Tensor], tuple[Tensor, Tensor]], levels: Float[Tensor, " level"]
) -> Float[Tensor, " level"]:
    """The times of a schedule at which it has these noise levels, as far as it goes."""
    low, high = torch.zeros_like(levels), torch.ones_like(levels)
    for _ in range(40):  # bisection
        middle = (low + high) / 2
        above = schedule(middle)[1] > levels
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    return (low + high) / 2
