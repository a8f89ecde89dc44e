"""Scores against values worked out by hand and against calibrated ensembles."""

import numpy as np
import pytest

from scipy.stats import norm

from galerne.evaluate.scores import field_statistics, metrics, point_statistics
from galerne.grid.areas import cell_areas

LATITUDE = np.array([67.5, 22.5, -22.5, -67.5])


def points(members, truth, errors=None, crps="fair", seed=0) -> dict[str, float]:
    errors = np.zeros(len(truth)) if errors is None else errors
    noise = errors * np.random.default_rng(seed).normal(size=members.shape)
    return point_statistics(members, truth, errors, noise, crps=crps)


@pytest.mark.parametrize(("crps", "expected"), [("fair", 0.0), ("ecdf", 0.5)])
def test_two_members_by_hand(crps, expected) -> None:
    # |0 - 0.5| and |2 - 0.5| have the mean 1; half the mean distance of two draws is 1
    # between distinct members, and 0.5 where a member may be drawn twice.
    found = points(np.array([[0.0], [2.0]]), np.array([0.5]), crps=crps)
    expected = {"squared_error": 0.25, "error": 0.5, "variance": 2.0, "crps": expected}
    assert found == pytest.approx(expected | {"error_variance": 0.0})


def test_the_crps_of_a_gaussian_ensemble_is_its_integral() -> None:
    rng = np.random.default_rng(0)
    y = np.array([0.7])
    found = points(2 * rng.normal(size=(40_000, 1)), y)["crps"]
    z = y[0] / 2
    closed = 2 * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    assert found == pytest.approx(closed, abs=0.02)


def test_the_fair_crps_does_not_depend_on_the_size_of_the_ensemble() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(size=60_000)
    few, many = (points(rng.normal(size=(m, 60_000)), truth)["crps"] for m in (2, 16))
    assert few == pytest.approx(1 / np.sqrt(np.pi), abs=0.01)
    assert many == pytest.approx(1 / np.sqrt(np.pi), abs=0.01)
    assert points(rng.normal(size=(2, 60_000)), truth, crps="ecdf")["crps"] > few + 0.1


@pytest.mark.parametrize("count", [2, 3, 8])
def test_a_calibrated_ensemble_has_the_ratio_one_whatever_its_size(count) -> None:
    rng = np.random.default_rng(2)
    centre = 5 * rng.normal(size=40_000)
    members = centre + 1.5 * rng.normal(size=(count, 40_000))
    found = metrics(points(members, centre + 1.5 * rng.normal(size=40_000)), count)
    assert found["ssr"] == pytest.approx(1, abs=0.02)
    assert found["spread"] == pytest.approx(1.5, abs=0.02)
    assert found["rmse"] == pytest.approx(1.5 * np.sqrt(1 + 1 / count), abs=0.03)


def test_the_error_of_observations_is_accounted_for() -> None:
    rng = np.random.default_rng(3)
    count, errors = 4, rng.choice([0.5, 2.0], 40_000)
    members = rng.normal(size=(count, 40_000))
    truth = rng.normal(size=40_000)
    seen = truth + errors * rng.normal(size=40_000)
    found = points(members, seen, errors)
    scores = metrics(found, count)
    assert scores["ssr"] == pytest.approx(1, abs=0.02)
    assert scores["rmse"] == pytest.approx(np.sqrt(1.25), abs=0.04)
    # A calibrated Gaussian of variance s has the expected CRPS sqrt(s / pi).
    expected = np.mean(np.sqrt((1 + errors**2) / np.pi))
    assert scores["crps"] == pytest.approx(expected, abs=0.02)


def test_an_error_below_that_of_the_observations_is_zero_not_nan() -> None:
    small = dict(squared_error=1.0, error=0.0, variance=1.0, crps=0.1, error_variance=2.0)
    assert metrics(small, 4)["rmse"] == 0.0


def test_one_member_has_its_absolute_error_and_no_spread() -> None:
    errors = np.array([1.0, 1.0])
    found = points(np.array([[1.0, 2.0]]), np.array([0.0, 4.0]), errors)
    assert found["crps"] == 1.5
    assert metrics(found, 1) == pytest.approx({"rmse": np.sqrt(1.5), "bias": -0.5, "crps": 1.5})


def test_a_perfect_ensemble_without_spread_has_no_ratio() -> None:
    found = metrics(points(np.zeros((3, 5)), np.zeros(5)), 3)
    assert np.isnan(found["ssr"])
    assert found["rmse"] == found["spread"] == 0


def test_cells_count_by_their_area() -> None:
    members = np.zeros((2, 2, 4, 6), "float32")
    members[0, 1, 0] = 2.0
    members[1, 1, 0] = 4.0
    found = field_statistics(members, np.zeros((2, 4, 6), "float32"), LATITUDE, crps="fair")
    share = (1 - np.sin(np.radians(45))) / 2
    assert share == pytest.approx(cell_areas(LATITUDE)[0])
    np.testing.assert_allclose(found["squared_error"], [0, 9 * share])
    np.testing.assert_allclose(found["error"], [0, 3 * share])
    np.testing.assert_allclose(found["variance"], [0, 2 * share])
    np.testing.assert_allclose(found["crps"], [0, 2 * share])
    np.testing.assert_allclose(found["error_variance"], 0)


def test_the_order_of_members_does_not_matter() -> None:
    rng = np.random.default_rng(4)
    members, truth = rng.normal(size=(5, 2, 4, 6)), rng.normal(size=(2, 4, 6))
    one = field_statistics(members, truth, LATITUDE, crps="fair")
    other = field_statistics(members[::-1], truth, LATITUDE, crps="fair")
    for name, values in one.items():
        np.testing.assert_allclose(values, other[name])
