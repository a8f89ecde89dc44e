r"""Variational analyses: the most likely state of a Gaussian prior, by Gauss-Newton steps.

With a background :math:`x_b`, its covariance :math:`B`, and an operator whose derivative at the
last guess :math:`x_k` is :math:`J`, all whitened so that errors have the identity as covariance,

.. math:: x_{k + 1} = x_b + B J^T \left( I + J B J^T \right)^{-1}
    \left( y - A(x_k) + J (x_k - x_b) \right)

is solved in the space of observations by conjugate gradients. Where :math:`A` is linear, one step
is exact: optimal interpolation. Members are analyses of perturbed backgrounds, drawn from the
prior, and of perturbed observations; of a linear operator they are exact draws from the posterior
(Matheron's rule), else those of randomised maximum likelihood.

References:
    | Ensemble Kalman filter and randomised maximum likelihood (Chen and Oliver, 2012)
    | https://doi.org/10.1007/s11004-011-9376-z
"""

__all__ = ["gauss_newton", "leading_inverse"]

import math

from collections.abc import Callable, Iterable

import torch

from jaxtyping import Float
from torch import Tensor

from .linear import Preconditioner, solve

Product = Callable[[Tensor], Tensor]
Linearise = Callable[[Tensor], tuple[Tensor, Product, Product]]


def gauss_newton(
    background: Float[Tensor, "member state channel y x"],
    y: Float[Tensor, "*member obs"],
    linearise: Linearise,
    spread: Product,
    *,
    steps: int,
    iterations: int,
    precondition: Product | None = None,
) -> Float[Tensor, "member state channel y x"]:
    """Returns the analysis of each background and its observations.

    Arguments:
        background: Perturbed backgrounds, one of each member.
        y: The observations, whitened [1], perturbed for each member.
        linearise: Returns what the operator sees, whitened likewise, and products with its
            derivative and the transpose of it; one that is not exact makes steps inexact.
        spread: Product with the covariance of the background.
        steps: Gauss-Newton steps; one is exact of a linear operator.
        iterations: Iterations of the solver at each step.
        precondition: An approximate inverse of the system; ``None`` for the identity.
    """
    x = background
    for _ in range(steps):
        seen, push, pull = linearise(x)

        def system(w: Tensor, push: Product = push, pull: Product = pull) -> Tensor:
            return w + push(spread(pull(w)))

        innovation = y - seen + push(x - background)
        weights = solve(system, innovation, iterations=iterations, precondition=precondition)
        x = background + spread(pull(weights))
    return x


def leading_inverse(push: Product, vectors: Iterable[tuple[Tensor, Tensor]]) -> Product:
    """Returns an approximate inverse of the system, from leading vectors of the covariance.

    Arguments:
        push: Product with the operator's derivative, of vectors to (n, obs).
        vectors: Vectors and variances, in chunks, whose outer products are most of the
            covariance.
    """
    with torch.no_grad():
        return Preconditioner(push, vectors).at(torch.tensor(math.inf))
