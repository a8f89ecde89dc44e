"""Costs of submission are counted by job, and told apart by way."""

import stat
import time

from pathlib import Path

import pytest

from bench import submission
from bench.submission import NUMBER, Cost, measure_submission

# Runs what is wrapped at once; notes an allocation as sacct prints it.
SBATCH = """
count=$(($(cat {here}/count 2>/dev/null || echo 100) + 1)); echo $count > {here}/count
for word in "$@"; do case "$word" in --wrap=*) sh -c "${{word#--wrap=}}" ;; esac; done
now=$(date +%s)
echo "$count|COMPLETED|$now|$now|0|1|00:00.250||0|cpu=1|work|" >> {here}/accounted
echo $count
"""


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, first in PATH, with the commands of a cluster that runs each job as it comes."""
    commands = {
        "sbatch": SBATCH.format(here=tmp_path),
        "squeue": "true",
        "sinfo": "true",
        "sacct": f'case "$*" in *--jobs=*) cat {tmp_path}/accounted ;; esac',
    }
    for name, text in commands.items():
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path


def test_without_a_cluster_it_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list(measure_submission(tmp_path / "results")) == []
    said = capsys.readouterr().out
    assert said == "submission: skipped, no sbatch, squeue, sacct in PATH\n"


def test_a_cluster_that_does_not_answer_is_none(
    slurm: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (slurm / "sinfo").write_text("#!/bin/sh\necho no controller >&2; exit 1\n")
    assert list(measure_submission(slurm / "results")) == []
    assert "skipped, Slurm does not answer: no controller" in capsys.readouterr().out


def test_numbers_of_jobs_are_read_from_what_is_said() -> None:
    said = """12
Job 0af-1 has been submitted with SLURM jobid 88 (log: /a/rule_x/88.log).
Submitted array job with Snakemake IDs 8,2 and SLURM job ID 90. The individual task IDs are 1-2.
7 of 9 steps (44%) done"""
    assert {one or other for one, other in NUMBER.findall(said)} == {"12", "88", "90"}


def test_plain_jobs_are_counted_and_accounted(slurm: Path, tmp_path: Path) -> None:
    cost = next(submission.submit_all(3, 2, tmp_path))
    assert (cost.way, cost.jobs, cost.allocations) == ("sbatch", 3, 3)
    assert cost.jobs_s == pytest.approx(0.75)
    assert 0 < cost.submitter_s < 60
    assert cost.wall_s > 0


def test_a_job_that_made_nothing_is_an_error(slurm: Path, tmp_path: Path) -> None:
    (slurm / "sbatch").write_text("#!/bin/sh\necho 1\n")
    with pytest.raises(RuntimeError, match="0 of 2 jobs done"):
        next(submission.submit_all(2, 2, tmp_path))


def test_jobs_that_slurm_forgets_are_an_error(
    slurm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "PATIENCE", 1)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    (slurm / "sacct").write_text("#!/bin/sh\ntrue\n")
    with pytest.raises(RuntimeError, match="Slurm accounted for 0 of 2 jobs"):
        next(submission.submit_all(2, 2, tmp_path))


def test_rows_compare_each_way_with_plain_submission(
    slurm: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    costs = [
        Cost("sbatch", 10, 10, 5.0, 1.0, 2.0, 4.0, 0.5),
        Cost("alone", 10, 10, 50.0, 3.0, 30.0, 60.0, 5.0),
        Cost("groups", 10, 2, 25.0, 3.0, 20.0, 40.0, 5.0),
    ]
    monkeypatch.setattr(submission, "submit_all", lambda *arguments: iter(costs))
    rows = [row.row() for row in measure_submission(slurm / "results", 10)]
    assert [(row["name"], row["ours"], row["ratio"]) for row in rows] == [
        ("submission_alone_10_jobs", 5.0, 10.0),
        ("submission_groups_10_jobs", 2.5, 5.0),
    ]
    first = capsys.readouterr().out.splitlines()[0]
    assert first == (
        "sbatch  10 jobs in 10 allocations, 5.0 s; per job 0.500 s of wall clock; time of cores "
        "per job: submitting 0.100 s, in allocations 0.200 s, all of this machine 0.400 s; "
        "last end noticed after 0.5 s"
    )
