"""One writer per product: a lock that dies with its holder.

The lock is the kernel's (``flock``, by way of filelock): a job that is killed, or whose node
goes down, holds nothing any more, so no lock is ever stale. The file beside it only says who
holds it, for the one who waits. On network file systems ``flock`` reaches across nodes if the
mount allows it; ``make doctor`` tries.
"""

__all__ = ["holding"]

import json
import logging
import os
import socket
import time

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

log = logging.getLogger(__name__)


@contextmanager
def holding(path: Path, *, wait_seconds: float, poll_seconds: float = 1.0) -> Iterator[None]:
    """Holds a lock, after those who held it before.

    Arguments:
        path: The lock file; ``{path}.holder`` says who holds it.
        wait_seconds: How long to wait for another holder [s].
        poll_seconds: How often to look [s].

    Raises:
        TimeoutError: If another process still holds it then, by host and process.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, mode=0o660, fallback_to_soft=False)  # a soft one outlives its holder
    note = path.with_name(f"{path.name}.holder")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.warning("%s is held by %s: waiting", path, _read(note))
        try:
            lock.acquire(timeout=wait_seconds, poll_interval=poll_seconds)
        except Timeout:
            raise TimeoutError(
                f"{path} is still held by {_read(note)} after {wait_seconds:.0f} s: "
                "wait for that job or cancel it"
            ) from None
    try:
        if note.exists():
            log.warning("%s: %s ended without finishing", path, _read(note))
        note.write_text(json.dumps(_myself()))
        yield
        note.unlink(missing_ok=True)
    finally:
        lock.release()


def _myself() -> dict[str, object]:
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "slurm_job": os.environ.get("SLURM_JOB_ID"),
        "since": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def _read(note: Path) -> str:
    try:
        who = json.loads(note.read_text())
    except (OSError, ValueError):
        return "another process"
    job = f", Slurm job {who['slurm_job']}" if who.get("slurm_job") else ""
    return f"process {who['pid']} on {who['host']}{job}, since {who['since']}"
