"""Comparisons of methods whose ratio is known, and of methods that do not differ."""

import numpy as np
import pandas as pd
import pytest

from galerne.evaluate.bootstrap import interval
from galerne.evaluate.comparisons import COLUMNS, INTERVALS, Inference, compare, estimate
from galerne.evaluate.pooling import pool
from galerne.evaluate.scores import STATISTICS, metrics

HOW = Inference(resamples=200, level=0.95, block_hours=120.0)
CHANNELS = [("2m_temperature", np.nan), ("temperature", 500.0), ("temperature", 850.0)]


def rows(factor, *, windows=8, seed=0, noise=0.05, region="globe", **columns: int) -> pd.DataFrame:
    """Statistics whose errors are in proportion to a factor, with windows in common."""
    common, own = np.random.default_rng(99), np.random.default_rng(seed)
    found = []
    for start in pd.date_range("2001-01-01", periods=windows, freq="15D"):
        size = np.exp(0.4 * common.normal())  # windows are unlike, by more than methods are
        for k, (variable, level) in enumerate(CHANNELS):
            for lead in (6, 12):
                value = (k + 1) * lead * size * factor * np.exp(noise * own.normal())
                about = dict.fromkeys(STATISTICS, value) | {"error_variance": 0.0, "brier": np.nan}
                about |= {"truth_square": 3 * value, "squared_error": value**2}
                about |= {"space": "grid", "region": region, "variable": variable, "level": level}
                time = start + pd.Timedelta(hours=lead)
                about |= {"window": f"{start:%Y-%m-%dT%H:%M}", "time": time, "lead_hours": lead}
                found.append(about | {"count": 1.0, "members": 8} | columns)
    return pd.DataFrame(found)


def compared(methods, **settings: object) -> pd.DataFrame:
    settings = {"judged": ["ours"], "classical": [], "inference": HOW} | settings
    return compare(methods, rng=np.random.default_rng(0), **settings)


def headline(table, metric="crps", reference="theirs") -> pd.Series:
    found = table[(table["metric"] == metric) & (table["reference"] == reference)]
    found = found[(found["variable"] == "all") & found["lead_hours"].isna()]
    (row,) = found.to_dict("records")
    return pd.Series(row)


def test_paired_windows_show_what_their_spread_would_hide() -> None:
    table = compared({"ours": rows(0.8, seed=1), "theirs": rows(1.0, seed=2)})
    assert list(table.columns) == COLUMNS
    row = headline(table)
    assert row["verdict"] == "better"
    assert row["lower"] < 0.8 < row["upper"]
    assert row["upper"] - row["lower"] < 0.1
    assert (row["windows"], row["units"], row["run"]) == (8, 8, 1.0)


def test_what_does_not_differ_has_no_evidence_but_for_one_in_twenty() -> None:
    found = []
    for seed in range(40):
        methods = {"ours": rows(1.0, seed=seed), "theirs": rows(1.0, seed=1000 + seed)}
        found.append(headline(compared(methods))["verdict"])
    assert found.count("no evidence") >= 35


def test_swapping_both_turns_the_ratio_and_its_interval_upside_down() -> None:
    methods = {"ours": rows(0.9, seed=1), "theirs": rows(1.0, seed=2)}
    table = compared(methods, judged=["ours", "theirs"])
    one = headline(table)
    other = headline(table[table["method"] == "theirs"], reference="ours")
    assert other["ratio"] == pytest.approx(1 / one["ratio"])
    assert other["lower"] == pytest.approx(1 / one["upper"])
    assert {one["verdict"], other["verdict"]} == {"better", "worse"}


def test_ratios_are_those_of_pooled_scores_and_their_mean_is_geometric() -> None:
    ours, theirs = rows(0.7, seed=1, noise=0.5), rows(1.0, seed=2, noise=0.5)
    table = compared({"ours": ours, "theirs": theirs})
    keys = ["variable", "level", "lead_hours"]
    scores = []
    for one in (ours, theirs):
        pooled = pool(one, keys).to_dict("records")
        scores.append(
            np.array([metrics({n: case[n] for n in STATISTICS}, 8)["rmse"] for case in pooled])
        )
    own = table[(table["metric"] == "rmse") & (table["variable"] != "all")]
    each = own[own["lead_hours"].notna()].sort_values(keys, na_position="last")
    np.testing.assert_allclose(each["ratio"], scores[0] / scores[1])
    over = own[own["lead_hours"].isna()].sort_values(keys, na_position="last")
    means = np.exp(np.log(scores[0] / scores[1]).reshape(3, 2).mean(axis=1))
    np.testing.assert_allclose(over["ratio"], means)  # of each channel over its two leads
    mean = np.exp(np.mean(np.log(scores[0] / scores[1])))
    assert headline(table, "rmse")["ratio"] == pytest.approx(mean)


