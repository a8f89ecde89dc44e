"""What tests of every room share: seeds, and snakemake run as a user runs it."""

import os
import re
import subprocess
import sys

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
Snakemake = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def seeds() -> None:
    """The same draws whatever ran before."""
    np.random.seed(0)  # noqa: NPY002
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture(scope="session")
def snakemake() -> Snakemake:
    """Runs snakemake in the root folder, beside any other run."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "snakemake", "--nolock", "--nocolor", *arguments]
        env = os.environ | {"PYTHONPATH": str(ROOT)}
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)

    return run


@pytest.fixture(scope="session")
def planned_jobs(snakemake: Snakemake) -> Callable[..., dict[str, int]]:
    """Counts by rule the jobs that a run with these arguments would start."""

    def plan(*arguments: str) -> dict[str, int]:
        done = snakemake("--dry-run", "--quiet", "rules", *arguments)
        text = done.stdout + done.stderr
        assert done.returncode == 0, text
        table = re.search(r"^job +count\n[- ]+\n((?:\w+ +\d+\n)+)", text, re.MULTILINE)
        assert table or "Nothing to be done" in text, text
        rows = (row.split() for row in table[1].splitlines()) if table else ()
        return {rule: int(count) for rule, count in rows if rule not in ("all", "total")}

    return plan
