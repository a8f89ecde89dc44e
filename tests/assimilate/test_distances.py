"""Distances against another formula, and a correlation that is one."""

import numpy as np

from galerne.assimilate.distances import gaspari_cohn, great_circles
from galerne.observe.orbit import MEAN_RADIUS


def test_correlations_fall_to_zero() -> None:
    r = np.linspace(0, 3, 301)
    rho = gaspari_cohn(r)
    assert rho[0] == 1
    assert not rho[r >= 2].any()
    assert np.all(np.diff(rho) <= 1e-12)
    assert np.array_equal(gaspari_cohn(-r), rho)
    points = np.random.default_rng(0).uniform(-3, 3, (60, 1))
    assert np.linalg.eigvalsh(gaspari_cohn(np.abs(points - points.T))).min() > -1e-9


def test_the_correlation_is_a_ball_with_itself() -> None:
    """Equation 4.10 is the convolution of the hat 2 (1/2 - r) over a ball with itself."""
    axis = np.linspace(-1, 1, 81)
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")

    def hat(shift: float) -> np.ndarray:
        return np.maximum(1 - 2 * np.sqrt((x - shift) ** 2 + y**2 + z**2), 0)

    # a hat that is zero from 1/2 on has a convolution that is zero from 1 on, at r = 2
    whole = np.sum(hat(0.0) ** 2)
    for shift in (0.1, 0.25, 0.4):
        found = np.sum(hat(0.0) * hat(shift)) / whole
        assert abs(found - gaspari_cohn(np.array(2 * shift))) < 5e-3


def test_distances_are_those_of_the_haversine() -> None:
    rng = np.random.default_rng(1)
    one, other = ((rng.uniform(-90, 90, n), rng.uniform(0, 360, n)) for n in (7, 5))
    phi, lam = (np.radians(np.subtract.outer(a, b)) for a, b in zip(one, other, strict=True))
    both = np.cos(np.radians(one[0]))[:, None] * np.cos(np.radians(other[0]))
    half = np.sin(phi / 2) ** 2 + both * np.sin(lam / 2) ** 2
    expected = 2 * MEAN_RADIUS * np.arcsin(np.sqrt(half))
    assert np.allclose(great_circles(one, other), expected, atol=1e-3)
    same = great_circles((one[0], one[1]), (one[0], one[1] + 360))
    assert np.abs(np.diag(same)).max() < 1
