"""The autoencoder, trained by script for a few steps."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from galerne.latent import training
from galerne.latent.autoencoder import Autoencoder
from galerne.nn.checkpoint import load_module
from galerne.nn.fit import Fit
from galerne.stats.transform import Transform


def test_weights_say_what_they_are(autoencoder, choice) -> None:
    grid = {"channels": 4, "latitudes": 16, "longitudes": 32}
    model = load_module(Autoencoder, autoencoder, **grid, **choice.architecture)
    assert all(torch.isfinite(value).all() for value in model.state_dict().values())


def test_errors_are_those_of_each_channel_in_its_unit(autoencoder, climatology) -> None:
    table = pd.read_csv(autoencoder.parent / "reconstruction.csv")
    transform = Transform.open(climatology)
    assert table["channel"].tolist() == [str(channel) for channel in transform.channels]
    assert table["relative_rmse"].between(0, 0.9).all()
    np.testing.assert_allclose(table["rmse"], table["relative_rmse"] * transform.scale)


def test_curve_begins_at_the_linear_start_and_ends_at_what_was_written(autoencoder) -> None:
    curve = pd.read_csv(autoencoder.parent / "training.csv")
    assert curve["step"].tolist() == [0, 1, 2, 3, 4, 5, 6, 6]
    assert curve["loss"].notna().tolist() == [False] + 6 * [True] + [False]
    errors = pd.read_csv(autoencoder.parent / "reconstruction.csv")["relative_rmse"]
    assert curve["validation_relative_rmse"].iloc[-1] == pytest.approx(errors.mean(), rel=1e-5)


def test_no_steps_leave_the_linear_start(tmp_path, train_small) -> None:
    model = load_module(Autoencoder, train_small(tmp_path, steps=0))
    assert model.encoder is None
    torch.testing.assert_close(model.basis.T @ model.basis, torch.eye(12), atol=1e-5, rtol=0)


def test_a_rerun_writes_the_same_bytes(tmp_path, train_small, autoencoder, contents) -> None:
    train_small(tmp_path)
    assert contents(tmp_path) == contents(autoencoder.parent)


def test_killed_and_run_again_gives_the_same_weights(
    tmp_path, train_small, autoencoder, monkeypatch
) -> None:
    calls = SimpleNamespace(left=4)
    loss = training.reconstruction_loss

    def killing(*arguments: object) -> torch.Tensor:
        calls.left -= 1
        if calls.left < 0:
            raise KeyboardInterrupt
        return loss(*arguments)

    monkeypatch.setattr(training, "Fit", partial(Fit, save_seconds=-1.0))
    monkeypatch.setattr(training, "reconstruction_loss", killing)
    with pytest.raises(KeyboardInterrupt):
        train_small(tmp_path)
    assert not (tmp_path / "model.json").exists()
    calls.left = 2  # all that is still to do
    found = train_small(tmp_path)
    assert found.read_bytes() == autoencoder.read_bytes()
    first, again = (pd.read_csv(p.parent / "reconstruction.csv") for p in (autoencoder, found))
    pd.testing.assert_frame_equal(first, again)
