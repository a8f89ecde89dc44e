"""Slurm's own figures: what it really says, where it says nothing, and whom it forgets."""

import shutil
import subprocess

from collections.abc import Callable
from pathlib import Path

import pytest

from galerne.jobs import accounting
from galerne.jobs.accounting import read_accounting

RUN = "galerne_8af6e3ccfa6b_febe0eff-c45d-4379-8468-b2ccdbd42faf"
# As sacct 22.05.8 prints it: a job that was requeued and then finished, and one with a GPU.
KNOWN = f"""\
37|REQUEUED|1795373596|1795373604|8|2|00:01.428|||billing=2,cpu=2,mem=4000M,node=1|{RUN}|rule_train_prior_wildcards_a
37.batch|CANCELLED|1795373596|1795373605|9|2|00:00.002|128695K|0|cpu=2,mem=4000M,node=1|batch|
37.0|FAILED|1795373597|1795373607|10|2|00:01.318|128200K|0|cpu=2,mem=4000M,node=1|python3|
37|COMPLETED|1795374662|1795374672|10|2|00:10.205||0|billing=2,cpu=2,mem=4000M,node=1|{RUN}|rule_train_prior_wildcards_a
37.batch|COMPLETED|1795374662|1795374672|10|2|00:01.724|135999K|0|cpu=2,mem=4000M,node=1|batch|
37.0|COMPLETED|1795374663|1795374671|8|2|00:01.781|128649K|0|cpu=2,mem=4000M,node=1|python3|
37.1|COMPLETED|1795374665|1795374671|6|2|00:06.699|387608K|0|cpu=2,mem=4000M,node=1|python3|
38|RUNNING|1795374674|Unknown|15|4|1-00:00:01||7200|billing=4,cpu=4,gres/gpu:a100=1,gres/gpu=1,mem=1G,node=1|{RUN}|rule_draw_posterior
39|PENDING|Unknown|Unknown|0|1|00:00:00||0||{RUN}|
"""
FORGOTTEN = f"""\
40|NODE_FAIL|1795374700|1795374760|60|1|00:00:00||0|billing=1,cpu=1,mem=4000M,node=1|{RUN}|sbatch --parsable --job-name {RUN} --export=ALL --comment 'rule_fetch_period_wildcards_speedy_train' -p cpu --wrap=python -m snakemake 'a|b'
"""  # noqa: E501

Script = Callable[[str], Path]


