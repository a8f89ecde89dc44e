"""Tests of stretches: whatever goes wrong on the way, the same bytes arrive, each once."""

import json
import multiprocessing
import random
import shutil
import time

from pathlib import Path

import boto3
import numpy as np
import pytest
import xarray as xr

from moto.server import ThreadedMotoServer

from bench.loopback import Faults, fields, proxied, served, write_store
from galerne.archives import ARCO_ERA5
from galerne.source.selection import Selection
from galerne.source.stretch import fetch_stretch, open_mirror
from galerne.source.transport import Patience

from .conftest import STORE, origin

FAULTS = Faults(
    unavailable=0.2, truncated=0.05, shortened=0.05, reset=0.05, stalled=0.05, stall_seconds=10
)


def pieces(path: Path) -> dict[str, object]:
    """What a manifest says came; the address that it came from differs between tests."""
    return json.loads(path.read_text())["pieces"]


@pytest.fixture
def plain(loopback, february, tmp_path, hasty) -> Path:
    """The manifest of a download without faults."""
    path = tmp_path / "plain/era5/0123456789ab/202002.json"
    fetch_stretch(february, path, source=origin(loopback.url), patience=hasty)
    return path


def test_what_is_read_is_what_was_served(plain, loopback, february) -> None:
    found = open_mirror(february, paths_manifests=[plain]).load()
    wanted = loopback.fields.sel(time=february.times)
    assert np.array_equal(found["2m_temperature"], wanted["2m_temperature"])
    assert np.array_equal(found["temperature"], wanted["temperature"].sel(level=[500, 850]))
    assert np.array_equal(found["land_sea_mask"], wanted["land_sea_mask"])
    assert found.attrs["source"].startswith("gs://weatherbench2/datasets/era5/1959-2023_01_10-6h")
    assert "expver" not in found.coords


def test_each_remote_chunk_is_fetched_once_whatever_needs_it(
    plain, loopback, february, hasty
) -> None:
    other = Selection(
        ("2m_temperature",),
        ("temperature", "geopotential"),
        (1000,),
        "2020-02-10",
        "2020-03-05",
        24,
    )
    path = plain.parents[1] / "ba9876543210/202002.json"
    fetch_stretch(other, path, source=origin(loopback.url), patience=hasty)
    asked = loopback.counter.paths()
    chunks = [one for one in asked if not one.rpartition("/")[2].startswith(".")]
    assert len(chunks) == len(set(chunks))
    assert any("geopotential/" in one for one in chunks)
    open_mirror(other, paths_manifests=[path]).load()


def test_faults_on_the_way_change_no_byte(plain, small, february, tmp_path, hasty, tree) -> None:
    path = tmp_path / "faulty/era5/0123456789ab/202002.json"
    with served(small.root) as upstream, proxied(upstream, FAULTS) as (url, met):
        fetch_stretch(february, path, source=origin(url), patience=hasty)
    assert min(met.values()) > 0, met
    assert pieces(path) == pieces(plain)
    assert tree(path.parents[1] / "store.zarr") == tree(plain.parents[1] / "store.zarr")


def test_kills_at_any_moment_change_no_byte_and_waste_no_finished_piece(
    plain, loopback, february, tmp_path, hasty, tree
) -> None:
    path = tmp_path / "killed/era5/0123456789ab/202002.json"
    store = path.parents[1] / "store.zarr"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["galerne.source.stretch"])
    draws = random.Random(0)
    source, patience = origin(loopback.url), Patience(connections=2, stall_seconds=5, seconds=30)
    counter, kills, midway = loopback.counter, 0, 0
    counter.asked.clear()
    while kills < 20:
        finished = {f"{loopback.prefix}{key}" for key in tree(store) if not key.endswith(".part")}
        before = len(counter.asked)
        process = context.Process(
            target=fetch_stretch, args=(february, path),
            kwargs={"source": source, "patience": patience},
        )  # fmt: skip
        process.start()
        while process.is_alive() and len(counter.asked) == before and kills % 2:
            time.sleep(0.001)  # every other time, wait until it is at work
        process.join(draws.uniform(0, 0.06))
        if process.is_alive():
            process.kill()
            kills += 1
        process.join()
        asked = set(counter.paths()[before:])
        assert not {one for one in asked if "/.z" not in one} & finished
        midway += bool(asked) and not path.exists()
        if path.exists():  # done: once more, from nothing
            assert pieces(path) == pieces(plain)
            assert tree(store) == tree(plain.parents[1] / "store.zarr")
            shutil.rmtree(path.parents[2])
            finished = set()
    assert midway >= 5
    fetch_stretch(february, path, source=source, patience=hasty)
    assert pieces(path) == pieces(plain)
    assert tree(store) == tree(plain.parents[1] / "store.zarr")


