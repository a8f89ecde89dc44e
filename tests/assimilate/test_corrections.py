"""Corrections of the mean: each against dense algebra, and against azula where it has them."""

from collections.abc import Callable

import pytest
import torch

from azula.guidance.diffpir import DiffPIRDenoiser
from azula.guidance.dps import DPSSampler
from azula.guidance.tmpd import TMPDenoiser
from azula.sample import DDIMSampler, DDPMSampler

from galerne.assimilate.corrections import (
    PlugAndPlay,
    PosteriorGradient,
    PseudoInverse,
    ScoreBased,
    TweedieMoments,
)
from galerne.prior.denoiser import WindowDenoiser
from galerne.prior.gaussian import WindowGaussian

SHAPE = (3, 2, 2, 8)
OBS = 12
TIMES = [0.2, 0.5, 0.9]


class World:
    """A Gaussian prior and a linear operator, whitened; its matrices in double precision."""

    def __init__(self, gaussian: WindowGaussian, cov: torch.Tensor) -> None:
        rng = torch.Generator().manual_seed(5)
        self.prior, self.cov = WindowDenoiser(gaussian, None, 0.01, 100.0), cov
        error = torch.linspace(0.05, 0.3, OBS)
        self.H = torch.randn(OBS, len(cov), generator=rng) / len(cov) ** 0.5 / error[:, None]
        self.y = 5 * torch.randn(OBS, generator=rng)
        self.z_t = 2 * torch.randn(1, *SHAPE, generator=rng)

    def A(self, z: torch.Tensor) -> torch.Tensor:  # noqa: N802
        return z.flatten(1) @ self.H.T

    def bent(self, z: torch.Tensor) -> torch.Tensor:
        """An operator that is not linear, nor zero at zero."""
        return self.A(z) + 0.2 * self.A(z).square() + 1

    def sigma(self, t: float) -> float:
        return self.prior.schedule(torch.tensor(t))[1].item()

    def tweedie(self, t: float) -> torch.Tensor:
        noisy = self.cov + self.sigma(t) ** 2 * torch.eye(len(self.cov))
        return self.cov - self.cov @ torch.linalg.solve(noisy, self.cov)

    def mean(self, t: float) -> torch.Tensor:
        return self.prior(self.z_t, torch.tensor(t)).mean

    def jacobian(self, f: Callable, t: float) -> torch.Tensor:
        rows = torch.autograd.functional.jacobian(f, self.mean(t))
        return rows[0, :, 0].flatten(1).double()

    def innovation(self, f: Callable, t: float) -> torch.Tensor:
        return (self.y - f(self.mean(t))[0]).double()

    def moved(self, model: torch.nn.Module, t: float) -> torch.Tensor:
        return (model(self.z_t, torch.tensor(t)).mean - self.mean(t)).flatten().double()


@pytest.fixture
def world(random_gaussian: Callable, dense: Callable) -> World:
    gaussian = random_gaussian()
    return World(gaussian, dense(gaussian))


def close(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=2e-3, atol=2e-3 * expected.abs().max().item())


@pytest.fixture(params=["A", "bent"])
def operator(world: World, request: pytest.FixtureRequest) -> Callable:
    return getattr(world, request.param)


@pytest.mark.parametrize("t", TIMES)
def test_tmpd_divides_by_row_sums(world: World, operator: Callable, t: float) -> None:
    J, T, r = world.jacobian(operator, t), world.tweedie(t), world.innovation(operator, t)
    rows = (J @ T @ J.T).sum(1).clamp_min(0)
    close(
        world.moved(TweedieMoments(world.prior, world.y, operator), t),
        T @ J.T @ (r / (1 + rows)),
    )


@pytest.mark.parametrize("t", TIMES)
def test_pgdm_solves_with_an_isotropic_covariance(
    world: World, operator: Callable, t: float
) -> None:
    J, T, r = world.jacobian(operator, t), world.tweedie(t), world.innovation(operator, t)
    r2 = world.sigma(t) ** 2 / (1 + world.sigma(t) ** 2)
    model = PseudoInverse(world.prior, world.y, operator, iterations=4 * OBS)
    close(
        world.moved(model, t),
        T @ J.T @ torch.linalg.solve(r2 * J @ J.T + torch.eye(OBS, dtype=torch.float64), r),
    )


@pytest.mark.parametrize("solver", ["cg", "gmres"])
@pytest.mark.parametrize("t", [0.2, 0.5])
def test_diffpir_minimises_misfit_and_distance(
    world: World, operator: Callable, t: float, solver: str
) -> None:
    J, r = world.jacobian(operator, t), world.innovation(operator, t)
    prior = 10 / world.sigma(t) ** 2 * torch.eye(J.shape[1], dtype=torch.float64)
    settings = {"lmbda": 10.0, "solver": solver, "iterations": OBS + 4}
    model = PlugAndPlay(world.prior, world.y, operator, **settings)
    close(world.moved(model, t), torch.linalg.solve(J.T @ J + prior, J.T @ r))


