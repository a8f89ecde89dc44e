"""Brier scores and reliability, against closed forms and another implementation."""

import numpy as np
import pytest
import xarray as xr

from scipy.stats import norm
from scores.probability import brier_score_for_ensemble

from galerne.evaluate.events import event_rows


@pytest.mark.parametrize("crps", ["fair", "ecdf"])
def test_brier_scores_are_those_of_another_implementation(crps) -> None:
    rng = np.random.default_rng(0)
    members, truth = rng.normal(size=(7, 400)), rng.normal(size=400)
    weights = np.full(400, 1 / 400)
    rows = event_rows(members, truth, weights, [0.3, -1.0], crps=crps)
    for threshold in (0.3, -1.0):
        other = brier_score_for_ensemble(
            xr.DataArray(members, dims=("number", "place")),
            xr.DataArray(truth, dims="place"),
            "number",
            threshold,
            fair_correction=crps == "fair",
        )
        found = rows.loc[rows["threshold"] == threshold, "brier"].sum()
        assert found == pytest.approx(float(other.squeeze()))


def test_a_calibrated_ensemble_is_reliable_and_scores_as_it_must() -> None:
    rng = np.random.default_rng(1)
    centre = rng.normal(size=60_000)
    members = centre + rng.normal(size=(40, 60_000))
    truth = centre + rng.normal(size=60_000)
    weights = np.full(60_000, 1 / 60_000)
    rows = event_rows(members, truth, weights, [0.5], crps="fair")
    assert rows["weight"].sum() == pytest.approx(1)
    p = norm.cdf(centre - 0.5)
    assert rows["brier"].sum() == pytest.approx(np.mean(p * (1 - p)), abs=2e-3)
    frequency, probability = (rows[name] / rows["weight"] for name in ("event", "probability"))
    # Probabilities of 40 members are noisy: the extremes are drawn in by a few hundredths.
    np.testing.assert_allclose(frequency, probability, atol=0.06)


def test_weights_are_those_of_places() -> None:
    members, truth = np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([1.0, 1.0])
    rows = event_rows(members, truth, np.array([0.9, 0.1]), [0.5], crps="ecdf")
    assert rows["class"].tolist() == [5, 10]
    assert rows["weight"].tolist() == pytest.approx([0.1, 0.9])
    assert rows["brier"].sum() == pytest.approx(0.1 * 0.25)
