"""Members of the posterior, drawn by script for each task, at one go or not."""

import json
import os
import re
import signal
import subprocess
import sys
import time

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from galerne.arrays import stack_channels
from galerne.jobs import interrupt
from galerne.jobs.interrupt import Interrupted
from galerne.jobs.job import AGAIN
from galerne.jobs.usage import read_usage
from galerne.observe.table import read_observations, write_observations
from galerne.observe.window import select_window, window_times
from galerne.products import open_product
from galerne.stats.transform import Transform
from workflow.scripts.draw_posterior import draw_posterior

ROOT = Path(__file__).parents[2]
TASKS = {
    "reanalysis": {"kind": "reanalysis"},
    "filtering": {"kind": "filtering", "now_hours": [6, 12]},
    "forecasting": {"kind": "forecasting", "now_hours": [6]},
    "last": {"kind": "filtering", "now_hours": [18]},
}


@pytest.fixture
def draw(choice, models, observations) -> Callable:
    def run(folder, task, seen=observations, members=(0, 1), seed=5, **more: float) -> object:
        draw_posterior(
            seen,
            *models,
            folder / "manifest.json",
            folder / "checkpoints",
            window=choice.window,
            members=list(members),
            step_hours=6,
            sigmas=choice.sigmas,
            method=choice.method,
            task=TASKS[task],
            seed=seed,
            threads=1,
            **more,
        )
        return folder / "manifest.json"

    return run


@pytest.mark.parametrize(
    ("task", "lead", "hours"),
    [
        ("reanalysis", ("number", "time"), [0, 6, 12, 18]),
        ("filtering", ("number", "time"), [6, 12]),
        ("forecasting", ("number", "time", "prediction_timedelta"), [6]),
    ],
)
def test_a_task_gets_the_states_it_asks_for(tmp_path, draw, choice, task, lead, hours) -> None:
    found = open_product(draw(tmp_path, task))
    assert found["temperature"].dims == (*lead, "level", "latitude", "longitude")
    start = window_times(choice.window, 6)[0]
    assert ((found["time"].values - start) / np.timedelta64(1, "h")).tolist() == hours
    assert found["number"].values.tolist() == [0, 1]
    if task == "forecasting":
        leads = found["prediction_timedelta"].values / np.timedelta64(1, "h")
        assert leads.tolist() == [6, 12]
    for name, array in found.data_vars.items():
        assert np.isfinite(array).all(), name
        assert array.attrs["units"] == {"m": "Pa"}.get(name[0], "K")


def test_members_are_nearer_to_the_truth_than_the_climatology_and_differ(
    tmp_path, draw, choice, fields, models
) -> None:
    transform = Transform.open(models[0])
    truth = select_window(open_product(fields["test"]), choice.window)
    times = truth["time"].values
    x = stack_channels(truth, transform.channels)[:, :2]  # what the stations observe
    drawn = stack_channels(open_product(draw(tmp_path, "reanalysis")), transform.channels)[
        :, :, :2
    ]
    climatology = np.square(x - transform.climatology(times)[:, :2]).mean((0, 2, 3))
    for member in drawn:
        assert (np.square(member - x).mean((0, 2, 3)) < 0.1 * climatology).all()
    spread = drawn.std(0).mean((0, 2, 3)) / transform.scale[:2]
    assert (spread > 1e-3).all()


def test_filtering_at_the_last_state_is_the_end_of_the_reanalysis(tmp_path, draw) -> None:
    last = open_product(draw(tmp_path / "a", "last")).load()
    whole = open_product(draw(tmp_path / "b", "reanalysis")).load()
    assert last.equals(whole.isel(time=[3]))
    assert not last.drop_vars("time").equals(whole.isel(time=[0]).drop_vars("time"))


