"""An archive on loopback: a server of a folder, faults in front of it, a store to serve.

For tests and benchmarks where the real archives cannot be reached, or should not be. The server
answers as Google Cloud storage does (length, MD5 digest as entity tag, ranges); the proxy lets
some of its answers fail, in a drawn but repeatable order; the store has the layout of
WeatherBench 2 or ARCO-ERA5: names, order of dimensions and coordinates, chunks, compressor.
"""

__all__ = ["Counter", "Faults", "fields", "proxied", "served", "write_store"]

import hashlib
import http.client
import random
import socket
import struct
import threading
import time

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import xarray as xr

from numcodecs import Blosc

from galerne.archives import LEVELS_13
from galerne.catalogue import STATIC, VARIABLES

SLICE = 2**18  # bytes between two looks at the line


@dataclass
class Counter:
    """What a server was asked for, in order.

    Arguments:
        asked: The path and the range of every GET.
    """

    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def paths(self) -> list[str]:
        """The paths alone."""
        return [path for path, _ in self.asked]


@dataclass(frozen=True)
class Faults:
    """How often what goes wrong; shares of all requests.

    Arguments:
        unavailable: Answers of 503.
        truncated: Bodies that break off.
        shortened: Bodies that break off and do not say so: their length is given as what came.
        reset: Connections that are reset in the middle of a body.
        stalled: Bodies that stop for ``stall_seconds`` in the middle.
        stall_seconds: How long a stall lasts [s].
        seed: Of the draws.
    """

    unavailable: float = 0.0
    truncated: float = 0.0
    shortened: float = 0.0
    reset: float = 0.0
    stalled: float = 0.0
    stall_seconds: float = 10.0
    seed: int = 0

    def kinds(self) -> dict[str, float]:
        """The share of each kind."""
        names = ("unavailable", "truncated", "shortened", "reset", "stalled")
        return {name: getattr(self, name) for name in names}


class _Link:
    """A line that all connections share."""

    def __init__(self, rate: float) -> None:
        self._rate, self._free, self._lock = rate, time.monotonic(), threading.Lock()

    def wait(self, size: int) -> None:
        """Returns when a number of bytes may go."""
        with self._lock:
            now = time.monotonic()
            begin = max(now, self._free)
            self._free = begin + size / self._rate
        if begin > now:
            time.sleep(begin - now)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *words: object) -> None:
        """Says nothing."""

    def _send(
        self, status: int, headers: dict[str, str], body: bytes = b"", link: "_Link | None" = None
    ) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        for first in range(0, len(body), SLICE) if link else ():
            link.wait(len(body[first : first + SLICE]))
            self.wfile.write(body[first : first + SLICE])
        if not link:
            self.wfile.write(body)


