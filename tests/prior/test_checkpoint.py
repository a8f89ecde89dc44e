"""A prior on disk is the prior that was written; mismatched files are refused."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from galerne.latent.autoencoder import Autoencoder
from galerne.nn.checkpoint import save_module
from galerne.prior.backbone import Backbone
from galerne.prior.checkpoint import open_models, open_prior
from galerne.prior.gaussian import WindowGaussian

SHAPE = (3, 2, 2, 8)
NAMES = ("states", "channels", "rows", "columns")
SMALL = {"patch": 2, "hidden_channels": 16, "blocks": 1, "heads": 2}


@pytest.fixture
def paths(tmp_path: Path, random_gaussian: Callable[..., WindowGaussian]) -> tuple[Path, Path]:
    shape = dict(zip(NAMES, SHAPE, strict=True))
    save_module(random_gaussian(), shape | {"components": 2}, tmp_path / "gaussian.json")
    backbone = Backbone(**shape, **SMALL)
    torch.nn.init.ones_(backbone.transformer.out_proj.bias)
    save_module(backbone, shape | SMALL, tmp_path / "model.json", trained=True)
    return tmp_path / "gaussian.json", tmp_path / "model.json"


def test_round_trip(
    paths: tuple[Path, Path], random_gaussian: Callable[..., WindowGaussian]
) -> None:
    prior = open_prior(*paths, 0.01, 100.0)
    z, sigma, season = torch.randn(1, *SHAPE), torch.tensor(1.0), torch.zeros(1, 4)
    gaussian = random_gaussian()
    expected = gaussian.denoise(z, sigma) + gaussian.uncertainty(sigma[None])
    torch.testing.assert_close(prior.mean(z, sigma, season), expected, atol=1e-5, rtol=1e-4)


def test_an_untrained_network_is_left_out(paths: tuple[Path, Path]) -> None:
    shape = dict(zip(NAMES, SHAPE, strict=True))
    save_module(Backbone(**shape, **SMALL), shape | SMALL, paths[1], trained=False)
    assert open_prior(*paths, 0.01, 100.0).backbone is None


def test_a_network_of_other_latents_is_refused(paths: tuple[Path, Path]) -> None:
    shape = dict(zip(NAMES, (3, 4, 2, 8), strict=True))
    save_module(Backbone(**shape, **SMALL), shape | SMALL, paths[1], trained=True)
    with pytest.raises(ValueError, match="another architecture: channels is 4, expected 2"):
        open_prior(*paths, 0.01, 100.0)


def test_prior_and_decoder_are_of_one_precision(paths: tuple[Path, Path], tmp_path: Path) -> None:
    sizes = {
        "channels": 3, "latitudes": 8, "longitudes": 16, "latent_channels": 8, "downsampling": 4,
        "hidden_channels": 8, "blocks": 1, "bound": 5.0,
    }  # fmt: skip
    save_module(Autoencoder(**sizes), sizes, tmp_path / "autoencoder.json")
    given = (tmp_path / "autoencoder.json", *paths, torch.device("cpu"))
    levels = {"sigma_min": 0.01, "sigma_max": 100.0}
    models = open_models(*given, **levels, precision="bfloat16")
    assert [model.precision for model in models] == ["bfloat16", "bfloat16"]
