"""Interpolation to observations against fields whose values are known everywhere."""

import numpy as np
import pandas as pd
import pytest

from galerne.catalogue import channels
from galerne.observe.operator import Interpolation, check_observed

LATITUDE = 90 - (np.arange(8) + 0.5) * 22.5
LONGITUDE = np.arange(16) * 22.5
TIMES = np.datetime64("2001-01-01", "ns") + np.arange(3) * np.timedelta64(6, "h")
CHANNELS = channels(["2m_temperature"], ["temperature", "u_component_of_wind"], [850, 500])
SHAPE = (3, 5, 8, 16)


def table(lat, lon, hours=0.0, level=np.nan, variable="2m_temperature") -> pd.DataFrame:
    lat, lon, hours, level = np.broadcast_arrays(lat, lon, hours, level)
    return pd.DataFrame(
        {
            "time": TIMES[0] + (np.ravel(hours) * 3600e9).astype("timedelta64[ns]"),
            "lat": np.ravel(lat).astype(float),
            "lon": np.ravel(lon).astype(float),
            "level": np.ravel(level).astype(float),
            "variable": variable,
        }
    )


def build(observations, latitude=LATITUDE, longitude=LONGITUDE) -> Interpolation:
    return Interpolation.build(
        observations, times=TIMES, channels=CHANNELS, latitude=latitude, longitude=longitude
    )


def scattered(count, seed=0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    name = rng.choice(["2m_temperature", "temperature", "u_component_of_wind"], count)
    level = np.where(name == "2m_temperature", np.nan, rng.uniform(500, 850, count))
    lat, lon = np.degrees(np.arcsin(rng.uniform(-1, 1, count))), rng.uniform(0, 360, count)
    return table(lat, lon, rng.uniform(0, 12, count), level, name)


def test_fields_linear_in_every_coordinate_are_met_exactly() -> None:
    rng = np.random.default_rng(1)
    hours = np.arange(3)[:, None, None, None] * 6.0
    logs = np.log([1.0, 850, 500, 850, 500])[None, :, None, None]
    lat, lon = LATITUDE[None, None, :, None], LONGITUDE[None, None, None, :]

    def linear(hours, logs, lat, lon) -> np.ndarray:
        return 3 + 0.5 * hours + 2 * logs + 0.1 * lat - 0.02 * lon

    seen = table(
        rng.uniform(LATITUDE[-1], LATITUDE[0], 50),
        rng.uniform(0, LONGITUDE[-1], 50),
        rng.uniform(0, 12, 50),
        rng.uniform(500, 850, 50),
        "temperature",
    )
    elapsed = (seen["time"] - TIMES[0]) / np.timedelta64(1, "h")
    expected = linear(elapsed, np.log(seen["level"]), seen["lat"], seen["lon"])
    got = build(seen).apply(linear(hours, logs, lat, lon))
    np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_nodes_of_the_grid_are_read_as_they_are() -> None:
    x = np.random.default_rng(2).normal(size=SHAPE)
    seen = table(LATITUDE[[0, 3, 7]], LONGITUDE[[0, 5, 15]], 6, 500, "temperature")
    operator = build(seen)
    assert operator.weights.shape == (3, 1)
    np.testing.assert_array_equal(operator.apply(x), x[1, 2, [0, 3, 7], [0, 5, 15]])


def test_longitude_is_periodic() -> None:
    x = np.random.default_rng(3).normal(size=SHAPE)
    between = build(table(LATITUDE[2], 360 - 22.5 / 4)).apply(x)
    expected = 0.25 * x[0, 0, 2, 15] + 0.75 * x[0, 0, 2, 0]
    np.testing.assert_allclose(between, [expected])
    np.testing.assert_allclose(build(table(LATITUDE[2], -22.5 / 4)).apply(x), [expected])


@pytest.mark.parametrize(("pole", "row"), [(90.0, 0), (-90.0, -1)])
def test_a_scalar_at_the_pole_is_the_same_from_every_side(pole, row) -> None:
    x = np.zeros(SHAPE)
    x[..., row, :] = np.cos(np.radians(LONGITUDE)) + 7
    np.testing.assert_allclose(build(table(pole, [10.0, 100.0, 190.0])).apply(x), 7)


@pytest.mark.parametrize(("pole", "row"), [(90.0, 0), (-90.0, -1)])
def test_a_uniform_flow_over_the_pole_is_continued_with_its_sign(pole, row) -> None:
    # The same vector everywhere near the pole has the eastward component cos(lon).
    x = np.zeros(SHAPE)
    x[..., row, :] = np.cos(np.radians(LONGITUDE))
    lon = LONGITUDE[[0, 2, 8]]
    seen = build(table(pole, lon, level=850, variable="u_component_of_wind")).apply(x)
    np.testing.assert_allclose(seen, np.cos(np.radians(lon)), atol=1e-12)


def test_rows_on_the_poles_are_the_ends_of_the_meridian() -> None:
    latitude = np.linspace(90, -90, 9)
    x = np.random.default_rng(4).normal(size=(3, 5, 9, 16))
    seen = build(table([90.0, -90.0, 88.0], 22.5), latitude=latitude).apply(x)
    share = 2 / 22.5
    expected = [x[0, 0, 0, 1], x[0, 0, 8, 1], (1 - share) * x[0, 0, 0, 1] + share * x[0, 0, 1, 1]]
    np.testing.assert_allclose(seen, expected)


def test_constants_are_preserved() -> None:
    seen = scattered(200)
    seen = seen[(seen["variable"] != "u_component_of_wind") | (seen["lat"].abs() < 75)]
    np.testing.assert_allclose(build(seen).apply(np.full(SHAPE, 5.0)), 5.0)


def test_adjoint_is_the_transpose() -> None:
    operator = build(scattered(100))
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(2, *SHAPE)), rng.normal(size=(2, 100))
    left = np.sum(operator.apply(x) * y, axis=1)
    right = np.sum(x * operator.adjoint(y), axis=(1, 2, 3, 4))
    np.testing.assert_allclose(left, right)


