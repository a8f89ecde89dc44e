"""Derived variables against closed forms, and their sums against each other."""

import numpy as np
import pandas as pd
import pytest

from galerne.catalogue import DERIVED, channels
from galerne.observe.derived import CALM, GRAVITY, expand, speed
from galerne.observe.operator import Interpolation, ObservationOperator, check_observed

LATITUDE = 90 - (np.arange(8) + 0.5) * 22.5
LONGITUDE = np.arange(16) * 22.5
TIMES = np.datetime64("2001-01-01", "ns") + np.arange(3) * np.timedelta64(6, "h")
LEVELS = [100, 300, 500, 850, 1000]
SURFACE = ["10m_u_component_of_wind", "10m_v_component_of_wind", "2m_temperature"]
ALOFT = [
    "geopotential", "temperature", "specific_humidity", "u_component_of_wind",
    "v_component_of_wind",
]  # fmt: skip
CHANNELS = channels(SURFACE, ALOFT, LEVELS)
SHAPE = (3, len(CHANNELS), 8, 16)
GRID = {"times": TIMES, "latitude": LATITUDE, "longitude": LONGITUDE}
CASES = [
    ("10m_wind_speed", np.nan),
    ("wind_speed", 400.0),
    ("layer_thickness", 500.0),
    ("total_column_water_vapour", np.nan),
    ("brightness_temperature", 450.0),
]


def table(*cases: tuple[str, float], count: int = 6) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    rows = [
        {
            "time": TIMES[0] + np.timedelta64(int(rng.integers(0, 43_200)), "s"),
            "lat": float(np.degrees(np.arcsin(rng.uniform(-1, 1)))),
            "lon": float(rng.uniform(0, 360)),
            "level": level,
            "variable": name,
        }
        for _ in range(count)
        for name, level in cases
    ]
    return pd.DataFrame(rows).astype({"time": "datetime64[ns]"})


def build(observations: pd.DataFrame, order: tuple = CHANNELS) -> ObservationOperator:
    return ObservationOperator.build(observations, channels=order, **GRID)


def atmosphere(**profiles: object) -> np.ndarray:
    """The same column everywhere; a profile is a function of pressure [hPa]."""
    x = np.zeros(SHAPE)
    for k, channel in enumerate(CHANNELS):
        if channel.variable in profiles:
            about = profiles[channel.variable]
            x[:, k] = about(channel.level) if callable(about) else about
    return x


def seen(name: str, level: float = np.nan, **profiles: object) -> np.ndarray:
    return build(table((name, level))).apply(atmosphere(**profiles))


def test_the_table_here_has_every_derived_variable() -> None:
    assert {name for name, _ in CASES} == set(DERIVED)


def test_the_speed_of_a_wind_is_its_length() -> None:
    """Away from the poles, where the grid's own directions turn."""
    rows = table(("wind_speed", 400.0)).assign(lat=10.0)
    winds = atmosphere(u_component_of_wind=3.0, v_component_of_wind=-4.0)
    np.testing.assert_allclose(build(rows).apply(winds), 5.0, atol=1e-4)
    np.testing.assert_allclose(build(rows).apply(0 * winds), CALM)
    winds = atmosphere(**{"10m_u_component_of_wind": 6.0, "10m_v_component_of_wind": 8.0})
    rows = table(("10m_wind_speed", np.nan)).assign(lat=10.0)
    np.testing.assert_allclose(build(rows).apply(winds), 10.0, atol=1e-4)


def test_thickness_is_hypsometric() -> None:
    """In an isothermal atmosphere it is R T / g ln(p' / p)."""
    found = seen("layer_thickness", 500.0, geopotential=lambda p: -287.05 * 250 * np.log(p))
    np.testing.assert_allclose(found, 287.05 * 250 / GRAVITY * np.log(850 / 500))


def test_column_water_is_the_integral_of_humidity() -> None:
    """Linear humidity, which trapezoids integrate exactly."""
    found = seen("total_column_water_vapour", specific_humidity=lambda p: 1e-5 * p)
    np.testing.assert_allclose(found, 1e-5 * (1000**2 - 100**2) / 2 * 100 / GRAVITY)


def test_brightness_temperature_is_a_mean_that_peaks_where_it_is_said_to() -> None:
    np.testing.assert_allclose(seen("brightness_temperature", 450.0, temperature=250.0), 250.0)
    response = [
        seen("brightness_temperature", 500.0, temperature=lambda p, at=at: float(p == at))[0]
        / np.gradient(np.log(LEVELS))[k]
        for k, at in enumerate(LEVELS)
    ]
    assert np.argmax(response[1:-1]) == 1  # 500 hPa, of those inside
    assert min(response) > 0


@pytest.mark.parametrize(("name", "level"), CASES[2:])
def test_linear_ones_have_an_adjoint(name: str, level: float) -> None:
    rng, operator = np.random.default_rng(2), build(table((name, level)))
    assert (operator.second < 0).all()
    x, y = rng.normal(size=SHAPE), rng.normal(size=6)
    sums = np.zeros(6)
    sums[operator.first] = y
    pulled = operator.sums.adjoint(sums)
    np.testing.assert_allclose(operator.apply(x) @ y, np.sum(x * pulled), rtol=1e-10)


def test_plain_observations_are_interpolated_to_the_same_bits() -> None:
    plain = table(("2m_temperature", np.nan), ("temperature", 420.0))
    mixed = table(*CASES, ("2m_temperature", np.nan), ("temperature", 420.0))
    x = np.random.default_rng(3).normal(250, 10, size=SHAPE)
    expected = Interpolation.build(plain, channels=CHANNELS, **GRID).apply(x)
    np.testing.assert_array_equal(build(plain).apply(x), expected)
    own = mixed["variable"].isin(["2m_temperature", "temperature"]).to_numpy()
    rest = Interpolation.build(mixed[own], channels=CHANNELS, **GRID)
    np.testing.assert_allclose(build(mixed).apply(x)[own], rest.apply(x), rtol=1e-14)


def test_a_variable_of_the_states_is_not_derived() -> None:
    order = channels([*SURFACE, "total_column_water_vapour"], ALOFT, LEVELS)
    rows = table(("total_column_water_vapour", np.nan))
    assert expand(rows, order).terms["variable"].eq("total_column_water_vapour").all()
    assert expand(rows, CHANNELS).terms["variable"].eq("specific_humidity").all()


def test_the_speed_is_smooth_at_calm() -> None:
    assert speed(1e-9, 0.0) == pytest.approx(CALM)
    assert (speed(1e-4, 0.0) - speed(-1e-4, 0.0)) == 0


@pytest.mark.parametrize(
    ("case", "order", "message"),
    [
        (("10m_wind_speed", np.nan), channels([], ALOFT, LEVELS), "have no '10m_u_component"),
        (("10m_wind_speed", 500.0), CHANNELS, "'10m_wind_speed' has no levels"),
        (("wind_speed", np.nan), CHANNELS, "'wind_speed' needs a level"),
        (("wind_speed", 50.0), CHANNELS, "50 hPa lies outside the levels"),
        (("layer_thickness", 1000.0), CHANNELS, "levels of the states but the lowest"),
        (("layer_thickness", 400.0), CHANNELS, "levels of the states but the lowest"),
        (("brightness_temperature", 500.0), channels([], ["temperature"], [500]), "two levels"),
    ],
)
def test_what_does_not_follow_is_refused(case: tuple, order: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(table(case), order)
    with pytest.raises(ValueError, match=f"mine.parquet: .*{message}"):
        check_observed(table(case), TIMES, order, "mine.parquet")
