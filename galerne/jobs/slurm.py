"""The few questions that are put to Slurm, each one command with a time limit."""

__all__ = ["ask", "job_state", "requeue"]

import os
import subprocess

SECONDS = 30


def ask(*command: str) -> str:
    """Runs a Slurm command and returns what it says; never through a shell.

    Raises:
        RuntimeError: If the command is missing, fails or does not answer, with its message.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RuntimeError(f"{command[0]} does not answer: {error}") from None
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout.strip()


def job_state() -> str | None:
    """The state of the Slurm job that this process belongs to, or ``None`` outside of one."""
    job = os.environ.get("SLURM_JOB_ID")
    return ask("squeue", "-h", "-j", job, "-o", "%T") if job else None


def requeue() -> None:
    """Asks Slurm to run the job of this process again, under the same number."""
    ask("scontrol", "requeue", os.environ["SLURM_JOB_ID"])
