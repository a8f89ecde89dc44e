"""The Gaussian prior against dense algebra, and its fit against what was planted."""

from collections.abc import Callable

import pytest
import torch

from galerne.prior.gaussian import WindowGaussian, fit_gaussian, from_waves, to_waves

SHAPE = (3, 2, 2, 8)  # state channel y x
Make = Callable[..., WindowGaussian]
Dense = Callable[[WindowGaussian], torch.Tensor]
RANKS = pytest.mark.parametrize("rank", [None, 4])


def test_transforms_are_orthonormal() -> None:
    z = torch.randn(2, *SHAPE)
    waves = to_waves(z)
    torch.testing.assert_close(from_waves(waves, z.shape), z)
    weight = torch.full((5, 1, 1, 1), 2.0)
    weight[0] = weight[-1] = 1
    torch.testing.assert_close((weight * waves.abs().square()).sum(), z.square().sum())


@RANKS
def test_covariance_is_symmetric_positive_and_turns_with_the_globe(
    rank: int | None, random_gaussian: Make, dense: Dense
) -> None:
    model = random_gaussian(rank=rank)
    cov = dense(model)
    torch.testing.assert_close(cov, cov.T, atol=1e-5, rtol=0)
    assert torch.linalg.eigvalsh(cov).min() > 0.04
    z = torch.randn(1, *SHAPE)
    turned = model.apply_gain(z.roll(3, -1), lambda v: v)
    torch.testing.assert_close(turned, model.apply_gain(z, lambda v: v).roll(3, -1))


@RANKS
@pytest.mark.parametrize("sigma", [0.1, 1.0, 7.0])
def test_denoiser_is_the_conditional_mean(
    sigma: float, rank: int | None, random_gaussian: Make, dense: Dense
) -> None:
    model = random_gaussian(rank=rank)
    cov = dense(model)
    z = torch.randn(4, *SHAPE)
    noisy = cov + sigma**2 * torch.eye(len(cov))
    gap = (z - model.mean).flatten(1).double()
    expected = model.mean + (gap @ torch.linalg.solve(noisy, cov)).float().view_as(z)
    torch.testing.assert_close(
        model.denoise(z, torch.tensor(sigma)), expected, atol=2e-5, rtol=1e-4
    )


@RANKS
def test_one_noise_level_for_each_window(rank: int | None, random_gaussian: Make) -> None:
    model = random_gaussian(rank=rank)
    z, sigma = torch.randn(2, *SHAPE), torch.tensor([0.3, 5.0])
    both = model.denoise(z, sigma)
    for k in range(2):
        torch.testing.assert_close(both[k : k + 1], model.denoise(z[k : k + 1], sigma[k]))


@RANKS
def test_posterior_covariance_and_uncertainty_match_dense_algebra(
    rank: int | None, random_gaussian: Make, dense: Dense
) -> None:
    model = random_gaussian(rank=rank)
    cov, sigma = dense(model), 0.7
    expected = torch.linalg.inv(torch.linalg.inv(cov) + torch.eye(len(cov)) / sigma**2)
    z = torch.randn(2, *SHAPE)
    found = model.posterior_covariance(z, torch.tensor(sigma)).flatten(1)
    torch.testing.assert_close(
        found, (z.flatten(1).double() @ expected).float(), atol=1e-5, rtol=1e-4
    )
    mean = (expected.trace() / len(cov)).sqrt().float()
    torch.testing.assert_close(
        model.uncertainty(torch.tensor([sigma]))[0], mean, atol=1e-5, rtol=1e-4
    )


def test_a_factor_scales_the_covariance_and_leaves_the_original(
    random_gaussian: Make, dense: Dense
) -> None:
    model = random_gaussian(rank=4)
    before = dense(model)
    torch.testing.assert_close(dense(model.scaled(0.7)), 0.7 * before)
    torch.testing.assert_close(dense(model), before, rtol=0, atol=0)


def test_samples_have_the_covariance(random_gaussian: Make, dense: Dense) -> None:
    model = random_gaussian()
    cov = dense(model)
    noise = torch.randn(20_000, *SHAPE, generator=torch.Generator().manual_seed(1))
    x = (model.sample(noise) - model.mean).flatten(1).double()
    error = (x.T @ x / len(x) - cov).abs().max()
    assert error < 6 * cov.diagonal().max() / len(x) ** 0.5


def blocks_of(model: WindowGaussian, count: int) -> list[torch.Tensor]:
    """Independent blocks of exactly one window each, drawn from a Gaussian."""
    noise = torch.randn(count, *SHAPE, generator=torch.Generator().manual_seed(2))
    return list(model.sample(noise))


