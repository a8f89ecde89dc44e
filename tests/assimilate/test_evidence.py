"""What a covariance that changes adds: against differences of the evidence, and as weights."""

import zlib

import pytest
import torch

from torch import Tensor

from galerne.assimilate.evidence import Tweedie, correct
from galerne.assimilate.guidance import MomentMatching
from galerne.prior.denoiser import WindowDenoiser
from galerne.prior.gaussian import WindowGaussian
from galerne.prior.trajectory import draw_windows

SIGMA, SHAPE = torch.tensor(0.7, dtype=torch.float64), (1, 1, 1, 5)


def draw(*shape: int, seed: int = 0) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=rng, dtype=torch.float64)


M, H = draw(6, 5, seed=1), 1.5 * draw(3, 5, seed=2)  # of the denoiser, and of what is seen
Y, Z = draw(3, seed=3), draw(4, *SHAPE, seed=4)


def denoise(z: Tensor) -> Tensor:
    """A denoiser whose derivative is symmetric, positive, and changes."""
    return ((z.flatten(1) @ M.T).tanh() @ M / 4).view(z.shape)


def push(u: Tensor) -> Tensor:
    return u.flatten(1) @ H.T


def pull(w: Tensor) -> Tensor:
    return (w @ H).view(-1, *SHAPE)


def evidence(z: Tensor) -> Tensor:
    """The logarithm of the density of what is observed, given one noisy window of 5 numbers."""
    steep = 1 - (M @ z).tanh().square()
    S = torch.eye(3).to(z) + SIGMA**2 * H @ (M.T * steep @ M / 4) @ H.T
    gap = Y - H @ ((M @ z).tanh() @ M / 4)
    return -(gap @ torch.linalg.solve(S, gap) + torch.linalg.slogdet(S)[1]) / 2


def expected() -> Tensor:
    """By central differences."""
    h, eye = 1e-5, torch.eye(5, dtype=torch.float64)
    rows = [
        [(evidence(z + h * e) - evidence(z - h * e)) / (2 * h) for e in eye] for z in Z.flatten(1)
    ]
    return SIGMA**2 * torch.tensor(rows, dtype=torch.float64)


def solve(b: Tensor, start: Tensor | None = None) -> Tensor:
    """Solves the system of each window directly."""
    J = torch.func.vmap(torch.func.jacrev(lambda z: denoise(z.view(1, *SHAPE)).flatten()))(
        Z.flatten(1)
    )
    S = torch.eye(3).to(b) + SIGMA**2 * H @ J @ H.T
    return torch.linalg.solve(S, b)


def found(signs: Tensor | None) -> Tensor:
    spread = Tweedie(denoise, Z, SIGMA)
    innovation = Y - push(spread.mean.detach())
    given = {"signs": signs, "solve": solve, "start": None}
    correction, weights = correct(spread, push, pull, innovation, **given)
    torch.testing.assert_close(weights, solve(innovation))
    return correction.flatten(1)


def test_the_correction_is_the_gradient_of_the_evidence() -> None:
    torch.testing.assert_close(found(None), expected(), atol=1e-7, rtol=1e-6)


def test_signs_estimate_it_without_bias() -> None:
    """All signs of three observations together are their expectation."""
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], dtype=torch.float64)] * 3)
    torch.testing.assert_close(found(signs), expected(), atol=1e-7, rtol=1e-6)
    assert (found(signs[:1]) - expected()).abs().max() > 1e-3


class Mixture(WindowDenoiser):
    """Two numbers: which of two parts, and one that is more certain in the second part.

    The first is 2 or -2, and the second centred, with standard deviations of 1 and 0.05.
    """

    means, deviation = torch.tensor([[2.0, 0], [-2.0, 0]]), torch.tensor([[0.3, 1], [0.3, 0.05]])

    def __init__(self) -> None:
        super().__init__(WindowGaussian(1, 1, 1, 2, 1), None, 0.01, 30.0)

    def mean(self, z_t: Tensor, sigma_t: Tensor, season: Tensor | None) -> Tensor:
        z, noisy = z_t.flatten(1)[:, None], self.deviation**2 + sigma_t**2
        gap = z - self.means
        weights = (-(gap**2 / noisy + noisy.log()).sum(-1) / 2).softmax(-1)
        each = self.means + gap * self.deviation**2 / noisy
        return (weights[..., None] * each).sum(1).view(z_t.shape)


def white(use: str, shape: tuple[int, ...]) -> Tensor:
    rng = torch.Generator().manual_seed(zlib.crc32(use.encode()))
    return torch.randn(2000, *shape, generator=rng)


@pytest.mark.parametrize(("probes", "low", "high"), [(1, 0.65, 0.95), (0, 0.45, 0.6)])
def test_the_likelier_part_is_preferred(probes: int, low: float, high: float) -> None:
    """The second number is seen to be 0 +- 0.05: by hand, the second part has a weight of 0.93.

    Its evidence is N(0; 0, 0.005) against N(0; 0, 1.0025) of the other. Held fixed, the
    covariance does not tell them apart.
    """
    A = lambda z: z.flatten(1)[:, 1:] / 0.05  # noqa: E731
    settings = {"covariance": "jacobian", "iterations": 1, "probes": probes}
    model = MomentMatching(Mixture(), torch.zeros(1), A, **settings)
    walk = {"sampler": "ddpm", "steps": 64, "season": torch.zeros(1, 4)}
    z = draw_windows(model, white, (1, 1, 1, 2), **walk)
    assert low < (z[:, 0, 0, 0, 0] < 0).float().mean().item() < high


def test_signs_differ_from_call_to_call_and_go_on_after_a_cut() -> None:
    A = lambda z: z.flatten(1)[:, [1, 1, 0]]  # noqa: E731
    settings = {"covariance": "jacobian", "iterations": 3, "probes": 1}
    model = MomentMatching(Mixture(), torch.zeros(3), A, **settings)
    z, t = torch.randn(2, 1, 1, 1, 2), torch.tensor(0.7)
    first = model(z, t).mean
    kept = dict(model.memory)
    others = [model(z, t).mean for _ in range(4)]
    assert any((other - first).abs().max() > 1e-4 for other in others)
    model.memory.clear()
    model.memory.update(kept)
    torch.testing.assert_close(model(z, t).mean, others[0], atol=0, rtol=0)


def test_probes_of_a_covariance_that_does_not_change_are_refused() -> None:
    with pytest.raises(ValueError, match="probes need covariance: jacobian"):
        MomentMatching(Mixture(), torch.zeros(1), lambda z: z, probes=1)
