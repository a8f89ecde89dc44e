"""The LETKF is the Kalman filter of its ensemble, and near a place only what is near counts."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.worlds.metrics import compare
from bench.worlds.posterior import Posterior, condition
from galerne.baselines.letkf import analyse_locally
from galerne.observe.operator import Interpolation

EVERYWHERE = {"length_km": 1e12, "hours": 1e12}


def ensemble_of(world, count: int) -> torch.Tensor:
    """Windows of fields drawn from the truth."""
    z = world.truth.draw(np.random.default_rng(3), count)
    shape = (world.states, 3, world.dynamics.grid.rows, world.dynamics.grid.columns)
    return torch.from_numpy(z @ world.decoding.T).reshape(count, *shape).float()


def exact_of(world, table, covariance: np.ndarray) -> Posterior:
    """The posterior of fields of a covariance."""
    grid = world.dynamics.grid
    place = {"latitude": grid.latitude, "longitude": grid.longitude}
    operator = Interpolation.build(
        table, times=world.times, channels=world.transform.channels, **place
    )
    H = operator.adjoint(np.eye(len(table))).reshape(len(table), -1)
    prior = Posterior(np.ones(1), np.zeros((1, len(covariance))), covariance)
    return condition(prior, H, *(table[k].to_numpy() for k in ("observation", "error")))


def test_without_localisation_it_is_the_kalman_answer_of_its_ensemble(
    world, observed, case
) -> None:
    ensemble = ensemble_of(world, 60)
    members = analyse_locally(replace(case, members=range(60)), ensemble, **EVERYWHERE)
    flat = (ensemble - ensemble.mean(0)).flatten(1).double().numpy()
    exact = exact_of(world, observed.table, flat.T @ flat / 59)
    found = members.flatten(1).double().numpy()
    scale = np.sqrt(exact.covariance.diagonal()).mean()
    assert np.abs(found.mean(0) - exact.mean).max() < 5e-3 * scale
    assert np.abs(np.cov(found.T) - exact.covariance).max() < 5e-3 * scale**2


def test_with_a_large_ensemble_it_is_that_of_the_world(world, observed, case) -> None:
    few = replace(observed, table=observed.table.iloc[:20].reset_index(drop=True))
    own = replace(case, table=few.table, members=range(1200))
    members = analyse_locally(own, ensemble_of(world, 1200), stride=8, **EVERYWHERE)
    exact = exact_of(world, few.table, world.decoding @ world.truth.within @ world.decoding.T)
    verdict = compare(members.flatten(1).double().numpy(), exact)
    assert verdict.mean_error <= 0.15  # of Monte Carlo: sqrt(20 / 1200) is 0.13
    assert 0.93 <= verdict.variance_ratio <= 1.07


def test_far_from_observations_it_is_the_prior(world, observed, case) -> None:
    table = observed.table.iloc[:1].assign(lat=60.0, lon=90.0, time=world.times[0])
    ensemble = ensemble_of(world, 30)
    near = {"length_km": 4000.0, "hours": 8.0, "stride": 1}
    own = replace(case, table=table, members=range(30))
    change = analyse_locally(own, ensemble, **near) - (ensemble - ensemble.mean(0))
    change = change.abs().amax((0, 2))  # state, lat, lon
    latitude = world.transform.latitude
    assert change[0].max() > 0.01
    assert change[:, latitude < 60 - 40].max() < 1e-4  # 40 degrees are 4,400 km
    assert change[2].max() < 1e-4  # twelve hours later
    assert change[1].max() > 1e-3  # six hours later


def test_inflation_is_that_of_the_prior(world, observed, case) -> None:
    empty = replace(case, table=observed.table.iloc[:0], members=range(5))
    ensemble = ensemble_of(world, 10)
    one, two = (analyse_locally(empty, ensemble, inflation=i, **EVERYWHERE) for i in (1.0, 4.0))
    assert torch.allclose(2 * one, two)


def test_more_members_than_trajectories_are_refused(world, case) -> None:
    with pytest.raises(ValueError, match="member 1023: the ensemble has 10 trajectories only"):
        analyse_locally(case, ensemble_of(world, 10), **EVERYWHERE)
