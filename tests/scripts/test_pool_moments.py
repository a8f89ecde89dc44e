"""Moments of two periods, by script, against one pass over both."""

import numpy as np
import pandas as pd
import pytest

from galerne.arrays import stack_channels
from galerne.catalogue import channels
from galerne.grid.areas import cell_areas
from galerne.products import open_product
from workflow.scripts import pool_moments as script
from workflow.scripts.pool_moments import pool_moments


def test_moments_are_those_of_one_pass_over_all_periods(
    tmp_path, choice, train, monkeypatch
) -> None:
    monkeypatch.setattr(script, "BLOCK", 33)  # a seam within each period
    pool_moments(train, tmp_path / "moments.csv", **choice.state)
    table = pd.read_csv(tmp_path / "moments.csv")
    state = channels(**choice.state)
    x = np.concatenate([stack_channels(open_product(path), state) for path in train])
    weights = cell_areas(open_product(train[0])["latitude"].values)[:, None] / 32
    mean = (x.astype("float64") * weights).sum((2, 3)).mean(0)
    square = (np.square(x - mean[:, None, None]) * weights).sum((2, 3)).mean(0)
    np.testing.assert_allclose(table["mean"], mean, rtol=1e-12)
    np.testing.assert_allclose(table["std"], np.sqrt(square), rtol=1e-9)


def test_table_names_each_channel_in_order_with_no_level_at_the_surface(
    tmp_path, choice, train
) -> None:
    pool_moments(train, tmp_path / "moments.csv", **choice.state)
    lines = (tmp_path / "moments.csv").read_text().splitlines()
    assert lines[0] == "variable,level,mean,std"
    found = [line.split(",")[:2] for line in lines[1:]]
    assert found == [
        ["2m_temperature", ""],
        ["mean_sea_level_pressure", ""],
        ["temperature", "500"],
        ["temperature", "850"],
    ]


def test_a_rerun_writes_the_same_bytes(tmp_path, choice, train) -> None:
    for name in ("a", "b"):
        pool_moments(train, tmp_path / name, **choice.state)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_level_that_the_data_lack_is_refused_and_nothing_is_written(
    tmp_path, choice, train
) -> None:
    state = choice.state | {"levels": [500, 700]}
    with pytest.raises(ValueError, match="level 700 hPa of 'temperature' is not in the data"):
        pool_moments(train, tmp_path / "moments.csv", **state)
    assert not list(tmp_path.iterdir())
