"""What each attempt of a job used, on file through failures, requeues and kills.

Snakemake's benchmark covers the last attempt only, and below Slurm it watches ``srun`` rather
than the work. So every attempt adds two lines of JSON to the file of its job, one when it starts
and one when it ends. Both hold ``attempt`` (a name for the pair), ``rule``, ``host``,
``slurm_job``, ``started`` (UTC), ``threads``, ``processes`` and ``gpus`` held (of all nodes). The
first has the status ``started``; the second says how it ended (done, adopted, interrupted,
failed) and adds ``wall_s`` [s], ``cpu_s`` of this process and its children [s], ``rss_mb`` at its
peak [MB] and ``gpu_model``. An attempt without an end was killed outright, or is still running.

Depends on: nothing but the standard library.
"""

__all__ = ["STARTED", "Meter", "read_usage"]

import json
import logging
import os
import re
import resource
import socket
import sys
import time
import uuid

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

log = logging.getLogger(__name__)
STARTED = "started"
_GPU = re.compile(r"\d+|(GPU|MIG)-.+")


class Meter:
    """Measures this process since it began; a record that cannot be written fails no job.

    Arguments:
        path: The file of the job, below the folder ``usage`` of the products.
        rule: The rule of the job.
        threads: The cores that each of its processes asked for.
    """

    def __init__(self, path: Path, rule: str, threads: int) -> None:
        age = _age()
        self.path, self.clock = path, time.monotonic() - age
        began = datetime.now(UTC) - timedelta(seconds=age)
        processes = int(os.environ.get("WORLD_SIZE", "1"))
        self.about: dict[str, object] = {
            "attempt": uuid.uuid4().hex[:12],
            "rule": rule,
            "host": socket.gethostname(),
            "slurm_job": os.environ.get("SLURM_JOB_ID"),
            "started": began.isoformat(timespec="seconds"),
            "threads": threads,
            "processes": processes,
            "gpus": _allocated_gpus(),
        }

    def start(self) -> None:
        """Notes that the attempt begins."""
        self._append(self.about | {"status": STARTED})

    def stop(self, status: str) -> None:
        """Notes how the attempt ended, and what this process used."""
        own, below = (
            resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        model = _gpu_model()
        held = self.about["gpus"] or (self.about["processes"] if model else 0)
        self._append(
            self.about
            | {
                "status": status,
                "wall_s": round(time.monotonic() - self.clock, 3),
                "cpu_s": round(own.ru_utime + own.ru_stime + below.ru_utime + below.ru_stime, 3),
                "rss_mb": round(max(_peak_kb() or own.ru_maxrss, below.ru_maxrss) / 1024, 1),
                "gpus": held,
                "gpu_model": model,
            }
        )

    def _append(self, row: dict[str, object]) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab+") as file:
                # A line that a kill tore must not swallow this one.
                torn = file.tell() and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n"
                file.write(b"\n" * bool(torn) + json.dumps(row).encode() + b"\n")
        except OSError as error:
            log.warning("no record of cost: %s", error)


def _age() -> float:
    """How long this process has run [s]: what it imported was paid for as well."""
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        ticks = int(fields[19])  # starttime, the 22nd field in all
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
        return max(age, 0.0) if ticks else 0.0  # some sandboxes do not tell
    except (OSError, AttributeError, ValueError, IndexError):
        return 0.0


def _peak_kb() -> int:
    """Peak memory of this process [kB]; what getrusage says may be that of its parent."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _allocated_gpus() -> int:
    """GPUs that Slurm gave to this job, on all its nodes."""
    if "SLURM_JOB_ID" not in os.environ:
        return 0
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    nodes = int(os.environ.get("GROUP_WORLD_SIZE", "1"))  # agents of torchrun
    return nodes * sum(bool(_GPU.fullmatch(name)) for name in visible)


def _gpu_model() -> str | None:
    """The GPU that this process computed on; torch is looked at only if something loaded it."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return None
    return str(torch.cuda.get_device_name())


def read_usage(root: Path) -> Iterator[dict[str, object]]:
    """Reads every attempt of every job, one file after another; torn lines are passed over.

    Arguments:
        root: The folder of all products; need not hold any record.

    Yields:
        What the lines of an attempt hold, with ``job``, its path below the folder ``usage``; the
        status is ``started`` if no end was recorded.
    """
    folder = root / "usage"
    for path in sorted(folder.rglob("*.jsonl")):
        job = path.relative_to(folder).with_suffix("").as_posix()
        for row in _attempts(path).values():
            yield row | {"job": job}


def _attempts(path: Path) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    with path.open(errors="replace") as file:
        for number, line in enumerate(file):
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict) and "rule" in row and "status" in row:
                found.setdefault(str(row.get("attempt", number)), {}).update(row)
    return found
