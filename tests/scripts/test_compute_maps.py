"""Maps of one window, by script."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from galerne.arrays import unstack_channels
from galerne.catalogue import channels
from galerne.products import open_product, write_product
from workflow.scripts.compute_maps import compute_maps

STATE = {"surface": ["2m_temperature"], "pressure": ["temperature"], "levels": [500, 850]}
TIMES = np.datetime64("2001-01-01", "ns") + np.arange(4) * np.timedelta64(6, "h")
PLACE = {"latitude": np.array([45.0, -45.0]), "longitude": np.arange(4) * 90.0}


def write(path, values, **coords: np.ndarray) -> Path:
    values = np.broadcast_to(values[..., None, None, None], (*values.shape, 3, 2, 4))
    labelled = unstack_channels(values.astype("float32"), channels(**STATE), coords | PLACE)
    if "number" not in coords:
        labelled["land_sea_mask"] = (("latitude", "longitude"), np.ones((2, 4), "float32"))
    write_product(labelled, path)
    return path


@pytest.fixture
def maps(tmp_path) -> xr.Dataset:
    steps, numbers = np.arange(4.0), np.arange(3)
    one = {"number": numbers[:1], "time": TIMES}
    leads = (TIMES[2:] - TIMES[1]).astype("timedelta64[ns]")
    members = write(
        tmp_path / "members/manifest.json",
        (numbers[:, None] + steps[2:])[:, None],
        number=numbers,
        time=TIMES[1:2],
        prediction_timedelta=leads,
    )
    compute_maps(
        write(tmp_path / "truth/manifest.json", steps, time=TIMES),
        write(tmp_path / "climatology/manifest.json", 10 + steps[None], **one),
        [write(tmp_path / "prior/manifest.json", 20 + steps[None], **one)],
        [members],
        tmp_path / "maps/manifest.json",
        window="20010101T00_18h",
        task={"kind": "forecasting", "now_hours": [6]},
        state=STATE,
        maps=["temperature_850", "2m_temperature"],
        kept=2,
    )
    return open_product(tmp_path / "maps/manifest.json").load()


def test_every_field_is_cut_to_the_same_states(maps) -> None:
    place = {"channel": 1, "latitude": 0, "longitude": 0}
    expected = {
        "truth": [2, 3],
        "climatology": [12, 13],
        "prior_sample": [22, 23],
        "mean": [3, 4],
        "error": [1, 1],
        "spread": [1, 1],
    }
    for name, values in expected.items():
        assert maps[name].dims == ("channel", "frame", "latitude", "longitude")
        assert maps[name].isel(place).values.tolist() == values
    assert maps["members"].isel(place).values.tolist() == [[2, 3], [3, 4]]


def test_frames_and_channels_say_what_they_are(maps) -> None:
    assert maps["channel"].values.tolist() == ["2m_temperature", "temperature_850"]
    np.testing.assert_array_equal(maps["valid_time"], TIMES[2:])
    assert maps["lead_hours"].values.tolist() == [6, 12]
    assert maps["land_sea_mask"].dims == ("latitude", "longitude")
