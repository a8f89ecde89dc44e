r"""Fields as short text: integers, differences, zlib, base64.

A field is stored as integers :math:`q = \operatorname{round}((v - a) / s)`, as the differences of
neighbours along each row modulo the size of the integer, compressed by zlib. Its error is at most
half of :math:`s`. Equal pieces are stored once.

Depends on: numpy.
"""

__all__ = ["LEVELS", "Store", "quantised", "restored", "wider"]

import base64
import hashlib
import zlib

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from jaxtyping import Float

# What the integers of each field go to; one more is a missing value.
LEVELS = {
    "truth": 4094, "climatology": 4094, "prior_sample": 254,
    "error": 254, "spread": 62, "members": 62,
}  # fmt: skip


@dataclass
class Store:
    """Compressed pieces, each once."""

    blobs: list[str] = field(default_factory=list)
    known: dict[bytes, int] = field(default_factory=dict)
    size: int = 0

    def add(self, values: np.ndarray) -> int:
        """Keeps a piece, and returns its number."""
        raw = values.tobytes()
        key = hashlib.sha256(raw).digest()
        if key not in self.known:
            self.known[key] = len(self.blobs)
            self.blobs.append(base64.b64encode(zlib.compress(raw, 9)).decode())
            self.size += len(self.blobs[-1])
        return self.known[key]

    def take_back(self, count: int) -> None:
        """Forgets all pieces but the first so many."""
        self.size -= sum(map(len, self.blobs[count:]))
        del self.blobs[count:]
        self.known = {key: k for key, k in self.known.items() if k < count}


def quantised(
    values: Float[np.ndarray, "*rows lon"], span: Sequence[float], name: str
) -> np.ndarray:
    """Integers of a field, as differences along its rows; the one above all levels is missing.

    Arguments:
        values: The field.
        span: Its least and greatest value.
        name: What field it is, a key of :data:`LEVELS`.
    """
    levels, kind = LEVELS[name], "u1" if LEVELS[name] < 255 else "<u2"
    scale = (span[1] - span[0]) / levels or 1.0
    whole = np.clip(np.round((values - span[0]) / scale), 0, levels)
    whole = np.where(np.isfinite(values), whole, levels + 1).astype("int64")
    size = 256 ** np.dtype(kind).itemsize
    return (np.diff(whole, axis=-1, prepend=0) % size).astype(kind)


def wider(span: list[float] | None, values: np.ndarray) -> list[float] | None:
    """The range of values and of those before; nothing if none is known."""
    known = values[np.isfinite(values)]
    if not known.size:
        return span
    low, high = float(known.min()), float(known.max())
    return [low, high] if span is None else [min(low, span[0]), max(high, span[1])]


def restored(
    steps: np.ndarray, span: Sequence[float], name: str
) -> Float[np.ndarray, "*rows lon"]:
    """The way back, as the page goes it; missing values are not numbers.

    Arguments:
        steps: What :func:`quantised` returned.
        span: The least and greatest value of the field.
        name: What field it is.
    """
    levels = np.cumsum(steps.astype("int64"), axis=-1) % 256**steps.itemsize
    values = span[0] + levels * (span[1] - span[0]) / LEVELS[name]
    return np.where(levels > LEVELS[name], np.nan, values)
