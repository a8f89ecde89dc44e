"""The climatology by hour and day of year, by script."""

import numpy as np

from galerne.products import open_product
from workflow.scripts.pool_hourly_climatology import pool_hourly_climatology


def test_it_is_written_in_the_layout_of_weatherbench2(tmp_path, choice, train, contents) -> None:
    for name in ("a", "b"):
        path = tmp_path / name / "manifest.json"
        pool_hourly_climatology(train, path, **choice.state, window_days=3)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    found, record = open_product(path), open_product(train[0])
    assert found["temperature"].dims == ("hour", "dayofyear", "level", "latitude", "longitude")
    assert found["hour"].values.tolist() == [0, 6, 12, 18]
    field = record["2m_temperature"].sel(time="2001-01-05T06")
    days = found["2m_temperature"].sel(hour=6, dayofyear=5)
    np.testing.assert_array_equal(days, field)  # neighbours have no weight in three days
    assert np.isnan(found["2m_temperature"].sel(dayofyear=200)).all()
