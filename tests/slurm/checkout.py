"""A copy of the repository in which the pipeline runs on a cluster as a user runs it."""

__all__ = ["TINY", "Checkout"]

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TypeVar

import yaml

from galerne.report.canonical import differing
from tests.slurm.cluster import Cluster

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "config", "envs", "galerne", "profiles", "rules", "slurm", "workflow")
TINY = ROOT / "config/tiny.yaml"
SITE = {
    "account": None,
    "partitions": {"cpu": "cpu", "gpu": "gpu", "training": "preempt"},
    "gpus": 1,
    "gpu_type": "toy",
    "nodes": 1,
    "longest_minutes": 60,
    "jobs": 20,
    "downloads": 4,
    "poll_seconds": 1,
    "leftovers": "wait",
}
T = TypeVar("T")
STEP = re.compile(r"step (\d+) of (\d+): loss")


@dataclass(frozen=True)
class Queued:
    """A job in the queue.

    Arguments:
        number: Its number.
        state: Its state, as squeue says it.
        node: Where it runs, if it does.
        comment: Rule and wildcards.
    """

    number: str
    state: str
    node: str
    comment: str

    def __str__(self) -> str:
        return f"job {self.number} on {self.node or 'no node'} ({self.comment})"


@dataclass(frozen=True)
class Account:
    """One attempt of a job, as sacct says it.

    Arguments:
        number: The number of the job, the same for every attempt that was put back.
        comment: Rule and wildcards.
        state: How it ended.
        start: When it began, or a word if it never did.
        end: When it ended, or ``Unknown``.
        nodes: Where.
        allocated: What it was given.
    """

    number: str
    comment: str
    state: str
    start: str
    end: str
    nodes: str
    allocated: str

    def clashes(self, other: "Account") -> bool:
        """Whether two attempts did the same thing at the same time."""
        ends = [a.end if a.end[:1].isdigit() else "9" for a in (self, other)]
        apart = ends[0] <= other.start or ends[1] <= self.start
        return self.comment == other.comment and not apart


