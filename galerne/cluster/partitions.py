"""The partitions of a cluster, as Slurm describes them to this user.

From two commands that any user may run: ``sinfo`` for nodes, time limits and GPUs, and
``scontrol show partition`` for what preemption does. Sizes are those of the largest node that
is up: a job must fit on one.
"""

__all__ = ["Partition", "read_partitions"]

import math
import re

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Ask = Callable[..., str]
COLUMNS = "%P|%a|%l|%T|%c|%m|%G|%D"
OUT_OF_USE = ("down", "drain", "fail", "maint", "unknown", "error", "not_resp", "power_down")


@dataclass(frozen=True)
class Partition:
    """A partition.

    Arguments:
        name: Its name.
        default: Whether jobs go there that name none.
        up: Whether jobs may start.
        minutes: Longest time limit of a job [min].
        nodes: Nodes in use.
        cpus: Cores of the largest node in use.
        memory_mb: Memory of the largest node in use [MB].
        gpus: Most GPUs of a node in use, by type; the type is ``gpu`` where it has no name.
        preemption: What happens to a preempted job, such as ``REQUEUE`` or ``CANCEL``.
    """

    name: str
    default: bool
    up: bool
    minutes: float
    nodes: int = 0
    cpus: int = 0
    memory_mb: int = 0
    gpus: Mapping[str, int] = field(default_factory=dict)
    preemption: str = "OFF"


def read_partitions(ask: Ask) -> dict[str, Partition]:
    """Asks Slurm for its partitions.

    Arguments:
        ask: Runs a command, as :func:`galerne.jobs.slurm.ask`.

    Raises:
        RuntimeError: If Slurm does not answer.
    """
    modes = _preemption(ask("scontrol", "show", "partition", "-o"))
    found: dict[str, Partition] = {}
    for row in ask("sinfo", "-h", "-e", "-o", COLUMNS).splitlines():
        name, available, limit, state, cpus, memory, gres, count = row.split("|")
        default, name = name.endswith("*"), name.rstrip("*")
        old = found.get(name) or Partition(name, default, available == "up", _minutes(limit))
        if not state.lower().startswith(OUT_OF_USE):
            old = _joined(old, int(count), int(cpus), int(memory), _gpus(gres))
        found[name] = Partition(**(vars(old) | {"preemption": modes.get(name, "OFF")}))
    return found


def _joined(old: Partition, nodes: int, cpus: int, memory: int, gpus: dict[str, int]) -> Partition:
    most = {kind: max(gpus.get(kind, 0), old.gpus.get(kind, 0)) for kind in {*gpus, *old.gpus}}
    sizes = {
        "nodes": old.nodes + nodes,
        "cpus": max(old.cpus, cpus),
        "memory_mb": max(old.memory_mb, memory),
        "gpus": most,
    }
    return Partition(**(vars(old) | sizes))


def _preemption(text: str) -> dict[str, str]:
    rows = (dict(re.findall(r"(\w+)=(\S*)", line)) for line in text.splitlines())
    return {row["PartitionName"]: row.get("PreemptMode", "OFF") for row in rows if row}


def _gpus(gres: str) -> dict[str, int]:
    """GPUs by type, from a list such as ``gpu:a100:4(S:0-1),shard:8``."""
    found: dict[str, int] = {}
    for part in re.sub(r"\([^)]*\)", "", gres).split(","):
        name, *rest = part.split(":")
        if name == "gpu":
            count = int(rest.pop()) if rest and rest[-1].isdigit() else 1
            kind = rest[0] if rest else "gpu"
            found[kind] = found.get(kind, 0) + count
    return found


def _minutes(limit: str) -> float:
    """Minutes of a limit such as ``2-12:30:00``, ``4:00:00`` or ``30:00``; else infinity."""
    days, _, clock = limit.rpartition("-")
    parts = clock.split(":")
    if not all(part.isdigit() for part in parts):
        return math.inf
    seconds = sum(int(part) * 60**k for k, part in enumerate(reversed(parts)))
    return int(days or 0) * 1440 + seconds / 60
