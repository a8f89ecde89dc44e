"""Free memory: the least of what node, control groups and job leave."""

from pathlib import Path

import pytest
import torch

from galerne.jobs.memory import free_bytes

CPU, MB = torch.device("cpu"), 10**6


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A node with 8 GB left, and a process that holds 1 GB."""
    left, held = 8000 * MB // 1024, 1000 * MB // 1024
    write(tmp_path / "proc/meminfo", f"MemTotal: 16000000 kB\nMemAvailable: {left} kB")
    write(tmp_path / "proc/self/status", f"VmHWM: 9999999 kB\nVmRSS:\t{held} kB\n")
    return tmp_path


def write(path: Path, text: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(text) + "\n")


def test_a_process_may_take_what_the_node_has_left(root: Path) -> None:
    assert free_bytes(CPU, None, root) == pytest.approx(8000 * MB, abs=1024)


def test_a_job_may_take_what_it_asked_for_less_what_it_holds(root: Path) -> None:
    assert free_bytes(CPU, 4000, root) == pytest.approx(3000 * MB, abs=1024)
    assert free_bytes(CPU, 40_000, root) == pytest.approx(8000 * MB, abs=1024)
    assert free_bytes(CPU, 500, root) == 0


@pytest.mark.parametrize("version", [1, 2])
def test_no_control_group_above_is_overlooked(root: Path, version: int) -> None:
    """The group of the step has no limit of its own, that of the job has."""
    line, tree, names = {
        1: ("4:cpu,memory:/job_7/step_0", "memory", ("limit_in_bytes", "usage_in_bytes")),
        2: ("0::/job_7/step_0", "", ("max", "current")),
    }[version]
    write(root / "proc/self/cgroup", f"9:cpuset:/elsewhere\n{line}")
    job = root / "sys/fs/cgroup" / tree / "job_7"
    step = {1: 9223372036854771712, 2: "max"}[version]
    write(job / f"step_0/memory.{names[0]}", step)
    write(job / f"step_0/memory.{names[1]}", 1500 * MB)
    write(job / f"memory.{names[0]}", 2000 * MB)
    write(job / f"memory.{names[1]}", 1700 * MB)
    assert free_bytes(CPU, None, root) == 300 * MB
    write(job / "memory.stat", f"anon 5\ninactive_file {600 * MB}\nactive_file 7")
    assert free_bytes(CPU, None, root) == 900 * MB


def test_of_a_gpu_what_is_free_and_what_torch_keeps_for_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (5000 * MB, 9000 * MB))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 700 * MB)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 400 * MB)
    assert free_bytes(torch.device("cuda", 0), 100) == 5300 * MB


def test_this_machine_has_some() -> None:
    assert 0 < free_bytes(CPU) < 2**50
