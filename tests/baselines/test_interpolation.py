"""Optimal interpolation is the Kalman answer where all is linear and Gaussian."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.worlds.metrics import compare
from galerne.baselines.fields import Case, Noise
from galerne.baselines.interpolation import analyse, kernel_covariance, matern
from galerne.observe.orbit import MEAN_RADIUS

SOLVER = {"iterations": 40, "modes": 60}


def test_it_is_the_exact_posterior_of_the_world(world, observed, case, of_fields) -> None:
    members = analyse(case, of_fields, **SOLVER).flatten(1).double().numpy()
    verdict = compare(members, world.exact(observed))
    assert verdict.mean_error <= 0.05
    assert 0.95 <= verdict.variance_ratio <= 1.05
    assert verdict.variance_least >= 0.8
    assert verdict.variance_most <= 1.2


def test_a_wrong_covariance_is_not(world, observed, case, of_fields) -> None:
    members = analyse(case, of_fields, inflation=0.3, **SOLVER).flatten(1).double().numpy()
    assert compare(members, world.exact(observed)).variance_ratio < 0.9


def test_errors_are_taken_with_their_correlations(world, observed, of_fields) -> None:
    """Two looks at one place with one error are worth one."""
    table = observed.table.iloc[:1].assign(error=0.5)
    pair = table.loc[table.index.repeat(2)].reset_index(drop=True)
    pair["lon"] += [0.0, 0.5]
    together = pair.assign(block="a", correlation_log_pressure=np.nan, correlation_km=1e6)

    def spread(one) -> float:
        noise = Noise(0, range(600))
        own = replace(case_of(world, one), noise=noise, members=range(600))
        return float(own.operator(analyse(own, of_fields, **SOLVER))[:, 0].std()) * 0.5

    alone, blocked, free = spread(table), spread(together), spread(pair)
    assert blocked == pytest.approx(alone, rel=0.03)
    assert free < 0.95 * alone


def case_of(world, table) -> Case:
    return Case(world.transform, table, world.times, Noise(0, range(4)), range(4))


def test_without_observations_it_is_the_prior(world, observed, of_fields) -> None:
    empty = case_of(world, observed.table.iloc[:0])
    drawn = analyse(empty, of_fields, **SOLVER)
    assert torch.equal(drawn, of_fields.window(3).deviate(empty.noise("prior", empty.shape)))


def test_a_member_is_the_same_in_any_batch(world, observed, of_fields) -> None:
    both = case_of(world, observed.table)
    alone = replace(both, noise=Noise(0, [2]), members=[2])
    found = analyse(alone, of_fields, **SOLVER)[0]
    assert torch.allclose(found, analyse(both, of_fields, **SOLVER)[2], atol=1e-4)


def test_the_kernel_is_that_of_the_chord_and_of_time(world) -> None:
    given = {"length_km": 3000.0, "hours": 12.0, "step_hours": 6.0}
    model = kernel_covariance(world.transform, components=8, **given)
    window = model.window(2)
    one = torch.zeros(1, *window.shape)
    one[0, 0, 1, 3, 0] = 1.0
    seen = window.apply(one)[0]
    phi, lam = np.radians(world.transform.latitude), np.radians(world.transform.longitude)
    unit = [np.stack([np.cos(p) * np.cos(m), np.cos(p) * np.sin(m), np.sin(p)])
            for p, m in ((phi[3], lam[0]), (phi[5], lam[2]))]  # fmt: skip
    chord = MEAN_RADIUS * np.linalg.norm(unit[0] - unit[1])
    assert float(seen[0, 1, 3, 0]) == pytest.approx(1.0, abs=0.02)
    assert float(seen[0, 1, 5, 2]) == pytest.approx(
        float(matern(np.array([chord / 3000.0]))[0]), abs=0.02
    )
    later = float(matern(np.array([0.5]))[0])
    assert float(seen[1, 1, 3, 0] / seen[0, 1, 3, 0]) == pytest.approx(later, abs=1e-3)
    assert not seen[:, 0].any()