@pytest.mark.parametrize("task", ["filtering", "forecasting"])
def test_what_is_withheld_or_yet_to_come_changes_nothing(
    tmp_path, draw, choice, observations, contents, task
) -> None:
    table = read_observations(observations)
    last = window_times(choice.window, 6)[0] + np.timedelta64(max(TASKS[task]["now_hours"]), "h")
    used = ~table["withheld"] & (table["time"] <= last)
    assert 0 < used.sum() < len(table)
    other = table["observation"].where(used, table["observation"] + 50)
    write_observations(table.assign(observation=other), tmp_path / "other.parquet")
    write_observations(table[used], tmp_path / "used.parquet")
    folders = [tmp_path / name for name in ("all", "other", "used")]
    for folder in folders:
        seen = observations if folder.name == "all" else folder.with_suffix(".parquet")
        draw(folder, task, seen)
    assert contents(folders[0]) == contents(folders[1]) == contents(folders[2])


def test_what_is_seen_changes_members(tmp_path, draw, observations) -> None:
    table = read_observations(observations)
    warmer = table["variable"].eq("2m_temperature") * 2.0
    write_observations(
        table.assign(observation=table["observation"] + warmer), tmp_path / "w.parquet"
    )
    cold = open_product(draw(tmp_path / "a", "reanalysis"))["2m_temperature"]
    warm = open_product(draw(tmp_path / "b", "reanalysis", tmp_path / "w.parquet"))
    # Less than the two degrees: this decoder hardly knows temperature, and the errors say so.
    assert 0.3 < (warm["2m_temperature"] - cold).mean() < 3


def test_nothing_to_use_leaves_the_prior_and_is_said(tmp_path, draw, observations) -> None:
    table = read_observations(observations)
    write_observations(table.assign(withheld=True), tmp_path / "none.parquet")
    none = open_product(draw(tmp_path / "a", "filtering", tmp_path / "none.parquet"))
    assert none.attrs["unobserved"] == "2003-01-12T06:00, 2003-01-12T12:00"
    assert np.isfinite(none["temperature"]).all()
    some = open_product(draw(tmp_path / "b", "filtering"))
    assert "unobserved" not in some.attrs
    assert not np.allclose(none["temperature"], some["temperature"])


def test_observations_outside_the_window_are_refused(tmp_path, draw, observations) -> None:
    table = read_observations(observations)
    path = tmp_path / "late.parquet"
    write_observations(table.assign(time=table["time"] + pd.Timedelta("30D")), path)
    with pytest.raises(ValueError, match=r"late.parquet: observation at .* outside the window"):
        draw(tmp_path / "a", "reanalysis", path)
    write_observations(table.assign(variable="surface_pressure"), path)
    with pytest.raises(ValueError, match=r"late.parquet: observed variable 'surface_pressure'"):
        draw(tmp_path / "a", "reanalysis", path)
    assert not (tmp_path / "a").exists()


@pytest.fixture
def stop_after(monkeypatch) -> Callable[[int], None]:
    """Asks for a stop after so many steps."""

    def ask(steps: int) -> None:
        answers = iter([False] * (steps - 1) + [True])
        monkeypatch.setattr(interrupt, "requested", lambda: next(answers))

    return ask


