r"""The background check: observations that nothing else bears out are rejected.

With the departures :math:`d = y - A(\mu)` from the prior's mean, whitened, and their covariance
:math:`S = I + J V J^T`, what all others and the prior predict for an observation is off by

.. math:: \frac{(S^{-1} d)_i}{(S^{-1})_{ii}} \quad\text{with variance}\quad \frac{1}{(S^{-1})_{ii}}

(leave one out, in closed form). Where errors are as stated, the ratio of the first to the root of
the second is standard normal; beyond a limit the observation is rejected. One that is grossly
wrong makes its neighbours look wrong too, so the limit falls in a few passes, and those rejected
are judged again by the others.

:math:`V` is known by its leading eigenvectors, and what they leave out by its variance for each
observation, so the cost is that of a preconditioner.

References:
    | Lorenc (1981), A global three-dimensional multivariate statistical interpolation scheme
    | https://doi.org/10.1175/1520-0493(1981)109<0701:AGTDMS>2.0.CO;2
    | Gandin (1988), Complex Quality Control of Meteorological Observations
    | https://doi.org/10.1175/1520-0493(1988)116<1137:CQCOMO>2.0.CO;2
"""

__all__ = ["departures", "screen"]

from collections.abc import Callable

import torch

from jaxtyping import Bool, Float
from torch import Tensor

from ..prior.composition import LongGaussian
from ..prior.gaussian import WindowGaussian
from .linear import Preconditioner

PASSES = (3.0, 2.0, 1.5, 1.0, 1.0)  # the limit of each, in units of the last
DRAWS = 64  # of the prior, whose variance for an observation is so known to within 18 %


@torch.no_grad()
def screen(
    gaussian: WindowGaussian | LongGaussian,
    y: Float[Tensor, " obs"],
    A: Callable[[Tensor], Tensor],
    noise: Callable[[int], Tensor],
    *,
    modes: int,
    limit: float,
) -> Bool[Tensor, " obs"]:
    """Tells which observations pass.

    Arguments:
        gaussian: The Gaussian part of the prior.
        y: The observations less the climatology, whitened [1].
        A: The operator, which can linearise itself.
        noise: White noise of a draw, by its number, of the shape of a window.
        modes: Leading eigenvectors of the prior.
        limit: Greatest departure from what the others bear out, in standard deviations.
    """
    mean = gaussian.mean.expand(1, *gaussian.shape)

    def push(vectors: Tensor) -> Tensor:
        return A.push(mean.expand(vectors.shape), vectors)

    known = Preconditioner(push, gaussian.leading(modes), getattr(gaussian, "pieces", None))
    infinite = torch.tensor(torch.inf)
    drawn = (gaussian.deviate(noise(k)[None], infinite) for k in range(DRAWS))
    total = torch.stack([push(one)[0].double().square() for one in drawn]).mean(0)
    d, passed = (y - A(mean)[0]).double(), torch.ones(len(y), dtype=torch.bool, device=y.device)
    for index, part in known.parts:
        B = part.double()
        unknown = (total[index] - (known.variance[:, None] * B.square()).sum(0)).clamp_min(0)
        scale = torch.rsqrt(1 + unknown)
        own = torch.ones(B.shape[1], dtype=torch.bool, device=y.device)
        for factor in PASSES:
            away = departures(B * scale, known.variance, d[index] * scale, own)
            own = away.abs() <= factor * limit
        passed[index] = own
    return passed


def departures(
    B: Float[Tensor, "mode obs"],
    variance: Float[Tensor, " mode"],
    d: Float[Tensor, " obs"],
    used: Bool[Tensor, " obs"],
) -> Float[Tensor, " obs"]:
    r"""Departures from what the other used observations predict, in standard deviations.

    Arguments:
        B: What the observations see of each eigenvector, in units of their errors.
        variance: The variance along each.
        d: The departures from the mean of the prior, in units of the errors.
        used: Which observations predict; the others are compared with the prediction alone.
    """
    some = B[:, used]
    factor = torch.linalg.cholesky((1 / variance).diag() + some @ some.mT)
    mean = torch.cholesky_solve((some @ d[used])[:, None], factor)[:, 0]
    leverage = torch.linalg.solve_triangular(factor, B, upper=False).square().sum(0)
    left = d - mean @ B
    return left / torch.where(used, 1 - leverage, 1 + leverage).clamp_min(1e-6).sqrt()
