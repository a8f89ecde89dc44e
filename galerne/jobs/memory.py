"""How much memory is free: of a GPU, or for this process on a CPU.

On a CPU it is the least of what the node has left, of what the control groups of the process
(version 2, or 1) leave it, and of what the job asked for less what the process already holds.
"""

__all__ = ["free_bytes"]

import os
import re

from collections.abc import Iterator
from pathlib import Path

import torch

ROOT = Path("/")
CACHED = re.compile(r"^(?:total_)?inactive_file (\d+)", re.MULTILINE)


def free_bytes(device: torch.device, job_mb: int | float | None = None, root: Path = ROOT) -> int:
    """Returns the memory that may still be taken [bytes].

    Arguments:
        device: Where.
        job_mb: What the job asked for [MB]; ``None``: no more than there is. Of a CPU only.
        root: The root of the file system, for tests.
    """
    if device.type == "cuda":
        own = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + own
    found = [*_node(root), *_groups(root)]
    if job_mb is not None:
        local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # processes of the job on this node
        found.append(int(job_mb * 1e6 / local) - _held(root))
    return max(min(found, default=0), 0)


def _node(root: Path) -> Iterator[int]:
    lines = re.findall(r"MemAvailable:\s+(\d+) kB", _text(root / "proc/meminfo"))
    yield from (int(line) * 1024 for line in lines)


def _held(root: Path) -> int:
    lines = re.findall(r"VmRSS:\s+(\d+) kB", _text(root / "proc/self/status"))
    return sum(int(line) * 1024 for line in lines)


def _groups(root: Path) -> Iterator[int]:
    """What each control group leaves, from that of the process upwards."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        tree = root / "sys/fs/cgroup" / ("memory" if controllers else "")
        limit, used = "memory.max", "memory.current"
        if controllers:
            limit, used = "memory.limit_in_bytes", "memory.usage_in_bytes"
        folder = tree / path.lstrip("/")
        for group in (folder, *folder.parents):
            if not group.is_relative_to(tree):
                break
            most, now = (_text(group / name).strip() for name in (limit, used))
            if most.isdigit() and now.isdigit():
                # Files that were read lie in memory as long as nobody wants it.
                cached = CACHED.findall(_text(group / "memory.stat"))
                yield int(most) - int(now) + (int(cached[-1]) if cached else 0)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