def test_the_interval_of_one_channel_is_that_of_its_windows() -> None:
    ours, theirs = rows(0.9, seed=3), rows(1.0, seed=4)
    one = (ours["variable"] == "2m_temperature") & (ours["lead_hours"] == 6)
    table = compared({"ours": ours[one], "theirs": theirs[one]})
    a, b = ours.loc[one, "crps"].to_numpy(), theirs.loc[one, "crps"].to_numpy()
    draws = np.random.default_rng(1).multinomial(8, np.full(8, 1 / 8), 40_000)
    resampled = np.log(draws @ a / (draws @ b))[:, None]
    value = np.log(a.sum() / b.sum())
    low, high = interval(np.array([value]), resampled, np.array([8.0]), 0.95)
    row = headline(table)
    assert np.log(row["upper"]) - np.log(row["lower"]) == pytest.approx(high[0] - low[0], rel=0.1)


def test_only_windows_that_both_have_count() -> None:
    ours, theirs = rows(0.5, noise=0.0), rows(1.0, noise=0.0)
    late = theirs["window"] > "2001-03-01"
    theirs.loc[~late, list(STATISTICS)] *= 100  # would be compared with nothing of ours
    row = headline(compared({"ours": ours[late.to_numpy()], "theirs": theirs}))
    assert row["ratio"] == pytest.approx(0.5)
    assert row["windows"] == late.sum() / 6


def test_one_window_gives_a_ratio_and_no_evidence() -> None:
    row = headline(compared({"ours": rows(0.1, windows=1), "theirs": rows(1.0, windows=1)}))
    assert row["ratio"] == pytest.approx(0.1)
    assert row["verdict"] == "no evidence"
    assert np.isnan(row["lower"])


def test_a_long_window_is_resampled_by_pieces() -> None:
    def long(factor, seed) -> pd.DataFrame:
        table = rows(factor, windows=8, seed=seed)
        return table.assign(window="2001-01-01T00:00")

    row = headline(compared({"ours": long(0.8, 1), "theirs": long(1.0, 2)}))
    assert (row["windows"], row["units"]) == (1, 8)
    assert row["verdict"] == "better"


def test_the_best_classical_baseline_is_marked_and_no_other() -> None:
    methods = {"ours": rows(0.9, seed=1), "oi": rows(1.0, seed=2), "nearest": rows(1.5, seed=3)}
    methods["prior"] = rows(0.1, seed=4)
    table = compared(methods, classical=["oi", "nearest"])
    assert set(table.loc[table["best_baseline"], "reference"]) == {"oi"}
    assert not table.loc[table["reference"] == "prior", "best_baseline"].any()


def test_regions_are_compared_over_all_channels() -> None:
    def both(factor, seed) -> pd.DataFrame:
        tropics = rows(factor * 0.5, seed=seed, region="tropics")
        return pd.concat([rows(factor, seed=seed), tropics], ignore_index=True)

    table = compared({"ours": both(0.8, 1), "theirs": both(1.0, 2)})
    tropics = table[table["region"] == "tropics"]
    assert set(tropics["variable"]) == {"all"}
    assert set(tropics["lead_hours"].dropna()) == {6, 12}


def test_estimates_are_the_pooled_scores_and_one_member_has_no_spread() -> None:
    methods = {"ours": rows(1.0, noise=0.3), "climatology": rows(2.0, members=1)}
    table = estimate(methods, inference=HOW, rng=np.random.default_rng(0))
    assert list(table.columns) == INTERVALS
    pooled = pool(methods["ours"], ["variable", "level", "lead_hours"])
    for case in pooled.to_dict("records"):
        found = table[(table["method"] == "ours") & (table["variable"] == case["variable"])]
        found = found[found["lead_hours"] == case["lead_hours"]]
        found = found[found["level"].fillna(-1) == np.nan_to_num(case["level"], nan=-1)]
        values = found.set_index("metric")["value"]
        expected = metrics({name: case[name] for name in STATISTICS}, 8)
        assert values[list(expected)].to_dict() == pytest.approx(expected)
        ordered = found[found["lower"].notna()]
        assert (ordered["lower"] <= ordered["value"]).all()
    alone = set(table.loc[table["method"] == "climatology", "metric"])
    assert not alone & {"spread", "ssr", "coverage_50", "coverage_90"}


