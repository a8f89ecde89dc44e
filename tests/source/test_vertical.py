"""Tests of the way from sigma levels to pressure levels, on profiles known in closed form."""

import numpy as np
import pytest

from galerne.source.vertical import (
    GAS_CONSTANT,
    GRAVITY,
    LAPSE_RATE,
    sea_level_pressure,
    to_pressure_levels,
)

SIGMA = np.array([0.025, 0.095, 0.2, 0.34, 0.51, 0.685, 0.835, 0.95])
SURFACE = np.array([[101_325.0, 98_000.0, 70_000.0]], dtype="float32")


def profile(temperature_of_log, geopotential_of_log) -> dict[str, np.ndarray]:
    """Fields on sigma levels from functions of ln p, with p in Pa."""
    logs = np.log(SIGMA)[:, None, None] + np.log(SURFACE.astype("float64"))
    return {
        "temperature": temperature_of_log(logs).astype("float32"),
        "geopotential": geopotential_of_log(logs).astype("float32"),
    }


def test_temperature_linear_in_log_pressure_keeps_its_exact_geopotential() -> None:
    a, b = 120.0, 13.0  # T = a + b ln p, so Phi = -R (a ln p + b (ln p)^2 / 2) + c
    fields = profile(
        lambda x: a + b * x, lambda x: 3.5e5 - GAS_CONSTANT * (a * x + b * x**2 / 2) + 1.9e5
    )
    pressure = np.array([30_000.0, 45_000.0, 60_000.0])
    found = to_pressure_levels(fields, SIGMA, SURFACE, pressure)
    logs = np.log(pressure)[:, None, None] + np.zeros_like(SURFACE)
    exact = 5.4e5 - GAS_CONSTANT * (a * logs + b * logs**2 / 2)
    assert np.allclose(found["temperature"], a + b * logs, atol=1e-3)
    assert np.allclose(found["geopotential"], exact, atol=0.5)


def test_above_the_top_the_air_is_isothermal() -> None:
    fields = profile(lambda x: 220 + 0 * x, lambda x: 4e5 - GAS_CONSTANT * 220 * x)
    found = to_pressure_levels(fields, SIGMA, SURFACE, np.array([1000.0]))
    assert np.allclose(found["temperature"], 220)
    assert np.allclose(found["geopotential"], 4e5 - GAS_CONSTANT * 220 * np.log(1000), atol=1)


def test_below_the_ground_a_standard_atmosphere_continues() -> None:
    exponent = GAS_CONSTANT * LAPSE_RATE / GRAVITY

    def standard(x) -> np.ndarray:
        return 288.15 * np.exp(exponent * (x - np.log(101_325)))

    def height(x) -> np.ndarray:
        return (288.15 - standard(x)) * GRAVITY / LAPSE_RATE

    fields = profile(standard, height)
    found = to_pressure_levels(fields, SIGMA, SURFACE, np.array([101_325.0]))
    assert np.allclose(found["temperature"], 288.15, atol=2e-3)
    assert np.allclose(found["geopotential"], 0, atol=5)


def test_wind_keeps_the_lowest_value_below_and_the_highest_above() -> None:
    fields = profile(lambda x: 250 + 0 * x, lambda x: 0 * x)
    fields["u_component_of_wind"] = (
        np.linspace(30, 5, 8, dtype="float32")[:, None, None] + 0 * (fields["temperature"])
    )
    found = to_pressure_levels(fields, SIGMA, SURFACE, np.array([500.0, 103_000.0]))
    assert np.allclose(found["u_component_of_wind"], np.array([30, 5])[:, None, None])


def test_levels_do_not_depend_on_which_others_are_asked_for() -> None:
    rng = np.random.default_rng(0)
    fields = {
        name: rng.normal(250, 10, (8, 4, 3)).astype("float32")
        for name in ("temperature", "geopotential")
    }
    surface = rng.uniform(7e4, 1.03e5, (4, 3)).astype("float32")
    both = to_pressure_levels(fields, SIGMA, surface, np.array([50_000.0, 85_000.0]))
    one = to_pressure_levels(fields, SIGMA, surface, np.array([85_000.0]))
    assert np.array_equal(both["geopotential"][1:], one["geopotential"])


@pytest.mark.parametrize("height", [0.0, 500.0, 3000.0])
def test_sea_level_pressure_of_a_standard_atmosphere_is_its_own(height) -> None:
    below = 288.15 - LAPSE_RATE * height
    pressure = 101_325 * (below / 288.15) ** (GRAVITY / (GAS_CONSTANT * LAPSE_RATE))
    lowest = height + 400  # of the lowest model level [m]
    found = sea_level_pressure(
        np.array([[pressure]], "float32"),
        np.array([[288.15 - LAPSE_RATE * lowest]], "float32"),
        np.array([[GRAVITY * lowest]], "float32"),
        np.array([[GRAVITY * height]], "float32"),
    )
    assert found == pytest.approx(101_325, rel=2e-6)
