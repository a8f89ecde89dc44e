"""Records read block by block: no seam, no state lost, no state twice."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from galerne import reading
from galerne.arrays import unstack_channels
from galerne.catalogue import channels
from galerne.latent.autoencoder import Autoencoder
from galerne.latent.record import (
    StandardisedStates,
    encode_record,
    standardised_sample,
    turned,
)
from galerne.latent.training import train_on
from galerne.products import write_record
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
    write_record(unstack_channels(x.astype("float32"), STATE, {"time": times} | GRID), path)
    return z


@pytest.fixture
def two_records(tmp_path) -> tuple[list[Path], np.ndarray]:
    paths = [tmp_path / name / "manifest.json" for name in ("a", "b")]
    return paths, np.concatenate([record(paths[0], 30), record(paths[1], 21, first=30)])


def test_states_are_found_by_their_number_across_records(two_records, transform) -> None:
    paths, z = two_records
    states = StandardisedStates(paths, transform)
    assert len(states) == 51
    assert states.shape == (51, 2, 4, 8)
    wanted = [50, 0, 29, 30, 7, 7]
    np.testing.assert_allclose(states[wanted], z[wanted], atol=1e-3)


@pytest.mark.parametrize("threads", [1, 3])
def test_states_on_disk_and_in_memory_train_the_same_weights(
    two_records, transform, monkeypatch, threads
) -> None:
    paths, _ = two_records
    weights = []
    for most in (2**31, 0):
        monkeypatch.setattr(reading, "IN_MEMORY", most)
        states = StandardisedStates(paths, transform, threads)
        assert isinstance(states.records[0].arrays[0], np.ndarray) == (most > 0)
        torch.manual_seed(0)
        model = Autoencoder(2, 4, 8, 3, 2, 8, 1, 5.0)
        train_on(
            model, states, states[range(5)], torch.full((4,), 0.25), steps=7, batch_size=4,
            learning_rate=1e-3, noise=0.1, seed=3, folder=None,
        )  # fmt: skip
        weights.append(model.state_dict())
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_a_level_that_a_record_lacks_is_named(tmp_path, transform) -> None:
    record(tmp_path / "manifest.json", 3)
    other = replace(transform, channels=channels(["2m_temperature"], ["temperature"], [500]))
    with pytest.raises(
        ValueError, match="variable 'temperature' is not in the record; found: 2m_"
    ):
        StandardisedStates([tmp_path / "manifest.json"], other)


@pytest.mark.parametrize("most", [500, 251, 250, 60, 36, 10, 1])
def test_a_sample_is_every_nth_state_across_blocks_and_records(tmp_path, transform, most) -> None:
    paths = [tmp_path / name / "manifest.json" for name in ("a", "b")]
    record(paths[0], 130)
    record(paths[1], 121, first=130)
    sample = standardised_sample(paths, transform, most)
    numbers = np.round(sample.numpy().mean((1, 2, 3))).astype(int)
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


def test_a_turned_record_is_the_record_of_turned_states(tmp_path, transform) -> None:
    path = tmp_path / "manifest.json"
    z = record(path, 7)
    model = Autoencoder(2, 4, 8, 3, 4, 4, 1, 50.0).requires_grad_(False)
    dataset = encode_record(path, transform, model, 3, turns=2)
    assert list(dataset.data_vars) == [turned(0), turned(1)]
    assert dataset[turned(1)].dims == dataset["latents"].dims
    for turn, points in ((0, 0), (1, 2)):
        once = model.encode(torch.from_numpy(np.roll(z, points, -1).copy()).float())
        np.testing.assert_allclose(dataset[turned(turn)].values, once, atol=1e-3)
    # By a whole patch it would be the same latents, one place further.
    whole = model.encode(torch.from_numpy(np.roll(z, 4, -1).copy()).float())
    np.testing.assert_allclose(whole, np.roll(dataset["latents"].values, 1, -1), atol=1e-3)


def test_turns_that_do_not_divide_a_patch_are_refused(tmp_path, transform) -> None:
    path = tmp_path / "manifest.json"
    record(path, 3)
    model = Autoencoder(2, 4, 8, 3, 4, 4, 1, 50.0).requires_grad_(False)
    with pytest.raises(ValueError, match="turns 3 does not divide patches that are 4 points wide"):
        encode_record(path, transform, model, turns=3)


def test_a_record_is_read_only_when_it_is_written(tmp_path, transform) -> None:
    path = tmp_path / "manifest.json"
    record(path, 5)
    model = Autoencoder(2, 4, 8, 3, 2, 4, 1, 50.0).requires_grad_(False)
    latents = encode_record(path, transform, model, 2)["latents"]
    assert latents.chunksizes["time"] == (2, 2, 1)