@pytest.fixture
def sacct(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    """Puts a script in the place of sacct; returns the file where it notes its arguments."""

    def make(text: str) -> Path:
        for name, content in {"known": KNOWN, "forgotten": FORGOTTEN}.items():
            (tmp_path / name).write_text(content)
        asked = tmp_path / "asked"
        path = tmp_path / "sacct"
        path.write_text(f'#!/bin/sh\necho "$SLURM_TIME_FORMAT $@" >> {asked}\n{text}\n')
        path.chmod(0o755)
        return asked

    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return make


def answer(tmp_path: Path) -> str:
    return f"""case "$*" in
*--name=*) printf '37\\n37\\n38\\n39\\n40\\n' ;;
*--jobs=39,40*) cat {tmp_path}/forgotten ;;
*) cat {tmp_path}/known ;;
esac"""


def test_each_allocation_of_a_requeued_job_is_told_apart(sacct: Script, tmp_path: Path) -> None:
    sacct(answer(tmp_path))
    first, second, *_ = read_accounting(["37", "38"], since=1795373000.0)
    assert (first.job, first.state, first.started, first.ended) == (
        "37", "REQUEUED", 1795373596.0, 1795373604.0,
    )  # fmt: skip
    assert (first.wall_s, first.cpus, first.cpu_s, first.gpus) == (8.0, 2, 1.428, 0)
    assert (second.state, second.cpu_s, second.rule) == ("COMPLETED", 10.205, "train_prior")
    assert first.joules is None
    assert second.joules is None


def test_memory_is_that_of_the_largest_step_of_its_own_allocation(
    sacct: Script, tmp_path: Path
) -> None:
    sacct(answer(tmp_path))
    first, second, third, _ = read_accounting(["37", "38"], since=0.0)
    assert first.rss_mb == pytest.approx(128695 / 1024)
    assert second.rss_mb == pytest.approx(387608 / 1024)
    assert third.rss_mb is None


def test_a_job_that_runs_has_no_end_and_gpus_count_once(sacct: Script, tmp_path: Path) -> None:
    sacct(answer(tmp_path))
    running = read_accounting(["37", "38"], since=0.0)[2]
    assert (running.state, running.ended, running.gpus) == ("RUNNING", None, 1)
    assert (running.cpu_s, running.joules, running.rule) == (86401.0, 7200.0, "draw_posterior")


def test_jobs_of_the_run_that_left_no_record_are_found(sacct: Script, tmp_path: Path) -> None:
    asked = sacct(answer(tmp_path))
    forgotten = read_accounting(["37", "38"], since=1795373596.0)[-1]
    assert (forgotten.job, forgotten.state, forgotten.rule) == ("40", "NODE_FAIL", "fetch_period")
    by_number, by_name, rest = asked.read_text().splitlines()
    assert all(line.startswith("%s ") and "--duplicates" in line for line in (by_number, by_name))
    assert "--jobs=37,38 " in by_number
    assert f"--name={RUN} " in by_name
    assert "--jobs=39,40 " in rest
    assert by_number.endswith(",Comment")
    assert rest.endswith(",SubmitLine")


def test_a_common_name_is_no_run(sacct: Script, tmp_path: Path) -> None:
    asked = sacct(f"sed 's/{RUN}/interactive/' {tmp_path}/known")
    assert [a.job for a in read_accounting(["37"], since=0.0)] == ["37", "37", "38"]
    assert "--name" not in asked.read_text()


def test_many_jobs_are_asked_for_in_parts(sacct: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounting, "JOBS_AT_ONCE", 3)
    asked = sacct("exit 0")
    assert read_accounting(["10", "9", "8", "7", "7"], since=0.0) == []
    assert ["--jobs=7,8,9 " in line or "--jobs=10 " in line
            for line in asked.read_text().splitlines()] == [True, True]  # fmt: skip


def test_what_is_no_number_is_not_asked_for(sacct: Script) -> None:
    asked = sacct("exit 0")
    assert read_accounting(["7; rm -rf /", "--help", "", "12_3"], since=0.0) == []
    assert not asked.exists()


def test_lines_that_are_no_rows_are_passed_over(sacct: Script) -> None:
    sacct("echo; echo 'sacct: warning'; echo '37|COMPLETED'; echo '37.batch|a|b|c|d|e|f|g|h|i|j|'")
    assert read_accounting(["37"], since=0.0) == []


@pytest.mark.parametrize("text", ["echo 'Slurm accounting storage is disabled' >&2; exit 1"])
def test_a_site_without_accounting_is_an_error_with_its_words(sacct: Script, text: str) -> None:
    sacct(text)
    with pytest.raises(RuntimeError, match="storage is disabled"):
        read_accounting(["37"], since=0.0)


def test_a_machine_without_slurm_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "env").symlink_to(str(shutil.which("env")))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="sacct"):
        read_accounting(["37"], since=0.0)


def test_a_real_cluster_says_the_same_in_its_own_form() -> None:
    """Reads only: the latest finished job of this user, whatever it was."""
    if shutil.which("sacct") is None:
        pytest.skip("no Slurm here")
    form = ["--noheader", "--parsable2", "--format=JobIDRaw,Elapsed,AllocCPUS,State"]
    done = subprocess.run(
        ["sacct", "--allocations", "--starttime=now-7days", *form],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    finished = [row for row in done.stdout.splitlines() if row.endswith("|COMPLETED")]
    if not finished:
        pytest.skip(f"no accounting, or no job in a week: {done.stderr.strip() or 'no row'}")
    job, elapsed, cpus, state = finished[-1].split("|")
    found = [a for a in read_accounting([job], since=0.0) if a.job == job][-1]
    assert (found.cpus, found.state) == (int(cpus), state)
    days, _, clock = elapsed.rpartition("-")
    hours, minutes, seconds = map(int, clock.split(":"))
    assert found.wall_s == 86400 * int(days or 0) + 3600 * hours + 60 * minutes + seconds
    assert found.ended is not None
    assert abs(found.ended - found.started - found.wall_s) <= 1
