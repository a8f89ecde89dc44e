"""A training that is disturbed goes on where it was, and the report is none the worse for it.

Every test starts from a finished run without its prior, disturbs the training of that prior in
its middle, and ends with products equal to the byte to those that nothing disturbed.
"""

__all__ = ["RULE", "TARGET", "Start", "conclude", "kill_processes", "statuses", "worker"]

import os
import signal

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from subprocess import Popen

from tests.slurm.checkout import Checkout, Queued
from tests.slurm.cluster import Cluster

RULE = "train_prior"
TARGET = "results-micro/speedy_t21/tiny/tiny/model.json"
Start = Callable[..., Popen]


def conclude(checkout: Checkout, reference: Checkout) -> None:
    """The rest of the pipeline, and what must hold whatever happened."""
    checkout.run_here()
    assert checkout.differs_from(reference) == []
    assert checkout.duplicates() == []
    assert not list((checkout.results / "checkpoints").rglob("step_*"))


def statuses(checkout: Checkout) -> list[str]:
    """How Slurm's accounting says the attempts of the training ended."""
    return [account.state for account in checkout.accounts(RULE)]


def kill_processes(cluster: Cluster, job: Queued) -> None:
    """SIGKILL to every process of a job, its batch script included."""
    for pid in cluster.processes(job.number):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def worker(cluster: Cluster, job: Queued) -> int:
    """The process of the script of a job."""
    found = [pid for pid in cluster.processes(job.number) if is_script(pid)]
    return max(found)


def is_script(pid: int) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").strip("\0").split("\0")
    except OSError:
        return False
    return "python" in words[0] and ".snakemake/scripts/" in words[-1]
