"""Spectra and balances of ensembles on disk."""

import numpy as np
import pytest

from galerne.arrays import unstack_channels
from galerne.catalogue import channels
from galerne.evaluate.ensemble import Ensemble
from galerne.evaluate.physics import examine
from galerne.evaluate.spectra import spherical_power, zonal_power
from galerne.grid.latlon import equiangular
from galerne.observe.task import Cutoff
from galerne.products import write_product

CHANNELS = channels(["mean_sea_level_pressure"], ["geopotential", "temperature"], [500, 850])
LATITUDE, LONGITUDE = equiangular(16, 32, poles=False)
PLACE = {"latitude": LATITUDE, "longitude": LONGITUDE}
TIMES = np.datetime64("2001-01-01", "ns") + np.arange(3) * np.timedelta64(6, "h")


@pytest.fixture
def world(tmp_path) -> tuple:
    rng = np.random.default_rng(0)
    members = rng.normal(size=(4, 3, 5, 16, 32)).astype("float32")
    truth = rng.normal(size=(3, 5, 16, 32)).astype("float32")
    paths = []
    for first in (0, 2):
        own = {"number": np.arange(first, first + 2), "time": TIMES, **PLACE}
        paths.append(tmp_path / f"members_00{first}-00{first + 1}" / "manifest.json")
        write_product(unstack_channels(members[first : first + 2], CHANNELS, own), paths[-1])
    fields = unstack_channels(truth, CHANNELS, {"time": TIMES, **PLACE})
    return members, truth, Ensemble.open(paths), fields


def test_spectra_are_of_members_of_their_mean_and_of_the_truth(world) -> None:
    members, truth, ensemble, fields = world
    table = examine(ensemble, fields, Cutoff(TIMES[0], tuple(TIMES[1:])), CHANNELS)["spectra"]
    for kind, power in (("zonal", zonal_power), ("spherical", spherical_power)):
        rows = table[(table["kind"] == kind) & (table["lead_hours"] == 12)]
        rows = rows[(rows["variable"] == "temperature") & (rows["level"] == 850)]
        np.testing.assert_allclose(
            rows["members"], power(members[:, 2, 4], LATITUDE).mean(0), rtol=1e-5
        )
        np.testing.assert_allclose(rows["mean"], power(members[:, 2, 4].mean(0), LATITUDE), 1e-4)
        np.testing.assert_allclose(rows["truth"], power(truth[2, 4], LATITUDE))
        assert rows["wavenumber"].tolist() == list(range(len(rows)))


def test_mass_and_its_drift_are_those_of_members_against_the_truth(tmp_path) -> None:
    level = np.array([[0.0, 10.0, 30.0], [0.0, -10.0, -50.0]])
    members = np.broadcast_to(level[..., None, None, None], (2, 3, 1, 16, 32)) + 1e5
    pressure = CHANNELS[:1]
    own = {"number": np.arange(2), "time": TIMES, **PLACE}
    write_product(unstack_channels(members, pressure, own), tmp_path / "manifest.json")
    truth = np.full((3, 1, 16, 32), 1e5 + 10)
    fields = unstack_channels(truth, pressure, {"time": TIMES, **PLACE})
    cutoff = Cutoff(TIMES[-1], tuple(TIMES))
    table = examine(Ensemble.open([tmp_path / "manifest.json"]), fields, cutoff, pressure)
    found = table["balance"].set_index("measure")["members"]
    np.testing.assert_allclose(found["mass"], [100, 200, (400 + 3600) / 2], rtol=1e-2)
    assert found["drift"] == pytest.approx((30**2 + 50**2) / 2, rel=1e-3)
    single = examine(
        Ensemble.open([tmp_path / "manifest.json"]),
        fields,
        Cutoff(TIMES[0], (TIMES[0],)),
        pressure,
    )
    assert "drift" not in set(single["balance"]["measure"])


def test_a_small_memory_gives_the_same(world) -> None:
    _, _, ensemble, fields = world
    cutoff = Cutoff(TIMES[-1], tuple(TIMES))
    whole = examine(ensemble, fields, cutoff, CHANNELS)
    state = 4 * 5 * 16 * 32
    for bound in (state, 5 * state):
        parts = examine(ensemble, fields, cutoff, CHANNELS, bound=bound)
        for name, table in whole.items():
            keys = [c for c in table if c not in ("members", "mean", "truth")]
            one, other = (
                t.groupby(keys, dropna=False, sort=True).sum() for t in (table, parts[name])
            )
            np.testing.assert_allclose(other, one, rtol=1e-6)
            assert one.index.equals(other.index)
