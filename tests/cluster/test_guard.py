"""One run at a time; what an earlier one left is waited for, cancelled or refused."""

import subprocess
import sys

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from galerne.cluster import guard
from galerne.cluster.guard import Leftover, begin, end, find_leftovers, settle

RUNNING = Leftover("7", "RUNNING", "rule_train_prior")
PENDING = Leftover("8", "PENDING", "rule_draw_posterior")


@pytest.fixture(autouse=True)
def release() -> Iterator[None]:
    """Gives every lock back."""
    yield
    while guard._held:
        guard._held.pop().__exit__(None, None, None)


@pytest.fixture
def slurm(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[str, ...]]]:
    """Answers squeue from a list of answers; returns what was asked."""

    def answer(*answers: str) -> list[tuple[str, ...]]:
        left, asked = list(answers), []

        def ask(*command: str) -> str:
            asked.append(command)
            return left.pop(0) if command[0] == "squeue" else ""

        monkeypatch.setattr(guard, "ask", ask)
        return asked

    return answer


def test_a_second_run_on_the_same_results_is_refused(tmp_path: Path) -> None:
    begin(tmp_path, slurm=False)
    code = (
        "import sys; from pathlib import Path; from galerne.cluster.guard import begin\n"
        "begin(Path(sys.argv[1]), slurm=False)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "another run is at work on" in done.stderr
    assert "RuntimeError" in done.stderr


def test_a_run_that_died_is_no_hindrance(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from galerne.cluster.guard import begin\n"
        "begin(Path(sys.argv[1]), slurm=False); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    begin(tmp_path, slurm=False)


def test_only_jobs_of_noted_runs_are_leftovers(slurm) -> None:
    slurm(
        "7\tRUNNING\trule_train_prior\tgalerne_aa_1\n"
        "8\tPENDING\trule_other\tgalerne_bb_2\n"
        "9\tRUNNING\t(null)\tinteractive"
    )
    assert find_leftovers(["galerne_aa"]) == [RUNNING]
    assert find_leftovers([]) == []


def test_the_next_run_waits_for_running_jobs_and_cancels_those_not_started(
    slurm, tmp_path: Path
) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks/runs").write_text("galerne_aa\n")
    both = "7\tRUNNING\trule_train_prior\tgalerne_aa_1\n8\tPENDING\trule_x\tgalerne_aa_1"
    asked, said = slurm(both, both.splitlines()[0], ""), []
    begin(tmp_path, slurm=True, leftovers="wait", poll_seconds=0.01, say=said.append)
    assert [c for c in asked if c[0] == "scancel"] == [("scancel", "8")]
    assert said == [
        "cancelling jobs of an earlier run: 8 (rule_x, PENDING)",
        "waiting for jobs of an earlier run: 7 (rule_train_prior, RUNNING)",
    ]
    assert (tmp_path / "locks/runs").read_text() == f"{guard.token()}\n"


def test_cancel_cancels_all(slurm) -> None:
    asked, answers = slurm(), [[RUNNING, PENDING], []]
    settle(lambda: answers.pop(0), "cancel", 0.01, lambda _: None)
    assert asked == [("scancel", "7", "8")]


def test_stop_lists_the_jobs_and_touches_none(slurm) -> None:
    asked = slurm()
    with pytest.raises(RuntimeError, match=r"7 \(rule_train_prior, RUNNING\)\. Set leftovers"):
        settle(lambda: [RUNNING], "stop", 0.01, lambda _: None)
    assert asked == []


def test_long_lists_are_cut(slurm) -> None:
    slurm()
    many = [Leftover(str(k), "RUNNING", "rule") for k in range(14)]
    with pytest.raises(RuntimeError, match=r"9 \(rule, RUNNING\) and 4 more\."):
        settle(lambda: many, "stop", 0.01, lambda _: None)


def test_a_run_that_ends_in_order_leaves_no_note_and_no_receipt(slurm, tmp_path: Path) -> None:
    slurm()
    begin(tmp_path, slurm=True)
    (tmp_path / "receipts/x").mkdir(parents=True)
    end(tmp_path)
    assert not (tmp_path / "receipts").exists()
    assert not (tmp_path / "locks/runs").exists()
    assert not list(tmp_path.rglob("*.holder"))


def test_the_token_is_one_for_each_process_and_reaches_its_children(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(guard.RUN, raising=False)
    first = guard.token()
    assert first == guard.token()
    assert first.startswith("galerne_")
    monkeypatch.delenv(guard.RUN)
    assert guard.token() != first


def test_jobs_find_the_cluster_that_the_controller_found(tmp_path, monkeypatch) -> None:
    real = tmp_path / "srun"
    real.write_text('#!/bin/sh\necho "$SLURM_CONF" "$@"\n')
    real.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("SLURM_CONF", "/somewhere/slurm.conf")
    monkeypatch.setenv("GALERNE_SLURM_CONF", "/elsewhere/slurm.conf")
    monkeypatch.setenv("GALERNE_RUN", "galerne_1")
    assert guard.token() == guard.token() == "galerne_1"
    monkeypatch.delenv("SLURM_CONF")  # as Snakemake does before its own srun
    done = subprocess.run(["srun", "-n1", "a b"], capture_output=True, text=True)
    assert done.stdout == "/somewhere/slurm.conf -n1 a b\n"
