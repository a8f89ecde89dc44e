r"""The whole gradient of the evidence: what a covariance that changes adds to moment matching.

With :math:`z \mid z_t` taken for a Gaussian, so is :math:`y \mid z_t`, of mean :math:`A(\hat{z})`
and covariance :math:`S = I + A' V_t A'^T` (whitened). Bayes' rule and Tweedie's formula give

.. math:: \mathbb{E}[z \mid z_t, y] = \hat{z} + \sigma_t^2 \nabla_{z_t} \log p(y \mid z_t)
    = \hat{z} + V_t A'^T w + \frac{\sigma_t^2}{2} \nabla_{z_t} \left(
    w^T S w - \mathrm{tr}(W S) \right)

with :math:`w = S^{-1} (y - A(\hat{z}))` and :math:`W = S^{-1}` held fixed. MMPS as published
leaves the last term out, as if the covariance did not depend on :math:`z_t`. For a Gaussian
prior it does not, and the term is zero. For others it says that observations are likelier from
where the prior is certain of them, or from where it is uncertain enough: without it, parts of
the posterior get wrong weights.

The trace is exact, by a column for each observation, where there are few; otherwise it is
estimated without bias from random signs :math:`u`, :math:`\mathbb{E}[u^T W S u]`, the same signs
for all members. The derivative of the operator itself is held fixed.

References:
    | Learning Diffusion Priors from Observations by Expectation Maximization (Rozet et al., 2024)
    | https://arxiv.org/abs/2405.13712
    | A stochastic estimator of the trace of the influence matrix (Hutchinson, 1990)
    | https://doi.org/10.1080/03610919008812866
"""

__all__ = ["Tweedie", "correct"]

from collections.abc import Callable

import torch

from jaxtyping import Float
from torch import Tensor

Product = Callable[[Tensor], Tensor]


class Tweedie:
    r"""The covariance :math:`\sigma_t^2 (\partial \hat{z} / \partial z_t)^T`, by differentiation.

    Arguments:
        denoise: The denoiser at a noise level, from noisy to clean windows.
        z_t: Noisy windows.
        sigma_t: The noise level.
    """

    def __init__(self, denoise: Product, z_t: Tensor, sigma_t: Tensor) -> None:
        with torch.enable_grad():
            self.z_t = z_t.detach().requires_grad_()
            self.mean = denoise(self.z_t)
        self.variance = sigma_t**2

    def __call__(self, v: Tensor, *, follow: bool = False) -> Tensor:
        """The product with some windows; if followed, :meth:`slope` may go through it."""
        (found,) = torch.autograd.grad(
            self.mean, self.z_t, v, retain_graph=True, create_graph=follow
        )
        return self.variance * found

    def slope(self, total: Tensor) -> Tensor:
        """The derivative of a number by the noisy windows; zero if it does not depend on them."""
        if not total.requires_grad:
            return torch.zeros_like(self.z_t)
        return torch.autograd.grad(total, self.z_t)[0]


def correct(
    spread: Tweedie,
    push: Product,
    pull: Product,
    innovation: Float[Tensor, "batch obs"],
    *,
    signs: Float[Tensor, "probe obs"] | None,
    solve: Callable[[Tensor, Tensor | None], Tensor],
    start: Float[Tensor, "batch obs"] | None,
) -> tuple[Float[Tensor, "batch state channel y x"], Float[Tensor, "batch obs"]]:
    """What observations add to the mean of clean windows.

    Arguments:
        spread: The covariance of clean windows.
        push: The product with the operator's derivative.
        pull: The product with its transpose.
        innovation: What is observed less what is expected, whitened [1].
        signs: Random signs for each probe of the trace; ``None`` for the exact trace, which
            takes as many products with the covariance as there are observations, and no solve.
        solve: Solves the system for a right-hand side, shape (batch, obs), from a first guess.
        start: A first guess of the weights.

    Returns:
        The correction, and the weights of the observations.
    """
    probes = torch.eye(innovation.shape[-1]).to(innovation) if signs is None else signs
    probes = [probe.expand_as(innovation) for probe in probes]
    with torch.enable_grad():
        columns = [spread(pull(probe), follow=True) for probe in probes]
    if signs is None:
        S = torch.stack([push(column.detach()) for column in columns], -1).double()
        W = torch.linalg.inv(S + torch.eye(S.shape[-1]).to(S))
        weights = (W @ innovation.double()[..., None])[..., 0].to(innovation)
        shares = weights.T.reshape(-1, len(weights), *[1] * (columns[0].ndim - 1))
        correction = sum(
            share * column.detach() for share, column in zip(shares, columns, strict=True)
        )
        lefts = [w[:, None] * weights - W[:, k].to(w) for k, w in enumerate(weights.T)]
    else:
        weights = solve(innovation, start)
        lefts = [-solve(probe, None) / len(probes) for probe in probes] + [weights]
        with torch.enable_grad():
            columns.append(spread(pull(weights), follow=True))
        correction = columns[-1].detach()
    with torch.enable_grad():
        pairs = zip(lefts, columns, strict=True)
        total = sum((pull(left).detach() * column).sum() for left, column in pairs)
    return correction + spread.variance / 2 * spread.slope(total), weights
