"""A record is measured block by block, each field once, whatever its layout."""

import numpy as np
import pandas as pd
import pytest

from galerne.audit import record as module
from galerne.audit.record import describe_record, measure_record
from galerne.products import open_product, write_product

from .conftest import clean_record


def test_blocks_leave_no_trace(clean, monkeypatch) -> None:
    whole = measure_record(clean)
    monkeypatch.setattr(module, "time_block", lambda _: 7)
    seen = []
    parts = measure_record(clean, lambda done, total: seen.append((done, total)))
    pd.testing.assert_frame_equal(parts, whole)
    assert len(whole) == 120 * (4 * 3 + 2) + 1
    assert seen[:2] == [(7, 120), (14, 120)]
    assert seen[-1] == (120, 120)


def test_every_chunk_is_read_once(tmp_path, clean, monkeypatch) -> None:
    path = tmp_path / "manifest.json"
    write_product(clean, path, chunks={"time": 30})
    monkeypatch.setattr(module, "time_block", lambda _: 30)
    reads = []
    original = module.read_values

    def read(field, source):  # noqa: ANN202
        if "time" in field.dims:
            reads.append((field.name, str(field["time"].values[0]), field.sizes["time"]))
        return original(field, source)

    monkeypatch.setattr(module, "read_values", read)
    measure_record(open_product(path))
    assert len(reads) == len(set(reads)) == 6 * 4
    assert {count for *_, count in reads} == {30}


def test_measures_between_fields_stand_with_their_variable_and_level(clean) -> None:
    table = measure_record(clean).set_index(["variable", "level"])
    share = table["divergent_share"].dropna()
    assert set(share.index) == {("u_component_of_wind", level) for level in (300, 500, 850)}
    error = table["thickness_error"].dropna()
    assert set(error.index) == {("geopotential", 300), ("geopotential", 500)}
    assert len(error) == 2 * 120


def test_layers_between_distant_levels_are_not_judged(clean) -> None:
    table = measure_record(clean.sel(level=[300, 850]))
    assert table["thickness_error"].isna().all()


def test_versions_are_numbers_however_they_are_written(clean) -> None:
    for versions, expected in (
        (np.where(np.arange(120) < 9, "0001", "0005"), [1, 5]),
        (np.where(np.arange(120) < 9, 1, 5).astype("int8"), [1, 5]),
    ):
        table = measure_record(clean.assign_coords(expver=("time", versions)))
        assert table[table["place"] >= 0]["expver"].unique().tolist() == expected
    assert measure_record(clean)["expver"].eq(0).all()


def test_grid_and_units_of_the_source_are_described(clean) -> None:
    clean["temperature"].attrs["source_units"] = "degC"
    found = describe_record(clean)
    assert found["source_units"] == {"temperature": "degC"}
    assert found["latitude"][0] == 90
    assert len(found["longitude"]) == 72


@pytest.mark.parametrize("count", [1, 2])
def test_a_record_may_be_short(count) -> None:
    assert len(measure_record(clean_record(count))) == 14 * count + 1
