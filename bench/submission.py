"""What a job costs on the way through Snakemake and Slurm, beside ``sbatch`` alone.

The same trivial command is submitted in four ways: by plain ``sbatch``; by the workflow's Slurm
profile, each job alone; many jobs to an allocation (a group); and as tasks of a job array. For
each way: wall-clock time, and where the time of the cores went.

Usage: python -m bench.submission [--jobs 1000] [--together 50] [--ways sbatch groups ...]
[--results RESULTS]
Needs a cluster (sbatch, squeue and sacct in PATH) that sees the folder of results.
"""

__all__ = ["Cost", "measure_submission", "submit_all"]

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from galerne.jobs.accounting import Allocation, read_accounting

from .comparison import Comparison, processor

ROOT = Path(__file__).resolve().parents[1]
JOBS = 20  # of `make bench`; a thousand take an hour on two cores
MEMORY, MINUTES = 700, 10  # of a job [MB, min]
WAYS = ("sbatch", "alone", "groups", "arrays")
PATIENCE = 60  # for Slurm's accounting [s]
NUMBER = re.compile(r"SLURM (?:jobid|job ID) (\d+)|^(\d+)$", re.MULTILINE)
SNAKEFILE = """
shell.prefix("exec {root}/workflow/launch ")
rule all:
    input: expand("out/{{k}}", k=range({jobs}))
rule work:
    output: "out/{{k}}"
    log: "logs/{{k}}.log"
    resources: mem_mb={memory}, runtime={minutes}, turn=1
    script: "work.py"
"""
WORK = """
from pathlib import Path
path = Path(snakemake.output[0]) if "snakemake" in globals() else Path(__import__("sys").argv[1])
path.parent.mkdir(exist_ok=True)
path.touch()
"""


@dataclass(frozen=True)
class Cost:
    """What one way of submission took.

    Arguments:
        way: Its name.
        jobs: Number of jobs.
        allocations: Slurm jobs that ran them.
        wall_s: From the first submission until the last end was noticed [s].
        submitter_s: Time of cores of the submitting process and its commands [s].
        jobs_s: Time of cores within allocations, by Slurm's accounting [s].
        machine_s: Time of all cores of this machine in use meanwhile [s].
        unnoticed_s: From the end of the last allocation until it was noticed [s].
    """

    way: str
    jobs: int
    allocations: int
    wall_s: float
    submitter_s: float
    jobs_s: float
    machine_s: float
    unnoticed_s: float

    def __str__(self) -> str:
        return (
            f"{self.way:<7} {self.jobs} jobs in {self.allocations} allocations, "
            f"{self.wall_s:.1f} s; per job {self.wall_s / self.jobs:.3f} s of wall clock; time of "
            f"cores per job: submitting {self.submitter_s / self.jobs:.3f} s, in allocations "
            f"{self.jobs_s / self.jobs:.3f} s, all of this machine "
            f"{self.machine_s / self.jobs:.3f} s; last end noticed after {self.unnoticed_s:.1f} s"
        )


