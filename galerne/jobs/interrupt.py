"""A request to stop: SIGTERM asks, long work answers between two steps.

Slurm sends SIGTERM before it preempts a job and, with ``--signal=TERM@120``, before a time
limit; a few seconds or minutes later SIGKILL follows. Long work asks :func:`requested` after
every step, saves its progress and raises :class:`Interrupted`.
"""

__all__ = ["Interrupted", "listen", "requested", "reset"]

import signal
import threading

from types import FrameType

_asked = threading.Event()


class Interrupted(Exception):  # noqa: N818 - a request, not an error
    """Work that stopped on request, its progress saved.

    Arguments:
        where: What was reached, for the log.
        advanced: Whether this attempt came further than the one before it; only then does
            the job ask for another attempt by itself.
    """

    def __init__(self, where: str, *, advanced: bool) -> None:
        super().__init__(where)
        self.advanced = advanced


def listen() -> None:
    """Turns SIGTERM from an end into a request, for the life of the process."""
    signal.signal(signal.SIGTERM, _ask)


def requested() -> bool:
    """Whether the work should save its progress and stop."""
    return _asked.is_set()


def reset() -> None:
    """Forgets a request; for tests."""
    _asked.clear()


def _ask(signum: int, frame: FrameType | None) -> None:
    _asked.set()
