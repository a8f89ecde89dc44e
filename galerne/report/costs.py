"""What a run cost: every attempt of every job, by rule, and an estimate of its energy.

Time, memory and GPUs come from the records that jobs leave (:mod:`galerne.jobs.usage`). Where
Slurm accounts for a job that held its allocation alone, its figures take their place, since they
include what the job needed around the work, and attempts that were killed outright. Jobs older
than these records are known by Snakemake's benchmarks.

Energy is estimated, not measured:

    energy = (core time in use x watts per core + GPU time held x watts per GPU) x PUE

PUE is the power of a data centre over that of its computers. A GPU counts as busy while it is
held; memory, disks, network and idle cores do not count.

Conventions: time in seconds, of one core or one GPU where it is one's.
Depends on: pandas.
References: Lannelongue, Grealey and Inouye (2021), Green Algorithms, Advanced Science 8, 2100707,
https://doi.org/10.1002/advs.202100707 (the formula, without its memory).
"""

__all__ = ["COLUMNS", "ENDS", "Account", "account", "pool_costs", "read_attempts", "settle"]

import csv
import logging

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..jobs.accounting import Allocation, read_accounting
from ..jobs.usage import STARTED, read_usage

log = logging.getLogger(__name__)
PAGE = "write_report"  # the rule whose own cost cannot be on its page
ENDS = ("done", "adopted", "interrupted", "failed", "killed", "running")
UNFINISHED = ("interrupted", "failed", "killed")
COLUMNS = (
    "rule", "job", "status", "slurm_job", "started", "wall_s", "cpu_s", "asked_s", "gpu_s",
    "rss_mb", "joules", "gpu_model", "source",
)  # fmt: skip
_ORDERLY = ("COMPLETED", "COMPLETING", "RUNNING")
_LATE = 5.0  # clocks of nodes and of the controller differ by less [s]


@dataclass(frozen=True)
class Account:
    """The attempts of a run.

    Arguments:
        attempts: One row each, with the columns :data:`COLUMNS`.
        slurm_ends: How often Slurm ended an allocation otherwise than as completed, by its word.
        silence: Why Slurm's figures are missing; empty if they are not, or no job ran below it.
    """

    attempts: pd.DataFrame
    slurm_ends: dict[str, int] = field(default_factory=dict)
    silence: str = ""


def account(root: Path, rules: Sequence[str]) -> Account:
    """Gathers every attempt recorded in a folder of products, except those that write the page.

    Arguments:
        root: The folder of all products.
        rules: Names of the rules.
    """
    attempts = read_attempts(root, rules)
    below = attempts.loc[attempts["slurm_job"] != "", "slurm_job"]
    ends, silence = Counter[str](), ""
    if len(below):
        try:
            since = float(np.nan_to_num(attempts["started"].min()))
            allocations = read_accounting(below, since)
        except RuntimeError as error:
            log.warning("no accounting: %s", error)
            silence = "sacct did not answer"
        else:
            attempts, ends = settle(attempts, allocations)
    attempts = attempts[attempts["rule"] != PAGE].reset_index(drop=True)
    return Account(attempts, dict(ends), silence)


def read_attempts(root: Path, rules: Sequence[str]) -> pd.DataFrame:
    """Reads the jobs' own records, and Snakemake's benchmarks of jobs without any.

    Arguments:
        root: The folder of all products; need hold neither.
        rules: Names of the rules, one of which is part of the path of each benchmark.

    Returns:
        One row per attempt, with the columns :data:`COLUMNS`.
    """
    rows = [_from_record(record) for record in read_usage(root)]
    known = {row["job"] for row in rows}
    folder = root / "benchmarks"
    for path in sorted(folder.rglob("*.tsv")):
        job = path.relative_to(folder).with_suffix("")
        if job.as_posix() not in known:
            rows += _from_benchmark(path, job, rules)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    numbers = ["started", "wall_s", "cpu_s", "asked_s", "gpu_s", "rss_mb", "joules"]
    table[numbers] = table[numbers].apply(pd.to_numeric, errors="coerce").astype("float64")
    return table


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else np.nan