def test_members_are_interpolated_one_by_one_and_rows_selected() -> None:
    operator, x = build(scattered(20)), np.random.default_rng(6).normal(size=(2, 3, *SHAPE))
    seen = operator.apply(x.astype("float32"))
    assert seen.shape == (2, 3, 20)
    np.testing.assert_allclose(seen[1, 2], operator.apply(x[1, 2]), rtol=1e-5, atol=1e-6)
    chosen = np.arange(20) % 3 == 0
    np.testing.assert_array_equal(operator.select(chosen).apply(x), operator.apply(x)[..., chosen])


def test_no_observation_is_an_empty_answer() -> None:
    assert build(scattered(5).iloc[:0]).apply(np.ones((4, *SHAPE))).shape == (4, 0)


@pytest.mark.parametrize(
    ("observations", "message"),
    [
        (table(0, 0, 12.5), "outside the window"),
        (table(0, 0, -0.1), "outside the window"),
        (table(0, 0, 0, 400, "temperature"), "400 hPa lies outside the levels"),
        (table(0, 0, 0, 850, "geopotential"), "'geopotential' is not in the states"),
        (table(0, 0, 0, 850), "has no levels"),
        (table(0, 0, 0, np.nan, "temperature"), "needs a level"),
        (table(91, 0), "outside \\[-90, 90\\]"),
    ],
)
def test_what_cannot_be_seen_is_refused(observations, message) -> None:
    with pytest.raises(ValueError, match=message):
        build(observations)


def test_other_grids_and_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="north to south"):
        build(table(0, 0), latitude=LATITUDE[::-1])
    with pytest.raises(ValueError, match="evenly spaced"):
        build(table(0, 0), longitude=LONGITUDE**1.01)
    with pytest.raises(ValueError, match="the operator is for"):
        build(table(0, 0)).apply(np.ones((2, 5, 8, 16)))


@pytest.mark.parametrize(
    ("observations", "message"),
    [
        (table(0, 0, hours=13), "lies outside the window"),
        (table(0, 0, hours=-0.1), "lies outside the window"),
        (table(0, 0, level=300, variable="temperature"), "300 hPa lies outside the levels"),
        (table(0, 0, level=500), "'2m_temperature' has no levels"),
        (table(0, 0, variable="temperature"), "'temperature' needs a level"),
        (table(0, 0, variable="geopotential"), "'geopotential' is not in the states; found: 2m_"),
    ],
)
def test_what_a_window_does_not_hold_is_refused_with_its_file(observations, message) -> None:
    check_observed(table(0, 0, hours=12), TIMES, CHANNELS, "mine.parquet")
    with pytest.raises(ValueError, match=f"mine.parquet: .*{message}"):
        check_observed(observations, TIMES, CHANNELS, "mine.parquet")
