"""A folder that cannot take products is named."""

import os
import shutil
import subprocess
import sys

from collections import namedtuple
from pathlib import Path

import pytest

from galerne.cluster.site import ROOT
from galerne.cluster.storage import check_folder, refuse_folder

Usage = namedtuple("Usage", "total used free")


def test_a_good_folder_is_made_and_left_empty(tmp_path: Path) -> None:
    assert refuse_folder(tmp_path / "a/b") is None
    assert os.listdir(tmp_path / "a/b") == []
    assert check_folder(tmp_path / "a/b").level in ("ok", "warning")


def test_a_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    fault = refuse_folder(tmp_path / "file/results")
    assert fault == f"results: {tmp_path}/file/results cannot be written: Not a directory"
    assert check_folder(tmp_path / "file/results").level == "missing"


@pytest.mark.parametrize(
    ("free", "level", "text"),
    [
        (0.5e9, "missing", "has 0.50 GB free; at least 1 GB are needed"),
        (5e9, "warning", "has 5.0 GB free"),
        (500e9, "ok", "500 GB free"),
    ],
)
def test_free_space_is_judged(
    free: float, level: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(1e12, 1e12 - free, free))
    finding = check_folder(tmp_path)
    assert finding.level == level
    assert text in str(finding)
    assert str(tmp_path) in str(finding)


def test_few_free_files_are_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(1e12, 0, 1e12))
    counts = namedtuple("Counts", "f_files f_favail")(10**6, 99)
    monkeypatch.setattr(os, "statvfs", lambda path: counts)
    assert "room for 99 files" in str(check_folder(tmp_path))


# Root may write where nobody may, so folders are made read-only and full by mounting.
MOUNTED = """
set -e
mount -t tmpfs -o {options} tmpfs {folder}
cd {root}
exec {python} -c '
from pathlib import Path
from galerne.cluster.storage import refuse_folder
print(refuse_folder(Path("{folder}/results")))'
"""


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("ro", "cannot be written: Read-only file system"),
        ("size=64k", "has 0.00 GB free; at least 1 GB are needed"),
        ("nr_inodes=1", "cannot be written: No space left on device"),
    ],
    ids=["read-only", "small", "no inode left"],
)
def test_a_mount_that_takes_no_products_is_refused(
    options: str, text: str, tmp_path: Path
) -> None:
    script = MOUNTED.format(options=options, folder=tmp_path, root=ROOT, python=sys.executable)
    unshare = ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", script]
    done = subprocess.run(unshare, capture_output=True, text=True)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    assert text in done.stdout, done.stderr
    assert f"results: {tmp_path}/results" in done.stdout
