"""Baselines that do not fit an experiment are refused, naming the key."""

from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from pydantic import ValidationError

from galerne.baselines.methods import TARGETS
from galerne.config.baselines import Baseline, Tuning, check_baselines, check_tuning, tuned
from galerne.config.models import Config

DEFAULT = Path(__file__).parents[2] / "config/default.yaml"


def changed(**changes: Any) -> Config:
    """The default configuration with other values, by their paths (`__` for a dot)."""
    config = yaml.safe_load(DEFAULT.read_text())
    for path, value in changes.items():
        *parents, last = path.split("__")
        block = config
        for key in parents:
            block = block[key]
        block[last] = value
    return Config.model_validate(config)


def test_every_kind_of_the_library_has_a_block() -> None:
    blocks = get_args(get_args(Baseline)[0])
    assert {get_args(b.model_fields["kind"].annotation)[0] for b in blocks} == set(TARGETS)
    assert {block.kind for block in changed().baselines.values()} == set(TARGETS)


def test_every_baseline_tries_as_many_settings() -> None:
    config = changed()
    tries = {name: tuned(block) for name, block in config.baselines.items()}
    apart = ("climatological", "persistence")
    assert {n for name, n in tries.items() if name not in apart} == {config.tuning.settings}
    assert {tries[name] for name in apart} == {1}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"experiments__demo__baselines": ["kalman"]}, r"no 'kalman' under baselines; defined: "),
        ({"experiments__demo__baselines": ["letkf", "letkf"]}, r"baselines: letkf is there twice"),
        (
            {"baselines__persistence__of": "persistence"},
            "persistence.of: no analysis 'persistence",
        ),
        (
            {"baselines__persistence__of": "climatological"},
            "no analysis 'climatological'; allowed",
        ),
        (
            {"tuning__settings": 5},
            r"6 combinations to try, but tuning.settings gives .* 5 at most",
        ),
        ({"tuning__window_hours": 41}, r"41 is not a multiple of the 6 hours"),
        ({"tuning__windows": 500}, r"500 windows of 42 hours do not fit .* at most 49"),
        ({"tuning__window_hours": 2400}, r"windows of 2400 hours do not fit .* at most 0"),
        ({"experiments__demo__members": 65}, r"64 are fewer than the 65 members"),
        ({"baselines__letkf__length_km": []}, r"at least 1 item"),
        ({"baselines__letkf__length_km": [0.0]}, r"greater than 0"),
        ({"baselines__letkf__kind": "enkf"}, r"'climatology', 'persistence', 'cressman'"),
    ],
)
def test_a_mistake_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        changed(**changes)


def test_a_method_of_the_same_name_is_refused() -> None:
    config = yaml.safe_load(DEFAULT.read_text())
    config["methods"]["letkf"] = config["methods"]["mmps"]
    with pytest.raises(ValidationError, match=r"methods\.letkf has the same name"):
        Config.model_validate(config)


def test_windows_of_tuning_avoid_what_is_excluded() -> None:
    config = changed()
    dataset, tuning = config.datasets["speedy_t31"], config.tuning
    assert check_tuning(tuning, "a", dataset) == [datetime(2003, 1, 23), datetime(2003, 2, 16)]
    bad = [{"start": datetime(2003, 1, 11), "end": datetime(2003, 2, 20)}]
    other = changed(datasets__speedy_t31__exclude=bad).datasets["speedy_t31"]
    assert min(check_tuning(tuning, "a", other)) > datetime(2003, 2, 20)
    single = Tuning(windows=1, window_hours=42, members=2, settings=1)
    assert len(check_tuning(single, "a", dataset)) == 1


def test_no_baseline_at_all_is_allowed() -> None:
    config = changed(experiments__demo__baselines=[])
    check_baselines(config, "experiments.demo", config.experiments["demo"])