def test_the_same_seed_gives_the_same_intervals() -> None:
    methods = {"ours": rows(0.8, seed=1), "theirs": rows(1.0, seed=2)}
    pd.testing.assert_frame_equal(compared(methods), compared(methods))


def test_intervals_stay_within_what_a_score_can_be() -> None:
    table = rows(1.0, noise=0.0)
    rng = np.random.default_rng(0)
    table["coverage_90"] = rng.uniform(0.9, 0.999, len(table))
    table["coverage_50"] = rng.uniform(0.01, 0.5, len(table))
    table["mean_square"] = table["truth_square"] = 1.0
    table["covariance"] = rng.uniform(0.5, 0.99, len(table))
    found = estimate({"ours": table}, inference=HOW, rng=np.random.default_rng(0))
    found = found[found["metric"].isin(["acc", "coverage_50", "coverage_90"])]
    assert len(found) == 18 + 2 * (3 + 2 + 1)  # means over leads, channels and both
    assert (found["lower"] > 0).all()
    assert (found["upper"] < 1).all()
    assert ((found["lower"] < found["value"]) & (found["value"] < found["upper"])).all()


def test_a_baseline_without_error_somewhere_is_still_compared_elsewhere() -> None:
    methods = {"ours": rows(0.9, seed=1), "oi": rows(1.0, seed=2), "nearest": rows(1.5, seed=3)}
    methods["nearest"].loc[methods["nearest"]["level"] == 500, "crps"] = 0.0
    table = compared(methods, classical=["oi", "nearest"])
    crps = table[(table["metric"] == "crps") & table["best_baseline"]]
    assert set(crps["reference"]) == {"oi"}


def test_what_is_not_judged_is_compared_with_the_common_reference_alone() -> None:
    methods = {"ours": rows(0.9, seed=1), "oi": rows(1.0, seed=2), "normal": rows(2.0, seed=3)}
    table = compared(methods, common="normal")
    pairs = set(zip(table["method"], table["reference"], strict=True))
    assert pairs == {("ours", "oi"), ("ours", "normal"), ("oi", "normal")}
    one = headline(table[table["method"] == "oi"], reference="normal")
    assert one["ratio"] == pytest.approx(0.5, rel=0.1)


def test_scores_without_a_unit_have_a_mean_with_an_interval_of_its_own() -> None:
    table = rows(1.0, noise=0.3)
    rng = np.random.default_rng(0)
    table["coverage_50"], table["coverage_90"] = rng.uniform(0.4, 0.9, (2, len(table)))
    found = estimate({"ours": table}, inference=HOW, rng=np.random.default_rng(0))
    for metric in ("ssr", "coverage_90"):
        own = found[found["metric"] == metric]
        whole = own[(own["variable"] == "all") & own["lead_hours"].isna()]
        (mean,) = whole.to_dict("records")
        each = own[(own["variable"] != "all") & own["lead_hours"].notna()]
        assert mean["value"] == pytest.approx(each["value"].mean())
        assert mean["lower"] < mean["value"] < mean["upper"]
        assert mean["upper"] - mean["lower"] < (each["upper"] - each["lower"]).max()
    assert set(found.loc[found["variable"] == "all", "metric"]) == {
        "ssr",
        "coverage_50",
        "coverage_90",
    }


def test_a_channel_without_error_in_some_resamples_does_not_take_the_interval_away() -> None:
    ours, theirs = rows(0.5, seed=1), rows(1.0, seed=2)
    own = (ours["level"] == 500) & (ours["window"] > "2001-01-02")
    ours.loc[own, "error_variance"] = ours.loc[own, "squared_error"]  # all of it, but once
    row = headline(compared({"ours": ours, "theirs": theirs}), "rmse")
    assert row["lower"] < row["ratio"] < row["upper"]
    assert row["verdict"] == "better"
