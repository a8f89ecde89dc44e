"""The Gaussian of the latents, pooled by script."""

import numpy as np
import pytest
import torch

from galerne.nn.checkpoint import load_module
from galerne.nn.fit import generator
from galerne.prior.gaussian import WindowGaussian
from galerne.products import open_product


def test_it_is_a_gaussian_of_windows_of_these_latents(gaussian) -> None:
    model = load_module(WindowGaussian, gaussian, states=4, components=12)
    assert model.shape == (4, 12, 4, 8)
    assert all(torch.isfinite(value).all() for value in model.state_dict().values())
    assert (model.variance > 0).all()
    assert (model.rest_variance >= 0).all()


def test_its_samples_are_as_large_as_the_latents_and_last_as_long(gaussian, latents) -> None:
    model = load_module(WindowGaussian, gaussian)
    drawn = model.sample(torch.randn(64, *model.shape, generator=generator(0, 0))) - model.mean
    records = [open_product(path)["latents"].values for path in latents.values()]
    z = [record - model.mean.numpy() for record in records]
    size = np.square(np.concatenate(z)).mean()
    assert drawn.square().mean().item() == pytest.approx(size, rel=0.3)
    correlation = (drawn[:, 1:] * drawn[:, :-1]).mean() / drawn.square().mean()
    products = np.concatenate([one[1:] * one[:-1] for one in z])
    assert correlation.item() == pytest.approx(products.mean() / size, abs=0.1)


def test_a_rerun_writes_the_same_bytes(tmp_path, pool_small, gaussian) -> None:
    again = pool_small(tmp_path / "again.json")
    assert again.read_bytes() == gaussian.read_bytes()  # with the digest of the weights


def test_windows_longer_than_the_periods_are_refused(tmp_path, pool_small) -> None:
    with pytest.raises(ValueError, match="no period holds a window of 81 states"):
        pool_small(tmp_path / "gaussian.json", states=81)
    assert not list(tmp_path.iterdir())