class Checkout:
    """One copy, and the runs in it.

    Arguments:
        folder: The copy.
        cluster: Where its jobs run.
        overlays: Configuration files on top of the defaults.
    """

    def __init__(self, folder: Path, cluster: Cluster, overlays: tuple[Path, ...]) -> None:
        self.folder, self.cluster, self.overlays = folder, cluster, overlays
        named = [yaml.safe_load(path.read_text()).get("results") for path in overlays]
        self.results = folder / [name for name in named if name][-1]

    @classmethod
    def make(cls, folder: Path, cluster: Cluster, overlays: tuple[Path, ...]) -> "Checkout":
        """Copies the working tree; the caches of the nature run are shared with it."""
        folder.mkdir(parents=True)
        for part in PARTS:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
            copy(ROOT / part, folder / part)
        resources = ROOT / "resources"
        resources.mkdir(exist_ok=True)
        (folder / "resources").symlink_to(resources)
        checkout = cls(folder, cluster, overlays)
        checkout.set_site()
        return checkout

    def twin(self, folder: Path, cluster: Cluster) -> "Checkout":
        """Copies everything, finished products and their records included."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Checkout(folder, cluster, self.overlays)

    def set_site(self, **changes: object) -> None:
        """Writes the site file of this copy."""
        (self.folder / "site.yaml").write_text(yaml.safe_dump(SITE | changes))

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """Starts the controller in a session of its own, its output in a file."""
        command = (sys.executable, "-m", "snakemake", "--profile", "slurm", *arguments)
        settings = {
            "GALERNE_SITE": str(self.folder / "site.yaml"),
            "GALERNE_SAVE_SECONDS": "1",
            "OMP_NUM_THREADS": "1",
        }
        with (self.folder / "controller.log").open("ab") as log:
            return subprocess.Popen(
                (*command, "--configfile", *map(str, self.overlays)),
                cwd=self.folder,
                env=self.cluster.environment | settings | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def run_here(self) -> None:
        """Runs what is left of the pipeline without a cluster, by the default profile.

        Raises:
            AssertionError: If it fails, with its last words.
        """
        command = (sys.executable, "-m", "snakemake", "--configfile", *map(str, self.overlays))
        environment = self.cluster.environment | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-3000:]

    def forget(self, *patterns: str) -> None:
        """Removes products, and what the runs so far have left beside them."""
        for pattern in (*patterns, "logs", "benchmarks", "usage", "receipts", "checkpoints"):
            for path in self.results.glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def finish(self, controller: subprocess.Popen[bytes], seconds: float = 400.0) -> None:
        """Waits until a run has ended well.

        Raises:
            AssertionError: If it ends with an error or takes too long, with its last words.
        """
        try:
            code = controller.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(controller.pid, signal.SIGKILL)
            code = "still running"
        assert code == 0, f"exit {code}\n" + "\n".join(self.said()[-60:])

    def said(self) -> list[str]:
        """The lines that controllers have written."""
        return (self.folder / "controller.log").read_text(errors="replace").splitlines()

    def queue(self, rule: str = "") -> list[Queued]:
        """Jobs of this copy in the queue, waiting or running."""
        rows = self.cluster.ask("squeue", "-h", "-o", "%i\t%T\t%N\t%k\t%Z").splitlines()
        found = (row.split("\t") for row in rows)
        own = (Queued(*row[:4]) for row in found if row[4] == str(self.folder))
        return [job for job in own if job.comment.startswith(f"rule_{rule}")]

    def running(self, rule: str, seconds: float = 120.0) -> Queued:
        """Waits until a job of a rule runs."""

        def look() -> Queued | None:
            return next((job for job in self.queue(rule) if job.state == "RUNNING"), None)

        return wait_for(f"{rule} runs", look, seconds)

    def log(self, rule: str) -> str:
        """The log of the last attempt of the one job of a rule."""
        paths = list((self.results / "logs").rglob(f"{rule}.log"))
        return paths[0].read_text() if paths else ""

    def step(self, rule: str) -> int:
        """The last training step that the running attempt of a rule has logged."""
        found = STEP.findall(self.log(rule))
        return int(found[-1][0]) if found else 0

    def halfway(self, rule: str, seconds: float = 150.0) -> Queued:
        """Waits until a training is in its middle."""

        def look() -> bool:
            found = STEP.findall(self.log(rule))
            return bool(found) and 3 * int(found[-1][0]) >= int(found[-1][1])

        wait_for(f"{rule} is in its middle", look, seconds)
        return self.running(rule)

    def attempts(self, rule: str) -> list[str]:
        """How the attempts of the one job of a rule ended; "started" if they never said."""
        found: dict[str, str] = {}
        for row in self.usage(rule):
            found[row["attempt"]] = row["status"]
        return list(found.values())

    def usage(self, rule: str) -> list[dict[str, object]]:
        """What every attempt of a rule has put on record, oldest first."""
        paths = (self.results / "usage").rglob(f"{rule}.jsonl")
        return [json.loads(line) for path in paths for line in path.read_text().splitlines()]

    def resumed_at(self, rule: str) -> int:
        """The step at which the last attempt of a training went on; 0: it began anew."""
        found = re.findall(r"resumed at step (\d+)", self.log(rule))
        return int(found[-1]) if found else 0

    def accounts(self, rule: str = "") -> list[Account]:
        """Every attempt of every job of this copy, as Slurm's accounting has it."""
        fields = "JobIDRaw,Comment,WorkDir,State,Start,End,NodeList,AllocTRES"
        command = ("sacct", "-D", "-X", "-n", "-P", "--delimiter=\t", "-S", "now-1day")
        rows = (row.split("\t") for row in self.cluster.ask(*command, "-o", fields).splitlines())
        own = (row for row in rows if row[2] == str(self.folder))
        return [
            Account(row[0], row[1], row[3].split()[0], *row[4:])
            for row in own
            if row[1].startswith(f"rule_{rule}")
        ]

    def duplicates(self) -> list[tuple[Account, Account]]:
        """Pairs of jobs that did the same thing at the same time."""
        rows = [row for row in self.accounts() if row.start[:1].isdigit()]
        return [(a, b) for a, b in combinations(rows, 2) if a.clashes(b)]

    def differs_from(self, reference: "Checkout") -> list[str]:
        """The products that are not the same, byte for byte, timings aside."""
        return differing(self.results, reference.results)


def wait_for(what: str, look: Callable[[], T | None], seconds: float) -> T:
    """Looks until there is something to see.

    Raises:
        AssertionError: If there is nothing in time.
    """
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"not in {seconds:.0f} s: {what}"
        time.sleep(0.2)
    return found