@pytest.mark.parametrize("t", TIMES)
def test_sda_adds_the_noise_to_the_error(world: World, operator: Callable, t: float) -> None:
    J, T, r = world.jacobian(operator, t), world.tweedie(t), world.innovation(operator, t)
    model = ScoreBased(world.prior, world.y, operator, gamma=0.3)
    lengths = J.square().sum(1)
    model.memory["lengths"] = lengths.float()[None]
    variance = 1 + 0.3 * world.sigma(t) ** 2 * lengths
    close(world.moved(model, t), T @ J.T @ (r / variance))


def test_lengths_are_exact_for_components_of_the_state(world: World) -> None:
    """There the variance is SDA's own: that of the error and gamma times the noise's."""
    error = torch.linspace(0.05, 0.3, OBS)
    world.H = torch.eye(len(world.cov))[: 2 * OBS : 2] / error[:, None]
    model = ScoreBased(world.prior, world.y, world.A, gamma=0.3)
    world.moved(model, 0.5)
    torch.testing.assert_close(model.memory["lengths"][0], error**-2)


def test_lengths_are_about_right_for_all_others(world: World) -> None:
    model = ScoreBased(world.prior, world.y, world.A, gamma=0.3)
    world.moved(model, 0.5)
    ratio = model.memory["lengths"][0] / world.H.square().sum(1)
    assert ratio.mean() == pytest.approx(1, abs=0.35)  # of 12 estimates, each to 35 %
    assert ratio.min() > 0.2
    found = model.memory["lengths"].clone()
    world.moved(model, 0.2)
    assert torch.equal(model.memory["lengths"], found)


def test_tmpd_is_azulas_for_a_linear_operator(world: World) -> None:
    world.H = world.H.abs()  # so that no row sum is below zero
    ours = TweedieMoments(world.prior, world.y, world.A)
    T = world.tweedie(0.5)
    assert (world.H.double() @ T @ world.H.T.double()).sum(1).min() > 0
    close(
        world.moved(ours, 0.5),
        world.moved(TMPDenoiser(world.prior, world.y, world.A, torch.ones(OBS)), 0.5),
    )


def test_diffpir_is_azulas_for_a_linear_operator(world: World) -> None:
    """Whose solver wants flat windows; for the least noise, where few iterations do."""

    class Flat(torch.nn.Module):
        schedule = world.prior.schedule

        def forward(self, z_t: torch.Tensor, t: torch.Tensor) -> object:
            found = world.prior(z_t.unflatten(1, SHAPE), t)
            found.mean = found.mean.flatten(1)
            return found

    theirs = DiffPIRDenoiser(Flat(), world.y, lambda z: z @ world.H.T, 1.0, 10.0, "cg", 20)
    settings = {"lmbda": 10.0, "solver": "cg", "iterations": 20}
    ours = PlugAndPlay(world.prior, world.y, world.A, **settings)
    found = theirs(world.z_t.flatten(1), torch.tensor(0.4)).mean - world.mean(0.4).flatten(1)
    close(world.moved(ours, 0.4), found[0].double())


@pytest.mark.parametrize("t", [0.3, 0.8])
def test_a_step_of_ddpm_from_dps_is_azulas_step(
    world: World, operator: Callable, t: float
) -> None:
    t, s = torch.tensor(t), torch.tensor(t - 0.05)
    model = PosteriorGradient(world.prior, world.y, operator, zeta=0.7, sampler="ddpm")
    torch.manual_seed(3)
    theirs = DPSSampler(world.prior, world.y, operator, zeta=0.7).step(world.z_t, t, s)
    torch.manual_seed(3)
    found = DDPMSampler(model).step(world.z_t, t, s, next_time=s)
    torch.manual_seed(3)
    without = DDPMSampler(world.prior).step(world.z_t, t, s)
    torch.testing.assert_close(found - without, theirs - without, rtol=1e-3, atol=1e-4)
    assert (found - without).abs().max() > 0.01


def test_a_step_of_ddim_from_dps_goes_down_the_misfit(world: World) -> None:
    t, s = torch.tensor(0.6), torch.tensor(0.5)
    model = PosteriorGradient(world.prior, world.y, world.A, zeta=0.7, sampler="ddim")
    z_t = world.z_t.clone().requires_grad_()
    misfit = torch.linalg.vector_norm(world.y - world.A(world.prior(z_t, t).mean))
    (down,) = torch.autograd.grad(misfit, z_t)
    expected = DDIMSampler(world.prior).step(world.z_t, t, s) - 0.7 * down
    found = DDIMSampler(model).step(world.z_t, t, s, next_time=s)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_the_misfit_of_dps_is_each_members_own(world: World) -> None:
    model = PosteriorGradient(world.prior, world.y, world.A, zeta=0.7, sampler="ddim")
    many = torch.cat([world.z_t, -3 * world.z_t])
    t, ahead = torch.tensor(0.6), {"next_time": torch.tensor(0.5)}
    one = model(many[:1], t, **ahead).mean
    torch.testing.assert_close(model(many, t, **ahead).mean[:1], one)


def test_dps_refuses_other_samplers_and_an_unknown_goal(world: World) -> None:
    with pytest.raises(ValueError, match="samplers ddpm and ddim, not 'xeab'"):
        PosteriorGradient(world.prior, world.y, world.A, zeta=1.0, sampler="xeab")
    model = PosteriorGradient(world.prior, world.y, world.A, zeta=1.0, sampler="ddim")
    with pytest.raises(ValueError, match="next_time"):
        model(world.z_t, torch.tensor(0.5))
