"""A tiny atmosphere: grid, transform, decoder, prior, and a table of observations."""

import numpy as np
import pandas as pd
import pytest
import torch

from galerne.catalogue import channels
from galerne.latent.autoencoder import Autoencoder
from galerne.prior.denoiser import WindowDenoiser
from galerne.prior.gaussian import WindowGaussian
from galerne.stats.transform import Transform

TIMES = np.datetime64("2001-01-01", "ns") + np.arange(3) * np.timedelta64(6, "h")

# Settings of every method of guidance, beside its name.
METHODS: dict[str, dict[str, object]] = {
    "mmps": {"covariance": "gaussian", "solver": "cg", "iterations": 4},
    "mmps_published": {"solver": "gmres", "iterations": 2},
    "tmpd": {},
    "jfps": {"solver": "cg", "iterations": 4},
    "diffpir": {"lmbda": 10.0, "solver": "gmres", "iterations": 4},
    "pgdm": {"iterations": 4},
    "sda": {"gamma": 1.0},
    "dps": {"zeta": 0.1},
    "mmps_gaussian": {"covariance": "gaussian", "solver": "cg", "iterations": 4},
    "latent_3dvar": {"linearisation": "exact", "outer": 1, "iterations": 4, "modes": 0},
    "latent_4dvar": {"linearisation": "exact", "outer": 1, "iterations": 4, "modes": 0},
}


@pytest.fixture
def transform() -> Transform:
    rng = np.random.default_rng(0)
    state = channels(["2m_temperature"], ["geopotential"], [500])
    coefficients = np.array([280.0, 55_000.0])[None, :, None, None] + rng.normal(
        size=(1, 2, 8, 16)
    )
    return Transform(
        channels=state,
        coefficients=coefficients,
        variance=np.ones((1, 2, 8)),
        scale=np.array([3.0, 900.0]),
        of_year=0,
        of_day=0,
        latitude=np.linspace(78.75, -78.75, 8),
        longitude=np.arange(16) * 22.5,
    )


@pytest.fixture
def autoencoder() -> Autoencoder:
    """Decodes without loss: as many latents as numbers in a patch, far from the bound."""
    torch.manual_seed(0)
    model = Autoencoder(2, 8, 16, 8, 2, 8, 1, bound=1e4)
    model.start_from(torch.linalg.qr(torch.randn(8, 8))[0], torch.linspace(2, 1, 8))
    return model.requires_grad_(False)


@pytest.fixture
def prior() -> WindowDenoiser:
    """White noise in space, correlated in time."""
    gaussian = WindowGaussian(3, 8, 4, 8, 32)
    gaussian.space.copy_(
        torch.view_as_real(torch.eye(32).to(torch.complex64)).expand(5, -1, -1, -1)
    )
    lags = 0.8 ** (torch.arange(3)[:, None] - torch.arange(3)).abs()
    values, vectors = torch.linalg.eigh(torch.kron(lags, torch.eye(32)))
    gaussian.joint.copy_(torch.view_as_real(vectors.to(torch.complex64)).expand(5, -1, -1, -1))
    gaussian.variance.copy_(values.expand(5, -1))
    gaussian.rest.copy_(torch.view_as_real(torch.eye(3).to(torch.complex64)).expand(5, -1, -1, -1))
    return WindowDenoiser(gaussian, None, 0.01, 100.0).requires_grad_(False)


@pytest.fixture
def table() -> pd.DataFrame:
    """Three stations at each of three times, the last withheld."""
    rows = [
        {
            "time": time, "lat": lat, "lon": lon, "level": np.nan, "variable": "2m_temperature",
            "observation": 283.0 + k, "error": 0.5, "platform": "stations", "station": str(k),
            "withheld": k == 2,
        }
        for time in TIMES
        for k, (lat, lon) in enumerate([(50.0, 10.0), (-20.0, 200.0), (0.0, 300.0)])
    ]  # fmt: skip
    return pd.DataFrame(rows)
