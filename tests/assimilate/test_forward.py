"""The forward operator: the observation operator after the decoder, in physical units."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from galerne.assimilate.forward import ForwardOperator
from galerne.catalogue import channels
from galerne.latent.autoencoder import Autoencoder
from galerne.observe.operator import Interpolation
from galerne.stats.logarithm import epsilons
from galerne.stats.transform import Transform

TIMES = np.datetime64("2001-01-01", "ns") + np.arange(3) * np.timedelta64(6, "h")


def build(
    table: pd.DataFrame, transform: Transform, autoencoder: Autoencoder
) -> tuple[ForwardOperator, Interpolation]:
    operator = Interpolation.build(
        table,
        times=TIMES,
        channels=transform.channels,
        latitude=transform.latitude,
        longitude=transform.longitude,
    )
    centre, scale = transform.centre(TIMES), transform.scale_at(TIMES)
    epsilon = epsilons(transform.channels)
    return ForwardOperator(autoencoder, operator, centre, scale, epsilon), operator


def test_it_sees_what_the_operator_sees_of_the_decoded_fields(
    table: pd.DataFrame, transform: Transform, autoencoder: Autoencoder
) -> None:
    A, operator = build(table, transform, autoencoder)
    z = torch.randn(2, 3, 8, 4, 8)
    fields = transform.inverse(
        torch.stack([autoencoder.decode(window) for window in z]).numpy(), TIMES
    )
    seen = operator.apply(fields)
    innovation = torch.stack([A.innovate(row) for row in seen])
    torch.testing.assert_close(A(z), innovation, atol=2e-3, rtol=1e-4)


def test_the_climatology_is_no_innovation(
    table: pd.DataFrame, transform: Transform, autoencoder: Autoencoder
) -> None:
    A, operator = build(table, transform, autoencoder)
    seen = operator.apply(transform.climatology(TIMES).astype(float))
    assert A.innovate(seen).abs().max() < 1e-6


def test_its_derivative_has_an_adjoint(
    table: pd.DataFrame, transform: Transform, autoencoder: Autoencoder
) -> None:
    A, _ = build(table, transform, autoencoder)
    z, u = torch.randn(2, 1, 3, 8, 4, 8)
    v = torch.randn(1, len(table))
    _, push = torch.func.jvp(A, (z,), (u,))
    (pull,) = torch.func.vjp(A, z)[1](v)
    torch.testing.assert_close((push * v).sum(), (u * pull).sum(), rtol=1e-4, atol=1e-4)


@pytest.fixture
def rain(transform: Transform) -> Transform:
    """Temperature and precipitation, about a millimetre of it."""
    state = channels(["2m_temperature", "total_precipitation_6hr"], [], [])
    coefficients = transform.coefficients.copy()
    coefficients[0, 1] += np.log1p(100) - 55_000.0
    scale = np.array([3.0, 0.5])
    return dataclasses.replace(transform, channels=state, coefficients=coefficients, scale=scale)


@pytest.fixture
def gauges(table: pd.DataFrame) -> pd.DataFrame:
    """Every station sees precipitation too."""
    wet = table.assign(variable="total_precipitation_6hr", observation=2e-3, error=1e-4)
    return pd.concat([table, wet], ignore_index=True)


def test_it_sees_precipitation_itself_and_not_its_logarithm(
    gauges: pd.DataFrame, rain: Transform, autoencoder: Autoencoder
) -> None:
    A, operator = build(gauges, rain, autoencoder)
    z = 0.3 * torch.randn(2, 3, 8, 4, 8)
    decoded = torch.stack([autoencoder.decode(window) for window in z]).numpy()
    seen = operator.apply(rain.inverse(decoded.astype("float64"), TIMES))
    innovation = torch.stack([A.innovate(row) for row in seen])
    wet = (gauges["variable"] == "total_precipitation_6hr").to_numpy()
    torch.testing.assert_close(A(z)[:, ~wet], innovation[:, ~wet], atol=2e-3, rtol=1e-4)
    torch.testing.assert_close(A(z)[:, wet], innovation[:, wet], atol=1e-8, rtol=1e-4)
    assert innovation[:, wet].abs().max() > 1e-4
    climatology = operator.apply(rain.climatology(TIMES).astype(float))
    assert A.innovate(climatology)[wet].abs().max() < 1e-9


def test_derivatives_go_through_the_logarithm(
    gauges: pd.DataFrame, rain: Transform, autoencoder: Autoencoder
) -> None:
    A, _ = build(gauges, rain, autoencoder)
    A = A.double()
    z, u = (0.3 * torch.randn(2, 1, 3, 8, 4, 8)).double()
    v = torch.randn(1, len(gauges)).double()
    _, push = torch.func.jvp(A, (z,), (u,))
    (pull,) = torch.func.vjp(A, z)[1](v)
    torch.testing.assert_close((push * v).sum(), (u * pull).sum(), rtol=1e-6, atol=1e-9)
    step = (A(z + 1e-5 * u) - A(z - 1e-5 * u)) / 2e-5
    torch.testing.assert_close(push, step, rtol=1e-5, atol=1e-9)
    assert not torch.allclose(torch.func.jvp(A, (2 * z,), (u,))[1], push, rtol=1e-3)
