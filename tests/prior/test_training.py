"""Training a prior: no steps leave the Gaussian; steps learn what it misses."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from galerne.prior.backbone import Backbone
from galerne.prior.gaussian import WindowGaussian
from galerne.prior.training import train_on
from galerne.prior.window import LatentRecords
from galerne.products import write_product

SHAPE = (3, 2, 2, 8)
SETTINGS = {"batch_size": 8, "learning_rate": 3e-3, "ema_half_life": 5.0, "seed": 0}


@pytest.fixture
def records(tmp_path: Path, random_gaussian: Callable[..., WindowGaussian]) -> LatentRecords:
    """Windows whose mean is not the Gaussian's: the network has something to learn."""
    rng = torch.Generator().manual_seed(0)
    noise = torch.randn(40, *SHAPE, generator=rng)
    drawn = (random_gaussian().sample(noise) + 1.5).flatten(0, 1).numpy()
    times = np.datetime64("2001-01-01", "ns") + np.arange(len(drawn)) * np.timedelta64(6, "h")
    data = xr.Dataset({"latents": (("time", "latent", "y", "x"), drawn)}, {"time": times})
    write_product(data, tmp_path / "manifest.json")
    return LatentRecords([tmp_path / "manifest.json"], 3)


def backbone() -> Backbone:
    torch.manual_seed(0)
    return Backbone(*SHAPE, patch=2, hidden_channels=32, blocks=1, heads=2)


def test_it_learns_what_the_gaussian_misses(
    records: LatentRecords, random_gaussian: Callable[..., WindowGaussian], tmp_path: Path
) -> None:
    curve = train_on(
        backbone(), random_gaussian(), records, records, steps=60, folder=tmp_path, **SETTINGS
    )
    first, last = curve.iloc[0], curve.iloc[-1]
    assert first["validation_at_sigma_1"] == pytest.approx(1)
    assert last["validation_at_sigma_10"] < 0.9
    assert curve["loss"].dropna().iloc[-1] < 0.8 * curve["loss"].dropna().iloc[0]
    assert curve["step"].iloc[-1] == 60


def test_no_steps_leave_the_gaussian(
    records: LatentRecords, random_gaussian: Callable[..., WindowGaussian]
) -> None:
    network = backbone()
    curve = train_on(
        network, random_gaussian(), records, records, steps=0, folder=None, **SETTINGS
    )
    assert network.transformer.out_proj.weight.abs().max() == 0
    assert curve.filter(like="validation").to_numpy() == pytest.approx(1)
