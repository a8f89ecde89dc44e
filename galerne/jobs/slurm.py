"""The few questions that are put to Slurm, each one command with a time limit."""

__all__ = ["ask", "job_state", "requeue"]

import os
import subprocess

SECONDS = 30


def ask(*command: str, seconds: float | None = None) -> str:
    """Runs a Slurm command and returns what it says; never through a shell.

    Arguments:
        command: The command, word by word.
        seconds: How long it may take [s]; 30 s if not given.

    Raises:
        RuntimeError: If the command is missing, fails or does not answer, with its message.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds or SECONDS)
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
