"""The covariance by zonal wavenumber is the one that made the fields."""

import math

import numpy as np
import pytest
import torch

from galerne.baselines.covariance import WaveCovariance, extend, fit_covariance, toeplitz


def dense(window) -> torch.Tensor:
    """The covariance as a matrix."""
    n = math.prod(window.shape)
    return window.apply(torch.eye(n).reshape(n, *window.shape)).flatten(1)


def test_it_is_the_covariance_of_the_world(world, of_fields) -> None:
    exact = world.decoding @ world.truth.within @ world.decoding.T
    found = dense(of_fields.window(world.states)).double().numpy()
    assert np.abs(found - exact).max() < 1e-4 * np.abs(exact).max()


def test_what_is_drawn_has_the_covariance(of_fields) -> None:
    window = of_fields.window(3)
    noise = torch.randn(4000, *window.shape, generator=torch.Generator().manual_seed(0))
    drawn = window.deviate(noise).flatten(1)
    exact = dense(window)
    assert ((drawn.T @ drawn / len(drawn) - exact).norm() / exact.norm()) < 0.2
    assert torch.allclose(drawn.var(0) / exact.diagonal(), torch.ones(()), atol=0.15)


def test_leading_vectors_are_most_of_it(of_fields) -> None:
    window = of_fields.window(2)
    exact = dense(window)
    vectors = list(window.leading(10**6))
    whole = sum((e.flatten(1).T * v) @ e.flatten(1) for e, v in vectors)
    assert torch.allclose(whole, exact, atol=1e-3 * float(exact.abs().max()))
    few = sum((e.flatten(1).T * v) @ e.flatten(1) for e, v in window.leading(40))
    assert (exact - few).diagonal().sum() < 0.3 * exact.diagonal().sum()
    assert (exact - few).diagonal().min() > -1e-3


def test_inflation_and_memory_scale_it(of_fields) -> None:
    plain = of_fields.window(2)
    other = of_fields.window(2, inflation=2.0, memory=1.0)
    x = torch.randn(1, *plain.shape, generator=torch.Generator().manual_seed(0))
    x[:, 1] = 0
    assert torch.allclose(other.apply(x)[:, 0], 2 * plain.apply(x)[:, 0], atol=1e-4)
    ratio = other.apply(x)[:, 1].norm() / plain.apply(x)[:, 1].norm()
    assert float(ratio) == pytest.approx(2 / math.e, rel=1e-3)


def test_longer_lags_are_those_of_an_autoregression() -> None:
    root = 0.8 * np.exp(0.3j)
    lags = torch.tensor([[root**k for k in range(4)]], dtype=torch.complex64)
    longer = extend(lags, 9)
    exact = torch.tensor([[root**k for k in range(9)]], dtype=torch.complex64)
    assert torch.allclose(longer, exact, atol=1e-4)
    assert torch.equal(extend(lags, 2), lags[:, :2])
    assert torch.linalg.eigvalsh(toeplitz(longer)).min() > 0


def test_it_is_fitted_to_data_and_judged_by_those_held_out(world, of_fields) -> None:
    window = of_fields.window(60)
    draws = window.deviate(
        torch.randn(60, *window.shape, generator=torch.Generator().manual_seed(0))
    )

    def blocks(heldout: bool) -> list[torch.Tensor]:
        return list((2 if heldout else 1) * draws[int(heldout) :: 2])

    fitted = fit_covariance(blocks, 16, 3)
    exact, found = dense(of_fields.window(2)), dense(fitted.window(2))
    # the variance is that of the held-out part, which is four times the other's
    assert float(found.diagonal().sum() / exact.diagonal().sum()) == pytest.approx(4, rel=0.1)
    assert (found / 4 - exact).norm() < 0.25 * exact.norm()


def test_too_little_or_too_much_is_refused() -> None:
    short = [torch.zeros(2, 1, 4, 8)]
    with pytest.raises(ValueError, match=r"no held-out part .* has 3 consecutive states"):
        fit_covariance(lambda heldout: [torch.randn(9, 1, 4, 8)] if not heldout else short, 2, 3)
    with pytest.raises(ValueError, match="no part of the training data is left"):
        fit_covariance(lambda heldout: [], 2, 3)
    with pytest.raises(ValueError, match="71 channels on 721 rows are too many"):
        fit_covariance(lambda heldout: [torch.zeros(1, 71, 721, 1).expand(1, 71, 721, 8)], 2, 3)


def test_a_univariate_one_keeps_channels_apart() -> None:
    model = WaveCovariance(2, 4, 8, 3, 2, 2, univariate=True)
    generator = torch.Generator().manual_seed(0)
    space = torch.linalg.qr(torch.randn(3, 4, 2, dtype=torch.complex64, generator=generator)).Q
    model.space.copy_(torch.view_as_real(space))
    model.lags[..., 0, 0], model.lags[..., 1, 0] = 1.0, 0.5
    model.spread[1] = 3.0
    x = torch.zeros(1, 2, 2, 4, 8)
    x[0, 0, 1, 2, 3] = 1.0
    seen = model.window(2).apply(x)
    assert not seen[:, :, 0].any()
    assert seen[:, :, 1].any()
    other = torch.zeros_like(x)
    other[0, 0, 0, 2, 3] = 1.0
    assert torch.allclose(9 * model.window(2).apply(other)[:, :, 0], seen[:, :, 1], atol=1e-5)
