"""Baselines from covariance to members, by their scripts."""

import json

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from galerne.arrays import stack_channels
from galerne.products import open_product
from galerne.stats.transform import Transform
from workflow.scripts.draw_baseline import draw_baseline
from workflow.scripts.pool_covariance import pool_covariance
from workflow.scripts.tune_baseline import tune_baseline

OI = {
    "kind": "optimal_interpolation", "components": 12, "memory_hours": [12.0, 480.0],
    "inflation": [1.0], "iterations": 20, "modes": 40,
}  # fmt: skip
CLIMATE = {"kind": "climatology", "season_days": 60.0}
LETKF = {
    "kind": "letkf", "trajectories": 8, "season_days": 60.0, "length_km": [6000.0],
    "hours": [48.0], "inflation": [1.0], "stride": 4,
}  # fmt: skip
TUNED_ON = ["20020113T00_18h", "20020115T00_18h"]


@pytest.fixture(scope="module")
def covariance(tmp_path_factory, train, climatology) -> Path:
    path = tmp_path_factory.mktemp("covariance") / "optimal_interpolation.json"
    pool_covariance(train, climatology, path, components=12, threads=1)
    return path


@pytest.fixture(scope="module")
def tuning(tmp_path_factory, fields, climatology, covariance, simulate) -> Path:
    path = tmp_path_factory.mktemp("tuning") / "tuning.json"
    seen = [simulate(window, "validation") for window in TUNED_ON]
    tune_baseline(
        [fields["validation"]] * 2, seen, climatology, [covariance], [], path,
        windows=TUNED_ON, members=3, baseline=OI, step_hours=6, seed=1, threads=1,
    )  # fmt: skip
    return path


def draw(
    path, observe, climatology, tuned, covariance, training, choice, baseline, **changes: object
) -> xr.Dataset:
    settings = {"members": [0, 1, 2], "task": {"kind": "reanalysis"}} | changes
    persists = settings.pop("persists", False)
    draw_baseline(
        observe(choice.window), climatology, tuned, covariance, training, path,
        window=choice.window, baseline=baseline | {"persists": persists}, step_hours=6, seed=3,
        threads=1, **settings,
    )  # fmt: skip
    return open_product(path)


def test_tuning_says_what_was_tried_and_keeps_the_best(tuning) -> None:
    found = json.loads(tuning.read_text())
    assert found["windows"] == TUNED_ON
    assert len(found["tried"]) == 2
    errors = {one["settings"]["memory_hours"]: one["error"] for one in found["tried"]}
    assert found["chosen"]["memory_hours"] == min(errors, key=errors.get)
    assert all(0 < error < 1 for error in errors.values())


def test_an_analysis_is_closer_to_the_truth_than_the_climatology(
    tmp_path, simulate, climatology, tuning, covariance, choice, fields
) -> None:
    found = draw(
        tmp_path / "m.json", simulate, climatology, [tuning], [covariance], [], choice, OI
    )
    transform = Transform.open(climatology)
    assert found["temperature"].dims == ("number", "time", "level", "latitude", "longitude")
    assert found.attrs["baseline"] == "optimal_interpolation"
    assert "zonal wavenumber" in found.attrs["prior"]
    assert json.loads(found.attrs["settings"]) == json.loads(tuning.read_text())["chosen"]
    times = found["time"].values
    truth = stack_channels(open_product(fields["test"]).sel(time=times), transform.channels)
    members = stack_channels(found, transform.channels)
    error = transform.forward(members.mean(0), times) - transform.forward(truth, times)
    seen = [0, 1]  # the surface
    assert np.mean(error[:, seen] ** 2) < 0.2 * np.mean(
        transform.forward(truth, times)[:, seen] ** 2
    )
    assert members.std(0).min() > 0


def test_a_forecast_has_leads_and_persistence_repeats_its_analysis(
    tmp_path, simulate, climatology, tuning, covariance, choice
) -> None:
    forecast = {"kind": "forecasting", "now_hours": [6]}
    given = (simulate, climatology, [tuning], [covariance], [], choice, OI)
    plain = draw(tmp_path / "a/m.json", *given, task=forecast)
    assert dict(plain.sizes)["prediction_timedelta"] == 2
    still = draw(tmp_path / "b/m.json", *given, task=forecast, persists=True)
    values = still["2m_temperature"].values
    assert still.attrs["baseline"] == "persistence of optimal_interpolation"
    assert np.array_equal(values[:, :, 0], values[:, :, 1])
    filtered = draw(tmp_path / "c/m.json", *given, task={"kind": "filtering", "now_hours": [6]})
    assert np.allclose(filtered["2m_temperature"].values[:, 0], values[:, 0, 0], atol=1e-3)


@pytest.mark.parametrize("baseline", [CLIMATE, LETKF], ids=lambda b: b["kind"])
def test_those_of_trajectories_need_the_training_data(
    tmp_path, simulate, climatology, train, choice, baseline, contents
) -> None:
    given = (simulate, climatology, [], [], train, choice, baseline)
    found = draw(tmp_path / "a/m.json", *given)
    again = draw(tmp_path / "b/m.json", *given)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert found.sizes["number"] == again.sizes["number"] == 3
    assert np.isfinite(found["temperature"].values).all()
    alone = draw(tmp_path / "c/m.json", *given, members=[2])
    whole = found["temperature"].sel(number=[2]).values
    assert np.allclose(alone["temperature"].values, whole, rtol=1e-6)


def test_a_covariance_is_the_same_bytes_again(tmp_path, train, climatology, covariance) -> None:
    pool_covariance(train, climatology, tmp_path / "c.json", components=12, threads=1)
    assert (tmp_path / "c.json").read_text() == covariance.read_text()
