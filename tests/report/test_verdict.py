"""Words follow the numbers, and nothing is said of what is not known."""

import numpy as np
import pandas as pd
import pytest

from galerne.report.verdict import (
    Facts,
    compared,
    gather_facts,
    limits,
    measure,
    tiles,
    verdict,
)

from .conftest import CHOICE, CONFIG, LEGEND, make_scores


def said(ratio: float = 0.4, ssr: float = 1.0) -> str:
    return " ".join(verdict(measure(make_scores(ratio, ssr), CHOICE), None, None))


def test_numbers_are_those_of_the_table() -> None:
    n = measure(make_scores(0.4, 0.95), CHOICE)
    assert n.ratio == pytest.approx(0.4)
    assert n.crps == pytest.approx(0.4)
    assert n.ssr == pytest.approx(0.95)
    assert n.floor == pytest.approx(0.1)
    assert n.withheld == pytest.approx(0.4)
    assert n.prior == pytest.approx(1.1)
    assert (n.windows, n.channels) == (2, 2)


def test_best_and_worst_channels() -> None:
    scores = make_scores()
    one = (scores["channel"] == "2m_temperature") & (scores["method"] == "mmps")
    scores.loc[one & (scores["metric"] == "rmse"), "value"] = 8.0
    n = measure(scores, CHOICE)
    assert n.best == ("geopotential_500", pytest.approx(0.4))
    assert n.worst == ("2m_temperature", pytest.approx(0.8))
    assert n.ratio == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (0.2, "far closer"), (0.5, "much closer"), (0.8, "is closer"), (0.95, "barely better"),
        (1.2, "no better than climatology"),
    ],
)  # fmt: skip
def test_words_follow_the_error(ratio: float, words: str) -> None:
    assert words in said(ratio)


@pytest.mark.parametrize(
    ("ssr", "words"), [(0.6, "under-dispersed"), (1.0, "well calibrated"), (1.5, "over-dispersed")]
)
def test_words_follow_the_spread(ssr: float, words: str) -> None:
    assert words in said(ssr=ssr)
    assert said(ssr=ssr).count("dispersed") == ("dispersed" in words)


def test_nothing_is_said_of_what_is_not_known() -> None:
    scores = make_scores()
    scores = scores[~scores["metric"].isin(["ssr", "spread"]) & (scores["space"] == "grid")]
    scores = scores[scores["method"] != "reconstruction"]
    n = measure(scores, CHOICE)
    text = " ".join(verdict(n, None, None))
    assert "spread" not in text
    assert "withheld" not in text
    assert "Encoding" not in text
    assert [name for _, name, _ in tiles(n)] == ["RMSE ÷ climatology"]


def test_without_scores_it_says_so() -> None:
    assert verdict(None, None, None) == ["There are no scores to judge by."]
    n = measure(make_scores().iloc[:0], CHOICE)
    assert "no comparison" in verdict(n, None, None)[0]
    assert tiles(n) == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((0.5, 0.7), "at every lead shown"),
        ((0.9, 1.2), "climatology up to 6 h"),
        ((1.1, 1.2), "does not beat climatology at any lead"),
    ],
)
def test_words_follow_the_forecast(values: tuple[float, float], words: str) -> None:
    tables = [make_scores(v, leads=(h,)) for v, h in zip(values, (6, 12), strict=True)]
    n = measure(pd.concat(tables, ignore_index=True), CHOICE)
    assert n.leads == {6.0: pytest.approx(values[0]), 12.0: pytest.approx(values[1])}
    assert words in " ".join(verdict(None, None, n))


def test_a_poor_autoencoder_is_named() -> None:
    scores = make_scores(0.12)
    assert "a good part of the error" in " ".join(verdict(measure(scores, CHOICE), None, None))
    assert "leaves room" in said(0.4)


def facts(**changes: object) -> Facts:
    known = {
        "source": "reanalysis", "simulated": False, "real_sites": False, "training_states": 1460,
        "training_days": 365.0, "members": 8, "test_days": 15.5,
    }  # fmt: skip
    return Facts(**known | changes)


def test_a_simulated_truth_is_said_to_be_one() -> None:
    assert "not the real one" in limits(facts(simulated=True), [])[0]
    assert "not the real one" not in " ".join(limits(facts(), []))


def test_real_sites_have_simulated_values() -> None:
    assert "The sites are real" in " ".join(limits(facts(real_sites=True), []))


def test_a_small_record_is_called_small() -> None:
    small = " ".join(limits(facts(training_states=248, training_days=62.0), []))
    assert "248 training states" in small
    assert "roughly 12 independent" in small
    assert "far too few" in small
    assert "far too few" not in " ".join(limits(facts(), []))


def test_the_number_of_windows_and_members_is_said() -> None:
    text = " ".join(limits(facts(), [measure(make_scores(), CHOICE)]))
    assert "2 test windows within 16 days" in text
    assert "8 members" in text


def test_facts_are_read_off_the_settings() -> None:
    found = gather_facts(
        CONFIG["datasets"]["world"], CONFIG["networks"]["sparse"], CONFIG["experiments"]["demo"],
        source="",
    )  # fmt: skip
    assert found.simulated
    assert not found.real_sites
    assert found.training_states == 365 * 4
    assert found.training_days == pytest.approx(365)
    assert found.test_days == pytest.approx(15.5)


def test_numbers_without_a_method_are_unknown() -> None:
    assert np.isnan(measure(make_scores(), CHOICE | {"method": "dps"}).ratio)


@pytest.mark.parametrize(
    ("verdict", "words"),
    [("better", "so it is better"), ("worse", "so it is worse"), ("no evidence", "no evidence")],
)
def test_the_best_baseline_is_named_with_the_interval(verdict: str, words: str) -> None:
    best = {"reference": "oi", "ratio": 0.8, "lower": 0.7, "upper": 0.9, "verdict": verdict}
    (said,), (tile,) = compared(best, LEGEND)
    assert "0.800 of that of the best classical baseline on the same observations, Optimal" in said
    assert "0.700 to 0.900" in said
    assert words in said
    assert tile[0] == "0.800"
    assert compared(None, LEGEND) == ([], [])
