"""Methods by their names: those of azula against dense algebra, and all through every sampler."""

from collections.abc import Callable

import pytest
import torch

from galerne.assimilate.guidance import MomentMatching
from galerne.assimilate.methods import GUIDANCE, REMEDIES, guide
from galerne.prior.denoiser import WindowDenoiser
from galerne.prior.gaussian import WindowGaussian
from galerne.prior.integrator import SAMPLERS
from galerne.prior.trajectory import Noise, draw_windows

from .conftest import METHODS

SHAPE = (3, 2, 2, 8)
SEASON = torch.zeros(1, 4)
OBS = 12
CASES = [
    (name, sampler)
    for name in METHODS
    for sampler in SAMPLERS
    if name != "dps" or sampler in ("ddpm", "ddim")
    if name in ("mmps", "mmps_gaussian") or sampler != "redraw"
    if not name.startswith("latent_")  # which draw once, in tests of their own
]


@pytest.fixture
def gaussian(random_gaussian: Callable) -> WindowGaussian:
    return random_gaussian()


@pytest.fixture
def prior(gaussian: WindowGaussian) -> WindowDenoiser:
    return WindowDenoiser(gaussian, None, 0.01, 100.0)


@pytest.fixture
def H(gaussian: WindowGaussian) -> torch.Tensor:  # noqa: N802
    rng = torch.Generator().manual_seed(5)
    size = gaussian.mean.numel() * SHAPE[0]
    return torch.randn(OBS, size, generator=rng) / size**0.5 / 0.2


@pytest.fixture
def given(prior: WindowDenoiser, H: torch.Tensor) -> Callable:
    """The prior's denoiser given observations, by a method."""
    y = 3 * torch.randn(OBS, generator=torch.Generator().manual_seed(6))

    def make(name: str, sampler: str = "ddim", **settings: object) -> torch.nn.Module:
        settings = METHODS[name] | settings
        return guide(name, prior, y, lambda z: z.flatten(1) @ H.T, sampler=sampler, **settings)

    return make


def test_every_method_has_its_settings_here() -> None:
    assert list(METHODS) == list(GUIDANCE)


@pytest.mark.parametrize("name", ["mmps", "mmps_published", "jfps"])
@pytest.mark.parametrize("t", [0.2, 0.5, 0.9])
def test_a_full_solve_is_the_exact_conditional_mean(
    given: Callable, prior: WindowDenoiser, H: torch.Tensor, dense: Callable, name: str, t: float
) -> None:
    model = given(name, iterations=OBS + 2)
    z_t = 2 * torch.randn(1, *SHAPE, generator=torch.Generator().manual_seed(7))
    z_hat = prior(z_t, torch.tensor(t)).mean
    _, sigma = prior.schedule(torch.tensor(t))
    cov, G = dense(prior.gaussian), H.double()
    noisy = cov + sigma.double().square() * torch.eye(len(cov))
    V = cov - cov @ torch.linalg.solve(noisy, cov)
    r = (model.y - z_hat.flatten(1) @ H.T)[0].double()
    system = G @ V @ G.T + torch.eye(OBS, dtype=torch.float64)
    step = V @ G.T @ torch.linalg.solve(system, r)
    found = (model(z_t, torch.tensor(t), season=SEASON).mean - z_hat).flatten().double()
    torch.testing.assert_close(found, step, atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize("name", ["mmps_published", "jfps"])
def test_azulas_solves_start_from_zero(given: Callable, name: str) -> None:
    z_t, model = torch.randn(1, *SHAPE), given(name, iterations=1)
    first = model(z_t, torch.tensor(0.5)).mean
    model(-z_t, torch.tensor(0.7))
    assert torch.equal(model(z_t, torch.tensor(0.5)).mean, first)
    assert model.memory == {}


def test_the_published_method_is_ours_without_memory(given: Callable) -> None:
    z_t = torch.randn(2, *SHAPE)
    ours = given("mmps", covariance="jacobian", solver="gmres", iterations=2)
    assert isinstance(ours, MomentMatching)
    found = given("mmps_published", solver="gmres", iterations=2)(z_t, torch.tensor(0.5)).mean
    expected = ours(z_t, torch.tensor(0.5)).mean
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("name", "sampler"), CASES)
def test_every_method_is_finite_through_every_sampler(
    given: Callable, name: str, sampler: str
) -> None:
    model = given(name, sampler)
    walk = {"sampler": sampler, "steps": 16, "season": SEASON, "memory": model.memory}
    z = draw_windows(model, Noise(8, [0, 1]), SHAPE, **walk)
    assert torch.isfinite(z).all()
    assert z.abs().max() < 50
    assert (model.y - model.A(z)).square().mean() < (model.y - model.A(0 * z)).square().mean()


def test_an_unknown_method_is_refused(prior: WindowDenoiser) -> None:
    with pytest.raises(ValueError, match="unknown guidance 'nudging'; allowed: mmps, mmps_pub"):
        guide("nudging", prior, torch.zeros(1), lambda z: z, sampler="xeab")


def test_a_method_and_a_sampler_that_do_not_go_together_are_refused(given: Callable) -> None:
    with pytest.raises(ValueError, match="dps is defined for the samplers ddpm and ddim"):
        given("dps", "heun")


def test_every_method_has_a_remedy() -> None:
    assert list(REMEDIES) == list(GUIDANCE)


def test_the_gaussian_alone_has_no_network(gaussian: WindowGaussian, H: torch.Tensor) -> None:
    """Whatever the network says, it is not asked."""

    class Refuses(torch.nn.Module):
        def forward(self, *_: object) -> torch.Tensor:
            raise RuntimeError("the network was asked")

    without, networked = (WindowDenoiser(gaussian, None, 0.01, 100.0) for _ in range(2))
    networked.backbone = Refuses()
    about = (torch.ones(OBS), lambda z: z.flatten(1) @ H.T)
    plain = guide("mmps", without, *about, sampler="ddim")
    alone = guide("mmps_gaussian", networked, *about, sampler="ddim")
    z_t = torch.randn(2, *gaussian.shape, generator=torch.Generator().manual_seed(7))
    t = torch.tensor(0.5)
    assert torch.equal(alone(z_t, t, season=SEASON).mean, plain(z_t, t, season=SEASON).mean)
    with pytest.raises(RuntimeError, match="the network was asked"):
        guide("mmps", networked, *about, sampler="ddim")(z_t, t, season=SEASON)
