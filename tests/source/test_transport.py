"""Tests of the transport, against real servers on loopback."""

import time

from pathlib import Path

import boto3
import pytest

from moto.server import ThreadedMotoServer

from bench.loopback import Counter, Faults, proxied, served
from galerne.source.transport import Absent, Patience, Remote

BODY = bytes(range(256)) * 400


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "bucket/store.zarr/t2m").mkdir(parents=True)
    (tmp_path / "bucket/store.zarr/t2m/0.0").write_bytes(BODY)
    return tmp_path


def test_the_path_asked_for_is_that_of_the_object(folder, hasty) -> None:
    counter = Counter()
    with served(folder, counter) as url:
        assert Remote(f"{url}/bucket/store.zarr", hasty).read("t2m/0.0") == BODY
    assert counter.asked == [("/bucket/store.zarr/t2m/0.0", None)]


def test_what_is_not_there_is_absent_at_once(folder, hasty) -> None:
    counter = Counter()
    absent = pytest.raises(Absent, match=r"/bucket/t2m/0\.1: there is no such object")
    with served(folder, counter) as url, absent:
        Remote(f"{url}/bucket", hasty).read("t2m/0.1")
    assert len(counter.asked) == 1


@pytest.mark.parametrize("kind", ["unavailable", "truncated", "shortened", "reset", "stalled"])
def test_every_kind_of_fault_is_overcome(folder, hasty, kind) -> None:
    faults = Faults(**{kind: 0.5}, seed=1)
    with served(folder) as upstream, proxied(upstream, faults) as (url, met):
        remote = Remote(f"{url}/bucket/store.zarr", hasty, tagged=True)
        for _ in range(6):
            assert remote.read("t2m/0.0") == BODY
    assert met[kind] >= 2


def test_a_body_cut_short_unsaid_is_found_by_its_digest_alone(folder, hasty) -> None:
    with served(folder) as upstream, proxied(upstream, Faults(shortened=1.0)) as (url, _):
        assert Remote(f"{url}/bucket/store.zarr", hasty).read("t2m/0.0") == BODY[: len(BODY) // 2]
        brief = Patience(stall_seconds=0.5, seconds=0.5)
        with pytest.raises(ConnectionError, match="the MD5 digest of what came is"):
            Remote(f"{url}/bucket/store.zarr", brief, tagged=True).read("t2m/0.0")


def test_an_object_that_stays_unsound_is_an_error(folder) -> None:
    asked = []
    with served(folder) as url:
        remote = Remote(f"{url}/bucket/store.zarr", Patience(seconds=1.0))
        with pytest.raises(ConnectionError, match=r"t2m/0\.0: not to be had in . s .*: no chunk"):
            remote.read("t2m/0.0", lambda body: asked.append(body) or "no chunk")
    assert len(asked) >= 3


@pytest.mark.parametrize("kind", ["unavailable", "stalled", "reset"])
def test_a_server_that_never_recovers_is_given_up_in_time(folder, kind) -> None:
    patience = Patience(stall_seconds=0.3, seconds=2.0)
    with served(folder) as upstream, proxied(upstream, Faults(**{kind: 1.0})) as (url, _):
        start = time.monotonic()
        with pytest.raises(ConnectionError, match=rf"^{url}/bucket/t2m/0\.0|^{url}/bucket/store"):
            Remote(f"{url}/bucket/store.zarr", patience).read("t2m/0.0")
        assert time.monotonic() - start < 8


def test_nobody_listening_is_an_error_in_time() -> None:
    with served(Path("/nowhere")) as url:
        pass
    start = time.monotonic()
    with pytest.raises(ConnectionError, match=f"{url}/x: not to be had"):
        Remote(url, Patience(seconds=1.0)).read("x")
    assert time.monotonic() - start < 6


def test_an_s3_server_is_read_with_the_credentials_of_the_environment(hasty, monkeypatch) -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        settings = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "hunter2",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket="era5")
        client.put_object(Bucket="era5", Key="store.zarr/t2m/0.0", Body=BODY)
        remote = Remote("s3://era5/store.zarr", hasty)
        assert remote.read("t2m/0.0") == BODY
        with pytest.raises(Absent):
            remote.read("t2m/0.1")
    finally:
        server.stop()
