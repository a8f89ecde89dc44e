"""Training an autoencoder: from the linear start downwards."""

from pathlib import Path

import pytest
import torch

from galerne.latent.autoencoder import Autoencoder
from galerne.latent.training import train_on


def test_training_improves_on_the_linear_start(tmp_path: Path) -> None:
    rng = torch.Generator().manual_seed(0)
    waves = torch.randn(64, 3, 8, 16, generator=rng)
    smooth = torch.nn.functional.avg_pool2d(waves, 3, 1, 1)
    x = torch.cat([smooth, smooth[:, :1] * smooth[:, 1:2] * 6], dim=1)  # one field is a product
    areas = torch.full((8,), 1 / 8)
    torch.manual_seed(0)
    model = Autoencoder(4, 8, 16, 12, 2, 16, 1, 5.0)
    curve = train_on(
        model, x[:48], x[48:], areas, steps=60, batch_size=16, learning_rate=3e-3, noise=0.02,
        seed=0, folder=tmp_path,
    )  # fmt: skip
    error = curve["validation_relative_rmse"]
    assert error.iloc[-1] < 0.97 * error.iloc[0]
    assert curve["step"].tolist()[:2] == [0, 3]
    assert curve["loss"].iloc[0] != pytest.approx(0)
    assert model.spread.square().mean() == pytest.approx(1, abs=1e-4)
    left = model.decode(model.encode(x[48:])) - x[48:]
    variance = model.residual.square().sum(1).mean()
    assert variance == pytest.approx(left.square().mean().item(), rel=1e-3)
