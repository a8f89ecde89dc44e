"""Stretches longer than the prior's windows: at once, by cycling, and forecasts to any lead."""

import json
import os
import subprocess
import sys

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from galerne.arrays import stack_channels
from galerne.jobs import interrupt
from galerne.jobs.interrupt import Interrupted
from galerne.jobs.usage import read_usage
from galerne.observe.table import read_observations, write_observations
from galerne.observe.window import select_window, window_times
from galerne.products import open_product
from galerne.stats.transform import Transform
from workflow.scripts.draw_posterior import draw_posterior
from workflow.scripts.sample_prior import sample_prior

from .test_draw_posterior import DRIVER, ROOT, wait_for

DEFAULT = {"sampler": "redraw", "steps": 40}
WINDOW = "20030112T00_54h"  # ten states, where the prior's windows have four
TIMES = window_times(WINDOW, 6)
CARRY = {"states": 2, "error": 0.1}
TASKS = {
    "reanalysis": {"kind": "reanalysis"},
    "stopped": {"kind": "filtering", "now_hours": [24, 54]},
    "anew": {"kind": "filtering", "now_hours": [6, 24, 54], "window_hours": 18},
    "cycling": {
        "kind": "filtering",
        "now_hours": [12, 24, 36],
        "window_hours": 18,
        "carry": CARRY,
    },
    "composed": {"kind": "forecasting", "now_hours": [24]},
    "forecast": {"kind": "forecasting", "now_hours": [24], "window_hours": 18, "carry": CARRY},
}


@pytest.fixture(scope="module")
def seen(simulate) -> Path:
    return simulate(WINDOW)


@pytest.fixture
def draw(choice, models, seen) -> Callable:
    def run(folder: Path, task: str, seen: Path = seen, members: tuple[int, ...] = (0, 1)) -> Path:
        draw_posterior(
            seen, *models, folder / "manifest.json", folder / "checkpoints", window=WINDOW,
            members=list(members), step_hours=6, sigmas=choice.sigmas,
            method=choice.method | {"sampler": "redraw", "steps": 4}, task=TASKS[task], seed=5,
            threads=1, overlap=2,
        )  # fmt: skip
        return folder / "manifest.json"

    return run


@pytest.fixture
def error(models, fields) -> Callable[[Path], np.ndarray]:
    """The squared error of the mean at each time, over that of the climatology."""

    def measure(path: Path) -> np.ndarray:
        transform, found = Transform.open(models[0]), open_product(path)
        if "prediction_timedelta" in found.dims:
            valid = found["time"].values[0] + found["prediction_timedelta"].values
            found = found.isel(time=0, drop=True).rename(prediction_timedelta="time")
            found = found.assign_coords(time=valid)
        times = found["time"].values
        truth = select_window(open_product(fields["test"]), WINDOW).sel(time=times)
        x = stack_channels(truth, transform.channels)[:, :2]
        mean = stack_channels(found, transform.channels).mean(0)[:, :2]
        miss = np.square(mean - x).mean((2, 3))
        return (miss / np.square(transform.climatology(times)[:, :2] - x).mean((2, 3))).mean(1)

    return measure


@pytest.mark.parametrize(
    ("task", "hours"),
    [
        ("reanalysis", list(range(0, 60, 6))),
        ("stopped", [24, 54]),
        ("anew", [6, 24, 54]),
        ("cycling", [12, 24, 36]),
    ],
)
def test_analyses_know_the_truth(tmp_path, draw, error, task, hours) -> None:
    path = draw(tmp_path, task)
    found = (open_product(path)["time"].values - TIMES[0]) / np.timedelta64(1, "h")
    assert found.tolist() == hours
    assert (error(path) < 0.1).all()


@pytest.mark.parametrize("task", ["composed", "forecast"])
def test_forecasts_go_to_the_end_and_know_less_and_less(tmp_path, draw, error, task) -> None:
    path = draw(tmp_path, task, members=tuple(range(8)))
    leads = open_product(path)["prediction_timedelta"].values / np.timedelta64(1, "h")
    assert leads.tolist() == [6, 12, 18, 24, 30]
    relative = error(path)
    assert relative[0] < 0.5
    assert relative[0] < relative[-1]
    spread = open_product(path)["2m_temperature"].std("number").mean(("latitude", "longitude"))
    assert float(spread[0, -1]) > 1.2 * float(spread[0, 0])


@pytest.mark.parametrize("task", ["stopped", "anew", "cycling", "composed", "forecast"])
def test_what_is_yet_to_come_changes_no_analysis(tmp_path, draw, seen, contents, task) -> None:
    table = read_observations(seen)
    for now in TASKS[task]["now_hours"]:
        late = table["time"] > TIMES[0] + np.timedelta64(now, "h")
        other = table["observation"].where(~late, table["observation"] + 50)
        write_observations(table.assign(observation=other), tmp_path / "other.parquet")
        one = open_product(draw(tmp_path / f"a{now}", task)).load()
        two = open_product(draw(tmp_path / f"b{now}", task, tmp_path / "other.parquet")).load()
        until = slice(None, TIMES[0] + np.timedelta64(now, "h"))
        assert one.sel(time=until).equals(two.sel(time=until))
        if late.any() and now < max(TASKS[task]["now_hours"]):
            assert not one.equals(two)


