"""Trainings in processes of their own, sent SIGTERM half-way and run again."""

import json
import signal
import subprocess
import sys
import time

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from safetensors.torch import load_file

ROOT = Path(__file__).parents[2]
# What Snakemake does for a rule: hand the script an object of that name.
RUN = """
import json, runpy, sys
from types import SimpleNamespace

class Named(dict):
    __getattr__ = dict.__getitem__
    def __iter__(self):
        for value in self.values():
            yield from value if isinstance(value, list) else [value]

class Params(dict):
    __getattr__ = dict.__getitem__

rule = json.loads(sys.argv[2])
kinds = {"input": Named, "output": Named, "params": Params}
job = {key: kinds.get(key, lambda value: value)(value) for key, value in rule.items()}
runpy.run_path(sys.argv[1], {"snakemake": SimpleNamespace(**job)}, "__main__")
"""
SHARED = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--no-python")
Start = Callable[..., subprocess.Popen]


def starting(name: str, inputs: dict[str, object], params: dict[str, object]) -> Start:
    """Makes a function that starts a training script in a folder of products."""

    def start(root: Path, shared: bool = False) -> subprocess.Popen:
        outputs = ["model.safetensors", "training.csv", "reconstruction.csv"]
        rule = {
            "rule": name,
            "input": inputs,
            "output": {Path(file).stem: str(root / file) for file in outputs},
            "params": params | {"periods": {}, "checkpoints": str(root / "checkpoints/model")},
            "log": [str(root / "logs/train.log")],
            "threads": 1,
        }
        if name == "train_prior":
            del rule["output"]["reconstruction"]
        script = ROOT / f"workflow/scripts/{name}.py"
        command = [sys.executable, "-c", RUN, str(script), json.dumps(rule, default=str)]
        if shared:
            command = [sys.executable, *SHARED, *command]
        env = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        return subprocess.Popen(command, cwd=ROOT, env=env)

    return start


@pytest.fixture
def start_autoencoder(choice, fields, train, climatology) -> Start:
    inputs = {
        "train": train, "validation": [fields["validation"]], "climatology": climatology,
    }  # fmt: skip
    params = {
        "optimisation": choice.autoencoder | {"steps": 60},
        "architecture": choice.architecture,
        "seed": 1,
    }
    return starting("train_autoencoder", inputs, params)


@pytest.fixture
def start_prior(choice, latents, gaussian) -> Start:
    inputs = {
        "train": [latents["train_a"], latents["train_b"]],
        "validation": [latents["validation"]],
        "gaussian": gaussian,
    }
    params = {
        "optimisation": choice.prior | {"steps": 60},
        "architecture": choice.network,
        "seed": 2,
    }
    return starting("train_prior", inputs, params)


def interrupted(process: subprocess.Popen, log: Path, line: str) -> int:
    """Sends SIGTERM once the log holds a line, and returns the exit code."""
    for _ in range(1200):
        if log.exists() and line in log.read_text():
            process.send_signal(signal.SIGTERM)
            break
        assert process.poll() is None, "it ended before it could be stopped"
        time.sleep(0.05)
    return process.wait(timeout=60)


TRAININGS = pytest.mark.parametrize("name", ["start_autoencoder", "start_prior"])


@TRAININGS
def test_stopped_twice_and_run_again_is_the_same_bytes(name, request, tmp_path) -> None:
    start, whole, cut = request.getfixturevalue(name), tmp_path / "whole", tmp_path / "cut"
    assert start(whole).wait(timeout=300) == 0
    log = cut / "logs/train.log"
    for line in ("step 6 of 60", "step 30 of 60"):
        assert interrupted(start(cut), log, line) == 75
        assert not (cut / "model.safetensors").exists()
        assert list(cut.glob("checkpoints/model/*/step_*.pt"))
    assert start(cut).wait(timeout=300) == 0
    text = log.read_text()
    assert text.count("stopped on request: step ") == text.count("resumed at step ") == 2
    assert text.count(": loss ") == 20  # of each step once
    assert "60 steps in " in text
    assert not (cut / "checkpoints/model").exists()
    for path in whole.iterdir():
        if path.is_file():
            assert (cut / path.name).read_bytes() == path.read_bytes(), path.name


@TRAININGS
def test_shared_by_two_and_stopped_through_torchrun_it_is_the_training_of_one(
    name, request, tmp_path
) -> None:
    start, whole, cut = request.getfixturevalue(name), tmp_path / "whole", tmp_path / "cut"
    assert start(whole).wait(timeout=300) == 0
    log = cut / "logs/train.log"
    assert interrupted(start(cut, shared=True), log, "step 6 of 60") != 0
    assert not (cut / "model.safetensors").exists()
    assert len(list(cut.glob("checkpoints/model/*/step_*.pt"))) == 1
    assert start(cut, shared=True).wait(timeout=300) == 0
    text = log.read_text()
    assert text.count("stopped on request: step ") == text.count("resumed at step ") == 1
    assert text.count(": loss ") == 20  # one process writes
    found, expected = (load_file(folder / "model.safetensors") for folder in (cut, whole))
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        worst = (found[key] - value).abs().max() / value.abs().max().clamp_min(1e-6)
        assert worst < 1e-4, key
    curves = [pd.read_csv(folder / "training.csv") for folder in (cut, whole)]
    pd.testing.assert_frame_equal(*curves, rtol=1e-4)
