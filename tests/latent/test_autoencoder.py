"""The autoencoder begins as the best linear one, stays bounded, and turns with the globe."""

import pytest
import torch

from torch.nn.functional import pixel_unshuffle

from galerne.latent.autoencoder import Autoencoder, patch_components

AREAS = torch.tensor([0.04, 0.1, 0.16, 0.2, 0.2, 0.16, 0.1, 0.04])
PATCH_AREAS = torch.tensor([0.5, 0.5])  # of the two rows of patches
SHAPE = {"channels": 2, "latitudes": 8, "longitudes": 16, "downsampling": 4}
FEATURES = 32


@pytest.fixture
def x() -> torch.Tensor:
    """Smooth fields, livelier in the north."""
    rng = torch.Generator().manual_seed(1)
    noise = torch.randn(40, 2, 8, 16, generator=rng)
    smooth = sum(noise.roll(k, -1) + noise.roll(k, -2) for k in range(4)) / 3
    return smooth * torch.linspace(1.5, 0.5, 8)[:, None]


def autoencoder(latent: int, bound: float = 5.0, x: torch.Tensor | None = None) -> Autoencoder:
    model = Autoencoder(
        **SHAPE, latent_channels=latent, hidden_channels=6, blocks=1, bound=bound
    ).requires_grad_(False)
    if x is not None:
        model.start_from(*patch_components([x], AREAS, 4, latent))
    return model


def learned(latent: int, x: torch.Tensor) -> Autoencoder:
    """As if trained: every weight is drawn, but nothing is known of places."""
    model = autoencoder(latent, x=x)
    for name, parameter in model.named_parameters():
        torch.nn.init.normal_(parameter, std=0.0 if name.endswith("features") else 0.1)
    return model


def spectrum(x: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Variances of the patches along their weighted principal axes, falling."""
    patches = pixel_unshuffle(x, 4).double().permute(0, 2, 3, 1)
    rows = (weights.sqrt()[None, :, None, None] * patches).flatten(0, 2)
    return torch.linalg.svdvals(rows).square()


@pytest.mark.parametrize("latent", [1, 5, 20])
def test_it_starts_with_the_error_of_the_discarded_components(x, latent) -> None:
    model = autoencoder(latent, x=x)
    error = pixel_unshuffle(model.decode(model.encode(x)) - x, 4)
    weights = PATCH_AREAS[:, None]
    share = (error.square() * weights).sum() / (pixel_unshuffle(x, 4).square() * weights).sum()
    values = spectrum(x, PATCH_AREAS)
    torch.testing.assert_close(
        share.double(), values[latent:].sum() / values.sum(), rtol=1e-4, atol=1e-6
    )


def test_areas_decide_which_components_come_first(x) -> None:
    north, south = x.clone(), x.clone()
    north[:, 0, 4:], north[:, 1] = 0, 0  # channel 0 lives in the north
    south[:, 1, :4], south[:, 0] = 0, 0  # channel 1 in the south
    for first, areas in ((0, [0.24, 0.01]), (1, [0.01, 0.24])):
        basis, _ = patch_components(
            [north + 2 * south], torch.tensor(areas).repeat_interleave(4), 4, 1
        )
        assert basis.view(2, 16).square().sum(-1)[first] > 0.99


def test_with_all_components_nothing_is_lost(x) -> None:
    model = autoencoder(FEATURES, x=x)
    torch.testing.assert_close(model.decode(model.encode(x)), x, atol=2e-5, rtol=1e-5)


def test_basis_is_orthonormal_by_falling_variance_and_of_one_sign(x) -> None:
    basis, variance = patch_components(x.split(7), AREAS, 4, 10)
    torch.testing.assert_close(basis.T @ basis, torch.eye(10), atol=1e-5, rtol=0)
    projected = torch.einsum("bfyx,fk->bkyx", pixel_unshuffle(x, 4), basis)
    torch.testing.assert_close(projected.square().mean((0, 2, 3)), variance)
    assert (variance.diff() < 0).all()
    assert (basis.gather(0, basis.abs().argmax(0, keepdim=True)) > 0).all()


def test_components_do_not_hang_on_blocks_or_order(x) -> None:
    whole = patch_components([x], AREAS, 4, 6)
    parts = patch_components(x.flip(0).split(9), AREAS, 4, 6)
    for a, b in zip(whole, parts, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


def test_latents_are_of_unit_mean_variance_and_fall_as_the_components(x) -> None:
    z = autoencoder(6, bound=1e4, x=x).encode(x)
    variance = z.square().mean((0, 2, 3))
    assert variance.mean().item() == pytest.approx(1, rel=1e-4)
    _, expected = patch_components([x], AREAS, 4, 6)
    torch.testing.assert_close(variance, expected / expected.mean(), rtol=1e-4, atol=1e-6)


def test_latents_stay_within_the_bound(x) -> None:
    model = autoencoder(6, bound=3.0, x=x)
    limit = 3.0 * model.spread[:, None, None]
    z = model.encode(1e3 * x)
    assert (z.abs() <= limit * (1 + 1e-6)).all()
    assert (z.abs() / limit).max() > 0.99


def test_the_bound_is_undone_where_latents_are_below_twice_of_it(x) -> None:
    model = autoencoder(FEATURES, bound=0.7, x=x)
    free = autoencoder(FEATURES, bound=1e6, x=x)
    v = free.encode(x) / model.spread[:, None, None]
    x = x * (1.39 / v.abs().max())
    torch.testing.assert_close(model.decode(model.encode(x)), x, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(model.encode(x), free.encode(x), atol=0.1)


def test_beyond_the_bound_decoding_goes_on_linearly_with_finite_gradients(x) -> None:
    model = autoencoder(6, bound=3.0, x=x)
    z = (3.0 * model.spread[:, None, None]).expand(1, 6, 2, 4).clone().requires_grad_()
    decoded = model.decode(z)
    decoded.square().sum().backward()
    assert torch.isfinite(z.grad).all()
    torch.testing.assert_close(model.decode(2 * z), 2 * decoded)


def test_a_learned_one_turns_with_the_globe_by_whole_patches(x) -> None:
    model = learned(6, x)
    z = model.encode(x)
    torch.testing.assert_close(model.encode(x.roll(8, -1)), z.roll(2, -1), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(
        model.decode(z.roll(1, -1)), model.decode(z).roll(4, -1), atol=1e-5, rtol=1e-5
    )
    assert not torch.allclose(z, autoencoder(6, x=x).encode(x), atol=0.1)


def test_each_state_is_encoded_alone(x) -> None:
    model = learned(6, x)
    torch.testing.assert_close(model.encode(x)[3:5], model.encode(x[3:5]), atol=1e-5, rtol=1e-5)


def test_a_channel_without_variance_leaves_everything_finite(x) -> None:
    x[:, 1] = 0
    model = autoencoder(FEATURES, x=x)
    torch.testing.assert_close(model.decode(model.encode(x)), x, atol=2e-5, rtol=1e-5)


def test_a_grid_that_does_not_divide_into_patches_is_refused() -> None:
    with pytest.raises(ValueError, match="8 x 16 points do not divide into patches of 3 x 3"):
        Autoencoder(2, 8, 16, 4, 3, 6, 1, 5.0)


def test_more_latents_than_numbers_in_a_patch_are_refused() -> None:
    with pytest.raises(ValueError, match="latent_channels 33 exceeds the 32 numbers of a patch"):
        Autoencoder(2, 8, 16, 33, 4, 6, 1, 5.0)
