"""Comparisons and intervals of methods that were scored, by script."""

import pandas as pd
import pytest

from galerne.evaluate.comparisons import COLUMNS, INTERVALS
from galerne.evaluate.tables import read_scores
from galerne.evaluate.variants import COLUMNS as COLUMNS_OF_VARIANTS
from tests.scripts.scored import CHOICE, make_products, score
from workflow.scripts.compare_methods import compare_methods

HOW = {"resamples": 100, "level": 0.95, "block_hours": 24.0}


@pytest.fixture(scope="module")
def statistics(tmp_path_factory) -> dict:
    """Both members, and the second alone, which is three times as far from the truth."""
    folder = tmp_path_factory.mktemp("scored")
    products = make_products(folder)
    alone = [path for path in products["members"] if "001-001" in str(path)]
    return {
        method: score(products, folder / method, {"kind": "reanalysis"}, members=members)
        for method, members in (("both", products["members"]), ("alone", alone))
    }


def compare(statistics, folder, **others: object) -> tuple[pd.DataFrame, pd.DataFrame]:
    choices = [CHOICE | {"method": method} for method in statistics]
    paths = [folder / f"{name}.csv" for name in ("comparisons", "intervals", "variants")]
    settings = {"judged": ["both"], "classical": ["alone"], "inference": HOW, "seed": 0} | others
    tables = [one["statistics"] for one in statistics.values()]
    compare_methods(tables, *paths, choices=choices, variants={}, **settings)
    return tuple(read_scores(path) for path in paths[:2])


def test_every_channel_and_their_mean_is_compared_in_both_spaces(statistics, tmp_path) -> None:
    comparisons, intervals = compare(statistics, tmp_path)
    rest = [name for name in CHOICE if name != "method"]
    assert list(comparisons.columns) == [*rest, *COLUMNS]
    assert list(intervals.columns) == [*rest, *INTERVALS]
    rmse = comparisons[(comparisons["metric"] == "rmse") & (comparisons["space"] == "grid")]
    globe = rmse[rmse["region"] == "globe"]
    assert len(globe) == 5 + 2
    assert globe["ratio"].to_numpy() == pytest.approx(1 / 3, abs=1e-3)
    assert globe["verdict"].unique().tolist() == ["better"]
    assert comparisons["best_baseline"].all()
    assert set(comparisons["space"]) == {"grid", "withheld"}
    assert (comparisons[["windows", "units"]] == 2).all(axis=None)
    bias = intervals[(intervals["metric"] == "bias") & (intervals["method"] == "alone")]
    assert bias["value"].to_numpy() == pytest.approx(-3, abs=0.01)


def test_a_rerun_writes_the_same_bytes(statistics, tmp_path) -> None:
    for name in "ab":
        compare(statistics, tmp_path / name)
    for file in ("comparisons.csv", "intervals.csv", "variants.csv"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_tasks_are_compared_apart(statistics, tmp_path) -> None:
    tables = [one["statistics"] for one in statistics.values()]
    choices = [CHOICE | {"method": method, "task": task} for task in "st" for method in statistics]
    path = tmp_path / "comparisons.csv"
    compare_methods(
        tables * 2, path, tmp_path / "intervals.csv", tmp_path / "variants.csv", variants={},
        choices=choices, judged=["both"], classical=[], inference=HOW, seed=0,
    )  # fmt: skip
    found = read_scores(path)
    assert found["task"].value_counts().nunique() == 1
    assert not found["best_baseline"].any()


def test_networks_are_compared_with_what_they_are_variants_of(statistics, tmp_path) -> None:
    tables = [statistics[name]["statistics"] for name in ("alone", "both")]
    choices = [CHOICE | {"network": name} for name in ("n", "half")]
    paths = [tmp_path / f"{name}.csv" for name in ("comparisons", "intervals", "variants")]
    compare_methods(
        tables, *paths, choices=choices, judged=["m"], classical=[], variants={"half": "n"},
        inference=HOW, seed=0,
    )  # fmt: skip
    found = read_scores(paths[2])
    assert list(found.columns) == COLUMNS_OF_VARIANTS
    assert set(zip(found["network"], found["unchanged"], strict=True)) == {("half", "n")}
    rmse = found[(found["metric"] == "rmse") & (found["space"] == "grid")]
    assert rmse["ratio"].to_numpy() == pytest.approx(1 / 3, abs=1e-3)
