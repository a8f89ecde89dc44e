"""Regions cover the sphere, distances are great circles, and crowds of sites count as one."""

import numpy as np
import pytest

from galerne.evaluate.regions import density_weights, distance_regions, fixed_regions
from galerne.grid.areas import cell_areas
from galerne.grid.latlon import equiangular

LATITUDE, LONGITUDE = equiangular(32, 64, poles=False)


def test_bands_cover_the_sphere_once() -> None:
    found = fixed_regions(LATITUDE, LONGITUDE)
    share = dict(zip(found.names, found.shares, strict=True))
    assert share["globe"] == pytest.approx(1)
    assert sum(share.values()) == pytest.approx(2)
    # The rows nearest to 20 degrees lie at 19.7 and end at 22.5 degrees.
    assert share["tropics"] == pytest.approx(np.sin(np.deg2rad(22.5)))
    np.testing.assert_allclose(found.weights.sum(axis=1), 1)


def test_cells_count_by_their_area() -> None:
    found = fixed_regions(LATITUDE, LONGITUDE)
    rows = found.weights[0].reshape(32, 64).sum(axis=1)
    np.testing.assert_allclose(rows, cell_areas(LATITUDE))


def test_land_and_sea_part_the_globe_and_a_world_without_land_has_none() -> None:
    land = np.zeros((32, 64))
    assert "land" not in fixed_regions(LATITUDE, LONGITUDE, land).names
    land[:16] = 0.5
    found = fixed_regions(LATITUDE, LONGITUDE, land)
    assert found.names[-2:] == ("land", "sea")
    np.testing.assert_allclose(found.shares[-2:], 0.5)


def test_the_cap_around_one_site_has_the_area_of_a_cap() -> None:
    latitude, longitude = equiangular(180, 360, poles=False)
    found = distance_regions(latitude, longitude, np.array([[35.0, 357.0]]), [1500.0, 4000.0])
    assert found.names == (
        "distance_below_1500_km",
        "distance_1500_to_4000_km",
        "distance_from_4000_km",
    )
    within = [(1 - np.cos(km / 6371)) / 2 for km in (1500, 4000)]
    expected = [within[0], within[1] - within[0], 1 - within[1]]
    np.testing.assert_allclose(found.shares, expected, atol=2e-3)


def test_without_sites_there_are_no_classes() -> None:
    found = fixed_regions(LATITUDE, LONGITUDE)
    nothing = distance_regions(LATITUDE, LONGITUDE, np.zeros((0, 2)), [500.0])
    assert found.joined(nothing).names == found.names


def test_a_crowd_of_stations_counts_as_one_and_the_kernel_ends() -> None:
    # Five at one place, and two that stand one width apart; all far from each other.
    lat = np.array([10.0] * 5 + [50.0, 51.0])
    lon = np.array([20.0] * 5 + [200.0, 200.0])
    near = 1 / (1 + np.exp(-1))
    expected = np.array([0.2] * 5 + [near] * 2)
    np.testing.assert_allclose(density_weights(lat, lon, 1.0), expected / expected.sum())
    np.testing.assert_allclose(density_weights(lat[-2:], lon[-2:], 0.2), 0.5)
