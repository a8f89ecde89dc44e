"""Receipts: what a job finished while nobody was watching need not be done again.

Snakemake learns that a job is done from the process that submitted it. If that process dies,
the job still finishes, but the next run takes its products for half-written, deletes them and
starts again. So a job leaves a receipt: hard links to its declared outputs under the digest of
all that went into them. The next attempt with the same digest takes them back. A run that ends
in order has seen every job, and throws the receipts away.
"""

__all__ = ["clear_receipts", "holds_receipt", "identity", "leave_receipt", "take_receipt"]

import json
import os
import shutil

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..provenance import settings_digest

FOLDER = "receipts"
SMALL = 1_000_000  # bytes of a file that is compared by its content


def identity(rule: str, inputs: Iterable[Path], settings: Mapping[str, object]) -> str:
    """Returns a digest of all that goes into a job: its inputs, settings and code."""
    return settings_digest(rule, settings, [_state(path) for path in inputs])


def leave_receipt(root: Path, digest: str, outputs: Sequence[Path]) -> None:
    """Files links to finished outputs.

    Arguments:
        root: The folder of all products.
        digest: The identity of the job.
        outputs: Files, or folders of files.
    """
    folder = _folder(root, outputs)
    shutil.rmtree(folder, ignore_errors=True)
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    for k, path in enumerate(outputs):
        _link(path, part / str(k))
    (part / "digest").write_text(json.dumps(digest))
    part.rename(folder)


def take_receipt(root: Path, digest: str, outputs: Sequence[Path]) -> bool:
    """Puts the outputs of a finished twin in place; removes a receipt of anything else.

    Returns:
        Whether there was one.
    """
    folder = _folder(root, outputs)
    if not holds_receipt(root, digest, outputs):
        shutil.rmtree(folder, ignore_errors=True)
        return False
    for k, path in enumerate(outputs):
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        _link(folder / str(k), path)
    return True


def holds_receipt(root: Path, digest: str, outputs: Sequence[Path]) -> bool:
    """Whether a twin of this job has finished unseen."""
    note = _folder(root, outputs) / "digest"
    return note.is_file() and json.loads(note.read_text()) == digest


def clear_receipts(root: Path) -> None:
    """Throws every receipt away: all jobs have been seen."""
    shutil.rmtree(root / FOLDER, ignore_errors=True)


def _folder(root: Path, outputs: Sequence[Path]) -> Path:
    return root / FOLDER / settings_digest([str(path) for path in outputs])


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, copy_function=os.link)
    else:
        os.link(source, target)


def _state(path: Path) -> tuple[str, object]:
    if path.is_file() and path.stat().st_size <= SMALL:
        return str(path), settings_digest(path.read_bytes().hex())
    status = path.stat()
    return str(path), (status.st_size, status.st_mtime_ns)
