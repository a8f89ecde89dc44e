"""A training shared by processes is the training of one; on a GPU nothing stays behind."""

import json
import os
import subprocess
import sys

from pathlib import Path

import pytest
import torch

from torch import nn

from galerne.nn.fit import Fit, generator
from galerne.nn.parallel import Draws, Team, best_device, joined

ROOT = Path(__file__).parents[2]
WORKER = '''
"""Trains in as many processes as there are, and writes what became of each."""

import json, os, signal, sys
from pathlib import Path
import torch
from torch import nn
from galerne.jobs import interrupt
from galerne.nn.fit import Fit
from galerne.nn.parallel import Draws, joined

out, stopped_rank, stopped_step = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
interrupt.listen()
measured = []
with joined() as team:
    torch.manual_seed(team.rank)  # only the main process starts where one process would
    model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    share = team.share(12)

    def loss(model, rng):
        x = Draws(rng, team).normal((share, 3)).double()
        if (team.rank, fit.step) == (stopped_rank, stopped_step):
            os.kill(os.getpid(), signal.SIGTERM)
        return (model(x) - x.sin()).square().mean()

    fit = Fit(model, steps=40, learning_rate=0.05, seed=3, half_life=4.0,
              folder=out / "checkpoints", save_seconds=1e6, team=team)
    try:
        list(fit.run(loss, 7, lambda step: measured.append(step) or {}))
        stop = None
    except interrupt.Interrupted as error:
        stop = str(error)
    weights = nn.utils.parameters_to_vector(fit.average.values()).tolist()
    told = {"rank": team.rank, "size": team.size, "stop": stop, "weights": weights,
            "losses": [row["loss"] for row in fit.history], "measured": measured,
            "saved": sorted(path.name for path in out.rglob("step_*.pt"))}
    (out / f"{team.rank}.json").write_text(json.dumps(told))
'''


