"""A small dataset, made once by the scripts themselves, from smooth waves that travel eastward."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from galerne.arrays import unstack_channels
from galerne.catalogue import channels
from galerne.products import write_product
from workflow.scripts.compute_harmonics import compute_harmonics
from workflow.scripts.encode_period import encode_period
from workflow.scripts.place_instruments import place_instruments
from workflow.scripts.pool_climatology import pool_climatology
from workflow.scripts.pool_latent_moments import pool_latent_moments
from workflow.scripts.simulate_observations import simulate_observations
from workflow.scripts.train_autoencoder import train_autoencoder
from workflow.scripts.train_prior import train_prior

LATITUDE = 90 - (np.arange(16) + 0.5) * 11.25
LONGITUDE = np.arange(32) * 11.25
PERIODS = {
    "train_a": ("2001-01-01", 80), "train_b": ("2001-03-01", 60),
    "validation": ("2002-01-11", 40), "test": ("2003-01-11", 20),
}  # fmt: skip
MEANS, SIZES = np.array([280.0, 1e5, 250.0, 270.0]), np.array([5.0, 800.0, 4.0, 6.0])


@pytest.fixture(scope="session")
def choice() -> SimpleNamespace:
    """What a configuration would say."""
    stations = {
        "kind": "stations",
        "sites": {"count": 150, "file": None},
        "every_hours": 6,
        "errors": {"2m_temperature": 0.2, "mean_sea_level_pressure": 30.0},
    }
    return SimpleNamespace(
        state={
            "surface": ["2m_temperature", "mean_sea_level_pressure"],
            "pressure": ["temperature"],
            "levels": [500, 850],
        },
        harmonics={"harmonics_of_year": 0, "harmonics_of_day": 0},
        architecture={
            "latent_channels": 12, "downsampling": 4, "hidden_channels": 8, "blocks": 1,
            "bound": 5.0,
        },
        autoencoder={"steps": 6, "batch_size": 8, "learning_rate": 1e-3, "noise": 0.05},
        gaussian={
            "states": 4, "components": 12, "rank": 12, "heldout_share": 0.25, "shrinkage": 0.3,
            "windows": 30, "window_components": 40,
        },
        network={"patch": 2, "hidden_channels": 16, "blocks": 1, "heads": 2},
        prior={"steps": 2, "batch_size": 4, "learning_rate": 1e-3, "ema_half_life": 2.0},
        sigmas={"sigma_min": 0.01, "sigma_max": 100.0, "precision": "float32"},
        sampling={"sampler": "xeab", "steps": 8},
        method={
            "guidance": "mmps", "covariance": "gaussian", "sampler": "xeab", "steps": 8,
            "solver": "cg", "iterations": 6,
        },
        instruments={"land": stations},
        window="20030112T00_18h",
    )  # fmt: skip


def weather(first: str, states: int) -> tuple[np.ndarray, np.ndarray]:
    """Times, and states of a few random waves that travel eastward and forget."""
    rng = np.random.default_rng(int(first.replace("-", "")))
    mixing = np.random.default_rng(5).normal(size=(2, 4, 3))  # of channels, in every period
    mixing = mixing[0] + 1j * mixing[1]
    lat, lon = np.deg2rad(LATITUDE), np.deg2rad(LONGITUDE)
    shapes = np.stack([np.cos(lat) * np.sin(k * (lat + np.pi / 2)) for k in (1, 2, 3)])
    field = np.zeros((states, 4, 16, 32))
    for m in (1, 2, 3):
        noise = rng.normal(size=(2, 50 + states, 3))
        noise = noise[0] + 1j * noise[1]
        amplitude, kept = np.zeros(3, complex), []
        for step in noise:
            amplitude = 0.97 * np.exp(-0.2j * m) * amplitude + 0.25 * step
            kept.append(amplitude)
        wave = np.exp(1j * m * lon)
        field += np.einsum("tk,ck,ki,j->tcij", np.array(kept[50:]), mixing, shapes, wave).real / m
    field = MEANS[:, None, None] + SIZES[:, None, None] * field
    times = np.datetime64(first, "ns") + np.arange(states) * np.timedelta64(6, "h")
    return times, field.astype("float32")


@pytest.fixture(scope="session")
def fields(tmp_path_factory, choice) -> dict[str, Path]:
    """Field products of each period."""
    paths = {}
    for name, (first, states) in PERIODS.items():
        times, x = weather(first, states)
        coords = {"time": times, "latitude": LATITUDE, "longitude": LONGITUDE}
        paths[name] = tmp_path_factory.mktemp(name) / "manifest.json"
        write_product(
            unstack_channels(x, channels(**choice.state), coords), paths[name], chunks={"time": 30}
        )
    return paths


@pytest.fixture(scope="session")
def train(fields) -> list[Path]:
    return [fields["train_a"], fields["train_b"]]


@pytest.fixture(scope="session")
def fit_climatology(tmp_path_factory, choice) -> Callable[..., Path]:
    """Fits the climatology of some periods as the workflow does: sums of each, then the pool."""

    def run(paths: list[Path], path: Path, **harmonics: int) -> Path:
        folder = tmp_path_factory.mktemp("harmonics")
        parts = [folder / str(k) / "manifest.json" for k in range(len(paths))]
        for fields, part in zip(paths, parts, strict=True):
            compute_harmonics(fields, part, **choice.state, **choice.harmonics | harmonics)
        pool_climatology(parts, path, **choice.state)
        return path

    return run


@pytest.fixture(scope="session")
def climatology(tmp_path_factory, fit_climatology, train) -> Path:
    return fit_climatology(train, tmp_path_factory.mktemp("climatology") / "manifest.json")


@pytest.fixture(scope="session")
def train_small(choice, fields, train, climatology) -> Callable[..., Path]:
    """Trains the autoencoder into a folder."""

    def run(folder: Path, **optimisation: float) -> Path:
        train_autoencoder(
            train,
            [fields["validation"]],
            climatology,
            folder / "model.json",
            folder / "training.csv",
            folder / "reconstruction.csv",
            folder / "checkpoints",
            optimisation=choice.autoencoder | optimisation,
            architecture=choice.architecture,
            seed=1,
            threads=1,
        )
        return folder / "model.json"

    return run


@pytest.fixture(scope="session")
def autoencoder(tmp_path_factory, train_small) -> Path:
    return train_small(tmp_path_factory.mktemp("autoencoder"))


@pytest.fixture(scope="session")
def latents(tmp_path_factory, choice, fields, climatology, autoencoder) -> dict[str, Path]:
    """Latent products of each period."""
    folder, paths = tmp_path_factory.mktemp("latents"), {}
    for name in ("train_a", "train_b", "validation"):
        paths[name] = folder / name / "manifest.json"
        encode_period(fields[name], climatology, autoencoder, paths[name], turns=2, threads=1)
    return paths


@pytest.fixture(scope="session")
def pool_small(choice, latents) -> Callable[..., Path]:
    """Pools the Gaussian of the latents into a file."""

    def run(path: Path, **settings: float) -> Path:
        pool_latent_moments(
            [latents["train_a"], latents["train_b"]],
            [latents["validation"]],
            path,
            threads=1,
            **choice.gaussian | settings,
        )
        return path

    return run


@pytest.fixture(scope="session")
def gaussian(tmp_path_factory, pool_small) -> Path:
    return pool_small(tmp_path_factory.mktemp("gaussian") / "gaussian.json")


@pytest.fixture(scope="session")
def train_network(choice, latents, gaussian) -> Callable[..., Path]:
    """Trains the network of the prior into a folder."""

    def run(folder: Path, **optimisation: float) -> Path:
        train_prior(
            [latents["train_a"], latents["train_b"]],
            [latents["validation"]],
            gaussian,
            folder / "model.json",
            folder / "training.csv",
            folder / "checkpoints",
            optimisation=choice.prior | optimisation,
            architecture=choice.network,
            seed=2,
            threads=1,
        )
        return folder / "model.json"

    return run


@pytest.fixture(scope="session")
def models(tmp_path_factory, climatology, autoencoder, gaussian, train_network) -> list[Path]:
    """Climatology, autoencoder, Gaussian and network, as scripts that draw want them."""
    network = train_network(tmp_path_factory.mktemp("prior"))
    return [climatology, autoencoder, gaussian, network]


@pytest.fixture(scope="session")
def observations(simulate, choice) -> Path:
    """What 150 good stations see of the window."""
    return simulate(choice.window)


@pytest.fixture(scope="session")
def simulate(tmp_path_factory, choice, fields) -> Callable[..., Path]:
    """Simulates what 150 good stations see of a window."""
    return lambda window, period="test": _simulated(
        tmp_path_factory.mktemp("network"), window, choice, fields[period]
    )


def _simulated(folder: Path, window: str, choice: SimpleNamespace, path_truth: Path) -> Path:
    shared = {"withheld_share": 0.2, "seed": 3}
    placed = {
        name: {"sites": one["sites"], "variables": list(one["errors"])}
        for name, one in choice.instruments.items()
    }
    place_instruments(folder / "sites.csv", instruments=placed, files={}, **shared)
    simulate_observations(
        path_truth,
        folder / "sites.csv",
        folder / "observations.parquet",
        network="dense",
        window=window,
        state=choice.state,
        instruments=choice.instruments,
        **shared,
    )
    return folder / "observations.parquet"


@pytest.fixture(scope="session")
def contents() -> Callable[[Path], dict[str, bytes]]:
    """Reads every file of a folder."""

    def read(folder: Path) -> dict[str, bytes]:
        files = (path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

    return read


@pytest.fixture
def accelerator(monkeypatch) -> Callable[[str], list[torch.Size]]:
    """Gives a script an accelerator: a device without data, which like any refuses other tensors.

    What comes back from it is zero; the shapes are listed.
    """

    def give(script: str) -> list[torch.Size]:
        back: list[torch.Size] = []

        def cpu(tensor: torch.Tensor) -> torch.Tensor:
            if not tensor.is_meta:
                return tensor
            back.append(tensor.shape)
            return torch.zeros(tensor.shape)

        device = torch.device("meta")
        for module in (f"workflow.scripts.{script}", "galerne.nn.parallel"):
            monkeypatch.setattr(f"{module}.best_device", lambda: device)
        monkeypatch.setattr(torch.Tensor, "cpu", cpu)
        monkeypatch.setattr(torch, "isfinite", lambda z: torch.ones(z.shape))
        return back

    return give
