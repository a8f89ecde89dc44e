"""States carried from one window to the next: forecasts against the exact conditional."""

from collections.abc import Callable

import pytest
import torch

from galerne.assimilate.carried import Carried, WithCarried
from galerne.assimilate.guidance import MomentMatching
from galerne.prior.denoiser import WindowDenoiser
from galerne.prior.gaussian import WindowGaussian
from galerne.prior.trajectory import Noise, draw_windows

GRID = (1, 3, 6)
SEASON = torch.zeros(1, 4)


class Linear(torch.nn.Module):
    """Sees a few sums of latents."""

    def __init__(self, size: int) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(2)
        self.register_buffer("H", torch.randn(5, size, generator=rng) / size**0.5)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return z.flatten(1) @ self.H.T

    def linearise(self, z: torch.Tensor) -> tuple:
        return self(z), self, lambda w: (w @ self.H).view(-1, *z.shape[1:])

    def push(self, z: torch.Tensor, change: torch.Tensor) -> torch.Tensor:
        return self(change)


def test_products_are_those_of_the_operator_and_of_the_states() -> None:
    carried = Carried(torch.randn(2, 2, *GRID), [1, 2], 0.1)
    z, v = torch.randn(2, 2, 4, *GRID)
    for operator, count in ((Linear(72), 5 + 36), (None, 36)):
        A = WithCarried(operator, carried)
        seen, push, pull = A.linearise(z)
        assert seen.shape == (2, count)
        torch.testing.assert_close(seen, A(z))
        torch.testing.assert_close(seen[:, -36:], 10 * z[:, 1:3].flatten(1))
        torch.testing.assert_close(push(v), A(v))
        torch.testing.assert_close(A.push(z, v), A(v))
        w = torch.randn(2, count)
        torch.testing.assert_close((push(v) * w).sum(), (v * pull(w)).sum(), rtol=1e-4, atol=1e-3)
    y = carried.observed(torch.ones(5))
    torch.testing.assert_close(y[:, :5], torch.ones(2, 5))
    torch.testing.assert_close(y[:, 5:], 10 * carried.states.flatten(1))


def test_an_error_must_be_above_zero() -> None:
    with pytest.raises(ValueError, match=r"error of carried states: 0\.0 is not above 0"):
        Carried(torch.zeros(1, 1, *GRID), [0], 0.0)


def test_a_window_goes_on_as_the_process_does(process: Callable[..., WindowGaussian]) -> None:
    """Two states carried, of a process of order two: mean and variance of the next four."""
    members, error = 1500, 0.05
    gaussian = process(6, order=2)
    prior = WindowDenoiser(gaussian, None, 0.01, 100.0)
    one = gaussian.sample(torch.randn(1, 6, *GRID, generator=torch.Generator().manual_seed(1)))
    carried = Carried(one[:, 4:].expand(members, -1, -1, -1, -1), [0, 1], error)
    model = MomentMatching(
        prior, carried.observed(torch.zeros(0)), WithCarried(None, carried),
        linearisation="linear", iterations=12, modes=64,
    )  # fmt: skip
    settings = {"sampler": "redraw", "steps": 4, "season": SEASON}
    z = draw_windows(model, Noise(3, range(members)), (6, *GRID), **settings).flatten(1).double()

    size, past = 6 * 18, 2 * 18
    cov = gaussian.apply_gain(torch.eye(size).view(size, 6, *GRID), lambda v: v)
    cov = cov.flatten(1).double()
    H = torch.eye(size).double()[:past]
    gain = cov @ H.T @ torch.linalg.inv(H @ cov @ H.T + error**2 * torch.eye(past))
    mean = gaussian.mean.expand(6, *GRID).flatten().double()
    expected = mean + gain @ (one[:, 4:].flatten().double() - H @ mean)
    left = cov - gain @ H @ cov
    varies = left.diagonal() > 1e-6
    miss = ((z.mean(0) - expected)[varies] / left.diagonal()[varies].sqrt()).square().mean().sqrt()
    assert miss < 0.05  # Monte-Carlo floor: 1 / sqrt(1500) = 0.026
    ratio = z.var(0)[varies] / left.diagonal()[varies]
    assert ratio.mean() == pytest.approx(1, abs=0.04)
    assert 0.8 < ratio.min() < ratio.max() < 1.2
