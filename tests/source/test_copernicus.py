"""Tests of the climate data store, against a server on loopback that speaks its protocol."""

import json
import logging

from pathlib import Path

import numpy as np
import pytest

from galerne.jobs import interrupt
from galerne.source.copernicus import fetch_files, requests_for
from galerne.source.selection import Selection
from galerne.source.stretch import fetch_stretch, open_mirror
from galerne.source.transport import Patience

from .cds import KEY, Store, climate_data_store, value

SELECTION = Selection(
    ("2m_temperature", "mean_sea_level_pressure"), ("geopotential", "temperature"), (850, 500),
    "2020-02-01", "2020-02-02T18", 6,
)  # fmt: skip
PATIENCE = Patience(stall_seconds=2.0, seconds=5.0)


@pytest.fixture(autouse=True)
def key(monkeypatch, tmp_path) -> None:
    """The key stands in a file of its own, and nothing in the environment."""
    for name in ("CDSAPI_URL", "CDSAPI_KEY"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "cdsapirc"
    path.write_text(f"url: https://cds.climate.copernicus.eu/api\nkey: {KEY}\n")
    monkeypatch.setenv("CDSAPI_RC", str(path))


def source(url: str, data_format: str = "grib") -> dict[str, object]:
    return {"kind": "cds", "data_format": data_format, "grid_degrees": 45.0, "endpoint": url}


def fetched(tmp_path: Path, store: Store, data_format: str = "grib") -> Path:
    """The manifest of a stretch that was fetched."""
    path = tmp_path / "m/cds/0123456789ab/202002.json"
    with climate_data_store(store, tmp_path / "served") as url:
        fetch_stretch(SELECTION, path, source=source(url, data_format), patience=PATIENCE)
    return path


def test_the_requests_are_those_of_the_published_form() -> None:
    static, surface, pressure = requests_for(SELECTION, data_format="grib", grid_degrees=0.25)
    common = {
        "product_type": ["reanalysis"], "year": ["2020"], "month": ["02"], "day": ["01", "02"],
        "time": ["00:00", "06:00", "12:00", "18:00"], "data_format": "grib",
        "download_format": "unarchived",
    }  # fmt: skip
    assert surface.body == common | {"variable": ["2m_temperature", "mean_sea_level_pressure"]}
    assert pressure.body == common | {
        "variable": ["geopotential", "temperature"],
        "pressure_level": ["500", "850"],
    }
    assert static.body["variable"] == ["geopotential", "land_sea_mask"]
    assert (static.fields, surface.fields, pressure.fields) == (2, 16, 32)


def test_requests_stay_within_a_month_and_within_the_limits() -> None:
    levels = tuple(range(100, 1000, 50))
    year = Selection((), ("geopotential", "temperature", "vertical_velocity"), levels,
                     "2020-01-15", "2020-03-02T23", 1)  # fmt: skip
    for data_format, most in (("grib", 60_000), ("netcdf", 10_000)):
        found = requests_for(year, data_format=data_format, grid_degrees=1.0)[1:]
        assert {r.month for r in found} == {"2020-01", "2020-02", "2020-03"}
        assert max(r.fields for r in found) <= most
        assert sum(r.fields for r in found) == (17 + 29 + 2) * 24 * 3 * len(levels)
        assert len({r.file for r in found}) == len(found)
        assert found[0].body["grid"] == "1.0/1.0"


@pytest.mark.parametrize("data_format", ["grib", "netcdf"])
def test_what_is_read_is_what_was_served(tmp_path, data_format) -> None:
    store = Store(preliminary="2020-02-02")
    path = fetched(tmp_path, store, data_format)
    found = open_mirror(SELECTION, paths_manifests=[path]).load()
    time = np.datetime64("2020-02-02T06")
    got = found.sel(time=time)
    assert np.allclose(got["2m_temperature"], value("2m_temperature", time), atol=1e-3)
    for level in (500, 850):
        wanted = value("geopotential", time, level)
        assert np.allclose(got["geopotential"].sel(level=level), wanted, atol=1e-2)
    assert {"land_sea_mask", "geopotential_at_surface"} <= set(found.data_vars)
    assert found["expver"].values.tolist() == [1] * 4 + [5] * 4
    collections = [one["collection"] for one in store.submitted]
    single, levels = "reanalysis-era5-single-levels", "reanalysis-era5-pressure-levels"
    assert collections == [single, single, levels]


def test_what_is_there_is_not_asked_for_again(tmp_path) -> None:
    path = fetched(tmp_path, Store())
    before = path.read_bytes()
    again = Store()
    fetched(tmp_path, again)
    assert again.asked == []
    text = json.loads(path.read_text())
    assert text["pieces"] == json.loads(before)["pieces"]
    assert [r["collection"][16:] for r in text["requests"].values()].count("pressure-levels") == 1


def test_a_request_that_the_store_finds_too_large_is_split(tmp_path) -> None:
    store = Store(limit=12)
    path = fetched(tmp_path, store)
    assert len(store.submitted) == 1 + 2 + 4
    found = open_mirror(SELECTION, paths_manifests=[path]).load()
    assert found.sizes["time"] == 8


def test_what_cannot_be_split_is_refused_with_the_words_of_the_store(tmp_path) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)refuses surface_.*request is too large"):
        fetched(tmp_path, Store(limit=0))


