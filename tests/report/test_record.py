"""The record names what differs, what was made, and where."""

import json

from pathlib import Path

from galerne.report.record import (
    commit,
    differences,
    now_and_here,
    products,
    settings,
    sources,
    unobserved,
    versions,
)

from .conftest import CHOICE


def test_differences_go_to_any_depth_and_name_the_default() -> None:
    default = {"a": {"b": 1, "c": [1, 2]}, "d": "x"}
    mine = {"a": {"b": 1, "c": [1, 3]}, "e": {"f": None}}
    assert differences(mine, default) == [
        ("a.c", "[1, 2]", "[1, 3]"),
        ("d", '"x"', "–"),
        ("e.f", "–", "null"),
    ]


def test_a_time_with_and_without_seconds_is_the_same() -> None:
    assert not differences({"t": ["2004-01-14T00:00:00"]}, {"t": ["2004-01-14T00:00"]})
    assert differences({"t": "2004-01-14T00:00:01"}, {"t": "2004-01-14T00:00"})


def test_where_products_lie_is_no_difference() -> None:
    assert not differences({"results": "/scratch/a"}, {"results": "results"})
    assert differences({"a": {"results": 1}}, {"a": {"results": 2}})


def manifest(path: Path, **about: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(about))


def test_products_are_those_of_the_choices(tmp_path: Path) -> None:
    manifest(tmp_path / "world/grid/test/manifest.json", sizes={"time": 4}, sha256="aa")
    inside = "world/small/dit/sparse/mmps/reanalysis/w/members_000-007/manifest.json"
    manifest(tmp_path / inside, sizes={"number": 8, "time": 4}, sha256="bb")
    manifest(tmp_path / inside.replace("sparse", "other"), sizes={}, sha256="cc")
    found = products(tmp_path, [CHOICE, CHOICE])
    assert [digest for *_, digest in found] == ["aa", "bb"]
    assert found[1][1:3] == ("8 number × 4 time", "–")


def test_products_say_what_they_take_and_what_compression_saves(tmp_path: Path) -> None:
    told = {"raw": 5_000_000_000, "stored": 2_000_000_000}
    manifest(tmp_path / "world/grid/test/manifest.json", sizes={}, bytes=told)
    ((_, _, taken, _),) = products(tmp_path, [CHOICE])
    assert taken == "2,000.00 MB, 2.50 : 1"


def test_source_is_what_the_data_say(tmp_path: Path) -> None:
    path = tmp_path / "world/grid/test/manifest.json"
    manifest(path, attributes={"source": "simulated"})
    assert sources(tmp_path, ["world", "other"]) == {"world": "simulated"}


def test_versions_name_what_computes() -> None:
    assert {"python", "numpy", "xarray"} <= set(dict(versions()))


def test_a_folder_without_history_has_no_commit(tmp_path: Path) -> None:
    assert commit(tmp_path) == ""
    assert dict(now_and_here(tmp_path))["commit"] == "unknown"


def test_windows_without_observations_are_named_once(tmp_path: Path) -> None:
    inside = "world/small/dit/sparse/mmps/reanalysis/w/members_00{}/manifest.json"
    for batch in range(2):
        about = {"unobserved": "2001-01-01T06:00"}
        manifest(tmp_path / inside.format(batch), sizes={}, attributes=about)
    manifest(tmp_path / inside.format(0).replace("/w/", "/v/"), sizes={}, attributes={})
    (said,) = unobserved(tmp_path, [CHOICE])
    assert said.startswith(
        "No observation up to 2001-01-01T06:00 could be used (network sparse, r"
    )
    assert "reanalysis of w)" in said


def test_an_empty_block_is_no_difference_of_its_own() -> None:
    assert differences({"a": {}}, {"a": {"b": 1}}) == [("a.b", "1", "–")]
    assert differences({"a": {"b": 1}}, {"a": {}}) == [("a.b", "–", "1")]


def test_settings_are_those_of_the_run(tmp_path: Path) -> None:
    found = settings(tmp_path, [CHOICE], {"seed": 3}, {"seed": 0})
    assert found == {
        "config": {"seed": 3},
        "differences": [("seed", "0", "3")],
        "products": [],
        "seed": 3,
    }
