"""The schema is in sync, shipped configurations are valid, and each mistake is named."""

import json
import re

from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from pydantic import ValidationError
from snakemake.utils import update_config, validate

from galerne.config.models import Config, checked, json_schema

FOLDER = Path(__file__).parents[2] / "config"
OVERLAYS = sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem != "default")


def shipped(overlay: str | None = None) -> dict[str, Any]:
    config = yaml.safe_load((FOLDER / "default.yaml").read_text())
    if overlay:
        update_config(config, yaml.safe_load((FOLDER / f"{overlay}.yaml").read_text()))
    return config


def at(config: dict[str, Any], path: str) -> Any:
    for key in path.split("."):
        config = config[key]
    return config


def test_schema_is_in_sync() -> None:
    assert (FOLDER / "schema.json").read_text() == json_schema()


def test_every_value_of_the_schema_is_described() -> None:
    blocks = {"$ref", "patternProperties", "const", "discriminator"}  # described where they are
    schema = json.loads(json_schema())
    bare = [
        f"{name}.{key}"
        for name, model in {"Config": schema, **schema["$defs"]}.items()
        for key, about in model["properties"].items()
        if not about.get("description") and not blocks & set(about)
    ]
    assert not bare


@pytest.mark.parametrize("overlay", [None, *OVERLAYS])
def test_shipped_configuration_is_valid(overlay: str | None) -> None:
    Config.model_validate(shipped(overlay))
    validate(json.loads(json.dumps(shipped(overlay), default=str)), FOLDER / "schema.json")


def test_each_configuration_has_a_results_folder_of_its_own() -> None:
    folders = [shipped(overlay)["results"] for overlay in (None, *OVERLAYS)]
    assert folders[0] == "results"
    assert len(set(folders)) == len(folders)


def test_no_model_gives_a_default() -> None:
    schema = json.loads(json_schema())
    blocks = [schema, *schema["$defs"].values()]
    assert not [key for b in blocks for key, p in b["properties"].items() if "default" in p]
    assert all(set(block["properties"]) == set(block["required"]) for block in blocks)


