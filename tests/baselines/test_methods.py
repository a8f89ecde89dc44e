"""Tasks are cut as for the posterior, whatever the analysis."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr

from galerne.baselines.methods import (
    ANALYSES,
    PIECE,
    TARGETS,
    Materials,
    draw_asked,
    draw_persisted,
    labelled,
)
from galerne.observe.task import Cutoff, cutoffs

SOLVER = {"components": 1, "iterations": 40, "modes": 60}


@pytest.fixture
def draw(world, of_fields) -> Callable[..., np.ndarray]:
    """Draws by optimal interpolation."""
    materials = Materials(world.transform, of_fields)
    analysis = materials.analysis("optimal_interpolation", SOLVER)

    def run(table, asked, members=range(3), times=world.times) -> np.ndarray:
        given = {"members": members, "seed": 0}
        return draw_asked(analysis, world.transform, table, times, asked, **given)

    return run


def test_every_kind_says_what_it_targets() -> None:
    assert set(TARGETS) == {*ANALYSES, "persistence"}


def test_a_kind_that_is_none_is_refused(world) -> None:
    with pytest.raises(ValueError, match="unknown baseline 'nudging'; allowed: climatology"):
        Materials(world.transform).analysis("nudging", {})


def test_withheld_and_later_observations_do_not_count(world, observed, draw) -> None:
    asked = cutoffs("filtering", world.times, [6])
    table = observed.table
    found = draw(table, asked)
    assert found.shape[:2] == (3, 1)
    later = table["time"] > world.times[1]
    spoilt = table.assign(observation=table["observation"].where(~later, 1e6))
    assert np.array_equal(draw(spoilt, asked), found)
    withheld = table.assign(withheld=table.index % 2 == 0)
    spoilt = withheld.assign(observation=table["observation"].where(~withheld["withheld"], 1e6))
    assert np.array_equal(draw(spoilt, asked), draw(withheld, asked))
    assert not np.array_equal(draw(withheld, asked), found)


def test_a_forecast_is_that_of_the_window(world, observed, draw) -> None:
    """The states after the last observation are those of the exact posterior, given it."""
    asked = cutoffs("forecasting", world.times, [0])
    members = draw(observed.table, asked, members=range(1024))
    seen = observed.table[observed.table["time"] <= world.times[0]].reset_index(drop=True)
    own = replace(world, table=seen)
    exact = own.exact(replace(observed, table=seen))
    mean = exact.mean.reshape(world.states, -1)[1:]
    deviation = np.sqrt(exact.covariance.diagonal()).reshape(world.states, -1)[1:]
    error = (members.mean(0).reshape(2, -1) - mean) / deviation
    assert np.sqrt((error**2).mean()) < 1.5 / np.sqrt(1024)
    ratio = members.var(0).reshape(2, -1) / deviation**2
    assert ratio.mean() == pytest.approx(1, abs=0.05)


def test_a_long_stretch_is_analysed_in_pieces(world, of_fields, observed, draw) -> None:
    times = world.times[0] + np.arange(3 * PIECE) * np.timedelta64(6, "h")
    spans: list[int] = []

    def analysis(case) -> torch.Tensor:
        spans.append(len(case.times))
        since = (case.times - times[0]) / np.timedelta64(6, "h")
        x = torch.from_numpy(since).float()[None, :, None, None, None]
        return x.expand(1, *case.shape)

    asked = cutoffs("reanalysis", times)
    given = {"members": [0], "seed": 0}
    found = draw_asked(analysis, world.transform, observed.table, times, asked, **given)
    assert np.allclose(found[0, :, 0, 0, 0], np.arange(3 * PIECE))
    assert spans == [PIECE + 8, PIECE + 16, PIECE + 8]  # 48 hours on either side


def test_what_persists_is_the_analysis_at_the_last_observation(world, observed, draw) -> None:
    asked = cutoffs("forecasting", world.times, [0])
    found = draw_persisted(asked, lambda now: draw(observed.table, now))
    (now,) = [Cutoff(world.times[0], (world.times[0],))]
    assert found.shape[1] == 2
    assert np.array_equal(found[:, 0], draw(observed.table, [now])[:, 0])
    assert np.array_equal(found[:, 0], found[:, 1])


def test_an_analysis_that_is_not_finite_is_refused(world, observed) -> None:
    def analysis(case) -> torch.Tensor:
        return torch.full((1, *case.shape), float("nan"))

    asked = cutoffs("reanalysis", world.times)
    with pytest.raises(FloatingPointError, match=r"the analysis of 2001-01-01.* is not finite"):
        draw_asked(
            analysis, world.transform, observed.table, world.times, asked, members=[0], seed=0
        )


def test_an_ensemble_says_what_made_it(world) -> None:
    found = labelled(xr.Dataset(), "letkf", {"hours": 12.0}, True)
    assert found.attrs["baseline"] == "persistence of letkf"
    assert "localised covariance" in found.attrs["prior"]
    assert found.attrs["settings"] == '{"hours": 12.0}'


def test_kriging_comes_closer_to_the_truth_than_the_climatology(world, observed) -> None:
    settings = {"length_km": 3e3, "hours": 12.0, "components": 8, "iterations": 40, "modes": 60}
    analysis = Materials(world.transform).analysis("gaussian_process", settings)
    truth = world.truth.draw(np.random.default_rng(1), 1)[0] @ world.decoding.T
    asked, given = cutoffs("reanalysis", world.times), {"members": range(8), "seed": 0}
    about = (analysis, world.transform, observed.table, world.times, asked)
    found = draw_asked(*about, **given).mean(0).ravel()
    assert np.mean((found - truth) ** 2) < 0.8 * np.mean(truth**2)
