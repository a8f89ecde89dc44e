"""How far a download has come, how fast it is, and how long it will take.

A bar on a terminal; in a log, a line at the start of each half minute and one at the end.
"""

__all__ = ["Pace"]

import logging
import sys
import threading
import time

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

log = logging.getLogger(__name__)
EVERY = 30.0  # seconds between lines of a log


class Pace:
    """Counts pieces and bytes; may be told of them by several threads.

    Arguments:
        what: What is fetched.
        total: Number of pieces.
    """

    def __init__(self, what: str, total: int) -> None:
        self.what, self.total = what, total
        self.done = self.fetched = self.bytes = 0
        self._start = self._said = time.monotonic()
        self._lock = threading.Lock()
        self._bar = _bar() if sys.stderr.isatty() else None

    def __enter__(self) -> "Pace":
        if self._bar:
            self._bar.start()
            self._task = self._bar.add_task(self.what, total=self.total)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()
        log.info(str(self))

    def add(self, size: int, *, fetched: bool) -> None:
        """Tells of a piece that is in place.

        Arguments:
            size: Its size [bytes].
            fetched: Whether it was fetched now, and not found in place.
        """
        with self._lock:
            self.done += 1
            if fetched:
                self.fetched += 1
                self.bytes += size
            if self._bar:
                self._bar.update(self._task, completed=self.done, description=str(self))
            elif time.monotonic() - self._said >= EVERY:
                self._said = time.monotonic()
                log.info(str(self))

    def __str__(self) -> str:
        seconds = max(time.monotonic() - self._start, 1e-3)
        text = f"{self.what}: {self.done} of {self.total} pieces"
        if self.fetched:
            rate = self.bytes / seconds
            text += f", {self.bytes / 1e6:.1f} MB fetched at {rate / 1e6:.1f} MB/s"
            if self.done < self.total:
                left = (self.total - self.done) * seconds / self.done
                text += f", {_duration(left)} left"
        return text


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20))
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
