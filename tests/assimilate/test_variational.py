"""Gauss-Newton analyses are exact where all is linear, and stationary where it is not."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from bench.worlds.posterior import Posterior, condition
from galerne.assimilate.linear import derivative
from galerne.assimilate.variational import gauss_newton, leading_inverse

SHAPE = (2, 1, 2, 4)
N = 16


def setting(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A covariance, a whitened linear operator and observations."""
    rng = torch.Generator().manual_seed(seed)
    root = torch.randn(N, N, generator=rng) / 4
    return root @ root.T, torch.randn(6, N, generator=rng), torch.randn(6, generator=rng)


def times(matrix: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda v: (v.flatten(1) @ matrix.T).reshape(len(v), -1)


def test_one_step_is_exact_of_a_linear_operator() -> None:
    B, H, y = setting()
    spread = lambda v: times(B)(v).reshape(v.shape)  # noqa: E731
    found = gauss_newton(
        torch.zeros(1, *SHAPE), y, partial(derivative, times(H)), spread, steps=1, iterations=12
    )
    prior = Posterior(np.ones(1), np.zeros((1, N)), B.double().numpy())
    exact = condition(prior, H.double().numpy(), y.double().numpy(), np.ones(6))
    assert np.allclose(found.flatten().double().numpy(), exact.mean, atol=1e-4)


def test_members_of_perturbed_backgrounds_and_observations_are_the_posterior() -> None:
    B, H, y = setting()
    spread = lambda v: times(B)(v).reshape(v.shape)  # noqa: E731
    rng = torch.Generator().manual_seed(1)
    root = torch.linalg.cholesky(B + 1e-7 * torch.eye(N))
    background = (torch.randn(20_000, N, generator=rng) @ root.T).reshape(-1, *SHAPE)
    noisy = y + torch.randn(20_000, 6, generator=rng)
    given = {"steps": 1, "iterations": 12}
    found = (
        gauss_newton(background, noisy, partial(derivative, times(H)), spread, **given)
        .flatten(1)
        .double()
        .numpy()
    )
    prior = Posterior(np.ones(1), np.zeros((1, N)), B.double().numpy())
    exact = condition(prior, H.double().numpy(), y.double().numpy(), np.ones(6))
    deviation = np.sqrt(exact.covariance.diagonal())
    assert np.abs((found.mean(0) - exact.mean) / deviation).max() < 0.04
    assert np.abs(np.cov(found.T) - exact.covariance).max() < 0.05 * deviation.max() ** 2


def test_the_gradient_vanishes_where_the_operator_is_not_linear() -> None:
    B, H, y = setting()
    spread = lambda v: times(B)(v).reshape(v.shape)  # noqa: E731

    def see(v: torch.Tensor) -> torch.Tensor:
        linear = times(H)(v)
        return linear + 0.2 * linear.square()

    def gradient(steps: int) -> float:
        given = {"steps": steps, "iterations": 12}
        x = gauss_newton(
            torch.zeros(1, *SHAPE), y, partial(derivative, see), spread, **given
        ).requires_grad_()
        misfit = (see(x) - y).square().sum() / 2
        (pulled,) = torch.autograd.grad(misfit, x)
        return float((x + spread(pulled)).norm())  # of the cost, multiplied by B

    assert gradient(8) < 1e-3
    assert gradient(1) > 10 * gradient(8)


def test_all_vectors_are_the_inverse() -> None:
    B, H, _ = setting()
    values, vectors = torch.linalg.eigh(B)
    chunks = [(vectors.T.reshape(-1, *SHAPE).contiguous(), values)]
    inverse = leading_inverse(times(H), chunks)
    system = torch.eye(6) + H @ B @ H.T
    r = torch.randn(3, 6, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(inverse(r), torch.linalg.solve(system, r.T).T, atol=1e-3)