def submit_all(
    jobs: int, together: int, folder: Path, chosen: Sequence[str] = WAYS
) -> Iterator[Cost]:
    """Submits the same jobs in each way, one way after the other.

    Arguments:
        jobs: Number of jobs.
        together: Jobs of a group.
        folder: A folder that every node sees; everything is written below it.
        chosen: Which ways.

    Raises:
        RuntimeError: If a way fails, with the end of what it said.
    """
    # One turn at a time: jobs of a group run one after the other, and ask for cores as such.
    turns = ["--resources", "turn=1", "--set-resource-scopes", "turn=local"]
    groups = ["--groups", "work=many", "--group-components", f"many={together}"]
    ways: dict[str, tuple[int, Callable[[Path], None]]] = {
        "sbatch": (jobs, lambda here: _sbatch(here, jobs)),
        "alone": (jobs, lambda here: _snakemake(here, jobs)),
        "groups": (-(-jobs // together), lambda here: _snakemake(here, jobs, *groups, *turns)),
        "arrays": (jobs, lambda here: _snakemake(here, jobs, "--slurm-array-jobs", "work")),
    }
    for way in chosen:
        allocations, submit = ways[way]
        here = Path(tempfile.mkdtemp(prefix=f"{way}_", dir=folder))
        (here / "work.py").write_text(WORK)
        started, busy, before = time.time(), _busy(), _children()
        submit(here)
        ended, machine, submitter = time.time(), _busy() - busy, _children() - before
        found = _accounted(here, jobs, allocations, started)
        yield Cost(
            way=way,
            jobs=jobs,
            allocations=len(found),
            wall_s=ended - started,
            submitter_s=submitter,
            jobs_s=sum(a.cpu_s for a in found),
            machine_s=machine,
            unnoticed_s=ended - max(a.ended or ended for a in found),
        )
        shutil.rmtree(here)


def measure_submission(
    results: Path, jobs: int = JOBS, together: int = 10, ways: Sequence[str] = WAYS
) -> Iterator[Comparison]:
    """Compares the ways through Snakemake with plain ``sbatch``.

    Arguments:
        results: A folder that every node sees.
        jobs: Number of jobs.
        together: Jobs of a group.
        ways: Which ways, plain ``sbatch`` first.

    Yields:
        Wall-clock time per job [s]; nothing, and a line that says why, where there is no cluster.
    """
    absent = _absent()
    if absent:
        print(f"submission: skipped, {absent}", flush=True)
        return
    results.mkdir(parents=True, exist_ok=True)
    plain = None
    with tempfile.TemporaryDirectory(prefix="bench_", dir=results.resolve()) as folder:
        for cost in submit_all(jobs, together, Path(folder), ways):
            print(cost, flush=True)
            each = cost.wall_s / cost.jobs
            plain = each if plain is None else plain
            if cost.way != "sbatch":
                name = f"submission_{cost.way}_{cost.jobs}_jobs"
                yield Comparison(name, each, plain, "s per job", processor())


def _accounted(here: Path, jobs: int, allocations: int, started: float) -> list[Allocation]:
    """What Slurm accounted for jobs that have ended; it may take a while to say so."""
    text = (here / "said").read_text()
    made = len(list((here / "out").glob("*")))
    if made != jobs:
        raise RuntimeError(f"{here.name}: {made} of {jobs} jobs done:\n{text[-2000:]}")
    numbers = {one or other for one, other in NUMBER.findall(text)}
    for _ in range(PATIENCE):
        rows = [a for a in read_accounting(numbers, since=started) if a.started >= started - 1]
        found = list({(a.job, a.started): a for a in rows if a.ended}.values())
        if len(found) >= allocations:
            return found
        time.sleep(1)
    raise RuntimeError(f"{here.name}: Slurm accounted for {len(found)} of {allocations} jobs")


def _sbatch(here: Path, jobs: int) -> None:
    request = [f"--mem={MEMORY}", f"--time={MINUTES}", f"--output={here}/slurm-%j.out"]
    request += ["--parsable", f"--job-name={here.name}"]
    with (here / "said").open("w") as said:
        for k in range(jobs):
            work = f"{sys.executable} {here}/work.py {here}/out/{k}"
            _run(["sbatch", *request, f"--wrap={work}"], said, here)
    while subprocess.check_output(["squeue", "-h", f"--name={here.name}"], text=True).strip():
        time.sleep(1)


def _snakemake(here: Path, jobs: int, *options: str) -> None:
    values = {"root": ROOT, "jobs": jobs, "memory": MEMORY, "minutes": MINUTES}
    (here / "Snakefile").write_text(SNAKEFILE.format(**values))
    command = [sys.executable, "-m", "snakemake", "--profile", "slurm", "--directory", str(here)]
    with (here / "said").open("w") as said:
        _run([*command, "--snakefile", str(here / "Snakefile"), *options], said, ROOT)


def _run(command: list[str], said: object, folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, stdout=said, stderr=subprocess.STDOUT)
    if done.returncode:
        text = (Path(said.name)).read_text()
        raise RuntimeError(f"{' '.join(command)} failed:\n{text[-2000:]}")


def _absent() -> str:
    missing = [name for name in ("sbatch", "squeue", "sacct") if not shutil.which(name)]
    if missing:
        return f"no {', '.join(missing)} in PATH"
    asked = subprocess.run(["sinfo", "-h"], capture_output=True, text=True)
    return f"Slurm does not answer: {asked.stderr.strip()}" if asked.returncode else ""


def _children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _busy() -> float:
    """Time of the cores of this machine in use since it started [s]; zero where unknown."""
    path = Path("/proc/stat")
    if not path.is_file():
        return 0.0
    ticks = list(map(int, path.read_text().splitlines()[0].split()[1:9]))
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def _main() -> None:
    parser = argparse.ArgumentParser(description="Overhead of a job, by way of submission.")
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--together", type=int, default=50)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--results", type=Path, default=Path("results"))
    asked = parser.parse_args()
    ways = sorted({"sbatch", *asked.ways}, key=WAYS.index)
    rows = [c.row() for c in measure_submission(asked.results, asked.jobs, asked.together, ways)]
    path = asked.results / "bench.json"
    known = json.loads(path.read_text()) if path.is_file() else []
    names = {row["name"] for row in rows}
    if rows:
        kept = [row for row in known if row["name"] not in names]
        path.write_text(json.dumps(kept + rows, indent=1) + "\n")


if __name__ == "__main__":
    _main()
