"""Ensembles on disk: whole, in physical units, with spread, in the layout of WeatherBench."""

import json

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from galerne.catalogue import VARIABLES
from galerne.config.models import Config
from galerne.products import open_product

POSTERIOR = "{dataset}/{autoencoder}/{prior}/{network}/{method}/{task}/{window}/members_{batch}"
SINGLE = ("{dataset}/climatology/{window}", "{dataset}/{autoencoder}/reconstruction/{window}")
SAMPLES = "{dataset}/{autoencoder}/{prior}/samples/{window}/members_{batch}"


def paths(folder: Path, config: Config, *patterns: str, tasks: tuple[str, ...] = ("",)) -> list:
    """Manifests that the experiment asks for, each with its first time."""
    e = config.experiments[config.run[0]]
    firsts = range(0, e.members, e.members_per_job)
    found = [
        (
            pattern.format(
                dataset=e.dataset,
                autoencoder=e.autoencoder,
                prior=e.prior,
                network=network,
                method=method,
                task=task,
                window=f"{start:%Y%m%dT%H}_{e.window_hours}h",
                batch=f"{first:03d}-{min(first + e.members_per_job, e.members) - 1:03d}",
            ),
            np.datetime64(start, "ns"),
        )
        for pattern in patterns
        for network in e.networks
        for method in e.methods
        for task in tasks
        for start in e.windows
        for first in firsts
    ]
    return [(folder / path / "manifest.json", start) for path, start in dict(found).items()]


def check_fields(dataset: xr.Dataset, config: Config) -> None:
    """Refuses what no reader of ERA5-like ensembles would expect."""
    state = config.datasets[config.experiments[config.run[0]].dataset]
    assert set(dataset.data_vars) == {*state.surface, *state.pressure}
    assert (np.diff(dataset["latitude"]) < 0).all()
    assert (np.diff(dataset["longitude"]) > 0).all()
    assert dataset["longitude"].values[0] >= 0
    assert dataset["longitude"].values[-1] < 360
    assert dataset.sizes["latitude"] == state.grid.latitudes
    assert dataset.sizes["longitude"] == state.grid.longitudes
    assert (dataset["level"].values == sorted(state.levels)).all()
    for name, field in dataset.data_vars.items():
        about = VARIABLES[name]
        assert field.attrs["units"] == about.units
        assert field.attrs["standard_name"] == about.standard_name
        assert field.dtype == np.float32
        assert np.isfinite(field).all()
        assert about.minimum <= float(field.mean()) <= about.maximum
        assert field.dims[-2:] == ("latitude", "longitude")
        assert ("level" in field.dims) == about.on_levels


@pytest.mark.parametrize("kind", ["reanalysis", "filtering", "forecasting"])
def test_posterior_has_members_that_differ(folder: Path, config: Config, kind: str) -> None:
    e = config.experiments[config.run[0]]
    tasks = tuple(task for task in e.tasks if config.tasks[task].kind == kind)
    found = paths(folder, config, POSTERIOR, tasks=tasks)
    assert len(found) == len(e.windows) * -(-e.members // e.members_per_job)
    for path, start in found:
        dataset = open_product(path).load()
        check_fields(dataset, config)
        first = int(path.parent.name.removeprefix("members_").split("-")[0])
        last = min(first + e.members_per_job, e.members)
        assert dataset["number"].values.tolist() == list(range(first, last))
        end = start + np.timedelta64(e.window_hours, "h")
        assert (dataset["time"] >= start).all()
        assert (dataset["time"] <= end).all()
        leads = ["prediction_timedelta"] if kind == "forecasting" else []
        for name, field in dataset.data_vars.items():
            dims = ("number", "time", *leads, "latitude", "longitude")
            assert tuple(d for d in field.dims if d != "level") == dims
            assert float(field.std("number").min()) >= 0
            assert float(field.std("number").mean()) > 0, name
        if leads:
            assert dataset.sizes["time"] == 1
            assert (dataset["prediction_timedelta"] > np.timedelta64(0, "h")).all()


def test_batches_hold_members_of_their_own(folder: Path, config: Config) -> None:
    by_window: dict[Path, list[xr.Dataset]] = {}
    for path, _ in paths(folder, config, POSTERIOR, tasks=("reanalysis",)):
        by_window.setdefault(path.parents[1], []).append(open_product(path))
    for one, *others in by_window.values():
        name = next(iter(one.data_vars))
        for other in others:
            assert not np.allclose(one[name].values, other[name].values)


def test_baselines_cover_the_window(folder: Path, config: Config) -> None:
    e = config.experiments[config.run[0]]
    step = config.datasets[e.dataset].step_hours
    for path, start in paths(folder, config, *SINGLE, SAMPLES):
        dataset = open_product(path).load()
        check_fields(dataset, config)
        hours = (dataset["time"].values - start) / np.timedelta64(1, "h")
        assert hours.tolist() == list(range(0, e.window_hours + 1, step))
        assert dataset.sizes["number"] == (e.members_per_job if "samples" in str(path) else 1)


def test_manifests_tell_what_is_there(folder: Path) -> None:
    manifests = sorted(folder.rglob("manifest.json"))
    assert manifests
    for path in manifests:
        told = json.loads(path.read_text())
        dataset = open_product(path)
        assert told["sizes"] == {str(name): size for name, size in dataset.sizes.items()}


def test_sources_say_that_the_atmosphere_is_simulated(folder: Path, config: Config) -> None:
    (dataset,) = {config.experiments[name].dataset for name in config.run}
    for period in config.datasets[dataset].periods:
        for stage in ("source", "grid"):
            attrs = open_product(folder / dataset / stage / period / "manifest.json").attrs
            assert "simulated" in attrs["source"].lower()
            assert "not era5" in attrs["source"].lower()
