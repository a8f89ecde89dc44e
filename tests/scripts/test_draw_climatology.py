"""The climatology of a window, written by script."""

import numpy as np
import pytest

from galerne.arrays import stack_channels
from galerne.observe.window import window_times
from galerne.products import open_product
from galerne.stats.transform import Transform
from workflow.scripts.draw_climatology import draw_climatology

WINDOW = "20040229T18_18h"  # after all data


def test_it_is_the_climatology_as_an_ensemble_of_one(tmp_path, climatology) -> None:
    draw_climatology(climatology, tmp_path / "manifest.json", window=WINDOW, step_hours=6)
    found, transform = open_product(tmp_path / "manifest.json"), Transform.open(climatology)
    times = window_times(WINDOW, 6)
    assert found["temperature"].dims == ("number", "time", "level", "latitude", "longitude")
    assert dict(found.sizes) == {
        "number": 1, "time": 4, "level": 2, "latitude": 16, "longitude": 32
    }  # fmt: skip
    assert np.array_equal(found["time"], times)
    assert found["2m_temperature"].attrs["units"] == "K"
    values = stack_channels(found, transform.channels)
    assert np.array_equal(values[0], transform.climatology(times))


def test_a_rerun_writes_the_same_bytes(tmp_path, climatology, contents) -> None:
    for name in ("a", "b"):
        draw_climatology(climatology, tmp_path / name / "m.json", window=WINDOW, step_hours=6)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_name_that_is_no_window_is_refused(tmp_path, climatology) -> None:
    with pytest.raises(ValueError, match="no window: '2004'; windows are called like"):
        draw_climatology(climatology, tmp_path / "a/m.json", window="2004", step_hours=6)
    assert not (tmp_path / "a").exists()
