"""Cressman's scheme draws to observations near by, and to the climatology elsewhere."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from galerne.baselines.cressman import correct_successively
from galerne.baselines.fields import Case
from galerne.observe.orbit import MEAN_RADIUS

REACH = {"radius_km": 4000.0, "hours": 9.0, "passes": 1}


@pytest.fixture
def one(world, observed, case) -> Case:
    """A case of one observation of the temperature near the surface, at a point of the grid."""
    t = world.transform
    about = {"lat": t.latitude[2], "lon": t.longitude[3], "time": world.times[1]}
    about |= {"variable": "2m_temperature", "level": np.nan, "observation": 1.5}
    return replace(case, table=observed.table.iloc[:1].assign(**about))


def test_one_observation_is_the_mean_wherever_it_reaches(one) -> None:
    x = correct_successively(one, **REACH)
    assert x.shape == (1, *one.shape)
    assert float(x[0, 1, 0, 2, 3]) == pytest.approx(1.5)
    assert float(x[0, 0, 0, 2, 4]) == pytest.approx(1.5)  # six hours before, near by
    assert not x[0, :, 1:].any()  # other channels
    assert not x[0, :, 0, 6].any()  # too far
    assert not correct_successively(one, **REACH | {"hours": 5.0})[0, 0].any()


def test_weights_are_cressmans(one, world) -> None:
    t = world.transform
    other = one.table.assign(lon=t.longitude[4], observation=0.0)
    both = replace(one, table=together(one.table, other))
    x = correct_successively(both, **REACH)
    apart = np.radians(t.longitude[4] - t.longitude[3])
    phi = np.radians(t.latitude[2])
    d = MEAN_RADIUS * np.arccos(np.sin(phi) ** 2 + np.cos(phi) ** 2 * np.cos(apart))
    weight = (4000**2 - d**2) / (4000**2 + d**2)
    assert float(x[0, 1, 0, 2, 3]) == pytest.approx(1.5 / (1 + max(weight, 0)), rel=1e-4)


def together(*tables: pd.DataFrame) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True)


def test_later_passes_draw_closer(one, world) -> None:
    t = world.transform
    far = one.table.assign(lon=t.longitude[4], observation=0.0)
    both = replace(one, table=together(one.table, far))
    misfit = [
        abs(1.5 - float(correct_successively(both, **REACH | {"passes": n})[0, 1, 0, 2, 3]))
        for n in (1, 2, 3)
    ]
    assert misfit[0] > misfit[1] >= misfit[2]


def test_what_is_no_channel_is_not_used(one, case, observed) -> None:
    speed = one.table.assign(variable="10m_wind_speed")
    assert not correct_successively(replace(one, table=speed), **REACH).any()
    assert not correct_successively(replace(one, table=observed.table.iloc[:0]), **REACH).any()
    assert torch.isfinite(correct_successively(case, **REACH)).all()