@pytest.mark.parametrize(
    ("task", "steps", "where"),
    [
        ("reanalysis", 3, "cutoff 1 of 1, step 3 of 8"),
        ("filtering", 8, "cutoff 1 of 2, step 8 of 8"),
        ("filtering", 13, "cutoff 2 of 2, step 5 of 8"),
        ("forecasting", 8, "cutoff 1 of 1, step 8 of 8"),
    ],
)
def test_a_draw_that_was_cut_writes_the_same_bytes_and_leaves_no_trace(
    tmp_path, draw, contents, stop_after, task, steps, where
) -> None:
    draw(tmp_path / "whole", task)
    stop_after(steps)
    with pytest.raises(Interrupted, match=f"^{where}$"):
        draw(tmp_path / "cut", task)
    assert {path.name for path in (tmp_path / "cut").iterdir()} == {"checkpoints"}
    stop_after(1000)
    draw(tmp_path / "cut", task)
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_a_torn_state_costs_a_step_and_no_byte(
    tmp_path, draw, contents, stop_after, monkeypatch
) -> None:
    draw(tmp_path / "whole", "filtering")
    monkeypatch.setenv("GALERNE_SAVE_SECONDS", "0")
    stop_after(13)
    with pytest.raises(Interrupted):
        draw(tmp_path / "cut", "filtering")
    (newest,) = (tmp_path / "cut").rglob("cutoff_0002/step_00000005.safetensors")
    newest.write_bytes(newest.read_bytes()[:-5])
    stop_after(1)
    with pytest.raises(Interrupted, match=r"^cutoff 2 of 2, step 5 of 8$"):
        draw(tmp_path / "cut", "filtering")
    stop_after(1000)
    draw(tmp_path / "cut", "filtering")
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_progress_of_another_draw_is_never_continued(
    tmp_path, draw, contents, stop_after, observations
) -> None:
    table = read_observations(observations)
    warmer = table.assign(observation=table["observation"] + 0.5)
    write_observations(warmer, tmp_path / "warmer.parquet")
    others = {"seed": {"seed": 6}, "seen": {"seen": tmp_path / "warmer.parquet"}}
    others |= {"members": {"members": (2, 3)}}
    for name, settings in others.items():
        stop_after(1000)
        draw(tmp_path / name, "reanalysis", **settings)
        stop_after(5)
        with pytest.raises(Interrupted):
            draw(tmp_path / f"cut_{name}", "reanalysis")
        stop_after(1000)
        draw(tmp_path / f"cut_{name}", "reanalysis", **settings)
        assert contents(tmp_path / f"cut_{name}") == contents(tmp_path / name)


def test_on_an_accelerator_all_but_the_noise_is_drawn_there(
    tmp_path, draw, models, accelerator
) -> None:
    back = accelerator("draw_posterior")
    found = open_product(draw(tmp_path, "reanalysis")).load()
    assert back[-4:] == [(2, 4, 16, 32)] * 4  # every state of both members
    transform = Transform.open(models[0])
    climatology = transform.climatology(found["time"].values)
    assert np.array_equal(stack_channels(found, transform.channels)[1], climatology)


DRIVER = """
import json, runpy, sys, types

class Named(types.SimpleNamespace):
    def __iter__(self):
        return iter(vars(self).values())

    def items(self):
        return vars(self).items()


job = json.loads(sys.argv[1])
for key in ("input", "output", "params", "resources", "wildcards"):
    job[key] = Named(**job[key])
runpy.run_path(job.pop("script"), {"snakemake": Named(**job)}, run_name="__main__")
"""


def test_a_member_has_the_same_bytes_in_any_batch(tmp_path, draw) -> None:
    many = open_product(draw(tmp_path / "many", "filtering", members=range(6))).load()
    for k in (1, 5):
        alone = open_product(draw(tmp_path / f"{k}", "filtering", members=[k])).load()
        assert alone.equals(many.sel(number=[k]))


def test_with_little_memory_members_are_the_same_up_to_rounding(
    tmp_path, draw, models, caplog
) -> None:
    state = Transform.open(models[0])
    found = []
    for memory in (100_000, 1):
        path = draw(tmp_path / f"{memory}", "reanalysis", memory_mb=memory)
        found.append(stack_channels(open_product(path), state.channels))
    assert "1 of them at once, not 4" in caplog.text
    gap = np.abs(found[1] - found[0]) / state.scale[:, None, None]
    assert 0 < gap.max() < 1e-2


def test_a_process_killed_in_its_second_batch_does_not_draw_the_first_again(
    tmp_path, start, undisturbed
) -> None:
    """Six members in batches of four; the second attempt finds hardly any memory."""
    log, manifest = tmp_path / "logs/draw.log", tmp_path / "members/manifest.json"
    job = start(seconds="0", members=6)
    parts = tmp_path / "checkpoints"
    wait_for(job, lambda: any(parts.rglob("cutoff_0001/member_0005/step_*3.safetensors")))
    job.kill()
    assert job.wait(60) == -signal.SIGKILL
    assert start(members=6, memory_mb=1).wait(300) == 0
    pattern = r"going on after cutoff 1 of 2, member (\d) of 6, step (\d+)"
    first, then = re.findall(pattern, log.read_text())[:2]
    assert first == ("1", "100")
    assert (then[0], int(then[1]) < 100) == ("5", True)
    assert json.loads(manifest.read_text()) == undisturbed(6)


