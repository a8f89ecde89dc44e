"""The background check against dense algebra, and on gross errors."""

from collections.abc import Callable

import pytest
import torch

from galerne.assimilate.screening import departures, screen
from galerne.prior.gaussian import WindowGaussian

SHAPE = (3, 2, 2, 8)


class Seen:
    """A linear operator that can linearise itself, in units of the errors."""

    def __init__(self, H: torch.Tensor) -> None:
        self.H = H

    def __call__(self, z: torch.Tensor) -> torch.Tensor:
        return z.flatten(1) @ self.H.T

    def linearise(self, z: torch.Tensor) -> tuple:
        back = lambda w: (w @ self.H).unflatten(1, SHAPE)  # noqa: E731
        return self(z), self, back

    def push(self, z: torch.Tensor, change: torch.Tensor) -> torch.Tensor:
        return self(change)


@pytest.fixture
def world(random_gaussian: Callable[..., WindowGaussian]) -> tuple:
    """Sixty observations of a state drawn from a Gaussian, with errors as stated."""
    gaussian, rng = random_gaussian(), torch.Generator().manual_seed(1)
    H = torch.randn(60, 96, generator=rng)
    z = gaussian.sample(torch.randn(1, *SHAPE, generator=rng))
    y = Seen(H)(z)[0] + torch.randn(60, generator=rng)
    return gaussian, H, y


def white(draw: int) -> torch.Tensor:
    return torch.randn(*SHAPE, generator=torch.Generator().manual_seed(draw))


def test_departures_are_those_of_leaving_one_out() -> None:
    rng = torch.Generator().manual_seed(2)
    B = torch.randn(5, 12, generator=rng, dtype=torch.float64)
    variance, d = torch.rand(5, generator=rng).double() + 0.5, torch.randn(12).double()
    used = torch.arange(12) != 3
    found = departures(B, variance, d, used)
    S = torch.eye(12).double() + B.T @ variance.diag() @ B
    for k in range(12):
        others = used & (torch.arange(12) != k)
        gain = S[k, others] @ torch.linalg.inv(S[others][:, others])
        off, var = d[k] - gain @ d[others], S[k, k] - gain @ S[others, k]
        torch.testing.assert_close(found[k], off / var.sqrt())


def test_errors_as_stated_pass(world: tuple) -> None:
    gaussian, H, y = world
    assert screen(gaussian, y, Seen(H), white, modes=200, limit=5.0).all()


def test_gross_errors_are_rejected_and_their_neighbours_are_not(world: tuple) -> None:
    gaussian, H, y = world
    H = torch.cat([H, H[:20] + 0.01])  # some see nearly the same
    y = torch.cat([y, y[:20] + 0.1])
    wrong = y.clone()
    wrong[[3, 40, 70]] += torch.tensor([30.0, -30.0, 30.0])
    passed = screen(gaussian, wrong, Seen(H), white, modes=200, limit=5.0)
    assert (~passed).nonzero()[:, 0].tolist() == [3, 40, 70]


def test_what_few_eigenvectors_leave_out_is_not_taken_for_an_error(world: tuple) -> None:
    gaussian, H, y = world
    passed = screen(gaussian, y, Seen(H), white, modes=8, limit=5.0)
    assert passed.all()
    y[3] += 100.0
    assert (~screen(gaussian, y, Seen(H), white, modes=8, limit=5.0)).nonzero().tolist() == [[3]]
