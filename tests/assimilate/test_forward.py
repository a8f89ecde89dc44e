"""The forward operator: the observation operator after the decoder, in physical units."""

import numpy as np
import pandas as pd
import torch

from galerne.assimilate.forward import ForwardOperator
from galerne.latent.autoencoder import Autoencoder
from galerne.observe.operator import Interpolation
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
    climatology, scale = transform.climatology(TIMES), transform.scale_at(TIMES)
    return ForwardOperator(autoencoder, operator, climatology, scale), operator


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
