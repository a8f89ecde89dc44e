"""What each attempt used, through failures, requeues and kills."""

import json
import subprocess
import sys
import time

from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from galerne.jobs.usage import Meter, read_usage


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """No Slurm, no torchrun, no GPU."""
    for name in ("SLURM_JOB_ID", "CUDA_VISIBLE_DEVICES", "WORLD_SIZE", "GROUP_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delitem(sys.modules, "torch", raising=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "usage/world/draw_posterior/000-001.jsonl"


def attempt(path: Path, status: str = "done", threads: int = 1) -> None:
    meter = Meter(path, "draw_posterior", threads)
    meter.start()
    meter.stop(status)


def test_an_attempt_has_a_beginning_and_an_end(path: Path, tmp_path: Path) -> None:
    attempt(path, threads=3)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["status"] for line in lines] == ["started", "done"]
    (found,) = read_usage(tmp_path)
    assert found == lines[1] | {"job": "world/draw_posterior/000-001"}
    assert (found["rule"], found["threads"], found["gpus"]) == ("draw_posterior", 3, 0)
    assert found["started"].endswith("+00:00")
    assert found["slurm_job"] is None


def test_attempts_of_a_job_are_kept_in_order(path: Path, tmp_path: Path) -> None:
    for status in ("interrupted", "failed", "done"):
        attempt(path, status)
    assert [a["status"] for a in read_usage(tmp_path)] == ["interrupted", "failed", "done"]
    assert len({a["attempt"] for a in read_usage(tmp_path)}) == 3


def test_time_and_memory_are_those_of_the_work_and_its_children(
    path: Path, tmp_path: Path
) -> None:
    code = f"""
import subprocess, sys, time
time.sleep(2.5)
from pathlib import Path
from galerne.jobs.usage import Meter
meter = Meter(Path({str(path)!r}), "work", 1)
meter.start()
end = time.process_time() + 0.6
while time.process_time() < end: pass
busy = "import time\\nend = time.process_time() + 0.6\\nwhile time.process_time() < end: pass"
subprocess.run([sys.executable, "-c", busy + "\\nb = bytearray(200_000_000)"], check=True)
time.sleep(0.5)
meter.stop("done")
"""
    root = Path(__file__).parents[2]
    mine = bytearray(500_000_000)  # of a parent: not to be taken for the child's
    begun, clock = time.time(), time.monotonic()
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)
    took = time.monotonic() - clock
    del mine
    (found,) = read_usage(tmp_path)
    assert 1.2 < found["cpu_s"] < 2.0
    assert 4.1 < found["wall_s"] < took + 0.1  # from the start of the process, imports too
    assert abs(datetime.fromisoformat(found["started"]).timestamp() - begun) < 1.9
    assert 190 < found["rss_mb"] < 400


def test_a_killed_attempt_shows_by_its_missing_end(path: Path, tmp_path: Path) -> None:
    killed = Meter(path, "draw_posterior", 1)
    killed.start()
    attempt(path)
    assert [a["status"] for a in read_usage(tmp_path)] == ["started", "done"]
    assert "wall_s" not in next(read_usage(tmp_path))


def test_a_torn_line_loses_itself_alone(path: Path, tmp_path: Path) -> None:
    attempt(path)
    with path.open("a") as file:
        file.write('{"attempt": "x", "rule": "dra')
    Meter(path, "draw_posterior", 1).start()
    attempt(path, "failed")
    assert [a["status"] for a in read_usage(tmp_path)] == ["done", "started", "failed"]


def test_lines_of_one_piece_and_strangers_are_read_or_passed_over(
    path: Path, tmp_path: Path
) -> None:
    path.parent.mkdir(parents=True)
    older = '{"rule": "draw_posterior", "status": "done", "wall_s": 2.0}\n'
    path.write_text(f"{older}{older}7\n[]\n{{}}\n")
    path.with_name("binary.jsonl").write_bytes(b"\xff\xfe\n")
    assert [a["wall_s"] for a in read_usage(tmp_path)] == [2.0, 2.0]


def test_without_records_there_is_nothing(tmp_path: Path) -> None:
    assert list(read_usage(tmp_path)) == []


@pytest.mark.parametrize(
    ("visible", "agents", "gpus"),
    [("0,1", "1", 2), ("GPU-8f3a", "2", 2), ("", "1", 0), ("NoDevFiles", "1", 0), ("-1", "1", 0)],
)
def test_gpus_are_those_that_slurm_gave(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    visible: str, agents: str, gpus: int,
) -> None:  # fmt: skip
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setenv("GROUP_WORLD_SIZE", agents)
    attempt(path)
    monkeypatch.setenv("SLURM_JOB_ID", "42")
    attempt(path)
    outside, inside = read_usage(tmp_path)
    assert (outside["gpus"], outside["slurm_job"]) == (0, None)
    assert (inside["gpus"], inside["slurm_job"]) == (gpus, "42")


@pytest.mark.parametrize(("used", "gpus", "model"), [(True, 2, "H100"), (False, 0, None)])
def test_a_gpu_counts_outside_of_slurm_if_it_was_computed_on(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    used: bool, gpus: int, model: str | None,
) -> None:  # fmt: skip
    cuda = SimpleNamespace(is_initialized=lambda: used, get_device_name=lambda: "H100")
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    monkeypatch.setenv("WORLD_SIZE", "2")
    attempt(path)
    (found,) = read_usage(tmp_path)
    assert (found["gpus"], found["gpu_model"], found["processes"]) == (gpus, model, 2)


def test_a_file_in_the_way_is_a_warning(
    path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "usage").write_text("in the way")
    attempt(path)
    assert "no record of cost" in caplog.text


def test_ten_thousand_jobs_are_read_in_seconds(tmp_path: Path) -> None:
    for k in range(10_000):
        folder = tmp_path / f"usage/{k % 100}"
        folder.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"rule": "r", "status": "done", "attempt": str(k), "wall_s": 1.0})
        (folder / f"{k}.jsonl").write_text(line + "\n")
    begun = time.monotonic()
    assert sum(a["wall_s"] for a in read_usage(tmp_path)) == 10_000
    assert time.monotonic() - begun < 15