def test_a_file_that_was_spoiled_on_the_way_is_refused_and_not_kept(tmp_path) -> None:
    with pytest.raises(RuntimeError, match="the MD5 digest of what came is"):
        fetched(tmp_path, Store(broken=1))
    assert not list((tmp_path / "m").rglob("*.grib"))
    assert not list((tmp_path / "m").rglob("*.part"))
    store = Store()
    fetched(tmp_path, store)


def test_a_stop_leaves_the_request_in_the_queue_and_goes_on_with_it(tmp_path, monkeypatch) -> None:
    store, folder = Store(polls=10**6), tmp_path / "files"
    wanted = requests_for(SELECTION, data_format="grib", grid_degrees=45.0)[1:2]
    monkeypatch.setattr(interrupt, "requested", lambda: len(store.submitted) > 0)
    with climate_data_store(store, tmp_path / "served") as url:
        with pytest.raises(interrupt.Interrupted, match="waits in the queue"):
            fetch_files("cds", wanted, folder, endpoint=url, patience=PATIENCE)
        monkeypatch.setattr(interrupt, "requested", lambda: False)
        store.polls = 0
        for job in store.jobs.values():
            job["polls"] = 1
        found = fetch_files("cds", wanted, folder, endpoint=url, patience=PATIENCE)
    assert len(store.submitted) == 1
    assert list(found) == [wanted[0].file]
    assert not list(folder.glob(".*.request"))


def test_a_request_that_the_store_has_forgotten_is_made_again(tmp_path) -> None:
    store, folder = Store(), tmp_path / "files"
    wanted = requests_for(SELECTION, data_format="grib", grid_degrees=45.0)[1:2]
    folder.mkdir()
    (folder / f".{wanted[0].file}.request").write_text("job-77")
    with climate_data_store(store, tmp_path / "served") as url:
        fetch_files("cds", wanted, folder, endpoint=url, patience=PATIENCE)
    assert len(store.submitted) == 1


def test_no_credentials_is_said_so(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("CDSAPI_RC", str(tmp_path / "nowhere"))
    with pytest.raises(PermissionError, match=r"no credentials .* into ~/\.cdsapirc, or into"):
        fetched(tmp_path, Store())


def test_a_key_of_the_old_form_is_said_so(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("CDSAPI_KEY", "1234:abcd")
    with pytest.raises(PermissionError, match="of the old form"):
        fetched(tmp_path, Store())


def test_a_licence_that_was_not_accepted_is_shown_in_the_words_of_the_store(tmp_path) -> None:
    with pytest.raises(PermissionError, match=r"(?s)levels: 403.*not accepted; please visit"):
        fetched(tmp_path, Store(licensed=False))


def test_a_key_that_the_store_refuses_is_said_so_and_not_shown(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("CDSAPI_KEY", "hunter2-wrong")
    with pytest.raises(PermissionError, match="operation not allowed") as refused:
        fetched(tmp_path, Store())
    assert "hunter2" not in str(refused.value)


def test_a_store_that_is_not_there_is_given_up(tmp_path) -> None:
    with climate_data_store(Store(), tmp_path / "served") as url:
        pass
    brief = Patience(stall_seconds=0.2, seconds=0.5)
    with pytest.raises(ConnectionError, match=url):
        fetch_stretch(SELECTION, tmp_path / "m/cds/0/x.json", source=source(url), patience=brief)


def test_the_key_is_kept_nowhere(tmp_path, caplog, capfd) -> None:
    with caplog.at_level(logging.DEBUG):
        path = fetched(tmp_path, Store())
    said = capfd.readouterr()
    assert "hunter2" not in caplog.text + said.out + said.err
    kept = [one for one in path.parents[1].rglob("*") if one.is_file()]
    assert len(kept) >= 4
    assert not [one for one in kept if b"hunter2" in one.read_bytes()]
