"""Downloading from a server on loopback: through the mirror, and with the bare client.

Both put the same objects of a store in WeatherBench 2's layout (chunks of 100 times, 13 levels,
64 x 32) on disk, over as many connections. Ours also checks their digest, decodes each chunk
and hashes it. They take turns, and the best of each counts, since the server shares the
machine. The server's line carries 2 Gbit/s; in a second comparison it is as fast as the
machine, which then does little but hash. Beside them, the bare client of object stores and the
HTTP client `requests` (the HTTP file system of fsspec needs aiohttp): both only read.

Usage: python -m bench.download [RESULTS]
"""

__all__ = ["measure_download"]

import multiprocessing
import shutil
import sys
import tempfile
import threading
import time

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import obstore
import requests

from obstore.store import HTTPStore

from galerne.archives import WEATHERBENCH2
from galerne.source.mirror import Mirror
from galerne.source.remote_zarr import RemoteZarr
from galerne.source.selection import Selection
from galerne.source.transport import Patience, Remote

from .comparison import Comparison, processor
from .loopback import fields, served, write_store

STATES = 1464  # a leap year, 6-hourly
HELD = ("2m_temperature", "geopotential", "temperature")
SELECTION = Selection(HELD[:1], HELD[1:], (500, 850), "2020-01-01", "2020-12-31T18", 6)
TURNS = 4
LINE = 250e6  # bytes a second


def measure_download(results: Path) -> Iterator[Comparison]:
    """Compares the rate of a download with that of the bare client.

    Arguments:
        results: The folder of results; files go below it for the while.

    Yields:
        Rates [MB/s].
    """
    results.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench_", dir=results.resolve()) as name:
        folder = Path(name)
        about = WEATHERBENCH2["64x32_equiangular_conservative"]
        path = folder / "buckets" / about.bucket / about.path
        write_store(path, fields("2020-01-01", STATES, variables=HELD))
        for suffix, rate in (("", LINE), ("_unlimited", None)):
            with _server(folder / "buckets", rate) as url:
                yield from _compare(about.address(url), folder / f"client{suffix}", suffix)


@contextmanager
def _server(root: Path, rate: float | None) -> Iterator[str]:
    """The server in a process of its own, lest it take turns with what is measured."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(root, there, rate))
    process.start()
    try:
        yield here.recv()
    finally:
        here.send("enough")
        process.join()


def _serve(root: Path, pipe: Connection, rate: float | None) -> None:
    with served(root, rate=rate) as url:
        pipe.send(url)
        pipe.recv()


def _compare(url: str, folder: Path, suffix: str) -> Iterator[Comparison]:
    patience = Patience()
    keys = _store(url, folder / "plan", patience).keys(SELECTION)
    ways: dict[str, Callable[[Path], int]] = {
        "ours": lambda place: _mirrored(url, place, keys, patience),
        "bare": lambda place: _bare(url, keys, patience.connections, place),
        "read": lambda place: _bare(url, keys, patience.connections, None),
        "requests": lambda place: _requested(url, keys, patience.connections),
    }
    best = dict.fromkeys(ways, 0.0)
    for turn in range(TURNS):
        for way, run in ways.items():
            place = folder / f"{way}{turn}"
            start = time.perf_counter()
            size = run(place)
            best[way] = max(best[way], size / 1e6 / (time.perf_counter() - start))
            shutil.rmtree(place, ignore_errors=True)
    device = f"{processor()}, the server on it too"
    yield Comparison(f"download_vs_client{suffix}", best["ours"], best["bare"], "MB/s", device)
    name = f"obstore_vs_requests{suffix}"
    yield Comparison(name, best["read"], best["requests"], "MB/s", device)


def _mirrored(url: str, folder: Path, keys: list[str], patience: Patience) -> int:
    store = _store(url, folder, patience)
    found = store.mirror.fetch("bench", keys, store.unsound, store.largest(keys))
    return sum(piece.size for piece in found.values())


def _store(url: str, folder: Path, patience: Patience) -> RemoteZarr:
    return RemoteZarr(Mirror(folder, Remote(url, patience, tagged=True)), SELECTION.times[-1])


def _bare(url: str, keys: list[str], connections: int, folder: Path | None) -> int:
    store = HTTPStore(url, client_options={"allow_http": True})

    def get(key: str) -> int:
        body = obstore.get(store, key).bytes()
        if folder:
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        return len(body)

    with ThreadPoolExecutor(connections) as pool:
        return sum(pool.map(get, keys))


def _requested(url: str, keys: list[str], connections: int) -> int:
    local = threading.local()

    def get(key: str) -> int:
        if not hasattr(local, "session"):
            local.session = requests.Session()
        return len(local.session.get(f"{url}/{key}", timeout=60).content)

    with ThreadPoolExecutor(connections) as pool:
        return sum(pool.map(get, keys))


if __name__ == "__main__":
    for comparison in measure_download(Path(sys.argv[1] if len(sys.argv) > 1 else "results")):
        print(comparison, flush=True)
