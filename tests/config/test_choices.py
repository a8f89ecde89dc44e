"""Choices are combined, shared and named as the folders of products."""

from pathlib import Path

import pytest
import yaml

from galerne.config.choices import Choices
from galerne.config.models import Config

DEFAULT = Path(__file__).parents[2] / "config/default.yaml"


def choices(**changes: object) -> Choices:
    config = yaml.safe_load(DEFAULT.read_text())
    config["experiments"]["demo"] |= changes
    return Choices(Config.model_validate(config))


def test_lists_are_combined_with_each_other() -> None:
    asked = choices(tasks=["reanalysis", "filtering"]).asked()
    assert [c["task"] for c in asked] == ["reanalysis", "filtering"]
    assert {c["method"] for c in asked} == {"mmps"}


def test_two_experiments_share_what_they_have_in_common() -> None:
    config = yaml.safe_load(DEFAULT.read_text())
    config["experiments"]["again"] = config["experiments"]["demo"] | {"tasks": ["reanalysis"]}
    config["run"] = ["demo", "again"]
    twice = Choices(Config.model_validate(config))
    assert twice.asked() == choices().asked()


def test_every_choice_is_scored_beside_three_baselines() -> None:
    scored = choices(tasks=["reanalysis"]).scored()
    methods = [c["method"] for c in scored]
    assert methods == [
        *("mmps", "climatology", "prior", "reconstruction"),
        *("climatological", "optimal_interpolation", "letkf"),
    ]


def test_what_persists_is_scored_as_a_forecast_only() -> None:
    scored = choices(baselines=["persistence"]).scored()
    assert [c["task"] for c in scored if c["method"] == "persistence"] == ["forecasting"]


def test_windows_to_tune_on_are_spread_over_the_validation_period() -> None:
    some = choices()
    windows = some.tuning_windows("speedy_t31")
    assert windows == ["20030123T00_42h", "20030216T00_42h"]
    assert {some.window_period("speedy_t31", name) for name in windows} == {"validation"}
    assert not set(windows) & set(some.windows("speedy_t31", "gaussian_dit", "sparse"))


def test_members_of_a_baseline_are_as_many_as_the_largest_experiment_that_names_it_has() -> None:
    config = yaml.safe_load(DEFAULT.read_text())
    config["experiments"]["again"] = config["experiments"]["demo"] | {
        "members": 12,
        "baselines": ["letkf", "cressman"],
    }
    config["run"] = ["demo", "again"]
    some = Choices(Config.model_validate(config))
    names = ("speedy_t31", "sparse")
    assert some.baseline_batches(*names, "letkf") == ["000-011"]
    assert some.baseline_batches(*names, "optimal_interpolation") == ["000-007"]
    assert some.baseline_batches(*names, "cressman") == ["000-000"]  # an analysis without spread


def test_windows_are_named_by_start_and_length_and_found_in_their_period() -> None:
    some = choices(windows=["2004-02-12T06:00", "2004-01-14T00:00"])
    names = some.windows("speedy_t31", "gaussian_dit", "sparse")
    assert names == ["20040114T00_42h", "20040212T06_42h"]
    assert {some.window_period("speedy_t31", name) for name in names} == {"test"}
    with pytest.raises(ValueError, match="lies in no test period of dataset speedy_t31"):
        some.window_period("speedy_t31", "20100101T00_42h")


def test_the_last_batch_holds_what_is_left() -> None:
    some = choices(members=10, members_per_job=4)
    assert some.batches("speedy_t31", "gaussian_dit") == ["000-003", "004-007", "008-009"]


def test_roles_choose_periods() -> None:
    some = choices()
    assert some.periods("speedy_t31", "train") == ["train_a", "train_b", "train_c", "train_d"]
    assert some.periods("speedy_t31", "validation", "test") == ["validation", "test"]


def test_networks_of_several_experiments_keep_their_own_windows() -> None:
    config = yaml.safe_load(DEFAULT.read_text())
    config["networks"]["dense"] = config["networks"]["sparse"]
    config["experiments"]["again"] = config["experiments"]["demo"] | {
        "networks": ["dense"],
        "windows": ["2004-01-20T00:00"],
        "members": 12,
    }
    config["run"] = ["demo", "again"]
    both = Choices(Config.model_validate(config))
    assert both.windows("speedy_t31", "gaussian_dit", "dense") == ["20040120T00_42h"]
    assert len(both.windows("speedy_t31", "gaussian_dit", "sparse")) == 4
    assert both.windows("speedy_t31", "gaussian_dit", "nobody") == []
    baselines = 3 + 1 + 3 + 3  # one of them serves forecasts alone
    assert len(both.mapped()) == (3 + baselines) * 4 + (3 + baselines) * 1
    assert all(choice["method"] == "mmps" for choice in both.mapped()[: 3 * 4 + 3 * 1])
    assert not {"climatology", "prior", "reconstruction"} & {c["method"] for c in both.mapped()}
    # the largest ensemble of the prior, in its own batches
    assert both.batches("speedy_t31", "gaussian_dit") == ["000-007", "008-011"]


def test_the_report_maps_a_few_windows_spread_over_all() -> None:
    days = [f"2004-01-{day:02d}T00:00" for day in range(12, 29)]
    names = ("speedy_t31", "gaussian_dit", "sparse")

    def mapped(most: int) -> list[str]:
        config = yaml.safe_load(DEFAULT.read_text())
        alone = {"windows": days, "tasks": ["reanalysis"], "baselines": []}
        config["experiments"]["demo"] |= alone
        config["report"]["windows"] = most
        some = Choices(Config.model_validate(config))
        assert [choice["window"] for choice in some.mapped()] == some.mapped_windows(*names)
        assert len(some.windows(*names)) == len(days)
        return [window[6:8] for window in some.mapped_windows(*names)]

    assert mapped(5) == ["12", "16", "20", "24", "28"]
    assert mapped(2) == ["12", "28"]
    assert mapped(1) == ["12"]
    assert mapped(17) == mapped(40) == [f"{day:02d}" for day in range(12, 29)]


def test_answers_are_worked_out_once() -> None:
    some = choices()
    assert some.asked() is some.asked()
    assert some.mapped() is some.mapped()
    assert some.windows("speedy_t31", "gaussian_dit", "sparse") is some.windows(
        "speedy_t31", "gaussian_dit", "sparse"
    )
