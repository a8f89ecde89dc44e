"""Measures of fields by hand."""

import numpy as np
import pytest

from galerne.audit.measures import measure_fields
from galerne.catalogue import VARIABLES
from galerne.grid.areas import cell_areas

LATITUDE, LONGITUDE = np.linspace(90, -90, 13), np.arange(24) * 15.0
AREAS = cell_areas(LATITUDE)
TEMPERATURE = VARIABLES["2m_temperature"]


def measured(x: np.ndarray) -> dict[str, np.ndarray]:
    return measure_fields(x.astype("float32"), TEMPERATURE, LATITUDE, LONGITUDE, AREAS)


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(0).normal(280, 9, (4, 13, 24)).astype("float32")


def test_moments_are_area_weighted_and_skip_what_is_missing(x) -> None:
    x[2, 3:6, 4:9] = np.nan
    found = measured(x)
    weights = np.broadcast_to(AREAS[:, None], x.shape[1:])
    for k in range(4):
        good = np.isfinite(x[k])
        mean = np.average(x[k][good].astype(float), weights=weights[good])
        square = np.average((x[k][good] - mean) ** 2, weights=weights[good])
        assert found["mean"][k] == pytest.approx(mean, rel=1e-9)
        assert found["variance"][k] == pytest.approx(square, rel=1e-5)
    assert found["bad"].tolist() == [0, 0, 15, 0]
    assert (found["bad_latitude"][2], found["bad_longitude"][2]) == (45, 60)


def test_extremes_are_named_with_their_place_and_infinities_are_missing(x) -> None:
    x[1, 2, 3], x[1, 4, 5], x[1, 6, 7] = 100, 400, np.inf
    found = measured(x)
    assert (found["low"][1], found["high"][1], found["bad"][1]) == (1, 2, 1)
    assert (found["minimum"][1], found["minimum_latitude"][1]) == (100, 60)
    assert (found["maximum"][1], found["maximum_longitude"][1]) == (400, 75)


def test_a_field_without_values_has_no_moments(x) -> None:
    x[0] = np.nan
    found = measured(x)
    assert found["bad"][0] == found["size"][0] == 13 * 24
    assert np.isnan(found["mean"][0])


def test_masks_are_told_apart_by_place_not_by_size(x) -> None:
    x[0, 1, 1] = x[1, 1, 1] = x[2, 1, 2] = np.nan
    mask = measured(x)["mask"]
    assert mask[0] == mask[1] != mask[2]
    assert mask[3] == 0


def test_roughness_is_that_of_a_cosine_and_of_noise() -> None:
    wave = np.broadcast_to(np.cos(2 * np.deg2rad(LONGITUDE)), (1, 13, 24))
    expected = 1 - np.cos(2 * np.deg2rad(15))
    assert measured(wave)["roughness"] == pytest.approx(expected, rel=1e-5)
    noise = np.random.default_rng(1).normal(size=(50, 13, 24))
    assert measured(noise)["roughness"].mean() == pytest.approx(24 / 23, abs=0.05)


def test_pole_spread_is_the_larger_of_both_rows_and_nan_without_one(x) -> None:
    x[:, 0], x[:, -1] = 250, 240
    x[1, -1, 5] = 244
    assert measured(x)["pole_spread"].tolist() == [0, 4, 0, 0]
    rows = slice(1, -1)
    areas = cell_areas(LATITUDE[rows])
    found = measure_fields(x[:, rows], TEMPERATURE, LATITUDE[rows], LONGITUDE, areas)
    assert np.isnan(found["pole_spread"]).all()


def test_contrast_is_south_less_north() -> None:
    x = np.broadcast_to(LATITUDE[:, None], (1, 13, 24))
    assert measured(x)["contrast"].tolist() == [-120]
