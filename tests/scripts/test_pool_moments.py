"""Moments of two periods, by script, against one pass over both."""

import numpy as np
import pandas as pd

from galerne.arrays import stack_channels
from galerne.catalogue import channels
from galerne.grid.areas import cell_areas
from galerne.products import open_product
from workflow.scripts.compute_moments import compute_moments
from workflow.scripts.pool_moments import pool_moments


def pooled(folder, choice, paths, name="moments.csv"):  # noqa: ANN201
    """Computes the moments of each period, and pools them."""
    parts = [folder / f"{k}-{name}" for k in range(len(paths))]
    for path, part in zip(paths, parts, strict=True):
        compute_moments(path, part, **choice.state)
    pool_moments(parts, folder / name)
    return folder / name


def test_moments_are_those_of_one_pass_over_all_periods(tmp_path, choice, train) -> None:
    table = pd.read_csv(pooled(tmp_path, choice, train))
    state = channels(**choice.state)
    x = np.concatenate([stack_channels(open_product(path), state) for path in train])
    weights = cell_areas(open_product(train[0])["latitude"].values)[:, None] / 32
    mean = (x.astype("float64") * weights).sum((2, 3)).mean(0)
    square = (np.square(x - mean[:, None, None]) * weights).sum((2, 3)).mean(0)
    np.testing.assert_allclose(table["mean"], mean, rtol=1e-12)
    np.testing.assert_allclose(table["std"], np.sqrt(square), rtol=1e-9)
    records = [stack_channels(open_product(path), state).astype("float64") for path in train]
    changes = np.concatenate([np.diff(one, axis=0) for one in records])
    mean = (changes * weights).sum((2, 3)).mean(0)
    square = (np.square(changes - mean[:, None, None]) * weights).sum((2, 3)).mean(0)
    np.testing.assert_allclose(table["difference_mean"], mean, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(table["difference_std"], np.sqrt(square), rtol=1e-6)


def test_table_names_each_channel_in_order_with_no_level_at_the_surface(
    tmp_path, choice, train
) -> None:
    lines = pooled(tmp_path, choice, train).read_text().splitlines()
    assert lines[0] == "variable,level,mean,std,difference_mean,difference_std"
    found = [line.split(",")[:2] for line in lines[1:]]
    assert found == [
        ["2m_temperature", ""],
        ["mean_sea_level_pressure", ""],
        ["temperature", "500"],
        ["temperature", "850"],
    ]


def test_a_rerun_writes_the_same_bytes(tmp_path, choice, train) -> None:
    one, two = (pooled(tmp_path, choice, train, name) for name in ("a", "b"))
    assert one.read_bytes() == two.read_bytes()
