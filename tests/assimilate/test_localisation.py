"""The local covariance against a Schur product written out, and its roots against itself."""

import numpy as np
import pytest
import torch

from galerne.assimilate.distances import gaspari_cohn, great_circles
from galerne.assimilate.localisation import LocalCovariance
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


@pytest.mark.parametrize("analogs", [None, {"sharpness": 4.0, "length_km": 12000.0}])
@pytest.mark.parametrize("turned", [0.0, 0.4])
@pytest.mark.parametrize("pieces", [1, 2])
def test_what_is_drawn_has_that_covariance(
    pieces: int,
    turned: float,
    analogs: dict[str, float] | None,
    autoencoder: Autoencoder,
    windows: torch.Tensor,
) -> None:
    """A draw is linear in its noise: its matrix times its transpose."""
    settings, states = SETTINGS | {"turned_share": turned, "analogs": analogs}, STATES
    if pieces == 2:
        weights = torch.tensor([[1.0, 0.4], [0.6, 1.0]])
        settings |= {"starts": [0, 1], "weights": weights, "season_days": 180.0}
        settings["apart"] = np.array([[0.0, 30.0, 60.0], [50.0, 20.0, 10.0]])
        states = 3
    local = LocalCovariance(*by_components(windows), autoencoder, LATITUDE, LONGITUDE, **settings)
    if analogs:
        local = local.resembling(2 * windows[:1].repeat(1, 2, 1, 1, 1)[:, :states])
    numbers = COUNT * (3 if turned else 1) * 3 * ROWS * COLUMNS // SIDE**2

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


def test_windows_turned_by_a_patch_count_beside_the_others(
    autoencoder: Autoencoder, windows: torch.Tensor
) -> None:
    settings = SETTINGS | {"length_km": 1e7, "turned_share": 0.4, "inflation": 0.7}
    local = LocalCovariance(*by_components(windows), autoencoder, LATITUDE, LONGITUDE, **settings)
    assert local.rest == pytest.approx(0.7 * (1 - SETTINGS["share"]))
    every = torch.cat([windows, windows.roll(1, -1), windows.roll(-1, -1)]).flatten(1).double()
    omega = torch.tensor([0.6, 0.2, 0.2]).repeat_interleave(COUNT).double() / COUNT
    factor = 0.7 * SETTINGS["share"] / (1 - omega.square().sum())
    found = matrix(local, STATES, windows.shape[2])
    expected = factor * every.T @ (omega[:, None] * every)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("turned", [0.0, 0.4])
def test_windows_count_at_each_place_as_they_resemble_a_guess(
    turned: float, autoencoder: Autoencoder, windows: torch.Tensor
) -> None:
    """By the formula of :mod:`galerne.assimilate.analogs`, written out; each member by its own."""
    analogs = {"sharpness": 3.0, "length_km": 12000.0}
    settings = SETTINGS | {"length_km": 1e7, "turned_share": turned, "analogs": analogs}
    local = LocalCovariance(*by_components(windows), autoencoder, LATITUDE, LONGITUDE, **settings)
    guesses = torch.stack([0.8 * windows[0], 3.0 * windows[1], torch.zeros_like(windows[0])])
    v = torch.randn(guesses.shape, generator=torch.Generator().manual_seed(3))
    found = local.resembling(guesses).product(v)

    every, omega = windows, torch.full((COUNT,), 1 / COUNT)
    if turned:
        every = torch.cat([windows, windows.roll(1, -1), windows.roll(-1, -1)])
        omega = torch.tensor([0.6, 0.2, 0.2]).repeat_interleave(COUNT) / COUNT
    phi = LATITUDE.reshape(-1, SIDE).mean(1)
    phi, lam = (a.ravel() for a in np.meshgrid(phi, LONGITUDE[::SIDE] + 11.25, indexing="ij"))
    near = gaspari_cohn(2 * great_circles((phi, lam), (phi, lam)) / 12000)
    near = torch.from_numpy(near * np.cos(np.radians(phi))).float()
    near = near / near.sum(1, keepdim=True)
    x = every.flatten(3).flatten(1, 2)  # n k p
    factor = SETTINGS["share"] / (1 - omega.square().sum())
    for guess, each, product in zip(guesses, v, found, strict=True):
        a = guess.flatten(2).flatten(0, 1)
        own, squares = near @ a.square().sum(0), x.square().sum(1) @ near.T
        mean = omega @ squares
        apart = (own / mean).clamp_max(1) * squares - 2 * torch.einsum("nkp,kp->np", x, a) @ near.T
        counts = omega[:, None] * torch.exp(-3.0 * apart / (mean + own))
        root = (counts / counts.sum(0)).sqrt()[:, None]
        rows = (root * x).flatten(1)
        expected = factor * rows.T @ (rows @ each.flatten(2).flatten(0, 1).flatten())
        torch.testing.assert_close(product.flatten(), expected, atol=1e-2, rtol=1e-3)
    assert (counts / counts.sum(0) - omega[:, None]).abs().max() < 1e-6  # of a guess of nothing
    unlike = local.product(v)
    torch.testing.assert_close(found[2], unlike[2], atol=1e-3, rtol=1e-3)
    assert (found[0] - unlike[0]).abs().max() > 1


def test_a_guess_tells_how_two_things_go_together(autoencoder: Autoencoder) -> None:
    """In one weather they rise and fall together, in the other against each other."""
    rng = torch.Generator().manual_seed(4)
    weather = torch.ones(40)
    weather[::2] = -1
    size = torch.randn(40, generator=rng)
    patches = (ROWS // SIDE, COLUMNS // SIDE)
    windows = torch.zeros(40, STATES, len(autoencoder.spread), *patches)
    windows[:, :, 0] = 2 * weather[:, None, None, None]
    windows[:, :, 1] = size[:, None, None, None]
    windows[:, :, 2] = (weather * size)[:, None, None, None]
    settings = SETTINGS | {"length_km": 1e7, "analogs": {"sharpness": 3.0, "length_km": 8000.0}}
    local = LocalCovariance(*by_components(windows), autoencoder, LATITUDE, LONGITUDE, **settings)
    guess = torch.zeros_like(windows[:1])
    one = guess.clone()
    one[0, 0, 1, 1, 1] = 1.0

    def together(local: LocalCovariance) -> float:
        changed = local.product(one)[0, 0, :, 1, 1]
        return float(changed[2] / changed[1])

    for sign in (1.0, -1.0):
        guess[:, :, 0] = sign * 2.0
        assert sign * together(local.resembling(guess)) > 0.9
    assert abs(together(local)) < 0.3


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
