"""Records read block by block: no seam, no state lost, no state twice."""

from pathlib import Path

import numpy as np
import pytest
import torch

from galerne.arrays import unstack_channels
from galerne.catalogue import channels
from galerne.latent.autoencoder import Autoencoder
from galerne.latent.record import encode_record, standardised_blocks, standardised_sample
from galerne.products import write_product
from galerne.stats.transform import Transform

STATE = channels(["2m_temperature", "mean_sea_level_pressure"], [], [])
GRID = {"latitude": np.array([67.5, 22.5, -22.5, -67.5]), "longitude": np.arange(8) * 45.0}
SIX_HOURS = np.timedelta64(6, "h")


@pytest.fixture
def transform() -> Transform:
    return Transform(
        channels=STATE,
        coefficients=np.array([280.0, 1e5])[None, :, None, None] * np.ones((1, 2, 4, 8)),
        variance=np.ones((1, 2, 4)),
        scale=np.array([2.0, 500.0]),
        of_year=0,
        of_day=0,
        **GRID,
    )


def record(path: Path, states: int, first: int = 0) -> np.ndarray:
    """Writes states whose anomaly is their number at every point, and some noise."""
    noise = np.random.default_rng(first).uniform(-0.2, 0.2, (states, 2, 4, 8))
    z = np.arange(first, first + states)[:, None, None, None] + noise
    times = np.datetime64("2001-01-01", "ns") + np.arange(first, first + states) * SIX_HOURS
    x = z * np.array([2.0, 500.0])[:, None, None] + np.array([280.0, 1e5])[:, None, None]
    write_product(unstack_channels(x.astype("float32"), STATE, {"time": times} | GRID), path)
    return z


@pytest.mark.parametrize("size", [7, 40, 50, 100])
def test_blocks_follow_each_other_to_the_end(tmp_path, transform, size) -> None:
    z = record(tmp_path / "manifest.json", 50)
    blocks = list(standardised_blocks(tmp_path / "manifest.json", transform, size))
    assert [len(x) for x, _ in blocks[:-1]] == [size] * (len(blocks) - 1)
    times = np.concatenate([times for _, times in blocks])
    assert np.array_equal(times, np.datetime64("2001-01-01", "ns") + np.arange(50) * SIX_HOURS)
    np.testing.assert_allclose(np.concatenate([x for x, _ in blocks]), z, atol=1e-3)


@pytest.mark.parametrize("most", [500, 251, 250, 60, 36, 10, 1])
def test_a_sample_is_every_nth_state_across_blocks_and_records(tmp_path, transform, most) -> None:
    paths = [tmp_path / name / "manifest.json" for name in ("a", "b")]
    record(paths[0], 130)
    record(paths[1], 121, first=130)
    sample = standardised_sample(paths, transform, most)
    numbers = np.round(sample.mean((1, 2, 3))).astype(int)
    stride = int(np.ceil(251 / most))
    assert numbers.tolist() == list(range(0, 251, stride))
    assert len(numbers) <= most


def test_a_record_encoded_in_blocks_is_the_record_encoded_at_once(tmp_path, transform) -> None:
    path = tmp_path / "manifest.json"
    z = record(path, 23)
    model = Autoencoder(2, 4, 8, 3, 2, 4, 1, 50.0).requires_grad_(False)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    once = model.encode(torch.from_numpy(z).float())
    for size in (5, 23, 100):
        dataset = encode_record(path, transform, model, size)
        assert dict(dataset.sizes) == {"time": 23, "latent": 3, "y": 2, "x": 4}
        assert dataset["latents"].dtype == np.float32
        np.testing.assert_allclose(dataset["latents"].values, once, atol=1e-3)
        assert dataset["time"].values[-1] == np.datetime64("2001-01-01") + 22 * SIX_HOURS


def test_a_record_is_read_only_when_it_is_written(tmp_path, transform) -> None:
    path = tmp_path / "manifest.json"
    record(path, 5)
    model = Autoencoder(2, 4, 8, 3, 2, 4, 1, 50.0).requires_grad_(False)
    latents = encode_record(path, transform, model, 2)["latents"]
    assert latents.chunksizes["time"] == (2, 2, 1)
