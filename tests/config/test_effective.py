"""A report shows what makes the products of its run, and nothing else."""

from pathlib import Path
from typing import Any

import yaml

from galerne.config.effective import SHAPE, defaults, effective, matching, named
from galerne.config.models import Config

DEFAULT = Path(__file__).parents[2] / "config/default.yaml"


def shown(change: dict[str, Any] | None = None) -> dict[str, Any]:
    config = yaml.safe_load(DEFAULT.read_text())
    for key, value in (change or {}).items():
        config[key] = config[key] | value if isinstance(value, dict) else value
    return effective(Config.model_validate(config))


def test_every_key_is_shown_but_those_of_the_shape_of_a_run() -> None:
    assert set(shown()) == set(Config.model_fields) - set(SHAPE)
    assert shown()["datasets"].keys() == {"speedy_t31"}
    assert shown({"threads": 7, "retrain": True, "data_root": "/elsewhere"}) == shown()
    assert shown({"transfer": {"connections": 7}}) == shown()
    assert shown({"seed": 1}) != shown()


def test_blocks_that_no_experiment_names_are_left_out() -> None:
    config = yaml.safe_load(DEFAULT.read_text())
    spare = {
        block: {"spare": next(iter(config[block].values()))}
        for block in ("datasets", "autoencoders", "priors", "networks", "methods", "tasks")
    }
    demo = config["experiments"]["demo"]
    assert shown(spare | {"experiments": {"idle": demo}}) == shown()
    used = {"dataset": "spare", "autoencoder": "spare", "prior": "spare", "networks": ["spare"]}
    lists = {"methods": ["spare"], "tasks": ["spare"]}
    found = shown(spare | {"run": ["busy"], "experiments": {"busy": demo | used | lists}})
    assert all(found[block].keys() == {"spare"} for block in spare)
    assert found["experiments"].keys() == {"busy"}


def test_a_variant_is_shown_with_its_network() -> None:
    config = yaml.safe_load(DEFAULT.read_text())
    denied = {"of": "sparse", "change": "deny", "instruments": ["stations"]}
    variants = {"half": denied, "idle": denied}
    demo = config["experiments"]["demo"] | {"networks": ["half"]}
    found = shown({"variants": variants, "experiments": {"demo": demo}})
    assert found["variants"].keys() == {"half"}
    assert found["networks"].keys() == {"sparse"}


def test_keys_are_matched_at_every_level() -> None:
    default = {"a": {"b": {"c": 1, "d": 2}, "e": 3}, "f": 4, "g": {"h": 5}}
    assert matching(default, {"a": {"b": {"d": 0}}, "f": {}, "g": 1}) == {
        "a": {"b": {"d": 2}}, "f": 4, "g": {"h": 5},
    }  # fmt: skip


def test_defaults_are_shown_for_the_keys_that_are_shown() -> None:
    config = yaml.safe_load(DEFAULT.read_text()) | {"seed": 7}
    shown_defaults = defaults(Config.model_validate(config), DEFAULT)
    assert shown_defaults["seed"] == 0
    assert set(shown_defaults) == set(Config.model_fields) - set(SHAPE)


def test_names_follow_from_what_runs() -> None:
    config = yaml.safe_load(DEFAULT.read_text())
    shares = dict.fromkeys(config["networks"]["sparse"]["instruments"], 0.5)
    variants = {
        "half": {"of": "sparse", "change": "thin", "instruments": shares},
        "calm": {"of": "sparse", "change": "deny", "instruments": ["stations"]},
        "idle": {"of": "sparse", "change": "deny", "instruments": ["soundings"]},
    }
    demo = config["experiments"]["demo"] | {"networks": ["sparse", "half", "calm"]}
    found = named(
        Config.model_validate(config | {"variants": variants, "experiments": {"demo": demo}})
    )
    assert found["kinds"]["mmps"] == "mmps"
    assert found["kinds"]["climatological"] == "climatology"
    assert "cressman" not in found["kinds"]
    assert {n: v["every"] for n, v in found["variants"].items()} == {"half": True, "calm": False}