def _from_record(record: Mapping[str, object]) -> dict[str, object]:
    wall, threads = _number(record.get("wall_s")), _number(record.get("threads"))
    processes = _number(record.get("processes", 1))
    status = str(record["status"])
    return {
        "rule": str(record["rule"]),
        "job": str(record["job"]),
        "status": "killed" if status == STARTED else status,
        "slurm_job": str(record.get("slurm_job") or ""),
        "started": _moment(record.get("started")),
        "wall_s": wall,
        # Only the first process of a job leaves a record; the others do the same work.
        "cpu_s": _number(record.get("cpu_s")) * processes,
        "asked_s": wall * threads * processes,
        "gpu_s": wall * _number(record.get("gpus", 0)),
        "rss_mb": _number(record.get("rss_mb")),
        "joules": np.nan,
        "gpu_model": str(record.get("gpu_model") or ""),
        "source": "record",
    }


def _moment(text: object) -> float:
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return np.nan


def _from_benchmark(path: Path, job: Path, rules: Sequence[str]) -> list[dict[str, object]]:
    """The last attempt of a job; none if its file is empty or torn."""
    with path.open(newline="") as file:
        found = list(csv.DictReader(file, delimiter="\t"))
    figures = {name: _largest(found, name) for name in ("s", "cpu_time", "max_rss")}
    if np.isnan(figures["s"]):
        return []
    parts = (job.name, *job.parent.parts)
    return [
        dict.fromkeys(COLUMNS, np.nan)
        | {
            "rule": next((part for part in parts if part in rules), job.name),
            "job": job.as_posix(),
            "status": "done",
            "slurm_job": "",
            "started": path.stat().st_mtime - figures["s"],
            "wall_s": figures["s"],
            "cpu_s": figures["cpu_time"],
            "gpu_s": 0.0,
            "rss_mb": figures["max_rss"],
            "gpu_model": "",
            "source": "benchmark",
        }
    ]


def _largest(rows: Sequence[Mapping[str, str | None]], name: str) -> float:
    values = []
    for row in rows:
        try:
            values.append(float(row.get(name) or "nan"))
        except ValueError:  # "-" and "NA" stand for nothing
            continue
    return float(np.nanmax(values)) if not np.isnan(values).all() else np.nan


def settle(
    attempts: pd.DataFrame, allocations: Iterable[Allocation]
) -> tuple[pd.DataFrame, Counter[str]]:
    """Puts Slurm's figures in the place of the jobs' own, and adds attempts that left none.

    An allocation belongs to the attempts that began in it: numbers of jobs are used again by
    another cluster, or after a reset. One that several attempts shared (grouped jobs, a run
    inside of one allocation) leaves them their own figures, since it cannot tell them apart.

    Arguments:
        attempts: What the jobs recorded.
        allocations: What Slurm accounted for, in order of job and start.

    Returns:
        The attempts, and how often Slurm ended an allocation otherwise than as completed.
    """
    rows = attempts.to_dict("records")
    by_job: dict[str, list[Allocation]] = {}
    for allocation in allocations:
        by_job.setdefault(allocation.job, []).append(allocation)
    owners: dict[Allocation, list[dict]] = {}
    rules: dict[str, str] = {}
    for row in rows:
        began_in = [a for a in by_job.get(row["slurm_job"], []) if _holds(a, row["started"])]
        if began_in:
            owners.setdefault(began_in[-1], []).append(row)
            rules[row["slurm_job"]] = row["rule"]
    names = {a.name for a in owners}
    ends: Counter[str] = Counter()
    for a in (a for held in by_job.values() for a in held):
        own = owners.get(a, [])
        if not own and (a.name not in names or not a.wall_s):
            continue
        ends[a.state] += a.state not in _ORDERLY
        for row in own:
            _close(row, a)
        if not own:
            rows.append(_without_record(a, rules.get(a.job, a.rule)))
        elif len(own) == 1:
            own[0].update(_figures(a, own[0]))
    return pd.DataFrame(rows, columns=list(COLUMNS)), +ends


