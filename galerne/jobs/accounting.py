"""What Slurm accounted for the jobs of a run: every attempt, also those killed outright.

``sacct --duplicates`` lists a requeued job once for each time it ran. Jobs that died before they
left a record of their own are found by the name that all jobs of one run share: Snakemake puts
a UUID into it. Sites without accounting answer with an error or not at all; figures that a site
does not gather are empty or zero.

Conventions: times in seconds since 1970 (UTC).
Depends on: nothing but the standard library.
References: https://slurm.schedmd.com/sacct.html
"""

__all__ = ["Allocation", "read_accounting"]

import re

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from .slurm import ask

JOBS_AT_ONCE = 500
FIELDS = (
    "JobIDRaw", "State", "Start", "End", "ElapsedRaw", "AllocCPUS", "TotalCPU", "MaxRSS",
    "ConsumedEnergyRaw", "AllocTRES", "JobName",
)  # fmt: skip
_RUN = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")
_RULE = re.compile(r"(?:^|--comment\s+['\"]?)rule_(\w+?)(?:_wildcards_|['\"\s]|$)")
_UNITS = {"": 1.0, "K": 2.0**10, "M": 2.0**20, "G": 2.0**30, "T": 2.0**40}


@dataclass(frozen=True)
class Allocation:
    """Cores, memory and GPUs that a job held from a start to an end.

    Arguments:
        job: The number of the job; a requeued one has several allocations.
        name: The name of the job.
        rule: The rule, as Snakemake's comment says it; empty where no comment was kept.
        state: Slurm's word for its end, such as COMPLETED, TIMEOUT or NODE_FAIL.
        started: When it began.
        ended: When it ended; ``None`` if it has not.
        wall_s: How long it was held [s].
        cpus: Cores held.
        cpu_s: Time of cores in use [s]; zero where Slurm does not gather it.
        gpus: GPUs held.
        rss_mb: Peak memory of its largest task [MB]; ``None`` where Slurm does not gather it.
        joules: Energy of its nodes [J]; ``None`` where Slurm does not measure it.
    """

    job: str
    name: str
    rule: str
    state: str
    started: float
    ended: float | None
    wall_s: float
    cpus: int
    cpu_s: float
    gpus: int
    rss_mb: float | None
    joules: float | None


def read_accounting(jobs: Iterable[str], since: float) -> list[Allocation]:
    """Asks Slurm for the jobs of some runs.

    Arguments:
        jobs: Numbers of jobs that are known; anything else is passed over.
        since: When the first of them began [s].

    Returns:
        The allocations of these jobs, and of all others that bear the name of one of their runs,
        in order of job and start.

    Raises:
        RuntimeError: If there is no ``sacct``, or it does not answer.
    """
    known = sorted({job for job in jobs if job.isdecimal()}, key=int)
    found = [a for part in _parts(known) for a in _ask(part, "Comment")]
    names = sorted({a.name for a in found if _RUN.search(a.name) and "," not in a.name})
    more = [job for part in _parts(names) for job in _named(part, since)]
    others = sorted(set(more) - set(known), key=int)
    # A site may keep no comments; the command that submitted the job holds it, at any length.
    found += [a for part in _parts(others) for a in _ask(part, "SubmitLine")]
    return sorted(found, key=lambda a: (int(a.job), a.started))


def _parts(items: Sequence[str]) -> list[Sequence[str]]:
    return [items[k : k + JOBS_AT_ONCE] for k in range(0, len(items), JOBS_AT_ONCE)]


def _sacct(*arguments: str) -> list[str]:
    form = ("--parsable2", "--noheader", "--duplicates")
    return ask("env", "SLURM_TIME_FORMAT=%s", "sacct", *form, *arguments).splitlines()


def _named(names: Sequence[str], since: float) -> list[str]:
    start = datetime.fromtimestamp(max(since - 3600, 0)).isoformat(timespec="seconds")
    rows = _sacct(
        f"--name={','.join(names)}", f"--starttime={start}", "--allocations", "--format=JobIDRaw"
    )
    return [row for row in rows if row.isdecimal()]


def _ask(jobs: Sequence[str], comment: str) -> list[Allocation]:
    fields = ",".join((*FIELDS, comment))
    found: list[Allocation] = []
    for line in _sacct(f"--jobs={','.join(jobs)}", f"--format={fields}"):
        row = dict(zip((*FIELDS, "Comment"), line.split("|", len(FIELDS)), strict=False))
        job, _, step = row["JobIDRaw"].partition(".")
        if len(row) <= len(FIELDS) or not job.isdecimal():
            continue
        if not step and row["Start"].isdecimal():
            found.append(_allocation(row))
        elif step and found and found[-1].job == job:
            found[-1] = _with_step(found[-1], row)
    return found


def _allocation(row: dict[str, str]) -> Allocation:
    rule = _RULE.search(row["Comment"])
    return Allocation(
        job=row["JobIDRaw"],
        name=row["JobName"],
        rule=rule[1] if rule else "",
        state=row["State"].split(" ")[0],
        started=float(row["Start"]),
        ended=float(row["End"]) if row["End"].isdecimal() else None,
        wall_s=float(row["ElapsedRaw"] or 0),
        cpus=int(row["AllocCPUS"] or 0),
        cpu_s=_seconds(row["TotalCPU"]),
        gpus=_gpus(row["AllocTRES"]),
        rss_mb=None,
        joules=float(row["ConsumedEnergyRaw"] or 0) or None,
    )


def _with_step(allocation: Allocation, row: dict[str, str]) -> Allocation:
    """An allocation that knows the memory of one more step: Slurm keeps it by step."""
    used = re.fullmatch(r"([\d.]+)([KMGT]?)", row["MaxRSS"])
    if used is None or not float(used[1]):
        return allocation
    rss_mb = float(used[1]) * _UNITS[used[2]] / 2**20
    return replace(allocation, rss_mb=max(rss_mb, allocation.rss_mb or 0.0))


def _seconds(text: str) -> float:
    """Reads ``[days-][hours:]minutes:seconds`` [s].

    Example:
        >>> _seconds("1-02:03:04"), _seconds("03:04.5"), _seconds("")
        (93784.0, 184.5, 0.0)
    """
    days, _, rest = text.rpartition("-")
    total = 0.0
    for part in rest.split(":"):
        total = 60 * total + float(part or 0)
    return 86400 * int(days or 0) + total


def _gpus(tres: str) -> int:
    """Reads the GPUs among what was allocated, once even if they are also counted by type.

    Example:
        >>> _gpus("cpu=4,gres/gpu:a100=2,gres/gpu=2,node=1"), _gpus("cpu=4,gres/gpu:a100=2")
        (2, 2)
    """
    counts = dict(part.split("=", 1) for part in tres.split(",") if "=" in part)
    typed = sum(int(n) for name, n in counts.items() if name.startswith("gres/gpu:"))
    return int(counts.get("gres/gpu", typed))
