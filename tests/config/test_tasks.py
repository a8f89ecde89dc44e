"""Windows of tasks that contradict each other are refused by key."""

from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from pydantic import ValidationError

from galerne.config.models import Config

DEFAULT = Path(__file__).parents[2] / "config/default.yaml"
FILTERING = {"kind": "filtering", "now_hours": [42], "window_hours": 42, "carry": None}
FORECASTING = FILTERING | {"kind": "forecasting", "now_hours": [18]}
CARRY = {"states": 2, "error": 0.1}


def long(task: dict[str, object], **other: object) -> dict[str, object]:
    """The default configuration with windows of ten days and one task."""
    config = yaml.safe_load(DEFAULT.read_text())
    experiment = config["experiments"]["demo"]
    experiment |= {"window_hours": 240, "windows": ["2004-01-14T00:00"], "tasks": ["one"]}
    experiment |= {key: value for key, value in other.items() if key in experiment}
    config["tasks"]["one"] = deepcopy(task)
    config["priors"]["gaussian_dit"]["overlap"] = other.get("overlap", 4)
    return config


@pytest.mark.parametrize(
    "task",
    [
        {"kind": "reanalysis"},
        FILTERING | {"now_hours": [0, 96, 240]},
        FILTERING | {"now_hours": [6, 42, 78], "carry": CARRY},
        FORECASTING | {"carry": CARRY},
        FORECASTING | {"window_hours": None},
        FORECASTING | {"window_hours": 60, "carry": CARRY},
    ],
)
def test_long_windows_are_allowed(task: dict[str, object]) -> None:
    Config.model_validate(long(task))


@pytest.mark.parametrize(
    ("task", "other", "said"),
    [
        (FILTERING | {"window_hours": 36}, {}, "tasks.one.window_hours: 36 is less than the 42"),
        (FILTERING | {"window_hours": 45}, {}, "tasks.one.window_hours: 45 is not a multiple"),
        (FILTERING | {"window_hours": 246}, {}, "246 is more than the experiment's 240"),
        (FILTERING | {"now_hours": [246]}, {}, "tasks.one.now_hours: 246 leaves the window"),
        (
            FILTERING | {"carry": CARRY | {"states": 8}},
            {},
            "tasks.one.carry.states: 8 fill the window of 8 states: at most 7",
        ),
        (
            FILTERING | {"carry": CARRY, "now_hours": [6, 48]},
            {},
            "tasks.one.now_hours: a window of 8 states with 2 carried does not reach from 6 to 48",
        ),
        (FILTERING | {"carry": CARRY, "window_hours": None}, {}, "tasks.one.carry: nothing to"),
        (FORECASTING, {}, "tasks.one.carry: a window of 42 hours does not reach the end"),
        (FORECASTING | {"now_hours": [240]}, {}, "240 leaves the window; at most 234"),
        ({"kind": "reanalysis"}, {"window_hours": 36}, "demo.window_hours: 36 is less than"),
        ({"kind": "reanalysis"}, {"window_hours": 45}, "demo.window_hours: 45 is not a multiple"),
        ({"kind": "reanalysis"}, {"overlap": 8}, "gaussian_dit.overlap is 8 of its 8 states"),
        (
            {"kind": "reanalysis"},
            {"methods": ["jfps"]},
            "methods.jfps.guidance: jfps is for windows of the prior's 8 states, and tasks.one",
        ),
        (FILTERING | {"carry": CARRY | {"error": 0}}, {}, "carry.error"),
    ],
)
def test_windows_that_do_not_fit_are_refused(
    task: dict[str, object], other: dict[str, object], said: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        Config.model_validate(long(task, **other))
    assert said in str(caught.value)
