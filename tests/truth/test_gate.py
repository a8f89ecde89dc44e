"""The gate: the default method and settings, through the code of real assimilation."""

import numpy as np
import pytest

from bench.truth import GATE, judge, observed
from bench.worlds.engine import Drawn, default_method, draw_published
from bench.worlds.metrics import Verdict, compare
from bench.worlds.world import World, build_world

MEMBERS = 2048  # the worst of exact draws is then within 0.9 to 1.1
Outcome = tuple[Verdict, Drawn]


@pytest.fixture(scope="module")
def world() -> World:
    return build_world("exact", **GATE)


@pytest.fixture(scope="module")
def outcome(world: World) -> Outcome:
    return judge(world, observed(world), default_method()[1], MEMBERS)


def passes(verdict: Verdict) -> bool:
    return verdict.mean_error <= 0.05 and variance_passes(verdict)


def variance_passes(verdict: Verdict) -> bool:
    mean = 0.95 <= verdict.variance_ratio <= 1.05
    return mean and verdict.variance_least >= 0.85 and verdict.variance_most <= 1.15


def test_exact_draws_pass_and_those_of_a_wrong_spread_do_not(world: World) -> None:
    exact = world.exact(observed(world))
    members = exact.draw(np.random.default_rng(0), MEMBERS)
    assert passes(compare(members, exact))
    assert not passes(compare(exact.mean + 1.05 * (members - exact.mean), exact))
    assert not passes(compare(members + 0.07 * exact.covariance.diagonal() ** 0.5, exact))


def test_the_mean_is_exact(outcome: Outcome) -> None:
    assert outcome[0].mean_error <= 0.05


def test_the_variance_is_exact(outcome: Outcome) -> None:
    assert variance_passes(outcome[0])


def test_it_costs_no_more_than_the_published_setting(world: World, outcome: Outcome) -> None:
    published = draw_published(world, observed(world), members=range(2), seed=0)
    assert 0 < outcome[1].evaluations <= published.evaluations
