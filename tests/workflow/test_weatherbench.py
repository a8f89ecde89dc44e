"""Products are read by WeatherBench's conventions, unchanged, and score the same there.

WeatherBench-X opens a path that ends in ``.zarr`` by ``xarray.open_zarr`` and no further
argument. Of forecasts it renames ``time`` to ``init_time`` and ``prediction_timedelta`` to
``lead_time``; of targets ``time`` to ``valid_time``, and selects ``init_time + lead_time``.
Members are along ``number``. Cells are weighted by area between edges halfway; statistics are
averaged over space and initial times before the root is taken; the CRPS is fair: ``mean |x -
y|`` less half the mean distance of two members, over ``M (M - 1)`` pairs. Written anew here,
from its data loaders and metrics.
"""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from galerne.arrays import unstack_channels
from galerne.catalogue import VARIABLES, channels
from galerne.evaluate.ensemble import Ensemble
from galerne.evaluate.gathering import Gathering
from galerne.evaluate.pooling import score_table
from galerne.evaluate.verification import Standard, verify
from galerne.grid.latlon import equiangular
from galerne.observe.task import cutoffs
from galerne.products import open_product, write_product, write_record

STATE = channels(["2m_temperature"], ["geopotential", "temperature"], [500, 850])
LATITUDE, LONGITUDE = equiangular(16, 32, poles=False)
PLACE = {"latitude": LATITUDE, "longitude": LONGITUDE}
TIMES = np.datetime64("2001-01-01", "ns") + np.arange(8) * np.timedelta64(6, "h")
LEADS = np.array([6, 12], "timedelta64[h]").astype("timedelta64[ns]")
CHOICE = dict.fromkeys(("dataset", "autoencoder", "prior", "network", "method", "task"), "x")
SETTINGS = {"crps": "fair", "thresholds": {}, "distances_km": [], "density_degrees": 1.0}


@pytest.fixture(scope="module")
def products(tmp_path_factory) -> dict[str, Path]:
    """A record of truth, and forecasts from two analyses in two products."""
    folder, rng = tmp_path_factory.mktemp("products"), np.random.default_rng(0)
    truth = (280 + rng.normal(size=(8, 5, 16, 32))).astype("float32")
    paths = {name: folder / name / "manifest.json" for name in ("truth", "one", "two", "normal")}
    write_record(unstack_channels(truth, STATE, {"time": TIMES, **PLACE}), paths["truth"])
    for name, start in (("one", 1), ("two", 4)):
        shape = (6, 1, 2, 5, 16, 32)
        members = truth[None, None, start + 1 : start + 3] + rng.normal(size=shape)
        coords = {
            "number": np.arange(6),
            "time": TIMES[start : start + 1],
            "prediction_timedelta": LEADS,
        }
        labelled = unstack_channels(members.astype("float32"), STATE, coords | PLACE)
        write_product(labelled, paths[name])
    normal = np.full((1, 8, 5, 16, 32), 280.0, "float32")
    coords = {"number": np.zeros(1, int), "time": TIMES, **PLACE}
    write_product(unstack_channels(normal, STATE, coords), paths["normal"])
    return paths


def opened(path: Path, *, forecast: bool) -> xr.Dataset:
    """As WeatherBench-X does."""
    dataset = xr.open_zarr(str(path.parent / "data.zarr"))
    if forecast:
        return dataset.rename(time="init_time", prediction_timedelta="lead_time")
    return dataset.rename(time="valid_time")


def test_names_dimensions_units_and_encodings_are_theirs(products) -> None:
    forecast, target = (
        opened(products["one"], forecast=True),
        opened(products["truth"], forecast=0),
    )
    assert set(forecast["temperature"].dims) == {
        *("number", "init_time", "lead_time", "level", "latitude", "longitude")
    }
    assert forecast["lead_time"].dtype == "timedelta64[ns]"
    assert forecast["init_time"].dtype == target["valid_time"].dtype == "datetime64[ns]"
    np.testing.assert_array_equal(forecast["lead_time"], LEADS)
    for dataset in (forecast, target):
        assert set(dataset.data_vars) == {"2m_temperature", "geopotential", "temperature"}
        for name, field in dataset.data_vars.items():
            assert field.dtype == "float32"
            assert field.attrs["units"] == VARIABLES[name].units
        assert dataset["level"].values.tolist() == [500, 850]
        assert dataset["latitude"].attrs["units"] == "degrees_north"


def theirs(products) -> dict[str, xr.Dataset]:
    """RMSE and CRPS by lead, by WeatherBench's conventions."""
    paths = (products["one"], products["two"])
    both = xr.concat([opened(path, forecast=True) for path in paths], "init_time")
    target = opened(products["truth"], forecast=False)
    target = target.sel(valid_time=both["init_time"] + both["lead_time"])
    edges = np.concatenate([[90], (LATITUDE[1:] + LATITUDE[:-1]) / 2, [-90]])
    areas = xr.DataArray(-np.diff(np.sin(np.deg2rad(edges))), {"latitude": LATITUDE})
    over = ["init_time", "latitude", "longitude"]
    both, target = both.astype("float64"), target.astype("float64")
    squared = ((both.mean("number") - target) ** 2).weighted(areas).mean(over)
    size = both.sizes["number"]
    pairs = abs(both - both.rename(number="other")).sum(["number", "other"])
    score = abs(both - target).mean("number") - pairs / (2 * size * (size - 1))
    return {"rmse": squared**0.5, "crps": score.weighted(areas).mean(over)}


def test_scores_are_the_same(products) -> None:
    truth, found = open_product(products["truth"]), Gathering()
    standard = Standard.of(truth, STATE, SETTINGS)
    none = np.zeros(0)
    seen = {"time": none.astype("datetime64[ns]"), "lat": none, "lon": none, "level": none}
    seen |= {"variable": none.astype(object), "withheld": none.astype(bool)}
    observations = xr.Dataset({k: ("obs", v) for k, v in seen.items()}).to_dataframe()
    normal, rng = Ensemble.open([products["normal"]]), np.random.default_rng(0)
    for name, start in (("one", 1), ("two", 4)):
        times = TIMES[start : start + 3]
        (cutoff,) = cutoffs("forecasting", times, [0])
        ensemble = Ensemble.open([products[name]])
        found.add(str(TIMES[start])[:16], verify(
            ensemble, normal, truth, observations, cutoff, standard, rng
        ))  # fmt: skip
    scores = score_table(found.tables()["statistics"], CHOICE)
    scores = scores[scores["window"] == "all"]
    for metric, fields in theirs(products).items():
        for row in scores[scores["metric"] == metric].to_dict("records"):
            lead = np.timedelta64(row["lead_hours"], "h").astype("timedelta64[ns]")
            field = fields[row["variable"]].sel(lead_time=lead)
            if row["variable"] != "2m_temperature":
                field = field.sel(level=row["level"])
            assert row["value"] == pytest.approx(float(field), rel=1e-5)
        assert (scores["metric"] == metric).sum() == 2 * 5
