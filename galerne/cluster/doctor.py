"""``make doctor``: what is missing for a run, before anything is submitted.

One line for each check: ``ok``, ``warning`` (a run can do without) or ``missing`` (it cannot),
and what to do. With Slurm, a job of seconds on each partition that rules use looks at the shared
file system, Python, locks, clocks and GPUs from there; ``--no-jobs`` leaves that out.
"""

__all__ = ["check_before_submitting", "examine", "main"]

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
import uuid

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from filelock import FileLock

from ..jobs.slurm import ask
from .finding import Finding, missing, ok, warning
from .needs import read_needs
from .partitions import Ask, read_partitions
from .queues import RULES, check_queues, gpus_asked, refuse_partitions, request
from .site import ROOT, Site
from .storage import LEAST_GB, check_folder, refuse_folder
from .words import refuse_python, refuse_words

PATIENCE = 60.0  # seconds that a node may take to become free
SKEW = 2.0  # seconds by which clocks may differ: Snakemake compares times of files
HERE = "this machine"
MOUNT = "results must be on a mount with flock (Lustre: -o flock; NFS: not nolock)"
OURS = ("SLURM_JOB", "SLURM_STEP", "SLURM_MEM_", "SLURM_TRES", "SLURM_CPU_BIND", "SLURM_N")


def check_before_submitting(
    site: Site,
    root: Path,
    *,
    slurm: bool,
    words: Mapping[str, str] | None = None,
    batches: Mapping[str, int] | None = None,
    run: Ask = ask,
) -> None:
    """Refuses to start what would fail at once; takes well below a second.

    Arguments:
        site: The site file.
        root: The folder of results.
        slurm: Whether jobs go to Slurm.
        words: What the commands of jobs will hold, as :func:`.words.refuse_words`.
        batches: The batch size of each training, by its key in the configuration.
        run: Runs a command of Slurm.

    Raises:
        RuntimeError: Naming each folder or key at fault and what there is instead.
    """
    faults = [refuse_folder(root)]
    if slurm:
        faults += refuse_python(sys.executable) + refuse_words(words or {})
        faults += _refuse_batches(site, batches or {})
        faults += refuse_partitions(site, read_partitions(run))
    if found := [fault for fault in faults if fault]:
        raise RuntimeError("; ".join(found))


def examine(site: Site, root: Path, *, jobs: bool, run: Ask = ask) -> Iterator[Finding]:
    """Makes every check, one after another.

    Arguments:
        site: The site file.
        root: The folder of results.
        jobs: Whether to submit jobs of seconds that look from other nodes.
        run: Runs a command.
    """
    folder = check_folder(root)
    yield folder
    if folder.level == "missing":
        return
    yield from _from(HERE, [], 0, root, run)
    if not shutil.which("sbatch"):
        yield ok("no Slurm here: runs stay on this machine (--profile slurm needs a cluster)")
        return
    queues = check_queues(site, read_needs(ROOT / "rules"), run)
    yield from queues
    yield from (missing(fault, "move the repository") for fault in refuse_python(sys.executable))
    if not jobs or any(finding.level == "missing" for finding in queues):
        yield warning("not looked at from other nodes", "repair the above, without --no-jobs")
        return
    keys = {key: tuple(request(site, key)) for key in RULES}
    for options in dict.fromkeys(keys.values()):
        served = [key for key in RULES if keys[key] == options]
        asked = max(gpus_asked(site, key) for key in served)
        yield from _from(", ".join(served), [*_srun(), *options], asked, root, run)


def main(arguments: Sequence[str]) -> int:
    """Prints what was found; returns 1 if anything is missing."""
    parser = argparse.ArgumentParser(prog="make doctor", description=__doc__.splitlines()[0])
    parser.add_argument("--no-jobs", action="store_true", help="submit nothing")
    parser.add_argument("--configfile", nargs="*", default=[], help="overlays, as for snakemake")
    chosen = parser.parse_args(arguments)
    try:
        site, root = Site.read(), _results(chosen.configfile)
    except (OSError, ValueError, yaml.YAMLError) as error:
        print(missing(str(error), "repair it first"))
        return 1
    absent = 0
    for finding in examine(site, root, jobs=not chosen.no_jobs):
        print(finding, flush=True)
        absent += finding.level == "missing"
    print(f"{absent} missing" if absent else "nothing is missing")
    return min(absent, 1)


def _refuse_batches(site: Site, batches: Mapping[str, int]) -> list[str]:
    """Says which batches do not divide between the processes of a training."""
    return [
        f"{key} {size} does not divide between the {site.processes} processes of a training "
        "(nodes times gpus of slurm/site.yaml): make it a multiple"
        for key, size in batches.items()
        if size % site.processes
    ]


