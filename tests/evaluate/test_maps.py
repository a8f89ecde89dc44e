"""Fields for the report."""

import numpy as np

from galerne.catalogue import channels
from galerne.evaluate.maps import map_fields

CHANNELS = channels(["2m_temperature"], ["temperature"], [500])


def fields(count, kept=2, *, sampled=True) -> object:
    rng = np.random.default_rng(0)
    shape = (3, 2, 4, 8)
    members = rng.normal(size=(count, *shape))
    truth, climatology, sample = rng.normal(size=(3, *shape))
    dataset = map_fields(
        members,
        truth,
        climatology,
        sample if sampled else None,
        channels=CHANNELS,
        times=np.datetime64("2001-01-01", "ns") + np.arange(3) * np.timedelta64(6, "h"),
        leads=np.array([0, 6, 12]),
        latitude=np.linspace(80, -80, 4),
        longitude=np.arange(8) * 45.0,
        kept=kept,
    )
    return members, truth, sample, dataset


def test_maps_hold_the_moments_of_all_members_and_the_first_few() -> None:
    members, truth, sample, maps = fields(5)
    one = {"channel": 1, "frame": 2}
    expected = {
        "mean": members[:, 2, 1].mean(0),
        "spread": members[:, 2, 1].std(0, ddof=1),
        "error": members[:, 2, 1].mean(0) - truth[2, 1],
        "members": members[:2, 2, 1],
        "truth": truth[2, 1],
        "prior_sample": sample[2, 1],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(maps[name].isel(one), values, rtol=1e-5, atol=1e-6)
    assert maps["members"].dims == ("channel", "frame", "number", "latitude", "longitude")
    assert maps["channel"].values.tolist() == ["2m_temperature", "temperature_500"]
    assert maps["lead_hours"].values.tolist() == [0, 6, 12]


def test_a_baseline_has_no_sample_of_the_prior_beside_it() -> None:
    *_, maps = fields(3)
    assert "prior_sample" in maps
    *_, maps = fields(3, sampled=False)
    assert "prior_sample" not in maps
    assert set(maps) >= {"truth", "climatology", "mean", "spread", "error", "members"}


def test_one_member_has_no_spread() -> None:
    _, _, _, maps = fields(1)
    assert (maps["spread"] == 0).all()
    assert maps.sizes["number"] == 1
