"""Finished models wait for an answer when their periods change, and only then."""

import json

from pathlib import Path

import pytest
import yaml

from galerne.config.choices import Choices
from galerne.config.models import Config
from galerne.config.training import Question, ask, learning_periods, record_name

DEFAULT = Path(__file__).parents[2] / "config/default.yaml"
YEAR = {"role": "train", "start": "2006-01-01T00:00", "end": "2006-12-31T18:00"}
AUTOENCODER, PRIOR = ("speedy_t31", "small"), ("speedy_t31", "small", "gaussian_dit")


def configured(folder: Path, *, retrain: bool = False, **periods: dict | None) -> Choices:
    config = yaml.safe_load(DEFAULT.read_text()) | {"results": str(folder), "retrain": retrain}
    known = config["datasets"]["speedy_t31"]["periods"]
    for name, period in periods.items():
        known[name] = period
        if period is None:
            del known[name]
    return Choices(Config.model_validate(config))


def dataset(choices: Choices):  # noqa: ANN201
    return choices.config.datasets["speedy_t31"]


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A folder with both models, trained on the periods of the default configuration."""
    periods = learning_periods(dataset(configured(tmp_path)))
    for names in (AUTOENCODER, PRIOR):
        path = tmp_path.joinpath(*names, "model.json")
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(json.dumps({"notes": {"periods": periods}}))
    return tmp_path


def waiting(question: Question) -> set[str]:
    """Folders of the models that wait."""
    return {model.path.parent.name for model in question.waiting}


def test_models_learn_from_training_and_validation_periods() -> None:
    periods = learning_periods(dataset(configured(Path("results"))))
    assert list(periods) == ["train_a", "train_b", "train_c", "train_d", "validation"]
    assert periods["train_a"] == {
        "role": "train", "start": "2001-01-01T00:00:00", "end": "2001-12-31T18:00:00",
    }  # fmt: skip


def test_a_record_is_named_by_its_ends_and_told_from_others() -> None:
    name = record_name(dataset(configured(Path("results"))))
    assert name.startswith("19990101-20021231_")
    middle = {"role": "train", "start": "2001-06-01T00:00", "end": "2001-12-31T18:00"}
    others = [
        {"train_e": YEAR},
        {"train_b": None},
        {"train_b": None, "renamed": dict(zip(YEAR, ("train", "2002-01-01T00:00",
                                                     "2002-12-31T18:00"), strict=True))},
        {"train_a": middle | {"start": "2001-01-01T00:00", "end": "2001-11-30T18:00"}},
    ]  # fmt: skip
    names = {record_name(dataset(configured(Path("results"), **change))) for change in others}
    assert len(names | {name}) == 5
    later = {"role": "validation", "start": "2006-01-11T00:00", "end": "2006-02-01T00:00"}
    assert record_name(dataset(configured(Path("results"), another=later))) == name


def test_nothing_is_asked_before_a_first_training(tmp_path: Path) -> None:
    assert not ask(configured(tmp_path, train_e=YEAR))
    path = tmp_path.joinpath(*AUTOENCODER, "model.json")
    path.parent.mkdir(parents=True)
    for text in ("", "[]", "{}", '{"notes": null}', '{"notes": {"periods": null}}'):
        path.write_text(text)
        assert not ask(configured(tmp_path, train_e=YEAR))


def test_nothing_is_asked_where_the_periods_are_the_same(trained: Path) -> None:
    assert not ask(configured(trained))
    test = {"role": "test", "start": "2006-01-11T00:00", "end": "2006-02-01T00:00"}
    assert not ask(configured(trained, another=test))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"train_e": YEAR}, "train_e added (train, 2006-01-01T00:00 to 2006-12-31T18:00)"),
        ({"train_b": None}, "train_b removed (train, 2002-01-01T00:00 to 2002-12-31T18:00)"),
        (
            {"train_b": YEAR | {"start": "2002-01-01T00:00", "end": "2002-11-30T18:00"}},
            "train_b changed (train, 2002-01-01T00:00 to 2002-12-31T18:00; "
            "now train, 2002-01-01T00:00 to 2002-11-30T18:00)",
        ),
        (
            {"validation": YEAR | {"role": "validation"}},
            "validation changed (validation, 2003-01-11T00:00 to 2003-03-01T18:00; "
            "now validation, 2006-01-01T00:00 to 2006-12-31T18:00)",
        ),
    ],
    ids=["added", "removed", "other dates", "other validation"],
)
def test_finished_models_wait_when_their_periods_change(
    trained: Path, change: dict[str, dict | None], said: str
) -> None:
    question = ask(configured(trained, **change))
    assert waiting(question) == {"small", "gaussian_dit"}
    assert question.datasets == ["speedy_t31"]
    for names in (AUTOENCODER, PRIOR):
        path = trained.joinpath(*names, "model.json")
        assert f"{path}: {said}" in str(question)
        assert question.concerns(path)
        assert not question.concerns(path.with_name("other.json"))
    assert "--config retrain=true" in str(question)
    assert not ask(configured(trained, retrain=True, **change))


def test_other_dates_under_an_old_name_would_replace_its_data(trained: Path) -> None:
    added = ask(configured(trained, train_e=YEAR))
    assert added.stuck == []
    assert "Made now of speedy_t31: the new periods" in str(added)
    assert "nothing" not in str(added)
    moved = ask(configured(trained, train_b=YEAR))
    assert moved.stuck == ["speedy_t31"]
    assert "Made now of speedy_t31: nothing" in str(moved)
    assert "the new periods" not in str(moved)
    role = {"role": "validation", "start": "2002-01-01T00:00", "end": "2002-12-31T18:00"}
    swapped = ask(configured(trained, train_a=None, train_b=role, train_e=YEAR, validation=None))
    assert swapped.stuck == []
    assert "train_b changed (train, 2002" in str(swapped)


def test_a_model_alone_may_wait(trained: Path) -> None:
    trained.joinpath(*AUTOENCODER, "model.json").unlink()
    assert waiting(ask(configured(trained, train_e=YEAR))) == {"gaussian_dit"}
