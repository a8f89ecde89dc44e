"""A chain of blocks is the process itself, where the process forgets within a block."""

import pytest
import torch

from galerne.prior.chain import Chain

WAVES, VARIABLES, LENGTH = 2, 2, 11


def process(order: int) -> torch.Tensor:
    """The covariance of a stationary autoregressive process: (wave, state and variable, same)."""
    rng = torch.Generator().manual_seed(3)
    long, found = 400, []
    for _ in range(WAVES):
        parts = torch.randn(2, order, VARIABLES, VARIABLES, generator=rng).double()
        A = 0.32 * torch.complex(parts[0], parts[1]) / order**0.5
        # The response to a single shock, and from it the covariance at every lag.
        psi = [torch.eye(VARIABLES, dtype=A.dtype)]
        for k in range(1, long):
            psi.append(sum(A[j] @ psi[k - 1 - j] for j in range(min(order, k))))
        psi = torch.stack(psi)
        lags = [(psi[lag:] @ psi[: long - lag].mH).sum(0) for lag in range(LENGTH)]
        rows = [
            torch.cat([lags[i - j] if i >= j else lags[j - i].mH for j in range(LENGTH)], 1)
            for i in range(LENGTH)
        ]
        found.append(torch.cat(rows))
    return torch.stack(found)


def pair(covariance: torch.Tensor, block: int) -> torch.Tensor:
    size = 2 * block * VARIABLES
    return covariance[:, :size, :size]


@pytest.mark.parametrize("sigma", [0.05, 1.0, 30.0, 1e5])
@pytest.mark.parametrize(("order", "block"), [(1, 1), (1, 2), (2, 2), (2, 3)])
def test_the_mean_is_that_of_the_process(order: int, block: int, sigma: float) -> None:
    cov = process(order)
    chain = Chain(pair(cov, block), block)
    y = torch.randn(WAVES, 3, LENGTH, VARIABLES, dtype=torch.complex64)
    found = chain.smooth(y, sigma).flatten(2)
    gain = torch.linalg.solve(cov + sigma**2 * torch.eye(cov.shape[-1]), cov)
    expected = torch.einsum("wij,wbj->wbi", gain, y.flatten(2).to(cov))
    scale = expected.abs().max()
    assert ((found - expected).abs().max() / scale) < 2e-5


def test_a_block_shorter_than_the_memory_is_not_enough() -> None:
    cov = process(2)
    chain = Chain(pair(cov, 1), 1)
    y = torch.randn(WAVES, 3, LENGTH, VARIABLES, dtype=torch.complex64)
    found = chain.smooth(y, 0.3).flatten(2)
    gain = torch.linalg.solve(cov + 0.09 * torch.eye(cov.shape[-1]), cov)
    expected = torch.einsum("wij,wbj->wbi", gain, y.flatten(2).to(cov))
    assert (found - expected).abs().max() > 1e-3


@pytest.mark.parametrize("sigma", [0.1, 1.0, 1e5])
@pytest.mark.parametrize("block", [2, 3])
def test_deviations_have_the_covariance_that_is_left(block: int, sigma: float) -> None:
    cov = process(2)
    chain = Chain(pair(cov, block), block)
    size = cov.shape[-1]
    unit = torch.eye(size, dtype=torch.complex64).view(1, size, LENGTH, VARIABLES)
    root = chain.deviate(unit.expand(WAVES, -1, -1, -1), sigma).flatten(2).mT
    found = (root @ root.mH).to(cov.dtype)
    expected = sigma**2 * torch.linalg.solve(cov + sigma**2 * torch.eye(size), cov)
    torch.testing.assert_close(found, expected, atol=2e-5 * float(cov.abs().max()), rtol=0)


def test_gains_stand_still_in_a_long_trajectory() -> None:
    chain = Chain(pair(process(1), 2), 2)
    gains = chain.gains(0.5, 401)
    assert len(gains) == 201
    assert len({id(gain) for gain in gains}) < 20
    y = torch.randn(WAVES, 1, 401, VARIABLES, dtype=torch.complex64)
    near = chain.smooth(y[:, :, 100:200], 0.5)[:, :, 30:70]
    assert (chain.smooth(y, 0.5)[:, :, 130:170] - near).abs().max() < 1e-5
