"""Observations of a variant, by script."""

import logging

import numpy as np
import pandas as pd
import pytest

from galerne.observe.table import read_observations, write_observations
from workflow.scripts.vary_observations import vary_observations


@pytest.fixture
def path(tmp_path) -> object:
    """Ten sites, two of them withheld."""
    table = pd.DataFrame(
        {
            "time": pd.Timestamp("2001-01-01").as_unit("ns"), "lat": np.arange(10.0),
            "lon": 5.0, "level": np.nan, "variable": "2m_temperature", "observation": 280.0,
            "error": 1.0, "platform": "land", "station": [f"s{k}" for k in range(10)],
            "withheld": np.arange(10) < 2,
        }
    )  # fmt: skip
    write_observations(table, tmp_path / "network.parquet")
    return tmp_path / "network.parquet"


def test_the_same_variant_is_the_same_file(path) -> None:
    files = [path.with_name(f"{k}.parquet") for k in range(2)]
    for file in files:
        vary_observations(path, file, change="thin", instruments={"land": 0.5}, seed=1)
    assert files[0].read_bytes() == files[1].read_bytes()
    table = read_observations(files[0])
    assert (~table["withheld"]).sum() == 4
    assert table["withheld"].sum() == 2


def test_a_variant_that_sees_nothing_is_told(path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        vary_observations(
            path, path.with_name("o.parquet"), change="deny", instruments=["land"], seed=1
        )
    assert "0 observations of 8 are assimilated" in caplog.text
    assert "nothing is left to assimilate" in caplog.text
    assert len(read_observations(path.with_name("o.parquet"))) == 2
