"""Observations gathered field by field are those of the operator on whole trajectories."""

import numpy as np
import pandas as pd
import pytest

from galerne.catalogue import channels
from galerne.evaluate.observed import Sightings
from galerne.observe.operator import ObservationOperator

CHANNELS = channels(
    ["10m_u_component_of_wind", "10m_v_component_of_wind"], ["geopotential"], [500, 850]
)
TIMES = np.datetime64("2001-01-01", "ns") + np.arange(3) * np.timedelta64(6, "h")
LATITUDE, LONGITUDE = 90 - (np.arange(8) + 0.5) * 22.5, np.arange(16) * 22.5


@pytest.fixture
def operator() -> ObservationOperator:
    rng = np.random.default_rng(0)
    variables = ["10m_u_component_of_wind", "10m_wind_speed", "geopotential", "layer_thickness"]
    levels = {"geopotential": 600.0, "layer_thickness": 500.0}
    table = pd.DataFrame(
        [
            {
                "time": TIMES[0] + np.timedelta64(int(rng.integers(0, 720)), "m"),
                "lat": rng.uniform(-89, 89),
                "lon": rng.uniform(0, 360),
                "level": levels.get(name, np.nan),
                "variable": name,
            }
            for name in variables * 10
        ]
    )
    return ObservationOperator.build(
        table, times=TIMES, channels=CHANNELS, latitude=LATITUDE, longitude=LONGITUDE
    )


def test_fields_in_any_order_add_up_to_what_the_operator_sees(operator) -> None:
    rng = np.random.default_rng(1)
    trajectories = rng.normal(size=(5, 3, 4, 8, 16))
    sightings = Sightings(operator, 5)
    for place in rng.permutation(12):
        time, channel = divmod(int(place), 4)
        sightings.add(time, channel, trajectories[:, time, channel].reshape(5, -1))
    np.testing.assert_allclose(sightings.values(), operator.apply(trajectories), rtol=1e-10)


def test_nothing_observed_is_nothing_seen() -> None:
    none = pd.DataFrame(columns=["time", "lat", "lon", "level", "variable"]).astype(
        {"time": "datetime64[ns]", "lat": float, "lon": float, "level": float}
    )
    operator = ObservationOperator.build(
        none, times=TIMES, channels=CHANNELS, latitude=LATITUDE, longitude=LONGITUDE
    )
    sightings = Sightings(operator, 2)
    sightings.add(0, 0, np.zeros((2, 128)))
    assert sightings.values().shape == (2, 0)
