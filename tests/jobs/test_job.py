"""One attempt of a rule: log, lock, receipt, request to stop, record."""

import logging
import os
import signal

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from galerne.jobs import interrupt, slurm
from galerne.jobs.interrupt import Interrupted
from galerne.jobs.job import AGAIN, Job
from galerne.jobs.usage import read_usage


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The process as it was: handler, umask, log, no rank, no Slurm."""
    for name in ("RANK", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    before, umask = signal.getsignal(signal.SIGTERM), os.umask(0o022)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:], root.level = handlers, level
    interrupt.reset()
    signal.signal(signal.SIGTERM, before)
    os.umask(umask)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Job]:
    """A job that writes `results/a/out.txt`."""
    (tmp_path / "input.txt").write_text("input")

    def job(**params: object) -> Job:
        return Job(
            SimpleNamespace(
                rule="train_prior",
                log=[str(tmp_path / "results/logs/a/train_prior.log")],
                output=[str(tmp_path / "results/a/out.txt")],
                input=[str(tmp_path / "input.txt")],
                params=params,
                threads=1,
            )
        )

    (tmp_path / "results/a").mkdir(parents=True)
    return job


@pytest.fixture
def statuses(tmp_path: Path) -> Callable[[], list[str]]:
    """Reads what became of each attempt."""

    def read() -> list[str]:
        return [str(attempt["status"]) for attempt in read_usage(tmp_path / "results")]

    return read


def test_products_may_lie_below_another_folder_of_logs() -> None:
    path = "/scratch/logs/run/logs/a/train_prior.log"
    job = Job(SimpleNamespace(rule="r", log=[path], output=[], input=[], params={}, threads=1))
    assert job.root == Path("/scratch/logs/run")
    assert job.name == "a/train_prior"


def test_a_job_works_logs_and_is_recorded(make, statuses, tmp_path: Path) -> None:
    path = tmp_path / "results/a/out.txt"

    def work(path_out: Path, *, text: str) -> None:
        logging.getLogger("galerne").info("at work")
        path_out.write_text(text)

    make().run(work, path, text="finished")
    assert path.read_text() == "finished"
    assert "at work" in (tmp_path / "results/logs/a/train_prior.log").read_text()
    assert statuses() == ["done"]
    assert path.stat().st_mode & 0o002 == 0


def test_a_job_is_on_file_while_it_works(make, statuses, tmp_path: Path) -> None:
    seen = []

    def work() -> None:
        seen.extend(statuses())
        (tmp_path / "results/a/out.txt").write_text("finished")

    make().run(work)
    assert seen == ["started"]


def test_a_finished_twin_is_not_repeated(make, statuses, tmp_path: Path) -> None:
    path = tmp_path / "results/a/out.txt"
    make(steps=1).run(lambda: path.write_text("finished"))
    path.unlink()
    make(steps=1).run(lambda: pytest.fail("worked twice"))
    assert path.read_text() == "finished"
    make(steps=2).run(lambda: path.write_text("other settings"))
    assert path.read_text() == "other settings"
    assert statuses() == ["done", "adopted", "done"]


def test_a_failure_is_logged_recorded_and_raised(make, statuses, tmp_path: Path) -> None:
    def work() -> None:
        raise ValueError("the file of year 1999 is damaged")

    with pytest.raises(ValueError, match="1999"):
        make().run(work)
    assert statuses() == ["failed"]
    assert "year 1999" in (tmp_path / "results/logs/a/train_prior.log").read_text()
    make().run(lambda: (tmp_path / "results/a/out.txt").write_text("finished"))
    assert statuses() == ["failed", "done"]


def stop(advanced: bool) -> Callable[[], None]:
    """Work that stops on request."""

    def work() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        assert interrupt.requested()
        raise Interrupted("step 3 of 9", advanced=advanced)

    return work


@pytest.mark.parametrize(
    ("state", "advanced", "queued"),
    [
        ("RUNNING", True, True),  # a time limit or a preemption was announced
        ("RUNNING", False, False),  # without progress: a loop without end
        ("COMPLETING", True, False),  # scancel, scontrol requeue: Slurm has decided
        (None, True, False),  # no Slurm
    ],
)
def test_a_stopped_job_is_to_be_run_again(
    make, statuses, monkeypatch: pytest.MonkeyPatch, state: str, advanced: bool, queued: bool
) -> None:
    asked = []
    monkeypatch.setattr(slurm, "job_state", lambda: state)
    monkeypatch.setattr(slurm, "requeue", lambda: asked.append("requeue"))
    with pytest.raises(SystemExit) as left:
        make().run(stop(advanced))
    assert left.value.code == AGAIN == 75
    assert asked == ["requeue"] * queued
    assert statuses() == ["interrupted"]


def test_slurm_that_does_not_answer_leaves_it_to_the_retries(
    make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def silent() -> None:
        raise RuntimeError("squeue does not answer")

    monkeypatch.setattr(slurm, "job_state", silent)
    with pytest.raises(SystemExit):
        make().run(stop(True))
    assert "left to the retries" in (tmp_path / "results/logs/a/train_prior.log").read_text()


def test_a_process_beside_the_first_one_leaves_no_trace(
    make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RANK", "1")
    called = []
    make().run(lambda: called.append("work"))
    assert called == ["work"]
    assert sorted(p.name for p in (tmp_path / "results").iterdir()) == ["a"]


def test_a_log_outside_the_products_is_refused(tmp_path: Path) -> None:
    strange = SimpleNamespace(
        rule="r", log=["elsewhere/r.log"], output=[], input=[], params={}, threads=1
    )
    with pytest.raises(ValueError, match=r"elsewhere.r\.log lies in no folder 'logs'"):
        Job(strange)