def _holds(allocation: Allocation, moment: float) -> bool:
    end = np.inf if allocation.ended is None else allocation.ended + _LATE
    return allocation.started - _LATE <= moment <= end


def _close(row: dict[str, Any], allocation: Allocation) -> None:
    """Says what became of an attempt without an end, and how long it took at most."""
    if row["status"] != "killed":
        return
    if allocation.ended is None:
        row["status"] = "running"
    else:
        row["wall_s"] = max(allocation.ended - row["started"], 0.0)


def _figures(allocation: Allocation, own: Mapping[str, Any]) -> dict[str, object]:
    """Slurm's figures; the jobs' own where it saw less, as where it does not gather them."""
    wall = allocation.wall_s
    return {
        "wall_s": wall,
        "cpu_s": np.fmax(allocation.cpu_s or np.nan, own["cpu_s"]),
        "asked_s": wall * allocation.cpus,
        "gpu_s": wall * allocation.gpus,
        "rss_mb": np.fmax(
            np.nan if allocation.rss_mb is None else allocation.rss_mb, own["rss_mb"]
        ),
        "joules": _or_nan(allocation.joules),
        "source": "sacct",
    }


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value


def _without_record(allocation: Allocation, rule: str) -> dict[str, object]:
    nothing = {"cpu_s": np.nan, "rss_mb": np.nan}
    return _figures(allocation, nothing) | {
        "rule": rule or "unknown",
        "job": None,
        "status": "running" if allocation.ended is None else "killed",
        "slurm_job": allocation.job,
        "started": allocation.started,
        "gpu_model": "",
    }


def pool_costs(attempts: pd.DataFrame, energy: Mapping[str, float]) -> pd.DataFrame:
    """Pools attempts by rule.

    Arguments:
        attempts: What :func:`account` gathered.
        energy: ``watts_per_core`` in use [W], ``watts_per_gpu`` held [W], and ``pue`` [1].

    Returns:
        Index rule, in the order in which the rules began; columns ``jobs``, ``attempts``, one for
        each of :data:`ENDS`, ``wall_s``, ``unfinished_s`` of attempts that made no product,
        ``cpu_s``, ``asked_s``, ``efficiency`` (core time in use over core time asked for, of
        attempts that know both), ``gpu_s``, ``rss_mb``, ``kwh``, and ``measured_kwh`` (of nodes,
        where Slurm measures it).
    """
    table = attempts.assign(
        unfinished_s=attempts["wall_s"].where(attempts["status"].isin(UNFINISHED), 0.0),
        both_s=attempts["cpu_s"].where(attempts["asked_s"] > 0),
        asked_of_both_s=attempts["asked_s"].where(attempts["cpu_s"].notna()),
        **{end: attempts["status"] == end for end in ENDS},
    )
    sums = ["wall_s", "unfinished_s", "cpu_s", "asked_s", "gpu_s", "joules", "both_s"]
    groups = table.groupby("rule")
    pooled = groups[[*sums, "asked_of_both_s"]].sum(min_count=1)
    pooled["gpu_s"] = pooled["gpu_s"].fillna(0.0)
    counts = groups[list(ENDS)].sum().astype(int)
    pooled = pooled.join(counts).assign(
        jobs=groups["job"].nunique(),
        attempts=groups.size(),
        rss_mb=groups["rss_mb"].max(),
        began=groups["started"].min(),
    )
    pooled["efficiency"] = pooled["both_s"] / pooled["asked_of_both_s"]
    watts = pooled["cpu_s"] * energy["watts_per_core"] + pooled["gpu_s"] * energy["watts_per_gpu"]
    pooled["kwh"] = watts * energy["pue"] / 3.6e6
    pooled["measured_kwh"] = pooled["joules"] / 3.6e6
    passing = ["began", "joules", "both_s", "asked_of_both_s"]
    return pooled.sort_values(["began", "rule"]).drop(columns=passing)
