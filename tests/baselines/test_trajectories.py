"""Trajectories are of the season and hour asked for, and whole."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from galerne.baselines.covariance import LAGS, alternate_blocks
from galerne.baselines.fields import Case, Noise
from galerne.baselines.trajectories import (
    draw_climate,
    read_trajectories,
    similar_starts,
)
from galerne.latent.record import StandardisedStates

HOUR = np.timedelta64(1, "h")


def record(first: str, states: int) -> np.ndarray:
    return np.datetime64(first, "ns") + 6 * np.arange(states) * HOUR


class States(StandardisedStates):
    """Two years, each state its own number."""

    def __init__(self, *times: np.ndarray) -> None:
        self.records = [SimpleNamespace(times=t) for t in times]

    def __getitem__(self, indices) -> torch.Tensor:
        return torch.tensor(list(indices), dtype=torch.float32)[:, None, None, None]


@pytest.fixture
def states() -> States:
    return States(record("2001-01-01T00", 365 * 4), record("2002-01-01T00", 365 * 4))


@pytest.fixture
def case_of(case) -> Callable[..., Case]:
    """Makes a case of other times and members."""

    def make(first: str, count: int, members: Sequence[int] = range(3)) -> Case:
        noise = Noise(0, members)
        return replace(case, times=record(first, count), noise=noise, members=members)

    return make


def test_they_begin_at_the_hour_and_within_days_of_the_season(states) -> None:
    times = record("2004-01-03T12", 8)
    starts = similar_starts(states, times, 10.0)
    own = np.concatenate([r.times for r in states.records])[starts]
    assert set((own - own.astype("M8[D]")) / HOUR) == {12}
    day = (own - own.astype("M8[Y]")) / np.timedelta64(1, "D")
    assert ((day < 14) | (day > 357)).all()  # over the turn of the year
    assert starts[-1] % 1460 <= 1460 - 8  # whole within its own year
    year = starts // 1460
    assert all(k + 7 < 1460 * (y + 1) for k, y in zip(starts, year, strict=True))
    assert len(similar_starts(states, record("2004-06-01", 8), 10.0)) == 2 * 20


def test_none_crosses_a_gap(states) -> None:
    broken = States(np.delete(record("2001-01-01T00", 80), 30))
    starts = similar_starts(broken, record("2001-01-05", 8), 30.0)
    assert not set(range(23, 30)) & set(starts.tolist())
    assert 16 in starts


def test_an_ensemble_is_spread_over_all_that_are_similar(states, case_of) -> None:
    case = case_of("2004-06-01", 4)
    found = read_trajectories(states, case, count=5, season_days=10.0)
    assert found.shape == (5, 4, 1, 1, 1)
    first = found[:, 0].flatten().int().tolist()
    starts = similar_starts(states, case.times, 10.0)
    assert first[0] == starts[0]
    assert first[-1] == starts[-1]
    assert (found[:, 1] - found[:, 0]).eq(1).all()


def test_members_of_the_climate_are_unlike_and_the_same_in_any_batch(states, case_of) -> None:
    whole = draw_climate(case_of("2004-06-01", 4, range(8)), states, season_days=10.0)
    some = draw_climate(case_of("2004-06-01", 4, [5, 2]), states, season_days=10.0)
    assert torch.equal(some, whole[[5, 2]])
    assert len(whole[:, 0].unique()) == 8


def test_too_few_are_refused(states, case_of) -> None:
    case = case_of("2004-06-01", 4, range(60))
    with pytest.raises(ValueError, match=r"hold 40 trajectories of 4 states .* fewer than 60"):
        draw_climate(case, states, season_days=10.0)
    with pytest.raises(ValueError, match="raise season_days"):
        read_trajectories(states, case, count=50, season_days=10.0)


def test_blocks_are_whole_and_one_of_four_is_held_out(states) -> None:
    kept = [b.flatten().int().tolist() for b in alternate_blocks(states, False)]
    held = [b.flatten().int().tolist() for b in alternate_blocks(states, True)]
    assert sorted(k for b in kept + held for k in b) == list(range(2 * 365 * 4))
    assert all(b == list(range(b[0], b[0] + len(b))) for b in kept + held)
    assert not any(b[0] < 1460 <= b[-1] for b in kept + held)  # none in both years
    assert 0.2 < sum(map(len, held)) / 2920 < 0.3
    short = States(record("2001-01-01", 100))
    assert all(len(b) >= LAGS for b in alternate_blocks(short, True))
    assert len(list(alternate_blocks(short, True))) == 1
