"""Whitening of errors, and the posterior with errors that are correlated."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch

from galerne.assimilate.guidance import MomentMatching
from galerne.assimilate.whitening import Whitening
from galerne.prior.denoiser import WindowDenoiser

SHAPE = (3, 2, 2, 8)


@pytest.fixture
def observations() -> pd.DataFrame:
    """A sounding of five levels, one of three, and four stations among them."""
    block = ["a", None, "a", "b", None, "a", "b", "b", "a", None, "a", None]
    table = pd.DataFrame({"block": block, "lat": 10.0, "lon": np.arange(12.0)})
    table["lon"] = table["lon"].where(table["block"].isna(), 5.0)
    table["level"] = 100.0 * (1 + np.arange(12))
    table["error"] = np.linspace(0.2, 0.9, 12)
    lengths = {"correlation_log_pressure": 0.5, "correlation_km": 300.0}
    return table.assign(platform="sonde", variable="temperature", **lengths)


def covariance(table: pd.DataFrame) -> torch.Tensor:
    level = np.log(table["level"].to_numpy())
    same = table["block"].to_numpy()[:, None] == table["block"].to_numpy()
    same &= table["block"].notna().to_numpy()
    rho = np.where(same, np.exp(-np.abs(level[:, None] - level) / 0.5), np.eye(len(table)))
    error = table["error"].to_numpy()
    return torch.from_numpy(error[:, None] * rho * error)


def test_whitened_errors_are_white(observations: pd.DataFrame) -> None:
    square = Whitening(observations)(torch.eye(12)).double()  # rows: columns of the matrix
    white = square.T @ covariance(observations) @ square
    torch.testing.assert_close(white, torch.eye(12).double(), atol=1e-5, rtol=0)


def test_independent_errors_are_divided_to_the_same_bits(observations: pd.DataFrame) -> None:
    seen = torch.randn(4, 12)
    error = torch.tensor(observations["error"].to_numpy(), dtype=torch.float32)
    white = Whitening(observations.drop(columns="block"))
    assert torch.equal(white(seen), seen / error)
    loose = observations["block"].isna().to_numpy()
    assert torch.equal(Whitening(observations)(seen)[:, loose], (seen / error)[:, loose])


def test_a_posterior_with_correlated_errors_is_exact(
    observations: pd.DataFrame, random_gaussian: Callable, dense: Callable
) -> None:
    gaussian = random_gaussian()
    rng = torch.Generator().manual_seed(5)
    cov, R = dense(gaussian), covariance(observations)
    H = torch.randn(12, len(cov), generator=rng) / len(cov) ** 0.5
    y, z_t = torch.randn(12, generator=rng), 2 * torch.randn(2, *SHAPE, generator=rng)
    white, t = Whitening(observations), torch.tensor(0.5)
    prior = WindowDenoiser(gaussian, None, 0.01, 100.0)
    model = MomentMatching(
        prior, white(y), lambda z: white(z.flatten(1) @ H.T), solver="cg", iterations=14
    )
    _, sigma = prior.schedule(t)
    noisy = cov + sigma.double().square() * torch.eye(len(cov))
    V, G = cov - cov @ torch.linalg.solve(noisy, cov), H.double()
    z_hat = prior(z_t, t).mean.flatten(1).double()
    gain = V @ G.T @ torch.linalg.inv(G @ V @ G.T + R)
    expected = z_hat + (y.double() - z_hat @ G.T) @ gain.T
    found = model(z_t, t, season=torch.zeros(1, 4)).mean.flatten(1).double()
    torch.testing.assert_close(found, expected, atol=2e-3, rtol=2e-3)
    assert not torch.allclose(
        V @ G.T @ torch.linalg.inv(G @ V @ G.T + R.diag().diag()), gain, rtol=0.1, atol=1e-2
    )
