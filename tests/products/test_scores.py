"""The table of scores is complete, finite and in range."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from galerne.catalogue import channels
from galerne.config.models import Config, Dataset, Experiment

COLUMNS = [
    *("dataset", "autoencoder", "prior", "network", "method", "task", "window", "space"),
    *("variable", "level", "lead_hours", "metric", "value", "version"),
]
METRICS = {
    *("rmse", "bias", "crps", "spread", "ssr", "acc", "coverage_50", "coverage_90"),
    *("energy_score", "brier"),
}
BASELINES = {"climatology", "prior", "reconstruction"}


@pytest.fixture(scope="module")
def scores(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "scores.csv")


@pytest.fixture(scope="module")
def experiment(config: Config) -> Experiment:
    (name,) = config.run
    return config.experiments[name]


@pytest.fixture(scope="module")
def dataset(config: Config, experiment: Experiment) -> Dataset:
    return config.datasets[experiment.dataset]


def test_columns_are_those_that_other_tools_rely_on(scores: pd.DataFrame) -> None:
    assert list(scores.columns) == COLUMNS


def test_every_choice_is_scored(scores: pd.DataFrame, experiment: Experiment) -> None:
    for key in ("dataset", "autoencoder", "prior"):
        assert set(scores[key]) == {getattr(experiment, key)}
    assert set(scores["network"]) == set(experiment.networks)
    assert set(scores["method"]) == {*BASELINES, *experiment.methods, *experiment.baselines}
    assert set(scores["task"]) == set(experiment.tasks)
    assert set(scores["space"]) == {"grid", "withheld"}
    assert set(scores["metric"]) == METRICS
    for method in experiment.methods:
        own = scores[scores["method"] == method]
        pairs = set(zip(own["task"], own["space"], strict=True))
        assert pairs == {(t, s) for t in experiment.tasks for s in ("grid", "withheld")}


def test_every_window_is_scored_and_all_of_them_together(
    scores: pd.DataFrame, experiment: Experiment
) -> None:
    windows = set(scores["window"])
    assert "all" in windows
    starts = {pd.Timestamp(window) for window in windows - {"all"}}
    assert starts == {pd.Timestamp(start) for start in experiment.windows}


def test_every_channel_is_scored(
    scores: pd.DataFrame, experiment: Experiment, dataset: Dataset
) -> None:
    state = channels(dataset.surface, dataset.pressure, dataset.levels)
    wanted = {(c.variable, -1 if c.level is None else c.level) for c in state}
    grid = scores[(scores["space"] == "grid") & (scores["metric"] == "rmse")]
    for _, rows in grid.groupby(["method", "task", "window"]):
        assert set(zip(rows["variable"], rows["level"].fillna(-1), strict=True)) == wanted


def test_no_row_comes_twice(scores: pd.DataFrame) -> None:
    assert not scores.duplicated(COLUMNS[:-2]).any()


def test_values_are_finite_and_of_the_right_sign(scores: pd.DataFrame) -> None:
    assert np.isfinite(scores["value"]).all()
    by_metric = scores.groupby("metric")["value"]
    assert (by_metric.min()[["crps", "spread", "ssr"]] >= 0).all()
    assert (
        scores.loc[(scores["metric"] == "rmse") & (scores["space"] == "grid"), "value"].min() > 0
    )
    # At observations their own error is taken out, which may leave nothing.
    assert by_metric.min()["rmse"] >= 0


def test_leads_are_those_of_the_tasks(
    scores: pd.DataFrame, config: Config, experiment: Experiment
) -> None:
    for task in experiment.tasks:
        leads = scores.loc[scores["task"] == task, "lead_hours"]
        if config.tasks[task].kind == "forecasting":
            assert leads.min() > 0
            assert leads.max() <= experiment.window_hours
        else:
            assert (leads == 0).all()


def test_spread_is_of_the_size_of_the_error(scores: pd.DataFrame, experiment: Experiment) -> None:
    chosen = scores["method"].isin(experiment.methods) & (scores["window"] == "all")
    ratios = scores[chosen & (scores["metric"] == "ssr")]
    means = ratios.groupby(["task", "space"])["value"].mean()
    assert means.between(0.3, 3).all(), means


def test_the_posterior_beats_climatology_and_the_prior(
    scores: pd.DataFrame, experiment: Experiment
) -> None:
    chosen = (scores["window"] == "all") & (scores["space"] == "grid")
    rmse = scores[chosen & (scores["metric"] == "rmse") & (scores["task"] == "reanalysis")]
    named = rmse.assign(level=rmse["level"].fillna(-1))
    table = named.pivot_table("value", index=["variable", "level"], columns="method")
    for method in experiment.methods:
        for reference in ("climatology", "prior"):
            assert (table[method] / table[reference]).mean() < 0.9


@pytest.fixture(scope="module")
def comparisons(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "comparisons.csv")


def test_every_method_is_compared_with_all_others(
    comparisons: pd.DataFrame, scores: pd.DataFrame, experiment: Experiment
) -> None:
    crps = comparisons[(comparisons["metric"] == "crps") & (comparisons["space"] == "grid")]
    judged = crps["method"].isin(experiment.methods)
    assert set(crps.loc[judged, "method"]) == set(experiment.methods)
    assert set(crps.loc[~judged, "reference"]) == {"climatology"}
    crps = crps[judged]
    assert set(crps["reference"]) >= set(scores["method"]) - set(experiment.methods)
    for _, rows in crps.groupby(["task", "method", "reference"]):
        assert (rows["variable"] == "all").any()
        assert rows.loc[rows["best_baseline"], "reference"].nunique() <= 1
    assert set(comparisons["verdict"]) <= {"better", "worse", "no evidence"}
    assert (comparisons["windows"] == len(experiment.windows)).all()


def test_ratios_are_those_of_the_scores(
    comparisons: pd.DataFrame, scores: pd.DataFrame, experiment: Experiment
) -> None:
    keys = ["task", "space", "variable", "level", "lead_hours", "metric"]
    pooled = scores[scores["window"] == "all"].fillna({"level": -1}).set_index([*keys, "method"])
    own = comparisons[(comparisons["variable"] != "all") & (comparisons["region"] == "globe")]
    own = own[(own["reference"] == "climatology") & own["lead_hours"].notna()]
    own = own.fillna({"level": -1})
    for row in own.sample(40, random_state=0).to_dict("records"):
        place = tuple(row[key] for key in keys)
        one, other = (pooled.loc[(*place, row[name]), "value"] for name in ("method", "reference"))
        assert row["ratio"] == pytest.approx(one / other, rel=1e-6)


def test_diagnostics_are_there_and_finite(folder: Path) -> None:
    for name in ("regions", "ranks", "events", "consistency", "spectra", "balance"):
        table = pd.read_csv(folder / "diagnostics" / f"{name}.csv")
        assert len(table)
        if name == "ranks":  # means over all leads
            table.loc[table["variable"] == "all", "lead_hours"] = 0
        numbers = table.select_dtypes("number").drop(columns=["level", "version"])
        assert np.isfinite(numbers).all(axis=None), name


def test_spectra_of_the_ensemble_are_near_those_of_the_truth(folder: Path) -> None:
    table = pd.read_csv(folder / "diagnostics/spectra.csv")
    rows = table[(table["method"] == "mmps") & (table["kind"] == "spherical")]
    rows = rows[(rows["wavenumber"] > 0) & (rows["wavenumber"] < 4)]
    assert (rows["members"].sum() / rows["truth"].sum()) == pytest.approx(1, abs=0.5)
