"""Validation by noise level: one for the Gaussian alone, less for a better model."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from galerne.prior.denoiser import WindowDenoiser
from galerne.prior.gaussian import WindowGaussian
from galerne.prior.objective import NOISE_LEVELS, validation_losses
from galerne.prior.window import LatentRecords
from galerne.products import write_product

SHAPE = (3, 2, 2, 8)


@pytest.fixture
def records(tmp_path: Path, random_gaussian: Callable[..., WindowGaussian]) -> LatentRecords:
    drawn = random_gaussian().sample(torch.randn(20, *SHAPE)).flatten(0, 1).numpy()
    times = np.datetime64("2001-01-01", "ns") + np.arange(60) * np.timedelta64(6, "h")
    data = xr.Dataset({"latents": (("time", "latent", "y", "x"), drawn)}, {"time": times})
    write_product(data, tmp_path / "manifest.json")
    return LatentRecords([tmp_path / "manifest.json"], 3)


def test_the_gaussian_alone_scores_one(
    records: LatentRecords, random_gaussian: Callable[..., WindowGaussian]
) -> None:
    model = WindowDenoiser(random_gaussian(), None, 0.01, 100.0)
    losses = validation_losses(model, records, 0)
    assert list(losses) == [f"validation_at_sigma_{level:g}" for level in NOISE_LEVELS]
    assert list(losses.values()) == pytest.approx([1] * len(NOISE_LEVELS))


def test_a_worse_model_scores_more(
    records: LatentRecords,
    random_gaussian: Callable[..., WindowGaussian],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = WindowDenoiser(random_gaussian(), None, 0.01, 100.0)
    monkeypatch.setattr(model, "mean", lambda z_t, sigma, season: z_t)
    assert all(value > 1 for value in validation_losses(model, records, 0).values())