def _results(overlays: Sequence[str]) -> Path:
    """The folder of results of a configuration: the last file that names one."""
    found = "results"
    for path in (ROOT / "config/default.yaml", *map(Path, overlays)):
        found = (yaml.safe_load(path.read_text()) or {}).get("results", found)
    return Path(found)


def _from(where: str, start: list[str], gpus: int, root: Path, run: Ask) -> Iterator[Finding]:
    """Looks from one place: this machine, or a node that Slurm gives."""
    word = uuid.uuid4().hex
    command = [*start, sys.executable, "-m", "galerne.cluster.probe"]
    with tempfile.TemporaryDirectory(dir=root, prefix="doctor.") as name:
        folder = Path(name).absolute()
        (folder / "here").write_text(word)
        before = time.time()
        try:
            with FileLock(folder / "lock", fallback_to_soft=False):
                text = run(*command, str(folder), word, seconds=3 * PATIENCE)
            seen = json.loads(text.splitlines()[-1])
        except OSError as error:
            yield missing(f"{where}: no lock in {root}: {error.strerror}", MOUNT)
            return
        except (RuntimeError, ValueError, IndexError) as error:
            yield _unseen(where, str(error) or "no answer")
            return
        there = folder / "there"
        shared = seen["sees"] is True and there.is_file() and there.read_text() == word
        skew = max(before - seen["clock"], seen["clock"] - time.time(), 0.0)
    where = f"{seen['host']} ({where})"
    yield from _judge(where, seen, shared, skew)
    yield from _judge_gpus(where, seen, gpus)


def _srun() -> list[str]:
    """Starts a job of its own, also from inside another one."""
    hidden = [
        part for name in sorted(os.environ) if name.startswith(OURS) for part in ("-u", name)
    ]
    size = ["--nodes=1", "--ntasks=1", "--mem=2000M", "--time=5", f"--immediate={PATIENCE:.0f}"]
    return ["env", *hidden, "srun", "--quiet", f"--chdir={ROOT}", *size]


def _unseen(where: str, error: str) -> Finding:
    line = error.splitlines()[-1]
    if "busy" in error or "mmediate" in error:
        what = f"{where}: no node was free within {PATIENCE:.0f} s"
        return warning(what, "not looked at from there: try again later")
    return missing(
        f"{where}: Python does not start there: {line}",
        f"{ROOT} and {sys.executable} must be on a file system that every node shares",
    )


def _judge(where: str, seen: dict[str, object], shared: bool, skew: float) -> Iterator[Finding]:
    if shared:
        yield ok(f"{where}: results are shared, both ways")
    else:
        advice = "put results on a file system that every node shares"
        yield missing(f"{where}: does not see, or cannot write, the folder of results", advice)
    if seen["excluded"]:
        yield ok(f"{where}: a lock held here holds there")
    else:
        yield missing(f"{where}: a lock held here does not hold there", MOUNT)
    if seen["package"] == str(ROOT):
        yield ok(f"{where}: the same galerne, Python {sys.executable}")
    else:
        advice = f"galerne must come from {ROOT}, on a file system that every node shares"
        yield missing(f"{where}: finds another galerne: {seen['package']}", advice)
    if seen["tmp_gb"] >= LEAST_GB:
        yield ok(f"{where}: scratch {seen['tmp']}, {seen['tmp_gb']:.0f} GB free")
    else:
        free = f"{seen['tmp_gb']:.1f} GB free" if seen["tmp_gb"] >= 0 else "not writable"
        yield missing(f"{where}: scratch {seen['tmp']} is {free}", "set TMPDIR, or make room")
    if skew > SKEW:
        what = f"{where}: its clock differs by {skew:.0f} s"
        yield warning(what, "ask the site to synchronise: files would look older than they are")


def _judge_gpus(where: str, seen: dict[str, object], gpus: int) -> Iterator[Finding]:
    version = str(seen["torch"])
    if not version[:1].isdigit():
        yield missing(f"{where}: torch does not start: {version}", "make clean-venv, then make")
    elif seen["gpus"] >= gpus:
        count = f"{seen['gpus']} GPUs" if seen["gpus"] else "no GPU"
        yield ok(f"{where}: torch {version} sees {count}, {gpus} asked for")
    else:
        kind = "a build for CPUs; " if version.endswith("+cpu") else ""
        advice = f"{kind}install the torch that fits the driver of that node"
        what = f"{where}: torch {version} sees {seen['gpus']} of {gpus} GPUs asked for"
        yield missing(what, advice)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
