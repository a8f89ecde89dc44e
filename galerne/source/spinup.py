"""The file of a spun-up state: arrays in a fixed order, whole or not there.

A file that is torn, damaged or of another model is as good as none; its checksums (those of
the zip format) tell. Nothing is unpickled.
"""

__all__ = ["read_arrays", "write_arrays"]

import logging
import zipfile

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..products import replacing

log = logging.getLogger(__name__)


def write_arrays(path: Path, arrays: Sequence[np.ndarray]) -> None:
    """Writes arrays beside their place, and renames the file into it."""
    with replacing(path) as part, part.open("wb") as file:
        np.savez(file, **{_name(i): array for i, array in enumerate(arrays)})


def read_arrays(path: Path, like: Sequence[np.ndarray]) -> list[np.ndarray] | None:
    """Reads arrays back.

    Arguments:
        path: The file.
        like: Arrays of the shapes and types expected.

    Returns:
        The arrays, or ``None`` if the file is missing, unreadable or holds others.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            found = [file[_name(i)] for i in range(len(file.files))]
    except FileNotFoundError:
        return None
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        log.warning("%s cannot be read (%s) and is made again", path, error)
        return None
    if [(x.shape, x.dtype) for x in found] != [(x.shape, x.dtype) for x in like]:
        log.warning("%s holds a state of another model and is made again", path)
        return None
    return found


def _name(place: int) -> str:
    return f"array_{place:04d}"
