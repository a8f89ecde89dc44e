"""Tests of the mirror: pieces are whole or not there, fetched once, by one job."""

import errno
import json
import multiprocessing
import resource
import threading
import time

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.loopback import Counter, served
from galerne.jobs import interrupt
from galerne.source.mirror import Mirror, Piece, locked
from galerne.source.transport import Remote

KEYS = [f"t2m/{k}.0" for k in range(6)]


def body(key: str) -> bytes:
    return key.encode() * 1000


def sound(key: str, found: bytes) -> str | None:
    return None if found == body(key) else "not what it should be"


@pytest.fixture
def store(tmp_path) -> Path:
    (tmp_path / "remote/t2m").mkdir(parents=True)
    for key in KEYS:
        (tmp_path / "remote" / key).write_bytes(body(key))
    (tmp_path / "remote/zarr.json").write_text('{"zarr_format": 3}')
    return tmp_path


def mirror(store: Path, url: str, hasty) -> Mirror:
    return Mirror(store / "mirror", Remote(url, hasty))


def test_pieces_keep_their_bytes_and_paths_and_are_fetched_once(store, hasty) -> None:
    counter = Counter()
    with served(store / "remote", counter) as url:
        first = mirror(store, url, hasty).fetch("era5", KEYS, sound, 1)
        again = mirror(store, url, hasty).fetch("era5", KEYS, sound, 1)
    assert sorted(counter.paths()) == [f"/{key}" for key in KEYS]
    assert list(first) == KEYS
    assert first == again == {key: Piece.of(body(key)) for key in KEYS}
    files = {p.relative_to(store / "mirror").as_posix() for p in store.glob("mirror/**/*.0")}
    assert files == set(KEYS)
    assert not list(store.glob("mirror/**/*.part"))


def test_a_piece_that_the_store_does_not_have_is_none(store, hasty) -> None:
    with served(store / "remote") as url:
        found = mirror(store, url, hasty).fetch("era5", [*KEYS, "t2m/9.0"], sound, 1)
    assert found["t2m/9.0"] is None
    assert not (store / "mirror/t2m/9.0").exists()


def test_a_piece_that_is_spoilt_on_disk_is_fetched_again(store, hasty, caplog) -> None:
    counter = Counter()
    with served(store / "remote", counter) as url:
        mirror(store, url, hasty).fetch("era5", KEYS, sound, 1)
        (store / "mirror" / KEYS[2]).write_bytes(b"rot")
        found = mirror(store, url, hasty).fetch("era5", KEYS, sound, 1)
    assert found[KEYS[2]] == Piece.of(body(KEYS[2]))
    assert counter.paths().count(f"/{KEYS[2]}") == 2
    assert len(counter.asked) == len(KEYS) + 1
    assert "not what it should be; it is fetched again" in caplog.text


def test_documents_are_kept_and_read_anew_when_asked(store, hasty) -> None:
    counter = Counter()
    with served(store / "remote", counter) as url:
        one = mirror(store, url, hasty)
        assert one.document("zarr.json") == {"zarr_format": 3}
        assert one.document(".zgroup") is None
        (store / "remote/zarr.json").write_text(json.dumps({"zarr_format": 2}))
        assert one.document("zarr.json") == {"zarr_format": 3}
        assert one.document("zarr.json", anew=True) == {"zarr_format": 2}
    assert counter.paths().count("/zarr.json") == 2
    assert one.documents == {"zarr.json": Piece.of(b'{"zarr_format": 2}')}


def test_a_stop_leaves_what_is_finished(store, hasty, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(interrupt, "requested", lambda: len(asked) > 2)

    def counting(key: str, found: bytes) -> str | None:
        asked.append(key)
        return sound(key, found)

    with served(store / "remote") as url:
        one = Mirror(store / "mirror", Remote(url, type(hasty)(connections=1, seconds=5.0)))
        with pytest.raises(interrupt.Interrupted, match="era5, piece 3 of 6") as stopped:
            one.fetch("era5", KEYS, counting, 1)
    assert stopped.value.advanced
    assert len(list(store.glob("mirror/t2m/*.0"))) == 3


def test_large_pieces_are_fetched_one_at_a_time(store, hasty) -> None:
    running, most = [0], [0]

    def slow(key: str, found: bytes) -> str | None:
        return sound(key, found)

    with served(store / "remote") as url:
        one = mirror(store, url, hasty)
        read, lock = one.remote.read, threading.Lock()

        def counted(key: str, check: object) -> bytes:
            with lock:
                running[0] += 1
                most[0] = max(most[0], running[0])
            time.sleep(0.02)
            try:
                return read(key, check)
            finally:
                with lock:
                    running[0] -= 1

        one.remote.read = counted
        one.fetch("era5", KEYS, slow, 2_000_000_000)
    assert most[0] == 1


def hold(folder: Path, key: str, ready: object, done: object) -> None:
    with locked(folder, key):
        ready.set()
        done.wait(20)


def test_a_lock_is_of_one_piece_and_dies_with_its_holder(tmp_path) -> None:
    context = multiprocessing.get_context("fork")
    ready, done, got = context.Event(), context.Event(), threading.Event()
    process = context.Process(target=hold, args=(tmp_path / "m", "a", ready, done))
    process.start()
    assert ready.wait(20)

    def wait() -> None:
        with locked(tmp_path / "m", "a"):
            got.set()

    with locked(tmp_path / "m", "b"):
        pass
    thread = threading.Thread(target=wait)
    thread.start()
    assert not got.wait(0.3)
    process.kill()
    assert got.wait(10)
    thread.join()
    process.join()


@pytest.fixture
def little_room() -> Iterator[None]:
    """Files of at most 4 KB, as if the disk were full beyond."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_is_a_clear_error_and_leaves_nothing_half_written(
    store, hasty, little_room
) -> None:
    with served(store / "remote") as url:
        with pytest.raises(OSError, match=r"t2m/\d\.0 cannot be written: .* GB are free") as full:
            mirror(store, url, hasty).fetch("era5", KEYS, sound, 1)
        assert full.value.errno == errno.EFBIG
        assert not [path for path in store.glob("mirror/**/*") if path.is_file()]
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        assert None not in mirror(store, url, hasty).fetch("era5", KEYS, sound, 1).values()
