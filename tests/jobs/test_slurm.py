"""Questions to Slurm: answers, and errors that say what was asked."""

from collections.abc import Callable
from pathlib import Path

import pytest

from galerne.jobs import slurm


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Puts a command of this name and text in front of every other."""

    def make(name: str, text: str) -> None:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return make


def test_an_answer_comes_without_its_newline(command) -> None:
    command("squeue", "echo RUNNING")
    assert slurm.ask("squeue", "-h") == "RUNNING"


def test_a_failure_names_the_command_and_its_message(command) -> None:
    command("squeue", "echo 'Invalid job id' >&2; exit 1")
    with pytest.raises(RuntimeError, match="squeue -j 7: Invalid job id"):
        slurm.ask("squeue", "-j", "7")


def test_a_missing_command_is_named() -> None:
    with pytest.raises(RuntimeError, match="no-such-command does not answer"):
        slurm.ask("no-such-command")


def test_a_command_that_hangs_is_given_up(command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm, "SECONDS", 0.2)
    command("squeue", "exec sleep 20")
    with pytest.raises(RuntimeError, match="squeue does not answer"):
        slurm.ask("squeue")


def test_no_argument_reaches_a_shell(command, tmp_path: Path) -> None:
    command("squeue", 'printf "%s|" "$@"')
    assert slurm.ask("squeue", f"$(touch {tmp_path}/canary)", "a; b") == (
        f"$(touch {tmp_path}/canary)|a; b|"
    )
    assert not (tmp_path / "canary").exists()


def test_the_state_is_of_the_own_job(command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    assert slurm.job_state() is None
    monkeypatch.setenv("SLURM_JOB_ID", "42")
    command("squeue", 'test "$3" = 42 && echo RUNNING')
    assert slurm.job_state() == "RUNNING"


def test_requeue_names_the_own_job(
    command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "42")
    command("scontrol", f'echo "$@" > {tmp_path}/asked')
    slurm.requeue()
    assert (tmp_path / "asked").read_text() == "requeue 42\n"
