"""Scores against values worked out by hand, calibrated ensembles, and the library `scores`."""

import numpy as np
import pytest
import xarray as xr

from scipy.stats import norm
from scores.probability import crps_for_ensemble, rank_histogram

from galerne.evaluate import scores as module
from galerne.evaluate.scores import (
    METRICS,
    STATISTICS,
    field_statistics,
    metrics,
    place_statistics,
    rank_shares,
)

UNIFORM = 1 / 40_000


def judge(members, truth, climatology=None, crps="fair", weights=None) -> dict[str, float]:
    """The statistics of one region of equal weights."""
    members, truth = np.asarray(members, float), np.asarray(truth, float)
    climatology = np.zeros_like(truth) if climatology is None else climatology
    weights = np.full((1, truth.size), 1 / truth.size) if weights is None else weights
    found = field_statistics(members, truth, climatology, weights, crps=crps)
    return {name: values[0] for name, values in found.values.items()} | {"brier": np.nan}


@pytest.mark.parametrize(("crps", "expected"), [("fair", 0.0), ("ecdf", 0.5)])
def test_two_members_by_hand(crps, expected) -> None:
    # |0 - 0.5| and |2 - 0.5| have the mean 1; half the mean distance of two draws is 1
    # between distinct members, and 0.5 where a member may be drawn twice.
    found = judge([[0.0], [2.0]], [0.5], climatology=np.array([2.0]), crps=crps)
    by_hand = {"squared_error": 0.25, "error": 0.5, "variance": 2.0, "crps": expected}
    # The mean is 1 below the climatology, the truth 1.5: anomalies of -1 and -1.5.
    by_hand |= {"covariance": 1.5, "mean_square": 1.0, "truth_square": 2.25}
    # Of a single place, the energy score is the CRPS.
    by_hand |= {"energy": expected, "error_variance": 0.0}
    assert {name: found[name] for name in by_hand} == pytest.approx(by_hand)


@pytest.mark.parametrize("crps", ["fair", "ecdf"])
@pytest.mark.parametrize("size", [2, 3, 9])
def test_the_crps_is_that_of_another_implementation(crps, size) -> None:
    rng = np.random.default_rng(size)
    members, truth = rng.normal(size=(size, 500)), rng.normal(size=500)
    other = crps_for_ensemble(
        xr.DataArray(members, dims=("number", "place")),
        xr.DataArray(truth, dims="place"),
        "number",
        method=crps,
    )
    assert judge(members, truth, crps=crps)["crps"] == pytest.approx(float(other), rel=1e-10)


def test_the_crps_of_a_gaussian_ensemble_is_its_integral() -> None:
    rng = np.random.default_rng(0)
    found = judge(2 * rng.normal(size=(2_000, 200)), np.full(200, 0.7))["crps"]
    z = 0.7 / 2
    closed = 2 * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    assert found == pytest.approx(closed, abs=0.02)


def test_the_fair_crps_does_not_depend_on_the_size_of_the_ensemble() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(size=60_000)
    few, many = (judge(rng.normal(size=(m, 60_000)), truth)["crps"] for m in (2, 16))
    assert few == pytest.approx(1 / np.sqrt(np.pi), abs=0.01)
    assert many == pytest.approx(1 / np.sqrt(np.pi), abs=0.01)
    assert judge(rng.normal(size=(2, 60_000)), truth, crps="ecdf")["crps"] > few + 0.1


@pytest.mark.parametrize("count", [2, 3, 8])
def test_a_calibrated_ensemble_shows_it_whatever_its_size(count) -> None:
    rng = np.random.default_rng(2)
    centre = 5 * rng.normal(size=40_000)
    members = centre + 1.5 * rng.normal(size=(count, 40_000))
    found = metrics(judge(members, centre + 1.5 * rng.normal(size=40_000)), count)
    assert found["ssr"] == pytest.approx(1, abs=0.02)
    assert found["spread"] == pytest.approx(1.5, abs=0.02)
    assert found["rmse"] == pytest.approx(1.5 * np.sqrt(1 + 1 / count), abs=0.03)
    assert found["coverage_50"] == pytest.approx(0.5, abs=0.01)
    assert found["coverage_90"] == pytest.approx(0.9, abs=0.01)


def test_intervals_of_a_large_ensemble_are_those_of_its_quantiles() -> None:
    rng = np.random.default_rng(3)
    members, truth = rng.normal(size=(1999, 300)), 2 * rng.normal(size=300)
    low, high = np.quantile(members, [0.05, 0.95], axis=0)
    inside = np.mean((truth > low) & (truth < high))
    assert judge(members, truth)["coverage_90"] == pytest.approx(inside, abs=0.007)
    assert judge(0.5 * members, truth)["coverage_90"] < inside - 0.1


