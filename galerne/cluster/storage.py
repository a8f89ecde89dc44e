"""Can a run write where it is to write?"""

__all__ = ["LEAST_GB", "check_folder", "refuse_folder"]

import os
import shutil
import tempfile

from pathlib import Path

from .finding import Finding, missing, ok, warning

LEAST_GB = 1.0  # with less, nothing worth having can be written
FEW_GB = 20.0  # the products of the demo, ten times over
FEW_FILES = 100_000


def refuse_folder(root: Path) -> str | None:
    """Says why products cannot be written below a folder, which is made if there is none.

    Returns:
        One line that names the folder, or ``None`` if they can.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root) as file:
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return f"results: {root} cannot be written: {error.strerror}"
    free = _free_gb(root)
    if free < LEAST_GB:
        return f"results: {root} has {free:.2f} GB free; at least {LEAST_GB:g} GB are needed"
    return None


def check_folder(root: Path) -> Finding:
    """Checks the folder of results: writable, with space for products."""
    if fault := refuse_folder(root):
        return missing(fault, "name another folder in the configuration, or make room")
    free, files = _free_gb(root), os.statvfs(root)
    if free < FEW_GB:
        return warning(f"results: {root} has {free:.1f} GB free", "enough for small runs only")
    if files.f_files > 0 and files.f_favail < FEW_FILES:
        return warning(f"results: {root} has room for {files.f_favail} files", "make room")
    return ok(f"results: {root.resolve()} is writable, {free:.0f} GB free")


def _free_gb(path: Path) -> float:
    return shutil.disk_usage(path).free / 1e9
