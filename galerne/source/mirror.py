"""A mirror of remote objects on disk, byte for byte; a piece is there whole, or not at all.

The objects of a Zarr store keep their paths, so the mirror is itself a Zarr store of which a
part is there. A piece counts as finished when its bytes were checked and it was renamed into
its place. A finished piece is never fetched again, whichever run or product asks for it; one
that no longer decodes is. Several jobs may fill one mirror: each piece has a lock of its own,
a byte of one lock file, which the kernel gives back when its holder dies.
"""

__all__ = ["Mirror", "Piece", "locked"]

import fcntl
import hashlib
import json
import logging
import os
import threading
import time

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..jobs import interrupt
from ..products import replacing
from .pace import Pace
from .transport import Absent, Remote

log = logging.getLogger(__name__)
IN_FLIGHT = 2_000_000_000  # most bytes of pieces that are under way
CHECKED_AT_ONCE = 2
Sound = Callable[[str, bytes], str | None]


@dataclass(frozen=True)
class Piece:
    """A finished piece.

    Arguments:
        size: Its size [bytes].
        sha256: The digest of its bytes.
    """

    size: int
    sha256: str

    @classmethod
    def of(cls, body: bytes) -> "Piece":
        """Describes bytes."""
        return cls(len(body), hashlib.sha256(body).hexdigest())

    @classmethod
    def of_file(cls, path: Path) -> "Piece":
        """Describes a file, which may be larger than memory."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return cls(path.stat().st_size, digest)


class Mirror:
    """A folder that holds objects of a remote store.

    Arguments:
        folder: Where objects lie, under their own paths.
        remote: The store.

    Attributes:
        documents: The documents that were read, by their paths.
    """

    def __init__(self, folder: Path, remote: Remote) -> None:
        self.folder, self.remote = folder, remote
        self.documents: dict[str, Piece] = {}
        self._checking = threading.Semaphore(CHECKED_AT_ONCE)

    def document(self, key: str, *, anew: bool = False) -> dict[str, object] | None:
        """A JSON document of the store; ``None`` where it has no such object.

        Arguments:
            key: Its path in the store.
            anew: Whether to fetch it although it is there.

        Raises:
            PermissionError, ConnectionError: As :meth:`.Remote.read`.
        """
        path = self.folder / key
        with locked(self.folder, key):
            if anew or _body(path, key, _no_document) is None:
                try:
                    body = self.remote.read(key, lambda body: _no_document(key, body))
                except Absent:
                    return None
                _place(path, body)
            body = path.read_bytes()
        self.documents[key] = Piece.of(body)
        return json.loads(body)

    def fetch(
        self, what: str, keys: Iterable[str], sound: Sound, largest: int
    ) -> Mapping[str, Piece | None]:
        """Fetches the pieces that are not there, several at a time.

        Arguments:
            what: What they are, for messages.
            keys: Their paths in the store.
            sound: Says what is wrong with the bytes of a piece, or ``None``.
            largest: Size of the largest piece, not compressed [bytes].

        Returns:
            Every piece, in the order of the keys; ``None`` for one that the store does not
            have.

        Raises:
            PermissionError, ConnectionError: As :meth:`.Remote.read`.
            OSError: If the disk is full.
            Interrupted: If a stop was asked for; what is finished stays.
        """
        keys = list(keys)
        found: dict[str, Future[Piece | None]] = {}
        connections = max(1, min(self.remote.patience.connections, IN_FLIGHT // max(largest, 1)))
        with Pace(what, len(keys)) as pace, ThreadPoolExecutor(connections) as pool:
            try:
                for key in keys:
                    found[key] = pool.submit(self._piece, key, sound, pace)
                done, _ = wait(found.values(), return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return {key: future.result() for key, future in found.items()}

    def _piece(self, key: str, sound: Sound, pace: Pace) -> Piece | None:
        if interrupt.requested():
            where = f"{pace.what}, piece {pace.done} of {pace.total}"
            raise interrupt.Interrupted(where, advanced=pace.fetched > 0)
        path = self.folder / key
        body, fetched = self._found(path, key, sound), False
        if body is None:
            with locked(self.folder, key):
                body = self._found(path, key, sound)  # by another job, meanwhile
                if body is None:
                    try:
                        body, fetched = (
                            self.remote.read(key, lambda b: self._checked(sound, key, b)),
                            True,
                        )
                    except Absent:
                        pace.add(0, fetched=False)
                        return None
                    _place(path, body)
                    fetched = True
        pace.add(len(body), fetched=fetched)
        return Piece.of(body)

    def _found(self, path: Path, key: str, sound: Sound) -> bytes | None:
        return _body(path, key, lambda key, body: self._checked(sound, key, body))

    def _checked(self, sound: Sound, key: str, body: bytes) -> str | None:
        with self._checking:
            return sound(key, body)


def _body(path: Path, key: str, sound: Sound) -> bytes | None:
    """The bytes of a piece on disk; ``None`` if it is not there or is spoilt."""
    try:
        body = path.read_bytes()
    except FileNotFoundError:
        return None
    fault = sound(key, body)
    if fault is None:
        return body
    log.warning("%s: %s; it is fetched again", path, fault)
    return None


def _place(path: Path, body: bytes) -> None:
    with replacing(path) as part:
        part.write_bytes(body)


def _no_document(key: str, body: bytes) -> str | None:
    try:
        json.loads(body)
    except ValueError as error:
        return f"no JSON document ({error})"
    return None


@contextmanager
def locked(folder: Path, key: str) -> Iterator[None]:
    """Holds the lock of a piece among processes: one byte of a file, far beyond its end.

    It is asked for again and again rather than waited for: the kernel takes two processes whose
    threads wait for one another's pieces for a deadlock, which it is not.

    Arguments:
        folder: The folder of the mirror.
        key: The piece.
    """
    place = int.from_bytes(hashlib.sha256(key.encode()).digest()[:7], "big")
    file, pause = _lock_file(folder), 0.01
    while True:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
            break
        except (BlockingIOError, PermissionError):
            time.sleep(pause)
            pause = min(2 * pause, 1.0)
    try:
        yield
    finally:
        fcntl.lockf(file, fcntl.LOCK_UN, 1, place)


_files: dict[tuple[int, Path], int] = {}
_opening = threading.Lock()


def _lock_file(folder: Path) -> int:
    """The one descriptor of this process: closing any other would give back all its locks."""
    with _opening:
        name = (os.getpid(), folder.resolve())
        if name not in _files:
            folder.mkdir(parents=True, exist_ok=True)
            _files[name] = os.open(
                folder.parent / f".{folder.name}.lock", os.O_RDWR | os.O_CREAT, 0o664
            )
        return _files[name]