def blocks(config: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of every block of keys that the models name (not of names or errors)."""
    if not isinstance(config, dict):
        return
    parent = path[-1] if path else ""
    named = {
        "datasets",
        "periods",
        "autoencoders",
        "priors",
        "networks",
        "variants",
        "instruments",
    }
    named |= {
        "methods",
        "baselines",
        "tasks",
        "experiments",
        "variants",
        "errors",
        "rounding",
        "thresholds",
    }
    if parent not in named:
        yield path
    for key, value in config.items():
        yield from blocks(value, (*path, key))


@pytest.mark.parametrize("path", list(blocks(shipped())), ids=".".join)
def test_a_misspelt_key_is_refused_with_its_path(path: tuple[str, ...]) -> None:
    config = deepcopy(shipped())
    block = at(config, ".".join(path)) if path else config
    block["misspelt"] = 1
    with pytest.raises(ValidationError) as caught:
        Config.model_validate(config)
    faults = [error for error in caught.value.errors() if error["type"] == "extra_forbidden"]
    # a union puts the kind into the path: drop it
    kinds = {"nature_run", "archive", "stations", "soundings", "swath"}
    kinds |= {"reanalysis", "filtering", "forecasting", *shipped()["methods"]}
    kinds |= {block["kind"] for block in shipped()["baselines"].values()}
    found = [[k for k in map(str, e["loc"]) if k not in kinds] for e in faults]
    assert found == [[k for k in (*path, "misspelt") if k not in kinds]]


@pytest.mark.parametrize("path", list(blocks(shipped())), ids=".".join)
def test_a_missing_key_is_refused(path: tuple[str, ...]) -> None:
    for key in at(shipped(), ".".join(path)) if path else shipped():
        config = deepcopy(shipped())
        del (at(config, ".".join(path)) if path else config)[key]
        with pytest.raises(ValidationError, match=rf"{key}|discriminator"):
            Config.model_validate(config)


D, E, N = "datasets.speedy_t31", "experiments.demo", "networks.sparse.instruments"
MISTAKES = [
    (f"{D}.surface", ["2m_temprature"], "unknown variable '2m_temprature'"),
    (f"{D}.surface", ["temperature"], "'temperature' lives on pressure levels"),
    (f"{D}.pressure", ["2m_temperature"], "'2m_temperature' has no pressure levels"),
    (f"{D}.storage.rounding", {"sea_ice_cover": 0.1}, "storage.rounding: the state has no 'sea_"),
    (f"{D}.levels", [], "pressure variables need levels"),
    (f"{D}.pressure", [], "levels need variables"),
    (f"{D}.periods.test.end", "2004-01-10T00:00", "is not after start"),
    (f"{D}.periods.test.role", "train", "no period has the role 'test'"),
    (f"{D}.periods.train_b.start", "2001-12-01T00:00", "'train_a' and 'train_b' are less than"),
    (f"{D}.periods.validation.start", "2003-01-01T00:00", "'train_b' and 'validation' are less"),
    (f"{D}.grid.longitudes", 63, "longitudes must be even"),
    (f"{D}.step_hours", 5, "step_hours"),
    (f"{D}.source.kind", "era5", "nature_run"),
    ("run", ["missing"], "run: no 'missing' under experiments"),
    (f"{E}.dataset", "missing", f"{E}.dataset: no 'missing' under datasets; defined: speedy_t31"),
    (f"{E}.autoencoder", "missing", f"{E}.autoencoder: no 'missing' under autoencoders"),
    (f"{E}.prior", "missing", f"{E}.prior: no 'missing' under priors"),
    (f"{E}.networks", ["missing"], f"{E}.networks: no 'missing' under networks"),
    (f"{E}.methods", ["missing"], f"{E}.methods: no 'missing' under methods"),
    (f"{E}.tasks", ["missing"], f"{E}.tasks: no 'missing' under tasks"),
    (f"{E}.window_hours", 36, f"{E}.window_hours: 36 is less than the 42 hours"),
    (f"{E}.windows", ["2004-06-01T00:00"], "2004-06-01 00:00:00 to .* leaves the test periods"),
    (f"{E}.windows", ["2004-03-01T12:00"], "leaves the test periods"),
    (f"{E}.windows", ["2004-01-14T01:00"], "2004-01-14 01:00:00 is not a time of the data"),
    (f"{E}.windows", [], "windows"),
    (f"{E}.windows", ["2004-01-14T00:00"] * 2, "2004-01-14 00:00:00 is there twice"),
    (f"{E}.members", 1, "members"),
    (f"{N}.stations.errors", {"geopotential": 1.0}, "no 'geopotential' at the surface"),
    (f"{N}.soundings.errors", {"2m_temperature": 1.0}, "no '2m_temperature' on levels"),
    (f"{N}.soundings.errors", {"temperature": 0.0}, "greater than 0"),
    (f"{N}.stations.errors", {"wind_speed": 1.0}, "no 'wind_speed' at the surface; allowed: 2m_"),
    (f"{N}.soundings.errors", {"10m_wind_speed": 1.0}, "no '10m_wind_speed' on levels"),
    (
        f"{N}.soundings.errors",
        {"layer_thickness": 5.0},
        "[300, 500, 700], not [300, 500, 700, 850]",
    ),
    (f"{N}.soundings.correlation", {"log_pressure": 0.0}, "greater than 0"),
    (f"{N}.soundings.correlation", {"log_pressure": 0.3, "km": 1.0}, "Extra inputs"),
    (f"{N}.polar_orbiter.correlation", {"km": -1.0, "log_pressure": None}, "greater than 0"),
    (f"{N}.soundings.levels", [100, 500], "100 hPa lies outside the levels of the state"),
    ("networks.sparse.instruments", {}, "instruments"),
    ("networks.sparse.withheld_share", 1.0, "less than 1"),
    ("priors.gaussian_dit.network.patch", 3, "a grid of 32 x 64 does not divide"),
    (
        "autoencoders.small.turns",
        3,
        "turns 3 does not divide the autoencoder's downsampling 4; all",
    ),
    ("autoencoders.small.downsampling", 5, "a grid of 32 x 64 does not divide"),
    ("tasks.filtering.now_hours", [43], "tasks.filtering.now_hours: 43 is not a multiple"),
    ("tasks.filtering.now_hours", [48], "48 leaves the window; at most 42"),
    ("tasks.filtering.now_hours", [12, 6], "[12, 6] must increase, each time once"),
    ("tasks.filtering.now_hours", [6, 6], "[6, 6] must increase, each time once"),
    ("tasks.forecasting.now_hours", [42], "42 leaves the window; at most 36"),
    ("tasks.forecasting.now_hours", [6, 12], "at most 1 item"),
    ("report.maps", ["geopotential_250"], "no channel 'geopotential_250'; allowed: 2m_temp"),
    ("evaluation.crps", "fare", "'fair' or 'ecdf'"),
    ("evaluation.thresholds", {"temperature": [273.15]}, "no channel 'temperature'"),
]


@pytest.mark.parametrize(
    ("path", "value", "message"), MISTAKES, ids=[f"{p}={v}" for p, v, _ in MISTAKES]
)
def test_a_mistake_is_refused_in_words(path: str, value: object, message: str) -> None:
    config = shipped()
    *parents, last = path.split(".")
    (at(config, ".".join(parents)) if parents else config)[last] = value
    with pytest.raises(ValidationError, match=re.escape(message).replace(r"\.\*", ".*")):
        Config.model_validate(config)


def test_an_experiment_that_does_not_run_may_be_unfinished() -> None:
    config = shipped()
    config["experiments"]["later"] = config["experiments"]["demo"] | {"prior": "missing"}
    Config.model_validate(config)


def test_the_gaussian_alone_needs_no_patches() -> None:
    config = shipped()
    config["priors"]["gaussian_dit"]["network"] |= {"patch": 3, "steps": 0}
    Config.model_validate(config)


@pytest.mark.parametrize("spell", [str, lambda t: f"{t}Z"], ids=["plain", "zoned"])
def test_times_are_read_as_utc(spell: Callable[[str], str]) -> None:
    config = yaml.safe_load(f"time: {spell('2004-01-14T00:00:00')}")
    loaded = shipped()
    loaded["experiments"]["demo"]["windows"] = [config["time"]]
    (window,) = Config.model_validate(loaded).experiments["demo"].windows
    assert window.isoformat() == "2004-01-14T00:00:00"


def test_all_mistakes_are_named_at_once() -> None:
    config = shipped()
    assert checked(config) == Config.model_validate(config)
    config["sed"] = 1
    config["report"]["title"] = 5
    with pytest.raises(ValueError, match="the configuration is not valid") as caught:
        checked(config)
    lines = str(caught.value).splitlines()[1:]
    assert sorted(lines) == [
        "  report.title: Input should be a valid string",
        "  sed: unknown key",
    ]


def test_what_follows_from_the_state_can_be_observed() -> None:
    config = shipped()
    at(config, f"{N}.stations.errors").update(
        {"10m_wind_speed": 1.0, "total_column_water_vapour": 2.0}
    )
    at(config, f"{N}.polar_orbiter.errors").update({"brightness_temperature": 0.5})
    Config.model_validate(config)
    at(config, D)["pressure"].remove("specific_humidity")
    del at(config, f"{D}.storage.rounding")["specific_humidity"]
    del at(config, f"{N}.soundings.errors")["specific_humidity"]
    del at(config, f"{N}.polar_orbiter.errors")["specific_humidity"]
    with pytest.raises(ValidationError, match="no 'total_column_water_vapour' at the surface"):
        Config.model_validate(config)
