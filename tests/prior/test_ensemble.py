"""Ensembles as latents, decoded when they are written."""

from collections.abc import Sequence

import dask
import numpy as np
import pytest
import torch
import xarray as xr

from galerne.arrays import unstack_channels
from galerne.catalogue import channels
from galerne.jobs.progress import Progress
from galerne.latent.autoencoder import Autoencoder
from galerne.prior.denoiser import WindowDenoiser
from galerne.prior.ensemble import Drawn, sample_windows, write_ensemble
from galerne.prior.gaussian import WindowGaussian
from galerne.prior.trajectory import Noise, decode_members
from galerne.products import STORE, open_product
from galerne.stats.transform import Transform

TIMES = np.datetime64("2001-01-01", "ns") + np.arange(5) * np.timedelta64(6, "h")
MEMBERS = [3, 7, 8]


@pytest.fixture
def transform() -> Transform:
    return Transform(
        channels=channels(["2m_temperature"], ["geopotential"], [500]),
        coefficients=np.array([280.0, 55_000.0])[None, :, None, None] + np.zeros((1, 2, 8, 16)),
        variance=np.ones((1, 2, 8)), scale=np.array([3.0, 900.0]), of_year=0, of_day=0,
        latitude=np.linspace(78.75, -78.75, 8), longitude=np.arange(16) * 22.5,
    )  # fmt: skip


@pytest.fixture
def autoencoder() -> Autoencoder:
    model = Autoencoder(2, 8, 16, 8, 2, 8, 1, bound=1e4)
    model.start_from(torch.linalg.qr(torch.randn(8, 8))[0], torch.linspace(2, 1, 8))
    model.residual.copy_(0.3 * torch.eye(8))
    return model.requires_grad_(False)


@pytest.fixture
def latents() -> torch.Tensor:
    return torch.randn(3, 5, 8, 4, 8)


@pytest.fixture
def drawn(autoencoder: Autoencoder, transform: Transform, latents: torch.Tensor) -> Drawn:
    found = Drawn(autoencoder, transform, MEMBERS)
    found.add(latents[:, :2], [0, 1], TIMES[:2], seed=1)
    found.add(latents[:, 2:], [1, 2, 4], TIMES[2:], seed=2)
    return found


def test_states_are_decoded_with_the_residuals_of_their_place_and_window(
    drawn: Drawn, autoencoder: Autoencoder, transform: Transform, latents: torch.Tensor
) -> None:
    first = decode_members(autoencoder, latents[:, :2], Noise(1, MEMBERS))
    padded = latents[:, [2, 2, 3, 3, 4]]  # places 1, 2 and 4
    second = decode_members(autoencoder, padded, Noise(2, MEMBERS))[:, [1, 2, 4]]
    expected = transform.inverse(np.concatenate([first, second], 1), TIMES)
    np.testing.assert_allclose(drawn.numpy(), expected, rtol=1e-5)
    assert len(drawn) == 5


def test_a_member_has_the_same_bytes_in_any_ensemble(
    drawn: Drawn, autoencoder: Autoencoder, transform: Transform, latents: torch.Tensor
) -> None:
    one = Drawn(autoencoder, transform, MEMBERS[1:2])
    one.add(latents[1:2, :2], [0, 1], TIMES[:2], seed=1)
    assert one.numpy()[0].tobytes() == drawn.numpy()[1, :2].tobytes()


@pytest.mark.parametrize("forecast", [False, True])
def test_an_ensemble_is_written_state_by_state(
    tmp_path, drawn: Drawn, transform: Transform, forecast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    events, state = [], Drawn.state
    monkeypatch.setattr(Drawn, "state", lambda self, k: (events.append(k), state(self, k))[1])
    to_zarr = xr.Dataset.to_zarr
    monkeypatch.setattr(
        xr.Dataset, "to_zarr", lambda *a, **k: (to_zarr(*a, **k), events.append("written"))[0]
    )
    grid = {"latitude": transform.latitude, "longitude": transform.longitude}
    values, coords = drawn.lazy(), {"number": np.array(MEMBERS), "time": TIMES, **grid}
    if forecast:
        leads = {"time": TIMES[:1], "prediction_timedelta": TIMES - TIMES[0]}
        values, coords = values[:, None], {"number": np.array(MEMBERS), **leads, **grid}
    dataset = unstack_channels(values, transform.channels, coords)
    assert events == []
    write_ensemble(dataset, tmp_path / "manifest.json")
    assert events == ["written", *(event for k in range(5) for event in (k, "written"))]
    found = open_product(tmp_path / "manifest.json")
    fields = found["geopotential"].values.reshape(3, 5, 8, 16)
    np.testing.assert_array_equal(fields, drawn.numpy()[:, :, 1])
    assert dask.config.get("scheduler", None) is None


def test_chunks_hold_a_state_and_as_many_members_as_are_no_burden(
    tmp_path, drawn: Drawn, transform: Transform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("galerne.prior.ensemble.CHUNK_BYTES", 2 * 8 * 16 * 4)
    grid = {"latitude": transform.latitude, "longitude": transform.longitude}
    coords = {"number": np.array(MEMBERS), "time": TIMES, **grid}
    dataset = unstack_channels(drawn.lazy(), transform.channels, coords)
    write_ensemble(dataset, tmp_path / "manifest.json")
    folder = tmp_path / STORE / "2m_temperature/c"
    assert {path.name for path in folder.iterdir()} == {"0", "1"}
    assert {path.name for path in (folder / "0").iterdir()} == {str(k) for k in range(5)}


def test_sampled_members_are_the_same_in_any_batch(
    autoencoder: Autoencoder, transform: Transform
) -> None:
    gaussian = WindowGaussian(5, 8, 4, 8, 4)
    gaussian.variance.fill_(1.0)
    gaussian.rest_variance.fill_(0.5)
    for name in ("space", "joint", "rest"):
        buffer = getattr(gaussian, name)
        basis = torch.linalg.qr(torch.randn(buffer.shape[:-1], dtype=torch.complex64))[0]
        buffer.copy_(torch.view_as_real(basis))
    models = (WindowDenoiser(gaussian, None, 0.01, 100.0), autoencoder, transform, TIMES)

    def sample(members: Sequence[int], **settings: float) -> np.ndarray:
        settings = {"seed": 0, "sampler": "redraw", "steps": 3, **settings}
        return sample_windows(
            *models, members=members, progress=Progress(None), **settings
        ).numpy()

    many = sample(range(6))
    for k in (0, 3, 5):
        assert sample([k])[0].tobytes() == many[k].tobytes()
    few = sample(range(6), free_bytes=1)
    gap = np.abs(few - many) / transform.scale[:, None, None]
    assert 0 < gap.max() < 1e-4
