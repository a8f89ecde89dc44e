"""The benchmark of regridding compares what it says."""

import json

from pathlib import Path

import numpy as np
import pytest

from bench import grid
from galerne.products import open_product


def test_rates_are_compared_with_rates_and_times_with_times(monkeypatch) -> None:
    told = {"ours": 0.001, "dense": 0.005, "xarray_regrid": 0.02, "read": 0.0005}
    monkeypatch.setattr(grid, "_alone", lambda *_: json.dumps(told))
    rows = {row.name: row for row in grid.measure_regridding(Path())}
    ratios = {name: round(row.ratio, 6) for name, row in rows.items()}
    assert ratios == {"regrid_vs_xarray_regrid": 20, "regrid_vs_dense": 5, "regrid_vs_read": 2}
    assert rows["regrid_vs_read"].unit == "ms"


def test_all_ways_give_the_same_values(monkeypatch) -> None:
    monkeypatch.setattr(grid, "SOURCE", (73, 144))
    monkeypatch.setattr(grid, "TARGET", (25, 48))
    monkeypatch.setattr(grid, "_best", lambda way: 1.0)
    assert set(grid._seconds()) == {"ours", "dense", "xarray_regrid", "read"}
    monkeypatch.setattr(grid, "latitude_overlap", lambda *axes: np.full((25, 73), 0.01))
    with pytest.raises(RuntimeError, match="the dense products give other values"):
        grid._seconds()


def test_the_record_has_71_channels_and_is_regridded_as_its_rule_does(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(grid, "SOURCE", (9, 16))
    names, _ = grid.RECORDS["regrid_peak_memory_gb"]
    grid._generate(str(tmp_path), "3", *names)
    record = open_product(tmp_path / "source/manifest.json")
    levels = [record[name].sizes.get("level", 1) for name in record.data_vars]
    assert sum(levels) == 71
    assert record.sizes["time"] == 3
    peak = grid._peak(str(tmp_path))
    assert open_product(tmp_path / "grid/manifest.json").sizes["latitude"] == 720
    assert 0.1 < peak < 10


def test_a_longer_record_is_compared_with_a_shorter_one(monkeypatch) -> None:
    asked = []

    def alone(what: str, folder: str, *more: str) -> str:
        asked.append((what, *more))
        return str(0.5 + 0.001 * int(asked[-2][1])) if what == "peak" else ""

    monkeypatch.setattr(grid, "_alone", alone)
    rows = {row.name: row for row in grid.measure_regridding_memory(Path())}
    assert ("generate", "700", "2m_temperature") in asked
    assert rows["regrid_peak_memory_gb"].ratio == pytest.approx(0.56 / 0.506)
    assert rows["regrid_peak_memory_long_gb"].ratio == pytest.approx(1.2 / 0.57)
