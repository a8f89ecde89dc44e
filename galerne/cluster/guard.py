"""One run at a time, and no second job for what an earlier run still has in the queue.

Snakemake's own lock goes stale when the controller is killed, and a new run then submits what
still runs. Instead

* a controller holds a lock of the kernel on its folder of results, which dies with it;
* every run puts a token of its own into the names of its Slurm jobs and notes it beside the
  lock, so that the next one finds what is left in the queue.
"""

__all__ = ["Leftover", "begin", "end", "find_leftovers", "token"]

import os
import time
import uuid

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..jobs.lock import holding
from ..jobs.receipt import clear_receipts
from ..jobs.slurm import ask

PREFIX = "galerne"
RUN = "GALERNE_RUN"
ADDRESS = "GALERNE_SLURM_CONF"
BIN = Path(__file__).resolve().parents[2] / "workflow/bin"
_held: list[object] = []


@dataclass(frozen=True)
class Leftover:
    """A job that an earlier run left in the queue.

    Arguments:
        job: Its number.
        state: Its state, as squeue says it.
        comment: Rule and wildcards.
    """

    job: str
    state: str
    comment: str

    def __str__(self) -> str:
        return f"{self.job} ({self.comment}, {self.state})"


def token() -> str:
    """The token of this run, made once for each process; a prefix of its jobs' names."""
    if address := os.environ.get("SLURM_CONF"):
        # Snakemake drops every variable of Slurm before its own srun: ours brings this one back.
        os.environ[ADDRESS] = address
        if not os.environ.get("PATH", "").startswith(f"{BIN}:"):
            os.environ["PATH"] = f"{BIN}:{os.environ.get('PATH', os.defpath)}"
    return os.environ.setdefault(RUN, f"{PREFIX}_{uuid.uuid4().hex[:12]}")


def begin(
    root: Path,
    *,
    slurm: bool,
    leftovers: str = "wait",
    poll_seconds: float = 10.0,
    say: Callable[[str], None] = print,
) -> None:
    """Takes the folder of results for this run, after what an earlier one left has gone.

    Arguments:
        root: The folder of all products.
        slurm: Whether this run submits to Slurm.
        leftovers: What to do about running jobs: ``wait``, ``cancel`` or ``stop``. Those that
            have not started yet are always cancelled: this run submits them again.
        poll_seconds: How often to look [s].
        say: Where to report.

    Raises:
        RuntimeError: If another run is at work, or jobs are left and ``stop`` was chosen.
    """
    lock = holding(root / "locks" / "run.lock", wait_seconds=0.0)
    try:
        lock.__enter__()
    except TimeoutError as error:
        raise RuntimeError(
            f"another run is at work on {root}: {error}. Stop it, or give this "
            "configuration a folder of results of its own"
        ) from None
    _held.append(lock)  # until the process ends
    if not slurm:
        return
    notes = root / "locks" / "runs"
    known = notes.read_text().split() if notes.is_file() else []
    settle(lambda: find_leftovers(known), leftovers, poll_seconds, say)
    notes.write_text(token() + "\n")


def settle(
    find: Callable[[], list[Leftover]],
    choice: str,
    poll_seconds: float,
    say: Callable[[str], None],
) -> None:
    """Waits for, cancels, or refuses jobs until none is left.

    Raises:
        RuntimeError: If jobs are left and ``stop`` was chosen.
    """
    left, told = find(), set()
    if left and choice == "stop":
        raise RuntimeError(
            f"jobs of an earlier run are still in the queue: {_listed(left)}. Set leftovers in "
            "slurm/site.yaml, or GALERNE_LEFTOVERS, to wait or cancel"
        )
    while left:
        doomed = [j for j in left if choice == "cancel" or j.state in ("PENDING", "REQUEUED")]
        if doomed:
            say(f"cancelling jobs of an earlier run: {_listed(doomed)}")
            ask("scancel", *(j.job for j in doomed))
        waited = [j for j in left if j not in doomed]
        if {j.job for j in waited} - told:
            told |= {j.job for j in waited}
            say(f"waiting for jobs of an earlier run: {_listed(waited)}")
        time.sleep(poll_seconds if not doomed else min(poll_seconds, 1.0))
        left = find()


def find_leftovers(tokens: list[str]) -> list[Leftover]:
    """Jobs in the queue that were submitted under one of these tokens."""
    if not tokens:
        return []
    user = str(os.getuid())
    rows = ask("squeue", "-h", "-r", "-u", user, "-o", "%i\t%T\t%k\t%j").splitlines()
    found = (row.split("\t") for row in rows)
    return [Leftover(*row[:3]) for row in found if row[3].startswith(tuple(tokens))]


def end(root: Path) -> None:
    """Notes that every job of this run has been seen."""
    clear_receipts(root)
    for note in ("runs", "run.lock.holder"):
        (root / "locks" / note).unlink(missing_ok=True)


def _listed(jobs: list[Leftover]) -> str:
    shown = ", ".join(map(str, jobs[:10]))
    return shown + (f" and {len(jobs) - 10} more" if len(jobs) > 10 else "")
