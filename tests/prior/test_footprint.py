"""What a member takes, against a count of the tensors that live while one is drawn."""

import weakref

import numpy as np
import pandas as pd
import pytest
import torch

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from galerne.assimilate.posterior import Conditioned, usable
from galerne.catalogue import channels
from galerne.latent.autoencoder import Autoencoder
from galerne.prior.backbone import Backbone
from galerne.prior.composition import lengthen
from galerne.prior.denoiser import WindowDenoiser
from galerne.prior.footprint import member_bytes
from galerne.prior.gaussian import WindowGaussian
from galerne.stats.transform import Transform

CHANNELS, ROWS, COLUMNS, LATENTS, STATES = 6, 16, 32, 24, 4
METHODS = {
    "default": {
        "guidance": "mmps", "covariance": "gaussian", "linearisation": "linear",
        "sampler": "redraw", "steps": 2, "solver": "cg", "iterations": 4, "modes": 0,
    },
    "local": {
        "guidance": "mmps", "covariance": "gaussian", "linearisation": "linear",
        "sampler": "redraw", "steps": 2, "solver": "cg", "iterations": 4, "modes": 0,
        "local": {"share": 0.3, "length_km": 9000.0, "season_days": None},
    },
    "turned": {
        "guidance": "mmps", "covariance": "gaussian", "linearisation": "linear",
        "sampler": "redraw", "steps": 2, "solver": "cg", "iterations": 4, "modes": 0,
        "local": {
            "share": 0.3, "length_km": 9000.0, "season_days": None, "turned_share": 0.25,
            "analogs": {"sharpness": 4.0, "length_km": 8000.0},
        },
    },
    "exact": {
        "guidance": "mmps", "covariance": "jacobian", "linearisation": "exact",
        "sampler": "ddpm", "steps": 2, "solver": "cg", "iterations": 4, "modes": 0,
    },
    "tmpd": {"guidance": "tmpd", "sampler": "ddim", "steps": 2},
}  # fmt: skip


class Living(TorchDispatchMode):
    """Counts the bytes of tensors that are made and still live."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self.known: set[int] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None) -> object:
        given = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        old = {x.untyped_storage().data_ptr() for x in given}
        found = func(*args, **(kwargs or {}))
        for x in tree_leaves(found):
            if isinstance(x, torch.Tensor) and x.untyped_storage().data_ptr() not in old:
                self.count(x.untyped_storage())
        return found

    def count(self, storage: torch.UntypedStorage) -> None:
        key, size = storage.data_ptr(), storage.nbytes()
        if key in self.known:
            return
        self.known.add(key)
        self.now += size
        self.most = max(self.most, self.now)
        weakref.finalize(storage, self.gone, key, size)

    def gone(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.now -= size


@pytest.fixture
def models() -> tuple[WindowDenoiser, Autoencoder, Transform]:
    """Untrained, with shapes in the proportions of real ones."""
    names = ["u_component_of_wind", "temperature", "geopotential"]
    transform = Transform(
        channels=channels([], names, [500, 850]), coefficients=np.zeros((1, 6, ROWS, COLUMNS)),
        variance=np.ones((1, 6, ROWS)), scale=np.ones(6), of_year=0, of_day=0,
        latitude=np.linspace(84, -84, ROWS), longitude=np.arange(COLUMNS) * 11.25,
    )  # fmt: skip
    decoder = Autoencoder(CHANNELS, ROWS, COLUMNS, LATENTS, 4, 32, 1, bound=5.0)
    gaussian = WindowGaussian(STATES, LATENTS, ROWS // 4, COLUMNS // 4, 32, None, 300, 48)
    gaussian.windows.normal_(generator=torch.Generator().manual_seed(0))
    gaussian.variance.fill_(1.0)
    gaussian.rest_variance.fill_(0.1)
    network = Backbone(STATES, LATENTS, ROWS // 4, COLUMNS // 4, 2, 64, 2, 4)
    prior = WindowDenoiser(gaussian, network, 0.01, 100.0).requires_grad_(False)
    return prior, decoder.requires_grad_(False), transform


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("states", [STATES, 3 * STATES])
def test_it_is_no_less_than_what_is_counted_and_not_many_times_as_much(
    models: tuple, states: int, name: str
) -> None:
    rng, count = np.random.default_rng(0), 100 * states
    times = np.datetime64("2001-01-01", "ns") + np.arange(states) * np.timedelta64(6, "h")
    table = pd.DataFrame(
        {
            "time": rng.choice(times, count), "lat": rng.uniform(-80, 80, count),
            "lon": rng.uniform(0, 360, count), "level": 700.0, "variable": "temperature",
            "observation": rng.normal(size=count), "error": 1.0, "withheld": False,
            "platform": "a", "station": "b",
        }
    )  # fmt: skip
    prior = lengthen(models[0], states, STATES // 2)
    observations = usable(table, times, times[-1])
    given = Conditioned(prior, *models[1:], observations, seed=0, **METHODS[name])
    given.draw([0])  # what all members share is there, gains of a noise level aside
    counts = []
    for members in (range(4, 12), range(4, 20)):  # many, or the gains would hide them
        with Living() as living:
            given.draw(members)
        counts.append(living.most)
    counted = (counts[1] - counts[0]) / 8
    estimate = member_bytes(prior, models[1], count, **METHODS[name])
    assert counted <= estimate <= 5 * counted