def torchrun(folder: Path, processes: int, stopped: tuple[int, int] = (-1, -1)) -> list[dict]:
    """What each of some processes of one training told."""
    (folder / "worker.py").write_text(WORKER)
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone",
        f"--nproc-per-node={processes}", "worker.py", str(folder), *map(str, stopped),
    ]  # fmt: skip
    env = os.environ | {
        "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads((folder / f"{k}.json").read_text()) for k in range(processes)]


def alone(folder: Path | None) -> Fit:
    """The same training in this process."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 3)).double()

    def loss(model: nn.Module, rng: torch.Generator) -> torch.Tensor:
        x = torch.randn(12, 3, generator=rng).double()
        return (model(x) - x.sin()).square().mean()

    settings = {"steps": 40, "learning_rate": 0.05, "seed": 3, "half_life": 4.0}
    fit = Fit(model, **settings, folder=folder)
    list(fit.run(loss, 7))
    return fit


def weights_of(fit: Fit) -> list[float]:
    return nn.utils.parameters_to_vector(fit.average.values()).tolist()


def test_two_processes_train_as_one(tmp_path) -> None:
    main, other = torchrun(tmp_path, 2)
    one = alone(None)
    assert (main["size"], other["size"]) == (2, 2)
    assert main["weights"] == other["weights"] != weights_of(one)  # the sums are in another order
    assert main["weights"] == pytest.approx(weights_of(one), rel=1e-9, abs=1e-12)
    assert main["losses"] == pytest.approx([row["loss"] for row in one.history], rel=1e-9)
    assert main["losses"] == other["losses"]
    assert main["measured"] == [7, 14, 21, 28, 35, 40]
    assert not other["measured"]


def test_a_request_to_one_stops_all_and_any_number_go_on(tmp_path) -> None:
    told = torchrun(tmp_path, 3, stopped=(2, 16))
    assert [each["stop"] for each in told] == 3 * ["step 17 of 40"]
    assert all(each["saved"] == ["step_00000017.pt"] for each in told)
    one = weights_of(alone(None))
    assert torchrun(tmp_path, 2)[1]["weights"] == pytest.approx(one, rel=1e-9, abs=1e-12)
    assert weights_of(alone(tmp_path / "checkpoints")) == pytest.approx(one, rel=1e-9, abs=1e-12)
    assert (tmp_path / "checkpoints/step_00000017.pt").exists()


def test_a_batch_that_does_not_divide_is_refused() -> None:
    assert [Team(1, 4).share(n) for n in (4, 12)] == [1, 3]
    with pytest.raises(ValueError, match=r"batch_size 6 does not divide between 4 processes"):
        Team(1, 4).share(6)


def test_one_process_is_its_own_team() -> None:
    with joined() as team:
        x = torch.arange(3.0)
        team.average([x])
        team.follow_main([x])
        assert x.tolist() == [0, 1, 2]
        assert (team.is_main, team.size, team.share(7)) == (True, 1, 7)
        assert (team.any(True), team.any(False), team.number_of_main(5)) == (True, False, 5)
    assert not torch.distributed.is_initialized()


def drawn(team: Team) -> list[torch.Tensor]:
    draws, share = Draws(generator(1, 2), team), 12 // team.size
    return [draws.integers(1000, share), draws.strata(share), draws.normal((share, 5, 2))]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_shares_of_the_draws_make_up_those_of_one_process(size) -> None:
    rng = generator(1, 2)
    whole = [
        torch.randint(1000, (12,), generator=rng),
        (torch.arange(12) + torch.rand(12, generator=rng)) / 12,
        torch.randn(12, 5, 2, generator=rng),
    ]
    parts = zip(*(drawn(Team(rank, size)) for rank in range(size)), strict=True)
    for expected, found in zip(whole, map(torch.cat, parts), strict=True):
        assert torch.equal(found, expected)


def test_the_device_is_the_gpu_of_the_process_if_there_is_one(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert best_device() == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert best_device() == torch.device("cuda", 0)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert best_device() == torch.device("cuda", 1)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(ValueError, match="process 3 of this node has no GPU, 2 are visible"):
        best_device()


PRETENCE = """
import sys
from contextlib import contextmanager
sys.path.insert(0, "tests/nn")
from pretend_gpu import GPU, pretending
import numpy as np, torch
from galerne.latent import training as latent_training
from galerne.latent.autoencoder import Autoencoder
from galerne.nn.parallel import Team
from galerne.prior import training as prior_training
from galerne.prior.backbone import Backbone
from galerne.prior.gaussian import WindowGaussian

@contextmanager
def joined():
    yield Team(device=GPU)

latent_training.joined = prior_training.joined = joined
shape, settings = (3, 2, 2, 8), {"batch_size": 6, "learning_rate": 1e-3, "seed": 1}

class Records:
    def __len__(self):
        return 9

    def read(self, chosen):
        return torch.zeros(len(chosen), *shape), np.zeros(len(chosen), "datetime64[ns]")

model, x = Autoencoder(4, 8, 16, 12, 2, 16, 1, 5.0), torch.randn(20, 4, 8, 16)
backbone = Backbone(*shape, patch=2, hidden_channels=16, blocks=1, heads=2)
gaussian = WindowGaussian(*shape, 2)
with pretending():
    latent_training.train_on(
        model, x, x, torch.full((8,), 1 / 8), steps=4, noise=0.1, folder=None, **settings
    )
    prior_training.train_on(
        backbone, gaussian, Records(), Records(), steps=4, ema_half_life=2.0, folder=None,
        **settings,
    )
for part in (model, backbone, gaussian):
    assert all(tensor.device == GPU for tensor in part.state_dict().values())
assert all(p.grad.device == GPU for part in (model, backbone) for p in part.parameters())
"""


def test_on_a_gpu_all_of_a_training_is_there() -> None:
    command = [sys.executable, "-c", PRETENCE]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
