"""Members of the posterior, drawn by script for each task."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from galerne.arrays import stack_channels
from galerne.observe.table import read_observations, write_observations
from galerne.observe.window import select_window, window_times
from galerne.products import open_product
from galerne.stats.transform import Transform
from workflow.scripts.draw_posterior import draw_posterior

TASKS = {
    "reanalysis": {"kind": "reanalysis"},
    "filtering": {"kind": "filtering", "now_hours": [6, 12]},
    "forecasting": {"kind": "forecasting", "now_hours": [6]},
    "last": {"kind": "filtering", "now_hours": [18]},
}


@pytest.fixture
def draw(choice, models, observations) -> Callable:
    def run(folder, task, seen=observations, members=(0, 1)) -> object:
        draw_posterior(
            seen,
            *models,
            folder / "manifest.json",
            window=choice.window,
            members=list(members),
            step_hours=6,
            sigmas=choice.sigmas,
            method=choice.method,
            task=TASKS[task],
            seed=5,
            threads=1,
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
    assert 1 < (warm["2m_temperature"] - cold).mean() < 3


def test_nothing_to_use_is_refused(tmp_path, draw, observations) -> None:
    table = read_observations(observations)
    write_observations(table.assign(withheld=True), tmp_path / "none.parquet")
    with pytest.raises(ValueError, match=r"no observation between .* may be used: \d+ in the"):
        draw(tmp_path / "a", "reanalysis", tmp_path / "none.parquet")
    write_observations(
        table.assign(time=table["time"] + pd.Timedelta("30D")), tmp_path / "late.parquet"
    )
    with pytest.raises(ValueError, match=r"no observation between .* may be used: \d+ in the"):
        draw(tmp_path / "a", "reanalysis", tmp_path / "late.parquet")
    assert not (tmp_path / "a").exists()
