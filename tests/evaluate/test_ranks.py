"""Rank histograms know what few windows can say."""

import numpy as np
import pandas as pd
import pytest

from galerne.evaluate.comparisons import Inference
from galerne.evaluate.ranks import rank_intervals

HOW = Inference(resamples=300, level=0.95, block_hours=120.0)
MEMBERS = 4


def table(rng, *, windows=12, channels=3, share=None) -> pd.DataFrame:
    """Each window falls into few ranks, by chance: grid points of a window go together."""
    rows = []
    for start in pd.date_range("2001-01-01", periods=windows, freq="15D"):
        for channel in range(channels):
            weights = rng.dirichlet(np.full(MEMBERS + 1, 0.5))
            weights = weights if share is None else share
            rows += [
                {
                    "window": f"{start:%Y-%m-%dT%H:%M}", "variable": f"v{channel}", "rank": k,
                    "level": np.nan, "lead_hours": 0, "members": MEMBERS, "weight": w,
                    "space": "grid",
                }
                for k, w in enumerate(weights)
            ]  # fmt: skip
    return pd.DataFrame(rows)


def found(rows) -> pd.DataFrame:
    return rank_intervals(rows, HOW, np.random.default_rng(0))


def test_intervals_hold_the_flat_histogram_in_nineteen_of_twenty_cases() -> None:
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(60):
        one = found(table(rng, channels=1))
        own = one[one["variable"] != "all"]
        inside += list((own["lower"] <= 1 / (MEMBERS + 1)) & (own["upper"] >= 1 / (MEMBERS + 1)))
    assert np.mean(inside) == pytest.approx(0.93, abs=0.05)


def test_a_slope_that_every_window_has_is_no_chance() -> None:
    share = np.array([0.4, 0.25, 0.15, 0.12, 0.08])
    one = found(table(np.random.default_rng(0), share=share))
    own = one[one["variable"] == "all"]
    assert own["share"].to_numpy() == pytest.approx(share)
    assert own["lower"].to_numpy() == pytest.approx(share)
    assert not ((own["lower"] <= 0.2) & (own["upper"] >= 0.2)).any()


def test_shares_weigh_windows_by_their_cases_and_channels_alike() -> None:
    rows = table(np.random.default_rng(0), windows=2, channels=2)
    rows.loc[rows["window"] == "2001-01-16T00:00", "weight"] *= 3
    one = found(rows)
    first = rows[rows["variable"] == "v0"].groupby("rank")["weight"].sum()
    own = one[one["variable"] == "v0"]["share"].to_numpy()
    assert own == pytest.approx((first / first.sum()).to_numpy())
    mean = one[one["variable"] != "all"].groupby("rank")["share"].mean()
    assert one.loc[one["variable"] == "all", "share"].to_numpy() == pytest.approx(mean.to_numpy())


def test_one_window_has_shares_and_no_interval() -> None:
    one = found(table(np.random.default_rng(0), windows=1))
    assert one["share"].notna().all()
    assert one[["lower", "upper"]].isna().all(axis=None)


def test_ensembles_of_unlike_size_stay_apart() -> None:
    rows = table(np.random.default_rng(0), channels=1)
    fewer = rows[rows["rank"] < 3].assign(members=2)
    one = found(pd.concat([rows, fewer]))
    assert one.groupby(["variable", "members"])["share"].sum().to_numpy() == pytest.approx(1)
