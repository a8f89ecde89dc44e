"""Observations of a window, by script, from a truth known everywhere."""

import numpy as np
import pandas as pd
import pytest

from galerne.arrays import unstack_channels
from galerne.catalogue import channels
from galerne.observe.table import read_observations
from galerne.products import open_product, write_product
from workflow.scripts.simulate_observations import simulate_observations

STATE = {"surface": ["2m_temperature"], "pressure": ["temperature"], "levels": [500, 850]}
LAND = {
    "kind": "stations",
    "sites": {"count": 40, "file": None},
    "every_hours": 6,
    "errors": {"2m_temperature": 2.0},
}
ORBITER = {
    "kind": "swath",
    "altitude_km": 830.0,
    "inclination_degrees": 98.7,
    "width_km": 2000.0,
    "across": 3,
    "every_seconds": 600.0,
    "levels": [700],
    "errors": {"temperature": 1e-6},
}
WINDOW = "20010101T12_18h"


@pytest.fixture
def products(tmp_path) -> object:
    """A truth that is 280 K at the surface and warms by 1 K an hour aloft."""
    coords = {
        "time": np.datetime64("2001-01-01", "ns") + np.arange(8) * np.timedelta64(6, "h"),
        "latitude": 90 - (np.arange(8) + 0.5) * 22.5,
        "longitude": np.arange(16) * 22.5,
    }
    values = np.full((8, 3, 8, 16), 280.0)
    values[:, 1:] = 200 + 6 * np.arange(8.0)[:, None, None, None]
    truth = unstack_channels(values.astype("float32"), channels(**STATE), coords)
    write_product(truth, tmp_path / "truth/manifest.json")
    lat = np.linspace(-85, 85, 40)
    sites = pd.DataFrame({"platform": "land", "station": "s", "lat": lat, "lon": 3 * lat % 360})
    sites.assign(withheld=np.arange(40) % 4 == 0).to_csv(tmp_path / "sites.csv", index=False)
    return tmp_path


def simulate(folder, window=WINDOW, name="o.parquet", **instruments: dict) -> pd.DataFrame:
    simulate_observations(
        folder / "truth/manifest.json",
        folder / "sites.csv",
        folder / name,
        network="sparse",
        window=window,
        instruments=instruments,
        withheld_share=0.25,
        state=STATE,
        seed=3,
    )
    return read_observations(folder / name)


def test_observations_are_the_truth_at_their_place_and_time_plus_errors(products) -> None:
    seen = simulate(products, land=LAND, orbiter=ORBITER)
    warm = seen[seen["platform"] == "land"]["observation"] - 280
    assert len(warm) == 40 * 4
    assert warm.mean() == pytest.approx(0, abs=4 * 2 / np.sqrt(160))
    assert warm.std() == pytest.approx(2, rel=4 / np.sqrt(320))
    aloft = seen[seen["platform"] == "orbiter"]
    hours = (aloft["time"] - pd.Timestamp("2001-01-01")) / pd.Timedelta("1h")
    np.testing.assert_allclose(aloft["observation"], 200 + hours, atol=1e-3)


def test_stations_report_at_their_height_and_are_read_at_the_ground(products) -> None:
    alike = simulate(products, land=LAND)
    truth = open_product(products / "truth/manifest.json").load()
    ground = (truth["2m_temperature"][0] * 0 + 400 * 9.80665).drop_vars("time")
    write_product(truth.assign(geopotential_at_surface=ground), products / "truth/manifest.json")
    sites = pd.read_csv(products / "sites.csv")
    sites["elevation"] = np.where(np.arange(40) % 2, 1400.0, np.nan)
    sites.to_csv(products / "sites.csv", index=False)
    pd.testing.assert_frame_equal(simulate(products, land=LAND), alike)
    reported = pd.read_parquet(products / "o.parquet")
    high = reported["elevation"].notna()
    assert high.sum() == 20 * 4
    assert np.allclose(reported["model_elevation"][high], 400)
    colder = alike["observation"] - reported["observation"]
    np.testing.assert_allclose(colder, np.where(high, 6.5, 0.0), atol=1e-9)


def test_a_rerun_writes_the_same_bytes(products) -> None:
    for name in ("a", "b"):
        simulate(products, name=name, land=LAND, orbiter=ORBITER)
    assert (products / "a").read_bytes() == (products / "b").read_bytes()


def test_another_instrument_leaves_observations_as_they_were(products) -> None:
    alone, both = simulate(products, land=LAND), simulate(products, land=LAND, orbiter=ORBITER)
    kept = both[both["platform"] == "land"].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, alone)


def test_a_window_that_nobody_observes_is_an_empty_table_and_is_said(products, caplog) -> None:
    never = LAND | {"every_hours": 24}
    assert simulate(products, window="20010101T06_6h", land=never).empty
    assert "network 'sparse' observes nothing of use during 20010101T06_6h" in caplog.text


def test_a_window_that_leaves_the_data_is_refused(products) -> None:
    with pytest.raises(ValueError, match=r"window 20010102T12_18h .* leaves the data"):
        simulate(products, window="20010102T12_18h", land=LAND)


def test_derived_variables_and_correlated_errors_are_simulated(products) -> None:
    settings = {"errors": {"brightness_temperature": 1e-6}, "correlation": {"km": 300.0}}
    seen = simulate(products, orbiter=ORBITER | settings)
    hours = (seen["time"] - pd.Timestamp("2001-01-01")) / pd.Timedelta("1h")
    np.testing.assert_allclose(seen["observation"], 200 + hours, atol=1e-3)
    assert (seen["correlation_km"] == 300).all()
    errors = simulate(products, orbiter=ORBITER | settings | {"errors": {"temperature": 1.0}})
    errors = (errors["observation"] - 200 - hours).to_numpy().reshape(-1, 3)
    alike = np.exp(-2000 / 3 / 300)  # of neighbours in a line
    found = np.corrcoef(errors[:, 0], errors[:, 1])[0, 1]
    assert found == pytest.approx(alike, abs=4 / np.sqrt(len(errors)))
