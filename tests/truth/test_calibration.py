"""Calibration: uniform ranks pass, and what makes them uneven is found."""

import numpy as np
import pytest

from bench.worlds.calibration import FUNCTIONALS, holm, rank, uniformity

MEMBERS, TRUTHS = 31, 400


def ranks(scale: float = 1.0, shift: float = 0.0, seed: int = 0) -> np.ndarray:
    """Ranks of standard normal truths among members of another spread and centre."""
    rng = np.random.default_rng(seed)
    truth, members = rng.normal(size=(TRUTHS, 1)), rng.normal(shift, scale, (TRUTHS, MEMBERS))
    return (members < truth).sum(1)


def test_calibrated_ranks_are_refused_as_often_as_the_level_says() -> None:
    p = np.array([uniformity(ranks(seed=k), MEMBERS) for k in range(400)])
    assert 0.02 < (p < 0.05).mean() < 0.09


@pytest.mark.parametrize(("scale", "shift"), [(0.8, 0.0), (1.3, 0.0), (1.0, 0.25)])
def test_a_wrong_spread_and_a_wrong_centre_are_found(scale: float, shift: float) -> None:
    assert uniformity(ranks(scale, shift), MEMBERS) < 0.01


def test_the_correction_keeps_a_family_at_its_level() -> None:
    """By hand: the least times how many, the next times one fewer, never falling."""
    assert holm({"a": 0.04, "b": 0.01, "c": 0.9}) == pytest.approx(
        {"b": 0.03, "a": 0.08, "c": 0.9}
    )
    rng = np.random.default_rng(0)
    least = [min(holm(dict(enumerate(rng.uniform(size=7)))).values()) for _ in range(2000)]
    assert np.mean(np.array(least) < 0.05) == pytest.approx(0.05, abs=0.012)


def test_ranks_of_functionals_tell_where_the_truth_lies() -> None:
    rng = np.random.default_rng(0)
    members, truth = rng.normal(size=(MEMBERS, 2, 3, 6, 12)), np.zeros((2, 3, 6, 12))
    found = rank(truth, members)
    assert set(found) == set(FUNCTIONALS)
    assert found["energy"] == found["wave"] == 0
    assert found["point first"] == (members[:, 0, 0, 1, 3] < 0).sum()
    assert rank(truth + 9, members)["mean"] == MEMBERS


def test_the_mean_is_by_area() -> None:
    """A field of squared sine of latitude has the mean 1/3 on the sphere."""
    rows = np.sin(np.radians(90 - 180 * (np.arange(180) + 0.5) / 180)) ** 2
    x = np.broadcast_to(rows[:, None], (1, 3, 180, 12))
    assert FUNCTIONALS["mean"](x) == pytest.approx(1 / 3, abs=1e-3)
    assert FUNCTIONALS["energy"](x) > 0


def test_what_makes_no_histogram_is_refused() -> None:
    with pytest.raises(ValueError, match="31 ranks do not divide into 8 bars"):
        uniformity(ranks(), 30)
    with pytest.raises(ValueError, match="39 truths are too few"):
        uniformity(ranks()[:39], MEMBERS)
