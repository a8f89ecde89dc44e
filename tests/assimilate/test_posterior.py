"""Posterior windows: drawn towards what was observed, blind to what must not be used."""

import numpy as np
import pandas as pd
import pytest

from galerne.assimilate.posterior import draw_posterior_windows, usable
from galerne.latent.autoencoder import Autoencoder
from galerne.prior.denoiser import WindowDenoiser
from galerne.stats.transform import Transform

TIMES = np.datetime64("2001-01-01", "ns") + np.arange(3) * np.timedelta64(6, "h")
SETTINGS = {"seed": 3, "sampler": "xeab", "steps": 16, "iterations": 4}
Models = tuple[WindowDenoiser, Autoencoder, Transform]


@pytest.fixture
def models(prior: WindowDenoiser, autoencoder: Autoencoder, transform: Transform) -> Models:
    return prior, autoencoder, transform


def test_withheld_and_later_observations_are_not_used(table: pd.DataFrame) -> None:
    kept = usable(table, TIMES, TIMES[1]).table
    assert len(kept) == 4
    assert not kept["withheld"].any()
    assert kept["time"].max() == TIMES[1]


def test_nothing_left_is_refused(table: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match=r"no observation .* may be used: 9 in the table"):
        usable(table.assign(withheld=True), TIMES, TIMES[-1])


def test_members_agree_with_precise_observations(models: Models, table: pd.DataFrame) -> None:
    """Observations at grid points are met to within their error; elsewhere the prior spreads."""
    at_points = table.assign(lat=models[2].latitude[2], lon=45.0 * (1 + table.index % 3))
    observations = usable(at_points, TIMES, TIMES[-1])
    drawn = draw_posterior_windows(*models, observations, members=range(40), **SETTINGS)
    assert drawn.shape == (40, 3, 2, 8, 16)
    seen = drawn[:, 0, 0, 2, [2, 4]]
    assert np.abs(seen.mean(0) - [283, 284]).max() < 0.5
    assert (seen.std(0) < 0.75).all()
    assert drawn[:, 0, 0, 6].std(0).min() > 1.5


def test_a_withheld_value_does_not_reach_the_members(models: Models, table: pd.DataFrame) -> None:
    spoilt = table.copy()
    spoilt.loc[spoilt["withheld"], "observation"] = 400.0
    drawn = [
        draw_posterior_windows(*models, usable(t, TIMES, TIMES[-1]), members=[0, 1], **SETTINGS)
        for t in (table, spoilt)
    ]
    np.testing.assert_array_equal(*drawn)


def test_a_member_is_the_same_in_any_batch(models: Models, table: pd.DataFrame) -> None:
    observations = usable(table, TIMES, TIMES[-1])
    many = draw_posterior_windows(*models, observations, members=[0, 1, 2], **SETTINGS)
    one = draw_posterior_windows(*models, observations, members=[1], **SETTINGS)
    anomaly = models[2].climatology(TIMES)
    np.testing.assert_allclose(many[1] - anomaly, one[0] - anomaly, atol=0.5)
    np.testing.assert_allclose(many[1, :, 0], one[0, :, 0], atol=1e-3)
