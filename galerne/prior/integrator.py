r"""Integrators of the probability-flow equation, one step at a time.

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

References:
    | Fast Sampling of Diffusion Models with Exponential Integrator (Zhang et al., 2023)
    | https://arxiv.org/abs/2204.13902
    | DPM-Solver++: Fast Solver for Guided Sampling (Lu et al., 2022)
    | https://arxiv.org/abs/2211.01095
"""

__all__ = ["SAMPLERS", "Walk"]

import torch

from azula.denoise import Denoiser
from azula.sample import DDIMSampler, HeunSampler, Sampler, xEABSampler, zABSampler
from jaxtyping import Float
from torch import Tensor

SAMPLERS: dict[str, type[Sampler]] = {
    "ddim": DDIMSampler,
    "heun": HeunSampler,
    "zab": zABSampler,
    "xeab": xEABSampler,
}


class Walk:
    """A walk of some windows from noise to clean windows.

    Arguments:
        denoiser: The denoiser.
        z: The windows at the greatest noise level.
        sampler: Name of the integrator.
        steps: Steps from the greatest to the least noise level.
        memory: What the denoiser remembers from step to step, by name; shared with it.

    Raises:
        ValueError: If there is no such integrator.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        z: Float[Tensor, "member state channel y x"],
        *,
        sampler: str,
        steps: int,
        memory: dict[str, Tensor],
    ) -> None:
        if sampler not in SAMPLERS:
            raise ValueError(f"unknown sampler {sampler!r}; allowed: {', '.join(SAMPLERS)}")
        self.denoiser, self.z, self.memory = denoiser, z, memory
        self.sampler = SAMPLERS[sampler](denoiser, steps=steps, silent=True)
        self.time = self.sampler.timesteps.to(z.device)
        self.predictions: list[Tensor] = []

    @torch.no_grad()
    def advance(self, step: int, **condition: Tensor) -> None:
        """Takes a step, counted from 0; steps are to be taken in their order.

        Arguments:
            step: The step.
            condition: Passed to the denoiser.
        """
        if isinstance(self.sampler, (zABSampler, xEABSampler)):
            z = self._multistep(step, condition)
        else:
            z = self.sampler.step(self.z, self.time[step], self.time[step + 1], **condition)
        self.z = z.contiguous()  # as it comes back from disk

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

    def _multistep(self, i: int, condition: dict[str, Tensor]) -> Tensor:
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
