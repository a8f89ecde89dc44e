"""The network of the prior, trained by script for two steps."""

import pandas as pd
import pytest

from galerne.prior.checkpoint import open_prior


def validation(folder) -> pd.DataFrame:
    curve = pd.read_csv(folder / "training.csv")
    return curve.filter(like="validation_at_sigma_").iloc[[0, -1]]


def test_it_opens_as_a_prior_with_a_network(models, choice) -> None:
    prior = open_prior(*models[2:], **choice.sigmas)
    assert prior.backbone is not None
    assert not any(parameter.requires_grad for parameter in prior.parameters())


def test_curve_holds_the_loss_and_what_is_gained_by_noise_level(models) -> None:
    curve = pd.read_csv(models[3].parent / "training.csv")
    assert curve["step"].iloc[-1] == 2
    assert curve["loss"].count() == 2
    columns = [float(name.rsplit("_", 1)[1]) for name in validation(models[3].parent)]
    assert columns == sorted(columns)
    assert len(columns) > 2
    assert validation(models[3].parent).iloc[-1].between(0.5, 1.5).all()


def test_before_training_nothing_is_gained(models) -> None:
    assert validation(models[3].parent).iloc[0].tolist() == pytest.approx([1.0] * 5, rel=1e-5)


def test_without_steps_the_gaussian_stands_alone(tmp_path, train_network, models, choice) -> None:
    path = train_network(tmp_path, steps=0)
    assert open_prior(models[2], path, **choice.sigmas).backbone is None
    assert validation(tmp_path).iloc[-1].tolist() == pytest.approx([1.0] * 5)


def test_a_rerun_writes_the_same_bytes(tmp_path, train_network, models, contents) -> None:
    train_network(tmp_path)
    assert contents(tmp_path) == contents(models[3].parent)


def test_progress_of_other_settings_is_not_continued_and_gone_in_the_end(
    tmp_path, train_network, models
) -> None:
    stale = tmp_path / "checkpoints/other/step_00000002.pt"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"made with other settings")
    train_network(tmp_path)
    assert not (tmp_path / "checkpoints").exists()
    curves = [
        path.read_text() for path in (tmp_path / "training.csv", models[3].parent / "training.csv")
    ]
    assert curves[0] == curves[1]
