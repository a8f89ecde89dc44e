"""How much windows count: by hand where it can be said, and at the limits of the formula."""

import numpy as np
import pytest
import torch

from galerne.assimilate.analogs import neighbourhoods, resemblance
from galerne.assimilate.distances import great_circles

LATITUDE = np.linspace(78.75, -78.75, 16)
LONGITUDE = np.arange(32) * 11.25
ROWS, COLUMNS = LATITUDE.reshape(4, 4).mean(1), LONGITUDE.reshape(8, 4).mean(1)


def test_neighbourhoods_count_what_is_near() -> None:
    near = neighbourhoods(LATITUDE, LONGITUDE, (4, 8), 6000.0)
    places = tuple(a.ravel() for a in np.meshgrid(ROWS, COLUMNS, indexing="ij"))
    apart = great_circles(places, places)
    assert np.array_equal(near > 0, apart < 6000)
    assert np.allclose(near.sum(1), 1)
    assert np.all(near.diagonal() == near.max(1))
    near = near.reshape(4, 8, 4, 8)
    assert near[2, 0, 2, 4] == 0  # half way around the globe
    assert near[2, 0, 2, 1] == pytest.approx(near[2, 0, 2, 7])
    assert np.allclose(near[1, 5], np.roll(near[1, 2], 3, axis=1))


def test_neighbourhoods_count_patches_by_their_area() -> None:
    near = neighbourhoods(LATITUDE, LONGITUDE, (4, 8), 1e9)
    rows = np.cos(np.radians(ROWS))
    assert np.allclose(near.reshape(32, 4, 8), (rows / rows.sum() / 8)[None, :, None], rtol=1e-4)


def products(windows: torch.Tensor, guesses: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Those of windows (n size) and guesses (member size), at one place."""
    along, own = guesses @ windows.T, guesses.square().sum(1)
    return along[None], own[None], windows.square().sum(1)[None]


@pytest.fixture
def windows() -> torch.Tensor:
    return torch.randn(6, 12, generator=torch.Generator().manual_seed(0))


def test_a_guess_of_nothing_leaves_the_season(windows: torch.Tensor) -> None:
    omega = torch.tensor([0.3, 0.25, 0.2, 0.15, 0.1, 0.0])
    counts = resemblance(*products(windows, torch.zeros(2, 12)), omega, 5.0)
    torch.testing.assert_close(counts, omega.expand(1, 2, 6))


def test_no_sharpness_leaves_the_season(windows: torch.Tensor) -> None:
    omega = torch.tensor([0.3, 0.25, 0.2, 0.15, 0.1, 0.0])
    counts = resemblance(*products(windows, windows[:2]), omega, 0.0)
    torch.testing.assert_close(counts, omega.expand(1, 2, 6))


def test_a_large_guess_counts_windows_by_their_distance(windows: torch.Tensor) -> None:
    omega = torch.full((6,), 1 / 6)
    guess = 2 * windows[3:4]
    counts = resemblance(*products(windows, guess), omega, 4.0)[0, 0]
    scale = windows.square().sum(1).mean() + guess.square().sum()
    apart = (windows - guess).square().sum(1) / scale
    torch.testing.assert_close(counts, torch.softmax(-4.0 * apart, 0))
    assert counts.argmax() == 3


def test_a_small_guess_is_not_nearest_to_where_nothing_happens(windows: torch.Tensor) -> None:
    windows[5] = 0
    omega = torch.full((6,), 1 / 6)
    guess = 0.1 * windows[2:3]
    counts = resemblance(*products(windows, guess), omega, 4.0)[0, 0]
    assert counts.argmax() == 2
    by_distance = (windows - guess).square().sum(1)
    assert by_distance.argmin() == 5


def test_windows_of_another_season_never_count(windows: torch.Tensor) -> None:
    omega = torch.tensor([0.2, 0.2, 0.2, 0.2, 0.2, 0.0])
    counts = resemblance(*products(windows, windows[5:]), omega, 9.0)
    assert counts[0, 0, 5] == 0
    assert counts.sum() == pytest.approx(1)
