"""Progress on disk: the newest whole state of a long computation.

A state is written beside its place, flushed to the disk and only then renamed, and the folder
is flushed before an older state goes: whenever a node dies, a whole state is left. The two
newest are kept. Files hold tensors and plain values; they are checked against their own
checksums and read with ``weights_only=True``, so nothing in them is executed.
"""

__all__ = ["load_newest", "load_state", "save_state", "state_path"]

import logging
import os
import pickle
import zipfile

from pathlib import Path

import torch

from ..products import replacing

log = logging.getLogger(__name__)
KEPT = 2


def save_state(state: dict[str, object], folder: Path, step: int) -> None:
    """Writes a state that outlives the process and the node.

    Arguments:
        state: Tensors and plain values.
        folder: Where the states of this computation live.
        step: Its place among them.

    Raises:
        OSError: If the disk is full, with the path and what is free there.
    """
    with replacing(state_path(folder, step)) as part, part.open("wb") as file:
        try:
            torch.save(state, file)
        except RuntimeError as error:
            # PyTorch covers what the disk said.
            raise error.__context__ or error from None
        file.flush()
        os.fsync(file.fileno())
    _flush(folder)
    for path in _states(folder)[KEPT:]:
        path.unlink()


def state_path(folder: Path, step: int) -> Path:
    """Returns the file of a state."""
    return folder / f"step_{step:08d}.pt"


def load_newest(folder: Path) -> tuple[dict[str, object], Path] | None:
    """Reads the newest state that is whole, and puts aside those that are not.

    Arguments:
        folder: Where the states of this computation live.

    Returns:
        The state and its file, or ``None`` if there is none.
    """
    for path in _states(folder):
        try:
            return load_state(path), path
        except ValueError as error:
            log.warning("%s; trying the one before", error)
            path.replace(path.with_suffix(".refused"))
    return None


def load_state(path: Path) -> dict[str, object]:
    """Reads one state, into the memory of the CPU.

    Arguments:
        path: The file.

    Raises:
        ValueError: If the file is torn, or holds more than tensors and plain values.
    """
    try:
        with zipfile.ZipFile(path) as file:
            if rotten := file.testzip():
                raise ValueError(f"{rotten} is not what was written")
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        # PyTorch's own message is advice to execute the file.
        why = "it holds more than tensors and plain values"
    except Exception as error:
        why = f"it is torn ({str(error).partition(chr(10))[0] or type(error).__name__})"
    raise ValueError(f"checkpoint {path} is refused: {why}")


def _states(folder: Path) -> list[Path]:
    """The states, newest first."""
    return sorted(folder.glob("step_*.pt"), reverse=True)


def _flush(folder: Path) -> None:
    """Makes a change of names last."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
