"""Members of the prior, drawn by script."""

from collections.abc import Callable

import numpy as np
import pytest

from galerne.arrays import stack_channels
from galerne.jobs import interrupt
from galerne.jobs.interrupt import Interrupted
from galerne.observe.window import window_times
from galerne.products import open_product
from galerne.stats.transform import Transform
from workflow.scripts.sample_prior import sample_prior


@pytest.fixture
def draw(choice, models) -> Callable:
    def run(folder, members, window=choice.window, sampling=choice.sampling) -> object:
        sample_prior(
            *models,
            folder / "manifest.json",
            folder / "checkpoints",
            window=window,
            members=members,
            step_hours=6,
            sigmas=choice.sigmas,
            sampling=sampling,
            seed=4,
            threads=1,
        )
        return folder / "manifest.json"

    return run


def test_members_are_labelled_states_about_the_climatology(tmp_path, draw, choice, models) -> None:
    found = open_product(draw(tmp_path, [0, 1, 2, 3]))
    transform = Transform.open(models[0])
    times = window_times(choice.window, 6)
    assert found["temperature"].dims == ("number", "time", "level", "latitude", "longitude")
    assert found["number"].values.tolist() == [0, 1, 2, 3]
    assert np.array_equal(found["time"], times)
    assert found["mean_sea_level_pressure"].attrs["units"] == "Pa"
    z = transform.forward(stack_channels(found, transform.channels), times)
    assert np.isfinite(z).all()
    assert 0.2 < z.std() < 2
    assert z.std(0).mean() > 0.1


def test_a_member_is_the_same_in_any_batch(tmp_path, draw, models) -> None:
    state = Transform.open(models[0])
    together = stack_channels(open_product(draw(tmp_path / "a", [4, 5])), state.channels)
    alone = stack_channels(open_product(draw(tmp_path / "b", [5])), state.channels)
    gap = np.abs(together[1] - alone[0]) / state.scale[:, None, None]
    assert gap.max() < 1e-3
    assert (np.abs(together[0] - alone[0]) / state.scale[:, None, None]).max() > 0.1


def test_a_rerun_writes_the_same_bytes(tmp_path, draw, contents) -> None:
    draw(tmp_path / "a", [0, 1])
    draw(tmp_path / "b", [0, 1])
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_draw_that_was_cut_writes_the_same_bytes_and_leaves_no_trace(
    tmp_path, draw, contents, monkeypatch
) -> None:
    draw(tmp_path / "whole", [0, 1])
    for step in (3, 6):
        answers = iter([False, False, True])
        monkeypatch.setattr(interrupt, "requested", lambda answers=answers: next(answers))
        with pytest.raises(Interrupted, match=f"^step {step} of 8$"):
            draw(tmp_path / "cut", [0, 1])
        assert {path.name for path in (tmp_path / "cut").iterdir()} == {"checkpoints"}
    monkeypatch.setattr(interrupt, "requested", lambda: False)
    draw(tmp_path / "cut", [0, 1])
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_on_an_accelerator_all_but_the_noise_is_drawn_there(
    tmp_path, draw, models, accelerator
) -> None:
    back = accelerator("sample_prior")
    found = open_product(draw(tmp_path, [0, 1])).load()
    assert back[-4:] == [(2, 4, 16, 32)] * 4  # every state of both members
    transform = Transform.open(models[0])
    climatology = transform.climatology(found["time"].values)
    assert np.array_equal(stack_channels(found, transform.channels)[1], climatology)


def test_an_unknown_sampler_is_refused(tmp_path, draw) -> None:
    with pytest.raises(ValueError, match="unknown sampler 'euler'; allowed: ddim"):
        draw(tmp_path / "a", [0], sampling={"sampler": "euler", "steps": 2})
    assert not (tmp_path / "a").exists()
