"""Guidance against the exact posterior of a linear-Gaussian world."""

from collections.abc import Callable

import pytest
import torch

from galerne.assimilate.guidance import MomentMatching
from galerne.assimilate.localisation import LocalCovariance
from galerne.prior.composition import LongDenoiser
from galerne.prior.denoiser import WindowDenoiser
from galerne.prior.gaussian import WindowGaussian
from galerne.prior.integrator import Walk
from galerne.prior.trajectory import Noise, draw_windows

SHAPE = (3, 2, 2, 8)
SEASON = torch.zeros(1, 4)
Dense = Callable[[WindowGaussian], torch.Tensor]


def white(members: int) -> Callable[..., torch.Tensor]:
    """Noise of many members from one generator, which is fast."""
    rng = torch.Generator().manual_seed(0)
    return lambda use, shape: torch.randn(members, *shape, generator=rng)


class World:
    """A Gaussian prior, a linear operator, observations, and the exact posterior."""

    def __init__(self, gaussian: WindowGaussian, cov: torch.Tensor) -> None:
        rng = torch.Generator().manual_seed(5)
        self.prior = WindowDenoiser(gaussian, None, 0.01, 100.0)
        self.cov, self.mean = cov, gaussian.mean.expand(SHAPE).flatten().double()
        self.H = torch.randn(12, len(cov), generator=rng) / len(cov) ** 0.5
        self.error = torch.linspace(0.05, 0.3, 12)
        truth = gaussian.sample(torch.randn(1, *SHAPE, generator=rng))
        noise = self.error * torch.randn(12, generator=rng)
        self.y = (truth.flatten(1) @ self.H.T)[0] + noise
        self.white = self.y / self.error

    def A(self, z: torch.Tensor) -> torch.Tensor:  # noqa: N802
        return z.flatten(1) @ self.H.T / self.error

    def given(self, mean: torch.Tensor, cov: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Conditions a Gaussian on the observations, in double precision."""
        H = self.H.double()
        gain = cov @ H.T @ torch.linalg.inv(H @ cov @ H.T + self.error.double().square().diag())
        return mean + (self.y.double() - mean @ H.T) @ gain.T, cov - gain @ H @ cov


@pytest.fixture
def world(random_gaussian: Callable[..., WindowGaussian], dense: Dense) -> World:
    gaussian = random_gaussian()
    return World(gaussian, dense(gaussian))


@pytest.mark.parametrize("solver", ["cg", "gmres"])
@pytest.mark.parametrize(
    ("covariance", "probes"), [("gaussian", 0), ("jacobian", 0), ("jacobian", 2), ("jacobian", 12)]
)
@pytest.mark.parametrize("t", [0.2, 0.5, 0.9])
def test_one_step_is_the_exact_conditional_mean(
    world: World, covariance: str, probes: int, solver: str, t: float
) -> None:
    settings = {"covariance": covariance, "solver": solver, "iterations": 12, "probes": probes}
    model = MomentMatching(world.prior, world.white, world.A, **settings)
    z_t = 2 * torch.randn(3, *SHAPE, generator=torch.Generator().manual_seed(6))
    _, sigma = world.prior.schedule(torch.tensor(t))
    noisy = world.cov + sigma.double().square() * torch.eye(len(world.cov))
    shrink = torch.linalg.solve(noisy, world.cov)
    mean = world.mean + (z_t.flatten(1).double() - world.mean) @ shrink
    expected, _ = world.given(mean, world.cov - world.cov @ shrink)
    found = model(z_t, torch.tensor(t), season=SEASON).mean.flatten(1).double()
    torch.testing.assert_close(found, expected, atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize("covariance", ["gaussian", "jacobian"])
def test_members_have_the_mean_and_variance_of_the_exact_posterior(
    world: World, covariance: str
) -> None:
    members = 2000
    model = MomentMatching(world.prior, world.white, world.A, covariance=covariance, iterations=4)
    settings = {"sampler": "xeab", "steps": 32, "season": SEASON}
    z = draw_windows(model, white(members), SHAPE, **settings).flatten(1).double()
    mean, cov = world.given(world.mean, world.cov)
    spread = cov.diagonal().sqrt()
    miss = ((z.mean(0) - mean) / spread).square().mean().sqrt()
    ratio = z.var(0) / cov.diagonal()
    assert miss < 0.05  # Monte-Carlo floor: 1 / sqrt(2000) = 0.022
    assert ratio.mean() == pytest.approx(1, abs=0.05)
    assert 0.8 < ratio.min() < ratio.max() < 1.2


class Forgetful(dict):
    """A memory that keeps nothing."""

    def get(self, name: str) -> None:
        """Nothing is known."""


def check_draws(z: torch.Tensor, mean: torch.Tensor, cov: torch.Tensor) -> None:
    """Refuses 20,000 draws of a Gaussian that it would not give."""
    values, vectors = torch.linalg.eigh(cov)
    whitened = (z - mean) @ vectors / values.sqrt()
    assert whitened.mean(0).abs().max() < 4 / 20_000**0.5
    found = whitened.T @ whitened / len(z)
    assert (found - torch.eye(len(found))).abs().max() < 0.05
    assert (found - torch.eye(len(found))).square().mean().sqrt() < 0.009


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize(("modes", "placement"), [(0, "even"), (200, "even"), (200, "posterior")])
def test_redrawn_members_are_exact_draws_of_the_posterior(
    world: World, modes: int, placement: str, steps: int
) -> None:
    settings = {"iterations": 6 if modes else 12, "modes": modes, "placement": placement}
    model = MomentMatching(world.prior, world.white, world.A, **settings)
    settings = {"sampler": "redraw", "steps": steps, "season": SEASON}
    z = draw_windows(model, white(20_000), SHAPE, **settings).flatten(1).double()
    mean, cov = world.given(world.mean, world.cov)
    check_draws(z, mean, cov)


class Beside(LocalCovariance):
    """A part of a share of the variance that is drawn along, by a root of its covariance."""

    analogs = None

    def __init__(self, size: int, share: float, seed: int = 9) -> None:
        rng = torch.Generator().manual_seed(seed)
        self.share, self.rest = share, 1 - share
        self.root = torch.randn(size, 20, generator=rng) * (share / 20) ** 0.5
        self.cov = (self.root @ self.root.T).double()

    def product(self, v: torch.Tensor) -> torch.Tensor:
        return (v.flatten(1) @ self.cov.float()).view_as(v)

    def deviate(self, noise: Callable[..., torch.Tensor], states: int) -> torch.Tensor:
        return (noise("local", (20,)) @ self.root.T).view(-1, states, *SHAPE[1:])


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("modes", [0, 200])
def test_with_a_local_part_redrawn_members_are_exact_draws_too(
    world: World, modes: int, steps: int
) -> None:
    """The prior's covariance is what the local part leaves of the Gaussian's, and its own."""
    local = Beside(len(world.cov), 0.4)
    settings = {"iterations": 12, "modes": modes, "local": local}
    model = MomentMatching(world.prior, world.white, world.A, **settings)
    settings = {"sampler": "redraw", "steps": steps, "season": SEASON}
    z = draw_windows(model, white(20_000), SHAPE, **settings).flatten(1).double()
    mean, cov = world.given(world.mean, 0.6 * world.cov + local.cov)
    check_draws(z, mean, cov)


def test_a_local_part_may_be_chosen_by_the_first_guess_which_is_the_same_for_all(
    world: World,
) -> None:
    """The guess is the mean of the posterior; draws are of the covariance that it chooses."""
    local, guesses = Beside(len(world.cov), 0.4), []
    local.analogs, chosen = {"sharpness": 1.0}, Beside(len(world.cov), 0.4, seed=10)

    def resembling(guess: torch.Tensor) -> Beside:
        guesses.append(guess)
        return chosen

    local.resembling = resembling
    settings = {"iterations": 12, "modes": 200, "local": local}
    model = MomentMatching(world.prior, world.white, world.A, **settings)
    settings = {"sampler": "redraw", "steps": 2, "season": SEASON}
    z = draw_windows(model, white(20_000), SHAPE, **settings).flatten(1).double()
    mean, cov = world.given(world.mean, 0.6 * world.cov + chosen.cov)
    check_draws(z, mean, cov)
    mean, _ = world.given(world.mean, 0.6 * world.cov + local.cov)
    assert len(guesses) == 1
    torch.testing.assert_close(
        guesses[0].flatten().double(), (mean - world.mean).flatten(), atol=1e-4, rtol=1e-3
    )


def test_members_with_observations_of_their_own_have_a_guess_of_their_own(world: World) -> None:
    """Drawn in two batches, as in one."""
    local, guesses = Beside(len(world.cov), 0.4), []
    local.analogs = {"sharpness": 1.0}

    def resembling(guess: torch.Tensor) -> Beside:
        guesses.append(guess)
        return local

    local.resembling = resembling
    settings = {"iterations": 12, "modes": 200, "local": local}
    model = MomentMatching(world.prior, world.white, world.A, **settings)
    y = world.white + torch.arange(4.0)[:, None]
    for part in (slice(0, 4), slice(0, 2), slice(2, 4)):
        model.y = y[part]
        model.memory.clear()
        noise = white(len(model.y))
        draw_windows(model, noise, SHAPE, sampler="redraw", steps=2, season=SEASON)
    assert [len(guess) for guess in guesses] == [4, 2, 2]
    torch.testing.assert_close(torch.cat(guesses[1:]), guesses[0], atol=1e-4, rtol=1e-4)


def test_the_network_sees_the_local_part_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was trained on whole windows: what it is given is a draw of them with noise."""
    seen = []

    def moments(z_t: torch.Tensor, t: torch.Tensor | None, season: torch.Tensor) -> tuple:
        if t is not None:
            seen.append((z_t, world.prior.schedule(t)[1]))
        return type(world.prior).moments(world.prior, z_t, t, season)

    local = Beside(len(world.cov), 0.9)
    monkeypatch.setattr(world.prior, "moments", moments)
    settings = {"iterations": 12, "modes": 200, "local": local, "placement": "posterior"}
    model = MomentMatching(world.prior, world.white, world.A, **settings)
    settings = {"sampler": "redraw", "steps": 2, "season": SEASON}
    draw_windows(model, white(20_000), SHAPE, **settings)
    [(z_t, sigma_t)] = seen
    _, cov = world.given(world.mean, 0.1 * world.cov + local.cov)
    expected = cov.trace() + len(cov) * sigma_t.double() ** 2
    assert z_t.flatten(1).double().var(0).sum() == pytest.approx(expected.item(), rel=0.02)
    assert cov.trace() > 0.1 * expected


def test_a_local_part_is_drawn_and_has_no_mean_to_follow(world: World) -> None:
    local = Beside(len(world.cov), 0.4)
    model = MomentMatching(world.prior, world.white, world.A, local=local)
    with pytest.raises(ValueError, match="needs the sampler redraw"):
        model(torch.zeros(1, *SHAPE), torch.tensor(0.5), season=SEASON)
    with pytest.raises(ValueError, match="needs covariance: gaussian"):
        MomentMatching(world.prior, world.white, world.A, covariance="jacobian", local=local)


def test_levels_are_placed_where_the_posterior_changes(world: World) -> None:
    """Each takes an equal share of the posterior's total variance."""
    settings = {"modes": 200, "placement": "posterior"}
    model = MomentMatching(world.prior, world.white, world.A, **settings)
    left = torch.linalg.eigvalsh(world.given(world.mean, world.cov)[1]).clamp_min(0)
    levels = model.levels(5)
    shares = [(left * s**2 / (left + s**2)).sum() / left.sum() for s in levels]
    # What each wavenumber's leading components leave out is not known to the eigenvectors.
    expected = torch.tensor([0.8, 0.6, 0.4, 0.2], dtype=torch.float64)
    torch.testing.assert_close(torch.stack(shares), expected, rtol=0, atol=0.06)
    walk = Walk(model, torch.zeros(1, *SHAPE), sampler="redraw", steps=5, memory={}, levels=levels)
    found = world.prior.schedule(walk.time)[1]
    torch.testing.assert_close(found[1:-1].double(), levels, rtol=1e-4, atol=0)
    assert walk.time[[0, -1]].tolist() == [1, 0]
    assert MomentMatching(world.prior, world.white, world.A).levels(5) is None


def test_redrawing_needs_a_covariance_whose_root_is_known(world: World) -> None:
    model = MomentMatching(world.prior, world.white, world.A, covariance="jacobian")
    settings = {"sampler": "redraw", "steps": 2, "season": SEASON}
    with pytest.raises(ValueError, match="redraw needs covariance: gaussian"):
        draw_windows(model, Noise(0, [0]), SHAPE, **settings)


def test_a_warm_start_beats_a_cold_one(world: World) -> None:
    mean, cov = world.given(world.mean, world.cov)
    miss = {}
    for warm in (True, False):
        model = MomentMatching(world.prior, world.white, world.A, iterations=1)
        if not warm:
            model.memory = Forgetful()
        settings = {"sampler": "xeab", "steps": 32, "season": SEASON}
        z = draw_windows(model, white(500), SHAPE, **settings).flatten(1)
        gap = (z.double().mean(0) - mean) / cov.diagonal().sqrt()
        miss[warm] = gap.square().mean().sqrt().item()
    assert miss[True] < 0.6 * miss[False]


def test_a_nonlinear_operator_is_linearised_at_the_mean(world: World) -> None:
    def speed(z: torch.Tensor) -> torch.Tensor:
        return (z.flatten(1)[:, :6].square() + z.flatten(1)[:, 6:12].square() + 1).sqrt()

    error, y = torch.full((6,), 0.2), torch.full((6,), 1.5)
    model = MomentMatching(world.prior, y / error, lambda z: speed(z) / error, iterations=20)
    z_t, t = torch.randn(1, *SHAPE), torch.tensor(0.5)
    _, sigma = world.prior.schedule(t)
    z_hat = world.prior(z_t, t).mean
    J = torch.autograd.functional.jacobian(speed, z_hat)[0, :, 0].flatten(1).double()
    noisy = world.cov + sigma.double().square() * torch.eye(len(world.cov))
    V = world.cov - world.cov @ torch.linalg.solve(noisy, world.cov)
    system = J @ V @ J.T + error.double().square().diag()
    step = V @ J.T @ torch.linalg.solve(system, (y - speed(z_hat)[0]).double())
    found = (model(z_t, t, season=SEASON).mean - z_hat).flatten().double()
    torch.testing.assert_close(found, step, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(("order", "overlap"), [(1, 2), (2, 3)])
def test_a_trajectory_of_many_windows_has_its_exact_posterior(
    process: Dense, order: int, overlap: int
) -> None:
    """A process that forgets within the overlap, seen now and then; windows of six states."""
    members, states, shape = 1500, 15, (15, 1, 3, 6)
    whole, rng = process(states, order=order), torch.Generator().manual_seed(3)
    prior = WindowDenoiser(process(6, order=order), None, 0.01, 100.0)
    unit = torch.eye(states * 18).view(-1, *shape)
    cov = whole.apply_gain(unit, lambda v: v).flatten(1).double()
    H = torch.zeros(20, states * 18)
    for k in range(20):  # each sees one state, or two beside each other
        first = 18 * (3 * (k % 5))
        H[k, first : first + 18 * (1 + k % 2)] = torch.randn(18 * (1 + k % 2), generator=rng) / 4
    error = 0.1
    truth = whole.sample(torch.randn(1, *shape, generator=rng))
    y = (truth.flatten(1) @ H.T)[0] + error * torch.randn(20, generator=rng)
    settings = {"iterations": 8, "modes": 40, "linearisation": "linear"}
    long = LongDenoiser(prior, states, overlap)
    model = MomentMatching(long, y / error, Whitened(H / error), **settings)
    z = draw_windows(
        model, Noise(7, range(members)), shape, sampler="redraw", steps=4, season=SEASON
    )
    H, mean = H.double(), whole.mean.expand(shape).flatten().double()
    gain = cov @ H.T @ torch.linalg.inv(H @ cov @ H.T + error**2 * torch.eye(20))
    expected, left = mean + gain @ (y.double() - H @ mean), cov - gain @ H @ cov
    varies = left.diagonal() > 1e-6
    spread, z = left.diagonal()[varies], z.flatten(1).double()[:, varies]
    miss = ((z.mean(0) - expected[varies]) / spread.sqrt()).square().mean().sqrt()
    assert miss < 0.05  # Monte-Carlo floor: 1 / sqrt(1500) = 0.026
    ratio = z.var(0) / spread
    assert ratio.mean() == pytest.approx(1, abs=0.04)
    assert 0.8 < ratio.min() < ratio.max() < 1.2


class Whitened(torch.nn.Module):
    """A matrix, as an operator."""

    def __init__(self, H: torch.Tensor) -> None:
        super().__init__()
        self.H = H

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return z.flatten(1) @ self.H.T

    def linearise(self, z: torch.Tensor) -> tuple:
        return self(z), self, lambda w: (w @ self.H).view(-1, *z.shape[1:])

    def push(self, z: torch.Tensor, change: torch.Tensor) -> torch.Tensor:
        return self(change)
