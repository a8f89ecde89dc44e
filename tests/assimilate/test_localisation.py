"""The local covariance against a Schur product written out, and its roots against itself."""

import numpy as np
import pytest
import torch

from galerne.assimilate.localisation import LocalCovariance, gaspari_cohn, great_circles
from galerne.latent.autoencoder import Autoencoder

STATES, CHANNELS, ROWS, COLUMNS, SIDE, COUNT = 2, 2, 8, 16, 2, 3
LATITUDE = np.linspace(78.75, -78.75, ROWS)
LONGITUDE = np.arange(COLUMNS) * 22.5
SETTINGS = {"share": 0.3, "length_km": 9000.0}


@pytest.fixture
def autoencoder() -> Autoencoder:
    """Says all there is: as many latents as a patch has numbers."""
    features = CHANNELS * SIDE**2
    model = Autoencoder(CHANNELS, ROWS, COLUMNS, features, SIDE, 8, 1, bound=20.0, networks=False)
    rng = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(features, features, generator=rng))[0]
    model.start_from(basis, torch.linspace(2.0, 0.5, features))
    return model.requires_grad_(False)


@pytest.fixture
def windows(autoencoder: Autoencoder) -> torch.Tensor:
    shape = (COUNT, STATES, len(autoencoder.spread), ROWS // SIDE, COLUMNS // SIDE)
    found = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    return found - found.mean(0)


def by_components(windows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Windows in an orthonormal basis of what they have at a place, and the basis."""
    size = windows.shape[1] * windows.shape[2]
    rng = torch.Generator().manual_seed(2)
    basis = torch.linalg.qr(torch.randn(size, size, generator=rng))[0]
    amplitudes = torch.einsum("nkyx,kc->ncyx", windows.flatten(1, 2), basis)
    return amplitudes, basis.T.reshape(size, *windows.shape[1:3])


def decoder(autoencoder: Autoencoder, states: int) -> torch.Tensor:
    """The linear decoder of a window as a matrix, from latents to points."""
    latents = (len(autoencoder.spread), ROWS // SIDE, COLUMNS // SIDE)
    size = states * int(np.prod(latents))
    eye = torch.eye(size).view(size * states, *latents)
    return autoencoder.decode_linearly(eye).reshape(size, -1).T.double()


def matrix(local: LocalCovariance, states: int, latents: int) -> torch.Tensor:
    shape = (states, latents, ROWS // SIDE, COLUMNS // SIDE)
    size = int(np.prod(shape))
    return local.product(torch.eye(size).view(size, *shape)).reshape(size, size).double()


def test_it_is_the_schur_product_of_the_sample_covariance_and_the_correlation(
    autoencoder: Autoencoder, windows: torch.Tensor
) -> None:
    """But that weights are planes within a patch."""
    local = LocalCovariance(*by_components(windows), autoencoder, LATITUDE, LONGITUDE, **SETTINGS)
    D = decoder(autoencoder, STATES)
    fields = windows.flatten(1).double() @ D.T
    phi, lam = (a.ravel() for a in np.meshgrid(LATITUDE, LONGITUDE, indexing="ij"))
    near = gaspari_cohn(2 * great_circles((phi, lam), (phi, lam)) / SETTINGS["length_km"])
    correlation = torch.from_numpy(np.tile(near, (STATES * CHANNELS, STATES * CHANNELS)))
    expected = SETTINGS["share"] / (COUNT - 1) * (fields.T @ fields) * correlation
    found = D @ matrix(local, STATES, windows.shape[2]) @ D.T
    size = expected.diagonal().mean()
    # Planes are fitted over 45 x 45 degrees here, and round off the pinnacle of the correlation.
    assert ((found - expected) / size).square().mean().sqrt() < 0.03
    flat = SETTINGS["share"] / (COUNT - 1) * (fields.T @ fields)
    assert ((flat - expected) / size).square().mean().sqrt() > 0.2


def test_a_length_beyond_the_globe_leaves_the_sample_covariance(
    autoencoder: Autoencoder, windows: torch.Tensor
) -> None:
    settings = SETTINGS | {"length_km": 1e7}
    local = LocalCovariance(*by_components(windows), autoencoder, LATITUDE, LONGITUDE, **settings)
    flat = windows.flatten(1).double()
    expected = SETTINGS["share"] / (COUNT - 1) * flat.T @ flat
    found = matrix(local, STATES, windows.shape[2])
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("pieces", [1, 2])
def test_what_is_drawn_has_that_covariance(
    pieces: int, autoencoder: Autoencoder, windows: torch.Tensor
) -> None:
    """A draw is linear in its noise: its matrix times its transpose."""
    settings, states = dict(SETTINGS), STATES
    if pieces == 2:
        weights = torch.tensor([[1.0, 0.4], [0.6, 1.0]])
        settings |= {"starts": [0, 1], "weights": weights, "season_days": 180.0}
        settings["apart"] = np.array([[0.0, 30.0, 60.0], [50.0, 20.0, 10.0]])
        states = 3
    local = LocalCovariance(*by_components(windows), autoencoder, LATITUDE, LONGITUDE, **settings)
    numbers = COUNT * 3 * ROWS * COLUMNS // SIDE**2

    def unit(piece: int) -> torch.Tensor:
        eye = torch.eye(numbers)

        def noise(use: str, shape: tuple[int, ...]) -> torch.Tensor:
            own = use == f"local/{piece}"
            return (eye if own else torch.zeros_like(eye)).view(numbers, *shape)

        return local.deviate(noise, states).flatten(1).double()

    root = torch.cat([unit(piece) for piece in range(pieces)])
    expected = matrix(local, states, windows.shape[2])
    torch.testing.assert_close(root.T @ root, expected, atol=2e-4, rtol=1e-3)


def test_pieces_fade_into_each_other_at_the_same_variance(
    autoencoder: Autoencoder, windows: torch.Tensor
) -> None:
    """States in two pieces have the mean variance of both places in a window."""
    weights = torch.tensor([[1.0, 0.4], [0.6, 1.0]])
    long = LocalCovariance(
        *by_components(windows), autoencoder, LATITUDE, LONGITUDE, starts=[0, 1], weights=weights,
        **SETTINGS,
    )  # fmt: skip
    one = LocalCovariance(*by_components(windows), autoencoder, LATITUDE, LONGITUDE, **SETTINGS)
    first, second = matrix(one, STATES, windows.shape[2]).diagonal().chunk(2)
    found = matrix(long, 3, windows.shape[2]).diagonal().chunk(3)
    torch.testing.assert_close(found[0], first)
    torch.testing.assert_close(found[1], 0.4 * second + 0.6 * first, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found[2], second)


def test_windows_count_by_their_distance_in_the_year(
    autoencoder: Autoencoder, windows: torch.Tensor
) -> None:
    """Each piece of a trajectory has weights of its own season."""
    apart = np.array([[0.0, 30.0, 99.0], [99.0, 30.0, 0.0]])
    settings = SETTINGS | {"length_km": 1e7, "season_days": 100.0}
    settings |= {"starts": [0, STATES], "weights": torch.ones(2, STATES)}
    local = LocalCovariance(
        *by_components(windows), autoencoder, LATITUDE, LONGITUDE, apart=apart, **settings
    )
    found = matrix(local, 2 * STATES, windows.shape[2])
    flat, one = windows.flatten(1).double(), windows[0].numel()
    counts = torch.from_numpy(gaspari_cohn(2 * apart[0] / 100))
    omega = torch.tensor([counts[0], counts[1], 0.0]) / counts[:2].sum()  # the last is negligible
    factor = SETTINGS["share"] / (1 - omega.square().sum())
    for piece, own in enumerate([omega, omega.flip(0)]):
        expected = factor * flat.T @ (own[:, None] * flat)
        part = slice(piece * one, (piece + 1) * one)
        torch.testing.assert_close(found[part, part], expected, atol=1e-3, rtol=1e-3)
    assert found[:one, one:].abs().max() == 0


def test_windows_of_no_piece_are_left_out(autoencoder: Autoencoder, windows: torch.Tensor) -> None:
    settings = SETTINGS | {"season_days": 100.0}
    near, place = np.array([[5.0, 120.0, 40.0]]), (autoencoder, LATITUDE, LONGITUDE)
    local = LocalCovariance(*by_components(windows), *place, apart=near, **settings)
    two, own = by_components(windows[[0, 2]]), near[:, [0, 2]]
    alone = LocalCovariance(*two, *place, apart=own, **settings)
    assert local.windows.shape[1] == 2
    latents = windows.shape[2]
    torch.testing.assert_close(matrix(local, STATES, latents), matrix(alone, STATES, latents))
    with pytest.raises(ValueError, match="of 3 that the prior keeps fewer than two count within"):
        LocalCovariance(*by_components(windows), *place, apart=near + 70, **settings)


def test_one_window_is_too_few(autoencoder: Autoencoder, windows: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"the prior has 1: set priors\.\*\.gaussian\.windows"):
        LocalCovariance(*by_components(windows[:1]), autoencoder, LATITUDE, LONGITUDE, **SETTINGS)
