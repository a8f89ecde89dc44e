"""Parts of an experiment that do not fit are refused, naming key and part."""

from pathlib import Path

import pytest
import yaml

from pydantic import ValidationError

from galerne.config.checks import check_known
from galerne.config.models import Config

DEFAULT = Path(__file__).parents[2] / "config/default.yaml"


def refused(path: str, value: object) -> str:
    """What is said of the default configuration with one value changed."""
    config = yaml.safe_load(DEFAULT.read_text())
    *parents, last = path.split(".")
    block = config
    for key in parents:
        block = block[key]
    block[last] = value
    with pytest.raises(ValidationError) as caught:
        Config.model_validate(config)
    return str(caught.value)


def test_names_are_known() -> None:
    check_known("run", "a", "experiments", {"a": 1})
    with pytest.raises(ValueError, match="run: no 'b' under experiments; defined: a"):
        check_known("run", "b", "experiments", {"a": 1})


def test_a_window_is_no_shorter_than_the_priors() -> None:
    said = refused("experiments.demo.window_hours", 36)
    assert "experiments.demo.window_hours: 36 is less than the 42 hours" in said


def test_what_is_undefined_in_places_is_no_part_of_a_state() -> None:
    surface = yaml.safe_load(DEFAULT.read_text())["datasets"]["speedy_t31"]["surface"]
    said = refused("datasets.speedy_t31.surface", [*surface, "sea_surface_temperature"])
    assert "datasets.speedy_t31.surface: sea_surface_temperature is undefined in places" in said


def test_a_window_lies_in_a_test_period() -> None:
    said = refused("experiments.demo.windows", ["2004-02-29T12:00"])
    assert "leaves the test periods: test (2004-01-11" in said


def test_latents_divide_into_tokens() -> None:
    said = refused("priors.gaussian_dit.network.patch", 3)
    assert "does not divide into pieces of 12 x 12" in said


def test_an_instrument_sees_the_state() -> None:
    said = refused("networks.sparse.instruments.soundings.levels", [300, 925])
    assert "networks.sparse.soundings.levels: 925 hPa lies outside" in said


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"of": "dense", "change": "deny", "instruments": ["stations"]},
         "variants.half.of: no 'dense' under networks; defined: sparse"),
        ({"of": "sparse", "change": "deny", "instruments": ["buoys"]},
         "variants.half.instruments: no 'buoys' under networks.sparse; defined: stations, sound"),
        ({"of": "sparse", "change": "thin", "instruments": {"buoys": 0.5}}, "no 'buoys' under"),
        ({"of": "sparse", "change": "bias", "instruments": {"stations": {"temperature": 1.0}}},
         "variants.half.instruments.stations: no 'temperature' under its errors; defined: 2m_t"),
    ],
)  # fmt: skip
def test_a_variant_is_of_what_is_there(value: dict, message: str) -> None:
    config = yaml.safe_load(DEFAULT.read_text())
    config["variants"] = {"half": value}
    config["experiments"]["demo"]["networks"] = ["sparse", "half"]
    with pytest.raises(ValidationError, match=message):
        Config.model_validate(config)


def test_a_variant_and_a_network_have_unlike_names() -> None:
    assert "variants.sparse: there is a network" in refused(
        "variants.sparse", {"of": "sparse", "change": "deny", "instruments": ["stations"]}
    )


def test_a_forecast_leaves_something_to_forecast() -> None:
    said = refused("tasks.forecasting.now_hours", [42])
    assert "tasks.forecasting.now_hours: 42 leaves the window; at most 36" in said


def test_a_window_that_touches_excluded_hours_is_refused_by_name() -> None:
    spans = ["2004-01-30T18:00", {"start": "2004-02-01T00:00", "end": "2004-02-02T00:00"}]
    said = refused("datasets.speedy_t31.exclude", spans)
    assert "experiments.demo.windows: 2004-01-29 00:00:00 to 2004-01-30 18:00:00 touches" in said
    assert "datasets.speedy_t31.exclude leaves out: 2004-01-30 18:00:00 to" in said


@pytest.mark.parametrize("kept", [0, 1])
def test_a_local_part_needs_windows_that_the_prior_keeps(kept: int) -> None:
    said = refused("priors.gaussian_dit.gaussian.windows", kept)
    assert f"methods.mmps.local: priors.gaussian_dit.gaussian.windows is {kept}" in said