@pytest.fixture
def start(tmp_path, choice, models, observations) -> Callable[[str], subprocess.Popen]:
    """Starts the script as a process of its own, with many steps, as Snakemake does."""
    names = ("observations", "climatology", "autoencoder", "gaussian", "model")
    job = {
        "script": "workflow/scripts/draw_posterior.py",
        "rule": "draw_posterior",
        "log": [str(tmp_path / "logs/draw.log")],
        "input": dict(zip(names, map(str, [observations, *models]), strict=True)),
        "output": {"ensemble": str(tmp_path / "members/manifest.json")},
        "params": {
            "checkpoints": str(tmp_path / "checkpoints/draw"),
            "draw": {
                "members": [0, 1], "step_hours": 6, "sigmas": choice.sigmas,
                "method": choice.method | {"steps": 100}, "task": TASKS["filtering"], "seed": 5,
            },
        },
        "wildcards": {"window": choice.window},
        "resources": {"mem_mb": 4000},
        "threads": 1,
    }  # fmt: skip

    def run(seconds: str = "60", members: int = 2, memory_mb: int = 4000) -> subprocess.Popen:
        job["params"]["draw"]["members"] = list(range(members))
        job["resources"]["mem_mb"] = memory_mb
        command = [sys.executable, "-c", DRIVER, json.dumps(job)]
        env = os.environ | {"GALERNE_SAVE_SECONDS": seconds}
        return subprocess.Popen(command, cwd=ROOT, env=env)

    return run


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, choice, models, observations) -> Callable[[int], dict]:
    """The manifest of the same draw, at one go."""

    @cache
    def run(members: int = 2) -> dict[str, object]:
        path = tmp_path_factory.mktemp("whole") / "manifest.json"
        draw_posterior(
            observations, *models, path, path.parent / "none", window=choice.window,
            members=list(range(members)), step_hours=6, sigmas=choice.sigmas,
            method=choice.method | {"steps": 100}, task=TASKS["filtering"], seed=5, threads=1,
        )  # fmt: skip
        return json.loads(path.read_text())

    return run


def wait_for(job: subprocess.Popen, happened: Callable[[], bool]) -> None:
    for _ in range(6000):
        if happened():
            return
        assert job.poll() is None, "the job ended before it could be stopped"
        time.sleep(0.01)
    pytest.fail("nothing happened for a minute")


def test_a_process_told_to_stop_goes_on_where_it_was(tmp_path, start, undisturbed) -> None:
    log, manifest = tmp_path / "logs/draw.log", tmp_path / "members/manifest.json"
    for seen in ("observations up to", "going on after cutoff"):
        job = start()
        wait_for(job, lambda seen=seen: log.exists() and seen in log.read_text())
        job.send_signal(signal.SIGTERM)
        assert job.wait(60) == AGAIN
        assert "stopped on request: cutoff" in log.read_text().splitlines()[-1]
        assert not manifest.exists()
    assert start().wait(120) == 0
    assert json.loads(manifest.read_text()) == undisturbed()
    assert not (tmp_path / "checkpoints/draw").exists()
    statuses = [row["status"] for row in read_usage(tmp_path)]
    assert statuses == ["interrupted", "interrupted", "done"]


def test_a_process_killed_outright_goes_on_where_it_was(tmp_path, start, undisturbed) -> None:
    job = start(seconds="0")
    wait_for(job, lambda: any((tmp_path / "checkpoints").rglob("step_*3.safetensors")))
    job.kill()
    assert job.wait(60) == -signal.SIGKILL
    assert not (tmp_path / "members/manifest.json").exists()
    assert start().wait(120) == 0
    assert json.loads((tmp_path / "members/manifest.json").read_text()) == undisturbed()
    assert "going on after cutoff" in (tmp_path / "logs/draw.log").read_text()