def test_fit_recovers_what_was_planted(random_gaussian: Make) -> None:
    truth = random_gaussian(components=4)
    drawn = blocks_of(truth, 6000)
    fitted = fit_gaussian(
        lambda h: drawn[4000:] if h else drawn[:4000], SHAPE[0], 4, 12, 0.0, lambda _: None
    )
    test = torch.stack(blocks_of(random_gaussian(components=4), 50))
    for sigma in (0.5, 2.0):
        s = torch.tensor(sigma)
        z_t = test + sigma * torch.randn(test.shape, generator=torch.Generator().manual_seed(3))
        ours = (fitted.denoise(z_t, s) - test).square().mean().sqrt()
        best = (truth.denoise(z_t, s) - test).square().mean().sqrt()
        assert best < ours < 1.03 * best
        assert ours == pytest.approx(fitted.uncertainty(s[None]).item(), rel=0.05)


def test_variances_of_the_fitting_part_would_be_overconfident(random_gaussian: Make) -> None:
    truth = random_gaussian(components=4)
    drawn = blocks_of(truth, 60)
    settings = {"states": SHAPE[0], "components": 4, "rank": 12, "shrinkage": 0.0}
    honest = fit_gaussian(lambda h: drawn[30:] if h else drawn[:30], **settings)
    naive = fit_gaussian(lambda _: drawn[:30], **settings)
    test = torch.stack(blocks_of(truth, 4000)[3000:])
    sigma = torch.tensor(1.0)
    z_t = test + torch.randn(test.shape, generator=torch.Generator().manual_seed(4))
    miss = {
        name: (model.denoise(z_t, sigma) - test).square().mean().sqrt().item()
        for name, model in (("honest", honest), ("naive", naive))
    }
    assert miss["honest"] < miss["naive"]


def test_shrinkage_helps_where_components_have_nothing_to_do_with_each_other() -> None:
    """Few windows of independent walks: what they have to do with each other is chance."""
    rng = torch.Generator().manual_seed(6)
    scale = 1 / (1 + torch.arange(SHAPE[1]))[:, None, None]

    def drawn(count: int) -> list[torch.Tensor]:
        """Each latent a walk of its own in time, large to small."""
        return list(scale * torch.randn(count, *SHAPE, generator=rng).cumsum(1))

    few, test = drawn(24), torch.stack(drawn(300))
    sigma, miss = torch.tensor(0.5), {}
    z_t = test + sigma * torch.randn(test.shape, generator=rng)
    for shrinkage in (0.0, 0.5):
        fitted = fit_gaussian(
            lambda h: few[12:] if h else few[:12], SHAPE[0], 8, 24, shrinkage, lambda _: None
        )
        miss[shrinkage] = (fitted.denoise(z_t, sigma) - test).square().mean().item()
    assert miss[0.5] < 0.98 * miss[0.0]


def test_whole_shrinkage_leaves_each_component_to_itself(random_gaussian: Make) -> None:
    drawn = blocks_of(random_gaussian(components=4), 200)
    fitted = fit_gaussian(
        lambda h: drawn[100:] if h else drawn[:100], SHAPE[0], 4, 12, 1.0, lambda _: None
    )
    vectors = torch.view_as_complex(fitted.joint).unflatten(1, (SHAPE[0], 4))
    weight = vectors.abs().square().sum(1)  # of each component in each eigenvector
    torch.testing.assert_close(weight.amax(1), torch.ones_like(weight.amax(1)))


def test_what_eigenvectors_leave_keeps_its_variance_but_not_its_shape(
    random_gaussian: Make, dense: Dense
) -> None:
    drawn = blocks_of(random_gaussian(components=4), 400)
    whole, part = (
        fit_gaussian(
            lambda h: drawn[200:] if h else drawn[:200], SHAPE[0], 2, rank, 0.0, lambda _: None
        )
        for rank in (6, 3)
    )
    assert part.joint.shape[2] == 3
    torch.testing.assert_close(part.joint, whole.joint[:, :, :3])
    assert dense(part).trace().item() == pytest.approx(dense(whole).trace().item(), rel=0.02)
    z = torch.randn(2, *SHAPE)
    turned = part.apply_gain(part.apply_gain(z, torch.sqrt), lambda v: 1 / v.sqrt())
    torch.testing.assert_close(turned, z, atol=1e-4, rtol=1e-4)


def test_a_record_without_a_window_is_refused() -> None:
    short = [torch.randn(2, *SHAPE[1:])]
    with pytest.raises(ValueError, match=r"fitting part .* no window of 3 states"):
        fit_gaussian(lambda _: short, 3, 2, 6, 0.0, lambda _: None)
