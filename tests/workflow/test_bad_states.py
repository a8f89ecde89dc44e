"""What is wrong with a site or a disk is said in one line, before any job starts."""

import os
import re
import shlex
import stat
import subprocess
import sys

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SITE = yaml.safe_load((ROOT / "slurm/site.yaml").read_text())
NODES = "cpu*|up|1-00:00:00|idle|4|8000|(null)|3\ngpu|up|1-00:00:00|idle|4|8000|gpu:2|3"
SHOWN = "PartitionName=cpu PreemptMode=OFF State=UP\nPartitionName=gpu PreemptMode=OFF State=UP"
# What any other command of Slurm does: nothing, and it leaves a trace.
COMMANDS = {
    "sinfo": f"cat <<'END'\n{NODES}\nEND",
    "scontrol": f"cat <<'END'\n{SHOWN}\nEND",
    "sbatch": 'touch "$(dirname "$0")/submitted"; exit 1',
    "squeue": "exit 0",
}
Start = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Starts a run as a user would, on a cluster that only says what it has."""
    for name, body in COMMANDS.items():
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def run(
        *arguments: str, results: str = "results", before: str = "", **site: object
    ) -> subprocess.CompletedProcess[str]:
        (tmp_path / "site.yaml").write_text(yaml.safe_dump(SITE | site))
        overlay = yaml.safe_load((ROOT / "config/tiny.yaml").read_text())
        overlay["results"] = str(tmp_path / results)
        (tmp_path / "overlay.yaml").write_text(yaml.safe_dump(overlay))
        known = {"GALERNE_SITE": str(tmp_path / "site.yaml"), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "snakemake", "--nolock", "--nocolor", *arguments]
        command += ["--configfile", str(tmp_path / "overlay.yaml")]
        if before:
            command = ["sh", "-c", f"{before} && exec {shlex.join(command)}"]
            command = ["unshare", "--user", "--map-root-user", "--mount", *command]
        path = f"{tmp_path}:{os.environ['PATH']}"
        env = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "GALERNE"))}
        return subprocess.run(
            command, cwd=ROOT, env=env | known | {"PATH": path}, capture_output=True, text=True
        )

    return run


def refusal(done: subprocess.CompletedProcess[str], tmp_path: Path) -> str:
    """The one line that says what is wrong; nothing was submitted, nothing was run."""
    text = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Traceback" not in text, text
    assert not (tmp_path / "submitted").exists()
    assert "Finished jobid" not in text
    found = re.search(r"^WorkflowError.*:\n(.*)$", text, re.MULTILINE)
    assert found, text
    return found[1]


PARTITIONS = {"cpu": "cpu", "gpu": "gpu", "training": None}
SITES = {
    "no such partition": (
        {"partitions": PARTITIONS | {"training": "preempt"}},
        "partitions.training: no partition 'preempt' here; there are: cpu, gpu",
    ),
    "no GPU there": (
        {"partitions": PARTITIONS | {"gpu": "cpu", "training": "gpu"}, "gpus": 1},
        "gpus: 1 GPU on a node asked of partition 'cpu' (partitions.gpu), where a node has no "
        "GPU; GPUs are in: gpu (2 GPU)",
    ),
}


@pytest.mark.parametrize("fault", SITES)
def test_a_site_that_does_not_fit_its_cluster_is_refused(
    fault: str, start: Start, tmp_path: Path
) -> None:
    site, message = SITES[fault]
    line = refusal(start("--profile", "slurm", **site), tmp_path)
    assert line == f"{tmp_path}/site.yaml: {message}"


def test_a_value_that_a_shell_would_read_is_refused(start: Start, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    value = f"report={{title: '$(touch {canary})'}}"
    line = refusal(start("--profile", "slurm", "--config", value), tmp_path)
    assert line.startswith("--config report: a shell on the way to Slurm would read ")
    assert not canary.exists()


DISKS = {
    "read-only": ("-o ro", r"results: .*/results cannot be written: Read-only file system"),
    "full": ("-o size=64k", r"results: .*/results has 0\.00 GB free; at least 1 GB are needed"),
}


@pytest.mark.parametrize(("disk", "profile"), [("read-only", "default"), ("full", "slurm")])
def test_a_disk_that_takes_no_products_is_refused(
    disk: str, profile: str, start: Start, tmp_path: Path
) -> None:
    options, message = DISKS[disk]
    (tmp_path / "disk").mkdir()
    mount = f"mount -t tmpfs {options} tmpfs {tmp_path}/disk"
    chosen = ["--profile", "slurm"] if profile == "slurm" else ["--cores", "1"]
    done = start(*chosen, results="disk/results", before=mount)
    if "unshare:" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    assert re.fullmatch(message, refusal(done, tmp_path))


def test_a_faulty_site_file_is_refused_by_file_and_key(start: Start, tmp_path: Path) -> None:
    done = start("--profile", "slurm", partitions={"cpu": "cpu; id", "gpu": None}, gpu=1)
    text = done.stdout + done.stderr
    assert done.returncode != 0
    assert f"{tmp_path}/site.yaml: " in text
    assert "partitions.cpu: String should match pattern" in text
    assert "gpu: Extra inputs are not permitted" in text
    assert not (tmp_path / "submitted").exists()
