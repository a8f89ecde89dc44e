"""One holder at a time; a dead one holds nothing."""

import json
import logging
import os
import signal
import subprocess
import sys
import time

from collections.abc import Iterator
from pathlib import Path

import pytest

from galerne.jobs.lock import holding

HOLD = """
import sys, time
from pathlib import Path
from galerne.jobs.lock import holding
with holding(Path(sys.argv[1]), wait_seconds=0.0):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "lock")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_second_process_is_told_who_holds_it(
    holder: subprocess.Popen[str], tmp_path: Path
) -> None:
    with (
        pytest.raises(TimeoutError, match=f"held by process {holder.pid} on "),
        holding(tmp_path / "lock", wait_seconds=0.2, poll_seconds=0.05),
    ):
        pass


def test_a_killed_holder_holds_nothing_and_is_named(
    holder: subprocess.Popen[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with (
        caplog.at_level(logging.WARNING),
        holding(tmp_path / "lock", wait_seconds=0.0),
    ):
        pass
    assert f"process {holder.pid} on" in caplog.text
    assert "ended without finishing" in caplog.text


def test_one_that_waits_comes_next(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    began = time.monotonic()
    subprocess.Popen(["sh", "-c", f"sleep 0.5; kill -9 {holder.pid}"])
    with holding(tmp_path / "lock", wait_seconds=20.0, poll_seconds=0.05):
        assert time.monotonic() - began > 0.3
        note = json.loads((tmp_path / "lock.holder").read_text())
        assert note["pid"] == os.getpid()
    assert not (tmp_path / "lock.holder").exists()


def test_a_failure_leaves_the_lock_free_and_the_note_in_place(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), holding(tmp_path / "lock", wait_seconds=0.0):
        _ = 1 / 0
    assert (tmp_path / "lock.holder").exists()
    with holding(tmp_path / "lock", wait_seconds=0.0):
        pass
