"""A period encoded by script."""

import numpy as np
import pytest
import torch

from galerne.arrays import stack_channels
from galerne.latent.autoencoder import Autoencoder
from galerne.nn.checkpoint import load_module
from galerne.products import open_product
from galerne.stats.transform import Transform
from workflow.scripts.encode_period import encode_period


def test_latents_are_those_of_the_autoencoder_state_by_state(
    fields, latents, climatology, autoencoder
) -> None:
    found, before = open_product(latents["train_a"]), open_product(fields["train_a"])
    assert dict(found.sizes) == {"time": 80, "latent": 12, "y": 4, "x": 8}
    assert np.array_equal(found["time"], before["time"])
    transform = Transform.open(climatology)
    model = load_module(Autoencoder, autoencoder)
    x = transform.forward(stack_channels(before, transform.channels), before["time"].values)
    for k in (0, 42, 79):
        z = model.encode(torch.from_numpy(x[k : k + 1]))[0]
        np.testing.assert_allclose(found["latents"][k], z, atol=1e-5)


def test_latents_are_of_unit_size_and_within_the_bound(latents, autoencoder) -> None:
    z = open_product(latents["train_a"])["latents"].values
    limit = 5.0 * load_module(Autoencoder, autoencoder).spread.numpy()[:, None, None]
    assert z.dtype == np.float32
    assert (np.abs(z) < limit).all()
    assert 0.5 < np.square(z).mean() < 1.5


def test_a_rerun_writes_the_same_bytes(
    tmp_path, fields, latents, climatology, autoencoder, contents, choice
) -> None:
    path = tmp_path / "manifest.json"
    asked = {key: choice.architecture[key] for key in ("latent_channels", "downsampling")}
    encode_period(fields["train_a"], climatology, autoencoder, path, turns=2, threads=1, **asked)
    assert contents(tmp_path) == contents(latents["train_a"].parent)


def test_weights_of_another_architecture_are_refused(
    tmp_path, fields, climatology, autoencoder
) -> None:
    message = "an? Autoencoder of another architecture: latent_channels is 12, expected 13"
    with pytest.raises(ValueError, match=message):
        encode_period(
            fields["test"], climatology, autoencoder, tmp_path / "l/manifest.json", turns=1,
            threads=1, latent_channels=13,
        )  # fmt: skip
    assert not (tmp_path / "l").exists()


def test_on_an_accelerator_blocks_are_encoded_there(
    tmp_path, fields, climatology, autoencoder, accelerator
) -> None:
    back = accelerator("encode_period")
    encode_period(
        fields["test"], climatology, autoencoder, tmp_path / "m.json", turns=1, threads=1
    )
    assert back == [(20, 12, 4, 8)]
    assert not open_product(tmp_path / "m.json")["latents"].any()
