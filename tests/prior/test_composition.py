"""Trajectories of any length: exact where the prior is a Gaussian that forgets in time."""

from collections.abc import Callable

import pytest
import torch

from galerne.nn.parallel import Team
from galerne.prior.backbone import Backbone
from galerne.prior.composition import (
    LongDenoiser,
    LongGaussian,
    lengthen,
    window_starts,
    window_weights,
)
from galerne.prior.denoiser import WindowDenoiser
from galerne.prior.gaussian import WindowGaussian
from galerne.prior.trajectory import Noise, draw_windows

Process = Callable[..., WindowGaussian]
CHANNELS, ROWS, COLUMNS, COMPONENTS = 1, 3, 6, 2
GRID = (CHANNELS, ROWS, COLUMNS)
SEASON = torch.zeros(1, 4)


def long_shape(states: int, batch: int = 2) -> tuple[int, ...]:
    return (batch, states, *GRID)


@pytest.fixture
def window(process: Process) -> WindowDenoiser:
    return WindowDenoiser(process(6, order=2), None, 0.01, 100.0).requires_grad_(False)


def speaking(prior: WindowDenoiser) -> WindowDenoiser:
    """With a network that says something."""
    network = Backbone(6, 1, 3, 6, patch=1, hidden_channels=8, blocks=1, heads=1)
    torch.nn.init.normal_(network.transformer.out_proj.weight, std=0.3)
    return WindowDenoiser(prior.gaussian, network.requires_grad_(False), 0.01, 100.0)


@pytest.mark.parametrize("sigma", [0.05, 0.7, 20.0])
@pytest.mark.parametrize(("order", "overlap"), [(1, 1), (1, 3), (2, 2), (2, 5)])
@pytest.mark.parametrize("states", [7, 14])
def test_the_gaussian_of_a_trajectory_is_exact(
    process: Process, order: int, overlap: int, states: int, sigma: float
) -> None:
    prior = WindowDenoiser(process(6, order=order), None, 0.01, 100.0)
    whole, sigma = process(states, order=order), torch.tensor(sigma)
    found = LongDenoiser(prior, states, overlap).gaussian
    z = torch.randn(long_shape(states))
    close = {"atol": 1e-4, "rtol": 1e-4}
    torch.testing.assert_close(found.denoise(z, sigma), whole.denoise(z, sigma), **close)
    spread = found.posterior_covariance(z, sigma)
    torch.testing.assert_close(spread, whole.posterior_covariance(z, sigma), **close)


def test_one_variance_beside_the_eigenvectors_is_composed_too() -> None:
    window = WindowGaussian(4, *GRID, COMPONENTS, rank=3)
    for buffer in (window.space, window.joint, window.rest):
        buffer[..., 0] = torch.linalg.qr(torch.randn(buffer.shape[:-1]))[0]
    window.variance.copy_(torch.linspace(5, 1, window.variance.numel()).view_as(window.variance))
    window.tail.copy_(torch.linspace(0.5, 0.1, len(window.tail)))
    window.rest_variance.fill_(0.3)
    z, sigma = torch.randn(long_shape(4)), torch.tensor(0.4)
    two_blocks = LongGaussian(window, 4, 2)  # of which a window has just two
    torch.testing.assert_close(two_blocks.denoise(z, sigma), window.denoise(z, sigma))


def test_without_noise_to_go_by_the_covariance_is_the_priors(
    process: Process, window: WindowDenoiser
) -> None:
    z, far = torch.randn(long_shape(11)), torch.tensor(torch.inf)
    found = LongDenoiser(window, 11, 3).gaussian.posterior_covariance(z, far)
    expected = process(11, order=2).apply_gain(z, lambda v: v)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("sigma", [0.3, torch.inf])
