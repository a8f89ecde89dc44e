"""A polar orbit against what is known of polar orbits."""

import numpy as np
import pytest

from sgp4.propagation import gstime

from galerne.catalogue import MEAN_RADIUS
from galerne.observe.orbit import Orbit, sidereal_angle

ORBIT = Orbit(830.0, 98.7, 20.0, 50.0)
START = np.datetime64("2004-01-14", "ns")


def below(seconds, orbit=ORBIT) -> tuple[np.ndarray, np.ndarray]:
    times = START + (np.asarray(seconds) * 1e9).astype("timedelta64[ns]")
    lat, lon = orbit.footprints(times, width=1.0, across=1)
    return lat[:, 0], lon[:, 0]


def angle(lat_a, lon_a, lat_b, lon_b) -> np.ndarray:
    """Angle between places on a sphere [rad], by the haversine formula."""
    a, b, c, d = map(np.radians, (lat_a, lon_a, lat_b, lon_b))
    half = np.sin((c - a) / 2) ** 2 + np.cos(a) * np.cos(c) * np.sin((d - b) / 2) ** 2
    return 2 * np.arcsin(np.sqrt(half))


def test_sidereal_time_is_that_of_the_library() -> None:
    days = np.array([2_433_282.5, 2_451_545.0, 2_453_018.75, 2_461_041.123])
    np.testing.assert_allclose(sidereal_angle(days), [gstime(day) for day in days])


def test_the_period_follows_from_the_altitude() -> None:
    # A polar weather satellite at 830 km takes 101.5 minutes.
    assert ORBIT.period / 60 == pytest.approx(101.5, abs=0.1)
    lat, _ = below(np.arange(0, 10 * ORBIT.period, 5.0))
    rising = np.flatnonzero((lat[:-1] < 0) & (lat[1:] >= 0))
    assert np.mean(np.diff(rising)) * 5 == pytest.approx(ORBIT.period, rel=3e-3)


def test_the_track_reaches_as_far_as_the_inclination_lets_it() -> None:
    lat, _ = below(np.arange(0, ORBIT.period, 2.0))
    assert lat.max() == pytest.approx(180 - 98.7, abs=0.2)
    assert lat.min() == pytest.approx(98.7 - 180, abs=0.2)


def test_the_earth_turns_below_the_orbit() -> None:
    seconds = np.arange(0, 3 * ORBIT.period, 1.0)
    lat, lon = below(seconds)
    rising = np.flatnonzero((lat[:-1] < 0) & (lat[1:] >= 0))
    westward = -np.diff(lon[rising]) % 360
    # 15.04 degrees an hour, less the precession of a sun-synchronous plane: 15 in all.
    expected = 15.0 * np.diff(seconds[rising]) / 3600
    np.testing.assert_allclose(westward, expected, atol=0.1)


def test_a_scan_line_spans_its_width_square_to_the_track() -> None:
    times = START + np.arange(0, 6000, 100) * np.timedelta64(1, "s")
    lat, lon = ORBIT.footprints(times, width=2000.0, across=4)
    middle = below(np.arange(0, 6000, 100.0))
    apart = angle(lat[:, :-1], lon[:, :-1], lat[:, 1:], lon[:, 1:]) * MEAN_RADIUS
    np.testing.assert_allclose(apart, 500.0, rtol=1e-6)
    off = angle(lat[:, 0], lon[:, 0], *middle) * MEAN_RADIUS
    np.testing.assert_allclose(off, 750.0, rtol=1e-6)
    later = below(np.arange(0, 6000, 100.0) + 1)
    left, right = (angle(lat[:, k], lon[:, k], *later) for k in (0, 3))
    np.testing.assert_allclose(left, right, rtol=1e-3)


def test_an_orbit_below_ground_is_refused() -> None:
    with pytest.raises(ValueError, match="SGP4 cannot propagate"):
        below([0.0, 60.0], Orbit(-500.0, 98.7, 0.0, 0.0))