def test_a_server_that_never_recovers_is_named_with_the_object(small, february, tmp_path) -> None:
    path = tmp_path / "m/era5/0123456789ab/202002.json"
    brief = Patience(connections=4, stall_seconds=0.5, seconds=1.5)
    start = time.monotonic()
    gone = pytest.raises(ConnectionError, match=r"\.zarr/\.zmetadata: not to be had in")
    faults = Faults(unavailable=1.0)
    with served(small.root) as upstream, proxied(upstream, faults) as (url, _), gone:
        fetch_stretch(february, path, source=origin(url), patience=brief)
    assert time.monotonic() - start < 8
    assert not path.exists()


def test_two_jobs_at_a_time_fetch_each_piece_once(loopback, february, tmp_path, hasty) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["galerne.source.stretch"])
    paths = [tmp_path / f"m/era5/{name}/202002.json" for name in ("0" * 12, "1" * 12)]
    jobs = [
        context.Process(
            target=fetch_stretch, args=(february, path),
            kwargs={"source": origin(loopback.url), "patience": hasty},
        )
        for path in paths
    ]  # fmt: skip
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert [job.exitcode for job in jobs] == [0, 0]
    asked = loopback.counter.paths()
    assert len(asked) == len(set(asked))
    assert pieces(paths[0]) == pieces(paths[1])


def test_a_piece_that_is_lost_is_an_error_not_a_fill_value(plain, february) -> None:
    lost = plain.parents[1] / "store.zarr/2m_temperature/40.0.0"
    lost.unlink()
    with pytest.raises(FileNotFoundError, match=r"2m_temperature/40\.0\.0 is missing"):
        open_mirror(february, paths_manifests=[plain])


def test_preliminary_data_are_marked(tmp_path, hasty) -> None:
    about = ARCO_ERA5["full_37-1h-0p25deg"]
    arco = fields("2020-01-01", 96, step_hours=1, shape=(9, 16), variables=("2m_temperature",))
    arco.attrs = {
        "valid_time_start": "2020-01-01",
        "valid_time_stop": "2020-01-02",
        "valid_time_stop_era5t": "2020-01-03",
    }
    write_store(tmp_path / about.bucket / about.path, arco, chunk=1, southward=True)
    selection = Selection(("2m_temperature",), (), (), "2020-01-01", "2020-01-03T18", 6)
    path = tmp_path / "m/era5/0123456789ab/x.json"
    with served(tmp_path) as url:
        source = {"kind": "arco_era5", "store": "full_37-1h-0p25deg", "endpoint": url}
        fetch_stretch(selection, path, source=source, patience=hasty)
    found = open_mirror(selection, paths_manifests=[path])
    assert found["expver"].dims == ("time",)
    assert found["expver"].values.tolist() == [1] * 8 + [5] * 4
    assert not [key for key in pieces(path) if key.startswith(".z")]


def test_chunks_that_the_archive_does_not_have_are_noted(small, february, tmp_path, hasty) -> None:
    root = tmp_path / "buckets"
    shutil.copytree(small.root, root)
    lost = next(root.rglob("2m_temperature/40.0.0"))
    lost.unlink()
    path = tmp_path / "m/era5/0123456789ab/202002.json"
    with served(root) as url:
        manifest = fetch_stretch(february, path, source=origin(url), patience=hasty)
    assert manifest["absent"] == ["2m_temperature/40.0.0"]


def test_a_store_on_an_s3_server_is_read_through_faults(
    plain, small, february, tmp_path, hasty, monkeypatch
) -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        client = boto3.client("s3", endpoint_url=f"http://{host}:{port}")
        client.create_bucket(Bucket="era5")
        for path in (path for path in small.path.rglob("*") if path.is_file()):
            key = f"a.zarr/{path.relative_to(small.path)}"
            client.put_object(Bucket="era5", Key=key, Body=path.read_bytes())
        path = tmp_path / "m/s3/0123456789ab/202002.json"
        source = {"kind": "archive", "path": "s3://era5/a.zarr"}
        with proxied(f"http://{host}:{port}", FAULTS) as (url, met):
            monkeypatch.setenv("AWS_ENDPOINT_URL", url)
            fetch_stretch(february, path, source=source, patience=hasty)
        assert sum(met.values()) > 10
        assert pieces(path) == pieces(plain)
        assert "hunter2" not in path.read_text()
    finally:
        server.stop()


def test_a_zarr_store_at_any_address_is_an_archive(loopback, february, tmp_path, hasty) -> None:
    path = tmp_path / "m/zarr/0123456789ab/202002.json"
    url = loopback.url + loopback.prefix.rstrip("/")
    fetch_stretch(february, path, source={"kind": "archive", "path": url}, patience=hasty)
    found = open_mirror(february, paths_manifests=[path])
    assert found.attrs["source"] == url
    assert isinstance(found, xr.Dataset)
    assert STORE in url
