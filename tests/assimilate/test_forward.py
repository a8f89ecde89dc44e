"""The forward operator: the observation operator after the decoder, in physical units."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from galerne.assimilate.forward import ForwardOperator
from galerne.assimilate.whitening import Whitening
from galerne.catalogue import channels
from galerne.latent.autoencoder import Autoencoder
from galerne.observe.operator import Interpolation, ObservationOperator
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
    white = Whitening(table)
    return ForwardOperator(autoencoder, operator, centre, scale, epsilon, white), operator


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


@pytest.mark.parametrize("few", [True, False])
def test_small_changes_are_followed_where_they_are_seen(
    table: pd.DataFrame, transform: Transform, autoencoder: Autoencoder, few: bool
) -> None:
    """By the linear part of the decoder, point by point or of whole fields."""
    A, operator = build(table, transform, autoencoder)
    A.few = few
    z, u = torch.randn(2, 2, 3, 8, 4, 8)
    y, push, pull = A.linearise(z)
    torch.testing.assert_close(y, A(z))
    fields = torch.stack([autoencoder.decode_linearly(window) for window in u])
    seen = operator.apply(fields.double().numpy() * transform.scale_at(TIMES))
    expected = A.whiten(torch.from_numpy(seen).float())
    torch.testing.assert_close(push(u), expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(A.push(z, u), expected, rtol=1e-4, atol=1e-4)
    v = torch.randn(2, len(table))
    torch.testing.assert_close((push(u) * v).sum(), (u * pull(v)).sum(), rtol=1e-4, atol=1e-4)


def test_states_are_decoded_some_at_a_time(
    table: pd.DataFrame,
    transform: Transform,
    autoencoder: Autoencoder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    A, _ = build(table, transform, autoencoder)
    z, counts, decode = torch.randn(2, 3, 8, 4, 8), [], autoencoder.decode
    expected = A(z)
    monkeypatch.setattr("galerne.assimilate.forward.WHOLE", 2 * A.size)
    monkeypatch.setattr(autoencoder, "decode", lambda x: counts.append(len(x)) or decode(x))
    torch.testing.assert_close(A(z), expected)
    assert max(counts) == 2


def test_the_climatology_is_no_innovation(
    table: pd.DataFrame, transform: Transform, autoencoder: Autoencoder
) -> None:
    A, operator = build(table, transform, autoencoder)
    seen = operator.apply(transform.climatology(TIMES).astype(float))
    assert A.innovate(seen).abs().max() < 1e-6


def test_a_window_expanded_into_a_batch_is_decoded_once(
    table: pd.DataFrame, transform: Transform, autoencoder: Autoencoder
) -> None:
    A, _ = build(table, transform, autoencoder)
    z, change, decoded = torch.randn(1, 3, 8, 4, 8), torch.randn(5, 3, 8, 4, 8), []
    decode = autoencoder.decode
    autoencoder.decode = lambda x: (decoded.append(len(x)), decode(x))[1]
    y, push, _ = A.linearise(z.expand(5, -1, -1, -1, -1))
    again, all_of_it, _ = A.linearise(z.repeat(5, 1, 1, 1, 1))
    assert decoded == [3, 15]
    torch.testing.assert_close(y, again)
    torch.testing.assert_close(push(change), all_of_it(change))


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
    torch.testing.assert_close(A(z)[:, wet], innovation[:, wet], atol=1e-4, rtol=1e-4)
    assert innovation[:, wet].abs().max() > 1
    climatology = operator.apply(rain.climatology(TIMES).astype(float))
    assert A.innovate(climatology)[wet].abs().max() < 1e-5


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


DERIVED_CASES = [
    ("10m_wind_speed", np.nan),
    ("wind_speed", 700.0),
    ("layer_thickness", 500.0),
    ("total_column_water_vapour", np.nan),
    ("brightness_temperature", 600.0),
]


@pytest.fixture
def sky(transform: Transform) -> Transform:
    """A state that all derived variables follow from."""
    state = channels(
        ["10m_u_component_of_wind", "10m_v_component_of_wind"],
        ["geopotential", "temperature", "specific_humidity", "u_component_of_wind",
         "v_component_of_wind"],
        [500, 850],
    )  # fmt: skip
    rng = np.random.default_rng(0)
    centre = np.array([2.0, -1, 55_000, 14_000, 250, 280, 1e-3, 8e-3, 10, 5, 1, 2])
    coefficients = centre[None, :, None, None] + 0 * rng.normal(size=(1, 12, 8, 16))
    scale = np.array([3.0, 3, 900, 700, 5, 5, 5e-4, 2e-3, 8, 6, 8, 6])
    variance = np.ones((1, 12, 8))
    return dataclasses.replace(
        transform, channels=state, coefficients=coefficients, scale=scale, variance=variance
    )


@pytest.fixture
def wide() -> Autoencoder:
    """Decodes twelve channels."""
    torch.manual_seed(0)
    model = Autoencoder(12, 8, 16, 8, 2, 8, 1, bound=1e4)
    model.start_from(torch.linalg.qr(torch.randn(48, 48))[0][:, :8], torch.linspace(2, 1, 8))
    return model.requires_grad_(False)


@pytest.fixture(params=DERIVED_CASES, ids=lambda case: case[0])
def derived(
    request: pytest.FixtureRequest, table: pd.DataFrame, sky: Transform, wide: Autoencoder
) -> tuple[ForwardOperator, ObservationOperator]:
    name, level = request.param
    rows = table.assign(variable=name, level=level)
    place = {"latitude": sky.latitude, "longitude": sky.longitude}
    operator = ObservationOperator.build(rows, times=TIMES, channels=sky.channels, **place)
    centre, scale = sky.centre(TIMES), sky.scale_at(TIMES)
    settings = (centre, scale, epsilons(sky.channels), Whitening(rows.assign(error=1.0)))
    return ForwardOperator(wide, operator, *settings), operator


def test_derived_variables_are_the_same_of_arrays_and_of_tensors(
    derived: tuple, sky: Transform, wide: Autoencoder
) -> None:
    A, operator = derived
    z = torch.randn(2, 3, 8, 4, 8)
    decoded = torch.stack([wide.decode(window) for window in z]).numpy()
    seen = operator.apply(sky.inverse(decoded.astype("float64"), TIMES))
    innovation = torch.stack([A.innovate(row) for row in seen])
    size = innovation.abs().max().item()
    torch.testing.assert_close(A(z), innovation, atol=1e-3 * size, rtol=1e-3)
    climatology = sky.climatology(TIMES).astype(float)
    assert A.innovate(operator.apply(climatology)).abs().max() < 1e-5 * size


def test_their_derivatives_have_adjoints_and_pass_the_taylor_test(derived: tuple) -> None:
    """The remainder falls with the square of the step, or is rounding where they are linear."""
    A, operator = derived[0].double(), derived[1]
    z, u = torch.randn(2, 1, 3, 8, 4, 8, generator=torch.Generator().manual_seed(1)).double()
    v = torch.randn(1, 9).double()
    y, push = torch.func.jvp(A, (z,), (u,))
    (pull,) = torch.func.vjp(A, z)[1](v)
    torch.testing.assert_close((push * v).sum(), (u * pull).sum(), rtol=1e-8, atol=0)
    left = [(A(z + h * u) - y - h * push).norm().item() for h in (1e-2, 1e-3)]
    linear = (operator.second < 0).all()
    assert left[1] < (1e-9 * push.norm() if left[0] < 1e-9 * push.norm() else 0.02 * left[0])
    assert linear or left[0] > 1e-6 * push.norm()