def test_the_anomaly_correlation_is_the_textbook_one() -> None:
    rng = np.random.default_rng(4)
    truth, normal = rng.normal(size=(2, 3000))
    members = 0.6 * truth + rng.normal(size=(6, 3000))
    expected = np.sum((members.mean(0) - normal) * (truth - normal)) / np.sqrt(
        np.sum((members.mean(0) - normal) ** 2) * np.sum((truth - normal) ** 2)
    )
    assert metrics(judge(members, truth, normal), 6)["acc"] == pytest.approx(expected)
    assert "acc" not in metrics(judge(normal[None], truth, normal), 1)


@pytest.mark.parametrize("crps", ["fair", "ecdf"])
def test_the_energy_score_is_its_double_sum(crps) -> None:
    rng = np.random.default_rng(5)
    members, truth = rng.normal(size=(5, 40)), rng.normal(size=40)
    weights = rng.random((1, 40))
    weights /= weights.sum()

    def norm_of(x) -> float:
        return float(np.sqrt(np.sum(weights[0] * x**2)))

    pairs = sum(norm_of(a - b) for a in members for b in members)
    cases = 20 if crps == "fair" else 25
    expected = np.mean([norm_of(m - truth) for m in members]) - pairs / (2 * cases)
    found = judge(members, truth, crps=crps, weights=weights)["energy"]
    assert found == pytest.approx(expected)


def test_ranks_are_those_of_another_implementation_with_and_without_ties() -> None:
    rng = np.random.default_rng(6)
    members, truth = rng.integers(0, 4, (5, 400)), rng.integers(0, 4, 400)
    for shift in (0.0, 0.5):
        other = rank_histogram(
            xr.DataArray(members + shift, dims=("number", "place")),
            xr.DataArray(truth.astype(float), dims="place"),
            "number",
        )
        _, below, equal = place_statistics(members + shift - truth, truth * 1.0, crps="fair")
        found = rank_shares(below, equal, 5, np.full(400, 1 / 400))
        np.testing.assert_allclose(found, other.values)


def test_ranks_of_a_calibrated_ensemble_are_even() -> None:
    rng = np.random.default_rng(7)
    weights = np.full((1, 40_000), UNIFORM)
    members, truth = rng.normal(size=(4, 40_000)), rng.normal(size=40_000)
    even = field_statistics(members, truth, truth, weights, crps="fair").ranks
    np.testing.assert_allclose(even, 0.2, atol=0.01)
    narrow = field_statistics(0.3 * members, truth, truth, weights, crps="fair").ranks
    assert narrow[0] > 0.3
    assert narrow[4] > 0.3


def test_an_error_below_that_of_the_observations_is_zero_not_nan() -> None:
    small = dict.fromkeys(STATISTICS, 0.0) | dict(squared_error=1.0, error_variance=2.0)
    assert metrics(small, 4)["rmse"] == 0.0


def test_one_member_has_its_absolute_error_and_no_spread() -> None:
    found = metrics(judge([[1.0, 2.0]], [0.0, 4.0], np.zeros(2)), 1)
    assert found["crps"] == 1.5
    assert found["rmse"] == pytest.approx(np.sqrt(2.5))
    assert not {"spread", "ssr", "coverage_50", "coverage_90"} & set(found)


def test_a_perfect_ensemble_without_spread_has_no_ratio() -> None:
    found = metrics(judge(np.zeros((3, 5)), np.zeros(5)), 3)
    assert np.isnan(found["ssr"])
    assert found["rmse"] == found["spread"] == 0


def test_regions_count_their_own_places_by_their_weights() -> None:
    members, truth = np.array([[1.0, 2.0, 4.0]]), np.zeros(3)
    weights = np.array([[0.5, 0.25, 0.25], [0.0, 0.0, 1.0]])
    found = field_statistics(members, truth, truth, weights, crps="fair").values
    np.testing.assert_allclose(found["error"], [2.0, 4.0])
    np.testing.assert_allclose(found["squared_error"], [5.5, 16.0])
    assert np.isnan(found["energy"][1])


def test_places_taken_some_at_a_time_give_the_same(monkeypatch) -> None:
    rng = np.random.default_rng(8)
    members, truth, normal = rng.normal(size=(5, 100)), *rng.normal(size=(2, 100))
    weights = np.full((1, 100), 0.01)
    whole = field_statistics(members, truth, normal, weights, crps="fair")
    monkeypatch.setattr(module, "BLOCK", 7)
    parts = field_statistics(members, truth, normal, weights, crps="fair")
    np.testing.assert_allclose(parts.ranks, whole.ranks)
    for name, values in whole.values.items():
        np.testing.assert_allclose(parts.values[name], values, rtol=1e-12)


def test_the_order_of_members_does_not_matter() -> None:
    rng = np.random.default_rng(9)
    members, truth = rng.normal(size=(5, 48)), rng.normal(size=48)
    one, other = judge(members, truth), judge(members[::-1], truth)
    assert one == pytest.approx(other, nan_ok=True)


def test_every_metric_has_its_place_in_the_table() -> None:
    found = metrics(dict.fromkeys(STATISTICS, 1.0) | {"truth_square": 2.0}, 3)
    assert list(found) == [name for name in METRICS if name in found]
    assert set(found) == set(METRICS)
