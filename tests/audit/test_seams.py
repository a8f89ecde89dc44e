"""Jumps are found where they are; clean series give no more false alarms than stated."""

import numpy as np
import pytest

from galerne.audit.seams import find_jumps

N, DAYS = 20, 365


def weather(rng: np.random.Generator, days: int = DAYS, memory: float = 0.9) -> np.ndarray:
    """Six-hourly values that forget slowly, with a season and a daily cycle."""
    noise = rng.normal(size=4 * days + 200)
    for k in range(1, len(noise)):
        noise[k] += memory * noise[k - 1]
    time = np.arange(4 * days) / 4
    return noise[200:] + 5 * np.sin(2 * np.pi * time / 365) + 2 * np.cos(2 * np.pi * time)


def phase(series: np.ndarray) -> np.ndarray:
    return np.arange(len(series)) % 4


@pytest.mark.parametrize(("days", "memory"), [(365, 0.9), (365, 0.5), (120, 0.9), (60, 0.95)])
def test_clean_series_give_no_more_false_alarms_than_stated(days, memory) -> None:
    rng, rate, trials = np.random.default_rng(0), 0.05, 300
    alarms = 0
    for _ in range(trials):
        x = weather(rng, days, memory)
        alarms += bool(find_jumps(x, phase(x), N, rate, 1))
    assert alarms <= rate * trials + 2 * np.sqrt(rate * trials)


def test_a_jump_is_found_within_a_day_and_measured() -> None:
    x = weather(np.random.default_rng(1))
    x[700:] += 30
    ((place, z, size),) = find_jumps(x, phase(x), N, 0.01, 142)
    assert abs(place - 700) <= 4
    assert z > 6
    assert size == pytest.approx(30, abs=4)


def test_of_two_jumps_both_are_found_with_their_signs() -> None:
    x = weather(np.random.default_rng(2))
    x[400:900] -= 18
    down, up = find_jumps(x, phase(x), N, 0.01, 1)
    assert (abs(down[0] - 400) <= 4, abs(up[0] - 900) <= 4) == (True, True)
    assert down[1] < 0 < up[1]


def test_short_and_constant_series_have_no_jump() -> None:
    rng = np.random.default_rng(3)
    x = np.concatenate([np.zeros(70), np.full(70, 99.0)]) + rng.normal(size=140)
    assert find_jumps(x, phase(x), N, 0.01, 1) == []
    still = np.full(600, 5e4) + rng.normal(size=600) * 1e-3
    assert find_jumps(still, phase(still), N, 0.01, 1) == []
