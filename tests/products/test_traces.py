"""What a run leaves beside its products: a log and a cost of each job, and no half product."""

import csv
import re

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import CONFIG, ROOT


@pytest.fixture(scope="module")
def jobs(folder: Path, planned_jobs: Callable[..., dict[str, int]]) -> dict[str, int]:
    """Jobs of a run from nothing, by rule."""
    return planned_jobs("--configfile", CONFIG, "--forceall")


def by_rule(folder: Path, suffix: str, jobs: dict[str, int]) -> Counter:
    parts = [(*p.relative_to(folder).parent.parts, p.stem) for p in folder.rglob(f"*.{suffix}")]
    return Counter(next((part for part in names if part in jobs), "?") for names in parts)


# Rules of what the tiny run does not ask for: an archive in the cloud, an hourly climatology.
ELSEWHERE = {"check_archive", "fetch_stretch", "pool_hourly_climatology", "vary_observations"}


def test_every_rule_took_part(jobs: dict[str, int]) -> None:
    text = "".join(path.read_text() for path in (ROOT / "rules").glob("*.smk"))
    rules = set(re.findall(r"^(?:rule|checkpoint) (\w+):", text, re.MULTILINE))
    assert set(jobs) | ELSEWHERE == rules


@pytest.mark.parametrize(("kind", "suffix"), [("benchmarks", "tsv"), ("logs", "log")])
def test_every_job_left_one(folder: Path, jobs: dict[str, int], kind: str, suffix: str) -> None:
    assert by_rule(folder / kind, suffix, jobs) == jobs


def test_costs_are_plausible(folder: Path) -> None:
    for path in (folder / "benchmarks").rglob("*.tsv"):
        (row,) = csv.DictReader(path.open(), delimiter="\t")
        assert 0 < float(row["s"]) < 3600


def test_nothing_half_written_is_left(folder: Path) -> None:
    assert not [path for path in folder.rglob("*") if path.name.endswith(".part")]


def test_logs_are_free_of_errors(folder: Path) -> None:
    faulty = [p for p in (folder / "logs").rglob("*.log") if "Traceback" in p.read_text()]
    assert not faulty
