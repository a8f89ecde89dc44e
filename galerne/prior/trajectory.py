r"""Members of an ensemble: windows of latents drawn by following a denoiser from noise.

Every member starts from noise of its own seed, and has its own noise for every later use, so a
member is the same whatever batch it is drawn in, up to rounding.
"""

__all__ = ["Noise", "decode_members", "draw_windows", "finished_windows"]

from collections.abc import Callable, Sequence

import numpy as np
import torch

from azula.denoise import Denoiser
from jaxtyping import Float
from torch import Tensor

from ..jobs.progress import Progress
from ..latent.autoencoder import Autoencoder
from ..nn.fit import generator
from .integrator import Walk


class Noise:
    """White noise of the members of an ensemble, another one for each use.

    Arguments:
        seed: The seed that all members share.
        members: The numbers of the members.
        device: Where the noise is needed; it is drawn on the CPU.

    Example:
        >>> one, both = Noise(0, [1]), Noise(0, [0, 1])
        >>> bool((one("start", (3,))[0] == both("start", (3,))[1]).all())
        True
    """

    def __init__(self, seed: int, members: Sequence[int], device: str = "cpu") -> None:
        self.seed, self.members, self.device = seed, members, device

    def __call__(self, use: str, shape: Sequence[int]) -> Float[Tensor, "member ..."]:
        """Draws for a use, of a shape for each member."""
        rngs = (generator(self.seed, f"{k}/{use}") for k in self.members)
        return torch.stack([torch.randn(*shape, generator=rng) for rng in rngs]).to(self.device)


def draw_windows(
    denoiser: Denoiser,
    noise: Callable[..., Tensor],
    shape: Sequence[int],
    *,
    sampler: str,
    steps: int,
    season: Float[Tensor, "window 4"],
    progress: Progress | None = None,
    memory: dict[str, Tensor] | None = None,
    **settings: int | float,
) -> Float[Tensor, "member state channel y x"]:
    """Integrates from the greatest noise level to the least.

    Arguments:
        denoiser: The denoiser, of the prior or given observations; one whose
            ``needs_next_time`` is true is told the time that each step goes to, one whose
            ``needs_last`` is true which step is the last, and one that has ``levels`` says where
            steps lead to.
        noise: White noise of each member, by use and shape, such as :class:`Noise`.
        shape: Shape of a window.
        sampler: Name of the integrator.
        steps: Steps from the greatest to the least noise level.
        season: Season and hour of the window, or of each window of a long trajectory.
        progress: Where the walk is saved, and taken up if it has been cut; ``None`` for nowhere.
        memory: What the denoiser remembers between steps, by name, to be saved along.
        settings: Further settings of the integrator.

    Raises:
        ValueError: If there is no such integrator.
        Interrupted: If a stop was asked for; all that was done is saved.
        FloatingPointError: If a member is no longer finite after a step.
    """
    progress = progress or Progress(None)
    _, sigma = denoiser.schedule(torch.ones(()))
    z = (1 + sigma**2).sqrt() * noise("start", shape)
    memory = {} if memory is None else memory
    if hasattr(denoiser, "levels"):
        settings = settings | {"levels": denoiser.levels(steps)}
    walk = Walk(denoiser, z, noise, sampler=sampler, steps=steps, memory=memory, **settings)
    first, saved = progress.latest()
    if first:
        walk.restore(saved)
    ahead = getattr(denoiser, "needs_next_time", False)
    told = getattr(denoiser, "needs_last", False)
    for step in range(first, steps):
        condition = {"next_time": walk.time[step + 1]} if ahead else {}
        condition |= {"last": step == steps - 1} if told else {}
        walk.advance(step, season=season, **condition)
        _check(walk, sampler, step, steps)
        progress.reached("step", step + 1, steps, walk.state)
    return walk.z


def finished_windows(
    progress: Progress | None, steps: int
) -> Float[Tensor, "member state channel y x"] | None:
    """Returns windows that were drawn before, if all steps were taken.

    Arguments:
        progress: Where :func:`draw_windows` saved them.
        steps: How many steps there are.
    """
    number, state = progress.latest() if progress else (0, {})
    return state["z"] if number == steps else None


def _check(walk: Walk, sampler: str, step: int, steps: int) -> None:
    finite = torch.isfinite(walk.z).flatten(1).all(1)
    if not finite.all():
        bad = (~finite).nonzero().flatten().tolist()
        raise FloatingPointError(
            f"members {bad} of the batch are not finite after step {step + 1} of {steps} of the "
            f"sampler {sampler!r}, at noise level {walk.level(step + 1):.3g}"
        )


@torch.no_grad()
def decode_members(
    autoencoder: Autoencoder,
    z: Float[Tensor, "member state channel y x"],
    noise: Callable[..., Tensor],
) -> Float[np.ndarray, "member state channel2 lat lon"]:
    """Decodes windows into standardised anomalies [1], with residuals that latents do not say.

    Arguments:
        autoencoder: The decoder.
        z: Windows of latents.
        noise: White noise of each member, by use and shape.
    """
    states = []
    for number, latents in enumerate(z.unbind(1)):
        x = autoencoder.decode(latents)
        white = noise(f"residual/{number}", x.shape[1:])
        states.append((x + autoencoder.residuals(white)).cpu())
    return torch.stack(states, 1).numpy()