@pytest.mark.parametrize("task", ["cycling", "forecast"])
def test_a_window_goes_on_from_the_member_before(tmp_path, draw, seen, task) -> None:
    """Observations of the first window alone change all that follows, member by member."""
    table = read_observations(seen)
    early = table["time"] <= TIMES[2]
    other = table["observation"].where(~early, table["observation"] + 1.0)
    write_observations(table.assign(observation=other), tmp_path / "other.parquet")
    one = open_product(draw(tmp_path / "a", task))["2m_temperature"].values
    two = open_product(draw(tmp_path / "b", task, tmp_path / "other.parquet"))["2m_temperature"]
    change = np.abs(two.values - one).mean((-1, -2)).reshape(2, -1)
    assert (change > 1e-3).all()


@pytest.mark.parametrize(("task", "steps"), [("reanalysis", 2), ("cycling", 6), ("forecast", 9)])
def test_a_long_draw_that_was_cut_ends_in_the_same_bytes(
    tmp_path, draw, contents, monkeypatch, task, steps
) -> None:
    draw(tmp_path / "whole", task)
    answers = iter([False] * (steps - 1) + [True])
    monkeypatch.setattr(interrupt, "requested", lambda: next(answers))
    name = "cutoff" if task == "reanalysis" else "window"
    with pytest.raises(Interrupted, match=rf"^{name} {(steps - 1) // 4 + 1} of \d, step"):
        draw(tmp_path / "cut", task)
    monkeypatch.setattr(interrupt, "requested", lambda: False)
    draw(tmp_path / "cut", task)
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


SHARED = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--no-python")


@pytest.fixture
def start(choice, models, seen, tmp_path) -> Callable:
    """Starts the script of a long reanalysis as Snakemake does, by torchrun or not."""

    def run(name: str, task: str = "reanalysis", shared: bool = True) -> subprocess.Popen:
        names = ("observations", "climatology", "autoencoder", "gaussian", "model")
        job = {
            "script": "workflow/scripts/draw_posterior.py",
            "rule": "draw_posterior",
            "log": [str(tmp_path / f"logs/{name}.log")],
            "input": dict(zip(names, map(str, [seen, *models]), strict=True)),
            "output": {"ensemble": str(tmp_path / name / "manifest.json")},
            "params": {
                "checkpoints": str(tmp_path / f"checkpoints/{name}"),
                "draw": {
                    "members": [0, 1], "step_hours": 6, "sigmas": choice.sigmas,
                    "method": choice.method | DEFAULT, "task": TASKS[task], "seed": 5,
                    "overlap": 2,
                },
            },
            "resources": {"mem_mb": 4000},
            "wildcards": {"window": WINDOW},
            "threads": 1,
        }  # fmt: skip
        command = [*(SHARED if shared else ()), *([sys.executable] * shared)]
        command = [sys.executable, *command, "-c", DRIVER, json.dumps(job)]
        env = os.environ | {"GALERNE_SAVE_SECONDS": "0", "CUDA_VISIBLE_DEVICES": ""}
        env |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True)

    return run


def fields(folder: Path, models: list[Path]) -> np.ndarray:
    """Members in units of the scale of each channel."""
    state = Transform.open(models[0])
    values = stack_channels(open_product(folder / "manifest.json"), state.channels)
    return values / state.scale[:, None, None]


def test_two_processes_draw_a_long_stretch_as_one_does(tmp_path, start, models) -> None:
    """Stopped half-way, and finished by as many; the window that each saw is the other's."""
    assert start("alone", shared=False).wait(200) == 0
    job = start("shared")
    states = tmp_path / "checkpoints/shared"
    wait_for(job, lambda: any(states.rglob("step_*2.safetensors")))
    job.terminate()
    job.wait(200)
    assert not (tmp_path / "shared/manifest.json").exists()
    assert start("shared").wait(200) == 0
    log = (tmp_path / "logs/shared.log").read_text()
    assert "stopped on request: cutoff 1 of 1, step" in log
    assert "going on after cutoff 1 of 1, step" in log
    gap = np.abs(fields(tmp_path / "shared", models) - fields(tmp_path / "alone", models))
    assert 0 < gap.max() < 1e-3
    (usage,) = {row["processes"] for row in read_usage(tmp_path) if row["job"] == "shared"}
    assert usage == 2


def test_two_processes_refuse_windows_that_are_not_longer_than_the_priors(start) -> None:
    job = start("short", "anew")
    assert job.wait(200) != 0
    assert "2 processes cannot share a window of 4 states" in job.stderr.read()


def test_the_prior_is_sampled_over_any_length(tmp_path, choice, models) -> None:
    sample_prior(
        *models, tmp_path / "manifest.json", tmp_path / "checkpoints", window=WINDOW,
        members=list(range(6)), step_hours=6, sigmas=choice.sigmas, sampling=choice.sampling,
        seed=1, threads=1, overlap=2,
    )  # fmt: skip
    found = open_product(tmp_path / "manifest.json")["2m_temperature"]
    assert found["time"].values.tolist() == TIMES.tolist()
    spread = found.std("number").mean(("latitude", "longitude")).values
    assert spread.max() < 2 * spread.min()
    steps = np.abs(found.diff("time")).mean().item()
    assert steps < 0.7 * np.abs(found.isel(time=0) - found.isel(time=-1)).mean().item()
