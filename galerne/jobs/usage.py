"""What each attempt of a job used: one line of JSON, kept through failures and requeues.

Snakemake's benchmark covers the last attempt only, and below Slurm it watches ``srun`` rather
than the work. A line holds ``rule``, ``status`` (done, adopted, interrupted, failed), ``host``,
``slurm_job``, ``started`` (UTC), ``wall_s``, ``cpu_s`` (with children) [s], ``rss_mb`` (peak)
[MB], ``threads`` and ``gpus``. An attempt that was killed outright leaves none.
"""

__all__ = ["Meter", "read_usage"]

import json
import os
import resource
import socket
import time

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path


class Meter:
    """Measures this process from now on.

    Arguments:
        rule: The rule of the job.
        threads: The cores that it asked for.
    """

    def __init__(self, rule: str, threads: int) -> None:
        self.rule, self.threads = rule, threads
        self.started, self.clock = datetime.now(UTC), time.monotonic()

    def append(self, path: Path, status: str) -> None:
        """Adds a line about this attempt to a file."""
        own, below = (resource.getrusage(who) for who in (0, resource.RUSAGE_CHILDREN))
        row = {
            "rule": self.rule,
            "status": status,
            "host": socket.gethostname(),
            "slurm_job": os.environ.get("SLURM_JOB_ID"),
            "started": self.started.isoformat(timespec="seconds"),
            "wall_s": round(time.monotonic() - self.clock, 3),
            "cpu_s": round(own.ru_utime + own.ru_stime + below.ru_utime + below.ru_stime, 3),
            "rss_mb": round(max(own.ru_maxrss, below.ru_maxrss) / 1024, 1),
            "threads": self.threads,
            "gpus": len(list(filter(None, os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")))),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(json.dumps(row) + "\n")


def read_usage(root: Path) -> Iterator[dict[str, object]]:
    """Reads every line below the folder of all products; a torn last line is passed over."""
    for path in sorted((root / "usage").rglob("*.jsonl")):
        for line in path.read_text().splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue
