"""The space of observations: closed forms of a linear Gaussian world."""

import numpy as np
import pandas as pd
import pytest

from galerne.evaluate.consistency import (
    MEANS,
    consistency_metrics,
    consistency_rows,
    point_statistics,
    withheld_rows,
)
from galerne.evaluate.gathering import averaged
from galerne.evaluate.scores import metrics

COUNT = 40_000


def points(members, seen, errors=None, crps="fair", seed=0) -> dict[str, float]:
    errors = np.zeros(len(seen)) if errors is None else errors
    noise = errors * np.random.default_rng(seed).normal(size=members.shape)
    weights = np.full((1, len(seen)), 1 / len(seen))
    zero = np.zeros(len(seen))
    found, _ = point_statistics(members, seen, zero, errors, noise, weights, crps=crps)
    return {name: float(values[0]) for name, values in found.items()}


def table(seen, errors, withheld=False) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "observation": seen,
            "error": errors,
            "withheld": withheld,
            "time": pd.Timestamp("2001-01-01"),
            "lat": np.linspace(-80, 80, len(seen)),
            "lon": 0.0,
            "level": np.nan,
            "variable": "2m_temperature",
            "platform": "land",
            "lead_hours": 0,
        }
    )


def test_the_error_of_observations_is_accounted_for() -> None:
    rng = np.random.default_rng(3)
    count, errors = 4, rng.choice([0.5, 2.0], COUNT)
    members = rng.normal(size=(count, COUNT))
    truth = rng.normal(size=COUNT)
    found = points(members, truth + errors * rng.normal(size=COUNT), errors)
    scores = metrics(found, count)
    assert scores["ssr"] == pytest.approx(1, abs=0.02)
    assert scores["rmse"] == pytest.approx(np.sqrt(1.25), abs=0.04)
    assert scores["coverage_90"] == pytest.approx(0.9, abs=0.01)
    # A calibrated Gaussian of variance s has the expected CRPS sqrt(s / pi).
    expected = np.mean(np.sqrt((1 + errors**2) / np.pi))
    assert scores["crps"] == pytest.approx(expected, abs=0.02)


def test_the_anomaly_correlation_is_that_with_the_truth() -> None:
    rng = np.random.default_rng(4)
    truth = rng.normal(size=COUNT)
    members = (0.5 * truth + rng.normal(size=COUNT))[None]
    seen = truth + 2 * rng.normal(size=COUNT)
    found = metrics(points(members, seen, np.full(COUNT, 2.0)), 1)
    assert found["acc"] == pytest.approx(np.corrcoef(members[0], truth)[0, 1], abs=0.03)


def test_one_member_keeps_its_absolute_error() -> None:
    errors = np.array([1.0, 1.0])
    found = points(np.array([[1.0, 2.0]]), np.array([0.0, 4.0]), errors)
    assert found["crps"] == 1.5
    assert metrics(found, 1)["rmse"] == pytest.approx(np.sqrt(1.5))


def test_a_crowd_of_sites_counts_as_one_in_the_second_rows() -> None:
    crowd = table(np.array([0.0] * 9 + [10.0]), 1.0, withheld=True)
    crowd["lat"] = [10.0] * 9 + [50.0]
    rows, ranks = withheld_rows(
        crowd,
        np.zeros((2, 10)),
        np.zeros(10),
        crps="fair",
        density_degrees=1.0,
        rng=np.random.default_rng(0),
    )
    error = rows.set_index("region")["error"]
    assert error.to_dict() == pytest.approx({"globe": -1.0, "globe_by_density": -5.0})
    assert (rows["count"] == 10).all()
    assert ranks["weight"].sum() == pytest.approx(10)


@pytest.fixture(scope="module")
def kalman() -> dict[str, np.ndarray]:
    """Scalars observed with an error, and their exact posterior, each with ten members."""
    rng, noise, members = np.random.default_rng(5), 0.7, 10
    truth = rng.normal(size=COUNT)
    seen = truth + noise * rng.normal(size=COUNT)
    gain = 1 / (1 + noise**2)
    posterior = gain * seen + np.sqrt(1 - gain) * rng.normal(size=(members, COUNT))
    again = truth + noise * rng.normal(size=COUNT)
    return {"seen": seen, "posterior": posterior, "again": again, "gain": gain, "noise": noise}


def judged(seen, members, noise, *, assimilated) -> dict[str, float]:
    rows = consistency_rows(table(seen, noise, withheld=not assimilated), members, 0 * seen)
    (row,) = rows.assign(assimilated=assimilated).to_dict("records")
    return consistency_metrics({k: row[k] for k in ("count", "members", "assimilated", *MEANS)})


def test_an_exact_analysis_is_consistent_and_its_signal_is_the_trace(kalman) -> None:
    found = judged(kalman["seen"], kalman["posterior"], kalman["noise"], assimilated=True)
    assert found["chi_square"] == pytest.approx(1, abs=0.03)
    assert found["error_ratio"] == pytest.approx(1, abs=0.02)
    # tr(HK): every observation has the gain as its part.
    assert found["signal_share"] == pytest.approx(kalman["gain"], abs=0.01)
    assert found["signal"] == pytest.approx(COUNT * kalman["gain"], rel=0.02)


def test_independent_observations_have_the_innovations_that_are_expected(kalman) -> None:
    found = judged(kalman["again"], kalman["posterior"], kalman["noise"], assimilated=False)
    assert found == {"chi_square": pytest.approx(1, abs=0.03)}


def test_a_wrong_error_of_observations_shows(kalman) -> None:
    # The analysis believed half of the error that there is.
    wrong = kalman["noise"] / 2
    gain = 1 / (1 + wrong**2)
    rng = np.random.default_rng(6)
    drawn = gain * kalman["seen"] + np.sqrt(1 - gain) * rng.normal(size=(10, COUNT))
    found = judged(kalman["seen"], drawn, wrong, assimilated=True)
    expected = np.sqrt((1 - gain) * (1 + kalman["noise"] ** 2)) / wrong
    assert found["error_ratio"] == pytest.approx(expected, rel=0.02)
    found = judged(kalman["again"], drawn, wrong, assimilated=False)
    assert found["chi_square"] > 1.5


def test_one_member_has_no_consistency(kalman) -> None:
    assert judged(kalman["seen"], kalman["posterior"][:1], 0.7, assimilated=False) == {}


def test_windows_are_averaged_by_their_counts() -> None:
    members = np.zeros((2, 5))
    rows = pd.concat(
        [
            consistency_rows(table(np.full(5, 1.0), 1.0), members, np.zeros(5)),
            consistency_rows(table(np.full(2, 3.0), 1.0), members[:, :2], np.zeros(2)),
        ]
    )
    (row,) = averaged(rows, ["platform", "members"]).to_dict("records")
    assert row["residual_square"] == pytest.approx((5 * 1 + 2 * 9) / 7)
    assert row["count"] == 7
