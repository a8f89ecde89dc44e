"""The look from another node tells what is there."""

import json
import os
import subprocess
import sys
import time

from pathlib import Path

import pytest
import torch

from filelock import FileLock

from galerne.cluster import probe
from galerne.cluster.probe import look
from galerne.cluster.site import ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "here").write_text("word")
    return tmp_path


def test_another_process_sees_the_folder_the_lock_and_python(folder: Path) -> None:
    command = [sys.executable, "-m", "galerne.cluster.probe", str(folder), "word"]
    with FileLock(folder / "lock"):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    seen = json.loads(done.stdout)
    assert seen["sees"] is True
    assert seen["excluded"] is True
    assert seen["package"] == str(ROOT)
    assert seen["torch"] == torch.__version__
    assert seen["gpus"] == torch.cuda.device_count()
    assert seen["tmp_gb"] > 0
    assert abs(seen["clock"] - time.time()) < 60
    assert (folder / "there").read_text() == "word"


def test_a_lock_that_does_not_hold_is_told(folder: Path) -> None:
    assert look(folder, "word")["excluded"] is False


def test_an_old_copy_of_the_folder_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "PATIENCE", 0.3)
    assert look(folder, "another word")["sees"] is False


def test_a_folder_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "PATIENCE", 0.0)
    seen = look(tmp_path / "absent", "word")
    assert seen["sees"] == "cannot write there: No such file or directory"
    assert seen["excluded"] is False


def test_scratch_that_cannot_be_written_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(folder / "absent"))
    seen = look(folder, "word")
    assert (seen["tmp"], seen["tmp_gb"]) == (str(folder / "absent"), -1.0)


def test_a_torch_that_does_not_start_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    seen = look(folder, "word")
    assert str(seen["torch"]).startswith("ModuleNotFoundError")
    assert seen["gpus"] == 0


def test_the_node_is_named_as_slurm_names_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURMD_NODENAME", "node7")
    assert look(folder, "word")["host"] == "node7"
    monkeypatch.delenv("SLURMD_NODENAME")
    assert look(folder, "word")["host"] == os.uname().nodename