def test_deviations_have_the_covariance_that_is_left(window: WindowDenoiser, sigma: float) -> None:
    gaussian, sigma = LongDenoiser(window, 9, 3).gaussian, torch.tensor(sigma)
    size = 9 * ROWS * COLUMNS
    unit = torch.eye(size).view(size, 9, *GRID)
    root = gaussian.deviate(unit, sigma).flatten(1)
    covariance = gaussian.posterior_covariance(unit, sigma).flatten(1)
    torch.testing.assert_close(root.T @ root, covariance, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(covariance, covariance.T, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("sampler", "steps"), [("xeab", 24), ("redraw", 3)])
def test_members_vary_as_the_process(
    process: Process, window: WindowDenoiser, sampler: str, steps: int
) -> None:
    long, noise = LongDenoiser(window, 14, 3), Noise(1, range(3000))
    settings = {"sampler": sampler, "steps": steps, "season": SEASON}
    z = draw_windows(long, noise, long.gaussian.shape, **settings)
    unit = torch.eye(z[0].numel()).view(-1, *z.shape[1:])
    whole = process(14, order=2)
    variance = whole.apply_gain(unit, lambda v: v).flatten(1).diagonal().view(z.shape[1:])
    ratio = (z.var(0) / variance).mean((1, 2, 3))
    torch.testing.assert_close(ratio, torch.ones(14), atol=0.05, rtol=0)


def test_a_factor_scales_the_covariance_of_a_trajectory(window: WindowDenoiser) -> None:
    long, infinite = LongGaussian(window.gaussian, 11, 2), torch.tensor(torch.inf)
    v = torch.randn(long_shape(11), generator=torch.Generator().manual_seed(0))
    whole = long.posterior_covariance(v, infinite)
    found = long.scaled(0.7).posterior_covariance(v, infinite)
    torch.testing.assert_close(found, 0.7 * whole, rtol=1e-4, atol=1e-4)


def test_weights_of_a_state_add_up_to_one_and_favour_the_inside() -> None:
    starts = window_starts(11, 6, 4)
    assert starts == [0, 2, 4, 5]
    weights = window_weights(11, 6, starts)
    total = torch.zeros(11)
    for start, row in zip(starts, weights, strict=True):
        total[start : start + 6] += row
    torch.testing.assert_close(total, torch.ones(11))
    assert weights[1, 0] < weights[0, 2]
    assert weights[0, 0] == 1


def test_the_network_adds_its_average_over_windows(window: WindowDenoiser) -> None:
    prior = speaking(window)
    long, t = LongDenoiser(prior, 9, 3), torch.tensor(0.5)
    _, sigma = prior.schedule(t)
    z, season = 2 * torch.randn(long_shape(9)), torch.randn(2, 4)
    assert long.starts == [0, 3]
    first, second = (
        prior.mean(z[:, s : s + 6], sigma, season[k : k + 1])
        - prior.gaussian.denoise(z[:, s : s + 6], sigma)
        for k, s in enumerate(long.starts)
    )
    added = long(z, t, season).mean - long.gaussian.denoise(z, sigma)
    assert first.abs().max() > 0.05
    torch.testing.assert_close(added[:, :3], first[:, :3], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(added[:, 6:], second[:, 3:], atol=1e-5, rtol=1e-4)
    w = long.weights[0, 3:, None, None, None]
    both = w * first[:, 3:] + (1 - w) * second[:, :3]
    torch.testing.assert_close(added[:, 3:6], both, atol=1e-5, rtol=1e-4)


def test_the_mean_has_a_derivative(window: WindowDenoiser) -> None:
    """Tweedie: the covariance is the derivative of the mean, where the prior is Gaussian."""
    long, t = LongDenoiser(window, 9, 3), torch.tensor(0.4)
    _, sigma = long.schedule(t)
    z, v = torch.randn(long_shape(9), requires_grad=True), torch.randn(long_shape(9))
    (found,) = torch.autograd.grad(long(z, t).mean, z, v)
    expected = long.gaussian.posterior_covariance(v, sigma)
    torch.testing.assert_close(sigma**2 * found, expected, atol=1e-5, rtol=1e-4)


def test_one_window_is_left_as_it_is(window: WindowDenoiser) -> None:
    assert lengthen(window, 6, 3) is window
    assert isinstance(lengthen(window, 7, 3), LongDenoiser)


@pytest.mark.parametrize(
    ("states", "overlap", "said"),
    [
        (5, 3, "5 states are fewer than the 6 of a window"),
        (9, 6, "overlap 6: windows of 6 states share 1 to 5"),
        (9, 0, "overlap 0: windows of 6 states share 1 to 5"),
    ],
)
def test_what_cannot_be_composed_is_refused(
    window: WindowDenoiser, states: int, overlap: int, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        LongDenoiser(window, states, overlap)


def test_noise_levels_must_be_one(window: WindowDenoiser) -> None:
    with pytest.raises(ValueError, match="one noise level for all trajectories, not 2"):
        LongDenoiser(window, 9, 3)(torch.zeros(long_shape(9)), torch.tensor([0.1, 0.2]))


def test_fewer_states_than_a_window_and_processes_that_share_one_are_refused(
    window: WindowDenoiser,
) -> None:
    assert lengthen(window, 6, None) is window
    with pytest.raises(ValueError, match="5 states are fewer than the 6 of a window"):
        lengthen(window, 5, 3)
    with pytest.raises(ValueError, match="2 processes cannot share a window of 6 states"):
        lengthen(window, 6, None, Team(1, 2))