@contextmanager
def _running(handler: type[_Handler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def served(root: Path, counter: Counter | None = None, rate: float | None = None) -> Iterator[str]:
    """Serves a folder; yields its address.

    Arguments:
        root: The folder.
        counter: Counts the requests.
        rate: Most bytes a second, of all connections together; ``None`` for as many as it can.
    """
    counter = counter or Counter()
    link = _Link(rate) if rate else None
    digests: dict[Path, str] = {}

    class Handler(_Handler):
        def do_GET(self) -> None:
            name, wanted = unquote(urlsplit(self.path).path), self.headers.get("Range")
            counter.asked.append((name, wanted))
            path = (root / name.lstrip("/")).resolve()
            if not path.is_relative_to(root.resolve()) or not path.is_file():
                self._send(404, {})
                return
            body = path.read_bytes()
            if path not in digests:
                digests[path] = hashlib.md5(body, usedforsecurity=False).hexdigest()
            headers = {
                "ETag": f'"{digests[path]}"',
                "Last-Modified": formatdate(path.stat().st_mtime, usegmt=True),
                "Accept-Ranges": "bytes",
            }
            if not wanted:
                self._send(200, headers, body, link)
                return
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            part = body[int(first) : int(last) + 1 if last else None]
            end = int(first) + len(part) - 1
            headers["Content-Range"] = f"bytes {first}-{end}/{len(body)}"
            self._send(206, headers, part, link)

    with _running(Handler) as url:
        yield url


@contextmanager
def proxied(
    upstream: str, faults: Faults, counter: Counter | None = None
) -> Iterator[tuple[str, dict[str, int]]]:
    """Hands requests on to a server, and lets some of them fail.

    Arguments:
        upstream: The address of the server.
        faults: What goes wrong.
        counter: Counts the requests.

    Yields:
        The address, and how often each kind of fault was met.
    """
    counter, met = counter or Counter(), dict.fromkeys(faults.kinds(), 0)
    draws, lock = random.Random(faults.seed), threading.Lock()
    host = urlsplit(upstream).netloc

    def drawn() -> str | None:
        with lock:
            kinds = faults.kinds()
            kind = draws.choices([*kinds, None], [*kinds.values(), 1 - sum(kinds.values())])[0]
            if kind:
                met[kind] += 1
            return kind

    class Handler(_Handler):
        def do_GET(self) -> None:
            counter.asked.append((unquote(urlsplit(self.path).path), self.headers.get("Range")))
            kind = drawn()
            if kind == "unavailable":
                self._send(503, {})
                return
            status, headers, body = self._upstream()
            if kind is None or self.command == "HEAD" or not body:
                self._send(status, headers, body)
                return
            half = body[: len(body) // 2]
            if kind == "shortened":
                self._send(status, headers | {"Content-Length": str(len(half))}, half)
                return
            self._send(status, headers | {"Content-Length": str(len(body))}, half)
            self.wfile.flush()
            if kind == "stalled":
                time.sleep(faults.stall_seconds)
            if kind == "reset":
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True

        do_HEAD = do_GET  # noqa: N815

        def _upstream(self) -> tuple[int, dict[str, str], bytes]:
            connection = http.client.HTTPConnection(host, timeout=60)
            connection.request(self.command, self.path, headers=dict(self.headers))
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            dropped = ("connection", "transfer-encoding", "date", "server")
            headers = {k: v for k, v in answer.getheaders() if k.lower() not in dropped}
            return answer.status, headers, body

    with _running(Handler) as url:
        yield url, met


def fields(
    first: str,
    states: int,
    *,
    step_hours: int = 6,
    shape: tuple[int, int] = (32, 64),
    variables: tuple[str, ...] = tuple(VARIABLES),
    levels: tuple[int, ...] = LEVELS_13,
) -> xr.Dataset:
    """Returns fields within the physical range of each variable, and the static ones.

    Arguments:
        first: The first time.
        states: Number of times.
        step_hours: Time between states [h].
        shape: Rows and columns; an odd number of rows has the poles among them.
        variables: What is held.
        levels: Pressure levels [hPa].
    """
    rows, columns = shape
    poles = rows % 2
    edge = 90.0 if poles else 90 - 90 / rows
    latitude = np.linspace(edge, -edge, rows)
    longitude = np.arange(columns) * 360 / columns
    time = np.datetime64(first, "ns") + np.arange(states) * np.timedelta64(step_hours, "h")
    draws = np.random.default_rng(states)
    wave = np.cos(np.deg2rad(latitude))[:, None] * np.sin(np.deg2rad(longitude))
    held = {}
    for name in (*variables, *STATIC):
        about = (VARIABLES | STATIC)[name]
        lead = () if name in STATIC else (states, len(levels)) if about.on_levels else (states,)
        middle, half = (about.maximum + about.minimum) / 2, (about.maximum - about.minimum) / 2
        noise = draws.uniform(-0.2, 0.2, (*lead, rows, columns)).astype("float32")
        values = (middle + half * (0.5 * wave + noise)).astype("float32")
        dims = ("time", "level")[: len(lead)] if about.on_levels else ("time",)[: len(lead)]
        held[name] = ((*dims, "latitude", "longitude"), values)
    coords = {"time": time, "latitude": latitude, "longitude": longitude}
    return xr.Dataset(held, coords | {"level": ("level", np.array(levels, "int64"))})


def write_store(
    path: Path, dataset: xr.Dataset, *, chunk: int = 100, southward: bool = False
) -> None:
    """Writes a store in the layout of WeatherBench 2: Zarr 2, consolidated, Blosc.

    Arguments:
        path: Where the store goes.
        dataset: As of :func:`fields`.
        chunk: Times in a chunk; all levels and the whole grid are in it.
        southward: Whether rows run north to south, and columns innermost, as at 0.25 degrees;
            regridded stores have rows innermost, south to north.
    """
    if not southward:
        dataset = dataset.isel(latitude=slice(None, None, -1)).transpose(
            "time", "level", "longitude", "latitude", missing_dims="ignore"
        )
        static = {name: dataset[name].transpose("longitude", "latitude") for name in STATIC}
        dataset = dataset.assign(static)
    compressor = Blosc(cname="lz4", clevel=5, shuffle=Blosc.SHUFFLE)
    encoding = {}
    for name, array in dataset.variables.items():
        sizes = [
            chunk if dim == "time" else n for dim, n in zip(array.dims, array.shape, strict=True)
        ]
        if name == "time":
            sizes = [array.size]
            encoding[name] = {"units": "hours since 1959-01-01", "dtype": "int64"}
        encoding[name] = encoding.get(name, {}) | {
            "chunks": tuple(sizes),
            "compressors": [compressor],
        }
    dataset.to_zarr(path, mode="w", zarr_format=2, consolidated=True, encoding=encoding)
