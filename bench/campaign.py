"""Planning a real campaign: seconds and memory of ``snakemake -n`` on thousands of jobs.

The campaign downloads 40 years, a month to a job, trains 3 priors on them, and draws 50 members,
25 to a job, in each of 200 windows from each of 10 observing networks. Its smaller kin have
fewer windows. Nothing is computed: the size of a grid does not count.
"""

__all__ = ["WINDOWS", "campaign", "measure_planning"]

import re
import subprocess
import sys
import tempfile
import time

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import yaml

from .comparison import Comparison, processor

ROOT = Path(__file__).resolve().parents[1]
ARCHIVE = "gs://gcp-public-data-arco-era5/ar/full_37-1h-0p25deg-chunk-1.zarr-v3"
FIRST, LAST = 1982, 2021
TESTS = 4  # last years
# A process starts with the peak of the one that it was forked from, so a small one is between.
APART = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=sys.stderr)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""
WINDOWS = {"1k": 7, "3k": 32, "10k": 200}  # windows by the name of the row


def campaign(windows: int, results: str) -> dict[str, object]:
    """Returns the configuration of a campaign, as an overlay.

    Arguments:
        windows: Windows in which members are drawn, a week apart; at most 200.
        results: The folder of all products.
    """
    default = yaml.safe_load((ROOT / "config/default.yaml").read_text())
    dataset, experiment = default["datasets"]["speedy_t31"], default["experiments"]["demo"]
    starts = [datetime(LAST - TESTS + 1, 1, 14) + k * timedelta(days=7) for k in range(windows)]
    priors = [f"prior_{k}" for k in range(3)]
    networks = [f"network_{k}" for k in range(10)]
    shared = experiment | {
        "dataset": "era5",
        "networks": networks,
        "tasks": ["reanalysis"],
        "windows": [_text(start) for start in starts],
        "members": 50,
        "members_per_job": 25,
    }
    return {
        "results": results,
        "run": [f"with_{prior}" for prior in priors],
        "datasets": {
            "era5": dataset
            | {"source": {"kind": "archive", "path": ARCHIVE}, "periods": _periods()}
        },
        "priors": {name: default["priors"]["gaussian_dit"] for name in priors},
        "networks": {name: default["networks"]["sparse"] for name in networks},
        "experiments": {f"with_{prior}": shared | {"prior": prior} for prior in priors},
    }


def measure_planning(results: Path, windows: Mapping[str, int] = WINDOWS) -> Iterator[Comparison]:
    """Plans campaigns of growing size.

    Arguments:
        results: The folder of the products of a finished run; not read.
        windows: The windows of each campaign, by the name that its rows go by.

    Yields:
        Jobs, wall-clock seconds [s] and peak memory [MB] of each.

    Raises:
        RuntimeError: If Snakemake fails, with the end of what it said.
    """
    for size, count in windows.items():
        jobs, seconds, megabytes = _plan(count)
        yield Comparison(f"dag_{size}_jobs", jobs, None, "jobs", processor())
        yield Comparison(f"dag_{size}_seconds", seconds, None, "s", processor())
        yield Comparison(f"dag_{size}_megabytes", megabytes, None, "MB", processor())


def _plan(windows: int) -> tuple[int, float, float]:
    with tempfile.TemporaryDirectory() as name:
        overlay, said = Path(name, "campaign.yaml"), Path(name, "said")
        overlay.write_text(yaml.safe_dump(campaign(windows, f"{name}/results")))
        command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "rules", "--configfile"]
        start = time.perf_counter()
        with said.open("w") as file:
            process = subprocess.run(
                [sys.executable, "-c", APART, *command, str(overlay)],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
            )
        seconds = time.perf_counter() - start
        text = said.read_text()
    total = re.search(r"^total\s+(\d+)$", text, re.MULTILINE)
    if process.returncode or not total:
        raise RuntimeError(f"{' '.join(command)} failed:\n{text[-2000:]}")
    return int(total[1]), seconds, int(process.stdout) / 1024


def _periods() -> dict[str, dict[str, str]]:
    """The years, with ten days of gap where the role changes."""
    found, before = {}, "train"
    for year in range(FIRST, LAST + 1):
        role = "test" if year > LAST - TESTS else "train"
        role = "validation" if year == LAST - TESTS else role
        start = datetime(year, 1, 1 if role == before else 11)
        found[f"y{year}"] = {
            "role": role, "start": _text(start), "end": _text(datetime(year, 12, 31, 18))
        }  # fmt: skip
        before = role
    return found


def _text(time: datetime) -> str:
    return time.isoformat(timespec="minutes")
